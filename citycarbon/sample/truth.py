"""The estimand of every column: the planted cell effects projected on the column's own design. Writes ``truth.json``.

With y = y0 + tau and y0 unrelated to the policy, the coefficient of did in a column's regression estimates
b = (d~'tau) / (d~'d~), d~ being did net of the column's fixed effects and controls on the column's sample
(Frisch-Waugh-Lovell). Effects differ between cells, so b differs from their plain average.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from citycarbon.sample.design import COEFFICIENTS, CONTROLS, ER_EFFECT, GREEN_EFFECT, POLICY
from citycarbon.sample.dgp import Array
from citycarbon.sample.places import YEARS
from citycarbon.sample.world import World

MUNICIPALITY = "municipality"


def project(target: Array, regressor: Array, groups: Array, years: Array, controls: Array) -> float:
    """Coefficient of ``regressor`` when ``target`` is regressed on it, group and year effects and ``controls`` (rows x p).

    Groups are swept out by demeaning, years and controls stand as columns. NaN where the regressor has no variation left.
    """
    dummies = (years[:, None] == np.unique(years)[None, 1:]).astype(float)
    z = _within(np.column_stack([dummies, controls]) if controls.size else dummies, groups)
    d, y = _within(regressor[:, None], groups)[:, 0], _within(target[:, None], groups)[:, 0]
    # On the Gram matrix, which is 25 x 25: the least-norm solution also where a year or a control is constant.
    d_net = d - z @ np.linalg.lstsq(z.T @ z, z.T @ d, rcond=None)[0]
    share = d_net @ d_net
    return float(d_net @ y / share) if share > 1e-9 * max(d @ d, 1e-300) and share > 1e-12 else float("nan")


def _within(x: Array, groups: Array) -> Array:
    codes, inverse = np.unique(groups, return_inverse=True)
    sums = np.zeros((len(codes), x.shape[1]))
    np.add.at(sums, inverse, x)
    return x - (sums / np.bincount(inverse)[:, None])[inverse]


def estimand(
    world: World,
    tau: Array,
    rows: Array,
    *,
    controls: tuple[str, ...] = CONTROLS,
    by: str = "city",
    lag: int = 0,
) -> float | None:
    """The estimand of one column: ``tau`` (units x years) on did over ``rows``; None where did does not vary there."""
    did = world.latent.did
    if lag:
        did = np.column_stack([np.zeros((len(did), lag)), did[:, :-lag]])
    if not did[rows].any():
        return None
    unit, year = np.nonzero(rows)
    groups = unit if by == "city" else np.array([int(c.province_id) for c in world.places.panel])[unit]
    x = np.column_stack([world.view[k][rows] for k in controls]) if controls else np.empty((len(unit), 0))
    value = project(tau[rows], did[rows], groups, year, x)
    return None if np.isnan(value) else value


def halves(world: World, variable: Array) -> tuple[Array, Array]:
    """Units below or at, and above, the median of their mean of ``variable`` before 2019; both False where it is missing."""
    before = np.array(YEARS) < 2019
    in_sample = world.complete
    known = np.isfinite(variable) & before[None, :]
    mean = np.where(known, np.nan_to_num(variable), 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    usable = known.any(axis=1) & in_sample.any(axis=1)
    cut = np.median(mean[usable])
    return usable & (mean <= cut), usable & (mean > cut)


def estimands(world: World) -> dict[str, float | None]:
    """Column -> estimand of did, for every column where one is defined."""
    rows, tau, did = world.complete, world.planted, world.latent.did
    out: dict[str, float | None] = {}
    for column, controls in (("1", ()), ("2", CONTROLS)):
        out[f"table2:{column}"] = estimand(world, tau, rows, controls=controls)
        out[f"table2:{column}p"] = estimand(world, tau, rows, controls=controls, by="province")
    for by, mark in (("city", ""), ("province", "p")):
        out[f"table3:1{mark}"] = estimand(world, tau, rows, by=by)
        out[f"table3:2{mark}"] = estimand(world, GREEN_EFFECT * did, rows & np.isfinite(world.view["lngreen"]), by=by)
        out[f"table3:3{mark}"] = estimand(world, ER_EFFECT * did, rows & np.isfinite(world.view["er"]), by=by)
    out["table4:2"] = estimand(world, tau, rows, lag=1)
    out["table4:4"] = estimand(world, tau, rows & _not_municipality(world)[:, None])
    for table, low, high in _splits(world):
        out[f"{table}:low"] = estimand(world, tau, rows & low[:, None])
        out[f"{table}:high"] = estimand(world, tau, rows & high[:, None])
    return out


def _not_municipality(world: World) -> Array:
    return np.array([c.kind != MUNICIPALITY for c in world.places.panel])


def _splits(world: World) -> list[tuple[str, Array, Array]]:
    technology = halves(world, world.view["patents_granted"])
    row = {p["province_id"]: r for r, p in enumerate(world.places.provinces)}
    market = halves(world, world.market_index[[row[c.province_id] for c in world.places.panel]])
    finance = halves(world, world.view["loans_yuan"])
    broadband = world.places.first_year.get("broadband", {})
    digital = np.array([broadband.get(c.adcode, 9999) <= 2018 for c in world.places.panel])
    return [("table5", *technology), ("table6", *market), ("table7", *finance), ("table8", ~digital, digital)]


def truth(world: World) -> dict[str, Any]:
    """What ``truth.json`` holds; every number of it is about synthetic data."""
    rows, did = world.complete, world.latent.did
    cells = [
        {"city_id": world.places.panel[i].adcode, "year": YEARS[t], "effect": float(world.planted[i, t])}
        for i, t in zip(*np.nonzero(did), strict=True)
    ]
    return {
        "note": "SYNTHETIC: planted by the sample generator, nothing here was observed",
        "seed": world.seed,
        "effect": world.effect,
        "policy": POLICY,
        "year_rule": "announcement",
        "window": [YEARS[0], YEARS[-1]],
        "cells": cells,
        "mechanisms": {"lngreen": GREEN_EFFECT, "er": ER_EFFECT},
        "coefficients": COEFFICIENTS,
        "heterogeneity": _heterogeneity(world),
        "sample": {
            "n_rows": int(rows.sum()),
            "n_cities": int(rows.any(axis=1).sum()),
            "n_treated_cells": int((rows & (did > 0)).sum()),
            "n_treated_cities": int((rows & (did > 0)).any(axis=1).sum()),
            "n_rows_lngreen": int((rows & np.isfinite(world.view["lngreen"])).sum()),
            "n_rows_er": int((rows & np.isfinite(world.view["er"])).sum()),
        },
        "estimands": estimands(world),
    }


def _heterogeneity(world: World) -> dict[str, Any]:
    """Mean planted effect over treated cells of the sample, by half of each split."""
    treated = world.complete & (world.latent.did > 0)
    out = {}
    for table, low, high in _splits(world):
        parts = {"low": treated & low[:, None], "high": treated & high[:, None]}
        out[table] = {
            k: {"n_cells": int(m.sum()), "mean_effect": float(world.planted[m].mean()) if m.any() else None}
            for k, m in parts.items()
        }
    return out


def write_truth(world: World, path: Path) -> None:
    path.write_text(json.dumps(truth(world), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
