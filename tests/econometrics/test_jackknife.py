"""Leave-one-out coefficients equal refits, CV3 is their spread, leverage adds up, and what cannot be left out is named."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_panels import CONTROLS, make_panel
from tries import up_to

from citycarbon.econometrics import fwl
from citycarbon.econometrics.cluster_sums import ClusterSums
from citycarbon.econometrics.jackknife import effective_clusters, jackknife, partial_leverage
from citycarbon.econometrics.resampling import Design

CITY, PROVINCE, PERIOD = ("city_id", "year"), ("province_id", "year"), ("period", "year")


def sample(missing=0.15, seed=1, **kwargs):
    panel = make_panel(seed=seed, missing=missing, **kwargs)
    rows = panel[panel["in_sample"]].sort_values(["city_id", "year"], ignore_index=True)
    return rows.assign(period=np.where(rows["year"] % 2, "odd", "even") + (rows["market"] > 0.35).astype(str).to_numpy())


def sums_of(rows, controls=CONTROLS, effects=CITY, cluster="city_id", weights=None):
    design = Design.build(rows, ["lnco2", "did_ai_pilot"], controls, effects, (), cluster=cluster, weights=weights)
    return ClusterSums.of(design)


def estimate(rows, controls=CONTROLS, effects=CITY, weights=None):
    """The coefficient by one regression on explicit dummies for everything; NaN where it is absorbed."""
    two_way = fwl.Effects(fwl.codes(rows[effects[0]]), fwl.codes(rows[effects[1]]))
    x = rows[["did_ai_pilot", *controls]].to_numpy(dtype=float)
    if 0 in fwl.identify(x, two_way).absorbed:
        return np.nan
    root = np.sqrt(rows[weights].to_numpy()) if weights else np.ones(len(rows))
    blocks = [x, np.ones((len(rows), 1)), two_way.first_dummies(), two_way.second_dummies()]
    return np.linalg.lstsq(np.column_stack(blocks) * root[:, None], rows["lnco2"].to_numpy() * root, rcond=None)[0][0]


def refits(rows, cluster="city_id", **how):
    return np.array([estimate(rows[rows[cluster] != c], **how) for c in sorted(rows[cluster].unique())])


@pytest.mark.parametrize("effects", [CITY, PROVINCE, PERIOD], ids=["city", "province", "cutting"])
@pytest.mark.parametrize("controls", [CONTROLS, []], ids=["controls", "none"])
@pytest.mark.parametrize("missing", [0.0, 0.3], ids=["balanced", "unbalanced"])
def test_every_coefficient_without_a_city_equals_a_refit(effects, controls, missing):
    rows = sample(missing)
    got = jackknife(sums_of(rows, controls, effects))
    np.testing.assert_allclose(got.without, refits(rows, controls=controls, effects=effects), rtol=0, atol=1e-10)
    np.testing.assert_allclose(got.estimate, estimate(rows, controls, effects), rtol=0, atol=1e-10)


@pytest.mark.parametrize("effects", [CITY, PROVINCE], ids=["city", "province"])
def test_weighted_columns_and_coarser_clusters(effects):
    rows = sample().assign(mass=lambda r: np.random.default_rng(3).uniform(0.2, 3, len(r)))
    for cluster, mass in (("city_id", "mass"), ("province_id", None), ("province_id", "mass")):
        got = jackknife(sums_of(rows, effects=effects, cluster=cluster, weights=mass)).without
        np.testing.assert_allclose(got, refits(rows, cluster, effects=effects, weights=mass), rtol=0, atol=1e-10)


def test_cv3_is_the_spread_of_the_refits_about_the_estimate():
    rows = sample()
    found, without = jackknife(sums_of(rows)), refits(rows)
    g = len(without)
    np.testing.assert_allclose(found.variance, (g - 1) / g * ((without - estimate(rows)) ** 2).sum(), rtol=1e-9)
    assert not len(found.absorbed)


def test_cv3_is_that_of_its_definition_by_hat_matrices():
    """MacKinnon, Nielsen and Webb: b_(g) = (X'X - X_g'X_g)^-1 (X'y - X_g'y_g) on explicit regressors."""
    rows = sample(missing=0.0)
    two_way = fwl.Effects(fwl.codes(rows["province_id"]), fwl.codes(rows["year"]))
    blocks = [rows[["did_ai_pilot", *CONTROLS]], np.ones((len(rows), 1)), two_way.first_dummies(), two_way.second_dummies()]
    x, y, groups = np.column_stack(blocks), rows["lnco2"].to_numpy(), fwl.codes(rows["city_id"])
    b = np.linalg.solve(x.T @ x, x.T @ y)[0]
    total = 0.0
    for g in range(groups.max() + 1):
        mine = groups == g
        total += (np.linalg.solve(x.T @ x - x[mine].T @ x[mine], x.T @ y - x[mine].T @ y[mine])[0] - b) ** 2
    np.testing.assert_allclose(jackknife(sums_of(rows, effects=PROVINCE)).variance, groups.max() / (groups.max() + 1) * total)


@pytest.mark.slow
def test_pyfixest_agrees_on_cv3():
    import pyfixest

    rows = sample()
    for effects in (CITY, PROVINCE):
        formula = f"lnco2 ~ did_ai_pilot + {' + '.join(CONTROLS)} + C({effects[0]}) + C(year)"
        fit = pyfixest.feols(formula, data=rows, vcov={"CRV3": "city_id"}, ssc=pyfixest.ssc(k_adj=False, G_adj=False))
        g = rows["city_id"].nunique()  # its own factor is left out; it sums about the estimate as we do
        theirs = fit.se()["did_ai_pilot"] * np.sqrt((g - 1) / g)
        np.testing.assert_allclose(jackknife(sums_of(rows, effects=effects)).std_error, theirs, rtol=1e-7)


def test_partial_leverage_is_each_citys_share_in_what_is_left_of_did():
    rows = sample()
    two_way = fwl.Effects(fwl.codes(rows["city_id"]), fwl.codes(rows["year"]))
    left = two_way.residualise(rows[["did_ai_pilot", *CONTROLS]].to_numpy(dtype=float))
    did = left[:, 0] - left[:, 1:] @ np.linalg.lstsq(left[:, 1:], left[:, 0], rcond=None)[0]
    by_city = np.bincount(fwl.codes(rows["city_id"]), did**2)
    shares = partial_leverage(sums_of(rows))
    np.testing.assert_allclose(shares, by_city / by_city.sum(), rtol=1e-10)
    np.testing.assert_allclose(shares.sum(), 1.0, rtol=1e-12)
    assert shares[:4].sum() > 0.8  # the treated ones


def test_the_effective_number_is_that_of_carter_schnepel_and_steigerwald_with_independent_errors():
    """G* = G / (1 + variance of gamma over its squared mean), gamma_g = a'(X'X)^-1 X_g'X_g (X'X)^-1 a: explicit regressors."""
    rows = sample()
    two_way = fwl.Effects(fwl.codes(rows["city_id"]), fwl.codes(rows["year"]))
    blocks = [rows[["did_ai_pilot", *CONTROLS]], np.ones((len(rows), 1)), two_way.first_dummies(), two_way.second_dummies()]
    x, groups = np.column_stack(blocks), fwl.codes(rows["city_id"])
    fitted = x @ np.linalg.inv(x.T @ x)[:, 0]
    gamma = np.bincount(groups, fitted**2)
    want = len(gamma) / (1 + gamma.var() / gamma.mean() ** 2)
    np.testing.assert_allclose(effective_clusters(sums_of(rows)), want, rtol=1e-8)


@settings(max_examples=up_to(5))
@given(seed=st.integers(0, 9999), treated=st.integers(2, 24), missing=st.floats(0, 0.4))
def test_on_any_panel(seed, treated, missing):
    rows = sample(missing, seed=seed, treated=treated)
    sums = sums_of(rows, ["edu"])
    want = refits(rows, controls=["edu"])
    got = jackknife(sums).without
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-9)
    assert 1 <= effective_clusters(sums) <= sums.n_clusters * (1 + 1e-12)


def test_a_city_without_which_nothing_is_treated_is_named_and_there_is_no_cv3():
    found = jackknife(sums_of(sample(treated=1)))
    assert found.absorbed.tolist() == [0] and np.isnan(found.std_error)
    assert np.isfinite(found.without[1:]).all() and np.isfinite(found.estimate)


def test_a_year_and_a_control_that_one_city_alone_identifies_go_with_it():
    rows = sample(missing=0.0)
    last = rows["city_id"].iloc[-1]
    rows = rows[(rows["year"] < rows["year"].max()) | (rows["city_id"] == last)]
    rows = rows.assign(edu=np.where(rows["city_id"] == last, rows["edu"], 0.1))
    got = jackknife(sums_of(rows)).without
    rest = rows[rows["city_id"] != last]
    np.testing.assert_allclose(got[-1], estimate(rest, ["lnpgdp", "market"]), rtol=0, atol=1e-10)
    np.testing.assert_allclose(got[:-1], refits(rows)[:-1], rtol=0, atol=1e-10)


def test_a_city_of_one_row_changes_nothing_and_weighs_nothing():
    rows = sample(missing=0.0)
    city = rows["city_id"].iloc[0]
    rows = rows[(rows["city_id"] != city) | (rows["year"] == 2009)]
    sums = sums_of(rows)
    np.testing.assert_allclose(jackknife(sums).without[0], sums.estimate, rtol=1e-12)
    assert partial_leverage(sums)[0] < 1e-25


def test_a_province_of_one_city_goes_with_it():
    rows = sample()
    rows = rows[~rows["city_id"].isin(rows["city_id"].unique()[4:6])]  # leaves one city of the second province
    np.testing.assert_allclose(jackknife(sums_of(rows, effects=PROVINCE)).without, refits(rows, effects=PROVINCE), atol=1e-10)


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r.assign(did_ai_pilot=0.0),
        lambda r: r.assign(did_ai_pilot=(r["year"] > 2008) * 1.0),
        lambda r: r.assign(edu=2.0 * r["did_ai_pilot"]),
        lambda r: r[r["city_id"] == r["city_id"].iloc[0]],
    ],
)
def test_nothing_to_estimate_gives_nothing(change):
    found = jackknife(sums_of(change(sample(missing=0.0))))
    assert np.isnan(found.without).all() and np.isnan([found.estimate, found.variance]).all()


def test_the_order_of_rows_does_not_matter():
    rows = sample()
    np.testing.assert_array_equal(
        jackknife(sums_of(rows.sample(frac=1, random_state=1))).without, jackknife(sums_of(rows)).without
    )
