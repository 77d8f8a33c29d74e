"""Classical, HC1 and clustered variances against pyfixest and statsmodels."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t as student
from simulated_panels import CONTROLS, make_panel, make_study

from citycarbon.econometrics import estimate_columns, fwl
from citycarbon.econometrics.inference_rows import INFERENCE_COLUMNS
from citycarbon.econometrics.other_variances import METHODS, other_variances
from citycarbon.econometrics.sample import EFFECT_COLUMNS, estimation_sample

BOTH_EFFECTS = pytest.mark.parametrize("effects", [("city", "year"), ("province", "year")])


@BOTH_EFFECTS
def test_pyfixest_agrees_on_all_four(base_study, effects):
    import pyfixest

    panel, study = make_panel(), make_study(base_study, CONTROLS, effects)
    rows = estimation_sample(panel, study, study.column("table2", "1")).rows
    formula = f"lnco2 ~ did + {' + '.join(CONTROLS)} | {' + '.join(EFFECT_COLUMNS[e] for e in effects)}"
    got = other_variances(panel, study).set_index("method")
    assert list(got.reset_index().columns.sort_values()) == sorted(INFERENCE_COLUMNS) and tuple(got.index) == METHODS
    ways = ("iid", "HC1", {"CRV1": "city_id"}, {"CRV1": "province_id"})
    for method, vcov in zip(METHODS, ways, strict=True):
        fit = pyfixest.feols(formula, data=rows, vcov=vcov, demeaner=pyfixest.MapDemeaner(fixef_tol=1e-12))
        wanted = [fit.coef()["did"], fit.se()["did"], fit.tstat()["did"], fit.pvalue()["did"]]
        np.testing.assert_allclose(
            got.loc[method, ["estimate", "std_error", "statistic", "p_value"]].astype(float), wanted, rtol=1e-8, err_msg=method
        )


def test_statsmodels_on_explicit_dummies_agrees(base_study):
    import statsmodels.api as sm

    effects = ("city", "year")
    panel, study = make_panel(seed=7), make_study(base_study, CONTROLS, effects)
    rows = estimation_sample(panel, study, study.column("table2", "1")).rows
    two_way = fwl.Effects(*(fwl.codes(rows[EFFECT_COLUMNS[e]]) for e in effects))
    x = np.column_stack(
        [rows[["did", *CONTROLS]].to_numpy(), np.ones(len(rows)), two_way.first_dummies(), two_way.second_dummies()]
    )
    got = other_variances(panel, study).set_index("method")
    for method, kind in (("classical", "nonrobust"), ("hc1", "HC1")):
        fit = sm.OLS(rows["lnco2"].to_numpy(), x).fit(cov_type=kind, use_t=True)
        np.testing.assert_allclose(got.loc[method, "std_error"], fit.bse[0], rtol=1e-8)
        np.testing.assert_allclose(got.loc[method, "p_value"], fit.pvalues[0], rtol=1e-7)
        np.testing.assert_allclose(got.loc[method, ["conf_low", "conf_high"]].astype(float), fit.conf_int()[0], rtol=1e-8)
        assert got.loc[method, "df"] == fit.df_resid


@BOTH_EFFECTS
def test_city_clusters_are_those_of_the_estimates_and_provinces_have_their_own_df(base_study, effects):
    panel, study = make_panel(seed=3), make_study(base_study, CONTROLS, effects)
    recorded = estimate_columns(panel, study).iloc[0]
    got = other_variances(panel, study).set_index("method")
    same = ["estimate", "std_error", "p_value", "conf_low", "conf_high"]
    np.testing.assert_allclose(got.loc["cluster:city", same].astype(float), recorded[same].astype(float), rtol=1e-9)
    by_province = got.loc["cluster:province"]
    assert by_province["df"] == panel["province_id"].nunique() - 1
    assert by_province["note"] == "8 clusters, 2 with a treated row"
    np.testing.assert_allclose(by_province["p_value"], 2 * student.sf(abs(by_province["statistic"]), 7), rtol=1e-10)


def test_weighted_columns_have_the_variances_of_weighted_least_squares(base_study, monkeypatch):
    import pyfixest

    from citycarbon.econometrics import other_variances as module

    panel, study = make_panel(seed=5), make_study(base_study, CONTROLS)
    sample = estimation_sample(panel, study, study.column("table2", "1"))
    rows = sample.rows.assign(weight=np.random.default_rng(3).uniform(0.2, 2, len(sample.rows)))
    monkeypatch.setattr(module, "estimation_sample", lambda *_: replace(sample, rows=rows))
    got = other_variances(panel, study).set_index("method")
    formula = f"lnco2 ~ did + {' + '.join(CONTROLS)} | city_id + year"
    for method, vcov in zip(METHODS, ("iid", "HC1", {"CRV1": "city_id"}, {"CRV1": "province_id"}), strict=True):
        fit = pyfixest.feols(formula, data=rows, vcov=vcov, weights="weight", demeaner=pyfixest.MapDemeaner(fixef_tol=1e-12))
        wanted = [fit.coef()["did"], fit.se()["did"]]
        np.testing.assert_allclose(got.loc[method, ["estimate", "std_error"]].astype(float), wanted, rtol=1e-8, err_msg=method)


def test_what_is_not_estimable_keeps_its_rows(base_study):
    study = make_study(base_study, CONTROLS)
    for panel in (
        make_panel().assign(did_ai_pilot=0),
        make_panel().iloc[:0],
        make_panel(cities=1, treated=1),
        make_panel(cities=3, years=4, treated=1, missing=0.5),
    ):
        got = other_variances(panel, study)
        assert tuple(got["method"]) == METHODS and got["note"].str.startswith("not estimable").all()
        assert got["std_error"].isna().all()
    one = make_panel(cities=9).assign(province_id="110000")
    row = other_variances(one, study).set_index("method").loc["cluster:province"]
    assert row["note"] == "1 cluster: no standard error" and np.isfinite(row["estimate"]) and np.isnan(row["std_error"])


def test_tables_of_variants_and_other_estimators_are_left_out_or_named(base_study):
    study = make_study(base_study, CONTROLS)
    table = study.tables["table2"]
    dr = table.columns[0].model_copy(update={"id": "2", "estimator": "dr_did"})
    tables = {
        "table2": table.model_copy(update={"columns": [table.columns[0], dr]}),
        "more": table.model_copy(update={"variants": True}),
    }
    got = other_variances(make_panel(), study.model_copy(update={"tables": tables}))
    assert set(got["table"]) == {"table2"}
    assert got.loc[got["column"] == "2", "note"].str.contains("dr_did").all()
