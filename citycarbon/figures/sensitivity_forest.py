"""The sensitivity of one column as a figure: every estimate in log points with its interval, group by group, and its RI p."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from citycarbon.figures import style
from citycarbon.figures.write import write_figure
from citycarbon.report.formats import count, listed, table_name
from citycarbon.report.sensitivity_labels import GROUPS, label
from citycarbon.report.sentences import p_text, signed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

LOG = "ln("  # how the units of estimates in log points begin
SUBTITLE = (
    "estimates with 95 % intervals (clustered; Conley's where named); at the right p by RI, \N{EN DASH} where there is none"
)
_LINE, _ABOVE = 0.165, 0.5  # inches of a line; lines left free above a group for its name
_COLUMNS = ["analysis", "variant", "parameter", "term", "label", "estimate", "conf_low", "conf_high", "p_ri_t", "unit"]


def draw_sensitivity(rows: pd.DataFrame, folder: Path, name: str, synthetic: bool) -> list[Path]:
    """Write ``name``.{svg,png,csv,txt} into ``folder`` and return the paths; none where no estimate is in log points.

    ``rows``: as of ``econometrics.sensitivity``. Drawn are the analyses of ``GROUPS`` in log points; what is in another unit
    is counted in the text.
    """
    rows = rows[rows["analysis"].isin(list(GROUPS))].reset_index(drop=True)
    known = rows[rows["estimate"].notna()]
    shown = known[known["unit"].str.startswith(LOG)].reset_index(drop=True)
    if shown.empty:
        return []
    labels = [label(r.analysis, r.variant, r.parameter, r.term) for r in shown.itertuples()]
    points = shown.assign(label=labels)[_COLUMNS]
    main = points[points["analysis"] == "headline"]
    own = float(main["estimate"].iloc[0]) if len(main) else np.nan
    title = f"{table_name(rows['table'].iloc[0])} column {rows['column'].iloc[0]} looked at again"
    places, names = _places(points)
    with style.applied(name):
        figure = style.new_figure(1.75 + _LINE * places[-1])
        top = style.head(figure, title, SUBTITLE, synthetic)
        bottom = style.foot(figure, _foot(known, shown))
        axes = figure.add_axes(
            (0.40, bottom + 0.42 / figure.get_figheight(), 0.50, top - bottom - 0.5 / figure.get_figheight())
        )
        _draw(axes, points, places, names, own)
        return write_figure(figure, folder, name, points, title, words(points, rows, own), synthetic)


def _places(points: pd.DataFrame) -> tuple[list[float], list[tuple[float, str]]]:
    """Height of every line, in lines from the top, and of the name of every group."""
    places, names, at, before = [], [], 0.0, None
    for analysis in points["analysis"]:
        if analysis != before:
            names.append((at + _ABOVE, GROUPS[analysis]))
            at += 1 + _ABOVE
        places.append(at)
        at += 1
        before = analysis
    return places, names


def _draw(axes: Axes, points: pd.DataFrame, places: list[float], names: list[tuple[float, str]], own: float) -> None:
    left = {"transform": axes.get_yaxis_transform(), "va": "center"}
    axes.axvline(0, color=style.INK, linewidth=0.8)
    if np.isfinite(own):
        axes.axvline(own, color=style.SOFT, linewidth=0.8, linestyle=":")
    for at, row in zip(places, points.to_dict("records"), strict=True):
        itself = row["term"].startswith("near_") or row["term"] == "lead1"
        look = {"marker": "D", "mfc": "white", "mec": style.SECOND} if itself else {"marker": "o", "color": style.MAIN}
        colour = style.SECOND if itself else style.MAIN
        axes.plot([row["conf_low"], row["conf_high"]], [at, at], "-", color=colour, linewidth=1.3)
        axes.plot(row["estimate"], at, markersize=4.5, linestyle="none", **look)
        axes.text(-0.03, at, row["label"], ha="right", size=8, **left)
        p = row["p_ri_t"]
        axes.text(1.02, at, p_text(p) if np.isfinite(p) else "\N{EN DASH}", ha="left", size=8, **left)
    for at, text in names:
        axes.text(-0.78, at, text, ha="left", size=8, weight="bold", **left)
    axes.set_ylim(places[-1] + 0.8, 0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=style.FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel("log points")


def _foot(known: pd.DataFrame, shown: pd.DataFrame) -> str:
    text = (
        "Diamonds: the second regressor itself. Dotted: the column as it stands. RI: randomisation inference, a benchmark "
        "under as-if-random assignment; pilots are selected."
    )
    elsewhere = len(known) - len(shown)
    return text + (f" Estimates in other units, not drawn: {count(elsewhere)}." if elsewhere else "")


def words(points: pd.DataFrame, rows: pd.DataFrame, own: float) -> str:
    """The figure in words, generated from its numbers."""
    did = points[~points["term"].str.startswith("near_") & (points["term"] != "lead1") & (points["analysis"] != "conley")]
    others = did[did["analysis"] != "headline"].sort_values("estimate", kind="stable")
    parts = [f"The column as it stands gives {signed(own)} log points." if np.isfinite(own) else "The column has no estimate."]
    if len(others):
        low, high = others.iloc[0], others.iloc[-1]
        tested = others[others["p_ri_t"].notna()]
        parts.append(
            f"{count(len(others))} other ways of estimating it run from {signed(low['estimate'])} ({low['label']}) to "
            f"{signed(high['estimate'])} ({high['label']}); {count(int((tested['p_ri_t'] < 0.05).sum()))} of "
            f"{count(len(tested))} tested have p below 0.05 by randomisation inference."
        )
    itself = points[points["term"].str.startswith("near_") | (points["term"] == "lead1")]
    parts += [
        f"{r['label']}, {signed(r['estimate'])}, p {p_text(r['p_ri_t']) if np.isfinite(r['p_ri_t']) else 'none'}."
        for r in itself.to_dict("records")
    ]
    elsewhere = rows[rows["estimate"].notna() & ~rows["unit"].str.startswith(LOG)]
    if len(elsewhere):
        parts.append(f"In other units and not drawn: {listed([f'{r.variant} ({r.unit})' for r in elsewhere.itertuples()])}.")
    if unknown := int(rows["estimate"].isna().sum()):
        parts.append(f"Not estimable on this panel: {count(unknown)}; sensitivity.csv says why.")
    return " ".join(parts)
