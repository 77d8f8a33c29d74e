"""Sums and joins across boundaries: counties into cities, and one emission series spliced to another."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd

from citycarbon.gate import thresholds as th
from citycarbon.gate.inputs import CO2, GateInputs
from citycarbon.gate.judged import Judged, factor, judged

COUNTY_SOURCE = "chen_county"

COUNTY_SUMS = """
WITH cities AS (
    SELECT o.place_id AS city_id, o.year, o.value, o.edition, unnest(o.raw_ids) AS raw_id
    FROM read_parquet($observations) o
    WHERE o.source = $source AND o.indicator_id = $co2 AND o.level = 'city' AND o.value IS NOT NULL
),
uses AS (SELECT raw_id, count(*) AS times FROM cities GROUP BY raw_id)
SELECT c.city_id, c.year, c.edition, any_value(c.value) AS value, sum(r.value) AS counties,
       count(*) FILTER (r.raw_id IS NULL) AS unknown, count(*) FILTER (u.times > 1) AS counted_twice,
       count(r.place_code) - count(DISTINCT r.place_code) AS repeated, count(*) AS parts
FROM cities c JOIN uses u USING (raw_id) LEFT JOIN read_parquet($raw) r ON r.raw_id = c.raw_id
GROUP BY c.city_id, c.year, c.edition, c.value ORDER BY c.city_id, c.year, c.edition
"""


def judge_county_sums(inputs: GateInputs) -> Judged:
    """One row per city-year of the county source with ``gap``: |city value - sum of its raw county rows| / sum.

    Infinite where a raw row behind the value does not exist or feeds two cities, or where a county stands twice. Empty where
    the source has no rows.
    """
    inputs.mart("observations", ["source", "indicator_id", "level", "place_id", "year", "edition", "value"])
    raw = inputs.raw_path(COUNTY_SOURCE)
    columns = ["city_id", "year", "edition", "value", "counties", "unknown", "counted_twice", "repeated", "parts"]
    out = pd.DataFrame(columns=columns).astype({"value": float, "counties": float})
    if raw.is_file():
        files = {"observations": str(inputs.mart_path("observations")), "raw": str(raw)}
        with duckdb.connect() as db:
            out = db.execute(COUNTY_SUMS, {**files, "source": COUNTY_SOURCE, "co2": CO2}).df()
    gap = (out["value"] - out["counties"]).abs() / out["counties"].abs()
    broken = out[["unknown", "counted_twice", "repeated"]].gt(0).any(axis=1)
    out["gap"] = gap.mask(broken, np.inf).fillna(np.inf)
    return judged(out, _describe_sum, used=COUNTY_SOURCE in inputs.scope.series)


def _describe_sum(row: pd.Series) -> str:
    if row.unknown:
        return f"{int(row.unknown)} of {int(row.parts)} county rows do not exist"
    if row.counted_twice:
        return f"{int(row.counted_twice)} of {int(row.parts)} county rows also feed another city"
    if row.repeated:
        return f"{int(row.repeated)} of {int(row.parts)} county rows repeat a county"
    return f"{row.value:.10g} Mt against {row.counties:.10g} Mt in {int(row.parts)} county rows"


def judge_splice(inputs: GateInputs) -> Judged:
    """One row per city with both series near the splice, with ``log_factor``: median log of second over first series.

    Years compared: the SPLICE_YEARS years nearest to the splice in which the city has both. Empty where the study splices
    nothing.
    """
    splice = inputs.scope.splice
    if splice is None:
        frame = pd.DataFrame({"city_id": [], "year": [], "log_factor": [], "ratio": []})
        return judged(frame, lambda r: "", note="the study splices no series")
    first, second, year = splice
    seen = inputs.observations
    seen = seen[seen["indicator_id"].eq(CO2) & seen["level"].eq("city") & seen["is_current"] & (seen["value"] > 0)]
    one, two = (seen.loc[seen["source"].eq(s), ["place_id", "year", "value"]] for s in (first, second))
    both = one.merge(two, on=["place_id", "year"], suffixes=("_first", "_second"))
    both["log_factor"] = np.log(both["value_second"] / both["value_first"])
    both["distance"] = (both["year"] - year + 0.5).abs()
    near = both.sort_values(["place_id", "distance"], kind="stable").groupby("place_id").head(th.SPLICE_YEARS)
    out = near.groupby("place_id", as_index=False)["log_factor"].median().rename(columns={"place_id": "city_id"})
    out = out.assign(year=year, ratio=np.exp(out["log_factor"]))
    note = "" if len(out) else f"{first} and {second} have no city and year in common: the splice cannot be judged"
    return judged(out, lambda r: f"{second} is {factor(r.ratio)} of {first}", note=note)
