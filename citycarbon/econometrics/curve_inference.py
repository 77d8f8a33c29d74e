"""The whole specification curve under reassignment: who is drawn, the draws of every specification, the joint test, the band.

In every draw each cohort of pilots has one random order of all cities. A specification treats, for each of its cohorts, the
first cities of that order which it can treat: as many as in fact, distinct, with a row in its sample when the cohort starts.
So every specification is redrawn by the law of a column of the same choices (``Experiment.scheme``), and its p is exact under
as-if-random assignment and the sharp null; and because all read the same orders, specifications that agree on who can be
treated treat the same cities, those that leave pilots out treat fewer of them, and a draw gives a whole curve (Simonsohn,
Simmons and Nelson 2020). Pilots are selected, so all of it is a benchmark and not identification.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from citycarbon.econometrics import draws as law
from citycarbon.econometrics.curve_choices import CurvePanel, Specification
from citycarbon.econometrics.curve_points import Group, treated_from
from citycarbon.econometrics.inversion import TIE
from citycarbon.econometrics.randomisation import p_value
from citycarbon.econometrics.resampling import Design

LEVEL = 0.05
Cohort = tuple[int, ...]  # the first years of a pilot by every year rule: pilots that share them are exchangeable


@dataclass(frozen=True)
class Orders:
    """Random orders of the cities (codes 0..cities-1), one for every draw and cohort; made when first asked for and kept."""

    cities: int
    draws: int
    seed: int
    _orders: dict[Cohort, np.ndarray] = field(default_factory=dict, repr=False)
    _drawn: dict[object, np.ndarray] = field(default_factory=dict, repr=False)

    @staticmethod
    def build(data: CurvePanel, draws: int) -> Orders:
        """Those of a study. Raises ValueError where it asks for no redraws."""
        if data.study.placebo is None:
            raise ValueError("the study asks for no redraws")
        seed = law.seed_of(data.study.placebo.seed, "spec_curve", "", "cohorts")
        return Orders(int(data.city_code.max()) + 1 if len(data.city_code) else 0, draws, seed)

    def of(self, cohort: Cohort) -> np.ndarray:
        """(draws, cities): every order equally likely, independent of all others; a seed of its own for every cohort."""
        if cohort not in self._orders:
            rng = np.random.default_rng(np.random.SeedSequence(entropy=self.seed, spawn_key=cohort))
            self._orders[cohort] = rng.random((self.draws, self.cities)).argsort(axis=1, kind="stable").astype(np.int32)
        return self._orders[cohort]

    def treat(self, wanted: Sequence[tuple[int, Cohort, int]], last_year: np.ndarray) -> np.ndarray:
        """Codes (k, draws) of the cities that take the places of ``wanted``: (first year, cohort, how many), k in all.

        ``last_year`` (cities,): the last year of a city in the sample, below every first year where it is not there. The latest
        cohort goes first, as its candidates are also those of every earlier one: so each assignment is equally likely.
        """
        asked = (tuple(wanted), last_year.tobytes())
        if asked not in self._drawn:
            taken = np.zeros((self.draws, self.cities), dtype=bool)
            slots = [self._first(cohort, number, last_year >= first, taken) for first, cohort, number in wanted]
            self._drawn[asked] = np.concatenate(slots) if slots else np.zeros((0, self.draws), dtype=np.int32)
        return self._drawn[asked]

    def _first(self, cohort: Cohort, number: int, can_be: np.ndarray, taken: np.ndarray) -> np.ndarray:
        """The first ``number`` cities (number, draws) of the cohort's orders that can be treated and are not; now they are."""
        order = self.of(cohort)
        near = 4 * number + 32  # as a rule enough of the order; else all of it
        for width in (near, self.cities):
            part = order[:, :width]
            free = can_be[part] & ~np.take_along_axis(taken, part, axis=1)
            if (free.sum(axis=1) >= number).all():
                break
        picked = part[free & (np.cumsum(free, axis=1) <= number)].reshape(self.draws, number)
        np.put_along_axis(taken, picked, True, axis=1)
        return picked.T


def atoms_of(group: Group, data: CurvePanel, orders: Orders, spec: Specification) -> np.ndarray:
    """Atoms (k, draws) of one specification in the group's design; k: the number of its treated cities, in every draw."""
    design = group.design
    wanted = wanted_of(group, data, spec)
    last = np.full(orders.cities, np.iinfo(np.int32).min)
    last[np.asarray(design.units)] = list(design.last_year.values())
    codes = orders.treat(wanted, last)
    starts = np.repeat([design.first_years.index(first) for first, _, _ in wanted], [number for _, _, number in wanted])
    position = np.full(orders.cities, -1)
    position[np.asarray(design.units)] = np.arange(len(design.units))
    return design.atoms(position[codes], np.broadcast_to(starts.astype(int)[:, None], codes.shape))


def wanted_of(group: Group, data: CurvePanel, spec: Specification) -> list[tuple[int, Cohort, int]]:
    """(first year, cohort, treated cities) of a specification's cohorts that have a treated row, the latest first."""
    last = group.design.last_year
    counted: dict[tuple[int, Cohort], int] = {}
    for code, first in treated_from(group, data, spec).items():
        if last[code] >= first:
            cohort = tuple(year for _, year in sorted(data.adopters[data.cities[code]].dates(spec.subcity_rule).items()))
            counted[first, cohort] = counted.get((first, cohort), 0) + 1
    return [(first, cohort, n) for (first, cohort), n in sorted(counted.items(), reverse=True)]


@dataclass(frozen=True)
class Redrawn:
    """Draws of one specification (draws,): coefficient in the unit of its estimate, clustered t; NaN where undefined."""

    beta: np.ndarray
    t: np.ndarray


def asked_of(
    group: Group, data: CurvePanel, orders: Orders, numbers: set[int]
) -> tuple[list[np.ndarray], dict[int, tuple[int, int]]]:
    """Distinct sets of atoms of a group, and of each specification which of them it reads, and its outcome."""
    atoms: list[np.ndarray] = []
    at: dict[object, int] = {}
    reads: dict[int, tuple[int, int]] = {}
    for number, spec in group.members:
        if number in numbers:
            key = tuple(wanted_of(group, data, spec))
            if key not in at:
                at[key] = len(atoms)
                atoms.append(atoms_of(group, data, orders, spec))
            reads[number] = (at[key], group.outcome_of(spec))
    return atoms, reads


def redraw(design: Design, atoms: list[np.ndarray], reads: Mapping[int, tuple[int, int]]) -> dict[int, Redrawn]:
    """The statistics of all atoms, handed to those who read them. Depends on its arguments alone."""
    statistics = [design.statistics(one) for one in atoms]
    out: dict[int, Redrawn] = {}
    found: dict[tuple[int, int], Redrawn] = {}
    for number, (i, outcome) in reads.items():
        if (i, outcome) not in found:
            weights = np.eye(len(design.outcomes))[outcome]
            found[i, outcome] = Redrawn(statistics[i].beta(weights), statistics[i].t(weights))
        out[number] = found[i, outcome]
    return out


@dataclass(frozen=True)
class Joint:
    """One joint statistic of the curve: observed, its p-value over the drawn curves, and the middle 95 % of those."""

    name: str
    meaning: str
    observed: float
    p_value: float
    low: float
    high: float
    draws: int
    undefined: int  # drawn curves without a single defined t


def joint_tests(t: np.ndarray, drawn: np.ndarray, critical: np.ndarray) -> list[Joint]:
    """The three joint statistics of Simonsohn, Simmons and Nelson (2020) on t statistics, two-sided.

    ``t`` (S,) actual, finite; ``drawn`` (S, B); ``critical`` (S,): the 5 % critical values of t(G-1). An undefined draw of a
    specification is left out of the median and the mean of its curve and counts as not significant; a curve without a defined
    draw is left out. t statistics, because effects on different scales have no common unit.
    """
    known = np.isfinite(drawn).any(axis=0)
    both = np.column_stack([t, drawn[:, known]])
    defined = np.isfinite(both)
    beyond = {sign: (defined & (sign * np.where(defined, both, 0) > critical[:, None])).mean(axis=0) for sign in (-1, 1)}
    median, mean = np.nanmedian(both, axis=0), np.nanmean(both, axis=0)
    sign = -1 if median[0] < 0 else 1
    statistics = [
        ("median_t", "median t statistic over the specifications", median),
        ("mean_t", "mean t statistic over the specifications", mean),
        ("share_significant", f"share {'negative' if sign < 0 else 'positive'} with clustered p < {LEVEL:g}", beyond[sign]),
    ]
    larger = np.maximum(beyond[-1], beyond[1])  # the sign is chosen by the data, so each drawn curve may choose its own
    return [
        Joint(
            name, meaning, float(values[0]),
            _p_of_share(larger[1:], values[0]) if name == "share_significant" else p_value(values[1:], float(values[0])),
            *_middle(values[1:]), int(known.sum()), int((~known).sum()),
        )
        for name, meaning, values in statistics
    ]  # fmt: skip


def _middle(drawn: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist() if len(drawn) else (float("nan"), float("nan"))
    return low, high


def _p_of_share(drawn: np.ndarray, actual: float) -> float:
    if not len(drawn):
        return float("nan")
    return float((1 + (drawn >= actual * (1 - TIE)).sum()) / (len(drawn) + 1))


def band(drawn: np.ndarray, quantiles: Sequence[float] = (0.025, 0.975)) -> np.ndarray:
    """Pointwise quantiles (len(quantiles), S) of the sorted drawn curves: what the sorted curve looks like by chance.

    ``drawn`` (S, B); an undefined draw of a specification is left out and its curve is stretched over the ranks.
    """
    ordered = np.sort(drawn, axis=0)  # undefined ones stand last
    known = np.isfinite(ordered).sum(axis=0)
    curves = [ordered[:, known == len(drawn)]]
    for column, number in zip(ordered.T, known.tolist(), strict=True):
        if 0 < number < len(drawn):
            curves.append(np.interp(np.linspace(0, number - 1, len(drawn)), np.arange(number), column[:number])[:, None])
    together = np.concatenate(curves, axis=1)
    if not together.shape[1]:
        return np.full((len(quantiles), len(drawn)), np.nan)
    return np.quantile(together, quantiles, axis=1)
