"""Classes of a map: breaks at rounded quantiles, who falls where, and how each class is named."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from citycarbon.figures.style import CLASS_COLOURS


@dataclass(frozen=True)
class Classes:
    """``edges``: minimum, breaks, maximum. Class k (from 1) is edges[k-1] <= value < edges[k]; the last holds the maximum."""

    edges: tuple[float, ...]

    @property
    def number(self) -> int:
        return max(len(self.edges) - 1, 0)

    def of(self, values: np.ndarray) -> np.ndarray:
        """Class of each value (1 to ``number``), 0 where it is missing."""
        values = np.asarray(values, dtype=float)
        inner = np.searchsorted(np.array(self.edges[1:-1]), values, side="right") + 1
        return np.where(np.isfinite(values), inner, 0)

    def label(self, k: int) -> str:
        """``12 to < 20``; of the last class ``20 to 257``."""
        low, high = self.edges[k - 1], self.edges[k]
        return f"{short(low)} to {'' if k == self.number else '< '}{short(high)}"

    def colour(self, k: int) -> str:
        """The colours are spread over the scale, so that few classes still run from light to dark."""
        if self.number == 1:
            return CLASS_COLOURS[len(CLASS_COLOURS) // 2]
        return CLASS_COLOURS[round((k - 1) * (len(CLASS_COLOURS) - 1) / (self.number - 1))]


def make_classes(values: np.ndarray, number: int = len(CLASS_COLOURS)) -> Classes:
    """Up to ``number`` classes with about equally many values, breaks rounded to two significant digits.

    Breaks that coincide or fall outside the values are left out; no value, no class.
    """
    seen = np.asarray(values, dtype=float)
    seen = seen[np.isfinite(seen)]
    if not len(seen):
        return Classes(())
    low, high = float(seen.min()), float(seen.max())
    quantiles = np.quantile(seen, np.arange(1, number) / number)
    breaks = sorted({_rounded(float(q)) for q in quantiles})
    return Classes((low, *(b for b in breaks if low < b < high), high))


def short(value: float) -> str:
    """Three significant digits without an exponent or trailing zeros."""
    if value == 0:
        return "0"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _rounded(value: float) -> float:
    return float(f"{value:.1e}")
