"""Random grids of cities and years with staggered adoption, and how a grid is repeated. No tests here."""

from __future__ import annotations

import numpy as np

from citycarbon.econometrics.staggered_grid import Grid

YEARS = np.arange(2010, 2018)


def random_grid(seed: int, missing: float = 0.15, cities: int = 24) -> Grid:
    """Three cities treated from 2014, four from 2016; every city has a row before adoption. ``x`` is a covariate."""
    rng = np.random.default_rng(seed)
    first = np.full(cities, np.inf)
    first[:3], first[3:7] = 2014, 2016
    y = rng.normal(size=cities)[:, None] + rng.normal(size=len(YEARS)) + rng.normal(0, 0.5, (cities, len(YEARS)))
    y = y - 0.4 * (first[:, None] <= YEARS)
    y[rng.random(y.shape) < missing] = np.nan
    y[:, 0] = np.where(np.isnan(y[:, 0]), 0.0, y[:, 0])
    return Grid(np.arange(cities), YEARS, y, first, rng.normal(size=y.shape))


def other(grid: Grid, y: np.ndarray | None = None, first: np.ndarray | None = None) -> Grid:
    """The grid with another outcome or assignment, nothing kept."""
    return Grid(grid.cities, grid.years, grid.y if y is None else y, grid.first if first is None else first, grid.x)


def repeated(grid: Grid, times: np.ndarray) -> Grid:
    """Every city ``times`` (C,) over."""
    rows = np.repeat(np.arange(len(grid.cities)), times)
    return Grid(np.arange(len(rows)), grid.years, grid.y[rows], grid.first[rows], None if grid.x is None else grid.x[rows])
