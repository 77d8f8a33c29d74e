"""C-LF sets under Delta-RM: published values, vertices against linear programs, coverage; smoothness and breakdown values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lead_panels import asking_study, dated_panel, path
from tries import up_to

from citycarbon.econometrics import honest_clf
from citycarbon.econometrics.honest_clf import accepts, components, dual_vertices, relative_magnitude, restrictions
from citycarbon.econometrics.honest_did import RELATIVE, SMOOTH, breakdown, honest_rows, smoothness
from citycarbon.econometrics.lead_paths import path_of

# Event study of mpdta (minimum wage and teen employment, shipped with the R package did), Callaway and Sant'Anna with a
# universal base period: event times -4, -3, -2, 0, 1, 2, 3 and their covariance from influence functions (diff-diff 3.13.0).
BETA = np.array([0.00330636, 0.02502183, 0.02445874, -0.01993182, -0.05095737, -0.13725874, -0.10081136])
SIGMA = 1e-4 * np.array(
    [
        [5.97894090, 3.35907355, 2.10815323, 0.284213133, -0.824643290, -2.13553506, -1.71692260],
        [3.35907355, 3.28295287, 1.77151308, 0.382262676, -0.426743055, -1.31135751, -0.969870572],
        [2.10815323, 1.77151308, 2.02675148, 0.332679318, -0.403565694, -0.957474387, -0.643409319],
        [0.284213133, 0.382262676, 0.332679318, 1.39862887, 0.615316221, 0.437211453, 0.656218011],
        [-0.824643290, -0.426743055, -0.403565694, 0.615316221, 2.85389540, 3.60401046, 3.25273647],
        [-2.13553506, -1.31135751, -0.957474387, 0.437211453, 3.60401046, 13.2755763, 8.65573815],
        [-1.71692260, -0.969870572, -0.643409319, 0.656218011, 3.25273647, 8.65573815, 11.8055640],
    ]
)
MEAN = np.full(4, 0.25)


def test_the_average_effect_on_mpdta_is_that_of_the_r_package():
    """Mbar = 1: [-0.207, 0.054] by honestdid and [-0.209, 0.045] by moderndid, each on grids of about 0.004."""
    found = relative_magnitude(BETA, SIGMA, 3, MEAN, 1.0)
    assert found.low == pytest.approx(-0.207, abs=0.0045) and found.high == pytest.approx(0.054, abs=0.0045)
    assert found.low < -0.207 and found.high > 0.054  # a grid point is accepted inside the set, the end of the set is not one


def test_smoothness_on_mpdta_is_the_published_interval():
    """M = 0: [-0.1200, -0.0225] by HonestDiD, honestdid and moderndid."""
    low, high, _ = smoothness(path((-4, -3, -2, 0, 1, 2, 3), 3, BETA, SIGMA), MEAN, 0.0)
    assert (low, high) == pytest.approx((-0.1200, -0.0225), abs=1e-4)


def test_restrictions_written_out():
    """Two leads, one lag, s the first difference (from -3 to -2), positive: the others are at most as large, the lag mbar x."""
    a = restrictions(2, 1, 0.5, -1, 1)
    delta = np.array([1.0, 3.0, -0.9])  # at -3, -2, 0; the base -1 has 0: steps 2, -3, -0.9
    assert not np.all(a @ delta <= 1e-12)  # the second step is larger than the first
    assert np.all(restrictions(2, 1, 0.5, 0, -1) @ delta <= 1e-12)  # s the last, negative: 3 is the largest, 0.9 <= 0.5 x 3
    assert not np.all(restrictions(2, 1, 0.2, 0, -1) @ delta <= 1e-12)


@settings(max_examples=up_to(6), deadline=None)
@given(seed=st.integers(0, 10_000), leads=st.integers(1, 3), lags=st.integers(1, 3), mbar=st.floats(0, 2))
def test_vertices_and_linear_programs_are_the_same_test(seed, leads, lags, mbar):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(leads + lags, leads + lags)) * 0.3 + np.eye(leads + lags)
    beta, weights = rng.normal(size=leads + lags), rng.dirichlet(np.ones(lags))
    values = np.linspace(-4, 4, 9)
    for part in components(beta, root @ root.T, leads, weights, mbar, 0.05):
        by_programs = honest_clf.Component(part.level, part.slope, part.nuisance, part.sigma, None, part.critical)
        y = part.level[:, None] - part.slope[:, None] * values
        eta, _, low, high = honest_clf._by_vertices(part, part.vertices, y)
        for i in range(len(values)):
            solved = honest_clf._by_programs(by_programs, y[:, i])
            assert solved[0] == pytest.approx(eta[i], abs=1e-8)
            assert solved[2:] == pytest.approx((low[i], high[i]), rel=1e-6, abs=1e-6)
        assert (accepts(part, values, 0.05) == accepts(by_programs, values, 0.05)).all()


def test_vertices_are_those_of_the_dual():
    sd, x = np.array([1.0, 2.0, 1.0]), np.array([[1.0], [-1.0], [1.0]])
    found = dual_vertices(sd, x)
    assert np.all(found >= 0) and np.allclose(found @ sd, 1) and np.allclose(found @ x, 0)
    assert len(found) == 2  # rows (1, 2) and (2, 3); (1, 3) cannot balance


@pytest.mark.slow
def test_too_many_vertices_go_to_the_programs(monkeypatch):
    whole = relative_magnitude(BETA[2:5], SIGMA[2:5, 2:5], 1, np.array([0.5, 0.5]), 1.0)
    monkeypatch.setattr(honest_clf, "VERTICES_LIMIT", 1)
    monkeypatch.setattr(honest_clf, "COARSE", 41)
    by_programs = relative_magnitude(BETA[2:5], SIGMA[2:5, 2:5], 1, np.array([0.5, 0.5]), 1.0)
    assert (by_programs.low, by_programs.high) == pytest.approx((whole.low, whole.high), abs=2e-3)


def test_sets_grow_with_mbar_and_hold_the_estimate():
    found = [relative_magnitude(BETA, SIGMA, 3, MEAN, m) for m in (0.0, 0.5, 1.0, 2.0)]
    assert all(b.low < a.low and b.high > a.high for a, b in zip(found, found[1:], strict=False))
    assert all(f.low < MEAN @ BETA[3:] < f.high for f in found)


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
    given = {"beta": BETA, "sigma": SIGMA, "leads": 3, "weights": MEAN, "mbar": 1.0} | change
    with pytest.raises(ValueError, match=words):
        relative_magnitude(**given)


def test_breakdown_is_where_the_interval_first_holds_zero():
    def at(m: float) -> tuple[float, float, str]:
        return -1.0, m - 0.3, ""

    found, why = breakdown(at, {0.0: (-1, -0.3), 0.5: (-1, 0.2)}, 20.0)
    assert found == pytest.approx(0.3, abs=0.5 / 2**7) and why == ""
    assert breakdown(at, {0.0: (-1, 0.1)}, 20.0)[1].startswith("none")
    assert breakdown(at, {0.0: (-1, -0.3)}, 20.0)[0] == pytest.approx(0.3, abs=0.4 / 2**7)
    assert "not reached" in breakdown(lambda m: (-1.0, -0.5, ""), {0.0: (-1, -0.5)}, 20.0)[1]


@pytest.mark.slow
def test_rows_of_a_study_hold_estimates_of_its_event_study(base_study):
    from citycarbon.econometrics.event_study import event_study

    panel, study = dated_panel(), asking_study(base_study)
    rows = honest_rows(panel, study)
    frame = event_study(panel, study, draws=9)
    headline = frame[frame["is_headline"]].set_index("event_time")["estimate"]
    first = next(r for r in rows if r["analysis"] == RELATIVE and r["variant"] == "first")
    mean = next(r for r in rows if r["analysis"] == SMOOTH and r["variant"] == "mean")
    assert first["estimate"] == pytest.approx(headline[0], rel=1e-12)
    assert mean["estimate"] == pytest.approx(headline[[0, 1, 2]].mean(), rel=1e-12)
    assert all("treated cities by event time" in r["note"] for r in rows)
    assert {r["variant"] for r in rows} == {"first", "mean", "first: breakdown", "mean: breakdown"}


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
