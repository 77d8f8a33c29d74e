"""Panels with several outcomes and criteria, and studies whose columns and splits form families. No tests here."""

from __future__ import annotations

import numpy as np
import pandas as pd
from split_panels import CITY, CONTROLS, LIST, split_panel

from citycarbon.study import Study
from citycarbon.study.extensions import Family, Inference, Strata, Target
from citycarbon.study.spec import Column, Half, Placebo, RegressionTable

OUTCOMES = {"1": "lnco2", "2": "lngreen", "3": "er"}
SIZE = Strata(id="size", label="population thirds", variable="population_persons", year=2008)
PROVINCE = Strata(id="province", label="provinces", variable="province_id")


def family_panel(seed: int = 1, effect: float = -0.3, green: float = 0.0, er_missing: float = 0.0, **kwargs) -> pd.DataFrame:
    """``split_panel`` with two more outcomes, of which ``er`` lacks rows, and a population that does not change."""
    panel = split_panel(seed, effect=effect, **kwargs)
    rng = np.random.default_rng(seed + 2000)
    panel["lngreen"] = 2 + rng.normal(0, 0.1, len(panel)) + green * panel["did_ai_pilot"]
    panel["er"] = np.where(rng.random(len(panel)) < er_missing, np.nan, rng.normal(0, 0.1, len(panel)))
    city = panel["city_id"].astype(int) // 100 - 1100
    panel["population_persons"] = 1e6 * (1 + (7 * city) % 24)
    panel["first_year_broadband"] = np.where(city % 3 == 0, 2005.0, np.nan)
    return panel


def family_study(
    base: Study, families: list[Family] | None = None, draws: int = 199, strata: list[Strata] | None = None, **change: object
) -> Study:
    """Table 3 with three outcomes (columns 1 to 3), Tables 5 and 8 with the halves of two splits (1 high, 2 low).

    With ``families`` only the tables that they name. ``change``: of every column.
    """

    def column(name: str, label: str, outcome: str, **more: object) -> Column:
        same = {"id": name, "label": label, "treatment": "did", "controls": CONTROLS, "fixed_effects": ("city", "year")}
        return Column(**{**same, "outcome": outcome, **more, **change})

    outcomes = [column(name, outcome, outcome) for name, outcome in OUTCOMES.items()]
    tables = {"table3": RegressionTable(kind="regression", title="t", columns=outcomes)}
    for name, split in (("table5", CITY), ("table8", LIST)):
        halves = [column(i, g, "lnco2", half=Half(split=split.id, group=g)) for i, g in (("1", "high"), ("2", "low"))]
        tables[name] = RegressionTable(kind="regression", title="t", columns=halves)
    if families:  # what they do not name need not be fitted
        named = {target.table for family in families for target in [*family.columns, *family.splits]}
        tables = {name: table for name, table in tables.items() if name in named}
    asked = Inference(strata=[PROVINCE, SIZE] if strata is None else strata, families=families, draws=draws)
    return base.model_copy(
        update={
            "tables": tables,
            "splits": [CITY, LIST],
            "controls": CONTROLS,
            "placebo": Placebo(seed=11, draws=draws, draws_variants=draws, draws_shown=20),
            "extensions": base.extensions.model_copy(update={"inference": asked}),
        }
    )


def outcomes_family(*columns: str) -> Family:
    return Family(id="outcomes", label="outcomes", columns=[Target(table="table3", column=c) for c in columns])


def splits_family(*tables: str) -> Family:
    return Family(id="splits", label="splits", splits=[Target(table=t, column="1") for t in tables])
