"""Randomisation p-values where a draw makes the sample or a second regressor again: who is redrawn, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from citycarbon.econometrics import draws as law
from citycarbon.econometrics.randomisation import Experiment
from citycarbon.econometrics.remade import Blocks, Remade
from citycarbon.econometrics.sample import EFFECT_COLUMNS
from citycarbon.econometrics.sensitivity_base import Base, redraw_cells

# From the first treated year of each city in some draws (positions, draws x cities) to the year from which the second
# regressor is 1, and to the cities that are kept; None where there is none, or all are kept.
Remake = Callable[[np.ndarray], tuple[np.ndarray | None, np.ndarray | None]]


@dataclass(frozen=True)
class Redraws:
    """The column's own sample, cut into blocks by city, and its law of assignment. Built once for several variants."""

    base: Base
    extra_years: tuple[int, ...]  # years in which a second regressor may start beside those in which a cohort does

    @cached_property
    def _experiment(self) -> Experiment:
        base = self.base
        return Experiment.build(
            base.sample.rows,
            base.column.outcome,
            base.treatment,
            base.controls,
            base.effects,
            first_year=base.first_year,
            cluster=EFFECT_COLUMNS[base.study.cluster],
        )

    @cached_property
    def blocks(self) -> Blocks:
        cohorts = self._experiment.first_year.values()
        return Blocks.of(self._experiment.design, tuple(sorted({*cohorts, *self.extra_years})))

    @cached_property
    def cities(self) -> list[str]:
        """The cities of the sample in the order of the blocks."""
        return [str(c) for c in self._experiment.design.units]

    @cached_property
    def actual(self) -> np.ndarray:
        """Position of the first treated year of each city (1, G)."""
        first = self._experiment.first_year
        at = [self.blocks.years.index(first[c]) if c in first else self.blocks.never for c in self.cities]
        return np.array(at, dtype=np.intp)[None]

    def reason(self) -> str:
        """Why nothing can be redrawn; '' where it can."""
        if self.base.study.placebo is None:
            return "no randomisation inference: the study asks for no redraws"
        try:
            made = self.blocks
        except ValueError as error:
            return f"no randomisation inference: {error}"
        return "" if (self.actual != made.never).any() else "no randomisation inference: no treated city in the sample"

    def cells(self, remake: Remake, made: str) -> list[dict[str, Any]]:
        """``redraw_cells`` of each regressor's t (treatment first) over the redraws, each with what ``remake`` makes of it.

        ``made``: what is made again, in words. Raises ValueError where :meth:`reason` has one.
        """
        scheme = self._experiment.scheme
        seed, number = self.base.seed(scheme.name), self.base.options.draws_remade
        actual = self._statistics([self.actual], remake).t[0]
        drawn = self._statistics(self._starts(scheme, seed, number), remake).t
        said = f"p_ri_t on {number} redraws, {made} made again in each"
        return [redraw_cells(drawn[:, i], float(t), scheme, seed, said) for i, t in enumerate(actual)]

    def _starts(self, scheme: law.Scheme, seed: int, draws: int) -> Iterator[np.ndarray]:
        place = np.array([self.blocks.years.index(year) for year in scheme.first_years], dtype=np.intp)
        for units, cohorts in law.blocks(scheme, seed, draws):
            start = np.full((units.shape[1], len(self.cities)), self.blocks.never, dtype=np.intp)
            np.put_along_axis(start, units.T, place[cohorts.T], axis=1)
            yield start

    def _statistics(self, starts: Iterable[np.ndarray], remake: Remake) -> Remade:
        return Remade.concatenate([self.blocks.statistics(start, *remake(start)) for start in starts])
