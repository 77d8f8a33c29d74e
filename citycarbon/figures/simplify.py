"""Fewer points for polygons that share borders: each shared line is thinned once, so that neighbours still meet. numpy only.

Rings are cut at junctions, where a third polygon or the coast begins; the arcs between are thinned as Douglas and Peucker do.
"""

from __future__ import annotations

import numpy as np


def simplify(rings: list[np.ndarray], tolerance: float) -> list[np.ndarray]:
    """Indices of the points to keep of each closed ring (n, 2; last point = first), in its order, the first not repeated.

    No dropped point is farther than ``tolerance`` (same unit) from the line that is left. Equal points of different rings are
    recognised by equality, so that rings that share a border must hold the same points there.
    """
    opened = [ring[:-1] if len(ring) > 1 and (ring[0] == ring[-1]).all() else ring for ring in rings]
    points = np.concatenate(opened) if opened else np.zeros((0, 2))
    ids = _same_points(points)
    bounds = np.cumsum([0, *(len(r) for r in opened)])
    junction = _junctions(ids, bounds)
    known: dict[tuple[int, int, int], np.ndarray] = {}
    return [
        _thin_ring(points[a:b], ids[a:b], junction[ids[a:b]], tolerance, known)
        for a, b in zip(bounds[:-1], bounds[1:], strict=True)
    ]


def keep_line(points: np.ndarray, tolerance: float) -> np.ndarray:
    """Which points (n, 2) of an open line Douglas and Peucker keep: bool (n,), the ends always."""
    keep = np.zeros(len(points), dtype=bool)
    keep[[0, -1]] = True
    todo = [(0, len(points) - 1)]
    while todo:
        a, b = todo.pop()
        if b - a < 2:
            continue
        away = _distance(points[a + 1 : b], points[a], points[b])
        far = int(away.argmax())
        if away[far] > tolerance:
            middle = a + 1 + far
            keep[middle] = True
            todo += [(a, middle), (middle, b)]
    return keep


def _distance(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Distance (n,) of points from the segment start-end."""
    along, length2 = end - start, float(((end - start) ** 2).sum())
    share = np.clip((points - start) @ along / length2, 0, 1) if length2 else np.zeros(len(points))
    return np.hypot(*(points - start - share[:, None] * along).T)


def _same_points(points: np.ndarray) -> np.ndarray:
    """A number (n,) for each point; equal points have equal numbers, numbered in the order of x, then y."""
    order = np.lexsort((points[:, 1], points[:, 0]))
    ordered = points[order]
    new = np.r_[False, (ordered[1:] != ordered[:-1]).any(axis=1)] if len(points) else np.zeros(0, dtype=bool)
    ids = np.empty(len(points), dtype=np.int64)
    ids[order] = np.cumsum(new)
    return ids


def _junctions(ids: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """By point number: is it a point where borders meet? In three rings or more, or where a shared border begins or ends."""
    times = np.bincount(ids)
    out = times >= 3
    for a, b in zip(bounds[:-1], bounds[1:], strict=True):
        here = times[ids[a:b]]
        beside = np.minimum(np.roll(here, 1), np.roll(here, -1))
        out[ids[a:b][beside < here]] = True
    return out


def _thin_ring(
    points: np.ndarray, ids: np.ndarray, junction: np.ndarray, tolerance: float, known: dict[tuple[int, int, int], np.ndarray]
) -> np.ndarray:
    cuts = np.flatnonzero(junction)
    if len(cuts) < 2:  # anchors that do not depend on where the ring begins
        anchor = int(cuts[0]) if len(cuts) else int(ids.argmin())
        away = ((points - points[anchor]) ** 2).sum(axis=1)
        far = np.flatnonzero(away == away.max())
        cuts = np.unique([anchor, far[ids[far].argmin()]])
    kept = []
    for start, end in zip(cuts, [*cuts[1:], cuts[0] + len(points)], strict=True):
        arc = np.arange(start, end + 1) % len(points)
        kept.append(arc[_keep_arc(points[arc], ids[arc], tolerance, known)][:-1])
    return np.concatenate(kept)


def _keep_arc(
    points: np.ndarray, ids: np.ndarray, tolerance: float, known: dict[tuple[int, int, int], np.ndarray]
) -> np.ndarray:
    """``keep_line`` of an arc, computed once for both of its sides: in the direction in which its ends have rising numbers."""
    turned = (ids[0], ids[1]) > (ids[-1], ids[-2])
    if turned:
        points, ids = points[::-1], ids[::-1]
    key = (int(ids[0]), int(ids[1]), int(ids[-1]))
    if key not in known:
        known[key] = keep_line(points, tolerance)
    keep = known[key]
    return keep[::-1] if turned else keep
