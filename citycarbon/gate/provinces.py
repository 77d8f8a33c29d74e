"""A city against its province and against a province of the same name: rows filled with another unit's total."""

from __future__ import annotations

import numpy as np
import pandas as pd

from citycarbon.gate import thresholds as th
from citycarbon.gate.inputs import CO2, GateInputs
from citycarbon.gate.judged import Judged, judged
from citycarbon.gate.levels import AREA, LEVEL_UNITS, neighbour_log
from citycarbon.gate.series import edition_series, matrix

TABLE = ["table", "year"]


def additive_series(inputs: GateInputs) -> pd.DataFrame:
    """City observations of additive indicators with ``usual`` (median of the neighbouring years), ``province_id`` and
    ``is_city``.

    Area is left out: it says nothing about whose total a row carries (a prefecture can be larger than a province).
    """
    catalogue = inputs.catalogue
    unit = catalogue["canonical_unit"].str.lower().str.strip()
    additive = catalogue.index[catalogue["is_additive"] & (unit.isin(LEVEL_UNITS) | (catalogue.index == CO2))].difference(
        [AREA]
    )
    seen = inputs.observations
    seen = seen[seen["indicator_id"].isin(additive) & seen["level"].eq("city") & seen["place_id"].notna()]
    grid = matrix(edition_series(seen))
    out = grid.table.rename(columns={"place_id": "city_id"})
    out["usual"] = np.exp(grid.pick(neighbour_log(grid)))
    known = inputs.units
    out["province_id"] = out["city_id"].map(known["province_id"]).fillna(out["city_id"].str[:2] + "0000")
    out["is_city"] = out["city_id"] != out["province_id"]  # a municipality is its own province
    return out


def _additive(inputs: GateInputs) -> pd.DataFrame:
    return inputs.once("additive", lambda: additive_series(inputs))


def province_totals(inputs: GateInputs) -> pd.DataFrame:
    """Printed province totals: indicator_id, year, province_id -> ``printed``, the largest where several tables have one."""
    seen = inputs.observations
    printed = seen[seen["level"].eq("province")].rename(columns={"place_id": "province_id"})
    return (
        printed.groupby(["indicator_id", "year", "province_id"], as_index=False)["value"]
        .max()
        .rename(columns={"value": "printed"})
    )


def judge_city_in_province(inputs: GateInputs) -> Judged:
    """One row per city-year with ``share``: the city's value over the total of its province (1 or more fails).

    The total is the printed one where there is one. Else it is what the other cities of the same table add up to plus the
    city's own usual value, and the share is scaled so that 1 is reached at CARRIES_PROVINCE_SHARE of it; a city near its own
    usual value never fails then, however much it dominates its province.
    """
    out = _additive(inputs)
    out = out[out["is_city"]].merge(province_totals(inputs), on=["indicator_id", "year", "province_id"], how="left")
    group = out.groupby([*TABLE, "province_id"], sort=False)["value"]
    others = group.transform("sum") - out["value"]
    units = inputs.units["province_id"].value_counts().reindex(out["province_id"]).fillna(1).to_numpy()
    enough = (group.transform("size") - 1) >= th.CARRIES_PROVINCE_UNITS * (units - 1)
    implied = (others + out["usual"]).where((others > 0) & enough)
    unusual = out["value"] >= th.CARRIES_PROVINCE_OWN * out["usual"]
    inferred = (out["value"] / implied / th.CARRIES_PROVINCE_SHARE).where(unusual, 0.0)
    out["share"] = (out["value"] / out["printed"]).fillna(inferred)
    return judged(out, _describe)


def _describe(row: pd.Series) -> str:
    whole = "its province's total" if pd.notna(row.printed) else "what its province can hold"
    return f"{row.share:.2f} of {whole} in {row.indicator_id} ({row.source}/{row.edition})"


def namesakes(inputs: GateInputs) -> pd.DataFrame:
    """Cities that begin with the name of a province: city_id, namesake (province id), own (True where it is their own
    province)."""
    units = inputs.units.reset_index(drop=True)
    short = (
        units[["province_id", "province_short"]]
        .drop_duplicates()
        .rename(columns={"province_id": "namesake", "province_short": "s"})
    )
    pairs = units.merge(short, how="cross")
    named = [
        n.startswith(s) and c != p
        for n, s, c, p in zip(pairs["name"], pairs["s"], pairs["city_id"], pairs["namesake"], strict=True)
    ]
    return pairs.loc[named, ["city_id", "namesake"]].reset_index(drop=True)


def judge_namesake(inputs: GateInputs) -> Judged:
    """One row per namesake city and year with ``share`` of the province it shares a name with (海南州 and 海南省).

    The whole is the printed total of that province, else the sum of its other cities in the same table; NaN where neither is
    known.
    """
    table = _additive(inputs)
    pairs = namesakes(inputs)
    whole = table.merge(pairs[["namesake"]].drop_duplicates(), left_on="province_id", right_on="namesake")
    sums = whole.groupby([*TABLE, "namesake"], as_index=False)["value"].sum().rename(columns={"value": "cities"})
    out = table.merge(pairs, on="city_id").merge(sums, on=[*TABLE, "namesake"], how="left")
    out["cities"] -= out["value"].where(out["namesake"] == out["province_id"], 0.0)
    printed = province_totals(inputs).rename(columns={"province_id": "namesake"})
    out = out.merge(printed, on=["indicator_id", "year", "namesake"], how="left")
    total = out["printed"].fillna(out["cities"].where(out["cities"] > 0))
    out["share"] = out["value"] / total
    return judged(out, lambda r: f"{r.share:.2f} of the province of the same name in {r.indicator_id} ({r.source}/{r.edition})")
