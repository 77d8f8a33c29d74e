"""The overlap plot of a matching: cumulative shares of the propensity score by group, and where the treated cities stand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from citycarbon.figures import style
from citycarbon.figures.write import write_figure
from citycarbon.report.formats import count, fixed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

# Label, marker of the rug, line style and colour of each group; the lines differ in style and lightness, not only in colour.
_GROUPS = {
    "treated": ("treated", "-", style.MAIN, 2.2),
    "matched": ("matched comparison", "--", style.SECOND, 1.6),
    "comparison": ("all comparison", ":", style.SOFT, 1.6),
}


def draw_overlap(
    scores: pd.DataFrame,
    folder: Path,
    name: str,
    synthetic: bool,
    *,
    unit: str = "city",
    title: str = "Overlap of propensity scores",
) -> list[Path]:
    """Write the overlap plot ``name``.{svg,png,csv,txt} into ``folder`` and return the paths.

    ``scores``: one row per unit of the matching (``unit`` says what a row is) with ``treated`` (bool), ``score`` (a
    probability) and ``matched`` (bool: has a match, or is one). Rows without a finite score are counted in the text and not
    drawn. Order does not matter. Raises ValueError where a column is missing: a fault upstream.
    """
    missing = {"treated", "score", "matched"} - set(scores.columns)
    if missing:
        raise ValueError(f"overlap plot: the scores lack {sorted(missing)}")
    points = scores[["treated", "matched", "score"]].astype({"treated": bool, "matched": bool, "score": float})
    points = points.sort_values(
        ["treated", "score", "matched"], ascending=[False, True, True], kind="stable", ignore_index=True
    )
    groups = _groups(points)
    words = _words(points, groups, unit)
    with style.applied(name):
        figure = style.new_figure(4.2)
        top = style.head(figure, title, f"cumulative share by group; one tick a treated {unit}", synthetic)
        bottom = style.foot(figure, _support(points, groups, unit))
        axes = figure.add_axes((0.10, bottom + 0.12, 0.87, top - bottom - 0.19))
        _draw(axes, groups)
        return write_figure(figure, folder, name, points, title, words, synthetic)


def _groups(points: pd.DataFrame) -> dict[str, np.ndarray]:
    """Sorted finite scores of each group."""
    seen = points[np.isfinite(points["score"])]
    comparison = seen[~seen["treated"]]
    chosen = {"treated": seen[seen["treated"]], "matched": comparison[comparison["matched"]], "comparison": comparison}
    return {key: np.sort(rows["score"].to_numpy()) for key, rows in chosen.items()}


def _draw(axes: Axes, groups: dict[str, np.ndarray]) -> None:
    low, high = _range(groups["comparison"])
    if np.isfinite(low):
        axes.axvspan(low, high, facecolor="#f2f2f2", edgecolor="none", zorder=0)
    for key, (label, line, colour, width) in _GROUPS.items():
        values = groups[key]
        if len(values):
            share = np.arange(1, len(values) + 1) / len(values)
            x, y = np.r_[values[0], values], np.r_[0.0, share]
            axes.step(
                x, y, where="post", linestyle=line, color=colour, linewidth=width, label=f"{label} ({count(len(values))})"
            )
    axes.plot(groups["treated"], np.full(len(groups["treated"]), -0.035), "|", color=style.MAIN, markersize=9, clip_on=False)
    axes.set_ylim(-0.07, 1.03)
    axes.set_xlabel("propensity score (probability of treatment)")
    axes.set_ylabel("cumulative share")
    style.quiet_grid(axes)
    if any(len(v) for v in groups.values()):
        axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=3, borderaxespad=0.2)


def _range(values: np.ndarray) -> tuple[float, float]:
    return (float(values[0]), float(values[-1])) if len(values) else (np.nan, np.nan)


def _support(points: pd.DataFrame, groups: dict[str, np.ndarray], unit: str) -> str:
    """The range of the comparison scores, and how many treated lie outside it, generated from the scores."""
    low, high = _range(groups["comparison"])
    unscored = len(points) - len(groups["treated"]) - len(groups["comparison"])
    without = f" {count(unscored)} rows have no score." if unscored else ""
    if not np.isfinite(low):
        return f"No comparison {unit} has a score: there is no common support.{without}"
    treated = groups["treated"]
    outside = int(((treated < low) | (treated > high)).sum())
    return (
        f"Shaded: range of the comparison scores, {fixed(low, 3)} to {fixed(high, 3)}. "
        f"Outside it: {count(outside)} of {count(len(treated))} treated rows.{without}"
    )


def _words(points: pd.DataFrame, groups: dict[str, np.ndarray], unit: str) -> str:
    parts = [f"Cumulative distribution of the propensity score, one value a {unit}."]
    for key, (label, *_) in _GROUPS.items():
        values = groups[key]
        low, high = _range(values)
        middle = (
            f", median {fixed(float(np.median(values)), 3)}, from {fixed(low, 3)} to {fixed(high, 3)}" if len(values) else ""
        )
        parts.append(f"{label.capitalize()}: {count(len(values))}{middle}.")
    matched = int((points["treated"] & points["matched"]).sum())
    parts.append(f"{count(matched)} of {count(int(points['treated'].sum()))} treated rows have a match.")
    return " ".join([*parts, _support(points, groups, unit)])
