"""The score: logit against statsmodels, Firth's logit against cases solved by hand and a general optimiser, separation."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tries import up_to

from citycarbon.econometrics.propensity import fit_score, separation


def draw(seed, n=300, k=3, slope=1.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, k)) * [1.0, 30.0, 0.02][:k] + [10.0, -5.0, 0.3][:k]
    eta = -1.5 + slope * (x - x.mean(axis=0)) / x.std(axis=0) @ np.array([1.0, -0.5, 0.2])[:k]
    return x, rng.random(n) < 1 / (1 + np.exp(-eta))


def table(treated_1, control_1, treated_0, control_0):
    """One binary covariate: counts of treated and controls where it is 1, and where it is 0."""
    x = np.r_[np.ones(treated_1 + control_1), np.zeros(treated_0 + control_0)][:, None]
    treated = np.repeat([True, False, True, False], [treated_1, control_1, treated_0, control_0])
    return x, treated


@settings(max_examples=up_to(5))
@given(seed=st.integers(0, 10_000))
def test_logit_equals_statsmodels(seed):
    import statsmodels.api as sm

    x, treated = draw(seed)
    got = fit_score(x, treated)
    want = sm.Logit(treated.astype(float), sm.add_constant(x)).fit(disp=0, method="newton", tol=1e-13, maxiter=100)
    np.testing.assert_allclose(got.coefficients, want.params, rtol=1e-8)
    np.testing.assert_allclose(got.probability, want.predict(), atol=1e-8)
    assert got.reason == "" and got.separation == "none"


@pytest.mark.parametrize(
    ("cells", "kind"), [((3, 5, 2, 9), "none"), ((0, 5, 2, 9), "quasi-complete"), ((3, 0, 0, 9), "complete")]
)
def test_firth_adds_one_half_to_every_cell_of_a_two_by_two_table(cells, kind):
    """Solved by hand: in the saturated case the penalised fit is the odds of the cells plus 1/2 (Firth 1993)."""
    a, b, c, d = (n + 0.5 for n in cells)
    got = fit_score(*table(*cells), penalised=True)
    np.testing.assert_allclose(got.coefficients, [np.log(c / d), np.log(a * d / (b * c))], rtol=1e-8)
    assert got.separation == kind and got.reason == ""


def test_firth_with_as_many_parameters_as_rows_shrinks_each_row_to_the_middle():
    """Leverages are one, so that y - p + 1/2 - p = 0 in every row."""
    x, treated = np.random.default_rng(3).normal(size=(5, 4)), np.array([True, False, True, False, False])
    np.testing.assert_allclose(fit_score(x, treated, True).probability, np.where(treated, 0.75, 0.25), rtol=1e-8)


def test_a_logit_under_separation_has_no_score_and_says_why():
    for cells, word in (((0, 5, 2, 9), "quasi-completely"), ((3, 0, 0, 9), "completely")):
        got = fit_score(*table(*cells))
        assert np.isnan(got.probability).all() and np.isnan(got.coefficients).all()
        assert got.reason == f"the covariates separate treated from controls {word}: a logit score has no maximum"


@settings(max_examples=up_to(5))
@given(seed=st.integers(0, 10_000))
def test_firth_maximises_the_penalised_likelihood(seed):
    from scipy.optimize import minimize

    x, treated = draw(seed, n=40)
    z = np.column_stack([np.ones(40), (x - x.mean(axis=0)) / x.std(axis=0)])

    def loss(beta):
        eta = z @ beta
        p = 1 / (1 + np.exp(-eta))
        return -(np.where(treated, eta, 0) - np.logaddexp(0, eta)).sum() - 0.5 * np.linalg.slogdet(z.T * (p * (1 - p)) @ z)[1]

    best = minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-9})
    got = fit_score(x, treated, penalised=True)
    np.testing.assert_allclose(got.probability, 1 / (1 + np.exp(-z @ best.x)), atol=1e-5)


@settings(max_examples=up_to(10))
@given(seed=st.integers(0, 10_000), penalised=st.booleans())
def test_units_and_redundant_covariates_change_no_probability(seed, penalised):
    x, treated = draw(seed, n=80)
    want = fit_score(x, treated, penalised)
    assume(not want.reason)
    more = np.column_stack([x * [1e6, 1e-6, 1.0] + [0.0, 50.0, 0.0], np.full(80, 3.0), x[:, 0] - 2 * x[:, 1]])
    np.testing.assert_allclose(fit_score(more, treated, penalised).probability, want.probability, atol=1e-8)


@settings(max_examples=up_to(10))
@given(seed=st.integers(0, 10_000))
def test_equal_covariates_have_equal_scores_to_the_last_digit(seed):
    x, treated = draw(seed, n=61)
    twice = np.repeat(x, 2, axis=0)
    score = fit_score(twice, np.repeat(treated, 2)).probability
    assert (score[::2] == score[1::2]).all()


def test_separation_by_a_combination_that_no_covariate_shows_alone():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(60, 2))
    treated = x[:, 0] + x[:, 1] > 1.0
    assert separation(np.column_stack([np.ones(60), x]), treated) == "complete"
    assert separation(np.column_stack([np.ones(60), x[:, :1]]), treated) == "none"
    assert fit_score(x, treated).separation == "complete"


def test_one_group_alone_has_no_score():
    x = np.arange(4.0)[:, None]
    assert fit_score(x, np.zeros(4, dtype=bool)).reason == "0 treated of 4: a score needs both groups"
    assert fit_score(x, np.ones(4, dtype=bool)).reason == "4 treated of 4: a score needs both groups"
    assert fit_score(x[:0], np.zeros(0, dtype=bool)).reason == "0 treated of 0: a score needs both groups"
