"""A small invented panel in the mart's columns and a study with two splits, a lag and a filter. No tests here."""

from __future__ import annotations

import numpy as np
import pandas as pd
from baseline import baseline_study

from citycarbon.study import Study
from citycarbon.study.spec import Column, Condition, DescriptiveTable, Half, RegressionTable, SampleOf, Split, Window

CONTROLS = ["lnpgdp", "market"]
YEARS = range(2003, 2012)
CITY = Split(id="by_city", label="patents", criterion="median", variable="patents_granted", year=2008)
LIST = Split(id="by_list", label="broadband", criterion="adopted", policies=["broadband"], year=2008)


def invented_panel(seed: int = 5, cities: int = 24) -> pd.DataFrame:
    """Unbalanced; six cities treated from 2008 and 2010, in both halves of either split; two municipalities."""
    rng = np.random.default_rng(seed)
    city, year = (a.ravel() for a in np.meshgrid(np.arange(cities), np.array(YEARS), indexing="ij"))
    first = np.full(cities, np.nan)
    first[:6] = [2008, 2010] * 3
    many, listed = city % 4 < 2, city % 3 == 0
    df = pd.DataFrame(
        {
            "city_id": [f"{110000 + 100 * c}" for c in city],
            "province_id": [f"{110000 + 10000 * (c // 3)}" for c in city],
            "unit_kind": np.where(city < 2, "municipality", "prefecture_city"),
            "year": year,
            "first_year_ai_pilot": first[city],
            "did_ai_pilot": (year >= first[city]).astype(int),
            "lnpgdp": 10 + 0.08 * (year - 2003) + rng.normal(0, 0.3, cities)[city] + rng.normal(0, 0.1, len(city)),
            "market": 0.35 + rng.normal(0, 0.05, len(city)),
            "patents_granted": np.exp(3 + 2 * many + rng.normal(0, 0.3, len(city))),
            "first_year_broadband": np.where(listed, 2005.0, np.nan),
            "in_sample": rng.random(len(city)) > 0.1,
        }
    )
    df["lnco2"] = (
        3 + rng.normal(0, 1, cities)[city] - 0.3 * df["did_ai_pilot"] + 0.5 * df["lnpgdp"] - 0.8 * df["market"]
        + rng.normal(0, 0.2, len(city))
    )  # fmt: skip
    return df


def invented_study() -> Study:
    """Tables 2 (with and without controls, province effects), 4 (lag, without municipalities), 5 and 6 (splits)."""
    plain = {"outcome": "lnco2", "treatment": "did", "controls": CONTROLS, "fixed_effects": ("city", "year")}
    prefectures = [Condition(variable="unit_kind", op="ne", value="municipality")]
    table2 = [
        Column(id="1", label="without", **{**plain, "controls": []}),
        Column(id="2", label="with", **plain),
        Column(id="2p", label="province", **{**plain, "fixed_effects": ("province", "year")}),
    ]
    table4 = [
        Column(id="1", label="lag", **{**plain, "treatment": "did_lag1"}),
        Column(id="2", label="the municipalities", **plain, filter=prefectures),
    ]
    halves = {
        name: [Column(id=i, label=g, **plain, half=Half(split=split.id, group=g)) for i, g in (("1", "high"), ("2", "low"))]
        for name, split in (("table5", CITY), ("table6", LIST))
    }
    described = DescriptiveTable(
        kind="descriptives", title="t", sample_of=SampleOf(table="table2", column="2"), variables=["lnco2", "did", *CONTROLS]
    )
    columns = {"table2": table2, "table4": table4, **halves}
    tables = {name: RegressionTable(kind="regression", title="t", columns=its) for name, its in columns.items()}
    update = {"tables": {"table1": described, **tables}, "splits": [CITY, LIST], "window": Window(first=2003, last=2011)}
    return baseline_study().model_copy(update=update)
