"""Figure 2, the event study: coefficients with intervals by event time, the shortcut beside them, support and test below."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from citycarbon.figures import style
from citycarbon.figures.event_words import event_sentences, minus, outcome_words, pretrend_sentence
from citycarbon.figures.write import write_figure
from citycarbon.report.formats import count

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

# Label, marker, fill, line style, colour and shift along the axis of each variant that is drawn.
_DRAWN = {
    "binned": ("ends binned", "o", style.MAIN, "-", style.MAIN),
    "shortcut": ("shortcut: years beyond the ends in the base period", "s", "white", "--", style.SECOND),
}
_SHIFT = (-0.09, 0.13)  # headline, other
_COHORTS_SHOWN = 6
_ROW = 0.17  # inches a row of the support table
_POINTS = [
    "variant", "event_time", "label", "x", "estimate", "std_error", "conf_low", "conf_high", "p_value", "p_ri_t",
    "n_treated_units", "n_treated_cells", "event_time_min", "event_time_max", "cohorts", "is_bin", "is_base",
    "slope_power_50", "slope_power_80", "note",
]  # fmt: skip


def draw_figure2(event_frame: pd.DataFrame, folder: Path, synthetic: bool, name: str = "figure2") -> list[Path]:
    """Draw the event study of ``event_frame`` (what ``event_study`` returns) and return the paths of the four files.

    Drawn are the headline variant and the other end rule as a second line, dodged; the support under the axis is that of the
    headline. An event time that is not estimable keeps its place and says so.
    """
    drawn = event_frame[event_frame["variant"].isin(list(_DRAWN))].sort_values(
        ["is_headline", "event_time"], ascending=[False, True], kind="stable"
    )
    headline = drawn[drawn["is_headline"].astype(bool)]
    sentences = event_sentences(event_frame)
    title = "Event study" + (f": {outcome_words(headline.iloc[0])} around adoption" if len(headline) else "")
    points = _points(drawn)
    with style.applied(name):
        table = _support_rows(headline)
        figure = style.new_figure(4.95 + _ROW * len(table))
        top = style.head(figure, title, _subtitle(headline), synthetic)
        bottom = style.foot(figure, pretrend_sentence(headline) if len(headline) else sentences[0])
        height = figure.get_figheight()
        floor = bottom + (0.12 + _ROW * len(table) + 0.42) / height
        axes = figure.add_axes((0.17, floor, 0.81, top - floor - 0.50 / height))
        if len(headline):
            _draw(axes, points, headline)
            _write_support(axes, table, headline)
        else:
            axes.set_axis_off()
        return write_figure(figure, folder, name, points[_POINTS], title, " ".join(sentences), synthetic)


def _subtitle(headline: pd.DataFrame) -> str:
    if headline.empty:
        return ""
    row = headline.iloc[0]
    n = len(row["controls"].split(", ")) if row["controls"] else 0
    effects = " and ".join(part.partition(" (")[0] for part in row["fixed_effects"].split(" + "))
    return (
        f"{effects} effects, {n or 'no'} controls; 95 % intervals, t({row['df']}), errors clustered by city; "
        f"{count(row['n_obs'])} city-years, {count(row['n_units'])} cities"
    )


def _points(drawn: pd.DataFrame) -> pd.DataFrame:
    """The rows that are plotted with their place along the axis."""
    shift = np.where(drawn["is_headline"].astype(bool), *_SHIFT) if len(drawn) else []
    return drawn.assign(x=drawn["event_time"].astype(float) + shift)


def _draw(axes: Axes, points: pd.DataFrame, headline: pd.DataFrame) -> None:
    axes.axhline(0, color=style.INK, linewidth=0.8)
    axes.axvline(-0.5, color=style.SOFT, linewidth=0.8, linestyle=(0, (1, 2)))
    for end in headline.loc[headline["is_bin"].astype(bool), "event_time"]:
        axes.axvspan(end - 0.5, end + 0.5, facecolor="#ececec", edgecolor="none", zorder=0)
        axes.text(end, 0.985, "bin", transform=axes.get_xaxis_transform(), ha="center", va="top", size=8.5, color=style.SOFT)
    for order, (variant, rows) in enumerate(points.groupby("variant", sort=False)):
        label, marker, fill, line, colour = _DRAWN[str(variant)]
        x, y = rows["x"].to_numpy(dtype=float), rows["estimate"].to_numpy(dtype=float)
        low, high = rows["conf_low"].to_numpy(dtype=float), rows["conf_high"].to_numpy(dtype=float)
        axes.vlines(x, low, high, color=colour, linewidth=1.8 if order == 0 else 1.2, linestyle=line)
        axes.plot(x, y, linestyle=line, color=colour, linewidth=0.8, alpha=0.55)
        axes.plot(x, y, marker, color=colour, markerfacecolor=fill, markersize=6.5 - order, label=label)
    _draw_trends(axes, headline)
    base = headline[headline["is_base"].astype(bool)]
    for x in base["event_time"]:
        axes.annotate("base", (x, 0), (0, 9), textcoords="offset points", ha="center", size=8.5, color=style.SOFT)
    for x in headline.loc[headline["estimate"].isna(), "event_time"]:
        axes.text(x, 0, "not\nestimable", ha="center", va="bottom", size=7.5, color=style.SOFT)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.1 * (high - low))  # room for the word "bin"
    times = headline["event_time"].astype(int).tolist()
    axes.set_xlim(min(times) - 0.5, max(times) + 0.5)
    axes.set_xticks(times, [_tick(r) for r in headline.to_dict("records")])
    axes.set_ylabel(f"difference from {minus(base['label'].iloc[0])}, {'log points' if _is_log(headline) else 'units'}")
    style.quiet_grid(axes)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=2, borderaxespad=0.2, numpoints=1)


def _draw_trends(axes: Axes, headline: pd.DataFrame) -> None:
    """Linear violations that the single-year leads would find with 50 and 80 % power, through the base, towards the estimated
    effect. Not over a bin of several years: it stands for their mean, which the axis does not show."""
    one_year = (headline["event_time_min"] == headline["event_time_max"]).fillna(False).astype(bool)
    single = headline.loc[~headline["is_bin"].astype(bool) | one_year, "event_time"].astype(float)
    base = float(headline.loc[headline["is_base"].astype(bool), "event_time"].iloc[0])
    after = headline.loc[headline["event_time"] > base, "estimate"].astype(float)
    towards = -1.0 if after.mean() < 0 else 1.0
    x = np.array([single.min(), single.max()])
    for power, dashes in ((50, (0, (1, 1.2))), (80, (0, (4, 1.5)))):
        slope = _slope(headline, power)
        if np.isfinite(slope):
            label = f"trend found with {power} % power"
            axes.plot(x, towards * slope * (x - base), color=style.SOFT, linewidth=1.3, linestyle=dashes, label=label)


def _slope(headline: pd.DataFrame, power: int) -> float:
    name = f"slope_power_{power}"
    return float(headline[name].astype(float).iloc[0]) if len(headline) else np.nan


def _tick(row: dict[str, object]) -> str:
    """``t−3``; of a bin ``≤ t−4`` or ``≥ t+2``."""
    label = str(row["label"])
    for words, sign in ((" and before", "\N{LESS-THAN OR EQUAL TO} "), (" and after", "\N{GREATER-THAN OR EQUAL TO} ")):
        if label.endswith(words):
            return minus(sign + label.removesuffix(words))
    return minus(label)


def _is_log(headline: pd.DataFrame) -> bool:
    return str(headline["transform"].iloc[0]).startswith("ln")


def _support_rows(headline: pd.DataFrame) -> list[tuple[str, list[str]]]:
    """Name and one entry an event time of each row of the support table: by cohort where these are few, then the totals."""
    if headline.empty:
        return []
    counts = [dict(part.split(":") for part in text.split("; ") if part) for text in headline["cohorts"]]
    cohorts = sorted({g for c in counts for g in c})
    rows = [(f"first treated {g}", [c.get(g, "0") for c in counts]) for g in cohorts]
    rows = rows if len(cohorts) <= _COHORTS_SHOWN else []
    rows.append(("treated cities", [str(n) for n in headline["n_treated_units"]]))
    rows.append(("city-years", [str(n) for n in headline["n_treated_cells"]]))
    # The bars are clustered intervals, too narrow with few treated cities: the test that holds stands under each of them.
    if headline["p_ri_t"].notna().any():
        rows.append(("p by RI", [f"{p:.3f}" if p == p else "" for p in headline["p_ri_t"].astype(float)]))
    return rows


def _write_support(axes: Axes, table: list[tuple[str, list[str]]], headline: pd.DataFrame) -> None:
    """The support table under the axis, each entry under its event time."""
    from matplotlib.transforms import ScaledTranslation, blended_transform_factory

    figure = axes.figure
    left = figure.dpi_scale_trans
    for i, (label, entries) in enumerate(table):
        down = ScaledTranslation(0, -(0.42 + i * _ROW), left)
        under = blended_transform_factory(axes.transData, axes.transAxes) + down
        beside = axes.transAxes + ScaledTranslation(-0.08, -(0.42 + i * _ROW), left)
        weight = "bold" if label == "treated cities" else "normal"
        axes.text(0, 0, label, transform=beside, ha="right", va="baseline", size=8.5, weight=weight)
        for x, entry in zip(headline["event_time"], entries, strict=True):
            axes.text(x, 0, entry, transform=under, ha="center", va="baseline", size=8.5, weight=weight)
