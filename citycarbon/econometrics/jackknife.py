"""Leaving out one cluster at a time: the coefficient without each, the jackknife variance CV3, and partial leverage.

Without cluster g all effects and controls are estimated again. No regression is run for it: with the sums of ``cluster_sums``,
by Frisch-Waugh-Lovell on what is left of Z'Z = I and D'D = den when g is gone (X = D, r, Z),

    den_(g) = den - w_g - C_g'(I - H_g)^- C_g      num_(g) = num - p_g - C_g'(I - H_g)^- h_g      b_(g) = num_(g) / den_(g)

and, where the first effect has levels coarser than the clusters, each X_g'X_g gains (X_g'1)'(X_g'1) / (mass of the level
without g): the means of the level are taken anew. (.)^- leaves out directions that only g identifies, as a refit would.

CV3 = (G-1)/G sum_g (b_(g) - b)^2 with t(G-1): MacKinnon, Nielsen and Webb (2023, Journal of Applied Econometrics).
Partial leverage L_g = w_g / den, sums to one: the same authors (2023, Stata Journal, ``summclust``).
Effective number of clusters 1 / sum L_g^2. It equals G* of Carter, Schnepel and Steigerwald (2017) with independent errors of
one variance (rho = 0): there gamma_g = w_g / den^2, and G / (1 + variance of gamma over its squared mean) = 1 / sum L_g^2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from citycarbon.econometrics.cluster_sums import ClusterSums
from citycarbon.econometrics.fwl import ABSORBED


@dataclass(frozen=True)
class Jackknife:
    """Coefficient, and without each cluster (G,), NaN where the treatment is then absorbed; CV3, NaN if any of them is."""

    estimate: float
    without: np.ndarray
    variance: float

    @property
    def std_error(self) -> float:
        return float(np.sqrt(self.variance))

    @property
    def absorbed(self) -> np.ndarray:
        """Clusters (positions) whose omission leaves nothing to estimate."""
        return np.flatnonzero(np.isnan(self.without))


def jackknife(sums: ClusterSums, outcome: int = 0) -> Jackknife:
    """Leave one cluster out, for one outcome. All NaN where the treatment is absorbed in the whole sample or G < 2."""
    groups, num = sums.n_clusters, float(sums.p[outcome].sum())
    if groups < 2 or not np.isfinite(sums.den):
        return Jackknife(num / sums.den, np.full(groups, np.nan), np.nan)
    gone = _gone(sums, outcome)
    by_c, by_h = _solved(np.eye(sums.c.shape[1]) - gone.hh, gone.c, gone.h)
    den = sums.den - gone.w - np.einsum("gq,gq->g", gone.c, by_c)
    top = num - gone.p - np.einsum("gq,gq->g", gone.c, by_h)
    defined = den > ABSORBED**2 * sums.den
    without = np.where(defined, top / np.where(defined, den, 1.0), np.nan)
    b = num / sums.den
    return Jackknife(b, without, float((groups - 1) / groups * ((without - b) ** 2).sum()))


def partial_leverage(sums: ClusterSums) -> np.ndarray:
    """Share of each cluster in what identifies the coefficient, w_g / den (G,); sums to one. NaN where it is absorbed."""
    return sums.w / sums.den


def effective_clusters(sums: ClusterSums) -> float:
    """1 / sum of squared partial leverages: G if all clusters count alike, 1 if one decides alone."""
    return float(1 / (partial_leverage(sums) ** 2).sum())


@dataclass(frozen=True)
class _Gone:
    """What the omission of each cluster takes from the sums of the sample."""

    w: np.ndarray  # (G,)
    p: np.ndarray  # (G,)
    c: np.ndarray  # (G, q)
    h: np.ndarray  # (G, q)
    hh: np.ndarray  # (G, q, q)


def _gone(sums: ClusterSums, outcome: int) -> _Gone:
    levels, own = sums.levels, _Gone(sums.w, sums.p[outcome], sums.c, sums.h[outcome], sums.full_hh)
    if levels is None:
        return own
    left = levels.mass[levels.level] - levels.n
    # A level that is one cluster goes with it; its sums are zero.
    weight = np.where(left > 1e-9 * levels.n, 1 / np.where(left > 1e-9 * levels.n, left, 1.0), 0.0)
    d, r, z = levels.d, levels.r[outcome], levels.z
    return _Gone(
        own.w + weight * d * d,
        own.p + weight * d * r,
        own.c + (weight * d)[:, None] * z,
        own.h + (weight * r)[:, None] * z,
        own.hh + weight[:, None, None] * z[:, :, None] * z[:, None, :],
    )


def _solved(left: np.ndarray, c: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(I - H_g)^- C_g and (I - H_g)^- h_g (G, q). Directions with less than ABSORBED of their norm left are left out."""
    if not c.shape[1]:
        return c, h
    size, axes = np.linalg.eigh(left)
    inverse = np.where(size > ABSORBED**2, 1 / np.where(size > ABSORBED**2, size, 1.0), 0.0)
    turned = np.einsum("gij,gik->gjk", axes, np.stack([c, h], axis=2)) * inverse[:, :, None]
    solved = np.einsum("gij,gjk->gik", axes, turned)
    return solved[:, :, 0], solved[:, :, 1]
