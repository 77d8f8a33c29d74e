"""pyfixest agrees with the estimator of record, R2 included, and says what it cannot fit again."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulated_panels import CONTROLS, make_panel, make_study
from tries import up_to

from citycarbon.econometrics import estimate_columns, refit
from citycarbon.econometrics.columns import fit_column


@pytest.mark.parametrize("effects", [("city", "year"), ("province", "year")])
@settings(max_examples=up_to(6), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), missing=st.floats(0.0, 0.4), k=st.integers(0, 3))
def test_pyfixest_agrees(base_study, effects, seed, missing, k):
    panel, study = make_panel(seed=seed, missing=missing), make_study(base_study, CONTROLS[:k], effects)
    got = estimate_columns(panel, study)
    differences = refit(panel, study, got)
    assert len(differences) == 3 * len(got)
    assert differences["refitted_ok"].all(), differences
    assert (differences["difference"] < 1e-10).all(), differences


@pytest.mark.parametrize("effects", [("city", "year"), ("province", "year")])
def test_r2_as_pyfixest_and_reghdfe_define_it(base_study, effects):
    import pyfixest

    panel, study = make_panel(), make_study(base_study, CONTROLS, effects)
    got = estimate_columns(panel, study).iloc[0]
    rows = fit_column(panel, study, study.tables["table2"].columns[0])[0].rows
    absorb = "city_id + year" if effects[0] == "city" else "province_id + year"
    other = pyfixest.feols(
        f"lnco2 ~ did + {' + '.join(CONTROLS)} | {absorb}", data=rows, demeaner=pyfixest.MapDemeaner(fixef_tol=1e-12)
    )
    np.testing.assert_allclose(got["r2"], other._r2, rtol=1e-10)
    np.testing.assert_allclose(got["r2_within"], other._r2_within, rtol=1e-10)
    np.testing.assert_allclose(got["r2_adj"], other._adj_r2, rtol=1e-10)
    np.testing.assert_allclose(got["r2_adj_within"], other._adj_r2_within, rtol=1e-10)


def test_a_changed_number_is_found(base_study):
    panel, study = make_panel(), make_study(base_study, CONTROLS)
    estimates = estimate_columns(panel, study)
    estimates.loc[estimates["term"] == "did", "estimate"] *= 1 + 1e-6
    differences = refit(panel, study, estimates).set_index(["term", "quantity"])["difference"]
    assert differences[("did", "estimate")] > 9e-7
    assert differences.drop(("did", "estimate")).max() < 1e-10


def test_what_cannot_be_fitted_again_is_listed(base_study):
    panel = make_panel()
    panel["edu"] = panel["market"] * 2
    study = make_study(base_study, CONTROLS)
    estimates = estimate_columns(panel, study)
    differences = refit(panel, study, estimates)
    listed = differences[~differences["refitted_ok"]]
    assert set(listed["term"]) == {"market", "edu", "_cons"} and (listed["note"] != "").all()
    assert (differences.loc[differences["refitted_ok"], "difference"] < 1e-10).all()


def test_only_a_constant_is_left(base_study):
    panel = make_panel().assign(did_ai_pilot=0)
    study = make_study(base_study, [])
    differences = refit(panel, study, estimate_columns(panel, study)).set_index(["term", "quantity"])
    assert differences.loc[("_cons", "estimate"), "difference"] < 1e-12
    assert differences.loc[("_cons", "std_error"), "note"] == "standard error: no slope to fit"


def test_disconnected_effects_are_listed_not_reported_as_a_mismatch(base_study):
    panel = make_panel(missing=0.0, treated=6, years=10)
    early = panel["city_id"].isin(panel["city_id"].unique()[12:])
    panel["in_sample"] = (early & (panel["year"] < 2007)) | (~early & (panel["year"] >= 2007))
    study = make_study(base_study, CONTROLS)
    differences = refit(panel, study, estimate_columns(panel, study))
    errors = differences[differences["quantity"] == "std_error"]
    assert errors["note"].str.contains("not connected").all()
    assert (differences.loc[differences["quantity"] == "estimate", "difference"] < 1e-10).all()


def test_a_column_that_the_study_does_not_have_is_listed(base_study):
    panel, study = make_panel(), make_study(base_study, CONTROLS)
    estimates = estimate_columns(panel, study).assign(column="9")
    differences = refit(panel, study, estimates)
    assert not differences["refitted_ok"].any()
    assert set(differences["note"]) == {"the study has no such column"}
