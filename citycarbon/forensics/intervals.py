"""Interval arithmetic for printed numbers: every value carries what its rounding allows. No statistics here.

A printed ``0.644`` stands for any number in [0.6435, 0.6445]. :class:`Interval` carries the value at the printed digits and
both ends through every operation, so that a rule can say "impossible" only where no number behind the print makes it possible.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

# Comparisons forgive this share of the magnitude: far below any printed digit, far above the error of float arithmetic.
SLACK = 1e-9


@dataclass(frozen=True)
class Interval:
    """``at``: the value at the printed digits; ``lo`` and ``hi``: the least and greatest value that rounding allows."""

    at: float
    lo: float
    hi: float

    def __add__(self, other: Interval | float) -> Interval:
        o = of(other)
        return Interval(self.at + o.at, self.lo + o.lo, self.hi + o.hi)

    def __sub__(self, other: Interval | float) -> Interval:
        o = of(other)
        return Interval(self.at - o.at, self.lo - o.hi, self.hi - o.lo)

    def __mul__(self, other: Interval | float) -> Interval:
        o = of(other)
        ends = [_product(a, b) for a in (self.lo, self.hi) for b in (o.lo, o.hi)]
        return Interval(_product(self.at, o.at), min(ends), max(ends))

    def __truediv__(self, other: Interval | float) -> Interval:
        return self * of(other).inverse()

    def __radd__(self, other: float) -> Interval:
        return self + other

    def __rsub__(self, other: float) -> Interval:
        return of(other) - self

    def __rmul__(self, other: float) -> Interval:
        return self * other

    def __rtruediv__(self, other: float) -> Interval:
        return of(other) / self

    def __abs__(self) -> Interval:
        ends = sorted((abs(self.lo), abs(self.hi)))
        return Interval(abs(self.at), 0.0 if self.lo <= 0 <= self.hi else ends[0], ends[1])

    def inverse(self) -> Interval:
        """1 / self; an end is infinite where the interval touches zero, both where zero lies inside."""
        at = 1 / self.at if self.at else math.inf
        if self.lo < 0 < self.hi:
            return Interval(at, -math.inf, math.inf)
        return Interval(at, 1 / self.hi if self.hi else -math.inf, 1 / self.lo if self.lo else math.inf)

    def sqrt(self) -> Interval:
        """Square root; what lies below zero counts as zero."""
        return Interval(*(math.sqrt(max(v, 0.0)) for v in (self.at, self.lo, self.hi)))

    def squared(self) -> Interval:
        """self * self, without the widening that a product of two independent intervals has."""
        a = abs(self)
        return Interval(a.at**2, a.lo**2, a.hi**2)

    @property
    def width(self) -> float:
        return self.hi - self.lo

    def meets(self, other: Interval | float) -> bool:
        """Whether some value lies in both."""
        return not self.below(other) and not self.above(other)

    def below(self, other: Interval | float) -> bool:
        """Whether every value lies below every value of ``other``."""
        o = of(other)
        return self.hi < o.lo - _slack(self.hi, o.lo)

    def above(self, other: Interval | float) -> bool:
        """Whether every value lies above every value of ``other``."""
        o = of(other)
        return self.lo > o.hi + _slack(self.lo, o.hi)


def _product(a: float, b: float) -> float:
    return 0.0 if a == 0 or b == 0 else a * b  # an infinite end times zero is zero


def _slack(a: float, b: float) -> float:
    return SLACK * max(abs(a), abs(b)) if math.isfinite(a) and math.isfinite(b) else 0.0


def of(value: Interval | float) -> Interval:
    """An exact number as an interval of no width; an interval as it is."""
    return value if isinstance(value, Interval) else Interval(float(value), float(value), float(value))


def between(lo: float, hi: float) -> Interval:
    """An interval known by its ends only; ``at`` is the middle."""
    return Interval((lo + hi) / 2, lo, hi)


def hull(parts: Iterable[Interval]) -> Interval:
    """The least interval that holds all of ``parts``; ``at`` is the middle of the values at the printed digits."""
    parts = list(parts)
    ats = [p.at for p in parts]
    return Interval((min(ats) + max(ats)) / 2, min(p.lo for p in parts), max(p.hi for p in parts))


def common(parts: Iterable[Interval]) -> Interval | None:
    """What all of ``parts`` share, or None where they share nothing; ``at`` is the middle."""
    parts = list(parts)
    lo, hi = max(p.lo for p in parts), min(p.hi for p in parts)
    return None if lo > hi + _slack(lo, hi) else between(min(lo, hi), max(lo, hi))


def decimals(text: str) -> int:
    """Digits after the point of a printed number; an exponent counts: ``1.50e-3`` has 5."""
    return -int(Decimal(text).as_tuple().exponent)


def printed(text: str, digits: int | None = None) -> Interval:
    """The interval behind a printed number: half a unit of its last digit on either side.

    ``digits``: take the last digit to stand there instead (a whole number in a row that prints decimals).
    """
    half = float(Decimal(5).scaleb(-1 - (decimals(text) if digits is None else digits)))
    value = float(text)
    return Interval(value, value - half, value + half)
