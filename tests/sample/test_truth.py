"""Estimands: projections of planted effects on a column's own design, and what truth.json says about the sample."""

from __future__ import annotations

import numpy as np
import pytest

from citycarbon.sample.design import CONTROLS, ER_EFFECT, GREEN_EFFECT
from citycarbon.sample.truth import estimand, estimands, halves, project, truth
from citycarbon.sample.world import World, build_world


def by_dummies(target: np.ndarray, d: np.ndarray, groups: np.ndarray, years: np.ndarray, controls: np.ndarray) -> float:
    """The same coefficient with every dummy written out."""
    g = (groups[:, None] == np.unique(groups)[None, :]).astype(float)
    t = (years[:, None] == np.unique(years)[None, 1:]).astype(float)
    return float(np.linalg.lstsq(np.column_stack([d, g, t, controls]), target, rcond=None)[0][0])


def test_projection_equals_explicit_dummies() -> None:
    rng = np.random.default_rng(3)
    keep = rng.random((30, 12)) < 0.8
    unit, year = np.nonzero(keep)
    d = ((unit < 4) & (year >= 8)).astype(float)
    x, tau = rng.standard_normal((len(unit), 2)) + d[:, None], d * (1 + unit)
    assert project(tau, d, unit, year, x) == pytest.approx(by_dummies(tau, d, unit, year, x), abs=1e-10)


def test_a_constant_effect_is_its_own_estimand(world: World) -> None:
    constant = -0.4 * world.latent.did
    for by in ("city", "province"):
        assert estimand(world, constant, world.complete, by=by) == pytest.approx(-0.4, abs=1e-12)


def test_planted_effects_average_to_the_effect_and_differ(world: World) -> None:
    cells = world.planted[world.latent.did > 0]
    assert cells.mean() == pytest.approx(world.effect, abs=1e-12)
    assert cells.std() > 0.02
    assert not world.planted[world.latent.did == 0].any()


def test_estimands_of_every_column(world: World) -> None:
    found = estimands(world)
    assert {"table2:1", "table2:2p", "table3:2", "table3:3", "table4:2", "table5:1", "table8:2p"} <= set(found)
    cells = world.planted[world.latent.did > 0]
    for column in ("table2:1", "table2:2", "table2:1p", "table2:2p", "table4:4"):
        assert cells.min() < found[column] < cells.max()
    assert found["table3:2"] == pytest.approx(GREEN_EFFECT)
    assert found["table3:3"] == pytest.approx(ER_EFFECT)
    for table in ("table5", "table7", "table8"):
        assert found[f"{table}:1"] < found[f"{table}:2"] < 0, "the policy works more where the criterion is high: column 1"


def test_lagged_column_leaves_the_year_of_adoption_out(world: World) -> None:
    """Effects grow with time, and the lagged dummy is 1 in later years only."""
    found = estimands(world)
    assert found["table4:2"] < found["table2:2"]


def test_a_column_without_treated_rows_has_no_estimand(world: World) -> None:
    untreated = world.complete & ~(world.latent.first_year > 0)[:, None]
    assert estimand(world, world.planted, untreated) is None


def test_halves_split_at_the_median_with_ties_low(world: World) -> None:
    variable = np.repeat(np.arange(len(world.places.panel), dtype=float)[:, None] // 2, world.lnco2.shape[1], axis=1)
    low, high = halves(variable, world.complete)
    assert not (low & high).any()
    assert abs(int(low.sum()) - int(high.sum())) <= 3  # ties come in pairs
    assert variable[low].max() < variable[high].min()


def test_truth_counts_the_sample(world: World) -> None:
    said = truth(world)
    assert "SYNTHETIC" in said["note"]
    assert said["sample"]["n_rows"] == int(world.complete.sum())
    assert said["sample"]["n_treated_cells"] == 17 and said["sample"]["n_treated_cities"] == 9
    assert len(said["cells"]) == 17
    assert {c["year"] for c in said["cells"]} == {2019, 2020, 2021}


def test_did_estimates_its_estimand(world: World) -> None:
    """The regression of column 2 lands within three placebo deviations of its estimand."""
    rows, did = world.complete, world.latent.did
    unit, year = np.nonzero(rows)
    x = np.column_stack([world.view[k][rows] for k in CONTROLS])
    found = project(world.lnco2[rows], did[rows], unit, year, x)
    untreated_outcome = (world.lnco2 - world.planted)[rows]
    rng, draws = np.random.default_rng(7), []
    for _ in range(60):
        cities = rng.permutation(np.unique(unit))[:9]
        fake = ((np.isin(unit, cities[:4]) & (year >= 16)) | (np.isin(unit, cities[4:]) & (year >= 18))).astype(float)
        draws.append(project(untreated_outcome, fake, unit, year, x))
    spread = float(np.nanstd(draws))
    assert 0.04 < spread < 0.09
    assert abs(found - estimands(world)["table2:2"]) < 3 * spread


@pytest.mark.pipeline
def test_estimates_average_to_their_estimands_over_seeds() -> None:
    """Unbiased over 24 worlds: both readings of the fixed effects with controls, and both mechanisms."""
    gaps = []
    for seed in range(1, 25):
        world = build_world(seed, -0.30)
        said, did = estimands(world), world.latent.did

        def gap(column: str, y: np.ndarray, by: str, world=world, did=did, said=said) -> float:
            rows = world.complete & np.isfinite(y)
            unit, year = np.nonzero(rows)
            groups = unit if by == "city" else np.array([int(c.province_id) for c in world.places.panel])[unit]
            x = np.column_stack([world.view[k][rows] for k in CONTROLS])
            return project(y[rows], did[rows], groups, year, x) - said[column]

        gaps.append(
            [
                gap("table2:2", world.lnco2, "city"),
                gap("table2:2p", world.lnco2, "province"),
                gap("table3:2", world.view["lngreen"], "city"),
                1000 * gap("table3:3", world.view["er"], "city"),
            ]
        )
    mean, error = np.mean(gaps, axis=0), np.std(gaps, axis=0) / np.sqrt(len(gaps))
    assert (np.abs(mean) < 3.5 * error).all(), (mean, error)
    assert error[0] < 0.02, "the test has the power to see a tenth of the effect"
