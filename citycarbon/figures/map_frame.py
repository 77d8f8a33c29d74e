"""What surrounds a map: its limits, a grid of parallels and meridians, a scale bar and an arrow to true north."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from citycarbon.figures import style
from citycarbon.figures.projection import Albers

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_MARGIN = 0.03  # of the larger side
_BAR_KM = (1000, 500, 200, 100, 50, 20, 10)  # lengths of the bar: the longest within a quarter of the map is taken
_SMALL = 7.5

Limits = tuple[float, float, float, float]


def map_limits(points: pd.DataFrame, shapes: dict[str, list[np.ndarray]]) -> Limits:
    """x from, x to, y from, y to (km) that hold all points and outlines, with a margin; all of China where there is neither."""
    xy = [points[["x_km", "y_km"]].to_numpy(dtype=float), *(ring for parts in shapes.values() for ring in parts)]
    both = np.concatenate(xy)
    if not len(both):
        return -2600.0, 2200.0, -2000.0, 2000.0
    (x0, y0), (x1, y1) = both.min(axis=0), both.max(axis=0)
    more = _MARGIN * max(x1 - x0, y1 - y0, 100.0)
    return x0 - more, x1 + more, y0 - more, y1 + more


def draw_frame(axes: Axes, limits: Limits, projection: Albers) -> None:
    """Set the limits with one scale for both axes; draw grid, scale bar and north arrow."""
    x0, x1, y0, y1 = limits
    axes.set_aspect("equal", adjustable="box")
    axes.set(xlim=(x0, x1), ylim=(y0, y1), xticks=[], yticks=[])
    for side in axes.spines.values():
        side.set_visible(True)
        side.set_color(style.FAINT)
    _grid(axes, limits, projection)
    _scale_bar(axes, limits, projection)
    _north_arrow(axes, limits, projection)


def _grid(axes: Axes, limits: Limits, projection: Albers) -> None:
    """Every tenth parallel and meridian; each is named where it meets the left or the upper edge."""
    x0, x1, y0, y1 = limits
    for lat in range(0, 70, 10):
        x, y = projection(np.linspace(60, 150, 181), np.full(181, float(lat)))
        axes.plot(x, y, color=style.FAINT, linewidth=0.6, zorder=1)
        at = np.interp(x0, x, y)
        if y0 + 0.02 * (y1 - y0) < at < y1 - 0.06 * (y1 - y0) and x[0] <= x0:
            _name(axes, x0, at, f" {lat}° N", ha="left", va="bottom")
    for lon in range(60, 160, 10):
        x, y = projection(np.full(181, float(lon)), np.linspace(0, 70, 181))
        axes.plot(x, y, color=style.FAINT, linewidth=0.6, zorder=1)
        at = np.interp(y1, y, x)
        if x0 < at < x1:
            _name(axes, at, y1, f" {lon}° E", ha="left", va="top")


def _name(axes: Axes, x: float, y: float, text: str, **where: str) -> None:
    axes.text(x, y, text, size=_SMALL, color=style.SOFT, zorder=1.5, clip_on=True, **where)


def _scale_bar(axes: Axes, limits: Limits, projection: Albers) -> None:
    """In the lower left corner: a bar in two halves, its length in kilometres of the map."""
    x0, x1, y0, y1 = limits
    width = x1 - x0
    length = next((km for km in _BAR_KM if km <= width / 4), _BAR_KM[-1])
    left, low, thick = x0 + 0.03 * width, y0 + 0.045 * (y1 - y0), 0.008 * (y1 - y0)
    for i, colour in enumerate((style.INK, "white")):
        axes.fill_between(
            [left + i * length / 2, left + (i + 1) * length / 2], low, low + thick, facecolor=colour, edgecolor=style.INK,
            linewidth=0.8, zorder=9,
        )  # fmt: skip
    for km in (0, length / 2, length):
        text = f"{km:,g} km" if km == length else f"{km:,g}"
        axes.text(left + km, low + 1.6 * thick, text, ha="center", va="bottom", size=8, zorder=9)
    true = f"true along {projection.parallel_1:g}° N and {projection.parallel_2:g}° N"
    axes.text(left, low - 0.7 * thick, true, ha="left", va="top", size=_SMALL, color=style.SOFT, zorder=9)


def _north_arrow(axes: Axes, limits: Limits, projection: Albers) -> None:
    """In the upper left corner, along the meridian of its own place: north is not the same way everywhere on this map."""
    x0, x1, y0, y1 = limits
    x, y, length = x0 + 0.07 * (x1 - x0), y1 - 0.20 * (y1 - y0), 0.10 * (y1 - y0)
    east, north = projection.north(x, y)
    tip = (x + east * length, y + north * length)
    axes.annotate(
        "", tip, (x, y), zorder=9, arrowprops={"arrowstyle": "-|>", "color": style.INK, "linewidth": 1.4, "mutation_scale": 16}
    )
    axes.text(
        x + east * length * 1.12, y + north * length * 1.12, "N", ha="center", va="bottom", size=11, weight="bold", zorder=9
    )
