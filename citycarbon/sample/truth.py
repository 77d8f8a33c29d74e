"""The estimand of every column: the planted cell effects projected on the column's own design. Writes ``truth.json``.

With y = y0 + tau and y0 unrelated to the policy, the coefficient of did in a column's regression estimates
b = (d~'tau) / (d~'d~), d~ being did net of the column's fixed effects and controls on the column's sample
(Frisch-Waugh-Lovell). Effects differ between cells, so b differs from their plain average.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from citycarbon.sample.design import COEFFICIENTS, CONTROLS, ER_EFFECT, GREEN_EFFECT, POLICY
from citycarbon.sample.dgp import Array, adoption, high_digital, treated_cells
from citycarbon.sample.places import YEARS
from citycarbon.sample.world import World

MUNICIPALITY = "municipality"
SPLIT_YEAR = 2019  # criteria of the splits are means before this year
RIVALS = ("low_carbon", "ets", "ai_innovation_zone_most")  # the other policies of Table 4, as dated dummies
EFFECTS = (("city", ""), ("province", "p"))  # what is absorbed beside the years, and how the column's id says so


@dataclass(frozen=True)
class Target:
    """What the treatment of one column estimates, and on which rows: complete city-years, singletons still among them."""

    column: str  # table2:2
    term: str
    estimand: float | None
    n_rows: int
    n_treated_cells: int


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
    policies: tuple[str, ...] = (),
    by: str = "city",
    lag: int = 0,
) -> float | None:
    """The estimand of one column: ``tau`` (units x years) on did over ``rows``; None where did does not vary there.

    ``policies`` enter as dated dummies beside the controls.
    """
    did = _lagged(world.latent.did, lag)
    if not did[rows].any():
        return None
    unit, year = np.nonzero(rows)
    groups = unit if by == "city" else np.array([int(c.province_id) for c in world.places.panel])[unit]
    beside = [world.view[k] for k in controls] + [treated_cells(adoption(world.places, p)) for p in policies]
    x = np.column_stack([v[rows] for v in beside]) if beside else np.empty((len(unit), 0))
    value = project(tau[rows], did[rows], groups, year, x)
    return None if np.isnan(value) else value


def _lagged(did: Array, lag: int) -> Array:
    """Treated ``lag`` years earlier by the calendar, whether or not the city was observed then."""
    return np.column_stack([np.zeros((len(did), lag)), did[:, : did.shape[1] - lag]])


def halves(variable: Array, rows: Array) -> tuple[Array, Array]:
    """Units below or at, and above, the median of their mean of ``variable`` before 2019 (both units x years).

    The median is over the units of the sample ``rows``; a unit without a value before 2019 is in neither half.
    """
    before = np.array(YEARS) < SPLIT_YEAR
    known = np.isfinite(variable) & before[None, :]
    mean = np.where(known, np.nan_to_num(variable), 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    usable = known.any(axis=1) & rows.any(axis=1)
    cut = np.median(mean[usable])
    return usable & (mean <= cut), usable & (mean > cut)


def targets(world: World) -> list[Target]:
    """Every column of the study whose estimand the generator knows, in the order of the tables; ids as in ``study.yaml``."""
    rows, did = world.complete, world.latent.did
    found: list[Target] = []

    def add(column: str, tau: Array, chosen: Array, lag: int = 0, **options: Any) -> None:
        value = estimand(world, tau, chosen, lag=lag, **options)
        treated = chosen & (_lagged(did, lag) > 0)
        found.append(Target(column, f"did_lag{lag}" if lag else "did", value, int(chosen.sum()), int(treated.sum())))

    for by, mark in EFFECTS:
        add(f"table2:1{mark}", world.planted, rows, by=by, controls=())
        add(f"table2:2{mark}", world.planted, rows, by=by)
    add("table2:2_nogov", world.planted, rows, controls=tuple(k for k in CONTROLS if k != "gov"))
    for by, mark in EFFECTS:
        add(f"table3:1{mark}", world.planted, rows, by=by)
        add(f"table3:2{mark}", GREEN_EFFECT * did, rows & np.isfinite(world.view["lngreen"]), by=by)
        add(f"table3:3{mark}", ER_EFFECT * did, rows & np.isfinite(world.view["er"]), by=by)
    add("table4:2", world.planted, rows, lag=1)
    add("table4:3", world.planted, rows, policies=RIVALS)
    add("table4:4", world.planted, rows & _not_municipality(world)[:, None])
    for table, first, second in _splits(world):
        for by, mark in EFFECTS:
            add(f"{table}:1{mark}", world.planted, rows & first[:, None], by=by)
            add(f"{table}:2{mark}", world.planted, rows & second[:, None], by=by)
    return found


def estimands(world: World) -> dict[str, float | None]:
    """Column -> estimand of its treatment, for every column where one is defined."""
    return {t.column: t.estimand for t in targets(world)}


def _not_municipality(world: World) -> Array:
    return np.array([c.kind != MUNICIPALITY for c in world.places.panel])


def _splits(world: World) -> list[tuple[str, Array, Array]]:
    """Table, units of column 1, units of column 2: the high half comes first, but for the market index of Table 6."""
    low_technology, high_technology = halves(world.view["patents_granted"], world.complete)
    row = {p["province_id"]: r for r, p in enumerate(world.places.provinces)}
    low_market, high_market = halves(world.market_index[[row[c.province_id] for c in world.places.panel]], world.complete)
    low_finance, high_finance = halves(world.view["loans_yuan"], world.complete)
    digital = high_digital(world.places)
    return [
        ("table5", high_technology, low_technology),
        ("table6", low_market, high_market),
        ("table7", high_finance, low_finance),
        ("table8", digital, ~digital),
    ]


def truth(world: World) -> dict[str, Any]:
    """What ``truth.json`` holds; every number of it is about synthetic data."""
    rows, did, columns = world.complete, world.latent.did, targets(world)
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
        "estimands": {t.column: t.estimand for t in columns},
        "columns": [asdict(t) for t in columns],
    }


def _heterogeneity(world: World) -> dict[str, Any]:
    """Mean planted effect over treated cells of the sample, by column of each split."""
    treated = world.complete & (world.latent.did > 0)
    out = {}
    for table, first, second in _splits(world):
        parts = {"1": treated & first[:, None], "2": treated & second[:, None]}
        out[table] = {
            k: {"n_cells": int(m.sum()), "mean_effect": float(world.planted[m].mean()) if m.any() else None}
            for k, m in parts.items()
        }
    return out


def write_truth(world: World, path: Path) -> None:
    path.write_text(json.dumps(truth(world), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
