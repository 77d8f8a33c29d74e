"""Randomisation inference for the event study: cohorts of the same sizes drawn anew among all cities of the sample.

Each draw refits all event dummies exactly: what the design projects out (effects, controls) is factored once, and a draw only
touches the rows of its treated cities. Exact under as-if-random assignment and the sharp null; pilots are selected, so it is a
benchmark and not identification.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from citycarbon.econometrics import draws, fwl
from citycarbon.econometrics.randomisation import p_value
from citycarbon.econometrics.twfe import levels_counted
from citycarbon.study.spec import Column, Study

if TYPE_CHECKING:
    import pandas as pd

SINGULAR = 1e10  # condition number of a scaled matrix above which it counts as singular


@dataclass(frozen=True)
class Drawn:
    """|t| by event time and joint F of the leads, in each draw (NaN where it cannot estimate them) and as estimated."""

    times: tuple[int, ...]
    t: np.ndarray  # (draws, number of times)
    joint: np.ndarray  # (draws,)
    t_actual: np.ndarray  # (number of times,)
    joint_actual: float

    @property
    def draws(self) -> int:
        return len(self.joint)

    @property
    def undefined(self) -> int:
        return int(np.isnan(self.joint).sum())

    def p_value(self, time: int) -> float:
        """p of one event time: (1 + #{|t*| >= |t|}) / (B + 1) over the draws that are defined."""
        if time not in self.times:
            return np.nan
        j = self.times.index(time)
        return p_value(self.t[:, j], self.t_actual[j])

    def p_joint(self) -> float:
        """The same for the joint F of the leads."""
        return p_value(self.joint, self.joint_actual)


def none(times: list[int]) -> Drawn:
    """No draws: nothing to compare with."""
    return Drawn(tuple(times), np.zeros((0, len(times))), np.zeros(0), np.full(len(times), np.nan), np.nan)


def seed_of(study: Study, variant: str) -> int:
    """The seed of a variant's draws, from the study's placebo seed."""
    return draws.seed_of(study.placebo.seed if study.placebo else 0, "event_study", variant, "cohorts")


def reassign(
    rows: pd.DataFrame,
    column: Column,
    effect_columns: dict[str, str],
    first: np.ndarray,
    times: list[int],
    leads: list[int],
    assign: Callable[[np.ndarray], np.ndarray],
    n_draws: int,
    seed: int,
) -> Drawn:
    """Draw ``n_draws`` assignments of the cohorts to the cities of ``rows`` and refit the dummies of ``times`` in each.

    ``rows``: the estimation sample, sorted by city and year; ``first`` (n,): first treated year, NaN where never; ``assign``:
    years since adoption -> event time of a dummy (or NaN); ``leads``: those of ``times`` that are tested together. The number
    of cities of each first year is kept; every city of the sample may be drawn.
    """
    engine = Refit.of(rows, column, effect_columns, times, leads, assign)
    by_city = first[engine.starts]
    adopted = np.flatnonzero(np.isfinite(by_city))
    t_actual, joint_actual = engine.statistics(adopted, by_city[adopted])
    scheme = draws.cohorts(range(len(by_city)), {int(c): int(by_city[c]) for c in adopted})
    years = np.array(scheme.first_years, dtype=float)
    drawn = [
        engine.statistics(cities, years[cohort])
        for units, cohorts in draws.blocks(scheme, seed, n_draws)
        for cities, cohort in zip(units.T, cohorts.T, strict=True)
    ]
    t = np.array([one for one, _ in drawn]).reshape(-1, len(times))
    return Drawn(tuple(times), t, np.array([joint for _, joint in drawn]), t_actual, joint_actual)


@dataclass(frozen=True)
class Refit:
    """All of the design but the event dummies, factored once.

    ``q`` (n, m): orthonormal basis of what is projected out after city means (of everything, where cities are not the first
    effect); ``y`` (n,): the outcome with all of it removed; cities are runs of rows that begin at ``starts``.
    """

    q: np.ndarray
    y: np.ndarray
    year: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    within: bool  # whether city means are removed
    factor: float  # small-sample factor of CRV1
    times: tuple[int, ...]
    leads: tuple[int, ...]
    assign: Callable[[np.ndarray], np.ndarray]

    @classmethod
    def of(
        cls,
        rows: pd.DataFrame,
        column: Column,
        effect_columns: dict[str, str],
        times: list[int],
        leads: list[int],
        assign: Callable[[np.ndarray], np.ndarray],
    ) -> Refit:
        first, second = (fwl.codes(rows[effect_columns[name]]) for name in column.fixed_effects)
        effects, within = fwl.Effects(first, second), column.fixed_effects[0] == "city"
        cities = fwl.codes(rows["city_id"])
        starts, sizes = np.unique(cities, return_index=True, return_counts=True)[1:]
        x = effects.residualise(rows[column.terms[1:]].to_numpy(dtype=float))
        controls = _basis(x)
        outside = [controls, effects.second_dummies()]
        if within:
            q = _basis(np.column_stack(outside) - _means(np.column_stack(outside), starts, sizes))
        else:
            q = _basis(np.column_stack([*outside, effects.first_dummies(), np.ones(len(rows))]))
        y = effects.residualise(rows[[column.outcome]].to_numpy(dtype=float))[:, 0]
        y = y - controls @ (controls.T @ y)
        n, k = len(y), controls.shape[1] + len(times) + levels_counted(effects, within)
        factor = len(starts) / (len(starts) - 1) * (n - 1) / (n - k)
        return cls(q, y, rows["year"].to_numpy(dtype=float), starts, sizes, within, factor, tuple(times), tuple(leads), assign)

    def statistics(self, cities: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, float]:
        """|t| (number of times,) and joint F of the leads if ``cities`` (codes) had adopted in the years ``first``.

        NaN where a dummy has no row or cannot be told from the others.
        """
        sizes = self.sizes[cities]
        at = np.concatenate([np.arange(s, s + m) for s, m in zip(self.starts[cities], sizes, strict=True)])
        time = self.assign(self.year[at] - np.repeat(first, sizes))
        d = (time[:, None] == np.array(self.times)).astype(float)
        edges = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        if self.within:
            d = d - _means(d, edges, sizes)
        onto = self.q[at].T @ d
        gram = d.T @ d - onto.T @ onto
        scale = np.sqrt(np.maximum(np.diag(gram), 0))
        if not np.all(scale > 1e-6) or np.linalg.cond(gram / np.outer(scale, scale)) > SINGULAR:
            return np.full(len(self.times), np.nan), np.nan
        bread = np.linalg.inv(gram)
        b = bread @ (d.T @ self.y[at])
        resid = self.y + self.q @ (onto @ b)
        resid[at] -= d @ b
        scores = -np.add.reduceat(self.q * resid[:, None], self.starts) @ onto
        scores[cities] += np.add.reduceat(d * resid[at, None], edges)
        cov = bread @ (scores.T @ scores) @ bread * self.factor
        if not np.all(np.diag(cov) > 0):
            return np.full(len(self.times), np.nan), np.nan
        return np.abs(b) / np.sqrt(np.diag(cov)), self._joint(b, cov)

    def _joint(self, b: np.ndarray, cov: np.ndarray) -> float:
        if not self.leads:
            return np.nan
        j = [self.times.index(t) for t in self.leads]
        scale = np.sqrt(np.diag(cov)[j])
        unit, z = cov[np.ix_(j, j)] / np.outer(scale, scale), b[j] / scale
        return float(z @ np.linalg.solve(unit, z) / len(j)) if np.linalg.cond(unit) <= SINGULAR else np.nan


def _means(matrix: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Mean over each run of rows, repeated for its rows."""
    return np.repeat(np.add.reduceat(matrix, starts) / sizes[:, None], sizes, axis=0)


def _basis(matrix: np.ndarray) -> np.ndarray:
    """Orthonormal basis of the columns of ``matrix`` (n, k), dependent ones left out."""
    if not matrix.shape[1]:
        return matrix
    norms = np.linalg.norm(matrix, axis=0)
    u, s, _ = np.linalg.svd(matrix[:, norms > 0] / norms[norms > 0], full_matrices=False)
    return u[:, s > 1e-10 * s.max()] if len(s) else u
