"""95 % intervals by inverting randomisation tests: all constant effects b0 that the test does not reject, found exactly.

For an effect b0 the outcome is y - b0 d, whose statistics in every draw are combinations of those of y and of d. x = b0 - b:

    test on t      draw i is at least as extreme as the actual assignment where |a_i - x e_i| / sqrt(c q_i(x)) >= |x| / se,
                   a_i, e_i = numerators of y - b d and of d,  q_i(x) = sum of squared scores, a quadratic in x
    test on b      where |b_i - x r_i| >= |x|,  b_i, r_i = coefficients of y - b d and of d

The first is a polynomial of degree four in x, the second of degree two. Each draw thus adds known pieces of the line, and the
set {b0 : (1 + number of draws) / (B + 1) > 5 %} follows from their ends. Reported is its hull: the set can have holes. At x = 0
every draw is at least as extreme, so the set is never empty. An end is infinite where too many draws stay extreme for ever: the
draws that repeat the actual assignment, when there are few other assignments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from citycarbon.econometrics.resampling_statistics import Scored

LEVEL = 0.95
TIE = 1e-9  # a redraw of the actual units gives the actual statistic up to rounding: it counts as at least as large
HALVINGS = 64
_TIGHTEN = 14  # halvings of the bracket before the polynomials are solved: leaves few of them to solve


@dataclass(frozen=True)
class Interval:
    """Hull of the effects that are not rejected; ends may be infinite, NaN where the test does not exist; ``note`` says why."""

    low: float
    high: float
    note: str = ""


def needed(draws: int, level: float = LEVEL) -> int:
    """The number of draws at least as extreme from which p = (1 + number) / (draws + 1) exceeds 1 - ``level``."""
    return int(np.floor((1 - level) * (draws + 1) + 1e-9))


def interval_t(actual: Scored, drawn: Scored, level: float = LEVEL) -> Interval:
    """Inversion of the test on t. ``actual``: the one assignment that took place; both with outcomes (y, d)."""
    b, se = float(actual.beta()[0]), float(actual.std_error()[0])
    if not (np.isfinite(b) and np.isfinite(se) and se > 0):
        return Interval(np.nan, np.nan, "no t statistic to invert")
    weights = (1.0, -b)
    c = drawn.factor
    usable = np.isfinite(drawn.t(weights))
    a = drawn.num[0] - b * drawn.num[1]
    e = se * drawn.num[1]
    q0 = c * drawn.meat(weights)
    q1 = c * se * (drawn.products[0, 1] - b * drawn.products[1, 1])
    q2 = c * se**2 * drawn.meat((0.0, 1.0))
    same = np.isfinite(drawn.den) & (
        q2 == 0
    )  # the actual assignment once more, or one that d cannot be told from: always a tie
    parts = np.stack([a, e, q0, q1, q2])[:, usable & ~same]
    need = needed(int((usable | same).sum()), level) - int(same.sum())
    mirrored = parts * np.array([1, -1, 1, -1, 1])[:, None]  # the same in -z
    return _interval(b, se, -_quartic_end(mirrored, need), _quartic_end(parts, need))


def interval_beta(actual: Scored, drawn: Scored, level: float = LEVEL) -> Interval:
    """Inversion of the test on the coefficient. ``actual``: the one assignment that took place; both with outcomes (y, d)."""
    b = float(actual.beta()[0])
    if not np.isfinite(b):
        return Interval(np.nan, np.nan, "no coefficient to invert")
    a, r = drawn.beta((1.0, -b)), drawn.beta((0.0, 1.0))
    usable = np.isfinite(a) & np.isfinite(r)
    a, r = a[usable], r[usable]
    need = needed(len(a), level)
    return _interval(b, 1.0, -_linear_end(-a, r, need), _linear_end(a, r, need))


def _interval(b: float, unit: float, low: float, high: float) -> Interval:
    open_ends = [name for name, end in (("low", low), ("high", high)) if np.isinf(end)]
    note = ""
    if open_ends:
        note = (
            f"interval unbounded ({' and '.join(open_ends)}): more than 5 % of the draws stay as extreme as the actual "
            "assignment whatever the effect"
        )
    return Interval(b + unit * low, b + unit * high, note)


def _linear_end(a: np.ndarray, r: np.ndarray, need: int) -> float:
    """Largest x > 0 at which at least ``need`` draws have |a - x r| >= x (up to ties)."""
    one = 1 - TIE
    with np.errstate(divide="ignore", invalid="ignore"):
        near, far = a / (one + r), a / (r - one)
    if (np.abs(r) < one).all():  # one root each
        return _kth_largest(np.where(a > 0, near, far), need)
    roots = np.stack([near, far])
    roots[~(np.isfinite(roots) & (roots > 0))] = np.nan
    return _hull_end(np.sort(roots, axis=0), r**2 >= one**2, need)


def _kth_largest(values: np.ndarray, k: int) -> float:
    if k <= 0:
        return float("inf")
    return float(np.partition(values, len(values) - k)[len(values) - k]) if k <= len(values) else 0.0


def _quartic_end(parts: np.ndarray, need: int) -> float:
    """Largest z > 0 at which at least ``need`` draws have (a - z e)^2 >= z^2 q(z), q(z) = q0 - 2 z q1 + z^2 q2, z = x / se.

    ``parts``: a, e, q0, q1, q2 (5, n), q2 > 0. First a bracket [low, high] with enough draws at low and too few at high; then
    the exact end from the roots of those draws that can be extreme beyond low, so that no piece further out is missed.
    """
    if need <= 0:
        return float("inf")
    if need > parts.shape[1]:
        return 0.0

    def enough(z: float) -> bool:
        return int((_horner(k, z) >= 0).sum()) >= need

    k, low, high = _coefficients(parts), 0.0, 1.0
    while enough(high):
        low, high = high, 2 * high
    if low > 0:
        k = k[:, _can_be_extreme(parts, low)]
    for _ in range(_TIGHTEN):
        middle = (low + high) / 2
        low, high = (middle, high) if enough(middle) else (low, middle)
    k = _shift(k, low)
    k = k[:, (k > 0).any(axis=0)]  # the others stay negative beyond low (Descartes)
    return low + _hull_end(_positive_roots(k), np.zeros(k.shape[1], dtype=bool), need)


def _coefficients(parts: np.ndarray) -> np.ndarray:
    """(a - z e)^2 - z^2 q(z) by powers of z (5, n), the constant first."""
    a, e, q0, q1, q2 = parts
    return np.stack([a**2, -2 * a * e, e**2 - q0, 2 * q1, -q2])


def _can_be_extreme(parts: np.ndarray, low: float) -> np.ndarray:
    """False (n,) where a draw surely is not extreme at any z >= low > 0.

    There (a / z - e)^2 is at most its larger value at the ends z = low and z = infinity (it is convex in 1 / z), and q is at
    least its minimum. The margin keeps rounding on the safe side.
    """
    a, e, q0, q1, q2 = parts
    most = np.maximum((a / low - e) ** 2, e**2)
    at = np.maximum(q1 / q2, low)
    return most * (1 + 1e-9) >= q0 - 2 * at * q1 + at**2 * q2


def _hull_end(roots: np.ndarray, for_ever: np.ndarray, need: int) -> float:
    """Largest x >= 0 at which at least ``need`` draws are positive. ``roots`` (j, n): positive, sorted, NaN last.

    A draw changes sign at each root; ``for_ever``: positive beyond the last one. Going down from infinity, every root switches
    its draw on or off.
    """
    count = (~np.isnan(roots)).sum(axis=0)
    on = for_ever.sum()
    if on >= need:
        return float("inf")
    rank = np.arange(len(roots))[:, None]
    # below the last root a draw has the other sign than beyond it, below the last but one the first again, and so on
    turns_on = ((count - 1 - rank) % 2 == 0) ^ for_ever
    present = ~np.isnan(roots)
    ends, step = roots[present], np.where(turns_on, 1, -1)[present]
    order = np.lexsort((-step, -ends))  # from the right; at one place first on, then off: the pieces are closed
    reached = np.flatnonzero(on + np.cumsum(step[order]) >= need)
    return float(ends[order][reached[0]]) if len(reached) else 0.0


def _horner(k: np.ndarray, x: float | np.ndarray) -> np.ndarray:
    value = k[-1]
    for row in k[-2::-1]:
        value = value * x + row
    return value


def _shift(k: np.ndarray, by: float) -> np.ndarray:
    """Coefficients in (x - by) of polynomials given in x (rows from x^0 up), by repeated synthetic division."""
    k = k.copy()
    for done in range(len(k) - 1):
        for i in range(len(k) - 2, done - 1, -1):
            k[i] += by * k[i + 1]
    return k


def _positive_roots(k: np.ndarray) -> np.ndarray:
    """All simple positive roots (degree, n) of polynomials (degree + 1, n), sorted, NaN last; the leading ones are not zero.

    One change of sign among the coefficients means one positive root (Descartes), which bisection finds.
    """
    degree, n = len(k) - 1, k.shape[1]
    bound = 1 + (np.abs(k[:-1]) / np.abs(k[-1])).max(axis=0, initial=0.0)  # Cauchy's, which holds for the derivatives as well
    changes = (np.diff(np.sign(k), axis=0) != 0).sum(axis=0)
    one = (changes == 1) & (k != 0).all(axis=0)
    roots = np.full((degree, n), np.nan)
    roots[:1, one] = _bisect(k[:, one], np.zeros((1, int(one.sum()))), bound[None, one])
    roots[:, ~one] = _roots_by_derivatives(k[:, ~one], bound[~one])
    return roots


def _roots_by_derivatives(k: np.ndarray, bound: np.ndarray) -> np.ndarray:
    """All simple roots (4, n) of quartics (5, n) between 0 and ``bound`` (n,), sorted, NaN last.

    Between two neighbouring roots of its derivative a polynomial is monotone: each such stretch holds at most one root, which
    bisection finds. So from the second derivative, whose roots have a formula, upwards.
    """
    first = k[1:] * np.arange(1.0, 5.0)[:, None]
    roots = _quadratic_roots(first[1:] * np.arange(1.0, 4.0)[:, None])
    for polynomial in (first, k):
        roots = np.where((roots > 0) & (roots < bound), roots, bound)
        knots = np.vstack([np.zeros_like(bound), np.sort(roots, axis=0), bound])
        roots = _bisect(polynomial, knots[:-1], knots[1:])
    return roots


def _quadratic_roots(k: np.ndarray) -> np.ndarray:
    """The real roots (2, n) of quadratics (3, n), NaN where there are none."""
    c, b, a = k
    with np.errstate(divide="ignore", invalid="ignore"):
        half = -(b + np.copysign(np.sqrt(b**2 - 4 * a * c), b)) / 2  # no difference of like numbers
        return np.stack([half / a, c / half])


def _bisect(k: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The root of each polynomial in each of its stretches (stretches, n) where the sign changes, sorted, NaN last."""
    start = _horner(k[:, None, :], low)
    changes = (start * _horner(k[:, None, :], high) < 0) & (low < high)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        below = np.sign(_horner(k[:, None, :], middle)) == np.sign(start)
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.sort(np.where(changes, (low + high) / 2, np.nan), axis=0)
