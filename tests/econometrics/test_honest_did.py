"""C-LF sets under Delta-RM: published values, the linear programs, coverage; smoothness and breakdown values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lead_panels import asking_study, dated_panel, path
from published_trends import (
    MEDICAID_BETA,
    MEDICAID_LEADS,
    MEDICAID_SIGMA,
    MPDTA_BETA,
    MPDTA_LEADS,
    MPDTA_SIGMA,
    RESTAURANTS_BETA,
    RESTAURANTS_LEADS,
    RESTAURANTS_SIGMA,
)
from tries import up_to

from citycarbon.econometrics import honest_clf
from citycarbon.econometrics.honest_clf import components, dual_vertices, relative_magnitude, restrictions
from citycarbon.econometrics.honest_did import RELATIVE, SINGLE, SMOOTH, breakdown, honest_rows, smoothness, support
from citycarbon.econometrics.lead_paths import path_of, single_years, targets

MEAN = np.full(4, 0.25)


def test_the_average_effect_on_mpdta_is_that_of_the_r_package():
    """Mbar = 1: [-0.207, 0.054] by honestdid and [-0.209, 0.045] by moderndid, each on grids of about 0.004."""
    found = relative_magnitude(MPDTA_BETA, MPDTA_SIGMA, MPDTA_LEADS, MEAN, 1.0)
    assert found.low == pytest.approx(-0.207, abs=0.0045) and found.high == pytest.approx(0.054, abs=0.0045)
    assert found.low < -0.207 and found.high > 0.054  # a grid point is accepted inside the set, the end of the set is not one


# lb and ub of the README of HonestDiD (R) to all digits of its results, by Mbar; Stata's honestdid prints the same to three.
MEDICAID_FIRST = {
    0.0: (0.0287656312, 0.0643104239), 0.5: (0.0240018961, 0.0672419532), 1.0: (0.0170395140, 0.0720056883),
    1.5: (0.0082449261, 0.0797009527), 2.0: (-0.0009161029, 0.0881290994),
}  # fmt: skip
MEDICAID_MEAN = {
    0.0: (0.0405304671, 0.0751225625), 0.5: (0.0321417832, 0.0798156016), 1.0: (0.0193843173, 0.0901485615),
    1.5: (0.0058242649, 0.1035014948), 2.0: (-0.0085383741, 0.1172486154),
}  # fmt: skip


@pytest.mark.parametrize("mbar", MEDICAID_FIRST)
@pytest.mark.parametrize(("published", "weights"), [(MEDICAID_FIRST, [1.0, 0.0]), (MEDICAID_MEAN, [0.5, 0.5])])
def test_sets_of_the_medicaid_expansion_are_those_of_the_r_package(mbar, published, weights):
    """HonestDiD gives points of a grid of 1,000 over 40 standard errors, and simulates its critical value from 1,000 draws."""
    w = np.array(weights)
    step = 40 * np.sqrt(w @ MEDICAID_SIGMA[5:, 5:] @ w) / 999
    found = relative_magnitude(MEDICAID_BETA, MEDICAID_SIGMA, MEDICAID_LEADS, w, mbar)
    assert (found.low, found.high) == pytest.approx(published[mbar], abs=step)


def test_the_set_of_the_restaurants_is_that_of_the_r_package():
    """Mbar 1: [0.0706, 0.3184] by HonestDiD on a grid of 200 points over 40 standard errors."""
    step = 40 * np.sqrt(RESTAURANTS_SIGMA[4, 4]) / 199
    found = relative_magnitude(RESTAURANTS_BETA, RESTAURANTS_SIGMA, RESTAURANTS_LEADS, np.eye(4)[0], 1.0)
    assert (found.low, found.high) == pytest.approx((0.0705524436, 0.3184394077), abs=1.1 * step)


def test_smoothness_on_mpdta_is_the_published_interval():
    """M = 0: [-0.1200, -0.0225] by HonestDiD, honestdid and moderndid."""
    low, high, _ = smoothness(path((-4, -3, -2, 0, 1, 2, 3), MPDTA_LEADS, MPDTA_BETA, MPDTA_SIGMA), MEAN, 0.0)
    assert (low, high) == pytest.approx((-0.1200, -0.0225), abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("m", "low", "high"),
    [(0.0, 0.0259414790, 0.0607257864), (0.01, 0.0131970252, 0.0786707425), (0.03, -0.0071425764, 0.1007156118)],
)
def test_smoothness_of_the_medicaid_expansion_is_that_of_the_r_package(m, low, high):
    """HonestDiD simulates the quantile of the folded normal: 3e-5 apart."""
    found = smoothness(path((-6, -5, -4, -3, -2, 0, 1), MEDICAID_LEADS, MEDICAID_BETA, MEDICAID_SIGMA), np.array([1.0, 0.0]), m)
    assert found[:2] == pytest.approx((low, high), abs=5e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("m", "low", "high"),
    [(0.0, 0.1314113160, 0.2161696482), (0.1, 0.1194440001, 0.4185082143), (0.2, 0.0194440001, 0.5185082143)],
)
def test_smoothness_of_the_restaurants_is_that_of_the_r_package(m, low, high):
    times = (-5, -4, -3, -2, 0, 1, 2, 3)
    found = smoothness(path(times, RESTAURANTS_LEADS, RESTAURANTS_BETA, RESTAURANTS_SIGMA), np.eye(4)[0], m)
    assert found[:2] == pytest.approx((low, high), abs=1e-4)


def test_restrictions_written_out():
    """Two leads, one lag, s the first difference (from -3 to -2), positive: the others are at most as large, the lag mbar x."""
    a = restrictions(2, 1, 0.5, -1, 1)
    delta = np.array([1.0, 3.0, -0.9])  # at -3, -2, 0; the base -1 has 0: steps 2, -3, -0.9
    assert not np.all(a @ delta <= 1e-12)  # the second step is larger than the first
    assert np.all(restrictions(2, 1, 0.5, 0, -1) @ delta <= 1e-12)  # s the last, negative: 3 is the largest, 0.9 <= 0.5 x 3
    assert not np.all(restrictions(2, 1, 0.2, 0, -1) @ delta <= 1e-12)


def by_programs(a, beta, covariance, leads, weights, theta):
    """eta, and the range of eta over which its multipliers stay the best, by HiGHS; ``a`` the rows of one component."""
    from scipy.optimize import linprog

    sigma = a @ covariance @ a.T
    pivot = int(np.abs(weights).argmax())
    inverse = np.linalg.inv(np.vstack([weights, np.delete(np.eye(len(weights)), pivot, axis=0)]))
    post = a[:, leads:] @ inverse
    y, x, sd = a @ beta - post[:, 0] * theta, post[:, 1:], np.sqrt(np.diag(sigma))
    k = x.shape[1]
    free = {"bounds": (None, None), "method": "highs"}
    solved = linprog(np.r_[1.0, np.zeros(k)], A_ub=-np.column_stack([sd, x]), b_ub=-y, **free)
    eta, gamma = solved.fun, -solved.ineqlin.marginals
    variance = gamma @ sigma @ gamma
    if variance < 1e-12:
        return eta, -np.inf, np.inf
    direction = sigma @ gamma / variance
    left, right = np.column_stack([direction - sd, -x]), -(y - direction * eta)
    ends = [linprog(np.r_[sign, np.zeros(k)], A_ub=left, b_ub=right, **free) for sign in (1.0, -1.0)]
    low, high = (sign * e.fun if e.status == 0 else -sign * np.inf for sign, e in zip((1.0, -1.0), ends, strict=True))
    return eta, min(low, eta), max(high, eta)


@settings(max_examples=up_to(6), deadline=None)
@given(seed=st.integers(0, 10_000), leads=st.integers(1, 3), lags=st.integers(1, 4), mbar=st.floats(0, 2))
def test_the_vertices_solve_the_linear_programs(seed, leads, lags, mbar):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(leads + lags, leads + lags)) * 0.3 + np.eye(leads + lags)
    beta, weights, covariance = rng.normal(size=leads + lags), rng.normal(size=lags), root @ root.T
    parts = components(beta, covariance, leads, weights, mbar, 0.05)
    rows = [restrictions(leads, lags, mbar, s, sign) for s in range(1 - leads, 1) for sign in (1, -1)]
    for part, a in list(zip(parts, rows, strict=True))[:3]:
        a = a[np.any(a[:, leads:] != 0, axis=1)] if lags > 1 else a
        values = rng.normal(0, 2, 3)
        y = part.level[:, None] - part.slope[:, None] * values
        eta, _, low, high = honest_clf._by_vertices(part, y)
        for i, theta in enumerate(values):
            solved = by_programs(a, beta, covariance, leads, weights, theta)
            assert solved[0] == pytest.approx(eta[i], abs=1e-8)
            assert solved[1:] == pytest.approx((low[i], high[i]), abs=1e-6)


@settings(max_examples=up_to(30), deadline=None)
@given(seed=st.integers(0, 10_000), lags=st.integers(1, 6))
def test_vertices_are_dual_feasible(seed, lags):
    """g >= 0, g'sd = 1, and what they load on the effects is a multiple of the weights."""
    rng = np.random.default_rng(seed)
    weights, a = rng.normal(size=lags), restrictions(2, lags, 1.0, 0, 1)
    a = a[np.any(a[:, 2:] != 0, axis=1)] if lags > 1 else a
    sd = rng.uniform(0.5, 2, len(a))
    found = dual_vertices(sd, weights)
    assert np.all(found >= 0) and np.allclose(found @ sd, 1)
    elsewhere = np.eye(lags) - np.outer(weights, weights) / (weights @ weights)
    assert np.allclose(found @ a[:, 2:] @ elsewhere, 0, atol=1e-9)


def test_a_value_inside_the_set_is_not_lost_to_rounding():
    """Mbar 0: both rows of a difference are met exactly at the estimate, so that eta is zero up to rounding."""
    beta, sigma = np.array([0.04, -0.02, -0.9, -0.7, -0.65]), 0.01 * (np.eye(5) + 0.3)
    assert relative_magnitude(beta, sigma, 2, np.full(3, 1 / 3), 0.0).note == ""


def test_many_lags_are_no_harder():
    sigma = 0.01 * (np.eye(16) + 0.5)
    found = relative_magnitude(np.r_[0.0, 0.0, np.full(14, -1.0)], sigma, 2, np.full(14, 1 / 14), 0.5)
    assert found.low < -1 < found.high


def test_differences_without_variance_are_refused():
    with pytest.raises(ValueError, match="no variance"):
        relative_magnitude(np.array([0.1, 0.2, 0.3]), np.ones((3, 3)), 1, np.array([0.5, 0.5]), 0.0)


def test_sets_grow_with_mbar_and_hold_the_estimate():
    found = [relative_magnitude(MPDTA_BETA, MPDTA_SIGMA, MPDTA_LEADS, MEAN, m) for m in (0.0, 0.5, 1.0, 2.0)]
    assert all(b.low < a.low and b.high > a.high for a, b in zip(found, found[1:], strict=False))
    assert all(f.low < MEAN @ MPDTA_BETA[3:] < f.high for f in found)


@pytest.mark.slow
def test_the_set_covers_an_effect_whose_trend_breaks_as_much_as_before():
    """delta breaks after adoption exactly as it did before (Mbar = 1): covered in at least 95 % up to simulation error."""
    delta, tau = np.array([0.1, 0.0, -0.1]), -0.3  # at -2, 0 and the lag is one more step of the same size
    sigma = 0.01 * (0.5 * np.eye(3) + 0.5)
    root = np.linalg.cholesky(sigma)
    rng = np.random.default_rng(4)
    covered, tries = 0, 300
    for _ in range(tries):
        beta = delta + np.array([0, tau, tau]) + root @ rng.standard_normal(3)
        found = relative_magnitude(beta, sigma, 1, np.array([1.0, 0.0]), 1.0)
        covered += found.low <= tau <= found.high
    assert covered / tries >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / tries)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"leads": 0}, "0 leads"),
        ({"leads": 7}, "0 lags"),
        ({"weights": np.zeros(4)}, "all weights"),
        ({"sigma": np.zeros((7, 7))}, "variance is not known"),
        ({"beta": np.full(7, np.nan)}, "not known"),
        ({"weights": np.ones(2)}, "do not fit"),
    ],
)
def test_inputs_that_cannot_be_are_refused(change, words):
    given = {"beta": MPDTA_BETA, "sigma": MPDTA_SIGMA, "leads": MPDTA_LEADS, "weights": MEAN, "mbar": 1.0} | change
    with pytest.raises(ValueError, match=words):
        relative_magnitude(**given)


def test_breakdown_is_where_the_interval_first_holds_zero():
    def at(m: float) -> tuple[float, float, str]:
        return -1.0, m - 0.3, ""

    found, why = breakdown(at, {0.0: (-1, -0.3), 0.5: (-1, 0.2)}, 20.0)
    assert found == pytest.approx(0.3, abs=1e-5) and why == ""
    assert breakdown(at, {0.0: (-1, 0.1)}, 20.0)[1].startswith("none")
    assert breakdown(at, {0.0: (-1, -0.3)}, 20.0)[0] == pytest.approx(0.3, abs=1e-5)
    assert "not reached" in breakdown(lambda m: (-1.0, -0.5, ""), {0.0: (-1, -0.5)}, 20.0)[1]


def test_breakdown_is_not_known_where_an_interval_is_not():
    nan = float("nan")
    assert "no interval at 0" in breakdown(lambda m: (nan, nan, ""), {0.0: (nan, nan)}, 20.0)[1]
    assert "no interval at" in breakdown(lambda m: (nan, nan, ""), {0.0: (-1, -0.5)}, 20.0)[1]
    found, _ = breakdown(lambda m: (-np.inf, m - 0.3, ""), {0.0: (-1, -0.3), 0.5: (-np.inf, np.inf)}, 20.0)
    assert found == pytest.approx(0.3, abs=1e-4)


@pytest.mark.slow
def test_rows_of_a_study_hold_estimates_of_its_event_study(base_study):
    from citycarbon.econometrics.event_study import event_study

    panel, study = dated_panel(), asking_study(base_study)
    rows = honest_rows(panel, study)
    frame = event_study(panel, study, draws=9)
    headline = frame[frame["is_headline"]].set_index("event_time")["estimate"]
    first = next(r for r in rows if r["analysis"] == RELATIVE and r["variant"] == "first")
    mean = next(r for r in rows if r["analysis"] == RELATIVE and r["variant"] == "mean")
    assert first["estimate"] == pytest.approx(headline[0], rel=1e-12)
    assert mean["estimate"] == pytest.approx(headline[[0, 1, 2]].mean(), rel=1e-12)
    assert all("treated cities by event time" in r["note"] for r in rows)
    single = {f"{target}{SINGLE}{end}" for target in ("first", "mean") for end in ("", ": breakdown")}
    assert {r["variant"] for r in rows if r["analysis"] == SMOOTH} == single
    assert {r["variant"] for r in rows} == single | {"first", "mean", "first: breakdown", "mean: breakdown"}


def test_single_years_leave_out_bins_of_many_years_alone(base_study):
    panel = dated_panel()
    whole = path_of(panel, asking_study(base_study))
    found = single_years(whole)
    assert whole.times == (-3, -2, 0, 1, 2) and whole.elapsed[0] < -2 and whole.elapsed[-1] > 3
    assert found.times == (-2, 0, 1) and found.leads == 1 and found.bins == ()
    later = path_of(panel, asking_study(base_study, last=3))  # the last year of the panel: no other year is in this bin
    assert single_years(later).times == (-2, 0, 1, 2, 3) and single_years(later).bins == ("t+3 and after",)
    unbinned = path_of(panel, asking_study(base_study, bin_ends=False))
    assert single_years(unbinned) is unbinned
    alone = path_of(panel, asking_study(base_study, first=-2, last=0))  # both ends are bins, and nothing is between
    assert len(alone.bins) == 2 and single_years(alone) is alone


def test_targets_start_at_adoption():
    """With the base two years before, the year in between is no effect of the policy."""
    anticipating = path((-3, -1, 0, 1), 1, np.zeros(4), np.eye(4))
    assert {k: v.tolist() for k, v in targets(anticipating).items()} == {"first": [0, 1, 0], "mean": [0, 0.5, 0.5]}
    assert list(targets(path((-2, 0), 1, np.zeros(2), np.eye(2)))) == ["first"]


def test_the_note_speaks_of_few_cities_where_there_are_few():
    few = path((-2, 0), 1, np.zeros(2), np.eye(2))
    assert "so few" in support(few) and "so few" not in support(replace(few, treated=(120, 118)))


@pytest.mark.parametrize(
    ("event", "options", "reason"),
    [
        ({"first": -1}, {}, "no leads"),
        ({"last": -1}, {}, "no lags"),
        ({}, {"treated": 0}, "can be estimated"),
        ({}, {"missing": 1.0}, "no rows"),
    ],
)
def test_an_event_study_without_leads_or_lags_says_so(base_study, event, options, reason):
    panel, study = dated_panel(**options), asking_study(base_study, **event)
    assert reason in path_of(panel, study)
    rows = honest_rows(panel, study)
    assert len(rows) == 4 and all(reason in r["note"] for r in rows)


def test_a_study_that_does_not_ask_has_no_rows(base_study):
    assert honest_rows(dated_panel(), base_study.model_copy(update={"extensions": None})) == []
