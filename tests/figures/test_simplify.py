"""Simplified polygons: neighbours still meet, nothing moves farther than the tolerance, the start of a ring does not matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citycarbon.figures.simplify import keep_line, simplify


def wiggly(start, end, n=40, size=0.2, seed=0):
    """A line from start to end that leaves the straight one by up to ``size``."""
    rng, share = np.random.default_rng(seed), np.linspace(0, 1, n)[:, None]
    line = np.array(start) + share * (np.array(end) - np.array(start))
    line[1:-1] += rng.uniform(-size, size, (n - 2, 2))
    return line


@pytest.fixture(scope="module")
def neighbours():
    """Two squares with a common wiggly border, each also with a coast of its own."""
    border = wiggly((10, 0), (10, 10))
    left = np.vstack([wiggly((0, 0), (10, 0), seed=1), border[1:], wiggly((10, 10), (0, 10), seed=2)[1:], [[0, 0]]])
    right = np.vstack([border[::-1], wiggly((10, 0), (20, 0), seed=3)[1:], wiggly((20, 0), (10, 10), seed=4)[1:]])
    return left, right, border


def test_neighbours_keep_the_same_points_of_their_border(neighbours):
    left, right, border = neighbours
    kept = [ring[keep] for ring, keep in zip((left, right), simplify([left, right], 0.15), strict=True)]
    shared = {tuple(p) for p in border}
    on_border = [{tuple(p) for p in ring} & shared for ring in kept]
    assert on_border[0] == on_border[1]
    assert {(10.0, 0.0), (10.0, 10.0)} <= on_border[0]  # the ends of the border are junctions
    assert len(kept[0]) < len(left) and 2 < len(on_border[0]) < len(border)


def test_the_start_of_a_ring_changes_nothing(neighbours):
    left, right, _ = neighbours
    turned = np.vstack([left[7:-1], left[:8]])
    one = {tuple(p) for p in left[simplify([left, right], 0.15)[0]]}
    two = {tuple(p) for p in turned[simplify([turned, right], 0.15)[0]]}
    assert one == two


@given(st.integers(0, 10_000), st.floats(0.01, 0.5))
def test_no_point_is_farther_than_the_tolerance(seed, tolerance):
    line = wiggly((0, 0), (5, 3), n=25, seed=seed)
    kept = np.flatnonzero(keep_line(line, tolerance))
    assert kept[0] == 0 and kept[-1] == len(line) - 1
    for a, b in zip(kept[:-1], kept[1:], strict=True):
        along = line[b] - line[a]
        for point in line[a + 1 : b]:
            share = np.clip((point - line[a]) @ along / (along @ along), 0, 1)
            assert np.linalg.norm(point - line[a] - share * along) <= tolerance * (1 + 1e-9)


def test_an_island_is_anchored_and_closes():
    angle = np.linspace(0, 2 * np.pi, 101)
    island = np.column_stack([np.cos(angle), np.sin(angle)]) * 10
    island[-1] = island[0]
    keep = simplify([island], 0.5)[0]
    (x, y), (x1, y1) = island[keep].T, np.roll(island[keep], -1, axis=0).T
    area = abs((x * y1 - x1 * y).sum()) / 2
    assert 6 <= len(keep) < 30 and area == pytest.approx(100 * np.pi, rel=0.1)
