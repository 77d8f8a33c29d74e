"""PanelOLS in the reghdfe form against explicit dummies, and what a column says about terms that it cannot estimate."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import t as student
from simulated_panels import CONTROLS, make_panel, make_study
from tries import up_to

from citycarbon.econometrics import estimate_columns, fwl
from citycarbon.econometrics.columns import fit_column
from citycarbon.econometrics.contract import ESTIMATE_COLUMNS, parse_effects
from citycarbon.econometrics.sample import EFFECT_COLUMNS

CITY_YEAR, PROVINCE_YEAR = ("city", "year"), ("province", "year")


def column_of(study):
    return study.tables["table2"].columns[0]


def oracle(rows, study):
    """Explicit centred dummies for both effects, constant first; K counted by hand."""
    column = column_of(study)
    effects = fwl.Effects(*(fwl.codes(rows[EFFECT_COLUMNS[e]]) for e in column.fixed_effects))
    x = rows[["did", *column.controls]].to_numpy()
    years, components = rows["year"].nunique(), effects.n_components
    provinces = rows["province_id"].nunique() if column.fixed_effects[0] == "province" else 1
    k = x.shape[1] + years - components + provinces
    return fwl.dummy_fit(rows["lnco2"].to_numpy(), x, effects, fwl.codes(rows["city_id"]), k)


@pytest.mark.parametrize("effects", [CITY_YEAR, PROVINCE_YEAR])
@settings(max_examples=up_to(12), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), missing=st.floats(0.0, 0.5), treated=st.integers(2, 8), k=st.integers(0, 3))
def test_panelols_equals_explicit_dummies(base_study, effects, seed, missing, treated, k):
    panel = make_panel(seed=seed, missing=missing, treated=treated)
    study = make_study(base_study, CONTROLS[:k], effects)
    got = estimate_columns(panel, study)
    if got["estimate"].isna().any():  # a sparse draw may leave no treated cell; the note must then say why
        assert got.loc[got["estimate"].isna(), "note"].str.startswith("not estimable").all()
        return
    sample, fitted = fit_column(panel, study, column_of(study))
    want = oracle(sample.rows, study)
    assert fitted.k_counted == want.k_counted
    order = [*range(1, k + 2), 0]  # the oracle has _cons first, the contract has it last
    np.testing.assert_allclose(got["estimate"].to_numpy(), want.params[order], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(got["std_error"].to_numpy(), np.sqrt(np.diag(want.cov))[order], rtol=1e-10)
    assert set(got["n_obs"]) == {len(sample.rows)}


def test_contract_columns_and_counts(base_study):
    panel = make_panel()
    got = estimate_columns(panel, make_study(base_study, CONTROLS))
    assert list(got.columns) == list(ESTIMATE_COLUMNS)
    assert list(got["term"]) == ["did", *CONTROLS, "_cons"]
    rows = panel[panel["in_sample"]]
    first = got.iloc[0]
    assert first["n_treated_cells"] == rows["did_ai_pilot"].sum()
    assert first["n_treated_units"] == rows.loc[rows["did_ai_pilot"] == 1, "city_id"].nunique()
    assert parse_effects(first["fixed_effects"]) == {"city": 24, "year": 9}
    assert first["df"] == 23 and first["n_clusters"] == 24 and first["vcov"] == "cluster:city"


def test_p_values_and_intervals_use_clusters_minus_one(base_study):
    got = estimate_columns(make_panel(), make_study(base_study, CONTROLS))
    t = got["estimate"] / got["std_error"]
    np.testing.assert_allclose(got["t_stat"], t, rtol=1e-14)
    np.testing.assert_allclose(got["p_value"], 2 * student.sf(abs(t), 23), rtol=1e-12)
    half = student.ppf(0.975, 23) * got["std_error"]
    np.testing.assert_allclose(got["conf_high"] - got["conf_low"], 2 * half, rtol=1e-12)


def test_the_treatment_waits_for_randomisation_inference_and_controls_do_not(base_study):
    got = estimate_columns(make_panel(), make_study(base_study, CONTROLS)).set_index("term")
    assert got.loc["did", ["stars", "star_rule"]].tolist() == ["", "pending"]
    assert got.loc["lnpgdp", ["stars", "star_rule"]].tolist() == ["***", "t"]
    assert got[["p_ri_t", "p_ri_beta", "conf_low_ri", "conf_high_ri", "p_wcr"]].isna().all(axis=None)


def test_a_planted_effect_is_recovered(base_study):
    panel = make_panel(cities=60, years=12, treated=12, effect=-0.3, noise=0.02)
    for effects in (CITY_YEAR, PROVINCE_YEAR):
        row = estimate_columns(panel, make_study(base_study, ["lnpgdp", "market"], effects)).iloc[0]
        if effects == CITY_YEAR:
            assert abs(row["estimate"] + 0.3) < 0.01
        assert row["conf_low"] < -0.3 < row["conf_high"]


def test_rows_may_come_in_any_order(base_study):
    panel, study = make_panel(), make_study(base_study, CONTROLS)
    shuffled = panel.sample(frac=1, random_state=3)
    assert estimate_columns(panel, study).equals(estimate_columns(shuffled, study))


def test_a_control_in_other_units_changes_nothing_else(base_study):
    panel, study = make_panel(), make_study(base_study, CONTROLS)
    in_yuan = panel.assign(market=panel["market"] * 1e12)
    one, other = estimate_columns(panel, study), estimate_columns(in_yuan, study)
    np.testing.assert_allclose(other["t_stat"], one["t_stat"], rtol=1e-9)
    np.testing.assert_allclose(other["estimate"].iloc[2] * 1e12, one["estimate"].iloc[2], rtol=1e-9)


def test_singletons_go_iteratively_and_are_counted(base_study):
    panel = make_panel(missing=0.0)
    # The last year holds only city A; without it A, seen once elsewhere, is alone too: two rows in two rounds.
    city = panel["city_id"].iloc[-1]
    last = panel["year"].max()
    panel["in_sample"] = (panel["year"] < last) & (panel["city_id"] != city)
    panel.loc[(panel["city_id"] == city) & panel["year"].isin([last, last - 1]), "in_sample"] = True
    got = estimate_columns(panel, make_study(base_study, CONTROLS)).iloc[0]
    assert got["singletons_dropped"] == 2
    assert got["n_obs"] == panel["in_sample"].sum() - 2 and got["n_units"] == 23


def test_an_absorbed_treatment_keeps_its_row(base_study):
    panel = make_panel()
    panel["did_ai_pilot"] = panel.groupby("city_id")["did_ai_pilot"].transform("max")
    got = estimate_columns(panel, make_study(base_study, CONTROLS)).set_index("term")
    assert np.isnan(got.loc["did", "estimate"]) and got.loc["did", "note"] == "not estimable: absorbed by the fixed effects"
    assert got.loc["did", ["p_value", "conf_low", "std_error"]].isna().all()
    without = make_panel().assign(did_ai_pilot=0)
    want = estimate_columns(without, make_study(base_study, CONTROLS)).set_index("term")
    np.testing.assert_allclose(got.loc[CONTROLS, "estimate"], want.loc[CONTROLS, "estimate"], rtol=1e-12)
    assert got.loc["_cons", "note"] == "without did"


def test_one_treated_city_is_estimated_with_a_warning(base_study):
    got = estimate_columns(make_panel(treated=1), make_study(base_study, CONTROLS)).iloc[0]
    assert got["n_treated_units"] == 1 and np.isfinite(got["std_error"])
    assert "one treated city" in got["note"]


def test_of_two_equal_controls_neither_has_a_coefficient(base_study):
    panel = make_panel()
    panel["edu"] = 2 * panel["market"] + 0.1
    got = estimate_columns(panel, make_study(base_study, CONTROLS)).set_index("term")
    assert got.loc[["market", "edu", "_cons"], "estimate"].isna().all()
    assert got.loc["market", "note"] == "not estimable: collinear with edu given the fixed effects"
    want = estimate_columns(panel, make_study(base_study, CONTROLS[:2])).set_index("term")
    np.testing.assert_allclose(got.loc["did", "estimate"], want.loc["did", "estimate"], rtol=1e-12)
    np.testing.assert_allclose(got.loc["did", "std_error"], want.loc["did", "std_error"], rtol=1e-12)


def test_a_control_that_is_the_treatment_makes_it_not_estimable(base_study):
    panel = make_panel()
    panel["edu"] = panel["did_ai_pilot"].astype(float)
    got = estimate_columns(panel, make_study(base_study, CONTROLS)).set_index("term")
    assert got.loc["did", "note"] == "not estimable: collinear with edu given the fixed effects"
    assert np.isfinite(got.loc["market", "estimate"])


@pytest.mark.parametrize("effects", [CITY_YEAR, PROVINCE_YEAR])
def test_a_control_that_is_the_year_is_absorbed(base_study, effects):
    panel = make_panel()
    panel["edu"] = panel["year"].astype(float)
    got = estimate_columns(panel, make_study(base_study, CONTROLS, effects)).set_index("term")
    assert got.loc["edu", "note"] == "not estimable: absorbed by the fixed effects"
    want = estimate_columns(panel, make_study(base_study, CONTROLS[:2], effects)).set_index("term")
    np.testing.assert_allclose(got.loc["did", "estimate"], want.loc["did", "estimate"], rtol=1e-10)


def test_a_control_like_a_year_with_a_large_mean_is_estimated(base_study):
    """PanelOLS alone would call it absorbed: its test is against a norm that includes the mean."""
    panel = make_panel()
    small = np.random.default_rng(5).normal(0, 1, len(panel))
    one = estimate_columns(panel.assign(edu=small), make_study(base_study, CONTROLS)).set_index("term")
    far = estimate_columns(panel.assign(edu=small + 2e6), make_study(base_study, CONTROLS)).set_index("term")
    assert far.loc["edu", "note"] == ""
    np.testing.assert_allclose(far.loc["edu", "estimate"], one.loc["edu", "estimate"], rtol=1e-6)


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (lambda p: p["year"] < 0, "0 clusters"),
        (lambda p: p["city_id"] == p["city_id"].iloc[0], "0 clusters"),  # one city: every year is a singleton
        (lambda p: (p["year"] <= 2004) & p["city_id"].isin(p["city_id"].unique()[:2]), "observations for"),
    ],
)
def test_too_little_data_gives_rows_that_say_so(base_study, mask, expected):
    panel = make_panel(missing=0.0)
    panel["in_sample"] = mask(panel)
    got = estimate_columns(panel, make_study(base_study, CONTROLS))
    assert list(got["term"]) == ["did", *CONTROLS, "_cons"]
    assert got["estimate"].isna().all() and got["note"].str.contains(expected).all()


def test_missing_values_of_a_column_are_left_out_and_counted(base_study):
    panel = make_panel(missing=0.0)
    panel.loc[[3, 40, 80], "edu"] = np.nan
    panel.loc[100, "edu"] = np.inf
    got = estimate_columns(panel, make_study(base_study, CONTROLS)).iloc[0]
    assert got["n_obs"] == len(panel) - 4
    assert got["note"].startswith("4 sample rows without a finite value")


def test_fixed_effects_that_are_not_connected_count_both_bases(base_study):
    panel = make_panel(missing=0.0, treated=6, years=10)
    cities = panel["city_id"].unique()
    early = panel["city_id"].isin(cities[12:])
    panel["in_sample"] = (early & (panel["year"] < 2007)) | (~early & (panel["year"] >= 2007))
    study = make_study(base_study, CONTROLS)
    got = estimate_columns(panel, study)
    want = oracle(fit_column(panel, study, column_of(study))[0].rows, study)
    np.testing.assert_allclose(got["std_error"], np.sqrt(np.diag(want.cov))[[1, 2, 3, 4, 0]], rtol=1e-10)


def test_a_filter_keeps_only_rows_that_satisfy_it(base_study):
    panel = make_panel(missing=0.0)
    study = make_study(base_study, CONTROLS, filter=[{"variable": "unit_kind", "op": "ne", "value": "municipality"}])
    got = estimate_columns(panel, study).iloc[0]
    assert got["n_units"] == 22 and "unit_kind ne municipality" in got["sample"]


def test_two_rows_for_a_city_and_year_leave_no_sample_and_say_why(base_study):
    import pandas as pd

    panel = make_panel()
    got = estimate_columns(pd.concat([panel, panel.iloc[[0, 30]]]), make_study(base_study, CONTROLS))
    reason = "not estimable: 2 rows of the panel repeat a city and year (110000 in 2003)"
    assert got["estimate"].isna().all() and (got["note"] == reason).all() and (got["n_obs"] == 0).all()


def test_a_variance_that_is_rounding_is_zero(base_study):
    """Two cities: the scores of both are zero, and what PanelOLS gives is rounding, of either sign."""
    for seed in range(8):
        panel = make_panel(seed=seed, cities=24, missing=0.0)
        two = panel[panel["city_id"].isin(panel["city_id"].unique()[[0, -1]])]
        for effects in (CITY_YEAR, PROVINCE_YEAR):
            row = estimate_columns(two, make_study(base_study, ["edu"], effects)).iloc[0]
            assert np.isfinite(row["estimate"]) and row["std_error"] == 0 and "standard error is zero" in row["note"]
    from citycarbon.econometrics import refit

    study = make_study(base_study, ["edu"])
    again = refit(two, study, estimate_columns(two, study)).query("term == 'did'").set_index("quantity")
    assert again.loc["estimate", "refitted_ok"] and again.loc["estimate", "difference"] < 1e-8
    assert again.loc["std_error", "note"] == "the standard error is zero: another solver gives rounding"


def test_the_constant_returns_the_mean_of_the_outcome(base_study):
    """F09's identity, which the audit rules apply to printed tables, holds on our own."""
    panel = make_panel()
    for effects in (CITY_YEAR, PROVINCE_YEAR):
        study = make_study(base_study, CONTROLS, effects)
        got = estimate_columns(panel, study).set_index("term")["estimate"]
        sample, _ = fit_column(panel, study, column_of(study))
        terms = ["did", *CONTROLS]
        implied = got["_cons"] + (got[terms] * sample.rows[terms].mean()).sum()
        np.testing.assert_allclose(implied, sample.rows["lnco2"].mean(), rtol=1e-13)
