"""The estimator on the real EDGAR table, read without the project's readers. Known result under reghdfe conventions."""

import numpy as np
import pandas as pd
import pytest

from citycarbon.econometrics import estimate_columns, refit
from citycarbon.study import load_study
from citycarbon.study.dictionary import POLICY_LIST


@pytest.fixture
def edgar_panel(realdata):
    table = pd.read_excel(realdata / "city_tables" / "地级市碳排放强度.xlsx", sheet_name="Sheet1")
    code, year = table["城市代码"].astype(str), table["年份"].astype(int)
    policy = pd.read_csv(POLICY_LIST, dtype=str).query("policy == 'ai_pilot'")
    first = policy.groupby("city_id")["year_announcement"].min().astype(int)
    panel = pd.DataFrame(
        {
            "city_id": code,
            "province_id": code.str[:2] + "0000",
            "year": year,
            "lnco2": np.log(table["碳排放量_吨"].astype(float) / 1e6),
            "did_ai_pilot": (year >= code.map(first)).astype(int),
            "in_sample": True,
            "drop_step": 0,
        }
    )
    return panel[panel["year"].between(2003, 2021)]


@pytest.mark.real
def test_edgar_headline(edgar_panel):
    study = load_study("ai_pilot_edgar")
    table = study.regression_tables()["table2_variants"]
    table = table.model_copy(update={"columns": [c for c in table.columns if c.id in ("1_all", "1p_all")]})
    study = study.model_copy(update={"tables": {"table2_variants": table}})
    got = estimate_columns(edgar_panel, study)
    row = got.set_index(["column", "term"]).loc[("1_all", "did")]
    assert round(row["estimate"], 5) == -0.13398
    assert round(row["std_error"], 5) == 0.02746
    assert (row["n_obs"], row["n_clusters"], row["n_treated_cells"]) == (5605, 295, 17)
    differences = refit(edgar_panel, study, got)
    assert differences["refitted_ok"].all() and (differences["difference"] < 1e-10).all()
