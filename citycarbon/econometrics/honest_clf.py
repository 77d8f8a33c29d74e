"""Confidence sets for an effect whose comparison trend may break, by how much it broke before: Delta-RM of Rambachan-Roth.

Vectors in, interval out; where the vectors come from is ``honest_did``. The test is the conditional / least-favourable hybrid
(C-LF) of Andrews, Roth and Pakes (2023) as Rambachan and Roth (2023, sections 3 and 4) apply it, in the form of the R package
HonestDiD: kappa = alpha / 10, moments of the post periods alone where there are several.

Event-study coefficients beta ~ N(delta + tau, Sigma), tau = 0 before adoption. Delta-RM(Mbar) is the union over a pre-period s
and a sign of the sets in which every first difference of delta after adoption is at most Mbar times that of s, which is the
largest before: A delta <= 0. For a value theta of l'tau_post, with tau = G^-1 (theta, nuisance):

    y(theta) = A beta - a theta,    eta(theta) = min { eta : y(theta) - X nuisance <= eta sd }
                                              = max { g'y(theta) : g >= 0, g'sd = 1, g'X = 0 }

The second problem has few vertices g, in closed form (``dual_vertices``), which do not depend on theta: no program is solved,
and a whole grid of values is tested by one product. The tests solve the programs by scipy's HiGHS and find the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

KAPPA = 0.1  # share of alpha that the first stage, the least favourable test, spends
SIMULATIONS = 20_000  # of the least favourable critical value
SEED = 20_230_901
COARSE = 401  # grid points within +- REACH standard deviations, before the ends are refined
REACH = 20.0
WIDEST = 5  # times that a grid which is accepted at its end is doubled
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Interval:
    """The hull of the accepted values. ``note`` says what is odd about it (open, empty, with a gap)."""

    low: float
    high: float
    note: str = ""


@dataclass(frozen=True)
class Component:
    """One pre-period and sign: moments y - X nuisance <= 0 in units of their standard deviations."""

    level: np.ndarray  # A beta of the rows tested (R,)
    slope: np.ndarray  # a (R,)
    sigma: np.ndarray  # covariance of y (R, R)
    vertices: np.ndarray  # of the dual (J, R)
    critical: float  # least favourable critical value of eta at size kappa


def relative_magnitude(
    beta: np.ndarray, sigma: np.ndarray, leads: int, weights: np.ndarray, mbar: float, alpha: float = 0.05
) -> Interval:
    """The 1 - alpha C-LF confidence set of weights'tau_post under Delta-RM(mbar).

    ``beta`` (leads + lags,): event-study coefficients in order of event time without the base period, which follows the last
    lead; ``sigma``: their covariance; ``weights`` (lags,). Raises ValueError where shapes disagree, there is no lead or no lag,
    all weights are zero, or a coefficient, or a difference of two, has no positive variance.
    """
    beta, sigma, weights = (np.asarray(x, dtype=float) for x in (beta, sigma, weights))
    _refuse(beta, sigma, leads, weights)
    parts = components(beta, sigma, leads, weights, mbar, alpha)
    spread = float(np.sqrt(weights @ sigma[leads:, leads:] @ weights))

    def accepted(values: np.ndarray) -> np.ndarray:
        return np.logical_or.reduce([accepts(part, values, alpha) for part in parts])

    return _inverted(accepted, float(weights @ beta[leads:]), spread)


def _refuse(beta: np.ndarray, sigma: np.ndarray, leads: int, weights: np.ndarray) -> None:
    lags = len(beta) - leads
    if leads < 1 or lags < 1:
        raise ValueError(f"{leads} leads and {lags} lags: one of each is needed")
    if sigma.shape != (len(beta), len(beta)) or weights.shape != (lags,):
        raise ValueError("coefficients, covariance and weights do not fit together")
    if not np.all(np.isfinite(sigma)) or not np.all(np.isfinite(beta)) or not np.all(np.diag(sigma) > 0):
        raise ValueError("a coefficient or its variance is not known")
    if not weights.any():
        raise ValueError("all weights are zero")


def restrictions(leads: int, lags: int, mbar: float, s: int, sign: int) -> np.ndarray:
    """A (rows, leads + lags) with A delta <= 0 for the pre-period difference ``s`` (0 is the last, -(leads-1) the first)."""
    periods = leads + lags + 1  # the base period, whose delta is zero, is taken out at the end
    steps = np.zeros((leads + lags, periods))
    steps[np.arange(leads + lags), np.arange(leads + lags)] = -1
    steps[np.arange(leads + lags), np.arange(leads + lags) + 1] = 1
    largest = sign * steps[leads + s - 1]
    bound = np.vstack([np.tile(largest, (leads, 1)), np.tile(mbar * largest, (lags, 1))])
    a = np.vstack([steps - bound, -steps - bound])
    a = a[(a**2).sum(axis=1) > 1e-10]
    return np.delete(a, leads, axis=1)


def components(
    beta: np.ndarray, sigma: np.ndarray, leads: int, weights: np.ndarray, mbar: float, alpha: float
) -> list[Component]:
    """One component a pre-period and sign; arguments as of :func:`relative_magnitude`."""
    lags = len(beta) - leads
    unit = weights / (weights @ weights)  # an effect with weights'effect = 1; the test is the same with any
    out = []
    for s in range(1 - leads, 1):
        for sign in (1, -1):
            a = restrictions(leads, lags, mbar, s, sign)
            if lags > 1:
                a = a[np.any(a[:, leads:] != 0, axis=1)]
            out.append(_component(a @ beta, a[:, leads:] @ unit, a @ sigma @ a.T, weights, alpha))
    return out


def _component(level: np.ndarray, slope: np.ndarray, sigma: np.ndarray, weights: np.ndarray, alpha: float) -> Component:
    variances = np.diag(sigma)
    if variances.min() <= TOLERANCE * variances.max():
        raise ValueError("a difference of coefficients has no variance: too few treated cities")
    vertices = dual_vertices(np.sqrt(variances), weights)
    values, vectors = np.linalg.eigh(sigma)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    draws = root @ np.random.default_rng(SEED).standard_normal((len(level), SIMULATIONS))
    eta = (vertices @ draws).max(axis=0)
    return Component(level, slope, sigma, vertices, float(np.quantile(eta, 1 - KAPPA * alpha)))


def dual_vertices(sd: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Vertices (J, R) of { g >= 0 : g'sd = 1, g'X = 0 }; ``sd`` (R,): of the rows' moments.

    One lag has no nuisance: one row at a time. Several: the rows are the first differences of tau after adoption, j = 1..lags,
    upwards, then downwards; u = g_up - g_down must give sum_j u_j (tau_j - tau_(j-1)) = c weights'tau, so that u_j = c times
    the sum of the weights from j on. The vertices are u for c > 0 and c < 0, and both rows of one difference alike (c = 0).
    """
    if len(weights) == 1:
        return np.diag(1 / sd)
    tails = np.cumsum(weights[::-1])[::-1]
    up, down, one = np.clip(tails, 0, None), np.clip(-tails, 0, None), np.eye(len(weights))
    rays = np.vstack([np.r_[up, down], np.r_[down, up], np.hstack([one, one])])
    return rays / (rays @ sd)[:, None]


def accepts(part: Component, values: np.ndarray, alpha: float) -> np.ndarray:
    """Which of the values (n,) of l'tau the hybrid test of this component accepts."""
    size = (alpha - KAPPA * alpha) / (1 - KAPPA * alpha)
    y = part.level[:, None] - part.slope[:, None] * np.asarray(values, dtype=float)[None, :]
    eta, gamma, low, high = _by_vertices(part, y)
    variance = np.einsum("nr,rs,ns->n", gamma, part.sigma, gamma)
    error = np.sqrt(np.clip(variance, 0, None))
    random = variance > np.finfo(float).eps
    rejected = (eta > part.critical) | (~random & (eta > TOLERANCE))
    error = np.where(random, error, 1.0)
    up, down, statistic = np.minimum(high, part.critical) / error, low / error, eta / error
    inside = random & (down <= statistic) & (statistic <= up)
    limit = np.maximum(0, _truncated_quantile(1 - size, np.where(inside, down, 0), np.where(inside, up, 1)))
    return ~(rejected | (inside & (statistic > limit)))


def _by_vertices(part: Component, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """eta, the vertex that attains it, and the range of eta over which it stays the best given the rest of y."""
    vertices = part.vertices
    all_values = vertices @ y
    best = all_values.argmax(axis=0)
    eta = all_values[best, np.arange(y.shape[1])]
    low, high = np.full(len(eta), -np.inf), np.full(len(eta), np.inf)
    for j in np.unique(best):
        at = np.flatnonzero(best == j)
        gamma = vertices[j]
        variance = float(gamma @ part.sigma @ gamma)
        if variance <= np.finfo(float).eps:
            continue
        direction = part.sigma @ gamma / variance
        rest = vertices @ (y[:, at] - direction[:, None] * eta[at])  # g's of every vertex
        gap = 1 - vertices @ direction
        with np.errstate(divide="ignore", invalid="ignore"):
            bounds = rest / gap[:, None]
        low[at] = np.where(gap[:, None] > TOLERANCE, bounds, -np.inf).max(axis=0)
        high[at] = np.where(gap[:, None] < -TOLERANCE, bounds, np.inf).min(axis=0)
    return eta, vertices[best], low, high


def _truncated_quantile(p: float, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Quantile p of a standard normal truncated to [low, high], accurate in the upper tail: in logs of survival functions."""
    from scipy.special import log_ndtr, ndtri_exp

    survival = np.logaddexp(np.log1p(-p) + log_ndtr(-low), np.log(p) + log_ndtr(-high))
    return np.clip(-ndtri_exp(survival), low, high)


def _inverted(accepted: Callable[[np.ndarray], np.ndarray], centre: float, spread: float) -> Interval:
    """The hull of the accepted values: a grid, doubled while its ends are accepted, then each end by bisection."""
    reach = REACH * spread
    for _ in range(WIDEST):
        grid = np.linspace(centre - reach, centre + reach, COARSE)
        mask = accepted(grid)
        if not (mask[0] or mask[-1]):
            break
        reach *= 2
    if not mask.any():  # a set narrower than a step of the grid
        grid = np.linspace(centre - 2 * spread, centre + 2 * spread, 4001)
        mask = accepted(grid)
        if not mask.any():
            return Interval(np.nan, np.nan, "no value is accepted: the pre-periods contradict the restriction")
    first, last = int(mask.argmax()), len(mask) - 1 - int(mask[::-1].argmax())
    low = _edge(accepted, grid[first - 1], grid[first], spread) if first else -np.inf
    high = _edge(accepted, grid[last + 1], grid[last], spread) if last < len(mask) - 1 else np.inf
    notes = ["with a gap inside" if not mask[first : last + 1].all() else ""]
    notes.append("open: no end within the reach of the search" if not np.isfinite([low, high]).all() else "")
    return Interval(float(low), float(high), "; ".join(n for n in notes if n))


def _edge(accepted: Callable[[np.ndarray], np.ndarray], outside: float, inside: float, spread: float) -> float:
    """The boundary between a rejected and an accepted value, to 1e-6 standard deviations; on the accepted side."""
    while abs(outside - inside) > 1e-6 * spread:
        values = np.linspace(outside, inside, 18)[1:-1]
        mask = accepted(values)
        at = int(mask.argmax()) if mask.any() else len(values)
        outside, inside = (values[at - 1] if at else outside), (values[at] if at < len(values) else inside)
    return float(inside)
