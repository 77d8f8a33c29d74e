"""Published values on the data sets of the literature: mpdta (Callaway and Sant'Anna), castle doctrine (Mixtape), and
California's Proposition 99 (Abadie, Diamond and Hainmueller).

They are teaching data of other packages and not part of this project: CITYCARBON_TRUTH names the folder that holds
``mpdta.csv``, ``castle_min.csv`` and, where it is there, ``california_prop99.csv`` as synthdid ships it; what needs an absent
file is skipped.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from citycarbon.econometrics import staggered_analytic as analytic
from citycarbon.econometrics import staggered_points as points
from citycarbon.econometrics.staggered_cells import HOW, callaway_santanna, cells
from citycarbon.econometrics.staggered_grid import Grid, grid_of
from citycarbon.econometrics.staggered_weights import bacon_rows, dcdh_rows
from citycarbon.econometrics.twfe import fit

TRUTH = os.environ.get("CITYCARBON_TRUTH", "")
needs_truth = pytest.mark.skipif(not TRUTH, reason="CITYCARBON_TRUTH names no folder with mpdta.csv and castle_min.csv")

# R did, att_gt on mpdta without covariates (varying base period), four decimals
GROUP_TIME = {
    (2004, 2004): -0.0105, (2004, 2005): -0.0704, (2004, 2006): -0.1373, (2004, 2007): -0.1008,
    (2006, 2004): 0.0065, (2006, 2005): -0.0028, (2006, 2006): -0.0046, (2006, 2007): -0.0412,
    (2007, 2004): 0.0305, (2007, 2005): -0.0027, (2007, 2006): -0.0311, (2007, 2007): -0.0261,
}  # fmt: skip


@pytest.fixture(scope="module")
def mpdta():
    frame = pd.read_csv(Path(TRUTH) / "mpdta.csv").rename(columns={"countyreal": "city_id", "first.treat": "first"})
    return grid_of(frame, "lemp", frame[frame["first"] > 0].groupby("city_id")["first"].first().to_dict())


@pytest.fixture(scope="module")
def castle():
    frame = pd.read_csv(Path(TRUTH) / "castle_min.csv").rename(columns={"sid": "city_id", "l_homicide": "y"})
    first = frame[frame["post"] == 1].groupby("city_id")["year"].min().to_dict()
    return frame, grid_of(frame, "y", first), first


@needs_truth
def test_group_time_effects_are_those_of_the_r_package(mpdta):
    """Effects after adoption by formula, all twelve by the package that gives the errors."""
    found = {(c.cohort, c.year): round(c.value, 4) for c in cells(mpdta)}
    assert found == {key: value for key, value in GROUP_TIME.items() if key[1] >= key[0]}
    from diff_diff import CallawaySantAnna

    package = CallawaySantAnna().fit(analytic.long_rows(mpdta), **analytic.NAMES).group_time_effects
    assert {k: round(float(v["effect"]), 4) for k, v in package.items()} == GROUP_TIME


@needs_truth
def test_four_aggregates(mpdta):
    """R did, aggte: simple -0.0400 (0.0120), group -0.0310, dynamic -0.0772, calendar -0.0417."""
    found = [callaway_santanna(mpdta, how) for how in HOW]
    assert [round(v, 4) for v in found] == [-0.04, -0.031, -0.0772, -0.0417]
    simple = analytic.callaway_santanna(mpdta, "simple")
    assert simple.value == pytest.approx(found[0], abs=1e-12) and simple.std_error == pytest.approx(0.0120, abs=5e-5)
    for how in ("simple", "dynamic"):
        error = analytic.callaway_santanna_package(mpdta, how)[1]
        assert analytic.callaway_santanna(mpdta, how).std_error == pytest.approx(error, abs=1e-12)


@needs_truth
def test_two_way_regression_on_mpdta(mpdta):
    """TWFE of lemp on treatment: -0.0365 (Callaway and Sant'Anna's data in the vignette of did)."""
    found = analytic.two_way(mpdta)
    assert points.two_way(mpdta) == pytest.approx(found.value, abs=1e-12)
    assert found.value == pytest.approx(-0.0365, abs=5e-5)


@needs_truth
def test_imputation_and_two_stages_on_mpdta(mpdta):
    """did_imputation: -0.047709918278 (0.013222); did2s: the same point, error 0.013478."""
    assert points.imputation(mpdta) == pytest.approx(-0.047709918278, abs=1e-11)
    assert analytic.imputation(mpdta).std_error == pytest.approx(0.013222, abs=1e-6)
    two_stage = analytic.two_stage(mpdta)
    assert two_stage.value == pytest.approx(-0.047709918, abs=1e-9) and two_stage.std_error == pytest.approx(0.013478, abs=1e-6)


@needs_truth
def test_sun_abraham_equals_callaway_santanna_on_a_balanced_panel_with_never_treated(mpdta):
    assert points.sun_abraham(mpdta) == pytest.approx(callaway_santanna(mpdta), abs=1e-10)


@needs_truth
def test_goodman_bacon_on_castle_is_the_mixtapes_table(castle):
    """Weights and averages: earlier against later 0.077, -0.029; later against earlier 0.024, 0.046; never 0.899, 0.078."""
    _, grid, _ = castle
    rows = pd.DataFrame(bacon_rows(grid))
    grouped = dict(list(rows.groupby("component")))
    expected = {"earlier_vs_later": (0.077, -0.029), "later_vs_earlier": (0.024, 0.046), "treated_vs_never": (0.899, 0.078)}
    for kind, (weight, average) in expected.items():
        part = grouped[kind]
        assert part["weight"].sum() == pytest.approx(weight, abs=6e-4)
        assert np.average(part["estimate"], weights=part["weight"]) == pytest.approx(average, abs=6e-4)
    assert (rows["weight"] * rows["estimate"]).sum() == pytest.approx(points.two_way(grid), abs=1e-12)
    assert points.two_way(grid) == pytest.approx(0.069, abs=6e-4)


@needs_truth
def test_dcdh_weights_on_castle(castle):
    """twowayfeweights: 74 positive weights, none negative, sum 1."""
    frame, grid, first = castle
    rows = frame.assign(did=frame["post"].astype(float))
    cohort = rows["city_id"].map(first).to_numpy(dtype=float)
    found = pd.DataFrame(dcdh_rows(rows, "did", [], ("city_id", "year"), cohort))
    assert found["n_cells"].sum() == 74 and found["n_negative"].sum() == 0
    assert found["weight"].sum() == pytest.approx(1, abs=1e-12)
    fitted = fit(rows, "y", ["did"], {"city": "city_id", "year": "year"}, "city_id").estimates[0]
    assert fitted.value == pytest.approx(points.two_way(grid), abs=1e-12)


@needs_truth
def test_two_stages_on_castle(castle):
    """did2s on the castle data: 0.066900."""
    _, grid, _ = castle
    assert analytic.two_stage(grid).value == pytest.approx(0.066900, abs=1e-6)
    assert points.imputation(grid) == pytest.approx(0.066900, abs=1e-6)


@pytest.mark.skipif(
    not (Path(TRUTH) / "california_prop99.csv").is_file(), reason="no california_prop99.csv in CITYCARBON_TRUTH"
)
def test_synthetic_did_of_california():
    """R synthdid on Proposition 99: -15.604, its largest donors, and -27.349 for difference-in-differences."""
    long = pd.read_csv(Path(TRUTH) / "california_prop99.csv", sep=";")
    wide = long.pivot(index="State", columns="Year", values="PacksPerCapita")
    first = np.where(wide.index == "California", 1989.0, np.inf)
    grid = Grid(wide.index.to_numpy(), wide.columns.astype(int).to_numpy(), wide.to_numpy(dtype=float), first)
    assert points.synthetic(grid) == pytest.approx(-15.604, abs=5e-4)
    assert points.synthetic(grid) == pytest.approx(analytic.synthetic(grid).value, abs=1e-9)
    part = points.synthetic_part(grid, 1989)
    donors = sorted(zip(part.omega.round(3).tolist(), grid.cities[part.others].tolist(), strict=True), reverse=True)
    assert donors[:3] == [(0.124, "Nevada"), (0.105, "New Hampshire"), (0.078, "Connecticut")]
    for point in (points.two_way, points.imputation, points.stacked, mean_changes):
        assert point(grid) == pytest.approx(-27.349, abs=5e-4)


def mean_changes(grid: Grid) -> float:
    """Difference-in-differences written out: California's mean change between the periods less that of the others."""
    mine, after = np.isfinite(grid.first), grid.years >= 1989
    rise = grid.y[:, after].mean(axis=1) - grid.y[:, ~after].mean(axis=1)
    return float(rise[mine].mean() - rise[~mine].mean())
