"""The statistics of draws: the kernel that runs a chunk of assignments through a design, and what is read off its sums.

Formulas: the docstring of ``resampling``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from citycarbon.econometrics.resampling import Design

EXACT_ZERO = 1e-22  # a sum of squared scores below this share of its upper bound den * r'r is rounding
_BY_DRAW = ("num", "den", "products", "cells", "treated_units")


@dataclass(frozen=True)
class Scored:
    """Of every draw: num (m, draws), den (draws,) with NaN where undefined, and P_ij = sum_g s_gi s_gj (m, m, draws).

    For an outcome y = sum_i a_i y_i: b = a'num / den and t = a'num / sqrt(c a'P a). A draw is a reassignment of the treatment
    or a set of bootstrap weights.
    """

    num: np.ndarray
    den: np.ndarray
    products: np.ndarray
    factor: float
    rss: np.ndarray

    def beta(self, weights: Sequence[float] | None = None) -> np.ndarray:
        """Coefficients (draws,) of the combination ``weights`` (m,) of the outcomes; of the first outcome without weights."""
        return ratio(self._numerator(weights), self.den)

    def meat(self, weights: Sequence[float] | None = None) -> np.ndarray:
        """sum_g s_g^2 (draws,); zero where it is only rounding."""
        a = self._weights(weights)
        meat = np.einsum("i,ijd,j->d", a, self.products, a)
        bound = self.den * float(a**2 @ self.rss)
        return np.where(meat > EXACT_ZERO * bound, meat, 0.0)

    def t(self, weights: Sequence[float] | None = None) -> np.ndarray:
        """Clustered t statistics (draws,); NaN where the draw is undefined or its standard error is zero."""
        root = np.sqrt(self.factor * self.meat(weights))
        return ratio(self._numerator(weights), np.where(np.isfinite(self.den), root, np.nan))

    def std_error(self, weights: Sequence[float] | None = None) -> np.ndarray:
        """CRV1 standard errors (draws,)."""
        return np.sqrt(self.factor * self.meat(weights)) / self.den

    def _weights(self, weights: Sequence[float] | None) -> np.ndarray:
        return np.eye(len(self.num))[0] if weights is None else np.asarray(weights, dtype=float)

    def _numerator(self, weights: Sequence[float] | None) -> np.ndarray:
        return self._weights(weights) @ self.num


@dataclass(frozen=True)
class Statistics(Scored):
    """The statistics of reassignments, with how much each of them treats."""

    cells: np.ndarray  # treated rows (draws,)
    treated_units: np.ndarray  # units with a treated row (draws,)

    @staticmethod
    def concatenate(parts: Sequence[Statistics]) -> Statistics:
        """The draws of several calls, in order."""
        along = {name: np.concatenate([getattr(p, name) for p in parts], axis=-1) for name in _BY_DRAW}
        return replace(parts[0], **along)


@dataclass(frozen=True)
class Means:
    """A coarser first effect: levels of atoms (A + 1,) and clusters (G + 1,), n_p (L,), and of each cluster n_g (G + 1, 1),
    z_g (G + 1, q) and r_g'1 (m, G + 1, 1)."""

    of_atom: np.ndarray
    of_cluster: np.ndarray
    mass: np.ndarray
    cluster_mass: np.ndarray
    z: np.ndarray
    r: np.ndarray

    def shares(self, atoms: np.ndarray, mass: np.ndarray) -> np.ndarray:
        """Treated share m_p of every level (L, draws)."""
        out = np.zeros((len(self.mass), atoms.shape[1]))
        draw = np.arange(atoms.shape[1])
        for row in atoms:  # the atoms of a draw may share a level
            out[self.of_atom.take(row), draw] += mass.take(row)
        return out / self.mass[:, None]


class Work:
    """Buffers of one chunk and the matrix products that fill them."""

    def __init__(self, design: Design, chunk: int) -> None:
        m, groups, q = design.h.shape
        self.design, self.chunk = design, chunk
        self.h = design.h.reshape(m * groups, q)
        self.cluster = np.append(np.repeat(design.cluster, len(design.first_years)), groups - 1)
        self.one_unit_each = len(design.units) == design.n_clusters
        self.theta = np.empty((q, chunk))
        self.phi = np.empty((design.hh.shape[1], chunk))
        self.w = np.empty((groups, chunk))
        self.scores = np.empty((m, groups, chunk))
        self.spare = np.empty((groups, chunk))

    def run(self, atoms: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """num (m, chunk), den (chunk,), products (m, m, chunk) of ``atoms`` (k, chunk)."""
        design = self.design
        theta, den, c = design._theta(atoms)
        num = design.s.take(atoms, axis=1).sum(axis=1)
        beta = ratio(num, np.where(den > 0, den, np.nan))
        self._untreated(theta)
        own = design.kappa.take(atoms) - 2 * np.einsum("kmq,mq->km", c, theta)
        if design._means is not None:
            self._add_means(atoms, own)
        for i, scores in enumerate(self.scores):
            np.einsum("gm,m->gm", self.w, beta[i], out=self.spare)
            np.add(scores, self.spare, out=scores)
            self._subtract_own(scores, atoms, design.s[i].take(atoms) - beta[i] * own)
        products = np.empty((len(num), len(num), self.chunk))
        for i in range(len(num)):
            for j in range(i + 1):
                products[i, j] = products[j, i] = np.einsum("gm,gm->m", self.scores[i], self.scores[j])
        return num, den, products

    def _untreated(self, theta: np.ndarray) -> None:
        """w = theta'H_g theta and scores = theta'h_g, as if no unit of any cluster were treated.

        theta'H_g theta is the half-vectorised H times the products theta_i theta_j, i <= j.
        """
        self.theta[:] = theta.T
        at, q = 0, len(self.theta)
        for i in range(q):
            np.multiply(self.theta[i], self.theta[i:], out=self.phi[at : at + q - i])
            at += q - i
        np.matmul(self.design.hh, self.phi, out=self.w)
        np.matmul(self.h, self.theta, out=self.scores.reshape(len(self.h), self.chunk))

    def _add_means(self, atoms: np.ndarray, own: np.ndarray) -> None:
        """What a coarser first effect adds to w, to the scores and to the part of the treated rows (``own``)."""
        means = self.design._means
        shares = means.shares(atoms, self.design.mass)
        own -= 2 * self.design.mass.take(atoms) * shares[means.of_atom.take(atoms), np.arange(self.chunk)]
        share = shares.take(means.of_cluster, axis=0)
        self.w += share * (means.cluster_mass * share + 2 * (means.z @ self.theta))
        self.scores += means.r * share

    def _subtract_own(self, scores: np.ndarray, atoms: np.ndarray, own: np.ndarray) -> None:
        """Take the part of the treated rows off in the clusters of the drawn atoms: what is left is -s_g."""
        where = self.cluster.take(atoms) * self.chunk + np.arange(self.chunk)
        flat = scores.reshape(-1)
        if self.one_unit_each:
            flat[where] -= own
        else:  # two atoms of a draw may share a cluster
            for at, value in zip(where, own, strict=True):
                flat[at] -= value


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Quotient with NaN where the denominator is zero or NaN."""
    usable = np.isfinite(denominator) & (denominator != 0)
    return np.where(usable, numerator / np.where(usable, denominator, 1.0), np.nan)
