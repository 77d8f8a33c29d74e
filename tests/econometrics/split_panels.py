"""Panels with a criterion to split by, and studies that split by it. No tests here."""

from __future__ import annotations

import numpy as np
import pandas as pd
from simulated_panels import make_panel

from citycarbon.study import Study
from citycarbon.study.spec import Column, Half, RegressionTable, Split

CONTROLS = ["lnpgdp", "market"]
CITY = Split(id="by_city", label="patents", criterion="median", variable="patents_granted", year=2008)
ROW = Split(id="by_row", label="patents", criterion="median", variable="patents_granted", year=2008, level="row")
LIST = Split(id="by_list", label="broadband", criterion="adopted", policies=["broadband"], year=2008)


def split_panel(seed: int = 1, effect: float = -0.3, extra: float = 0.0, missing: float = 0.1) -> pd.DataFrame:
    """``make_panel`` of 24 cities, 6 treated; even cities have many patents and the effect ``effect + extra``.

    One city has no patents before 2008, one row-wise blank each in three others.
    """
    panel = make_panel(seed, cities=24, years=9, missing=missing, effect=effect, treated=6)
    city = panel["city_id"].astype(int).to_numpy() // 100 - 1100
    rng = np.random.default_rng(seed + 1000)
    many = city % 2 == 0
    panel["patents_granted"] = np.exp(3 + 2 * many + 0.05 * (panel["year"] - 2003) + rng.normal(0, 0.7, len(panel)))
    panel.loc[(city == 20) & (panel["year"] < 2008), "patents_granted"] = np.nan
    panel.loc[np.isin(city, (7, 9, 11)) & (panel["year"] == 2006), "patents_granted"] = np.nan
    panel["first_year_broadband"] = np.where(many, 2005.0, np.nan)
    first = panel[panel["did_ai_pilot"] == 1].groupby("city_id")["year"].min()
    panel["first_year_ai_pilot"] = panel["city_id"].map(first).astype(float)
    panel["lnco2"] += extra * panel["did_ai_pilot"] * many
    return panel


def split_study(
    base: Study, *splits: Split, effects: tuple[str, str] = ("city", "year"), controls: list[str] | None = None
) -> Study:
    """One table a split: column ``1`` the high half, column ``2`` the low one."""
    tables = {}
    for split in splits:
        columns = [
            Column(
                id=name, label=group, outcome="lnco2", treatment="did", controls=CONTROLS if controls is None else controls,
                fixed_effects=effects, half=Half(split=split.id, group=group),
            )
            for name, group in (("1", "high"), ("2", "low"))
        ]  # fmt: skip
        tables[f"table_{split.id}"] = RegressionTable(kind="regression", title="t", columns=columns)
    return base.model_copy(update={"tables": tables, "splits": list(splits)})
