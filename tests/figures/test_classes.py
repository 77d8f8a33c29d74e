"""Map classes: every value has one, the edges are those of the values, ties make fewer classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citycarbon.figures.classes import make_classes, short
from citycarbon.figures.style import CLASS_COLOURS, MAIN, SECOND, luminance

VALUES = st.lists(st.floats(0.01, 500), min_size=1, max_size=60)


@given(VALUES)
def test_every_value_lies_within_the_edges_of_its_class(values):
    classes, values = make_classes(np.array(values)), np.array(values)
    assert classes.edges[0] == values.min() and classes.edges[-1] == values.max()
    assert list(classes.edges[1:-1]) == sorted(set(classes.edges[1:-1]))
    for value, k in zip(values, classes.of(values), strict=True):
        low, high = classes.edges[k - 1], classes.edges[k]
        assert low <= value < high or (k == classes.number and value == high)


def test_missing_has_no_class_and_labels_are_exact():
    values = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, np.nan])
    classes = make_classes(values)
    assert classes.of(values).tolist() == [1, 1, 2, 2, 3, 4, 4, 5, 5, 0]
    assert classes.edges == (1.0, 2.6, 4.2, 5.8, 7.4, 9.0)
    assert [classes.label(k) for k in (1, 5)] == ["1 to < 2.6", "7.4 to 9"]


def test_equal_values_are_one_class_and_none_is_none():
    one = make_classes(np.array([3.0, 3.0]))
    assert one.number == 1 and one.of(np.array([3.0])).tolist() == [1] and one.colour(1) == CLASS_COLOURS[2]
    assert make_classes(np.array([np.nan])).number == 0
    assert make_classes(np.array([np.nan])).of(np.array([np.nan])).tolist() == [0]


@pytest.mark.parametrize(
    ("value", "text"), [(0.01234, "0.0123"), (8.8, "8.8"), (238.04, "238"), (1234.5, "1,234"), (100, "100")]
)
def test_short_numbers(value, text):
    assert short(value) == text


def test_classes_and_lines_can_be_told_apart_without_colour():
    light = [luminance(c) for c in CLASS_COLOURS]
    ratios = [(a + 0.05) / (b + 0.05) for a, b in zip(light[:-1], light[1:], strict=True)]
    assert min(ratios) > 1.3 and 1.05 / (light[0] + 0.05) > 1.3  # each darker than the one before, the first than paper
    assert all(1.05 / (luminance(c) + 0.05) > 4.5 for c in (MAIN, SECOND))  # WCAG AA against white
