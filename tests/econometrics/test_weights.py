"""Weighted columns: PanelOLS with analytic weights against weighted least squares on explicit dummies and against pyfixest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_panels import CONTROLS, make_panel
from tries import up_to

from citycarbon.econometrics import fwl
from citycarbon.econometrics.twfe import fit

EFFECTS = [{"city": "city_id", "year": "year"}, {"province": "province_id", "year": "year"}]
TERMS = ["did", *CONTROLS]


def rows_of(seed, missing=0.1):
    panel = make_panel(seed=seed, missing=missing)
    rows = panel[panel["in_sample"]].rename(columns={"did_ai_pilot": "did"})
    return rows.assign(weight=np.random.default_rng(seed).uniform(0.05, 4, len(rows)))


def values(fitted):
    return np.array([[e.value, e.std_error] for e in fitted.estimates]).T


@pytest.mark.parametrize("columns", EFFECTS)
@settings(max_examples=up_to(3))
@given(seed=st.integers(0, 10_000), missing=st.floats(0.0, 0.4))
def test_weighted_panelols_equals_weighted_dummies(columns, seed, missing):
    rows = rows_of(seed, missing)
    got = fit(rows, "lnco2", TERMS, columns, "city_id", "weight")
    effects = fwl.Effects(*(fwl.codes(rows[c]) for c in columns.values()), rows["weight"].to_numpy())
    want = fwl.dummy_fit(
        rows["lnco2"].to_numpy(), rows[TERMS].to_numpy(dtype=float), effects, fwl.codes(rows["city_id"]), got.k_counted
    )
    order = [1, 2, 3, 4, 0]
    np.testing.assert_allclose(values(got)[0], want.params[order], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(values(got)[1], np.sqrt(np.diag(want.cov))[order], rtol=1e-9)
    mean = effects.mean(rows[TERMS].to_numpy(dtype=float))
    assert values(got)[0][-1] == pytest.approx(np.average(rows["lnco2"], weights=rows["weight"]) - mean @ values(got)[0][:-1])


@pytest.mark.parametrize("columns", EFFECTS)
def test_r2_and_errors_as_pyfixest_has_them_for_analytic_weights(columns):
    import pyfixest

    rows = rows_of(3)
    got = fit(rows, "lnco2", TERMS, columns, "city_id", "weight")
    other = pyfixest.feols(
        f"lnco2 ~ {' + '.join(TERMS)} | {' + '.join(columns.values())}",
        data=rows,
        vcov={"CRV1": "city_id"},
        weights="weight",
        demeaner=pyfixest.MapDemeaner(fixef_tol=1e-12),
    )
    np.testing.assert_allclose(values(got)[1][:-1], other.se().to_numpy(), rtol=1e-10)
    theirs = [other._r2, other._adj_r2, other._r2_within, other._adj_r2_within]
    np.testing.assert_allclose([got.r2.r2, got.r2.adj, got.r2.within, got.r2.within_adj], theirs, rtol=1e-10)


def test_the_scale_of_the_weights_changes_nothing_and_equal_weights_are_none():
    rows = rows_of(4)
    weighted = fit(rows, "lnco2", TERMS, EFFECTS[0], "city_id", "weight")
    scaled = fit(rows.assign(weight=rows["weight"] * 1000), "lnco2", TERMS, EFFECTS[0], "city_id", "weight")
    np.testing.assert_allclose(values(scaled), values(weighted), rtol=1e-9)
    assert scaled.n_obs == weighted.n_obs == len(rows)
    plain = fit(rows, "lnco2", TERMS, EFFECTS[0], "city_id")
    equal = fit(rows.assign(weight=7.0), "lnco2", TERMS, EFFECTS[0], "city_id", "weight")
    np.testing.assert_allclose(values(equal), values(plain), rtol=1e-9)
    np.testing.assert_allclose(equal.r2.within_adj, plain.r2.within_adj, rtol=1e-9)
    assert np.abs(values(weighted)[0] / values(plain)[0] - 1).max() > 1e-3


def test_a_planted_effect_is_projected_with_the_weights():
    rows = rows_of(5)
    effect = np.random.default_rng(0).normal(size=len(rows)) * rows["did"]
    with_effect = fit(rows.assign(lnco2=rows["lnco2"] + effect), "lnco2", TERMS, EFFECTS[0], "city_id", "weight")
    without = fit(rows, "lnco2", TERMS, EFFECTS[0], "city_id", "weight")
    effects = fwl.Effects(*(fwl.codes(rows[c]) for c in EFFECTS[0].values()), rows["weight"].to_numpy())
    moved = fwl.project(effect.to_numpy(), rows[TERMS].to_numpy(dtype=float), effects)[0]
    assert with_effect.estimates[0].value - without.estimates[0].value == pytest.approx(moved, rel=1e-9)


def test_residual_degrees_of_freedom_count_every_effect():
    rows = rows_of(6)
    got = fit(rows, "lnco2", TERMS, EFFECTS[0], "city_id")
    design = np.column_stack(
        [rows[TERMS].to_numpy(dtype=float), fwl.dummies(fwl.codes(rows["city_id"])), fwl.dummies(fwl.codes(rows["year"]))]
    )
    assert got.residual_df == len(rows) - np.linalg.matrix_rank(design)
