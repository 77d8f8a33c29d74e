"""Panels drawn as arrays are those of the sample: with the sample's own draws they equal its world to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from citycarbon.sample.design import AR_RHO, AR_SD, CONTROLS, ER_EFFECT, GREEN_EFFECT
from citycarbon.sample.dgp import ar_errors, multipliers, stream, treated_cells
from citycarbon.sample.panels import PATTERN_SEED, Block, Panel, draw_block, draw_panel
from citycarbon.sample.world import World, build_world, untreated_lnco2


@pytest.fixture(scope="module")
def block() -> Block:
    return draw_block(PATTERN_SEED)


@pytest.fixture(scope="module")
def sample() -> World:
    return build_world(PATTERN_SEED, -0.30)


def test_the_samples_own_draws_give_the_samples_own_panel(block: Block, sample: World) -> None:
    errors = ar_errors(PATTERN_SEED, block.n_units)
    values, did = block.latent.values, block.latent.did
    untreated = untreated_lnco2(block.places, block.latent, block.view, PATTERN_SEED, errors)
    rounding = stream(PATTERN_SEED, "reports").random(did.shape)
    panel = Panel(block, untreated, values["lngreen0"], values["er0"], rounding)
    np.testing.assert_array_equal(block.rows, sample.complete)
    for name in CONTROLS:
        np.testing.assert_array_equal(block.view[name], sample.view[name])
    np.testing.assert_array_equal(panel.lnco2(sample.planted)[block.rows], sample.lnco2[block.rows])
    np.testing.assert_array_equal(panel.lngreen(GREEN_EFFECT * did), sample.view["lngreen"])
    np.testing.assert_array_equal(panel.er(ER_EFFECT * did), sample.view["er"])


def test_blocks_share_the_missing_pattern_and_nothing_else(block: Block) -> None:
    other = draw_block(2)
    np.testing.assert_array_equal(block.rows, other.rows)
    np.testing.assert_array_equal(block.reported, other.reported)
    for name in CONTROLS:
        assert np.isfinite(other.view[name][block.rows]).all()
        assert not np.isclose(block.view[name][block.rows], other.view[name][block.rows]).all()


def test_a_panel_is_a_function_of_its_seed(block: Block) -> None:
    first, again, other = (draw_panel(block, seed) for seed in (5, 5, 6))
    for name in ("lnco2_untreated", "lngreen0", "er0", "rounding"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
        assert not np.isclose(getattr(first, name), getattr(other, name)).all()


def test_errors_are_those_of_the_design(block: Block) -> None:
    """Two panels of a block differ by their errors alone, apart from a city's level."""
    gaps = np.array([draw_panel(block, s).lnco2_untreated for s in range(12)])
    gaps -= gaps.mean(axis=0)
    gaps -= gaps.mean(axis=2, keepdims=True)
    # Demeaning an AR(1) over 19 years takes part of its variance: what is left, by its autocovariances.
    lags = np.abs(np.subtract.outer(np.arange(19), np.arange(19)))
    left = AR_SD**2 * (1 - (AR_RHO**lags).mean()) * 11 / 12
    assert gaps.var() == pytest.approx(left, rel=0.05)


def test_error_scale_multiplies_each_citys_errors(block: Block) -> None:
    scale = np.where(np.arange(block.n_units) < 100, 1.0, 3.0)
    even, uneven = draw_panel(block, 4), draw_panel(block, 4, scale)
    calm, still = np.diff(even.lnco2_untreated[:100]), np.diff(uneven.lnco2_untreated[:100])
    np.testing.assert_allclose(calm - calm.mean(), still - still.mean(), atol=1e-9)
    assert np.diff(uneven.lnco2_untreated[100:]).std() > 2 * np.diff(even.lnco2_untreated[100:]).std()


def test_the_policy_moves_treated_cells_only(block: Block) -> None:
    panel, first = draw_panel(block, 9), np.zeros(block.n_units, dtype=int)
    first[[3, 40]] = 2019, 2021
    did = treated_cells(first)
    assert did.sum() == 4
    for outcome, effect in ((panel.lnco2, -0.3), (panel.lngreen, 0.25), (panel.er, 0.0006)):
        with_policy, without = outcome(effect * did), outcome(0 * did)
        np.testing.assert_array_equal(with_policy[did == 0], without[did == 0])
    np.testing.assert_allclose((panel.lnco2(-0.3 * did) - panel.lnco2(0 * did))[did > 0], -0.3, atol=1e-12)


def test_heterogeneous_effects_average_to_one_and_favour_the_high(block: Block) -> None:
    first = np.zeros(block.n_units, dtype=int)
    first[:9] = [2019] * 4 + [2021] * 5
    high = np.arange(block.n_units) % 2 == 0
    cells = multipliers(first, high, high, ~high)
    did = treated_cells(first)
    assert cells[did > 0].mean() == pytest.approx(1.0) and not cells[did == 0].any()
    assert cells[0, -1] == pytest.approx(cells[1, -1] * 1.5 / 1.2)
    assert cells[0, -1] == pytest.approx(cells[0, -3] * 1.2 / 0.8)


def test_halves_of_the_splits_cover_the_sample(block: Block) -> None:
    seen = block.rows.any(axis=1)
    for low, high in block.splits.values():
        assert not (low & high).any()
        assert ((low | high) & seen).sum() >= 0.97 * seen.sum()
