"""From sums by cell to the two-way regression: exact projection, cross-products by cluster, coefficients and CRV1. numpy only.

Rows i of a cell c (unit u, time t, cluster g) have mass w_i (1 without weights). Of every variable the cell keeps its mass W_c
and mean m_c; of every cluster the cross-products within its cells are kept, B_g = sum_i w_i (v_i - m_c)(v_i - m_c)'. Effects of
unit and time are constant in a cell, so projecting the rows is projecting the means with weights W_c; with r_c the residual of
m_c, the residual cross-products of a cluster are exactly

    Q_g = B_g + sum_{c in g} W_c r_c r_c'        Q = sum_g Q_g

With (y, X) the variables, b = Q_XX^-1 Q_Xy, the score of a cluster is s_g = Q_g,Xy - Q_g,XX b, and
V = Q_XX^-1 (sum s_g s_g') Q_XX^-1 G/(G-1) (N-1)/(N-K): coefficients and clustered errors of the regression of all N rows
(Wong, Forsell, Lewis, Mao and Wardrop 2021, "You only compress once"; K as in docs/methods.md).

The projection is exact, without iteration: units are removed by their means, times by the Schur complement
L = diag(W_t) - sum_u W_ut W_ut' / W_u (T x T), one time of every connected component left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from citycarbon.econometrics import fwl

CANCELLED = 3e-8  # root of the rounding of a sum of squares: norms found as differences of sums are known to this share
BLOCK_BYTES = 32 << 20  # units at a time: the dense block of their masses by time


@dataclass(frozen=True)
class Cells:
    """The compressed table. C cells, G clusters, p variables: outcome, treatment, controls."""

    unit: np.ndarray  # codes (C,)
    time: np.ndarray
    cluster: np.ndarray
    count: np.ndarray  # rows (C,)
    mass: np.ndarray  # sums of weights (C,)
    means: np.ndarray  # (C, p), less ``centre``
    centre: np.ndarray  # overall means (p,)
    within: np.ndarray  # B_g (G, p, p)

    @property
    def n_obs(self) -> int:
        return int(self.count.sum())

    def kept(self) -> np.ndarray:
        """The cells (bool) that are left when rows alone in their unit or time are dropped, again and again until none is.

        Such a row is a cell of its own, so nothing of it stands in ``within``.
        """
        keep = np.ones(len(self.count), dtype=bool)
        while True:
            count = np.where(keep, self.count, 0)
            alone = keep & ((_totals(count, self.unit) == 1) | (_totals(count, self.time) == 1))
            if not alone.any():
                return keep
            keep &= ~alone

    def take(self, keep: np.ndarray) -> Cells:
        """The cells of ``keep`` (bool), levels counted anew. Those left out must add nothing to ``within``."""
        levels, cluster = np.unique(self.cluster[keep], return_inverse=True)
        return Cells(
            unit=fwl.codes(self.unit[keep]),
            time=fwl.codes(self.time[keep]),
            cluster=cluster,
            count=self.count[keep],
            mass=self.mass[keep],
            means=self.means[keep],
            centre=self.centre,
            within=self.within[levels],
        )


@dataclass(frozen=True)
class TwoWay:
    """The projection on both effects. ``first`` is removed by means; ``second``, the one with fewer levels, by L."""

    first: np.ndarray
    second: np.ndarray
    mass: np.ndarray
    base: np.ndarray = field(init=False)  # levels of ``second`` left out, one of every connected component
    schur: np.ndarray = field(init=False, repr=False)  # L without the base levels
    _factor: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        whole = self._whole_schur()
        base = np.unique(_components(whole), return_index=True)[1]
        schur = np.delete(np.delete(whole, base, axis=0), base, axis=1)
        object.__setattr__(self, "base", base)
        object.__setattr__(self, "schur", schur)
        object.__setattr__(self, "_factor", np.linalg.cholesky(schur) if len(schur) else schur)

    @property
    def n_components(self) -> int:
        return len(self.base)

    @property
    def n_parameters(self) -> int:
        """Free parameters of both effects, the constant included."""
        return int(self.first.max()) + 1 + int(self.second.max()) + 1 - self.n_components

    def residualise(self, values: np.ndarray) -> np.ndarray:
        """What is left of the columns of ``values`` (C, p)."""
        from scipy.linalg import cho_solve

        total = np.bincount(self.first, weights=self.mass)
        effect = np.zeros(int(self.second.max()) + 1)
        kept = np.delete(np.arange(len(effect)), self.base)

        def demean(column: np.ndarray) -> np.ndarray:
            return column - (np.bincount(self.first, weights=column * self.mass) / total)[self.first]

        out = np.empty(values.shape, order="F")
        for j in range(values.shape[1]):  # a column at a time: no second table of the cells' size
            column = demean(values[:, j])
            for _ in range(2 if len(kept) else 0):  # the second pass removes what rounding left of the first
                right = np.bincount(self.second, weights=column * self.mass)[kept]
                effect[kept] = cho_solve((self._factor, True), right)
                column = demean(column - effect[self.second])
            out[:, j] = column
        return out

    def _whole_schur(self) -> np.ndarray:
        units, times = int(self.first.max()) + 1, int(self.second.max()) + 1
        total = np.bincount(self.first, weights=self.mass)
        out = np.diag(np.bincount(self.second, weights=self.mass))
        step = max(1, BLOCK_BYTES // (8 * times))
        order = np.argsort(self.first, kind="stable")
        ends = np.searchsorted(self.first[order], np.arange(0, units + step, step))
        for lo, (start, end) in zip(range(0, units, step), zip(ends[:-1], ends[1:], strict=True), strict=False):
            some, width = order[start:end], min(step, units - lo)
            place = (self.first[some] - lo) * times + self.second[some]
            block = np.bincount(place, weights=self.mass[some], minlength=width * times).reshape(width, times)
            block /= np.sqrt(total[lo : lo + width])[:, None]
            out -= block.T @ block
        return out


def two_way(cells: Cells) -> tuple[TwoWay, bool]:
    """The projection of the cells, the effect with more levels removed by means; True where that is the unit."""
    by_unit = int(cells.unit.max()) >= int(cells.time.max())
    first, second = (cells.unit, cells.time) if by_unit else (cells.time, cells.unit)
    return TwoWay(first, second, cells.mass), by_unit


def cluster_crossproducts(cells: Cells, left: np.ndarray) -> np.ndarray:
    """Q_g (G, p, p). ``left``: residuals of the cells' means (C, p)."""
    out = cells.within.copy()
    p, groups = left.shape[1], len(cells.within)
    for i in range(p):
        for j in range(i, p):
            between = np.bincount(cells.cluster, weights=cells.mass * left[:, i] * left[:, j], minlength=groups)
            out[:, i, j] += between
            if j > i:
                out[:, j, i] += between
    return out


@dataclass(frozen=True)
class CellFit:
    """Coefficients (k,) of the kept regressors with their covariance; ``verdict``: which were kept and why the others not."""

    params: np.ndarray
    cov: np.ndarray
    verdict: fwl.Identified
    k_counted: int
    n_parameters: int  # every one, fixed effects included
    r2: float
    r2_within: float


def fit_cells(cells: Cells) -> CellFit | str:
    """The regression of the first variable on the others; the reason in words where nothing can be estimated.

    ``cells``: without singletons, at least one.
    """
    groups = len(cells.within)
    if groups < 2:
        return f"{groups} clusters: nothing can be estimated"
    effects, by_unit = two_way(cells)
    left = effects.residualise(cells.means)
    by_cluster = cluster_crossproducts(cells, left)
    q = by_cluster.sum(axis=0)
    centred = _centred(cells)
    verdict = _identify(cells, q[1:, 1:], np.sqrt(centred[1:]))
    keep = [j + 1 for j in verdict.keep]
    nested = _is_nested(cells.unit, cells.cluster)
    levels = (int(effects.second.max()) + 1 if by_unit else int(effects.first.max()) + 1) - effects.n_components + 1
    k_counted = len(keep) + (levels if nested else effects.n_parameters)
    parameters = effects.n_parameters + len(keep)
    if cells.n_obs <= parameters:
        return f"{cells.n_obs} observations for {parameters} parameters"
    scale = 1 / np.sqrt(np.diag(q)[keep])
    params = scale * np.linalg.solve(q[np.ix_(keep, keep)] * np.outer(scale, scale), scale * q[keep, 0])
    scores = by_cluster[:, keep, 0] - by_cluster[:, keep][:, :, keep] @ params
    bread = np.linalg.inv(q[np.ix_(keep, keep)] * np.outer(scale, scale)) * np.outer(scale, scale)
    n = cells.n_obs
    cov = bread @ (scores.T @ scores) @ bread * (groups / (groups - 1)) * ((n - 1) / (n - k_counted))
    rss, total, within = float(q[0, 0] - q[0, keep] @ params), float(centred[0]), float(q[0, 0])
    has_r2 = total > 0 and within > 1e-12 * total
    r2, r2_within = (1 - rss / total, 1 - rss / within) if has_r2 else (np.nan, np.nan)
    return CellFit(params, cov, verdict, k_counted, parameters, r2, r2_within)


def _centred(cells: Cells) -> np.ndarray:
    """Sums of squares (p,) of all rows about the overall means."""
    mean = cells.mass @ cells.means / cells.mass.sum()
    between = [cells.mass @ (column - m) ** 2 for column, m in zip(cells.means.T, mean, strict=True)]
    return np.maximum(np.diag(cells.within.sum(axis=0)) + between, 0.0)


def _identify(cells: Cells, q: np.ndarray, size: np.ndarray) -> fwl.Identified:
    """Which regressors have a coefficient. ``q``: their residual cross-products (k, k); ``size``: their centred norms (k,).

    What is left of a column is known from the difference of larger sums: its share of them sets the digits that are sure.
    """
    norms = np.sqrt(np.maximum(np.diag(q), 0.0))
    floor = 1e-13 * np.sqrt(size**2 + cells.mass.sum() * cells.centre[1:] ** 2)
    sure = norms > fwl.ABSORBED * size
    noise = CANCELLED * float((size[sure] / norms[sure]).max(initial=0.0))
    return fwl.judge(_root(q), size, floor, max(fwl.ABSORBED, noise))


def _root(gram: np.ndarray) -> np.ndarray:
    """A matrix whose columns have the cross-products ``gram`` (k, k): what a projection of the rows would be judged by."""
    scale = np.sqrt(np.where(np.diag(gram) > 0, np.diag(gram), 1.0))
    values, vectors = np.linalg.eigh(gram / np.outer(scale, scale))
    return np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T * scale


def _is_nested(unit: np.ndarray, cluster: np.ndarray) -> bool:
    """Whether every unit lies in one cluster: its effect then does not count in K."""
    return len(np.unique(unit)) == len(np.unique(unit.astype(np.int64) * (int(cluster.max()) + 1) + cluster))


def _components(schur: np.ndarray) -> np.ndarray:
    """Connected component of each level (T,): two levels seen with one level of the other effect have an entry in L."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    return connected_components(csr_array(schur != 0), directed=False)[1]


def _totals(count: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """For each cell the rows of its whole level."""
    return np.bincount(codes, weights=count)[codes]
