"""The sensitivity of one column as a figure: every estimate in log points with its interval, group by group, and its RI p."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from citycarbon.figures import style
from citycarbon.figures.forest import LINE, ForestLine, draw_forest, places
from citycarbon.figures.write import write_figure
from citycarbon.report.formats import count, listed, table_name
from citycarbon.report.sensitivity_labels import GROUPS, label
from citycarbon.report.sentences import p_text, signed

if TYPE_CHECKING:
    import pandas as pd

LOG = "ln("  # how the units of estimates in log points begin
SUBTITLE = (
    "estimates with 95 % intervals (clustered; Conley's where named); at the right p by RI, \N{EN DASH} where there is none"
)
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
    lines = _lines(points)
    with style.applied(name):
        figure = style.new_figure(1.75 + LINE * places(lines)[0][-1])
        top = style.head(figure, title, SUBTITLE, synthetic)
        bottom = style.foot(figure, _foot(known, shown))
        axes = figure.add_axes(
            (0.40, bottom + 0.42 / figure.get_figheight(), 0.50, top - bottom - 0.5 / figure.get_figheight())
        )
        draw_forest(axes, lines, own)
        axes.set_xlabel("log points")
        return write_figure(figure, folder, name, points, title, words(points, rows, own), synthetic)


def _lines(points: pd.DataFrame) -> list[ForestLine]:
    return [
        ForestLine(
            row["label"], row["estimate"], row["conf_low"], row["conf_high"], row["p_ri_t"], GROUPS[row["analysis"]],
            row["term"].startswith("near_") or row["term"] == "lead1",
        )
        for row in points.to_dict("records")
    ]  # fmt: skip


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
