"""The specification curve as a figure: sorted estimates above, below them which choices stand at which rank."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from citycarbon.econometrics.curve_choices import READINGS
from citycarbon.econometrics.curve_inference import LEVEL
from citycarbon.figures import style
from citycarbon.figures.write import write_figure
from citycarbon.report.formats import count, fixed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

TITLE = "Specification curve"
BINS = 120  # ranks are gathered into so many steps in the lower part
_NAMES = {
    "p_ri_t": "p by RI",
    "effects": "effects", "controls": "controls", "year_rule": "year rule", "subcity_rule": "part of a city",
    "series": "CO2 series", "scale": "scale", "rows": "rows", "sample": "cities", "winsorise": "winsorised at",
}  # fmt: skip
_LEVELS = {
    "city": "city + year", "province": "province + year", "chen_county": "county sums", "ceads_city": "CEADS",
    "edgar_city": "EDGAR", "ln": "ln", "ln_per_head": "ln per head", "level": "level / mean", "per_head": "per head / mean",
    "study": "same for all", "own": "as many as can be", "0.0": "not",
}  # fmt: skip


def draw_curve(curve: pd.DataFrame, summary: pd.DataFrame, folder: Path, name: str, synthetic: bool) -> list[Path]:
    """Write ``name``.{svg,png,csv,txt} into ``folder`` and return the paths; none where nothing is estimable.

    ``curve`` and ``summary``: as of ``econometrics.spec_curve``.
    """
    estimable = curve[curve["relative"].notna()]
    known = estimable[estimable["same_as"].isna()].sort_values(["relative", "spec"], kind="stable", ignore_index=True)
    if known.empty:
        return []
    strips = _strips(known, estimable)
    points = known[["rank", "spec", *READINGS, "relative", "relative_low", "relative_high", "p_ri_t", "band_low", "band_high"]]
    with style.applied(name):
        figure = style.new_figure(3.9 + 0.155 * len(strips))
        subtitle = f"{count(len(known))} different regressions in order; levels are divided by the mean of the outcome"
        top = style.head(figure, TITLE, subtitle, synthetic)
        bottom = style.foot(figure, _foot(known, summary) + _cut(known))
        height = figure.get_figheight()
        lower = 0.155 * len(strips) / height
        axes = figure.add_axes((0.245, bottom + lower + 0.065, 0.735, top - bottom - lower - 0.105))
        _upper(axes, known)
        below = figure.add_axes((0.245, bottom + 0.05, 0.735, lower), sharex=axes)
        _lower(below, strips, len(known))
        return write_figure(figure, folder, name, points, TITLE, words(known, summary), synthetic)


def _upper(axes: Axes, known: pd.DataFrame) -> None:
    rank = np.arange(1, len(known) + 1)
    # Thousands of lines: drawn as pixels inside the svg, so that a page stays small.
    axes.fill_between(rank, known["band_low"], known["band_high"], color=style.FAINT, linewidth=0, rasterized=True,
                      label="middle 95 % by chance (dashed)")  # fmt: skip
    axes.vlines(rank, known["relative_low"], known["relative_high"], color="#c9d6df", linewidth=0.4, rasterized=True)
    for end in ("band_low", "band_high"):  # where the intervals hide the band
        axes.plot(rank, known[end], "--", color=style.INK, linewidth=0.7, rasterized=True)
    # One colour: of so many points the later ones would hide the earlier; which are significant is the first strip below.
    axes.plot(rank, known["relative"], "o", color=style.MAIN, markersize=2.0, markeredgewidth=0, rasterized=True)
    axes.plot([], [], "-", color=style.MAIN, linewidth=2, label="estimate, with its clustered 95 % interval")
    own = np.flatnonzero(known["is_headline"].fillna(False).to_numpy(dtype=bool))
    if len(own):
        axes.plot(rank[own], known["relative"].to_numpy()[own], "D", markerfacecolor="white", markeredgecolor=style.INK,
                  markersize=6, label="the study's own column", zorder=5)  # fmt: skip
    axes.axhline(0, color=style.INK, linewidth=0.8)
    axes.set_ylim(*_limits(known))
    axes.set_xlim(0, len(known) + 1)
    axes.tick_params(labelbottom=False, bottom=False)
    axes.set_ylabel("estimate, log points")
    style.quiet_grid(axes)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2, borderaxespad=0.1, handletextpad=0.4, columnspacing=1.2)


def _limits(known: pd.DataFrame) -> tuple[float, float]:
    """The ends of the upper panel: all intervals, and of the band as much as falls between."""
    low, high = known["relative_low"].min(), known["relative_high"].max()
    return 1.05 * min(low, 0.0), max(1.05 * high, -0.35 * low)


def _cut(known: pd.DataFrame) -> str:
    """What of the band lies outside the upper panel, '' where nothing does."""
    low, high = _limits(known)
    ends = {"below": float(known["band_low"].min()), "above": float(known["band_high"].max())}
    beyond = {"below": ends["below"] < low, "above": ends["above"] > high}
    said = [f"{where} to {fixed(ends[where], 1)}" for where in ends if beyond[where]]
    return f" The band goes on {' and '.join(said)}." if said else ""


def _strips(known: pd.DataFrame, estimable: pd.DataFrame) -> list[tuple[str, str, np.ndarray]]:
    """Reading, choice and the share of the regressions of each step of ranks that this choice can lead to.

    ``known``: the regressions in order; ``estimable``: all specifications, of which several may be one regression.
    """
    stands = estimable["same_as"].fillna(estimable["spec"])
    steps = np.minimum(np.arange(len(known)) * BINS // len(known), BINS - 1)
    sizes = np.bincount(steps, minlength=BINS)

    def shares(chosen: np.ndarray) -> np.ndarray:
        counted = np.bincount(steps, weights=chosen.astype(float), minlength=BINS)
        return np.divide(counted, sizes, out=np.zeros(BINS), where=sizes > 0)

    out = [("p_ri_t", f"below {LEVEL:g}", shares((known["p_ri_t"] < LEVEL).to_numpy()))]
    for reading in READINGS:
        levels = list(dict.fromkeys(estimable.sort_values("spec")[reading]))
        if len(levels) < 2:
            continue
        for level in levels:
            made = set(stands[estimable[reading] == level].tolist())
            out.append((reading, level, shares(known["spec"].isin(made).to_numpy())))
    return out


def _lower(axes: Axes, strips: list[tuple[str, str, np.ndarray]], number: int) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    shades = LinearSegmentedColormap.from_list("shares", ["#ffffff", style.INK])
    for i, (_, _, shares) in enumerate(strips):
        axes.imshow(shares[None, :], cmap=shades, vmin=0, vmax=1, aspect="auto", extent=(0.5, number + 0.5, i + 0.42, i - 0.42))
    axes.set_ylim(len(strips) - 0.5, -0.5)
    axes.set_xlim(0, number + 1)
    axes.set_yticks(range(len(strips)), [_level(reading, level) for reading, level, _ in strips], fontsize=7)
    axes.tick_params(length=0, labelsize=7)
    axes.set_xlabel("rank; the darker, the more of the regressions there come from the choice", fontsize=8)
    before = None
    for i, (reading, _, _) in enumerate(strips):
        if reading != before:
            where = {"transform": axes.get_yaxis_transform(), "ha": "left", "va": "center"}
            axes.text(-0.325, i, _NAMES[reading], size=7, weight="bold", **where)
            if before is not None:
                axes.axhline(i - 0.5, color=style.SOFT, linewidth=0.5)
        before = reading
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)


def _level(reading: str, level: str) -> str:
    """A choice as the figure names it; of two joined series the first, and the second with its first year."""
    names = ("chen_county", "ceads_city", "edgar_city")
    first = next((n for n in names if level.startswith(f"{n}_")), None)
    if reading == "series" and first:
        second, year = level.removeprefix(f"{first}_").rsplit("_", 1)
        return f"{_LEVELS[first]}, {_LEVELS[second]} {year} on"
    if reading == "winsorise" and level not in _LEVELS:
        return f"{100 * float(level):g} %"
    return _LEVELS.get(level, level.replace("_", " "))


def _row(summary: pd.DataFrame, part: str, name: str) -> pd.Series | None:
    found = summary[(summary["part"] == part) & (summary["name"] == name)]
    return None if found.empty else found.iloc[0]


def _foot(known: pd.DataFrame, summary: pd.DataFrame) -> str:
    whole = _row(summary, "curve", "all")
    negative, by_ri = _percent(whole["share_negative"]), _percent(whole["share_negative_ri"])
    text = f"Negative: {negative}. Negative with RI p < {LEVEL:g}: {by_ri}."
    joint = _row(summary, "joint", "median_t")
    if joint is not None:
        text += f" Joint test (median t against {count(int(joint['draws']))} drawn curves): p = {fixed(joint['p_value'], 3)}."
    return text + " Pilots are selected: a benchmark, not identification."


def words(known: pd.DataFrame, summary: pd.DataFrame) -> str:
    """The figure in words, generated from its numbers."""
    low, middle, high = known["relative"].min(), known["relative"].median(), known["relative"].max()
    parts = [
        f"{count(len(known))} different regressions, their estimates in log points, sorted, from {fixed(low, 3)} to "
        f"{fixed(high, 3)}, median {fixed(middle, 3)}.",
        _foot(known, summary),
    ]
    own = _row(summary, "curve", "headline")
    if own is not None:
        parts.append(f"The study's own column, {fixed(own['observed'], 3)}, has {own['note']}.")
    choices = summary[(summary["part"] == "choice") & summary["moves"].notna()].sort_values("moves", ascending=False)
    if len(choices):
        listed = ", ".join(f"{_NAMES[r['name']]} {fixed(r['moves'], 3)}" for r in choices.head(3).to_dict("records"))
        parts.append(f"All else held, the choices that move the estimate most (median range in log points): {listed}.")
    return " ".join(parts)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if np.isfinite(share) else "unknown"
