"""The estimator on the real EDGAR table, read without the project's readers. Known result under reghdfe conventions."""

import numpy as np
import pandas as pd
import pytest

from citycarbon.econometrics import estimate_columns, fwl, refit
from citycarbon.econometrics.cluster_sums import ClusterSums
from citycarbon.econometrics.jackknife import jackknife, partial_leverage
from citycarbon.econometrics.resampling import Design
from citycarbon.econometrics.wild_bootstrap import scored
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


@pytest.mark.real
def test_bootstrap_and_jackknife_are_those_of_refits(edgar_panel):
    rows = edgar_panel.rename(columns={"did_ai_pilot": "did"})[["city_id", "year", "lnco2", "did"]].sort_values(
        ["city_id", "year"]
    )
    design = Design.build(rows, ["lnco2", "did"], [], ("city_id", "year"), ())
    sums = ClusterSums.of(design)
    effects, groups = fwl.Effects(fwl.codes(rows["city_id"]), fwl.codes(rows["year"])), fwl.codes(rows["city_id"])
    y, did = rows["lnco2"].to_numpy(), rows[["did"]].to_numpy(dtype=float)
    rest = effects.residualise(y[:, None])[:, 0]
    weights = np.random.default_rng(1).choice([-1.0, 1.0], size=(20, design.n_clusters))
    wanted = []
    for v in weights:
        again = fwl.absorbed_fit(y - rest + v[groups] * rest, did, effects, groups, design.k_counted)
        wanted.append(again.params[0] / np.sqrt(again.cov[0, 0]))
    np.testing.assert_allclose(scored(sums, weights).t(), wanted, rtol=0, atol=1e-10)
    found = jackknife(sums)
    assert not len(found.absorbed) and partial_leverage(sums).sum() == pytest.approx(1)
    for position in np.argsort(partial_leverage(sums))[-9:]:  # the treated ones
        left = rows["city_id"] != design.units[position]
        x = fwl.Effects(fwl.codes(rows["city_id"][left]), fwl.codes(rows["year"][left]))
        np.testing.assert_allclose(found.without[position], fwl.project(y[left], did[left], x)[0], rtol=0, atol=1e-10)


@pytest.mark.real
def test_every_real_city_has_a_place_and_the_donut_is_a_refit(edgar_panel):
    from citycarbon.econometrics.sensitivity import sensitivity
    from citycarbon.econometrics.spatial import distances_km, near, read_centroids, unplaced
    from citycarbon.study.extensions import Extensions, Sensitivity, Target

    study, places = load_study("ai_pilot_edgar"), read_centroids()
    asked = Sensitivity(column=Target(table="table2_variants", column="1_all"), draws=199, draws_remade=199)
    study = study.model_copy(update={"extensions": Extensions(sensitivity=asked)})
    frame = sensitivity(edgar_panel, study, analyses=["donut", "exposure", "conley"])
    cities = sorted(edgar_panel["city_id"].unique())
    assert unplaced(cities, places) == [] and np.isfinite(frame["estimate"]).all() and np.isfinite(frame["std_error"]).all()
    treated = np.isin(cities, edgar_panel.loc[edgar_panel["did_ai_pilot"] == 1, "city_id"].unique())
    beside = near(distances_km(cities, places), 200)[:, treated].any(axis=1) & ~treated
    rows = edgar_panel[~edgar_panel["city_id"].isin(np.array(cities)[beside])]
    effects, groups = fwl.Effects(fwl.codes(rows["city_id"]), fwl.codes(rows["year"])), fwl.codes(rows["city_id"])
    fitted = fwl.dummy_fit(
        rows["lnco2"].to_numpy(), rows[["did_ai_pilot"]].to_numpy(float), effects, groups, 1 + rows["year"].nunique()
    )
    found = frame[(frame["analysis"] == "donut") & (frame["parameter"] == 200)].iloc[0]
    assert found["n_units"] == (~beside).sum() and found["estimate"] == pytest.approx(fitted.params[1], abs=1e-10)
    assert found["std_error"] == pytest.approx(np.sqrt(fitted.cov[1, 1]), rel=1e-9)
    assert frame.loc[frame["analysis"] != "conley", "p_ri_t"].between(0, 1).all()
