"""Which treated rows an estimator averages, its comparison cities, and the jackknife of synthetic DID."""

from __future__ import annotations

import numpy as np
import pytest
from staggered_grids import YEARS, other, random_grid

from citycarbon.econometrics import staggered_analytic as analytic
from citycarbon.econometrics import staggered_points as points
from citycarbon.econometrics.staggered_estimators import ESTIMATORS, TWO_WAY, estimate
from citycarbon.econometrics.staggered_grid import Grid


def by_id(grid):
    return {e.id: estimate(e, grid) for e in (TWO_WAY, *ESTIMATORS) if not e.balanced or grid.seen.all()}


def test_a_city_that_is_always_treated_moves_no_estimator_that_needs_a_row_before():
    grid = random_grid(3)
    first = grid.first.copy()
    first[10] = YEARS[0]
    always, without = other(grid, first=first), Grid(*(a[np.arange(24) != 10] for a in (grid.cities,)), YEARS,
                                                     *(a[np.arange(24) != 10] for a in (grid.y, grid.first)))  # fmt: skip
    for point in (points.sun_abraham, points.imputation):
        assert point(always) == pytest.approx(point(without), abs=1e-9)
    found = by_id(always)
    for name in ("sun_abraham", "imputation"):
        assert not found[name].rows[10].any() and found[name].rows.sum() == always.treated.sum() - always.treated[10].sum()
    assert found["sun_abraham"].analytic.std_error == pytest.approx(by_id(without)["sun_abraham"].analytic.std_error, rel=0.02)


def test_a_cohort_that_is_not_seen_before_it_starts_has_no_coefficients():
    grid = random_grid(4, missing=0.0)
    y = grid.y.copy()
    y[:3, 3] = np.nan  # cohort 2014 has no row in 2013
    found = by_id(other(grid, y))["sun_abraham"]
    assert not found.rows[:3].any() and found.rows[3:7].sum() == 8
    alone = Grid(grid.cities[3:], YEARS, grid.y[3:], grid.first[3:])
    assert found.value == pytest.approx(points.sun_abraham(alone), abs=1e-9)


def test_without_a_never_treated_city_only_those_that_need_one_say_so():
    grid = random_grid(3)
    found = by_id(other(grid, first=np.where(np.arange(24) < 5, 2014.0, 2016.0)))
    lost = {name for name, f in found.items() if np.isnan(f.value)}
    assert lost == {"sun_abraham", "stacked", "callaway_santanna_simple_sections"} | {
        f"callaway_santanna_{how}" for how in ("simple", "group", "dynamic", "calendar")
    }
    assert all("every city is treated by the end" in found[name].why for name in lost)
    assert found["imputation"].rows.sum() == grid.seen[:5, 4:6].sum()  # 2014 and 2015, while the others wait


def test_parts_that_no_city_connects_have_no_prediction_from_each_other():
    """Untreated rows of 2010-2011 and of 2012-2013 come from different cities: a pilot seen before in 2010 alone has no
    prediction for 2013, one that was seen in 2012 has."""
    y = np.full((6, 4), np.nan)
    y[0, [0, 3]], y[1, [2, 3]] = [0.0, 9.0], [0.0, 1.0]
    y[2, :2], y[3, :2], y[4, 2:], y[5, 2:] = 1.0, 2.0, 3.0, 4.0
    grid = Grid(np.arange(6), np.arange(2010, 2014), y, np.array([2013, 2013, *[np.inf] * 4]))
    assert points.imputed_rows(grid).nonzero()[0].tolist() == [1]
    assert points.imputation(grid) == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(3))
def test_jackknife_of_one_cohort_is_that_of_the_package(seed):
    from diff_diff import SyntheticDiD

    whole = random_grid(seed, missing=0.0)
    grid = other(whole, first=np.where(whole.first == 2016, np.inf, whole.first))
    rows = analytic.long_rows(grid).assign(pilot=lambda r: (r["g"] > 0).astype(int))
    found = analytic.quietly(
        lambda: SyntheticDiD(variance_method="jackknife").fit(
            rows, outcome="y", treatment="pilot", unit="unit", time="year", post_periods=[2014, 2015, 2016, 2017]
        )
    )
    assert points.synthetic(grid) == pytest.approx(found.att, abs=1e-10)
    assert points.synthetic_jackknife(grid) == pytest.approx(found.se, abs=1e-10)


def test_jackknife_of_two_cohorts_by_hand():
    """Each city left out of both: the double difference written out with the weights of the whole."""
    grid = random_grid(8, missing=0.0)
    parts = {g: points.synthetic_part(grid, g) for g in (2014, 2016)}
    left_out = []
    for gone in range(24):
        total = rows = 0.0
        for g, part in parts.items():
            after = g <= YEARS
            mine = [i for i in part.mine if i != gone]
            omega = {i: w for i, w in zip(part.others, part.omega, strict=True) if i != gone}
            control = sum(w * part.rise[i] for i, w in omega.items()) / sum(omega.values())
            effect = np.mean([part.rise[i] for i in mine]) - control
            total, rows = total + len(mine) * after.sum() * effect, rows + len(mine) * after.sum()
        left_out.append(total / rows)
    expected = np.sqrt(23 / 24 * ((np.array(left_out) - np.mean(left_out)) ** 2).sum())
    assert points.synthetic_jackknife(grid) == pytest.approx(expected, abs=1e-12)


def test_a_cohort_of_one_city_has_a_synthetic_value_and_says_why_it_has_no_error():
    grid = random_grid(3, missing=0.0)
    first = np.full(24, np.inf)
    first[0], first[1:4] = 2015, 2016
    found = by_id(other(grid, first=first))["synthetic"]
    assert np.isfinite(found.value) and found.why == (
        "no analytic error: the jackknife needs two cities in each cohort and two comparison cities with weight"
    )


def test_an_error_that_is_rounding_is_none():
    grid = random_grid(3, missing=0.0)
    exact = other(grid, np.arange(24.0)[:, None] + np.arange(8.0) - 0.3 * grid.treated)
    for found in by_id(exact).values():
        assert found.value == pytest.approx(-0.3, abs=1e-9) and np.isnan(found.analytic.std_error)
        assert found.why == "no analytic error: it is zero but for rounding"
