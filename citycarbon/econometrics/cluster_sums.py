"""What each cluster adds to one coefficient: the sums that wild bootstrap, jackknife and leverage are made of.

The model is that of ``resampling``: y = b d + first effect + Z g + e, Z whitened, all with root weights. D = what is left of
the regressor d, r = what is left of an outcome after effects and Z, so that the null b = 0 is imposed on r. By cluster g:

    p_g = D_g'r_g    w_g = D_g'D_g    C_g = Z_g'D_g    h_g = Z_g'r_g    H_g = Z_g'Z_g,     den = sum w_g,  b = sum p_g / den

Where the first effect is coarser than the clusters (province effects, cities as clusters) also n_g, D_g'1, r_g'1 and z_g =
Z_g'1 (1: the root weights) and the mass of every level. Where it lies inside the clusters these sums are zero and left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from citycarbon.econometrics.fwl import ABSORBED
from citycarbon.econometrics.resampling import Design
from citycarbon.econometrics.resampling_rows import sums


@dataclass(frozen=True)
class LevelSums:
    """Sums with the root weights where the first effect is coarser than the clusters."""

    level: np.ndarray  # of each cluster (G,)
    mass: np.ndarray  # of each level (L,)
    n: np.ndarray  # mass of each cluster (G,)
    d: np.ndarray  # (G,)
    r: np.ndarray  # (m, G)
    z: np.ndarray  # (G, q)

    @property
    def share(self) -> np.ndarray:
        """1[cluster in level] / mass of the level (G, L)."""
        return np.equal.outer(self.level, np.arange(len(self.mass))) / self.mass


@dataclass(frozen=True)
class ClusterSums:
    """The sums of one regressor and m outcomes. ``den`` is NaN where effects and controls absorb the regressor."""

    p: np.ndarray  # (m, G)
    w: np.ndarray  # (G,)
    c: np.ndarray  # (G, q)
    h: np.ndarray  # (m, G, q)
    hh: np.ndarray  # H_g half-vectorised (G, q (q + 1) / 2), off-diagonal elements doubled
    den: float
    rss: np.ndarray  # r'r (m,)
    varies: bool  # effects and controls leave more than rounding of the first outcome
    factor: float  # c of the clustered variance
    levels: LevelSums | None

    @staticmethod
    def of(design: Design, treatment: int = 1) -> ClusterSums:
        """The sums of a design for one of its outcomes as the regressor: ``treatment`` is its position.

        The regressor may be any column, also one that cannot be redrawn. The sums of that outcome itself have p = w.
        """
        frame, d = design.rows, design.rows.r[:, treatment]
        by_cluster = sums(np.column_stack([frame.r * d[:, None], frame.z * d[:, None]]), frame.cluster)
        m = frame.r.shape[1]
        absorbed = design.rss[treatment] <= ABSORBED**2 * design.tss[treatment]
        return ClusterSums(
            p=by_cluster[:, :m].T,
            w=by_cluster[:, treatment],
            c=by_cluster[:, m:],
            h=design.h[:, :-1],
            hh=design.hh[:-1],
            den=float("nan") if absorbed else float(design.rss[treatment]),
            rss=design.rss,
            varies=design.varies(),
            factor=design.factor,
            levels=_levels(design, treatment),
        )

    @property
    def n_clusters(self) -> int:
        return len(self.w)

    @property
    def estimate(self) -> float:
        """b of the first outcome."""
        return float(self.p[0].sum() / self.den)

    @cached_property
    def full_hh(self) -> np.ndarray:
        """H_g (G, q, q)."""
        q = self.c.shape[1]
        upper = np.triu_indices(q)
        out = np.zeros((self.n_clusters, q, q))
        out[:, upper[0], upper[1]] = self.hh / np.where(upper[0] == upper[1], 1.0, 2.0)
        return out + np.triu(out, 1).transpose(0, 2, 1)


def _levels(design: Design, treatment: int) -> LevelSums | None:
    frame = design.rows
    if frame.level is None or frame.own:
        return None
    one = frame.root[:, None]
    by_cluster = sums(np.column_stack([one, frame.r, frame.z]) * one, frame.cluster)
    m = frame.r.shape[1]
    return LevelSums(
        level=frame.level[np.unique(frame.cluster, return_index=True)[1]],
        mass=sums(one**2, frame.level)[:, 0],
        n=by_cluster[:, 0],
        d=by_cluster[:, 1 + treatment],
        r=by_cluster[:, 1 : 1 + m].T,
        z=by_cluster[:, 1 + m :],
    )
