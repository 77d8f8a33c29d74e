"""ATT(g, t): points and errors against the package and against their definition, samples with holes, the covariate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from staggered_grids import other, random_grid, repeated
from tries import up_to

from citycarbon.econometrics import staggered_analytic as analytic
from citycarbon.econometrics.staggered_cells import (
    HOW,
    NEVER,
    NOT_YET,
    PAIRS,
    SECTIONS,
    callaway_santanna,
    cells,
    doubly_robust,
    influence,
    treated_rows,
)
from citycarbon.econometrics.staggered_estimators import doubly_robust as doubly_robust_estimator
from citycarbon.econometrics.staggered_estimators import estimate

SEEDS = st.integers(0, 10_000)


def error(grid, *how):
    return float(np.sqrt((influence(grid, *how) ** 2).sum()))


@pytest.mark.parametrize("control", [NEVER, NOT_YET])
@settings(max_examples=up_to(6), deadline=None)
@given(seed=SEEDS)
def test_points_and_errors_are_those_of_the_package(control, seed):
    """Points on any grid; errors where it is balanced."""
    holes, whole = random_grid(seed), random_grid(seed, missing=0.0)
    for how in ("simple", "dynamic"):
        for rows in (PAIRS, SECTIONS):
            value, _ = analytic.callaway_santanna_package(holes, how, control, rows)
            assert callaway_santanna(holes, how, control, rows) == pytest.approx(value, abs=1e-10)
        assert error(whole, how, control) == pytest.approx(
            analytic.callaway_santanna_package(whole, how, control)[1], abs=1e-10
        )


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("rows", [PAIRS, SECTIONS])
def test_influence_is_the_derivative_with_respect_to_a_citys_weight(how, rows):
    """One copy of a city more and one less among a hundred of each; exact in the limit of many."""
    grid, copies = random_grid(5), 100
    found = influence(grid, how, NEVER, rows)
    for city in (0, 3, 5, 9, 20):
        times = np.full(len(grid.cities), copies)
        more, less = times.copy(), times.copy()
        more[city] += 1
        less[city] -= 1
        a, b = (callaway_santanna(repeated(grid, t), how, NEVER, rows) for t in (more, less))
        assert found[city] == pytest.approx((a - b) / 2 * copies, rel=2e-3, abs=1e-6)
    assert found.sum() == pytest.approx(0, abs=1e-10)


def test_averages_by_hand():
    """Two cohorts, one city each against one that does not move: cells of 1, 2, 3 (2011 on) and of 5 (2013)."""
    grid = other(random_grid(0, missing=0.0, cities=8))
    y = np.zeros((3, 4))
    y[0, 1:], y[1, 3] = [1, 2, 3], 5
    grid = type(grid)(np.arange(3), np.arange(2010, 2014), y, np.array([2011, 2013, np.inf]))
    assert {(c.cohort, c.year): c.value for c in cells(grid)} == {
        (2011, 2011): 1,
        (2011, 2012): 2,
        (2011, 2013): 3,
        (2013, 2013): 5,
    }
    expected = {"simple": 11 / 4, "group": (2 + 5) / 2, "dynamic": (3 + 2 + 3) / 3, "calendar": (1 + 2 + 4) / 3}
    assert {how: callaway_santanna(grid, how) for how in HOW} == pytest.approx(expected)


def test_sections_are_pairs_where_nothing_is_missing():
    grid = random_grid(7, missing=0.0)
    for how in HOW:
        assert callaway_santanna(grid, how, rows=SECTIONS) == pytest.approx(callaway_santanna(grid, how), abs=1e-12)
        assert error(grid, how, NEVER, SECTIONS) == pytest.approx(error(grid, how), abs=1e-12)


def test_the_base_is_the_last_year_before_adoption_that_has_rows():
    grid = random_grid(3)
    y = grid.y.copy()
    y[:, 3] = np.nan  # nobody is seen in 2013
    holes = other(grid, y)
    assert {c.base for c in cells(holes) if c.cohort == 2014} == {2}
    assert callaway_santanna(holes) == pytest.approx(analytic.callaway_santanna_package(holes, "simple")[0], abs=1e-10)


def test_treated_rows_without_a_base_do_not_enter():
    grid = random_grid(2, missing=0.0)
    y = grid.y.copy()
    y[0, 3] = np.nan  # a city of 2014 is not seen in 2013: its four treated rows are not compared
    entering = treated_rows(other(grid, y))
    assert not entering[0].any() and entering.sum() == grid.treated.sum() - 4
    assert treated_rows(other(grid, y), rows=SECTIONS).sum() == grid.treated.sum()


@settings(max_examples=up_to(10), deadline=None)
@given(seed=SEEDS)
def test_doubly_robust_is_that_of_the_package_or_neither_is_there(seed):
    grid = random_grid(seed, missing=0.05, cities=60)
    found = analytic.doubly_robust(other(grid, np.where(grid.seen, grid.y, np.nan)), "x")
    value = doubly_robust(grid)
    assert np.isfinite(value) == np.isfinite(found.value)
    if np.isfinite(value):
        assert value == pytest.approx(found.value, abs=1e-8)


def test_a_covariate_that_separates_is_named():
    grid = random_grid(1, missing=0.0)
    apart = type(grid)(
        grid.cities, grid.years, grid.y, grid.first, np.where(np.isinf(grid.first), 0.0, 1.0)[:, None] + 0 * grid.y
    )
    found = estimate(doubly_robust_estimator("x"), apart)
    assert np.isnan(found.value) and found.why.startswith("not estimable: cohort 2014 in 2014: the covariates separate")
    assert np.isnan(doubly_robust(apart))
