"""CO2 from one observation to the next: the factors that are listed, that refuse, and that look like a slip of the decimal
point."""

from __future__ import annotations

import numpy as np
import pandas as pd

from citycarbon.gate import thresholds as th
from citycarbon.gate.inputs import CO2, GateInputs
from citycarbon.gate.judged import Judged, factor, judged
from citycarbon.gate.series import Matrix, edition_series, matrix

PANEL = "panel"


def describe(row: pd.Series) -> str:
    return f"{factor(row.ratio)} in {row['name']}"


def co2_series(inputs: GateInputs) -> pd.DataFrame:
    """Long table of every emission series, the panel's own and each table's: city_id, year, value, name, table, used, key."""
    panel = inputs.mart("city_panel", ["city_id", "year", CO2])
    own = panel[["city_id", "year"]].assign(value=panel[CO2], name=PANEL, table=-1, used=True, judged=True)
    own = own[own["value"].notna() & own["city_id"].notna() & own["year"].notna()]
    seen = inputs.observations
    seen = edition_series(seen[seen["indicator_id"].eq(CO2) & seen["level"].eq("city") & seen["place_id"].notna()])
    seen = seen.rename(columns={"place_id": "city_id"}).assign(name=seen["source"] + "/" + seen["edition"])
    own["key"] = pd.factorize(own["city_id"])[0] + (seen["key"].max() + 1 if len(seen) else 0)
    return pd.concat([own, seen[own.columns]], ignore_index=True)


def steps(table: pd.DataFrame) -> pd.DataFrame:
    """Factor of each value over the one before (at most MAX_GAP years back) and over the geometric mean of its two neighbours.

    Adds ``ratio`` and ``gap`` (NaN without a predecessor), ``spike`` (NaN where a neighbouring year is missing) and
    ``returns``: True in the year after a spike, where the value is back at its old level and the fault is the year before's.
    Multiplying a whole series by a constant changes none of them.
    """
    grid = matrix(table)
    before, gap = _before(grid)
    middle = (grid.at(-1) + grid.at(1)) / 2
    out = grid.table.copy()
    out["ratio"] = np.exp(grid.pick(grid.log - before))
    out["gap"] = grid.pick(gap)
    out["spike"] = np.exp(grid.pick(grid.log - middle))
    step, last_step = grid.log - grid.at(-1), grid.at(-1) - grid.at(-2)
    back = np.abs(step + last_step) < np.log(th.JUMP_LISTED)
    out["returns"] = grid.pick(back & (np.abs(last_step) > np.log(th.JUMP_BLOCKING) - np.log(th.JUMP_LISTED)))
    return out


def _steps(inputs: GateInputs) -> pd.DataFrame:
    return inputs.once("co2 steps", lambda: steps(co2_series(inputs)))


def _before(grid: Matrix) -> tuple[np.ndarray, np.ndarray]:
    """The last value before each year and how many years before, up to MAX_GAP."""
    before, gap = np.full_like(grid.log, np.nan), np.full_like(grid.log, np.nan)
    for years in range(th.MAX_GAP, 0, -1):
        past = grid.at(-years)
        here = ~np.isnan(past)
        before[here], gap[here] = past[here], years
    return before, gap


def off_power_of_ten(ratio: np.ndarray) -> np.ndarray:
    """Relative distance of a factor from the nearest power of ten other than 1, direction apart; NaN where no ratio is.

    1 / 9.5 and 9.5 are equally far from a slip: the factor is taken upwards first.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        up = np.exp(np.abs(np.log(np.asarray(ratio, dtype=float))))
        power = np.maximum(np.rint(np.log10(up)), 1.0)
        return np.abs(up / 10.0**power - 1)


def judge_steps(inputs: GateInputs) -> Judged:
    """One row per city-year and series: ``listed_ratio`` (consecutive years), ``log2_ratio`` and ``off_ten`` (gaps
    included)."""
    out = _steps(inputs).copy()
    # a step into the window's first year from before it is no step of the study
    out["used"] &= (out["year"] - out["gap"].fillna(0)) >= inputs.scope.first_year
    out["listed_ratio"] = out["ratio"].where(out["gap"].eq(1))
    step = out["ratio"].mask(out["returns"])
    out["log2_ratio"] = np.log2(step)
    out["off_ten"] = np.fmin(off_power_of_ten(step.to_numpy()), off_power_of_ten(out["spike"].to_numpy()))
    return judged(out, describe)


def judge_share(inputs: GateInputs) -> Judged:
    """The city-years that jump (over +100 % or under -50 %), each with ``year_share``: the share of its source's city-years."""
    out = _steps(inputs)
    out = out[out["gap"].eq(1)].copy()
    out["jumps"] = (out["ratio"] > th.JUMP_LISTED) | (out["ratio"] < th.DROP_COUNTED)
    by = out.groupby(["table", "year"], sort=False)["jumps"]
    count = by.transform("sum")
    out["year_share"] = by.transform("mean").where(count >= th.JUMP_SHARE_MINIMUM, 0.0)
    return judged(out[out["jumps"]], lambda r: f"{r.year_share:.1%} of {r['name']} in {int(r.year)}, here {factor(r.ratio)}")
