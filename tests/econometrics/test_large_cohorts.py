"""Redraws where most units are treated, in several cohorts, some of them in every row that they have."""

import math

import numpy as np
import pandas as pd
import pytest

from citycarbon.econometrics.draws import blocks, cohorts, distinct_assignments, random_years
from citycarbon.econometrics.randomisation import Experiment, p_value, redraw
from citycarbon.econometrics.twfe import fit

YEARS = np.arange(2003, 2015)
COHORTS = {2005: 20, 2008: 12, 2012: 10}


@pytest.fixture
def rows():
    """60 units; 42 treated. Five of the first cohort begin in 2007, so that every row they have is treated; gaps elsewhere."""
    rng = np.random.default_rng(8)
    unit, year = np.repeat(np.arange(60), len(YEARS)), np.tile(YEARS, 60)
    first = np.full(60, 9999)
    first[: sum(COHORTS.values())] = np.repeat(list(COHORTS), list(COHORTS.values()))
    frame = pd.DataFrame(
        {
            "city_id": [f"{110100 + u}" for u in unit],
            "province_id": [f"{u % 6}" for u in unit],
            "year": year,
            "first": first[unit],
            "x": rng.normal(size=len(unit)),
            "did": (year >= first[unit]).astype(float),
        }
    )
    frame["y"] = 0.2 * frame["did"] + frame["x"] + rng.normal(size=len(unit)) + unit * 0.05
    frame = frame[(unit >= 5) | (year >= 2007)]
    return frame[np.random.default_rng(9).random(len(frame)) > 0.1].reset_index(drop=True)


@pytest.mark.parametrize("effects", [("city_id", "year"), ("province_id", "year")])
def test_the_actual_assignment_is_the_estimator_of_record(rows, effects):
    first = rows.groupby("city_id")["first"].first()
    case = Experiment.build(rows, "y", "did", ["x"], effects, first_year=first[first < 9999].to_dict())
    fitted = fit(rows, "y", ["did", "x"], dict(zip(("first", "second"), effects, strict=True)), "city_id").estimates[0]
    actual = case.actual()
    assert actual.beta()[0] == pytest.approx(fitted.value, rel=1e-9)
    assert actual.std_error()[0] == pytest.approx(fitted.std_error, rel=1e-9)
    assert actual.treated_units[0] == 42 and len(case.first_year) == 42


def test_draws_keep_the_cohorts_and_treat_as_many_units_as_in_fact(rows):
    first = rows.groupby("city_id")["first"].first()
    case = Experiment.build(rows, "y", "did", ["x"], ("city_id", "year"), first_year=first[first < 9999].to_dict())
    units, cohort = next(blocks(case.scheme, 1, 200))
    assert all(len(set(draw)) == 42 for draw in units.T)
    years = np.array(case.scheme.first_years)[cohort]
    assert all(((years == year).sum(axis=0) == size).all() for year, size in COHORTS.items())
    drawn = redraw(case.design, case.scheme, 1, 400)
    assert np.isfinite(drawn.t()).all() and (drawn.treated_units == 42).all()
    again = redraw(case.design, case.scheme, 1, 400, workers=2)
    assert np.array_equal(drawn.beta(), again.beta())
    assert abs(drawn.beta().mean()) < 4 * drawn.beta().std() / 20
    assert 0 < p_value(drawn.t(), float(case.actual().t()[0])) <= 1


def test_more_assignments_than_a_number_can_hold_are_many_and_no_crash():
    units = [f"{i:04d}" for i in range(2400)]
    scheme = cohorts(units, dict.fromkeys(units[:1200], 2010))
    assert distinct_assignments(scheme) == math.inf
    assert distinct_assignments(random_years(units, 900, range(2003, 2022))) == math.inf
    few = cohorts(units[:291], {**dict.fromkeys(units[:60], 2010), **dict.fromkeys(units[60:124], 2017)})
    assert 1e80 < distinct_assignments(few) < math.inf
