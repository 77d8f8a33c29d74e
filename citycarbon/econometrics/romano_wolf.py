"""Step-down p-values of several hypotheses tested together, from draws that all of them share (Romano and Wolf 2005, 2016).

With |t_(1)| >= |t_(2)| >= ... >= |t_(m)| and t*_k of the same draw for every hypothesis k,

    p_(j) = max over i <= j of (1 + #{draws: max_{k >= i} |t*_(k)| >= |t_(i)|}) / (B + 1)

so that each hypothesis is held against the largest statistic of all that are not yet rejected, and no p falls below that of a
larger statistic. Where the draws of the true hypotheses, whichever they are, are as if all were true, the probability of
rejecting any true one is at most the level. Nothing is drawn here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from citycarbon.econometrics.inversion import TIE


@dataclass(frozen=True)
class StepDown:
    """``p_value`` and ``adjusted`` (m,) in the order given, both from the ``draws`` in which every statistic is defined."""

    p_value: np.ndarray
    adjusted: np.ndarray
    draws: int


def step_down(actual: np.ndarray, drawn: np.ndarray) -> StepDown:
    """Adjusted p-values of m hypotheses. ``actual``: t statistics (m,), finite; ``drawn``: those of the same draws (m, B).

    A draw in which a statistic is undefined (NaN) has no largest statistic: it is left out for all hypotheses, so that every
    p-value rests on the same draws and none is adjusted downwards. NaN where no draw is left. The order of the hypotheses does
    not matter. Raises ValueError where shapes differ or an actual statistic is not finite.
    """
    actual, drawn = np.asarray(actual, dtype=float), np.asarray(drawn, dtype=float)
    if drawn.ndim != 2 or drawn.shape[0] != len(actual):
        raise ValueError(f"draws of {drawn.shape[0]} hypotheses for {len(actual)} statistics")
    if not np.isfinite(actual).all():
        raise ValueError("a hypothesis without a statistic cannot be tested: leave it out")
    size = np.abs(drawn[:, np.isfinite(drawn).all(axis=0)])
    if not size.size:
        return StepDown(np.full(len(actual), np.nan), np.full(len(actual), np.nan), 0)
    order = np.argsort(-np.abs(actual), kind="stable")
    bound = np.abs(actual)[:, None] * (1 - TIE)
    largest = np.maximum.accumulate(size[order][::-1], axis=0)[::-1]
    stepped = np.maximum.accumulate(_shares(largest, bound[order]))
    adjusted = np.empty(len(actual))
    adjusted[order] = stepped
    return StepDown(_shares(size, bound), adjusted, size.shape[1])


def _shares(size: np.ndarray, bound: np.ndarray) -> np.ndarray:
    return (1 + (size >= bound).sum(axis=1)) / (size.shape[1] + 1)
