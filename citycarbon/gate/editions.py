"""Editions and sources against each other: coverage, duplicates, units, agreement."""

from __future__ import annotations

import numpy as np
import pandas as pd

from citycarbon.gate import thresholds as th
from citycarbon.gate.inputs import CO2, GateInputs
from citycarbon.gate.judged import Judged, factor, judged
from citycarbon.gate.levels import LEVEL_UNITS
from citycarbon.gate.series import matrix

WHOLE = "全市"


def whole_city(table: pd.DataFrame) -> pd.DataFrame:
    """Sources that state no scope mean the whole city; between sources they are compared as such."""
    return table.assign(scope=table["scope"].replace("", WHOLE))


def judge_duplicates(inputs: GateInputs) -> Judged:
    """The rows as they came with ``copies``: how many rows one source and edition has for one indicator, place and year."""
    table = inputs.observations.rename(columns={"place_id": "city_id"})
    table["copies"] = table.groupby(["series", "table", "year"], sort=False)["value"].transform("size")
    return judged(table, lambda r: f"{int(r.copies)} rows of {r.indicator_id} in {r.source}/{r.edition}")


def judge_coverage(inputs: GateInputs) -> Judged:
    """City-years that the next edition holding the same year lost, with ``coverage``: the share that it kept over all such
    years.

    A yearbook of one year replaces nothing, since no other edition holds that year, and neither do editions without an order
    (two tables of the same year). A row per lost city-year, and one per pair of editions that lost none.
    """
    cells = inputs.observations
    cells = cells[cells["level"].eq("city") & cells["edition_year"].notna()].rename(columns={"place_id": "city_id"})
    years = cells.groupby(["kind", "year"], sort=False)["edition_year"]
    cells = cells[years.transform("min") != years.transform("max")].drop_duplicates(["table", "series", "year"])
    later = cells[["kind", "year", "edition_year", "edition"]].drop_duplicates(["kind", "year", "edition_year"])
    later = later.sort_values(["kind", "year", "edition_year"], kind="stable")
    later[["later_year", "later"]] = later.groupby(["kind", "year"])[["edition_year", "edition"]].shift(-1)
    old = cells.merge(later.drop(columns="edition"), on=["kind", "year", "edition_year"])
    old = old[old["later_year"].notna()]
    new = cells[["series", "year", "edition_year"]].drop_duplicates().rename(columns={"edition_year": "later_year"})
    out = old.merge(new.assign(kept=True), on=["series", "year", "later_year"], how="left")
    out["kept"] = out["kept"].notna()
    pair = out.groupby(["kind", "edition_year", "later_year"], sort=False)
    out["coverage"], out["used"] = pair["kept"].transform("mean"), out.groupby("kind")["used"].transform("any")
    first_of_pair = ~out.duplicated(["kind", "edition_year", "later_year"])
    out = out[~out["kept"] | (out["coverage"].eq(1.0) & first_of_pair)]
    out["city_id"] = out["city_id"].where(~out["kept"])
    return judged(out, lambda r: f"{r.source}/{r.later} keeps {r.coverage:.1%} of {r.edition} in {r.indicator_id}")


def judge_units(inputs: GateInputs) -> Judged:
    """One row per source, indicator, scope and comparison with ``slip``: log10 of the median factor over the same cities.

    Compared are: a source's current values with its own of the year before; an edition with the current values of the same
    year; a source with every other source of the indicator. A median outside the plausible range of single cities counts as a
    full slip.
    """
    catalogue = inputs.catalogue
    unit = catalogue["canonical_unit"].str.lower().str.strip()
    levels = catalogue.index[unit.isin(LEVEL_UNITS) | (catalogue.index == CO2) | catalogue["is_additive"]]
    seen = inputs.observations
    seen = seen[seen["level"].eq("city") & seen["indicator_id"].isin(levels) & (seen["value"] > 0)]
    now = seen[seen["is_current"]].drop_duplicates(["series", "year"])
    parts = [_year_on_year(now), _against_current(seen, now), _against_sources(now), _against_range(seen, catalogue)]
    out = pd.concat([p for p in parts if len(p)] or parts, ignore_index=True).assign(city_id=None)
    return judged(out, lambda r: f"{factor(10**r.slip)} over {int(r.cities)} cities: {r.indicator_id}, {r.what}")


def _median_slip(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Median of ``slip`` by comparison; indicator, source, edition and what they are compared with are those of its first
    row."""
    groups = table.groupby(by, sort=False)
    out = groups.agg(slip=("slip", "median"), cities=("slip", "size"), used=("used", "any"))
    labels = [c for c in ("indicator_id", "source", "edition", "other", "year") if c not in by]
    out = out.join(groups[labels].first()).reset_index()
    out["what"] = out["source"] + "/" + out["edition"] + " against " + out["other"]
    return out.loc[out["cities"] >= th.UNIT_SLIP_MINIMUM, ["indicator_id", "year", "slip", "cities", "used", "what"]]


def _year_on_year(now: pd.DataFrame) -> pd.DataFrame:
    grid = matrix(now, "series")
    table = grid.table.assign(slip=grid.pick(grid.log - grid.at(-1)) / np.log(10), other="the year before")
    return _median_slip(table[table["slip"].notna()], ["table", "year"])


def _against_current(seen: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    current = now[["series", "year", "value", "table", "edition"]].rename(columns={"table": "table_now", "edition": "other"})
    both = seen[~seen["is_current"]].merge(current, on=["series", "year"], suffixes=("", "_now"))
    both["slip"] = np.log10(both["value"] / both["value_now"])
    return _median_slip(both, ["table", "table_now", "year"])


def _against_sources(now: pd.DataFrame) -> pd.DataFrame:
    several = now.groupby("indicator_id")["source"].transform("nunique") > 1
    now = whole_city(now[several])
    other = now[["indicator_id", "scope", "place_id", "year", "value", "used", "source"]].rename(columns={"source": "other"})
    both = now.merge(other, on=["indicator_id", "scope", "place_id", "year"], suffixes=("", "_other"))
    both = both[both["source"] < both["other"]]
    both = both.assign(used=both["used"] | both["used_other"], slip=np.log10(both["value"] / both["value_other"]))
    return _median_slip(both, ["indicator_id", "source", "other", "year"])


def _against_range(seen: pd.DataFrame, catalogue: pd.DataFrame) -> pd.DataFrame:
    low, high = (seen["indicator_id"].map(catalogue[c]).to_numpy(dtype=float) for c in ("low", "high"))
    middle = seen.groupby(["table", "year"], sort=False)["value"].transform("median").to_numpy()
    distance = np.log10(middle / np.clip(middle, np.nan_to_num(low, nan=-np.inf), np.nan_to_num(high, nan=np.inf)))
    table = seen.assign(slip=np.sign(distance) * np.maximum(np.abs(distance), 1.0), other="the plausible range of one city")
    return _median_slip(table, ["table", "year"])


def judge_agreement(inputs: GateInputs) -> Judged:
    """One row per city-year and indicator that two tables hold, with ``disagreement``: largest over smallest value, as a
    share of the difference that is allowed (10 % for one indicator, a factor of 3.2 between emission series of different
    scope)."""
    seen = inputs.observations
    seen = seen[seen["level"].eq("city") & (seen["value"] > 0) & seen["place_id"].notna()]
    latest = whole_city(_one_edition_unless_tables_differ(seen))
    keys = ["indicator_id", "place_id", "year", "scope"]
    several = latest[latest.duplicated(keys, keep=False)]
    out = several.groupby(keys, sort=False).agg(low=("value", "min"), high=("value", "max"), used=("used", "any")).reset_index()
    out = out.rename(columns={"place_id": "city_id"})
    out["ratio"] = out["high"] / out["low"]
    allowed = np.where(out["indicator_id"].eq(CO2), np.log(th.EMISSIONS_AGREE), np.log1p(th.SOURCES_AGREE))
    out["disagreement"] = np.log(out["ratio"]) / allowed
    return judged(out, lambda r: f"{factor(r.ratio)} between tables of {r.indicator_id}")


def _one_edition_unless_tables_differ(seen: pd.DataFrame) -> pd.DataFrame:
    """A later edition revises an earlier one, which is no disagreement; editions of the same year are different tables."""
    newest = seen.groupby(["series", "year"], sort=False)["edition_year"].transform("max")
    return seen[seen["edition_year"].isna() | seen["edition_year"].eq(newest)]
