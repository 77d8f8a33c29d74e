"""Trials of the estimators on panels whose truth is known. One trial: one panel, one treated set, one test of the truth.

A trial draws a panel of the sample's process, plants an effect in a drawn treated set, and asks the engine for the coefficient
and for the p-value of the true effect b0, by randomisation inference (t statistic, ``DRAWS`` redraws) and by the clustered t
test. The 95 % interval by inverting a test holds b0 if and only if the test does not reject b0, so no interval is computed.

Work comes in blocks of ``PANELS_PER_BLOCK`` panels that share cities, controls and missing rows (``citycarbon.sample.panels``).
Every random number has a seed that is the SHA-256 of what it is for, so a block can be computed anywhere and in any order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from citycarbon.econometrics.draws import cohorts
from citycarbon.econometrics.randomisation import Experiment, difference_test, p_value, redraw, student_p
from citycarbon.econometrics.resampling import Design
from citycarbon.sample.design import CONTROLS, ER_EFFECT, GREEN_EFFECT
from citycarbon.sample.dgp import multipliers, treated_cells
from citycarbon.sample.panels import Block, Panel, draw_block, draw_panel
from citycarbon.sample.places import YEARS

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = np.ndarray
DRAWS = 999  # (DRAWS + 1) x 5 % is whole: the test at 5 % then has that size exactly
PANELS_PER_BLOCK = 25
EFFECT = -0.30  # on ln CO2, as the sample is built by default
COHORTS = {2019: 4, 2021: 5}  # treated cities by first year, as in the sample
FEWEST_IN_A_HALF = 3
SPLITS = ("technology", "finance")
ALL_CITIES = "main_all_cities"  # the test of main, redrawn from all cities, also those without a row when their cohort starts


@dataclass(frozen=True)
class Scenario:
    """What is planted in which cities, and what is estimated. ``bounded``: its figures must lie within stated bounds.

    ``outcomes``: outcomes in groups that share rows and redraws; ``splits``: what the cities are also split by.
    """

    name: str
    text: str
    outcomes: tuple[tuple[str, ...], ...] = (("main",),)
    splits: tuple[str, ...] = ()
    effect: float = EFFECT
    real_pilots: bool = False
    size_variance: bool = False
    heterogeneous: bool = False
    bounded: bool = False


SCENARIOS = {
    s.name: s
    for s in (
        Scenario(
            "constant_effect",
            "treated cities redrawn, one constant effect",
            outcomes=(("main", "lngreen"), ("er",)),
            splits=SPLITS,
            bounded=True,
        ),
        Scenario(
            "no_effect",
            "treated cities redrawn, no effect",
            outcomes=(("main",), (ALL_CITIES,)),
            effect=0.0,
            bounded=True,
        ),
        Scenario("real_pilots", "the real pilots held fixed", real_pilots=True),
        Scenario("size_variance", "treated cities redrawn, error variance proportional to population", size_variance=True),
        Scenario(
            "size_variance_real_pilots",
            "the real pilots held fixed, error variance proportional to population",
            real_pilots=True,
            size_variance=True,
        ),
        Scenario("heterogeneous", "treated cities redrawn, effects differ between cells", heterogeneous=True),
    )
}


@dataclass(frozen=True)
class Trial:
    """One estimate beside its truth: error = coefficient - estimand, and the p-values of the test that the truth is true."""

    scenario: str
    quantity: str
    panel: int
    estimand: float
    error: float
    p_ri: float
    p_clustered: float


def seed_of(*name: object) -> int:
    """The seed of one thing: the first 63 bits of the SHA-256 of its name."""
    digest = hashlib.sha256("/".join(map(str, ("recovery", *name))).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


@dataclass(frozen=True)
class Sample:
    """The rows of one column, units x years, and the design on them."""

    rows: Array
    design: Design

    @staticmethod
    def build(block: Block, rows: Array) -> Sample:
        """The design of ``rows`` with the six controls, city and year effects; cities with a single row are dropped."""
        import pandas as pd

        rows = rows & (rows.sum(axis=1) > 1)[:, None]
        unit, year = np.nonzero(rows)
        frame = pd.DataFrame({"city_id": unit, "year": np.array(YEARS)[year], "y": 0.0})
        frame = frame.assign(**{name: block.view[name][rows] for name in CONTROLS})
        return Sample(rows, Design.build(frame, ["y"], list(CONTROLS), ("city_id", "year"), sorted(COHORTS)))

    def experiment(self, first: Array, *outcomes: Array) -> Experiment:
        """``outcomes`` (units x years) on these rows; treated: units with ``first`` > 0 and a row since then."""
        since = self.rows & (treated_cells(first) > 0)
        treated = {int(u): int(first[u]) for u in np.flatnonzero(since.any(axis=1))}
        values = np.column_stack([y[self.rows] for y in outcomes])
        names = [f"y{i}" for i in range(len(outcomes))]
        return Experiment(self.design.with_outcomes(names=names, values=values), treated)

    def projected(self, effect: Array, first: Array) -> float:
        """What the treatment estimates where the cell effects are ``effect`` (units x years)."""
        return float(self.experiment(first, effect).actual().beta()[0])


@dataclass(frozen=True)
class Samples:
    """The samples of one block, each built when it is first used."""

    block: Block

    @cached_property
    def main(self) -> Sample:
        return Sample.build(self.block, self.block.rows)

    @cached_property
    def er(self) -> Sample:
        return Sample.build(self.block, self.block.rows & self.block.reported)

    @cached_property
    def halves(self) -> dict[str, tuple[Sample, Sample]]:
        """Split -> (low, high)."""
        return {
            name: tuple(Sample.build(self.block, self.block.rows & half[:, None]) for half in self.block.splits[name])
            for name in SPLITS
        }


def draw_treated(rng: np.random.Generator, rows: Array) -> Array:
    """First treated year by unit: the cohorts' sizes, every set of cities with a row in or after their first year alike likely.

    Latest cohort first: whoever still has a row then has one since every earlier year.
    """
    first = np.zeros(len(rows), dtype=int)
    for year in sorted(COHORTS, reverse=True):
        seen = rows[:, [t for t, y in enumerate(YEARS) if y >= year]].any(axis=1)
        first[rng.choice(np.flatnonzero(seen & (first == 0)), COHORTS[year], replace=False)] = year
    return first


def draw_split(rng: np.random.Generator, rows: Array, low: Array, high: Array) -> Array:
    """As :func:`draw_treated` from the cities of both halves, until either half holds enough of them."""
    while True:
        first = draw_treated(rng, rows & (low | high)[:, None])
        if min((first[low] > 0).sum(), (first[high] > 0).sum()) >= FEWEST_IN_A_HALF:
            return first


def run_block(scenario: Scenario, index: int, panels: Sequence[int]) -> list[Trial]:
    """All trials of some panels that share block ``index``. A pure function of its arguments."""
    samples = Samples(draw_block(seed_of(scenario.name, "block", index)))
    return [trial for panel in panels for trial in run_panel(scenario, samples, panel)]


def run_panel(scenario: Scenario, samples: Samples, index: int) -> list[Trial]:
    """The trials of one panel: outcomes, then splits, in the order of the scenario."""
    panel = draw_panel(samples.block, seed_of(scenario.name, "panel", index), _error_scale(scenario, samples.block))
    rng = np.random.default_rng(seed_of(scenario.name, "treated", index))
    first = samples.block.pilots if scenario.real_pilots else draw_treated(rng, samples.main.rows)
    out = []
    for group in scenario.outcomes:
        sample = samples.er if "er" in group else samples.main
        planted = [plant(scenario, sample, panel, name, first) for name in group]
        seed = seed_of(scenario.name, *group, "draws", index)
        found = judge_truths(sample, planted, first, seed, all_cities=ALL_CITIES in group)
        out += [Trial(scenario.name, name, index, *result) for name, result in zip(group, found, strict=True)]
    for split in scenario.splits:
        out += _split(scenario, samples, panel, split, rng, index)
    return out


def _error_scale(scenario: Scenario, block: Block) -> Array | float:
    """Factor of each city's error sd: even, or the root of its population, the average variance being left as it is."""
    return np.sqrt(block.population / block.population.mean()) if scenario.size_variance else 1.0


def plant(scenario: Scenario, sample: Sample, panel: Panel, outcome: str, first: Array) -> tuple[Array, float]:
    """The outcome (units x years) with the policy in it, and what the treatment of ``sample`` then estimates."""
    did = treated_cells(first)
    if outcome == "lngreen":
        return panel.lngreen(GREEN_EFFECT * did), GREEN_EFFECT
    if outcome == "er":
        return panel.er(ER_EFFECT * did), ER_EFFECT
    if not scenario.heterogeneous:
        return panel.lnco2(scenario.effect * did), scenario.effect
    splits = panel.block.splits
    effects = scenario.effect * multipliers(first, splits["technology"][1], splits["finance"][1], splits["digital"][1])
    return panel.lnco2(effects), sample.projected(effects, first)


def judge_truths(
    sample: Sample, planted: Sequence[tuple[Array, float]], first: Array, seed: int, all_cities: bool = False
) -> list[tuple[float, float, float, float]]:
    """(estimand, error, p by randomisation inference, clustered p) of the test that the truth is true, for each outcome.

    The test of b0 is the test of no effect on y - b0 d. ``all_cities``: redrawn from all cities of the sample.
    """
    did = treated_cells(first)
    experiment = sample.experiment(first, *(outcome - truth * did for outcome, truth in planted))
    units, treated = experiment.design.units, experiment.first_year
    scheme = cohorts(units, treated) if all_cities else experiment.scheme
    actual, drawn = experiment.actual(), redraw(experiment.design, scheme, seed, DRAWS)
    out = []
    for (_, truth), weights in zip(planted, np.eye(len(planted)), strict=True):
        t = float(actual.t(weights)[0])
        out.append((truth, float(actual.beta(weights)[0]), p_value(drawn.t(weights), t), student_p(t, experiment.design.df)))
    return out


def _split(
    scenario: Scenario, samples: Samples, panel: Panel, split: str, rng: np.random.Generator, index: int
) -> Iterator[Trial]:
    """Either half, redrawn within it, and the test of their difference, whose truth is zero."""
    low, high = samples.block.splits[split]
    first = draw_split(rng, samples.main.rows, low, high)
    did = treated_cells(first)
    planted = panel.lnco2(scenario.effect * did), scenario.effect
    halves = samples.halves[split]
    for name, sample in zip(("low", "high"), halves, strict=True):
        seed = seed_of(scenario.name, split, name, "draws", index)
        yield Trial(scenario.name, f"{split}_{name}", index, *judge_truths(sample, [planted], first, seed)[0])
    seed = seed_of(scenario.name, split, "draws", index)
    found = difference_test(*(half.experiment(first, planted[0], did) for half in halves), seed=seed, draws=DRAWS)
    yield Trial(scenario.name, f"{split}_difference", index, 0.0, found.difference, found.p_ri_t, found.p_value)
