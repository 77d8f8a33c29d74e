"""Trials: exact without noise, unbiased with it, the same whoever runs them, and the test they make is that of the interval."""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np
import pytest

from benchmarks.recovery_trials import (
    COHORTS,
    DRAWS,
    EFFECT,
    FEWEST_IN_A_HALF,
    PANELS_PER_BLOCK,
    SCENARIOS,
    SPLITS,
    Samples,
    draw_split,
    draw_treated,
    judge_truths,
    plant,
    run_block,
    seed_of,
)
from citycarbon.econometrics.inversion import interval_t
from citycarbon.econometrics.randomisation import redraw
from citycarbon.sample.dgp import treated_cells
from citycarbon.sample.panels import draw_block, draw_panel
from citycarbon.sample.places import YEARS

CONSTANT = SCENARIOS["constant_effect"]


@pytest.fixture(scope="module")
def samples() -> Samples:
    return Samples(draw_block(seed_of("tests", "block", 0)))


def treated(samples, seed=1):
    return draw_treated(np.random.default_rng(seed), samples.main.rows)


def test_a_seed_is_the_hash_of_what_it_is_for():
    digest = hashlib.sha256(b"recovery/no_effect/panel/7").digest()
    assert seed_of("no_effect", "panel", 7) == int.from_bytes(digest[:8], "big") >> 1
    assert len({seed_of("no_effect", "panel", i) for i in range(1000)}) == 1000


def test_without_noise_every_effect_is_found_exactly(samples):
    panel, first = draw_panel(samples.block, 3, error_scale=0.0), treated(samples)
    found = judge_truths(samples.main, [plant(CONSTANT, samples.main, panel, "main", first)], first, seed=1)
    assert found[0][0] == EFFECT and abs(found[0][1]) < 1e-10
    for split in SPLITS:
        first = draw_split(np.random.default_rng(2), samples.main.rows, *samples.block.splits[split])
        did = treated_cells(first)
        for half in samples.halves[split]:
            planted = half.experiment(first, panel.lnco2(EFFECT * did), did).actual()
            assert planted.beta()[0] == pytest.approx(EFFECT, abs=1e-10)


@pytest.mark.slow
def test_estimates_are_unbiased():
    """200 panels of 4 blocks: mean error of the effect on ln CO2 and of both mechanisms within four standard errors."""
    errors = []
    for b in range(4):
        samples = Samples(draw_block(seed_of("unbiased", "block", b)))
        for i in range(50):
            panel, first = draw_panel(samples.block, seed_of("unbiased", "panel", b, i)), treated(samples, [b, i])
            did, row = treated_cells(first), []
            for sample, names in ((samples.main, ("main", "lngreen")), (samples.er, ("er",))):
                planted = [plant(CONSTANT, sample, panel, name, first) for name in names]
                actual = sample.experiment(first, *(y - b0 * did for y, b0 in planted)).actual()
                row += [float(actual.beta(w)[0]) for w in np.eye(len(names))]
            errors.append(row)
    mean, error = np.mean(errors, axis=0), np.std(errors, axis=0, ddof=1) / np.sqrt(len(errors))
    assert (np.abs(mean) < 4 * error).all(), (mean, error)
    assert (error < [0.007, 0.02, 6e-5]).all(), "the test has the power to see a tenth of each effect"


def test_uneven_effects_have_their_projection_as_the_truth(samples):
    scenario = SCENARIOS["heterogeneous"]
    panel, first = draw_panel(samples.block, 3, error_scale=0.0), treated(samples)
    outcome, truth = plant(scenario, samples.main, panel, "main", first)
    assert samples.main.experiment(first, outcome).actual().beta()[0] == pytest.approx(truth, abs=1e-10)
    assert abs(truth - EFFECT) > 1e-4


def test_treated_sets_keep_the_cohorts_and_have_treated_rows(samples):
    rows, years, seen = samples.main.rows, np.array(YEARS), set()
    for seed in range(200):
        first = treated(samples, seed)
        assert Counter(first[first > 0].tolist()) == COHORTS
        assert all(rows[i, years >= first[i]].any() for i in np.flatnonzero(first))
        seen |= set(np.flatnonzero(first).tolist())
    assert len(seen) > 0.98 * rows[:, years >= 2019].any(axis=1).sum()


def test_every_possible_treated_set_is_alike_likely(monkeypatch):
    monkeypatch.setattr("benchmarks.recovery_trials.COHORTS", {2019: 1, 2021: 2})
    last = np.array([2021, 2018, 2021, 2020, 2021])  # three candidates for 2021, a fourth for 2019
    rows = np.array(YEARS)[None, :] <= last[:, None]
    rng = np.random.default_rng(5)
    found = Counter(tuple(draw_treated(rng, rows).tolist()) for _ in range(3000))
    assert len(found) == 3 * 2
    assert max(abs(n - 500) for n in found.values()) < 4 * np.sqrt(500)


def test_either_half_of_a_split_holds_enough_treated_cities(samples):
    rng = np.random.default_rng(9)
    for split in SPLITS:
        low, high = samples.block.splits[split]
        for _ in range(40):
            first = draw_split(rng, samples.main.rows, low, high)
            assert min((first[low] > 0).sum(), (first[high] > 0).sum()) >= FEWEST_IN_A_HALF
            assert (first[low | high] > 0).sum() == (first > 0).sum() == sum(COHORTS.values())


@pytest.mark.slow
def test_a_trial_does_not_depend_on_its_company():
    together = run_block(SCENARIOS["no_effect"], 1, [26, 25])
    alone = [t for i in (26, 25) for t in run_block(SCENARIOS["no_effect"], 1, [i])]
    assert together == alone
    assert {round((DRAWS + 1) * t.p_ri, 6) % 1 for t in together} == {0.0}
    assert (DRAWS + 1) % 20 == 0 and PANELS_PER_BLOCK > 1


def test_the_interval_holds_the_truth_if_and_only_if_its_test_does_not_reject(samples):
    """On the engine's own interval, for truths at and far from the estimate."""
    first = treated(samples, 8)
    did = treated_cells(first)
    outcome, truth = plant(CONSTANT, samples.main, draw_panel(samples.block, 12), "main", first)
    experiment = samples.main.experiment(first, outcome, did)
    interval = interval_t(experiment.actual(), redraw(experiment.design, experiment.scheme, 4, DRAWS))
    verdicts = []
    for shift in (-0.5, -0.1, -0.05, 0.0, 0.05, 0.1, 0.5):
        p = judge_truths(samples.main, [(outcome, truth + shift)], first, seed=4)[0][2]
        assert (p > 0.05) == (interval.low <= truth + shift <= interval.high), shift
        verdicts.append(p > 0.05)
    assert set(verdicts) == {True, False}
