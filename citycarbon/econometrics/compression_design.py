"""The resampling engine's design from cells: redraws of a dated treatment in a table that is larger than memory.

Who is treated is drawn by city, while the first effect is that of the units of the table (counties, or counties by sector) in
the cities: an atom is (city, first year), and kappa of a city is the sum over its units of W_t - W_t^2/W_u. The rest is as
the docstring of ``resampling`` has it. Z holds the times and the controls net of the means of the units; its cross-products by
cluster follow from the cells' means and what the controls vary within them (``compression_algebra``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from citycarbon.econometrics.compression_algebra import Cells, two_way
from citycarbon.econometrics.randomisation import Experiment
from citycarbon.econometrics.resampling import Design
from citycarbon.econometrics.resampling_rows import Rows, is_nested

LIMIT_GIB = 0.5  # for the cross-products of Z by cluster: G q (q + 1) / 2 doubles


def cell_experiment(
    cells: Cells, cities: np.ndarray, years: np.ndarray, first_year: Mapping[str, int], k_counted: int, kept: Sequence[int]
) -> Experiment | str:
    """The treatment of a dated table as the engine redraws it; the reason in words where it cannot be.

    ``cells``: the estimation sample; ``cities``, ``years``: of each cell (C,); ``kept``: positions of the fitted controls among
    the variables of ``cells`` (from 2 on).
    """
    labels, city = np.unique(cities, return_inverse=True)
    if not is_nested(cells.unit, city):
        return "a unit lies in more than one city"
    if not is_nested(city, cells.cluster) or not is_nested(cells.unit, cells.cluster):
        return "a city lies in more than one cluster"
    groups, q = len(cells.within), int(cells.time.max()) + len(kept)
    need = groups * q * (q + 1) / 2 * 8 / 2**30
    if need > LIMIT_GIB:
        return f"{groups} clusters by {q} columns would need {need:.1f} GiB; cluster by city or use fewer times"
    last = np.full(len(labels), -np.inf)
    np.maximum.at(last, city, years)
    dated = [(c, int(first_year[c]), end) for c, end in zip(labels.tolist(), last, strict=True) if c in first_year]
    first = {c: year for c, year, end in dated if end >= year}
    if not first:
        return "no treated city in the sample"
    block = _Block(cells, np.array(kept, dtype=int))
    return Experiment(_design(block, labels, city, years, tuple(sorted(set(first.values()))), k_counted), first)


class _Block:
    """Z in pieces: for each cell its time, and the controls' means net of the units'; A turns the columns orthonormal."""

    def __init__(self, cells: Cells, kept: np.ndarray) -> None:
        effects, by_unit = two_way(cells)
        self.cells, self.mass = cells, cells.mass
        self.unit_mass = np.bincount(cells.unit, weights=cells.mass)
        spread = np.sqrt(np.diag(cells.within.sum(axis=0))[kept] + cells.mass @ cells.means[:, kept] ** 2)
        self.scale = 1 / spread
        self.x = self.net(cells.means[:, kept] * self.scale)
        self.within_xx = cells.within[:, kept][:, :, kept] * np.outer(self.scale, self.scale)
        # the base times are those of the components of units and times, whichever of the two is removed by means
        base = effects.base if by_unit else _bases(cells)
        self.kept_times = np.delete(np.arange(int(cells.time.max()) + 1), base)
        self.order = np.argsort(cells.cluster, kind="stable")
        self.ends = np.searchsorted(cells.cluster[self.order], np.arange(len(cells.within) + 1))
        grams = [self.gram(g) for g in range(len(cells.within))]
        self.a = np.linalg.inv(np.linalg.cholesky(sum(grams))).T
        self.grams = grams
        left = effects.residualise(cells.means[:, np.append(0, kept)])
        inside = cells.within.sum(axis=0)
        xx = inside[np.ix_(kept, kept)] + left[:, 1:].T @ (left[:, 1:] * self.mass[:, None])
        xy = inside[kept, 0] + left[:, 1:].T @ (left[:, 0] * self.mass)
        slopes = np.linalg.solve(xx, xy) if len(kept) else np.zeros(0)
        self.r = left[:, 0] - left[:, 1:] @ slopes  # means of the outcome's residual by cell
        self.within_xr = (cells.within[:, kept, 0] - cells.within[:, kept][:, :, kept] @ slopes) * self.scale
        within_rr = cells.within[:, 0, 0] - 2 * cells.within[:, kept, 0] @ slopes
        within_rr = within_rr + np.einsum("gij,i,j->g", cells.within[:, kept][:, :, kept], slopes, slopes)
        self.rss = float(within_rr.sum() + self.mass @ self.r**2)
        centred = cells.means[:, 0] - self.mass @ cells.means[:, 0] / self.mass.sum()
        self.tss = float(inside[0, 0] + self.mass @ centred**2)

    def net(self, values: np.ndarray) -> np.ndarray:
        """``values`` (C, k) less the means of the units."""
        out = np.empty(values.shape)
        for j, column in enumerate(values.T):
            out[:, j] = column - (np.bincount(self.cells.unit, weights=self.mass * column) / self.unit_mass)[self.cells.unit]
        return out

    def by_time(self, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Sums of ``values`` (rows,) over the cells ``rows`` by the kept times."""
        return np.bincount(self.cells.time[rows], weights=values, minlength=int(self.cells.time.max()) + 1)[self.kept_times]

    def gram(self, g: int) -> np.ndarray:
        """Cross-products (q, q) of cluster g of the columns before A: times net of the units' means, then controls."""
        rows = self.order[self.ends[g] : self.ends[g + 1]]
        masses, times, k = self.masses(rows, self.mass[rows]), len(self.kept_times), self.x.shape[1]
        out = np.empty((times + k, times + k))
        out[:times, :times] = np.diag(masses.sum(axis=0)) - (masses / self._units(rows)[:, None]).T @ masses
        for j in range(k):
            out[:times, times + j] = out[times + j, :times] = self.by_time(rows, self.mass[rows] * self.x[rows, j])
        out[times:, times:] = self.within_xx[g] + self.x[rows].T @ (self.x[rows] * self.mass[rows][:, None])
        return out

    def masses(self, rows: np.ndarray, mass: np.ndarray) -> np.ndarray:
        """``mass`` (rows,) of the cells ``rows`` by unit and kept time, dense: units of ``rows`` in order."""
        local = np.unique(self.cells.unit[rows], return_inverse=True)[1]
        times = int(self.cells.time.max()) + 1
        size = (int(local.max(initial=-1)) + 1) * times
        dense = np.bincount(local * times + self.cells.time[rows], weights=mass, minlength=size)
        return dense.reshape(-1, times)[:, self.kept_times]

    def _units(self, rows: np.ndarray) -> np.ndarray:
        return self.unit_mass[np.unique(self.cells.unit[rows])]

    def products(self, rows: np.ndarray, treated: np.ndarray) -> tuple[np.ndarray, float]:
        """Z'd (q,) and kappa of a treatment of the cells ``rows`` (the whole units) by ``treated`` (rows,) of 0 and 1."""
        on = self.mass[rows] * treated
        local = np.unique(self.cells.unit[rows], return_inverse=True)[1]
        share = np.bincount(local, weights=on) / self._units(rows)
        times = self.by_time(rows, on) - share @ self.masses(rows, self.mass[rows])
        return np.concatenate([times, self.x[rows].T @ on]) @ self.a, float(on.sum() - share**2 @ self._units(rows))


def _bases(cells: Cells) -> np.ndarray:
    from citycarbon.econometrics import fwl

    return np.unique(fwl.components(cells.unit, cells.time), return_index=True)[1]


def _design(
    block: _Block, labels: np.ndarray, city: np.ndarray, years: np.ndarray, first_years: tuple[int, ...], k_counted: int
) -> Design:
    cells, q, groups = block.cells, len(block.a), len(block.cells.within)
    order = np.argsort(city, kind="stable")
    ends = np.searchsorted(city[order], np.arange(len(labels) + 1))
    count = len(labels) * len(first_years)
    c, kappa, s = np.zeros((count + 1, q)), np.zeros(count + 1), np.zeros((1, count + 1))
    mass, treated_rows = np.zeros(count + 1), np.zeros(count + 1, dtype=int)
    for u in range(len(labels)):
        rows = order[ends[u] : ends[u + 1]]
        for f, first in enumerate(first_years):
            on, atom = (years[rows] >= first).astype(float), u * len(first_years) + f
            c[atom], kappa[atom] = block.products(rows, on)
            s[0, atom] = (block.mass[rows] * on) @ block.r[rows]
            mass[atom], treated_rows[atom] = block.mass[rows] @ on, int(cells.count[rows] @ on)
    upper = np.triu_indices(q)
    twice = np.where(upper[0] == upper[1], 1.0, 2.0)
    h, hh = np.zeros((1, groups + 1, q)), np.zeros((groups + 1, len(upper[0])))
    for g in range(groups):
        rows = block.order[block.ends[g] : block.ends[g + 1]]
        hh[g] = (block.a.T @ block.grams[g] @ block.a)[upper] * twice
        with_times = block.by_time(rows, block.mass[rows] * block.r[rows])
        with_x = block.within_xr[g] + block.x[rows].T @ (block.mass[rows] * block.r[rows])
        h[0, g] = np.concatenate([with_times, with_x]) @ block.a
    starts = order[ends[:-1]]
    # The engine reads of the rows only the last year of every unit and the total mass.
    last = np.array([years[order[lo:hi]].max() for lo, hi in zip(ends[:-1], ends[1:], strict=True)])
    total = np.full(1, np.sqrt(block.mass.sum()))
    stub = Rows(np.zeros((0, q)), np.zeros((0, 1)), total, last, cells.cluster[starts], np.arange(len(labels)), None, True)
    return Design(
        units=labels,
        cluster=cells.cluster[starts],
        first_years=first_years,
        outcomes=("outcome",),
        controls=(),
        n_obs=cells.n_obs,
        n_clusters=groups,
        k_counted=k_counted,
        nested=True,
        c=c,
        kappa=kappa,
        cells=treated_rows,
        mass=mass,
        s=s,
        h=h,
        hh=hh,
        rss=np.array([block.rss]),
        tss=np.array([block.tss]),
        rows=stub,
    )
