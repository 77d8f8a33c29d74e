"""The panel itself: its keys, its calendar, and whether each column can be what it is declared to be."""

from __future__ import annotations

import numpy as np
import pandas as pd

from citycarbon.gate import thresholds as th
from citycarbon.gate.inputs import GateInputs
from citycarbon.gate.judged import Judged, judged

SHARES = ("edu", "industry", "sec_share", "er", "er_chars")
# A blank is never zero: a ratio of positive totals cannot be zero (F19).
POSITIVE = (
    "gov",
    "market",
    "edu",
    "industry",
    "sec_share",
    "budget_gdp",
    "loans_gdp",
    "loans_yuan",
    "population_persons",
    "area_km2",
)
LOGS = {"lnco2": "co2_mt", "lngreen": "green", "lnpop": "population_persons"}  # log -> the column it is the log of
LOG_OF_COUNT = ("internet", "lnpop", "lnpgdp", "lnpgdp_nominal")  # of persons, households or yuan: never near zero


def keyed(inputs: GateInputs) -> Judged:
    """The panel's keys as they are, nothing dropped."""
    return judged(inputs.mart("city_panel", ["city_id", "year"])[["city_id", "year"]], lambda r: "stands more than once")


def judge_calendar(inputs: GateInputs) -> Judged:
    """One row per unit of the code list and year of the window, and per panel row outside them, with ``surplus``: rows minus
    1 or 0."""
    panel = inputs.mart("city_panel", ["city_id", "year"])
    years = range(inputs.scope.first_year, inputs.scope.last_year + 1)
    wanted = pd.MultiIndex.from_product([inputs.units["city_id"], years], names=["city_id", "year"]).to_frame(index=False)
    has = panel.drop_duplicates(["city_id", "year"])[["city_id", "year"]].assign(has=1)
    grid = wanted.assign(wants=1).merge(has, on=["city_id", "year"], how="outer").fillna({"has": 0, "wants": 0})
    grid["surplus"] = grid["has"] - grid["wants"]
    return judged(grid, lambda r: "missing" if r.surplus < 0 else "not a unit and year of the calendar")


def _long(inputs: GateInputs, names: tuple[str, ...] | list[str]) -> pd.DataFrame:
    """Panel columns as rows: city_id, year, variable, value, used; columns that the panel does not have are left out."""
    panel = inputs.mart("city_panel", ["city_id", "year", *sorted(set(names) & inputs.scope.variables)])
    here = [n for n in names if n in panel.columns]
    parts = [panel[["city_id", "year"]].assign(variable=n, value=panel[n].astype(float)) for n in here]
    if not parts:
        return pd.DataFrame({"city_id": [], "year": [], "variable": [], "value": [], "used": []})
    long = pd.concat(parts, ignore_index=True)
    return long.assign(used=long["variable"].isin(inputs.scope.variables))


def judge_shares(inputs: GateInputs) -> Judged:
    """One row per city-year and share with its ``value``."""
    return judged(_long(inputs, SHARES), lambda r: f"{r.variable} = {r.value:.4g}")


def judge_transforms(inputs: GateInputs) -> Judged:
    """One row per city-year and declared transform with ``fault`` (0 or 1) and why: see the conditions in :func:`_faults`."""
    names = list(dict.fromkeys([*LOGS, *LOGS.values(), *LOG_OF_COUNT, *POSITIVE]))
    long = _long(inputs, [n for n in names if n not in ("co2_mt", "green")])
    long = long[long["value"].notna()].reset_index(drop=True)
    long["why"] = _faults(long, inputs)
    long["fault"] = long["why"].ne("").astype(int)
    return judged(long, lambda r: f"{r.variable} = {r.value:.4g} {r.why}")


def _faults(long: pd.DataFrame, inputs: GateInputs) -> np.ndarray:
    """Reason or '': not finite; a log above LOG_MAX; a log of a count near zero (L72); a positive ratio that is zero; a log
    that is not the log of its own column."""
    name, value = long["variable"], long["value"]
    low, high = th.LOG_OF_COUNT_SUSPECT
    is_log = name.isin([*LOGS, *LOG_OF_COUNT])
    faults = {
        "is not finite": ~np.isfinite(value),
        "is too large for a logarithm": is_log & (value > th.LOG_MAX),
        "is no logarithm of a count": name.isin(LOG_OF_COUNT) & (value > low) & (value < high),
        "should be positive; a blank is never zero": name.isin(POSITIVE) & (value <= 0),
        "is not the logarithm of its column": _unlike_its_column(long, inputs),
    }
    return np.select(list(faults.values()), list(faults), default="")


def _unlike_its_column(long: pd.DataFrame, inputs: GateInputs) -> np.ndarray:
    panel = inputs.mart("city_panel", ["city_id", "year"]).drop_duplicates(["city_id", "year"]).set_index(["city_id", "year"])
    differs = np.zeros(len(long), bool)
    for log, column in LOGS.items():
        at = long.index[long["variable"].eq(log)]
        if not len(at) or column not in panel.columns:
            continue
        keys = pd.MultiIndex.from_frame(long.loc[at, ["city_id", "year"]])
        level = panel[column].astype(float).reindex(keys).to_numpy()
        with np.errstate(divide="ignore", invalid="ignore"):
            expected = np.log1p(level) if log == "lngreen" else np.log(level)
        differs[at] = ~np.isclose(long.loc[at, "value"], expected, rtol=1e-9, atol=1e-9)
    return differs


def judge_ranges(inputs: GateInputs) -> Judged:
    """One row per observation of a catalogued indicator with ``outside``: how far the value lies outside the plausible
    range."""
    catalogue = inputs.catalogue
    seen = inputs.observations
    seen = seen[seen["indicator_id"].isin(catalogue.index)].rename(columns={"place_id": "city_id"})
    seen = seen[seen["level"].eq("city")].reset_index(drop=True)
    low, high = (seen["indicator_id"].map(catalogue[c]).to_numpy(dtype=float) for c in ("low", "high"))
    value = seen["value"].to_numpy(dtype=float)
    below, above = np.where(np.isnan(low), 0.0, low - value), np.where(np.isnan(high), 0.0, value - high)
    outside = np.where(np.isfinite(value), np.maximum(np.maximum(below, above), 0.0), np.inf)
    return judged(seen.assign(outside=outside), lambda r: f"{r.indicator_id} = {r.value:.6g} ({r.source}/{r.edition})")
