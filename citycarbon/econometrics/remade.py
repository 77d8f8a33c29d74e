"""Redraws that make more than the treatment again: the sample itself (a donut) or a second regressor (exposure, a lead).

Both follow from who is treated, so a test by redrawing must make them again in every draw. City effects are nested in the
cities that are kept or dropped whole, so every number is a sum over cities of products that are computed once. Of a city g in
the kept set S, Z as in ``resampling``, X_g its regressors of the draw (k: treatment, second regressor), net of the city's mean:

    A = sum_S H_g      Delta = A^-1 sum_S Z_g'X_g      gamma = A^-1 sum_S h_g      (h_g = Z_g'r_g, H_g = Z_g'Z_g)
    M_g = X_g'X_g - X_g'Z_g Delta - Delta'Z_g'X_g + Delta'H_g Delta
    v_g = X_g'r_g - X_g'Z_g gamma - Delta'h_g + Delta'H_g gamma
    b = (sum_S M_g)^-1 sum_S v_g      s_g = v_g - M_g b
    V = c (sum M_g)^-1 (sum s_g s_g') (sum M_g)^-1,   c = G/(G-1) (N-1)/(N-K) with G, N and K of the kept set

by Frisch-Waugh-Lovell; A^-1 is the pseudo-inverse, for a year or control that the kept set does not have. A regressor is a sum
of atoms: 1 from a first year on. Nothing is drawn here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from citycarbon.econometrics import fwl
from citycarbon.econometrics.resampling import Design

BATCH = 64  # draws at a time: the arrays of (draws, cities, q) stay in the cache
RANK = 1e-10  # eigenvalues of A below this are directions that the kept cities do not have (those of all cities are 1)


@dataclass(frozen=True)
class Remade:
    """Coefficients and clustered t statistics (draws, k) with what each draw keeps; NaN where a draw is undefined."""

    beta: np.ndarray
    t: np.ndarray
    n_obs: np.ndarray  # (draws,)
    n_clusters: np.ndarray  # (draws,)

    @staticmethod
    def concatenate(parts: Sequence[Remade]) -> Remade:
        """The draws of several calls, in order."""
        return Remade(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Remade)))


@dataclass(frozen=True)
class _Term:
    """A regressor of a batch of draws: of each city a weighted sum of atoms, given as positions and weights (draws, G)."""

    parts: tuple[tuple[np.ndarray, np.ndarray], ...]

    def on(self, table: np.ndarray) -> np.ndarray:
        """The sum of ``table`` (G, F + 1) over the atoms (draws, G)."""
        g = np.arange(len(table))
        return sum(weight * table[g, at] for at, weight in self.parts)

    def with_another(self, other: _Term, table: np.ndarray) -> np.ndarray:
        """The sum of ``table`` (G, F + 1, F + 1) over pairs of atoms (draws, G). ``weight`` 0 leaves a city out."""
        g = np.arange(len(table))
        return sum(a * b * table[g, at, to] for at, a in self.parts for to, b in other.parts)

    def weights(self, positions: int) -> np.ndarray:
        """Weight of every atom (draws, G, F + 1)."""
        out = np.zeros((*self.parts[0][0].shape, positions))
        for at, weight in self.parts:
            held = np.take_along_axis(out, at[..., None], axis=2)
            np.put_along_axis(out, at[..., None], held + weight[..., None], axis=2)
        return out


@dataclass(frozen=True)
class Blocks:
    """The products of each city (G,) with the atoms of F first years; position F is "never", the empty atom."""

    years: tuple[int, ...]
    rows: np.ndarray  # (G,)
    xz: np.ndarray  # (G, F + 1, q)
    xr: np.ndarray  # (G, F + 1)
    xx: np.ndarray  # (G, F + 1, F + 1)
    size: np.ndarray  # treated rows of an atom (G, F + 1)
    h: np.ndarray  # (G, q)
    half: np.ndarray  # half-vectorised H_g, its diagonal halved (G, q (q + 1) / 2)

    @staticmethod
    def of(design: Design, years: tuple[int, ...]) -> Blocks:
        """From a design with the city as unit, cluster and first effect, without weights. ``years`` in ascending order.

        Raises ValueError for another design.
        """
        frame = design.rows
        if not (frame.own and len(design.units) == design.n_clusters) or not (frame.root == 1).all():
            raise ValueError("only a regression with city effects, clustered by city and unweighted, can be made again by city")
        on = design.on(years)
        cities, count, q = len(on.units), len(years), frame.z.shape[1]
        rows = np.diff(np.append(frame.starts, len(frame.year)))
        with_never = [(0, 0), (0, 1)]
        size = np.pad(on.cells[:-1].reshape(cities, count).astype(float), with_never)
        both = np.minimum(size[:, :, None], size[:, None, :])  # rows from the later of two first years on
        return Blocks(
            years=years,
            rows=rows,
            xz=np.pad(on.c[:-1].reshape(cities, count, q), [*with_never, (0, 0)]),
            xr=np.pad(on.s[0, :-1].reshape(cities, count), with_never),
            xx=both - size[:, :, None] * size[:, None, :] / rows[:, None, None],
            size=size,
            h=on.h[0, :-1],
            half=on.hh[:-1] / 2,
        )

    @property
    def never(self) -> int:
        return len(self.years)

    def statistics(self, start: np.ndarray, other: np.ndarray | None = None, keep: np.ndarray | None = None) -> Remade:
        """b and clustered t of every draw.

        ``start`` (draws, G): position of the first treated year of each city. ``other`` (draws, G): position of the year from
        which the second regressor is 1, until the city's own treatment starts. ``keep`` (draws, G): cities of the sample.
        Where the second regressor is absorbed, the treatment's numbers are those without it, as in a fit that drops it.
        """
        parts = []
        for lo in range(0, len(start), BATCH):
            part = slice(lo, lo + BATCH)
            held = None if keep is None else keep[part]
            made = self._batch(start[part], None if other is None else other[part], held)
            if other is not None and (alone := ~np.isfinite(made.beta).all(axis=1)).any():
                made = _filled(made, alone, self._batch(start[part][alone], None, None if held is None else held[alone]))
            parts.append(made)
        return Remade.concatenate(parts)

    def _batch(self, start: np.ndarray, other: np.ndarray | None, keep: np.ndarray | None) -> Remade:
        kept = np.ones(start.shape) if keep is None else keep.astype(float)
        terms = [_Term(((start, kept),))]
        if other is not None:  # until a city's own treatment starts: the atom of ``other`` less that of ``start``
            sign = (other < start) * kept
            terms.append(_Term(((other, sign), (start, -sign))))
        inverse, rank = self._inverse(kept, keep is None)
        delta = [(inverse @ self._with_z(x)[..., None])[..., 0] for x in terms]  # k times (B, q)
        gamma = None if keep is None else (inverse @ (kept @ self.h)[..., None])[..., 0]  # over all cities Z'r = 0
        k, shape = len(terms), start.shape
        m, v, size = np.empty((*shape, k, k)), np.empty((*shape, k)), np.empty((len(start), k))
        products = [[self._product(x, z) for z in delta] for x in terms]
        for i, x in enumerate(terms):
            size[:, i] = x.on(self.size).sum(axis=1)
            v[..., i] = x.on(self.xr) - kept * (delta[i] @ self.h.T)
            if gamma is not None:
                v[..., i] += kept * self._form(delta[i], gamma) - self._product(x, gamma)
            for j in range(i + 1):
                m[..., i, j] = x.with_another(terms[j], self.xx) - products[i][j] - products[j][i]
                m[..., i, j] += kept * self._form(delta[i], delta[j])
                m[..., j, i] = m[..., i, j]
        return self._solved(m, v, size, kept, rank)

    def _solved(self, m: np.ndarray, v: np.ndarray, size: np.ndarray, kept: np.ndarray, rank: np.ndarray) -> Remade:
        """b and t of a batch from M_g (B, G, k, k) and v_g (B, G, k)."""
        k = m.shape[-1]
        n, groups = kept @ self.rows, kept.sum(axis=1)
        total = m.sum(axis=1)
        defined = _defined(total, size, n)
        bread = np.linalg.inv(np.where(defined[:, None, None], total, np.eye(k)))
        beta = np.einsum("bij,bj->bi", bread, v.sum(axis=1))
        scores = v - np.einsum("bgij,bj->bgi", m, beta)
        meat = np.einsum("bgi,bgj->bij", scores, scores)
        variance = np.einsum("bki,bij,bkj->bk", bread, meat, bread)
        counted = k + rank + 1  # K: regressors, years and controls, the constant; city effects are nested
        free = (groups > 1) & (n > counted)
        factor = np.where(free, groups / np.where(free, groups - 1, 1) * (n - 1) / np.where(free, n - counted, 1), np.nan)
        usable = defined[:, None] & (variance > 0)
        t = np.where(usable, beta / np.sqrt(np.where(usable, factor[:, None] * variance, 1.0)), np.nan)
        return Remade(np.where(defined[:, None], beta, np.nan), t, n.astype(int), groups.astype(int))

    def _with_z(self, term: _Term) -> np.ndarray:
        """sum_g Z_g'x_g (B, q)."""
        cities, positions, q = self.xz.shape
        return term.weights(positions).reshape(-1, cities * positions) @ self.xz.reshape(cities * positions, q)

    def _product(self, term: _Term, direction: np.ndarray) -> np.ndarray:
        """x_g'Z_g times ``direction`` (B, q), by draw and city (B, G)."""
        cities, positions, q = self.xz.shape
        of_atoms = (direction @ self.xz.reshape(cities * positions, q).T).reshape(-1, cities, positions)
        return sum(weight * np.take_along_axis(of_atoms, at[..., None], axis=2)[..., 0] for at, weight in term.parts)

    def _form(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """left'H_g right (B, G) of vectors (B, q): the half-vectorised H times the symmetric products."""
        i, j = np.triu_indices(left.shape[1])
        return (left[:, i] * right[:, j] + left[:, j] * right[:, i]) @ self.half.T

    def _inverse(self, kept: np.ndarray, whole: bool) -> tuple[np.ndarray, np.ndarray]:
        """A^-1 (B, q, q) and the rank of A (B,). Z is orthonormal over all cities, so A is then the identity."""
        draws, q = len(kept), self.h.shape[1]
        if whole:
            return np.broadcast_to(np.eye(q), (draws, q, q)), np.full(draws, q)
        upper = np.triu_indices(q)
        lost = np.zeros((draws, q, q))
        lost[:, upper[0], upper[1]] = (1 - kept) @ (self.half * np.where(upper[0] == upper[1], 2.0, 1.0))
        lost[:, upper[1], upper[0]] = lost[:, upper[0], upper[1]]
        values, vectors = np.linalg.eigh(np.eye(q) - lost)
        there = values > RANK
        scaled = np.where(there, 1 / np.where(there, values, 1.0), 0.0)
        return (vectors * scaled[:, None, :]) @ vectors.transpose(0, 2, 1), there.sum(axis=1)


def _filled(made: Remade, where: np.ndarray, alone: Remade) -> Remade:
    """``made`` with the treatment's numbers of ``alone`` in the draws ``where``."""
    beta, t = made.beta.copy(), made.t.copy()
    beta[where, 0], t[where, 0] = alone.beta[:, 0], alone.t[:, 0]
    return replace(made, beta=beta, t=t)


def _defined(total: np.ndarray, size: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Draws (B,) in which no regressor is absorbed: what is left of each given all others, against its centred norm."""
    norm = size * (1 - size / np.maximum(n, 1)[:, None])
    left = np.einsum("bkk->bk", total).copy()
    if total.shape[1] == 2:
        determinant = total[:, 0, 0] * total[:, 1, 1] - total[:, 0, 1] ** 2
        left = determinant[:, None] / np.where(left[:, ::-1] > 0, left[:, ::-1], np.inf)
    return (left > fwl.ABSORBED**2 * np.maximum(norm, 1e-300)).all(axis=1)
