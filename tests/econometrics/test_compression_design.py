"""Redraws of a treatment in a compressed table equal regressions of all rows with the redrawn treatment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from econometrics.large_tables import CONTROLS, MODEL, from_rows, table

from citycarbon.econometrics.compression import Dated, fit
from citycarbon.econometrics.compression_design import cell_experiment

FIRST = {"0": 4, "3": 6, "5": 6, "9": 3}  # city 9 has no row


def dated(rows, **change):
    import ibis

    rows = rows.assign(city=rows["city"].astype(str))
    model = replace(MODEL, unit=("county", "sector"), cluster="city", treatment=Dated("city", "month", FIRST), **change)
    return fit(ibis.memtable(rows), model)


def experiment(found, controls=(2, 3)):
    return cell_experiment(found.cells, found.cities, found.years, FIRST, found.k_counted, list(controls))


def rows_of(seed):
    return table(seed, rows=1500).assign(sector=lambda d: np.arange(len(d)) % 2, both=lambda d: 2 * d["county"] + d["sector"])


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("controls", [CONTROLS, ()])
def test_the_actual_assignment_gives_the_estimate_and_its_t(weights, controls):
    found = dated(rows_of(1), weights=weights, controls=controls)
    actual = experiment(found, range(2, 2 + len(controls))).actual()
    did = found.estimates[0]
    assert actual.beta()[0] == pytest.approx(did.value, rel=1e-10)
    assert actual.t()[0] == pytest.approx(did.value / did.std_error, rel=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("weights", [None, "w"])
def test_a_redraw_is_a_regression_of_all_rows(weights):
    rows = rows_of(2)
    found = dated(rows, weights=weights)
    made = experiment(found)
    assert made.first_year == {"0": 4, "3": 6, "5": 6}
    rng = np.random.default_rng(5)
    for _ in range(12):
        cities = rng.choice(7, 3, replace=False)
        first = dict(zip(cities.tolist(), (4, 6, 6), strict=True))
        atoms = np.array([[made.design.atom_of(str(c), f)] for c, f in first.items()], dtype=np.int32)
        drawn = made.design.statistics(atoms)
        again = rows.assign(did=(rows["month"] >= rows["city"].map(first).fillna(99)).astype(float))
        oracle = from_rows(again, ["did", *CONTROLS], cluster="city", weights=weights, unit="both")
        assert drawn.beta()[0] == pytest.approx(oracle.params[1], abs=1e-10)
        assert drawn.t()[0] == pytest.approx(oracle.params[1] / np.sqrt(oracle.cov[1, 1]), abs=1e-9)


def test_more_times_than_units_and_panels_that_fall_apart():
    rows = rows_of(3)
    rows = rows.assign(month=rows["month"] + 9 * (np.arange(len(rows)) % 6))  # 54 times, 28 units
    found = dated(rows)
    did = found.estimates[0]
    assert experiment(found).actual().t()[0] == pytest.approx(did.value / did.std_error, rel=1e-9)


def test_why_nothing_can_be_redrawn():
    rows = rows_of(4)
    found = dated(rows)
    years = found.years
    nobody = cell_experiment(found.cells, found.cities, years, {"0": 99}, found.k_counted, [2, 3])
    assert nobody == "no treated city in the sample"
    wandering = np.where(np.arange(len(years)) % 2 == 0, "0", "1")
    assert cell_experiment(found.cells, wandering, years, FIRST, 1, [2, 3]) == "a unit lies in more than one city"
    split = replace(found.cells, cluster=found.cells.time)
    assert cell_experiment(split, found.cities, years, FIRST, 1, [2, 3]) == "a city lies in more than one cluster"
    many = replace(found.cells, within=np.zeros((3_000_000, 4, 4)))
    assert "would need" in cell_experiment(many, found.cities, years, FIRST, 1, [2, 3])
