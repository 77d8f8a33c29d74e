"""Intervals by inversion are exactly the effects that the randomisation test does not reject."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_panels import CONTROLS, make_panel
from tries import up_to

from citycarbon.econometrics import inversion
from citycarbon.econometrics.inversion import interval_beta, interval_t, needed
from citycarbon.econometrics.randomisation import Experiment, p_value, redraw


def case(seed=1, draws=399, treated=4, cities=24, controls=(), **kwargs):
    panel = make_panel(seed=seed, treated=treated, cities=cities, **kwargs)
    rows = panel[panel["in_sample"]].rename(columns={"did_ai_pilot": "did"})
    experiment = Experiment.build(rows, "lnco2", "did", list(controls), ("city_id", "year"))
    return experiment.actual(), redraw(experiment.design, experiment.scheme, seed, draws)


def p_of_effect(actual, drawn, effect):
    """p of the test on t, and of that on b, for the hypothesis of this constant effect."""
    weights, b = (1.0, -effect), actual.beta()[0]
    return p_value(drawn.t(weights), (b - effect) / actual.std_error()[0]), p_value(drawn.beta(weights), b - effect)


@settings(max_examples=up_to(8))
@given(seed=st.integers(0, 9999), controls=st.integers(0, 3), noise=st.sampled_from([0.02, 0.3, 2.0]))
def test_the_ends_are_where_the_test_begins_to_reject(seed, controls, noise):
    actual, drawn = case(seed, controls=CONTROLS[:controls], noise=noise)
    se = actual.std_error()[0]
    for i, found in enumerate((interval_t(actual, drawn), interval_beta(actual, drawn))):
        step = 1e-7 * se
        for end, out in ((found.low, -1), (found.high, 1)):
            assert p_of_effect(actual, drawn, end - out * step)[i] > 0.05 >= p_of_effect(actual, drawn, end + out * step)[i]
        for far in np.linspace(0.1, 40, 20) * se:  # and nowhere beyond
            assert p_of_effect(actual, drawn, found.high + far)[i] <= 0.05
            assert p_of_effect(actual, drawn, found.low - far)[i] <= 0.05


@settings(max_examples=up_to(40))
@given(seed=st.integers(0, 99999), n=st.integers(3, 40), share=st.floats(0.05, 0.95))
def test_the_outermost_piece_is_found_among_holes(seed, n, share):
    """Polynomials with few and small scores: sets with holes and islands, which the draws of a real panel hardly have."""
    rng = np.random.default_rng(seed)
    s, d = rng.normal(size=(2, n, 2)) * rng.lognormal(0, 1, size=(2, n, 1))
    a, e = rng.normal(size=(2, n)) * 3
    parts = np.stack([a, e, (s * s).sum(1), (s * d).sum(1), (d * d).sum(1)])
    need = max(1, int(share * n))
    end = inversion._quartic_end(parts, need)

    def count(z):
        a, e, q0, q1, q2 = parts[:, :, None]
        return ((a - z * e) ** 2 >= z**2 * (q0 - 2 * z * q1 + z**2 * q2)).sum(axis=0)

    assert count(np.array([end, end * (1 - 1e-9)])).max() >= need
    assert count(end + np.concatenate([np.linspace(1e-6, 5, 4000), np.geomspace(5, 1e4, 500)])).max() < need


def test_a_hole_is_covered_by_the_hull_and_an_island_is_kept():
    # One draw, extreme near 0 and again around z = 3; the other only near 0.
    roots = np.array([[1.0, 0.5], [2.5, np.nan], [3.5, np.nan]])
    assert inversion._hull_end(roots, np.array([False, False]), 1) == 3.5
    assert inversion._hull_end(roots, np.array([False, False]), 2) == 0.5
    assert inversion._hull_end(roots[:2], np.array([True, False]), 1) == np.inf


def test_zero_is_inside_exactly_where_the_p_value_says_so():
    inside, outside = case(3, noise=1.5), case(3, noise=0.02)
    for (actual, drawn), contained in ((inside, True), (outside, False)):
        found = interval_t(actual, drawn)
        assert (found.low <= 0 <= found.high) == contained == (p_value(drawn.t(), actual.t()[0]) > 0.05)


def test_the_interval_moves_with_the_outcome():
    """Adding a constant effect to the outcome moves both ends by it; scaling the outcome scales them."""
    panel = make_panel(treated=5)
    rows = panel[panel["in_sample"]].rename(columns={"did_ai_pilot": "did"})

    def ends(frame):
        e = Experiment.build(frame, "lnco2", "did", CONTROLS, ("city_id", "year"))
        drawn = redraw(e.design, e.scheme, 5, 399)
        t, b = interval_t(e.actual(), drawn), interval_beta(e.actual(), drawn)
        return np.array([t.low, t.high, b.low, b.high])

    want = ends(rows)
    np.testing.assert_allclose(ends(rows.assign(lnco2=rows["lnco2"] + 0.4 * rows["did"])), want + 0.4, rtol=1e-8)
    np.testing.assert_allclose(ends(rows.assign(lnco2=rows["lnco2"] * -3)), -3 * want[[1, 0, 3, 2]], rtol=1e-8)


def test_too_few_other_assignments_leave_the_interval_unbounded_with_a_reason():
    actual, drawn = case(treated=1, cities=9)  # nine assignments: each repeats the actual one in a ninth of the draws
    for found in (interval_t(actual, drawn), interval_beta(actual, drawn)):
        assert (found.low, found.high) == (-np.inf, np.inf)
        assert found.note.startswith("interval unbounded (low and high)")


def test_no_statistic_gives_no_interval():
    actual, drawn = case(noise=0.0)
    panel = make_panel()
    rows = panel[panel["in_sample"]].rename(columns={"did_ai_pilot": "did"})
    rows = rows.assign(lnco2=rows["year"] - 0.3 * rows["did"])
    exact = Experiment.build(rows, "lnco2", "did", [], ("city_id", "year")).actual()
    found = interval_t(exact, drawn)
    assert np.isnan([found.low, found.high]).all() and found.note


@pytest.mark.parametrize(("draws", "number"), [(99999, 5000), (9999, 500), (1000, 50), (19, 1), (10, 0)])
def test_needed_is_the_smallest_number_above_five_per_cent(draws, number):
    assert needed(draws) == number
    assert (1 + number) / (draws + 1) > 0.05
    assert number == 0 or number / (draws + 1) <= 0.05 + 1e-12
