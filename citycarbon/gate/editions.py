"""Editions and sources against each other: coverage, duplicates, units, agreement."""

from __future__ import annotations

import numpy as np
import pandas as pd

from citycarbon.gate import thresholds as th
from citycarbon.gate.inputs import CO2, GateInputs
from citycarbon.gate.judged import Judged, factor, judged
from citycarbon.gate.levels import LEVEL_UNITS
from citycarbon.gate.series import SERIES, matrix

WHOLE = "全市"
KEY = ["source", "edition", "indicator_id", "level", "place_id", "year", "scope"]


def whole_city(table: pd.DataFrame) -> pd.DataFrame:
    """Sources that state no scope mean the whole city; between sources they are compared as such."""
    return table.assign(scope=table["scope"].replace("", WHOLE))


def judge_duplicates(inputs: GateInputs) -> Judged:
    """The rows as they came, by KEY, with ``copies``: how many rows one source and edition has for one indicator, place and
    year."""
    table = inputs.observations.rename(columns={"place_id": "city_id"})
    keys = ["city_id" if k == "place_id" else k for k in KEY]
    table["copies"] = table.groupby(keys, sort=False, dropna=False)["value"].transform("size")
    return judged(table, lambda r: f"{int(r.copies)} rows of {r.indicator_id} in {r.source}/{r.edition}")


def judge_coverage(inputs: GateInputs) -> Judged:
    """City-years of an edition that the next edition of the same source and indicator lost, with ``coverage`` on common years.

    Only years that both editions hold are compared: a yearbook of one year replaces nothing. Editions without an order (two
    tables of the same year) replace nothing either. A row per lost city-year, and one per pair of editions that lost none.
    """
    cells = inputs.observations
    cells = cells[cells["level"].eq("city") & cells["edition_year"].notna()]
    cells = cells[["source", "indicator_id", "scope", "edition", "edition_year", "place_id", "year", "used"]].drop_duplicates()
    parts = [
        lost
        for names, group in cells.groupby(["source", "indicator_id", "scope"], sort=False)
        if group["edition_year"].nunique() > 1
        for lost in _lost(group.assign(source=names[0], indicator_id=names[1]))
    ]
    columns = ["city_id", "year", "used", "source", "indicator_id", "edition", "before", "coverage"]
    out = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns).astype({"coverage": float})
    return judged(out, lambda r: f"{r.source}/{r.edition} keeps {r.coverage:.1%} of {r.before} in {r.indicator_id}")


def _lost(group: pd.DataFrame) -> list[pd.DataFrame]:
    """Lost city-years between neighbouring edition years of one source, indicator and scope."""
    out, order = [], sorted(group["edition_year"].unique())
    feeds = bool(group["used"].any())
    for earlier, later in zip(order, order[1:], strict=False):
        old, new = group[group["edition_year"].eq(earlier)], group[group["edition_year"].eq(later)]
        common = set(old["year"]) & set(new["year"])
        old = old[old["year"].isin(common)].drop_duplicates(["place_id", "year"])
        if old.empty:
            continue
        has = set(zip(new["place_id"], new["year"], strict=True))
        kept = np.array([k in has for k in zip(old["place_id"], old["year"], strict=True)])
        lost = old[~kept] if not kept.all() else old.head(1).assign(place_id=None)
        facts = {"coverage": kept.mean(), "before": old["edition"].iloc[0], "edition": new["edition"].iloc[0], "used": feeds}
        out.append(lost.rename(columns={"place_id": "city_id"}).assign(**facts))
    return out


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
    parts = [_year_on_year(seen), _against_current(seen), _against_sources(seen), _against_range(seen, catalogue)]
    out = pd.concat([p for p in parts if len(p)] or parts, ignore_index=True).assign(city_id=None)
    return judged(out, lambda r: f"{factor(10**r.slip)} over {int(r.cities)} cities: {r.indicator_id}, {r.what}")


def _median_slip(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    out = table.groupby(by, sort=False, dropna=False).agg(
        slip=("slip", "median"), cities=("slip", "size"), used=("used", "any")
    )
    out = out[out["cities"] >= th.UNIT_SLIP_MINIMUM].reset_index()
    return out[["indicator_id", "year", "slip", "cities", "used", "what"]]


def _year_on_year(seen: pd.DataFrame) -> pd.DataFrame:
    grid = matrix(seen[seen["is_current"]].assign(judged=True), SERIES)
    table = grid.table
    table["slip"] = grid.pick(grid.log - grid.at(-1)) / np.log(10)
    table["what"] = table["source"] + "/" + table["edition"] + " against the year before"
    return _median_slip(table[table["slip"].notna()], ["source", "edition", "indicator_id", "scope", "year", "what"])


def _against_current(seen: pd.DataFrame) -> pd.DataFrame:
    now = seen[seen["is_current"]].drop_duplicates([*SERIES, "year"])[[*SERIES, "year", "value", "edition"]]
    old = seen[~seen["is_current"]]
    both = old.merge(now, on=[*SERIES, "year"], suffixes=("", "_now"))
    both["slip"] = np.log10(both["value"] / both["value_now"])
    both["what"] = both["source"] + "/" + both["edition"] + " against " + both["edition_now"]
    return _median_slip(both, ["source", "edition", "edition_now", "indicator_id", "scope", "year", "what"])


def _against_sources(seen: pd.DataFrame) -> pd.DataFrame:
    now = whole_city(seen[seen["is_current"]]).drop_duplicates([*SERIES, "year"])
    many = now.groupby("indicator_id")["source"].transform("nunique") > 1
    now = now.loc[many, ["source", "indicator_id", "scope", "place_id", "year", "value", "used"]]
    both = now.merge(now, on=["indicator_id", "scope", "place_id", "year"], suffixes=("", "_other"))
    both = both[both["source"] < both["source_other"]].assign(used=lambda d: d["used"] | d["used_other"])
    both["slip"] = np.log10(both["value"] / both["value_other"])
    both["what"] = both["source"] + " against " + both["source_other"]
    return _median_slip(both, ["source", "source_other", "indicator_id", "scope", "year", "what"])


def _against_range(seen: pd.DataFrame, catalogue: pd.DataFrame) -> pd.DataFrame:
    by = ["source", "edition", "indicator_id", "scope", "year"]
    out = seen.groupby(by, sort=False, dropna=False).agg(
        middle=("value", "median"), cities=("value", "size"), used=("used", "any")
    )
    out = out.reset_index()
    low, high = (out["indicator_id"].map(catalogue[c]) for c in ("low", "high"))
    distance = np.log10(out["middle"] / out["middle"].clip(low.fillna(-np.inf), high.fillna(np.inf)))
    out["slip"] = np.sign(distance) * np.maximum(np.abs(distance), 1.0)
    out["what"] = out["source"] + "/" + out["edition"] + ", median against the plausible range"
    return out.loc[out["cities"] >= th.UNIT_SLIP_MINIMUM, ["indicator_id", "year", "slip", "cities", "used", "what"]]


def judge_agreement(inputs: GateInputs) -> Judged:
    """One row per city-year and indicator that two tables hold, with ``disagreement``: largest over smallest value, as a
    share of the difference that is allowed (10 % for one indicator, a factor of 3.2 between emission series of different
    scope)."""
    seen = inputs.observations
    seen = seen[seen["level"].eq("city") & (seen["value"] > 0) & seen["place_id"].notna()]
    latest = whole_city(_one_edition_unless_tables_differ(seen))
    by = latest.groupby(["indicator_id", "place_id", "year", "scope"], sort=False)
    out = by.agg(low=("value", "min"), high=("value", "max"), tables=("value", "size"), used=("used", "any")).reset_index()
    out = out[out["tables"] > 1].rename(columns={"place_id": "city_id"})
    out["ratio"] = out["high"] / out["low"]
    allowed = np.where(out["indicator_id"].eq(CO2), np.log(th.EMISSIONS_AGREE), np.log1p(th.SOURCES_AGREE))
    out["disagreement"] = np.log(out["ratio"]) / allowed
    return judged(out, lambda r: f"{factor(r.ratio)} between tables of {r.indicator_id}")


def _one_edition_unless_tables_differ(seen: pd.DataFrame) -> pd.DataFrame:
    """A later edition revises an earlier one, which is no disagreement; editions of the same year are different tables."""
    newest = seen.groupby(["source", "indicator_id", "scope", "place_id", "year"], sort=False)["edition_year"].transform("max")
    return seen[seen["edition_year"].isna() | seen["edition_year"].eq(newest)]
