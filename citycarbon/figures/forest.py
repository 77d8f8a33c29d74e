"""Lines of estimates with intervals, group by group, and a p-value at the right: what two figures share. No words here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from citycarbon.figures import style
from citycarbon.report.sentences import p_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE, ABOVE = 0.165, 0.5  # inches of a line; lines left free above a group for its name


@dataclass(frozen=True)
class ForestLine:
    """One estimate. ``second``: of another kind than the others, drawn as a diamond."""

    label: str
    estimate: float
    low: float
    high: float
    p: float
    group: str
    second: bool = False


def places(lines: list[ForestLine]) -> tuple[list[float], list[tuple[float, str]]]:
    """Height of every line, in lines from the top, and height and name of every group."""
    out, names, at, before = [], [], 0.0, None
    for line in lines:
        if line.group != before:
            names.append((at + ABOVE, line.group))
            at += 1 + ABOVE
        out.append(at)
        at += 1
        before = line.group
    return out, names


def draw_forest(axes: Axes, lines: list[ForestLine], dotted: float, group_at: float = -0.78) -> None:
    """The lines with zero and ``dotted`` (NaN: none) marked; ``group_at``: where group names begin, in widths of the axes."""
    at, names = places(lines)
    left = {"transform": axes.get_yaxis_transform(), "va": "center"}
    axes.axvline(0, color=style.INK, linewidth=0.8)
    if np.isfinite(dotted):
        axes.axvline(dotted, color=style.SOFT, linewidth=0.8, linestyle=":")
    for y, line in zip(at, lines, strict=True):
        look = {"marker": "D", "mfc": "white", "mec": style.SECOND} if line.second else {"marker": "o", "color": style.MAIN}
        colour = style.SECOND if line.second else style.MAIN
        axes.plot([line.low, line.high], [y, y], "-", color=colour, linewidth=1.3)
        axes.plot(line.estimate, y, markersize=4.5, linestyle="none", **look)
        axes.text(-0.03, y, line.label, ha="right", size=8, **left)
        axes.text(1.02, y, p_text(line.p) if np.isfinite(line.p) else "\N{EN DASH}", ha="left", size=8, **left)
    for y, text in names:
        axes.text(group_at, y, text, ha="left", size=8, weight="bold", **left)
    axes.set_ylim(at[-1] + 0.8, 0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=style.FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
