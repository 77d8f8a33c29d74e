"""Level variables other than CO2 against the years around them: decimal slips, lasting shifts, one-year jumps, area changes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from citycarbon.gate import thresholds as th
from citycarbon.gate.inputs import CO2, GateInputs
from citycarbon.gate.judged import Judged, factor, judged
from citycarbon.gate.series import Matrix, edition_series, matrix, median_of

# Not levels: an index, a rate or a ratio may double, and small counts (patents, words) do so every year.
LEVEL_UNITS = {"yuan", "persons", "households", "usd"}
AREA = "area_km2"


def describe(row: pd.Series) -> str:
    return f"{factor(row.ratio)} in {row.indicator_id} ({row.source}/{row.edition})"


def level_series(inputs: GateInputs) -> pd.DataFrame:
    """City observations of level indicators, arranged by edition, with ``limit``: the indicator's own jump factor or the
    default."""
    catalogue = inputs.catalogue
    units = catalogue["canonical_unit"].str.lower().str.strip()
    levels = catalogue[units.isin(LEVEL_UNITS)].drop(index=[CO2, AREA], errors="ignore")
    seen = inputs.observations
    seen = seen[seen["indicator_id"].isin(levels.index) & seen["level"].eq("city") & seen["place_id"].notna()]
    out = edition_series(seen)
    out["limit"] = out["indicator_id"].map(th.NEIGHBOUR_FACTORS).fillna(th.NEIGHBOUR_FACTOR).to_numpy(dtype=float)
    return out


def neighbour_log(grid: Matrix) -> np.ndarray:
    """Median log of the years t-2, t-1, t+1, t+2, where at least two of them have a value."""
    return median_of([grid.at(k) for k in th.NEIGHBOUR_YEARS], th.NEIGHBOURS_NEEDED)


def lasting_shift(grid: Matrix) -> np.ndarray:
    """Log factor by which the level moves for good at t: the smallest step between any of t..t+2 and any of t-3..t-1.

    Zero unless all later years lie on one side of all earlier ones, so that a one- or two-year error is no shift; NaN without
    two earlier years.
    """
    after = np.stack([grid.log, grid.at(1), grid.at(2)])
    before = np.stack([grid.at(-1), grid.at(-2), grid.at(-3)])
    big = np.inf
    up = np.where(np.isnan(after), big, after).min(0) - np.where(np.isnan(before), -big, before).max(0)
    down = np.where(np.isnan(after), -big, after).max(0) - np.where(np.isnan(before), big, before).min(0)
    known = ~np.isnan(grid.log) & ((~np.isnan(before)).sum(0) >= th.NEIGHBOURS_NEEDED)
    return np.where(known, np.where(up > 0, up, np.where(down < 0, down, 0.0)), np.nan)


def judge_neighbours(inputs: GateInputs) -> Judged:
    """One row per observation with ``ratio`` and ``excess``: |log ratio| over the log of the indicator's limit (above 1 fails).

    ``ratio`` is the larger of the factor over the median of the neighbouring years and of the lasting shift.
    """
    grid = inputs.once("levels", lambda: matrix(level_series(inputs)))
    spike, shift = grid.log - neighbour_log(grid), lasting_shift(grid)
    worst = np.where(np.abs(np.nan_to_num(shift)) > np.abs(np.nan_to_num(spike)), shift, spike)
    out = grid.table.rename(columns={"place_id": "city_id"})
    out["ratio"] = np.exp(grid.pick(worst))
    out["excess"] = np.abs(grid.pick(worst)) / np.log(out["limit"].to_numpy())
    return judged(out, describe)


def judge_steps(inputs: GateInputs) -> Judged:
    """One row per observation with ``ratio`` and ``log_ratio`` over the year before."""
    grid = inputs.once("levels", lambda: matrix(level_series(inputs)))
    out = grid.table.rename(columns={"place_id": "city_id"})
    out["log_ratio"] = grid.pick(grid.log - grid.at(-1))
    out["ratio"] = np.exp(out["log_ratio"])
    return judged(out, describe)


def judge_far(inputs: GateInputs) -> Judged:
    """One row per observation of a level or an area with ``ratio`` and ``log_ratio`` over the median city of its table and
    year."""
    unit = inputs.catalogue["canonical_unit"].str.lower().str.strip()
    levels = inputs.catalogue.index[unit.isin(LEVEL_UNITS | {"km2"})]
    seen = inputs.observations
    seen = seen[seen["indicator_id"].isin(levels) & seen["level"].eq("city") & (seen["value"] > 0)]
    out = seen.rename(columns={"place_id": "city_id"}).reset_index(drop=True)
    middle = out.groupby(["table", "year"], sort=False)["value"].transform("median")
    out["ratio"] = out["value"] / middle
    out["log_ratio"] = np.log(out["ratio"])
    return judged(out, describe)


def judge_area(inputs: GateInputs) -> Judged:
    """One row per city-year with ``unexplained``: relative change of the area where no boundary event of the city is near,
    else 0.

    ``used`` where the source of the area also feeds the study: its totals then refer to the same moving territory. A change
    into the window's first year or before it touches no row of the study.
    """
    seen = inputs.observations
    area = seen[seen["indicator_id"].eq(AREA) & seen["level"].eq("city") & seen["place_id"].notna()]
    feeding = set(seen.loc[seen["used"], "source"])
    grid = matrix(edition_series(area))
    out = grid.table.rename(columns={"place_id": "city_id"})
    out["ratio"] = np.exp(grid.pick(grid.log - grid.at(-1)))
    near = _event_years(inputs)
    explained = [(c, y) in near for c, y in zip(out["city_id"], out["year"].astype(int), strict=True)]
    out["unexplained"] = (out["ratio"] - 1).mask(pd.Series(explained, dtype=bool), 0.0)
    out["used"] = out["source"].isin(feeding) & out["year"].between(inputs.scope.first_year + 1, inputs.scope.last_year)
    return judged(out, describe)


def _event_years(inputs: GateInputs) -> set[tuple[str, int]]:
    """(city, year) with a boundary event at most EVENT_WINDOW years away; a pure change of name moves no boundary."""
    lineage = inputs.seed("city_lineage", ["event_year", "from_code", "city_id", "relation", "effective_year"])
    lineage = lineage[lineage["relation"].ne("rename")]
    near = set()
    for row in lineage.itertuples():
        first, last = sorted((int(row.event_year), int(row.effective_year)))
        years = range(first - th.EVENT_WINDOW, last + th.EVENT_WINDOW + 1)
        near |= {(city, year) for city in (row.from_code, row.city_id) for year in years}
    return near
