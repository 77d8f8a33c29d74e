"""Propensity scores: logit by Newton's method, Firth's penalised logit, and whether the covariates separate the groups.

Only covariates and the group enter here, never an outcome. What is done with a score stands in ``matching``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

TOLERANCE = 1e-9  # largest step of the last iteration, in units of standardised covariates
ITERATIONS = 60  # a logit's maximum that exists is found in fewer; under separation each step adds about one, none is the last
ITERATIONS_PENALISED = 2000  # Firth's steps shrink by a constant factor where the groups are nearly separated
LONGEST_STEP = 5.0
RANK = 1e-9  # a direction of the standardised covariates with less than this share of the largest spread is not one

Separation = Literal["none", "complete", "quasi-complete"]


@dataclass(frozen=True)
class Score:
    """A fitted score. ``probability`` (n,) is NaN and ``reason`` says why where there is none."""

    probability: np.ndarray
    coefficients: np.ndarray  # (k + 1,), the constant first, in the covariates' own units; NaN without a score
    separation: Separation = "none"
    iterations: int = 0
    reason: str = ""


def fit_score(x: np.ndarray, treated: np.ndarray, penalised: bool = False) -> Score:
    """Probability of ``treated`` (n,) bool given the covariates ``x`` (n, k), all finite.

    Logit: maximum likelihood by Newton's method with step halving. Penalised: Firth (1993), the likelihood times the root of
    the determinant of the information (Jeffreys' prior), which has a maximum under separation too; score X'(y - p + h (1/2 -
    p)) with the leverages h, as in Heinze and Schemper (2002). Covariates are standardised and reduced to a full-rank basis
    first: a constant or collinear covariate changes nothing. Under separation the logit has no maximum, and no score is given.
    """
    n, k = x.shape
    nothing = np.full(n, np.nan), np.full(k + 1, np.nan)
    if not treated.any() or treated.all():
        return Score(*nothing, reason=f"{int(treated.sum())} treated of {n}: a score needs both groups")
    basis, back = _basis(x)
    y = treated.astype(float)
    found, iterations = _newton(basis, y, penalised)
    if found is None:
        kind = "none" if penalised else separation(basis, treated)
        reason = {
            "none": f"no maximum of the likelihood found in {iterations} iterations",
            "complete": "the covariates separate treated from controls completely: a logit score has no maximum",
            "quasi-complete": "the covariates separate treated from controls quasi-completely: a logit score has no maximum",
        }[kind]
        return Score(*nothing, separation=kind, iterations=iterations, reason=reason)
    # reported under the penalised score too, which does not need it
    kind = separation(basis, treated) if penalised else "none"
    return Score(_probability(basis, found), back @ found, kind, iterations)


def _basis(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Constant and an orthogonal basis (n, r + 1) of the standardised covariates; the matrix back to coefficients of (1, x)."""
    n, k = x.shape
    mean, spread = x.mean(axis=0), x.std(axis=0)
    varies = spread > RANK * np.maximum(np.abs(mean), np.finfo(float).tiny)
    scale = np.where(varies, spread, 1.0)
    z = np.where(varies, (x - mean) / scale, 0.0)
    _, size, v = np.linalg.svd(z, full_matrices=False)
    v = v[size > RANK * max(float(size.max(initial=0.0)), np.finfo(float).tiny)]
    # row by row and term by term, so that equal covariates give equal scores to the last digit
    basis = np.column_stack([np.ones(n), *(_rows(z, direction) for direction in v)])
    back = np.zeros((k + 1, len(v) + 1))
    back[0, 0] = 1.0
    back[1:, 1:] = v.T / scale[:, None]
    back[0, 1:] = -mean @ back[1:, 1:]
    return basis, back


def _rows(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """``matrix @ vector`` summed in the same order in every row, which a BLAS does not promise."""
    total = np.zeros(len(matrix))
    for column, weight in zip(matrix.T, vector, strict=True):
        total = total + column * weight
    return total


def _probability(x: np.ndarray, beta: np.ndarray) -> np.ndarray:
    from scipy.special import expit

    return expit(_rows(x, beta))


def _newton(x: np.ndarray, y: np.ndarray, penalised: bool) -> tuple[np.ndarray | None, int]:
    """The maximum (r + 1,), or None where there is none within the iterations; and how many were made."""
    beta = np.zeros(x.shape[1])
    beta[0] = np.log(y.mean() / (1 - y.mean()))
    value = _objective(x, y, beta, penalised)
    limit = ITERATIONS_PENALISED if penalised else ITERATIONS
    for iteration in range(1, limit + 1):
        p = _probability(x, beta)
        root = np.sqrt(p * (1 - p))
        q, r = np.linalg.qr(x * root[:, None])
        if np.abs(np.diag(r)).min() <= 1e-10 * np.abs(np.diag(r)).max():
            return None, iteration  # no information is left: the fitted probabilities are 0 and 1
        residual = y - p
        if penalised:  # the leverages h are half a success and half a failure more in each row: weights 1 + h
            h = (q * q).sum(axis=1)
            residual = residual + h * (0.5 - p)
            r = np.linalg.qr(x * (root * np.sqrt(1 + h))[:, None], mode="r")
        step = np.linalg.solve(r, np.linalg.solve(r.T, x.T @ residual))
        size = float(np.abs(step).max())
        if size < TOLERANCE:
            return beta + step, iteration
        step *= min(1.0, LONGEST_STEP / size)
        for _ in range(40):
            ahead = _objective(x, y, beta + step, penalised)
            if ahead >= value - 1e-12 * max(1.0, abs(value)):
                break
            step /= 2
        beta, value = beta + step, ahead
    return None, limit


def _objective(x: np.ndarray, y: np.ndarray, beta: np.ndarray, penalised: bool) -> float:
    """Log likelihood, plus half the log determinant of the information where penalised."""
    eta = _rows(x, beta)
    value = float((y * eta - np.logaddexp(0.0, eta)).sum())
    if not penalised:
        return value
    from scipy.special import expit

    p = expit(eta)
    sign, logdet = np.linalg.slogdet(x.T @ (x * (p * (1 - p))[:, None]))
    return value + 0.5 * float(logdet) if sign > 0 else -np.inf


def separation(x: np.ndarray, treated: np.ndarray) -> Separation:
    """Whether a direction of ``x`` (n, q, a constant included) parts treated from controls (Albert and Anderson 1984).

    By linear programming (Konis 2007): with s = +1 for treated and -1 for controls, is there a b with s x'b >= 0 in every row
    and > 0 in some (quasi-complete) or in all rows (complete)?
    """
    from scipy.optimize import linprog

    signed = x * np.where(treated, 1.0, -1.0)[:, None]
    bounds = [(-1.0, 1.0)] * x.shape[1]
    some = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(x)), bounds=bounds, method="highs")
    if some.status != 0 or -some.fun <= 1e-7:
        return "none"
    margin = np.column_stack([-signed, np.ones(len(x))])
    every = linprog(np.r_[np.zeros(x.shape[1]), -1.0], A_ub=margin, b_ub=np.zeros(len(x)), bounds=[*bounds, (0.0, 1.0)])
    return "complete" if every.status == 0 and -every.fun > 1e-9 else "quasi-complete"
