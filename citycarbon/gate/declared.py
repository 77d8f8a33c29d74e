"""What people declared about the data: corrections with their guards, and labels and places that the seeds must know."""

from __future__ import annotations

import duckdb
import pandas as pd
import pyarrow.parquet as pq

from citycarbon.gate.inputs import GateInputs
from citycarbon.gate.judged import Judged, factor, judged

CORRECTION = [
    *("correction_id", "source", "edition", "place", "data_year", "indicator_id", "status"),
    *("guard_place", "guard_years", "guard_low", "guard_high"),
]

# Why staging could not use a cell that it should know; what is known and not wanted (footers, county units) is no finding.
UNKNOWN = {"unknown_label", "unknown_unit", "unit_mismatch", "unknown_place", "ambiguous_place", "place_conflict"}

# Values as the files print them: the gate judges the guard on what arrived, not on what the correction made of it.
AS_ARRIVED = """
SELECT o.edition, o.indicator_id, o.place_id, o.year, o.scope, o.first_id, sum(r.value) AS value
FROM (SELECT edition, indicator_id, place_id, year, scope, raw_ids[1] AS first_id, unnest(raw_ids) AS raw_id
      FROM read_parquet($observations) WHERE source = $source AND level = 'city' AND NOT is_interpolated) o
JOIN read_parquet($raw) r USING (raw_id)
GROUP BY ALL
ORDER BY ALL
"""


def judge_guards(inputs: GateInputs) -> Judged:
    """One row per active correction whose source and edition is here, with ``position``: 0 inside the guard, else 1.

    The guard is a ratio: the printed value over the median of the printed values of ``guard_place`` (blank: the place itself)
    in ``guard_years`` of the same source, edition and indicator. It fails once the source is mended, and where it cannot be
    judged.
    """
    rows = inputs.seed("corrections", CORRECTION)
    rows = rows[rows["status"].eq("active")].reset_index(drop=True)
    parts = []
    for source, group in rows.groupby("source", sort=True):
        here = group[group["edition"].isin(_editions(inputs, str(source)))]
        if len(here):
            parts.append(here.assign(ratio=_ratios(here, _as_arrived(inputs, str(source)))))
    out = pd.concat(parts, ignore_index=True) if parts else rows.head(0).assign(ratio=pd.Series(dtype=float))
    low, high = out["guard_low"].astype(float), out["guard_high"].astype(float)
    out["position"] = (~out["ratio"].between(low, high)).astype(int)
    out = out.rename(columns={"place": "city_id"}).assign(year=out["data_year"].astype(int))
    skipped = sorted(set(rows["source"] + "/" + rows["edition"]) - set(out["source"] + "/" + out["edition"]))
    return judged(out, _describe, note=f"not here: {', '.join(skipped)}" if skipped else "")


def _describe(row: pd.Series) -> str:
    found = "cannot be judged" if pd.isna(row.ratio) else f"is {factor(row.ratio)} of its reference"
    return f"{row.correction_id}: the printed value {found}, guard {row.guard_low} to {row.guard_high}"


def _editions(inputs: GateInputs, source: str) -> set[str]:
    path = inputs.raw_path(source)
    return set(pq.read_table(path, columns=["edition"])["edition"].unique().to_pylist()) if path.is_file() else set()


def _as_arrived(inputs: GateInputs, source: str) -> pd.Series:
    files = {"observations": str(inputs.mart_path("observations")), "raw": str(inputs.raw_path(source)), "source": source}
    with duckdb.connect() as db:
        table = db.execute(AS_ARRIVED, files).df()
    keys = ["edition", "indicator_id", "place_id", "year"]
    return table.drop_duplicates(keys, keep="last").set_index(keys)["value"].sort_index()  # the whole city where scopes differ


def _ratios(rows: pd.DataFrame, arrived: pd.Series) -> list[float]:
    out = []
    for row in rows.itertuples():
        own = arrived.get((row.edition, row.indicator_id, row.place, int(row.data_year)), float("nan"))
        place = row.guard_place if isinstance(row.guard_place, str) else row.place
        years = [int(y) for y in row.guard_years.split("|")]
        around = pd.Series([arrived.get((row.edition, row.indicator_id, place, y), float("nan")) for y in years])
        out.append(own / around.median())
    return out


def judge_labels(inputs: GateInputs) -> Judged:
    """One row per source and unknown label or place, with ``cells``: how many cells it kept out of the panel.

    No unit has such a place, so the label as printed stands where a city would.
    """
    columns = ["source", "place_label", "indicator_label", "reason_code"]
    table = inputs.mart("stage_quarantine", columns)
    table = table[table["reason_code"].isin(UNKNOWN)]
    # a label is unknown once, however many places carry it; a place once, however many labels
    is_place = table["reason_code"].str.contains("place", na=False)
    table = table.assign(
        place_label=table["place_label"].where(is_place), indicator_label=table["indicator_label"].where(~is_place)
    )
    out = table.groupby(columns, dropna=False, as_index=False).size().rename(columns={"size": "cells"})
    out = out.assign(city_id=out["place_label"], year=None).sort_values("cells", ascending=False, kind="stable")
    total = len(inputs.mart("observations", ["value"]))
    share = table.shape[0] / (total + table.shape[0]) if len(table) else 0.0
    return judged(out, _describe_label, note=f"{share:.2%} of the staged cells have an unknown label or place")


def _describe_label(row: pd.Series) -> str:
    printed = row.place_label if pd.notna(row.city_id) else row.indicator_label
    return f"{row.reason_code.replace('_', ' ')} '{printed}' in {row.source}, {int(row.cells)} cells"
