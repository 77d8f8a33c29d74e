"""The rows of a column as a grid of cities and years, and the window in which it is balanced: what staggered estimators see.

A city that is not treated by the last year of the grid is a comparison city, whatever its date.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Grid:
    """``y`` (C, T): the outcome, NaN where a city has no row; ``first`` (C,): first treated year, inf where never; ``x``
    (C, T): a covariate, known wherever ``y`` is. Two grids are equal only if they are the same object."""

    cities: np.ndarray
    years: np.ndarray
    y: np.ndarray
    first: np.ndarray
    x: np.ndarray | None = None

    @cached_property
    def seen(self) -> np.ndarray:
        """(C, T): rows."""
        return np.isfinite(self.y)

    @cached_property
    def treated(self) -> np.ndarray:
        """(C, T): rows under treatment."""
        return self.seen & (self.years[None, :] >= self.first[:, None])

    @cached_property
    def cohorts(self) -> list[int]:
        """First treated years with a treated row."""
        held = np.isfinite(self.first) & self.treated.any(axis=1)
        return sorted({int(g) for g in self.first[held]})

    def of(self, first: np.ndarray) -> Grid:
        """The same outcome under another assignment (C,). What depends on the outcome alone is computed once for all."""
        other = replace(self, first=first)
        for name in ("seen", "year_sums", "event_basis"):
            other.__dict__[name] = getattr(self, name)
        return other

    @cached_property
    def year_sums(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Normal equations of year effects net of city means over all rows, and each city's part of them: (T, T), (T,),
        (C, T, T), (C, T)."""
        parts, rights = city_sums(self.y, self.seen)
        return parts.sum(axis=0), rights.sum(axis=0), parts, rights

    @cached_property
    def event_basis(self) -> tuple[np.ndarray, np.ndarray]:
        """Orthonormal year effects net of city means (C, T, T - 1), zero where there is no row, and the outcome net of both."""
        seen = self.seen
        count = seen.sum(axis=1, keepdims=True)
        dummies = np.zeros((*seen.shape, len(self.years)))
        dummies[:, np.arange(len(self.years)), np.arange(len(self.years))] = seen
        net = np.where(seen[:, :, None], dummies - (dummies.sum(axis=1, keepdims=True) / np.maximum(count, 1)[:, :, None]), 0.0)
        flat = net.reshape(-1, len(self.years))
        values, vectors = np.linalg.eigh(flat.T @ flat)
        kept = values > 1e-9 * max(values.max(), 1e-300)
        basis = flat @ (vectors[:, kept] / np.sqrt(values[kept]))
        outcome = np.where(
            seen, self.y - np.nansum(np.where(seen, self.y, 0.0), axis=1, keepdims=True) / np.maximum(count, 1), 0.0
        )
        residual = outcome.reshape(-1)
        residual = residual - basis @ (basis.T @ residual)
        return basis.reshape(*seen.shape, -1), residual.reshape(seen.shape)


def city_sums(y: np.ndarray, used: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each city: diag(u) - u u'/n and u (y - mean), u its used years. (C, T, T) and (C, T)."""
    u = used.astype(float)
    n = np.maximum(u.sum(axis=1), 1.0)
    filled = np.where(used, y, 0.0)
    parts = u[:, :, None] * np.eye(y.shape[1]) - u[:, :, None] * u[:, None, :] / n[:, None, None]
    return parts, filled - u * (filled.sum(axis=1) / n)[:, None]


def grid_of(rows: pd.DataFrame, outcome: str, first_year: Mapping[Any, float], covariate: str | None = None) -> Grid:
    """``rows``: city_id, year, ``outcome`` and ``covariate``, one a city and year; ``first_year``: city -> first treated year.

    Raises ValueError where a city and year repeats (a fault upstream).
    """
    wide = rows.pivot(index="city_id", columns="year", values=outcome).sort_index()
    years = np.arange(int(rows["year"].min()), int(rows["year"].max()) + 1)
    wide = wide.reindex(columns=years)
    first = np.array([float(first_year.get(c, np.inf)) for c in wide.index])
    first = np.where(np.isfinite(first) & (first <= years[-1]), first, np.inf)
    x = None
    if covariate is not None:
        x = rows.pivot(index="city_id", columns="year", values=covariate).reindex(index=wide.index, columns=years)
        x = x.to_numpy(dtype=float)
    return Grid(wide.index.to_numpy(), years, wide.to_numpy(dtype=float), first, x)


def balanced(grid: Grid) -> Grid | None:
    """The cities seen in every year of one window that holds a year before the first cohort and ends with the last treated year
    of the grid: of all windows that which keeps most treated cities, then most rows. None where none keeps a treated and a
    comparison city."""
    cohorts = grid.cohorts
    if not cohorts:
        return None
    seen, last = grid.seen, len(grid.years) - 1
    best: tuple[tuple[int, int, int], int, np.ndarray] | None = None
    for start in range(int(np.searchsorted(grid.years, cohorts[0]))):
        whole = seen[:, start : last + 1].all(axis=1)
        treated = int((whole & np.isfinite(grid.first)).sum())
        if not treated or treated == whole.sum():
            continue
        key = (treated, int(whole.sum()) * (last - start + 1), -start)
        if best is None or key > best[0]:
            best = (key, start, whole)
    if best is None:
        return None
    _, start, whole = best
    return Grid(grid.cities[whole], grid.years[start:], grid.y[whole][:, start:], grid.first[whole])


def no_window(grid: Grid) -> str:
    """Why a grid has no balanced window, with its numbers."""
    treated = int(grid.treated.any(axis=1).sum())
    if not treated:
        return "0 treated cities in this sample"
    never = int(np.isinf(grid.first).sum())
    return (
        f"no window of years that begins before {grid.cohorts[0]} and ends in {grid.years[-1]} in which a treated and a "
        f"comparison city are seen throughout ({treated} treated and {never} comparison cities in the sample)"
    )
