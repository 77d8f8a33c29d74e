"""Confidence sets for an effect whose comparison trend may break, by how much it broke before: Delta-RM of Rambachan-Roth.

Vectors in, interval out; where the vectors come from is ``honest_did``. The test is the conditional / least-favourable hybrid
(C-LF) of Andrews, Roth and Pakes (2023) as Rambachan and Roth (2023, sections 3 and 4) apply it, in the form of the R package
HonestDiD: kappa = alpha / 10, moments of the post periods alone where there are several.

Event-study coefficients beta ~ N(delta + tau, Sigma), tau = 0 before adoption. Delta-RM(Mbar) is the union over a pre-period s
and a sign of the sets in which every first difference of delta after adoption is at most Mbar times that of s, which is the
largest before: A delta <= 0. For a value theta of l'tau_post, with tau = G^-1 (theta, nuisance):

    y(theta) = A beta - a theta,    eta(theta) = min { eta : y(theta) - X nuisance <= eta sd }
                                              = max { g'y(theta) : g >= 0, g'sd = 1, g'X = 0 }

The vertices g of the second problem do not depend on theta, so they are listed once and a whole grid of values is tested by one
product. Where they are too many, scipy's HiGHS solves the programs value by value; both are the same test (tested).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

KAPPA = 0.1  # share of alpha that the first stage, the least favourable test, spends
SIMULATIONS = 20_000  # of the least favourable critical value
SEED = 20_230_901
VERTICES_LIMIT = 20_000  # subsets of rows up to which vertices are listed
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
    nuisance: np.ndarray  # X (R, k)
    sigma: np.ndarray  # covariance of y (R, R)
    vertices: np.ndarray | None  # (J, R); None: too many, solve programs
    critical: float  # least favourable critical value of eta at size kappa

    @property
    def sd(self) -> np.ndarray:
        return np.sqrt(np.diag(self.sigma))


def relative_magnitude(
    beta: np.ndarray, sigma: np.ndarray, leads: int, weights: np.ndarray, mbar: float, alpha: float = 0.05
) -> Interval:
    """The 1 - alpha C-LF confidence set of weights'tau_post under Delta-RM(mbar).

    ``beta`` (leads + lags,): event-study coefficients in order of event time without the base period, which follows the last
    lead; ``sigma``: their covariance; ``weights`` (lags,). Raises ValueError where shapes disagree, there is no lead or no lag,
    all weights are zero, or ``sigma`` is not a covariance of positive variances.
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
    inverse = np.linalg.inv(_basis(weights))
    out = []
    for s in range(1 - leads, 1):
        for sign in (1, -1):
            a = restrictions(leads, lags, mbar, s, sign)
            if lags > 1:
                a = a[np.any(a[:, leads:] != 0, axis=1)]
            post = a[:, leads:] @ inverse
            out.append(_component(a @ beta, post[:, 0], post[:, 1:], a @ sigma @ a.T, alpha))
    return out


def _basis(weights: np.ndarray) -> np.ndarray:
    """A basis whose first row is ``weights`` and whose others are unit vectors."""
    pivot = int(np.abs(weights).argmax())
    return np.vstack([weights, np.delete(np.eye(len(weights)), pivot, axis=0)])


def _component(level: np.ndarray, slope: np.ndarray, nuisance: np.ndarray, sigma: np.ndarray, alpha: float) -> Component:
    vertices = dual_vertices(np.sqrt(np.diag(sigma)), nuisance)
    values, vectors = np.linalg.eigh(sigma)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    draws = root @ np.random.default_rng(SEED).standard_normal((len(level), SIMULATIONS))
    part = Component(level, slope, nuisance, sigma, vertices, np.inf)
    eta = (vertices @ draws).max(axis=0) if vertices is not None else np.array([_program(part, y)[0] for y in draws.T[:1000]])
    return Component(level, slope, nuisance, sigma, vertices, float(np.quantile(eta, 1 - KAPPA * alpha)))


def dual_vertices(sd: np.ndarray, nuisance: np.ndarray) -> np.ndarray | None:
    """Vertices (J, R) of { g >= 0 : g'sd = 1, g'X = 0 }; None where there are too many subsets of rows to look through."""
    rows, k = nuisance.shape
    if comb(rows, k + 1) > VERTICES_LIMIT:
        return None
    w = np.column_stack([sd, nuisance])
    chosen = np.array(list(combinations(range(rows), k + 1)))
    blocks = w[chosen].transpose(0, 2, 1)  # (subsets, k + 1, k + 1)
    scale = np.abs(blocks).max(axis=(1, 2))
    regular = np.abs(np.linalg.det(blocks / scale[:, None, None])) > 1e-10
    right = np.zeros((int(regular.sum()), k + 1, 1))
    right[:, 0, 0] = 1
    solved = np.linalg.solve(blocks[regular], right)[:, :, 0]
    feasible = np.all(solved >= -1e-9 * np.abs(solved).max(axis=1, keepdims=True), axis=1)
    vertices = np.zeros((int(feasible.sum()), rows))
    np.put_along_axis(vertices, chosen[regular][feasible], np.clip(solved[feasible], 0, None), axis=1)
    return np.unique(vertices.round(12), axis=0)


def accepts(part: Component, values: np.ndarray, alpha: float) -> np.ndarray:
    """Which of the values (n,) of l'tau the hybrid test of this component accepts."""
    size = (alpha - KAPPA * alpha) / (1 - KAPPA * alpha)
    y = part.level[:, None] - part.slope[:, None] * np.asarray(values, dtype=float)[None, :]
    if part.vertices is None:
        found = [_by_programs(part, column) for column in y.T]
        eta, gamma, low, high = (np.array([f[i] for f in found]) for i in range(4))
    else:
        eta, gamma, low, high = _by_vertices(part, part.vertices, y)
    variance = np.einsum("nr,rs,ns->n", gamma, part.sigma, gamma)
    error = np.sqrt(np.clip(variance, 0, None))
    random = variance > np.finfo(float).eps
    rejected = (eta > part.critical) | (~random & (eta > 0))
    error = np.where(random, error, 1.0)
    up, down, statistic = np.minimum(high, part.critical) / error, low / error, eta / error
    inside = random & (down <= statistic) & (statistic <= up)
    limit = np.maximum(0, _truncated_quantile(1 - size, np.where(inside, down, 0), np.where(inside, up, 1)))
    return ~(rejected | (inside & (statistic > limit)))


def _by_vertices(part: Component, vertices: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """eta, the vertex that attains it, and the range of eta over which it stays the best given the rest of y."""
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


def _program(part: Component, y: np.ndarray) -> tuple[float, np.ndarray]:
    """eta and its multipliers by HiGHS: min eta with y - X nuisance <= eta sd."""
    from scipy.optimize import linprog

    k = part.nuisance.shape[1]
    solved = linprog(
        np.r_[1.0, np.zeros(k)], A_ub=-np.column_stack([part.sd, part.nuisance]), b_ub=-y, bounds=(None, None), method="highs"
    )
    if solved.status != 0:
        raise ValueError(f"the linear program of a moment inequality test has no solution: {solved.message}")
    return float(solved.fun), -solved.ineqlin.marginals


def _by_programs(part: Component, y: np.ndarray) -> tuple[float, np.ndarray, float, float]:
    """As :func:`_by_vertices` for one y: the range is { v : s + direction v - X nuisance <= v sd for some nuisance }."""
    from scipy.optimize import linprog

    eta, gamma = _program(part, y)
    variance = float(gamma @ part.sigma @ gamma)
    if variance <= np.finfo(float).eps:
        return eta, gamma, -np.inf, np.inf
    direction = part.sigma @ gamma / variance
    rest, k = y - direction * eta, part.nuisance.shape[1]
    ends = []
    for sign in (1.0, -1.0):
        solved = linprog(
            np.r_[sign, np.zeros(k)], A_ub=np.column_stack([direction - part.sd, -part.nuisance]), b_ub=-rest,
            bounds=(None, None), method="highs",
        )  # fmt: skip
        ends.append(sign * solved.fun if solved.status == 0 else -sign * np.inf)
    return eta, gamma, min(ends[0], eta), max(ends[1], eta)


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
