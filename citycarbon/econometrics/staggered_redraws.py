"""Staggered estimators redrawn: cohorts reassigned among the cities of a sample by the law of the headline (``draws``).

The statistic is the coefficient. All estimators of a sample see the same assignments.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.beside import spread
from citycarbon.econometrics import draws as law
from citycarbon.econometrics.randomisation import Experiment, redraw
from citycarbon.econometrics.sample import EFFECT_COLUMNS
from citycarbon.econometrics.staggered_estimators import Estimator, Point
from citycarbon.econometrics.staggered_grid import Grid
from citycarbon.study.spec import Column, Study

if TYPE_CHECKING:
    import pandas as pd

PART = 64  # draws of one call


@dataclass(frozen=True)
class Redraws:
    """Estimator -> its value in every draw (NaN where a draw leaves nothing to estimate), and the seed of the draws."""

    values: dict[str, np.ndarray] = field(default_factory=dict)
    seed: int | None = None


def redraw_points(study: Study, grid: Grid, estimators: list[Estimator], draws: int, pool: str, *, workers: int = 1) -> Redraws:
    """The estimators in ``draws`` reassignments of the cohorts among the cities of the grid; nothing where none can be drawn.

    ``pool`` names the sample in the seed. Estimators with the same point are computed once. The result does not depend on
    ``workers`` (processes over parts of the draws).
    """
    treated = np.flatnonzero(grid.treated.any(axis=1))
    if study.placebo is None or not len(treated) or not estimators:
        return Redraws()
    first_year = {i: int(grid.first[i]) for i in treated.tolist()}
    last = {i: int(grid.years[np.flatnonzero(seen)[-1]]) for i, seen in enumerate(grid.seen)}
    scheme = law.cohorts(range(len(grid.cities)), first_year, "staggered", last_year=last)
    seed = law.seed_of(study.placebo.seed, "staggered", pool, "cohorts")
    points = list(dict.fromkeys(e.point for e in estimators))
    years = np.array(scheme.first_years, dtype=float)
    grid.of(grid.first)  # what all draws share is computed before the grid is sent
    parts = [
        (grid, points, cities[:, at : at + PART], years[cohorts[:, at : at + PART]])
        for cities, cohorts in law.blocks(scheme, seed, draws)
        for at in range(0, cities.shape[1], PART)
    ]
    drawn = np.concatenate(spread(values_of, parts, workers=workers), axis=1)
    return Redraws({e.id: drawn[points.index(e.point)] for e in estimators}, seed)


def values_of(grid: Grid, points: list[Point], cities: np.ndarray, years: np.ndarray) -> np.ndarray:
    """(points, n): every point in each of n assignments, ``cities`` and their first treated ``years`` (k, n)."""
    out = np.full((len(points), cities.shape[1]), np.nan)
    for j in range(cities.shape[1]):
        first = np.full(len(grid.cities), np.inf)
        first[cities[:, j]] = years[:, j]
        other = grid.of(first)
        out[:, j] = [point(other) for point in points]
    return out


def redraw_column(
    study: Study, column: Column, rows: pd.DataFrame, first: dict[Any, float], draws: int, pool: str
) -> tuple[np.ndarray | None, int | None, str]:
    """The coefficient of the regression with its controls in every draw, the seed, and why there is none."""
    if study.placebo is None or column.estimator != "twfe":
        return None, None, ""
    effects = tuple(EFFECT_COLUMNS[e] for e in column.fixed_effects)
    try:
        experiment = Experiment.build(rows, column.outcome, column.treatment, column.terms[1:], effects, first_year=first)
    except ValueError as why:
        return None, None, f"not redrawn: {why}"
    name = "controls" if pool == "all" else f"controls_{pool}"
    seed = law.seed_of(study.placebo.seed, "staggered", name, "cohorts")
    return redraw(experiment.design, experiment.scheme, seed, draws).beta(), seed, ""
