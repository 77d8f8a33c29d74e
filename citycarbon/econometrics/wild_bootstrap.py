"""Wild cluster restricted bootstrap of a clustered t: the test of b = 0, its p-value and the interval by inverting it.

The null is imposed: in draw v the outcome is the restricted fit plus v_g times the restricted residuals of cluster g, and the
whole regression, effects and controls included, is run on it again. No draw is refitted (notation: ``cluster_sums``):

    num* = v'p      s*_g = v_g p_g - C_g'(sum_j v_j h_j) - w_g num* / den      t* = num* / sqrt(c sum_g s*_g^2)

that is s* = K v with K = diag(p) - C h' - w p'/den (G x G), computed as v * p less a product of low rank. The middle term
projects v r on the years and controls anew. Effects inside the clusters need no such term: v is constant there. A first effect
coarser than the clusters has one more, D_g'1 (sum_{j in level} v_j r_j'1) / mass of the level.

Weights by cluster: Rademacher, -1 or 1; Webb (2014), six values, +-sqrt(1/2), +-1, +-sqrt(3/2); each value equally likely.
Test: Cameron, Gelbach and Miller (2008); few treated clusters: MacKinnon and Webb (2017). For the null b = b0 the outcome is
y - b0 d, in whose statistics everything is linear, so that the interval follows from the draws of y and of d (``inversion``).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from citycarbon.econometrics.cluster_sums import ClusterSums
from citycarbon.econometrics.draws import BLOCK
from citycarbon.econometrics.inversion import LEVEL, interval_t
from citycarbon.econometrics.randomisation import p_value
from citycarbon.econometrics.resampling_statistics import Scored

DRAWS = 9999
CHUNK = 128  # draws at a time: the work arrays (draws x clusters, one an outcome) stay in the second-level cache
RADEMACHER, WEBB = "rademacher", "webb"
_LARGE, _SMALL = np.sqrt(1.5), np.sqrt(0.5)
VALUES = {
    RADEMACHER: np.array([-1.0, 1.0]),
    WEBB: np.array([-_LARGE, -1.0, -_SMALL, _SMALL, 1.0, _LARGE]),
}


@dataclass(frozen=True)
class WildTest:
    """The test of b = 0. NaN where it does not exist; ``note`` says why, or what to know of it."""

    estimate: float
    std_error: float
    t_stat: float
    p_value: float
    low: float  # 95 % interval by inversion, NaN where it was not asked for
    high: float
    draws: int
    undefined: int  # draws whose standard error is zero, left out
    note: str = ""


def wild_test(
    sums: ClusterSums, seed: int, draws: int = DRAWS, kind: str = RADEMACHER, *, interval: bool = False, workers: int = 1
) -> WildTest:
    """The test of the coefficient of the first outcome. With ``interval`` the second outcome must be the regressor itself.

    p = (1 + #{|t*| >= |t|}) / (B + 1) over the B draws with a standard error; a draw that gives t again is a tie and counts.
    """
    outcomes = (0, 1) if interval else (0,)
    actual = scored(sums, np.ones((1, sums.n_clusters)), outcomes)
    b, error, t_stat = (float(x[0]) for x in (actual.beta(), actual.std_error(), actual.t()))
    reason = _no_test(sums, t_stat)
    if reason:
        return WildTest(b, error, t_stat, np.nan, np.nan, np.nan, 0, 0, reason)
    drawn = wild_draws(sums, seed, draws, kind, outcomes, workers=workers)
    t = drawn.t()
    found = interval_t(actual, drawn) if interval else None
    low, high = (found.low, found.high) if found else (np.nan, np.nan)
    notes = []
    if len(VALUES[kind]) ** (sums.n_clusters - 1) < draws:  # v and -v give the same |t|
        notes.append(f"{sums.n_clusters} clusters: fewer different sets of weights than draws")
    if np.isinf([low, high]).any():
        notes.append(
            "the interval is unbounded: more than 5 % of the draws stay as extreme as the estimate whatever the effect"
        )
    p, undefined = p_value(t, t_stat), int((~np.isfinite(t)).sum())
    if low <= 0 <= high and p <= 1 - LEVEL:
        notes.append("the interval is a hull with holes, in one of which lies zero")
    return WildTest(b, error, t_stat, p, low, high, draws, undefined, "; ".join(notes))


def wild_draws(
    sums: ClusterSums,
    seed: int,
    draws: int = DRAWS,
    kind: str = RADEMACHER,
    outcomes: Sequence[int] = (0,),
    *,
    workers: int = 1,
) -> Scored:
    """The statistics of the first ``draws`` draws, the same whatever their number or the ``workers`` (threads over blocks).

    Several ``outcomes`` (positions) get the same weights. ``den`` is that of the sample in every draw.
    """

    def one(index: int) -> Scored:
        width = min(BLOCK, draws - index * BLOCK)
        return scored(sums, weight_codes(kind, sums.n_clusters, seed, index)[:width], outcomes, VALUES[kind])

    blocks = range(-(-draws // BLOCK))
    if workers == 1:
        parts = [one(index) for index in blocks]
    else:
        with ThreadPoolExecutor(workers) as pool:
            parts = list(pool.map(one, blocks))
    joined = {name: np.concatenate([getattr(p, name) for p in parts], axis=-1) for name in ("num", "den", "products")}
    return Scored(**joined, factor=parts[0].factor, rss=parts[0].rss)


def weight_codes(kind: str, clusters: int, seed: int, index: int) -> np.ndarray:
    """Positions in ``VALUES[kind]`` of the weights of block ``index`` (BLOCK, clusters): uniform, blocks independent."""
    rng = np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=(index,)))
    if kind == RADEMACHER:
        width = -(-clusters // 8)
        bits = np.frombuffer(rng.bytes(BLOCK * width), dtype=np.uint8).reshape(BLOCK, width)
        return np.unpackbits(bits, axis=1, count=clusters)
    return rng.integers(0, len(VALUES[kind]), size=(BLOCK, clusters), dtype=np.uint8)


def scored(
    sums: ClusterSums, weights: np.ndarray, outcomes: Sequence[int] = (0,), values: np.ndarray | None = None, chunk: int = CHUNK
) -> Scored:
    """The statistics of given weights (draws, G); with ``values`` the weights are positions in it."""
    draws, groups = weights.shape
    left = [np.column_stack([left_of(sums), sums.w / sums.den]).T.copy()] * len(outcomes)
    right = [np.column_stack([right_of(sums, i), sums.p[i]]) for i in outcomes]
    num, products = np.empty((len(outcomes), draws)), np.empty((len(outcomes), len(outcomes), draws))
    scores = np.empty((len(outcomes), chunk, groups))
    spare = np.empty((chunk, groups))
    for lo in range(0, draws, chunk):
        part = weights[lo : lo + chunk]
        width = len(part)
        if width < chunk:  # one shape for every product: the last digit does not depend on the number of draws
            part = np.concatenate([part, np.zeros((chunk - width, groups), dtype=part.dtype)])
        v = part if values is None else values.take(part)
        for i, outcome in enumerate(outcomes):
            moments = v @ right[i]
            num[i, lo : lo + width] = moments[:width, -1]
            np.multiply(v, sums.p[outcome], out=scores[i])
            np.subtract(scores[i], np.matmul(moments, left[i], out=spare), out=scores[i])
            for j in range(i + 1):
                products[i, j, lo : lo + width] = np.einsum("mg,mg->m", scores[i], scores[j])[:width]
                products[j, i, lo : lo + width] = products[i, j, lo : lo + width]
    return Scored(num=num, den=np.full(draws, sums.den), products=products, factor=sums.factor, rss=sums.rss[list(outcomes)])


def left_of(sums: ClusterSums) -> np.ndarray:
    """What multiplies the sums that a draw re-projects (G, q), with a column a level of a coarser first effect."""
    if sums.levels is None:
        return sums.c
    return np.column_stack([sums.c, sums.levels.d[:, None] * sums.levels.share])


def right_of(sums: ClusterSums, outcome: int) -> np.ndarray:
    """What a draw sums over the clusters to re-project (G, q), with a column a level of a coarser first effect."""
    if sums.levels is None:
        return sums.h[outcome]
    return np.column_stack([sums.h[outcome], sums.levels.r[outcome][:, None] * (sums.levels.share > 0)])


def _no_test(sums: ClusterSums, t_stat: float) -> str:
    """Why there is no test; empty where there is one."""
    if sums.n_clusters < 2:
        return f"{sums.n_clusters} cluster: no test"
    if not np.isfinite(sums.den):
        return "not estimable: the treatment is absorbed by the fixed effects and controls"
    if not np.isfinite(sums.factor):
        return "no degrees of freedom left: no test"
    if not sums.varies:
        return "the outcome does not vary beyond effects and controls: no test"
    return "" if np.isfinite(t_stat) else "standard error is zero: no test"
