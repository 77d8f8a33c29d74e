"""Whatever numbers stand behind the print, the result of the same arithmetic on them lies inside the interval."""

import math
import operator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tries import up_to

from citycarbon.forensics.intervals import Interval, common, decimals, hull, of, printed
from citycarbon.forensics.wording import span

numbers = st.decimals(min_value=-1000, max_value=1000, places=3).map(str)
inside = st.floats(min_value=0, max_value=1)


def pick(interval: Interval, share: float) -> float:
    return interval.lo + share * (interval.hi - interval.lo)


def holds(interval: Interval, value: float) -> bool:
    slack = 1e-9 * max(1, abs(value))
    return interval.lo - slack <= value <= interval.hi + slack


@pytest.mark.parametrize("op", [operator.add, operator.sub, operator.mul, operator.truediv])
@settings(max_examples=up_to(50))
@given(a=numbers, b=numbers, x=inside, y=inside)
def test_arithmetic_holds_every_number_behind_the_print(op, a, b, x, y):
    first, second = printed(a), printed(b)
    u, v = pick(first, x), pick(second, y)
    if op is operator.truediv and abs(v) < 1e-9:
        return
    assert holds(op(first, second), op(u, v))
    assert holds(op(first, v), op(u, v)) and holds(op(u, second), op(u, v))


@settings(max_examples=up_to(50))
@given(a=numbers, x=inside)
def test_functions_hold_every_number_behind_the_print(a, x):
    interval = printed(a)
    u = pick(interval, x)
    assert holds(abs(interval), abs(u))
    assert holds(interval.squared(), u * u)
    assert holds(interval.sqrt(), math.sqrt(max(u, 0)))
    assert interval.meets(u) and not interval.below(u) and not interval.above(u)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("0.644", 0.6435, 0.6445),
        ("-10.250", -10.2505, -10.2495),
        ("3", 2.5, 3.5),
        ("1.5e-3", 0.00145, 0.00155),
        (".08", 0.075, 0.085),
    ],
)
def test_rounding_is_half_a_unit_of_the_last_printed_digit(text, low, high):
    interval = printed(text)
    assert interval.at == float(text)
    assert (interval.lo, interval.hi) == pytest.approx((low, high), rel=1e-12)


def test_printed_zeros_count():
    assert decimals("0.6750") == 4 and printed("0.6750").width < printed("0.675").width


def test_a_divisor_that_can_be_zero_leaves_no_bound():
    assert (of(1) / printed("0.000")).hi == math.inf
    assert (printed("2.0") / Interval(0.0, 0.0, 0.5)).hi == math.inf
    assert (of(0) * Interval(1.0, 0.0, math.inf)).hi == 0


def test_what_all_share_and_what_holds_all():
    parts = [Interval(1, 0, 2), Interval(2, 1, 3), Interval(2, 1.5, 5)]
    assert (common(parts).lo, common(parts).hi) == (1.5, 2)
    assert (hull(parts).lo, hull(parts).hi) == (0, 5)
    assert common([*parts, Interval(9, 8, 10)]) is None


def test_exact_numbers_compare_by_nine_digits():
    assert printed("2.9160000000000004").meets(of(2.916))
    assert not printed("2.9160000000000004").meets(of(2.91601))


def test_a_span_shows_what_rounding_lets_one_tell_apart():
    assert span(Interval(2.76748, 2.7543, 2.7805)) == "2.767 [2.754, 2.780]"
    assert span(printed("0.076")) == "0.0760 [0.0755, 0.0765]"
    assert span(of(17)) == "17"
