"""The staggered estimators as a figure: each with its interval and RI p, on all rows of the column and where it is balanced."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from citycarbon.figures import style
from citycarbon.figures.forest import LINE, ForestLine, draw_forest, places
from citycarbon.figures.write import write_figure
from citycarbon.report.formats import count, table_name
from citycarbon.report.sentences import p_text, signed

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = [
    "estimator",
    "label",
    "aggregation",
    "sample",
    "controls",
    "estimate",
    "std_error",
    "conf_low",
    "conf_high",
    "p_ri",
    "unit",
]


def draw_staggered(rows: pd.DataFrame, folder: Path, name: str, synthetic: bool) -> list[Path]:
    """Write ``name``.{svg,png,csv,txt} into ``folder`` and return the paths; none where nothing is estimable.

    ``rows``: as of ``econometrics.staggered``, in its order.
    """
    points = rows[rows["estimate"].notna()].sort_values("sample", key=lambda s: s.str.startswith("balanced"), kind="stable")
    points = points[_COLUMNS].reset_index(drop=True)
    if points.empty:
        return []
    lines = [_line(row, rows) for row in points.to_dict("records")]
    own = points.loc[points["estimator"] == "twfe_controls", "estimate"]
    dotted = float(own.iloc[0]) if len(own) else np.nan
    title = f"Estimators for staggered adoption, {table_name(rows['table'].iloc[0])} column {rows['column'].iloc[0]}"
    with style.applied(name):
        figure = style.new_figure(1.75 + LINE * places(lines)[0][-1])
        subtitle = (
            "estimates with analytic 95 % intervals; at the right p by RI on the coefficient, \N{EN DASH} where there is none"
        )
        top = style.head(figure, title, subtitle, synthetic)
        bottom = style.foot(figure, _foot(rows))
        height = figure.get_figheight()
        axes = figure.add_axes((0.47, bottom + 0.42 / height, 0.43, top - bottom - 0.5 / height))
        draw_forest(axes, lines, dotted, group_at=-1.07)
        axes.set_xlabel(points["unit"].iloc[0])
        return write_figure(figure, folder, name, points, title, words(points, rows), synthetic)


def _line(row: dict[str, object], rows: pd.DataFrame) -> ForestLine:
    return ForestLine(
        _short(_name(row, rows)), float(row["estimate"]), float(row["conf_low"]), float(row["conf_high"]), float(row["p_ri"]),
        _group(str(row["sample"]), rows), str(row["estimator"]).startswith("twfe"),
    )  # fmt: skip


def _name(row: dict[str, object], rows: pd.DataFrame) -> str:
    """The estimator, with what it averages where another row of its sample has the same name, and its covariate."""
    alike = ((rows["label"] == row["label"]) & (rows["sample"] == row["sample"])).sum()
    name = str(row["label"]) if alike == 1 else f"{row['label']}: {row['aggregation']}"
    own = row["controls"] not in ("", "none") and row["estimator"] != "twfe_controls"
    return f"{name}, given {row['controls']}" if own else name


def _short(label: str) -> str:
    for long, short in (("Callaway and Sant'Anna", "CS"), ("mean over cells by their cities", "simple")):
        label = label.replace(long, short)
    return label


def _group(sample: str, rows: pd.DataFrame) -> str:
    of = rows[rows["sample"] == sample]
    n, treated = int(of["n_obs"].max()), int(of["n_treated_units"].max())
    short = sample.replace("cities seen in every year ", "")
    return f"{short} (N {count(n)}, {count(treated)} treated cities)"


def _foot(rows: pd.DataFrame) -> str:
    text = "Diamonds: two-way regressions. Dotted: the column itself. CS: Callaway and Sant'Anna. No controls but where named."
    unknown = int(rows["estimate"].isna().sum())
    return text + (f" Not estimable: {count(unknown)}." if unknown else "")


def words(points: pd.DataFrame, rows: pd.DataFrame) -> str:
    """The figure in words, generated from its numbers."""
    parts = []
    for sample, part in points.groupby("sample", sort=False):
        other = part[~part["estimator"].str.startswith("twfe")]
        regression = part[part["estimator"] == "twfe"]
        said = f"On {sample}" if str(sample).startswith("all") else f"On the window {sample}"
        if len(regression):
            said += f" the two-way regression without controls gives {signed(regression['estimate'].iloc[0])}"
        if len(other):
            said += f"; {_span(other, rows)}"
        parts.append(f"{said}.")
    return " ".join(parts)


def _span(other: pd.DataFrame, rows: pd.DataFrame) -> str:
    """The lowest and the highest estimate with their names, and the range of p; of a single estimator both are its own."""
    low, high = other.loc[other["estimate"].idxmin()], other.loc[other["estimate"].idxmax()]
    if len(other) == 1:
        said = f"another estimator gives {signed(low['estimate'])} ({_name(low, rows)})"
    else:
        said = (
            f"{count(len(other))} other estimators run from {signed(low['estimate'])} ({_name(low, rows)}) to "
            f"{signed(high['estimate'])} ({_name(high, rows)})"
        )
    tested = other["p_ri"].dropna()
    if not len(tested):
        return said
    first, last = p_text(tested.min()), p_text(tested.max())
    return f"{said}, p by randomisation inference " + (first if first == last else f"from {first} to {last}")
