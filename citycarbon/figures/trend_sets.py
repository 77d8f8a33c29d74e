"""How far the comparison trend may break, as a figure: the sets of the first and the mean effect by Mbar and by M."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from citycarbon.econometrics.honest_did import RELATIVE, SINGLE, SMOOTH
from citycarbon.figures import style
from citycarbon.figures.write import write_figure
from citycarbon.report.sentences import plain, signed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

TITLE = "How far the comparison trend may break"
SUBTITLE = "95 % sets of the effect in the first year and of the mean effect after adoption; errors clustered by city"
FOOT = (
    "A set that holds zero: a break of that size would explain the estimate without any effect. The covariance is taken as "
    "known; with few treated cities it is too small, so read the sets as optimistic."
)
# Analysis -> title of its panel, axis.
_PANELS = {
    RELATIVE: ("relative magnitudes", "Mbar: largest break after over before"),
    SMOOTH: ("smoothness", "M: largest change of the slope a year"),
}
# Target -> name, marker, colour, place beside the parameter (share of the step between two parameters).
_TARGETS = {
    "first": ("first year", "o", style.MAIN, -0.12),
    "mean": ("mean after adoption", "s", style.SECOND, 0.12),
}
_COLUMNS = ["analysis", "variant", "parameter", "estimate", "conf_low", "conf_high", "unit", "x"]


def draw_trend_sets(rows: pd.DataFrame, folder: Path, name: str, synthetic: bool) -> list[Path]:
    """Write ``name``.{svg,png,csv,txt} into ``folder`` and return the paths; none where no set is known.

    ``rows``: as of ``econometrics.sensitivity``. Relative magnitudes are drawn with all leads, smoothness with single years,
    as they stand in the table of the page; parameters are set out at equal distances. An end without bound is an arrow.
    """
    points = _points(rows)
    if points.empty:
        return []
    reach = _reach(points)
    analyses = [a for a in _PANELS if (points["analysis"] == a).any()]
    with style.applied(name):
        figure = style.new_figure(3.9)
        top = style.head(figure, TITLE, SUBTITLE, synthetic)
        bottom = style.foot(figure, FOOT)
        height = figure.get_figheight()
        floor, ceiling = bottom + 0.48 / height, top - 0.44 / height
        width = 0.87 / len(analyses)
        shared = None
        for i, analysis in enumerate(analyses):
            room = (0.12 + i * width, floor, width - 0.03, ceiling - floor)
            axes = figure.add_axes(room, sharey=shared) if shared else figure.add_axes(room)
            shared = shared or axes
            _draw(axes, points[points["analysis"] == analysis], analysis, reach, first=i == 0)
        room = 0.06 * (reach[1] - reach[0])
        shared.set_ylim(reach[0] - room, reach[1] + room)
        shared.set_ylabel(str(points["unit"].iloc[0]))
        shared.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.09), ncols=2, borderaxespad=0.0)
        return write_figure(figure, folder, name, points[_COLUMNS], TITLE, words(points, rows), synthetic)


def _points(rows: pd.DataFrame) -> pd.DataFrame:
    """The sets that are drawn, with their place along the axis."""
    import pandas as pd

    known = rows[rows["analysis"].isin(list(_PANELS)) & rows["conf_low"].notna() & rows["conf_high"].notna()]
    parts = []
    for analysis, mine in known.groupby("analysis", sort=False):
        places = {m: float(i) for i, m in enumerate(sorted(mine["parameter"].unique()))}
        suffix = "" if mine["variant"].isin(list(_TARGETS)).any() else SINGLE
        for target, (*_, beside) in _TARGETS.items():
            chosen = mine[mine["variant"] == f"{target}{suffix}"].sort_values("parameter", kind="stable")
            parts.append(chosen.assign(x=chosen["parameter"].map(places).astype(float) + beside, analysis=analysis))
    return pd.concat(parts, ignore_index=True) if parts else known.assign(x=np.nan)


def _draw(axes: Axes, points: pd.DataFrame, analysis: str, reach: tuple[float, float], first: bool) -> None:
    axes.axhline(0, color=style.INK, linewidth=0.8)
    for target, (label, marker, colour, _) in _TARGETS.items():
        mine = points[points["variant"].str.removesuffix(SINGLE) == target]
        low, high = (mine[end].to_numpy(dtype=float) for end in ("conf_low", "conf_high"))
        x, estimate = mine["x"].to_numpy(), mine["estimate"].to_numpy(dtype=float)
        axes.vlines(x, np.clip(low, *reach), np.clip(high, *reach), color=colour, linewidth=1.8)
        axes.plot(x, estimate, marker, color=colour, markersize=5, label=label if first else None)
        for ends, arrow, edge in ((low, "v", reach[0]), (high, "^", reach[1])):
            without = ~np.isfinite(ends)
            axes.plot(x[without], np.full(int(without.sum()), edge), arrow, color=colour, markersize=5)
    title, label = _PANELS[analysis]
    values = sorted(points["parameter"].unique())
    axes.set_xticks(range(len(values)), [f"{v:g}" for v in values])
    axes.set_xlim(-0.5, len(values) - 0.5)
    axes.set_xlabel(label)
    axes.text(0.0, 1.02, title, transform=axes.transAxes, ha="left", va="bottom", size=8.5, weight="bold")
    style.quiet_grid(axes)
    if not first:
        axes.tick_params(labelleft=False)


def _reach(points: pd.DataFrame) -> tuple[float, float]:
    """The lowest and the highest of all finite ends and estimates, and zero."""
    known = points[["conf_low", "conf_high", "estimate"]].to_numpy(dtype=float).ravel()
    known = np.r_[0.0, known[np.isfinite(known)]]
    return float(known.min()), float(known.max())


def words(points: pd.DataFrame, rows: pd.DataFrame) -> str:
    """The figure in words, generated from its numbers."""
    said = []
    for (analysis, variant), mine in points.groupby(["analysis", "variant"], sort=False):
        name, letter = _PANELS[str(analysis)][0], "Mbar" if analysis == RELATIVE else "M"
        target = _TARGETS[str(variant).removesuffix(SINGLE)][0]
        sets = "; ".join(f"{letter} {r.parameter:g}: {_end(r.conf_low)} to {_end(r.conf_high)}" for r in mine.itertuples())
        said.append(f"{name.capitalize()}, {target}, estimate {signed(mine['estimate'].iloc[0])}: {sets}.")
        broken = rows[(rows["analysis"] == analysis) & (rows["variant"] == f"{variant}: breakdown")]
        for r in broken.itertuples():
            reason = str(r.note).partition(";")[0]
            found = np.isfinite(r.parameter) and not reason.startswith("not reached")
            said.append(f"It holds zero from {letter} = {plain(r.parameter)} on." if found else f"Breakdown value: {reason}.")
    return " ".join(said)


def _end(value: float) -> str:
    return signed(value) if np.isfinite(value) else "open"
