"""Simulated panels in the mart's columns, with what was planted in them. No tests here."""

from __future__ import annotations

import numpy as np
import pandas as pd

from citycarbon.study import Study
from citycarbon.study.spec import Column, RegressionTable

CONTROLS = ["lnpgdp", "market", "edu"]


def make_panel(
    seed: int = 1,
    cities: int = 24,
    years: int = 9,
    missing: float = 0.1,
    effect: float = -0.3,
    treated: int = 4,
    noise: float = 0.2,
) -> pd.DataFrame:
    """An unbalanced panel: AR(1) errors within cities, staggered adoption in two cohorts, provinces of three cities."""
    rng = np.random.default_rng(seed)
    city, year = (a.ravel() for a in np.meshgrid(np.arange(cities), 2003 + np.arange(years), indexing="ij"))
    first = np.full(cities, 9999)
    first[:treated] = 2003 + years - np.where(np.arange(treated) % 2, 2, 4)
    did = (year >= first[city]).astype(int)
    errors = np.zeros((cities, years))
    for t in range(years):
        errors[:, t] = 0.7 * (errors[:, t - 1] if t else 0) + rng.normal(0, 1, cities)
    panel = pd.DataFrame(
        {
            "city_id": [f"{110000 + 100 * c}" for c in city],
            "province_id": [f"{110000 + 10000 * (c // 3)}" for c in city],
            "unit_kind": np.where(city < 2, "municipality", "prefecture_city"),
            "year": year,
            "did_ai_pilot": did,
            "lnpgdp": 10 + 0.08 * (year - 2003) + rng.normal(0, 0.3, cities)[city] + rng.normal(0, 0.1, len(city)),
            "market": 0.35 + rng.normal(0, 0.05, len(city)),
            "edu": 0.18 + rng.normal(0, 0.03, len(city)),
            "in_sample": rng.random(len(city)) >= missing,
        }
    )
    panel["effect"] = effect * did
    panel["lnco2"] = (
        3 + rng.normal(0, 1, cities)[city] + rng.normal(0, 0.2, years)[year - 2003] + panel["effect"]
        + 0.5 * panel["lnpgdp"] - 0.8 * panel["market"] + noise * errors.ravel()
    )  # fmt: skip
    return panel


def make_study(base: Study, controls: list[str], effects: tuple[str, str] = ("city", "year"), **column: object) -> Study:
    """The study ``base`` with one regression table of one column."""
    one = Column(
        id="1", label="one", treatment="did", controls=controls, fixed_effects=effects, **{"outcome": "lnco2", **column}
    )  # fmt: skip
    return base.model_copy(update={"tables": {"table2": RegressionTable(kind="regression", title="t", columns=[one])}})
