"""Figure 3, the placebo: density of the draws' estimates, their p-values on a second axis, the estimate as a line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.figures import style
from citycarbon.figures.write import write_figure
from citycarbon.report.formats import count, table_name
from citycarbon.report.sentences import headline_row, plain, signed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_GRID = 1025  # points of the density's grid; every fourth is written and drawn
_LEVEL = 0.05  # of the dotted line on the second axis


def draw_placebo(
    placebo: pd.DataFrame,
    shown: pd.DataFrame,
    estimates: pd.DataFrame,
    folder: Path,
    synthetic: bool,
    *,
    table: str | None = None,
    column: str | None = None,
    scheme: str = "cohorts",
    name: str = "figure3",
) -> list[Path]:
    """Figure 3 of one column from the tables of results: ``placebo.csv``, ``draws/placebo.parquet`` and ``estimates.csv``.

    ``table`` and ``column``: default the headline row of ``estimates``. A column that was not redrawn gives a figure that says
    why. The draws' p-values are two-sided with the df of the column, t(G-1).
    """
    from scipy.stats import t as student

    main = _row(estimates, table, column)
    labels = {"table": main["table"], "column": main["column"], "scheme": scheme}
    rows, draws = (f[_same(f, labels)] for f in (placebo, shown))
    unknown = dict.fromkeys(("sd", "q025", "q975", "p_ri_beta", "p_ri_t"), np.nan)
    empty = labels | unknown | {"draws": 0, "undefined": 0, "seed": "none", "note": main["note"] or "no redraws were asked for"}
    summary = rows.iloc[0].to_dict() if len(rows) else empty
    draws = draws.sort_values("draw")
    p = 2 * student.sf(np.abs(draws["t"].to_numpy(dtype=float)), int(main["df"]))
    beta, estimate = draws["beta"].to_numpy(dtype=float), float(main["estimate"])
    return draw_figure3(beta, p, estimate, summary, folder, synthetic, name)


def _row(estimates: pd.DataFrame, table: str | None, column: str | None) -> dict[str, Any]:
    """The treatment's row of a column; raises KeyError where there is none."""
    if table is None or column is None:
        found = headline_row(estimates)
        if found is not None:
            return found
    here = estimates[estimates["term"].str.startswith("did")]
    if table is not None and column is not None:
        here = here[(here["table"] == table) & (here["column"] == column)]
    if here.empty:
        raise KeyError(f"no treatment row of {table} column {column} in the estimates")
    return here.iloc[0].to_dict()


def _same(frame: pd.DataFrame, labels: Mapping[str, Any]) -> pd.Series:
    return (frame["table"] == labels["table"]) & (frame["column"] == labels["column"]) & (frame["scheme"] == labels["scheme"])


def draw_figure3(
    beta: np.ndarray,
    p: np.ndarray,
    estimate: float,
    summary: Mapping[str, Any],
    folder: Path,
    synthetic: bool,
    name: str = "figure3",
) -> list[Path]:
    """Draw the placebo distribution and return the paths of the four files.

    ``beta`` (B,): estimates of the draws, NaN where a draw is undefined; the density is that of all of them. ``p`` (m,),
    m <= B: p-values of the clustered t tests of the first m draws, shown as points. ``estimate``: the actual one. ``summary``:
    the row of ``placebo.csv`` with at least ``draws``, ``undefined``, ``sd``, ``q025``, ``q975``, ``p_ri_beta``, ``p_ri_t``,
    ``seed``; ``table``, ``column`` and ``scheme`` are named where present. Raises ValueError where the arrays do not fit.
    """
    beta, p = np.asarray(beta, dtype=float), np.asarray(p, dtype=float)
    if beta.ndim != 1 or p.ndim != 1 or len(p) > len(beta):
        raise ValueError(f"figure 3: {p.shape} p-values for {beta.shape} draws")
    grid, height = density(beta)
    title = "Placebo: treatment reassigned at random" + _of(summary)
    words = placebo_words(beta, p, estimate, summary)
    with style.applied(name):
        figure = style.new_figure(5.0)
        top = style.head(figure, title, _subtitle(beta, p, summary), synthetic)
        bottom = style.foot(figure, p_sentence(summary, estimate))
        axes = figure.add_axes((0.10, bottom + 0.115, 0.80, top - bottom - 0.235))
        _draw(axes, grid, height, beta[: len(p)], p, estimate, summary)
        return write_figure(figure, folder, name, _points(grid, height, beta, p, estimate), title, words, synthetic)


def density(beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian kernel density of the finite values: grid and height. Empty where there are fewer than two different values.

    Bandwidth by Scott's rule, sd n^(-1/5). Values are spread linearly on the grid first, so that cost does not grow with n
    times the grid; the grid is far finer than the bandwidth.
    """
    values = beta[np.isfinite(beta)]
    if len(values) < 2 or np.ptp(values) == 0:
        return np.zeros(0), np.zeros(0)
    width = float(values.std(ddof=1)) * len(values) ** -0.2
    grid = np.linspace(values.min() - 3 * width, values.max() + 3 * width, _GRID)
    step = grid[1] - grid[0]
    place = (values - grid[0]) / step
    left = np.minimum(place.astype(int), _GRID - 2)
    share = place - left
    mass = np.bincount(left, 1 - share, _GRID) + np.bincount(left + 1, share, _GRID)
    reach = int(np.ceil(5 * width / step))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * step / width) ** 2) / (width * np.sqrt(2 * np.pi))
    height = np.convolve(mass, kernel)[reach : reach + _GRID] / len(values)
    return grid[::4], height[::4]


def p_sentence(summary: Mapping[str, Any], estimate: float) -> str:
    """The exact p-values and the spread of the draws, and what they can and cannot say."""
    defined = int(summary["draws"]) - int(summary["undefined"])
    if not np.isfinite(estimate) or not np.isfinite(summary["p_ri_beta"]):
        note = summary.get("note")  # a missing text of a frame is no text
        return f"Not estimable: {note if isinstance(note, str) and note else 'no estimate to compare with the draws'}."
    reached = float(summary["p_ri_beta"]) * (defined + 1)  # a whole number unless a draw has a coefficient and no t
    whole = abs(reached - round(reached)) < 1e-6
    ratio = f"(1 + {count(round(reached) - 1)}) / ({count(defined)} + 1) = " if whole else ""
    undefined = f" ({count(summary['undefined'])} undefined)" if summary["undefined"] else ""
    return (
        f"p = {ratio}{p_text(summary['p_ri_beta'])} by the coefficient, "
        f"{p_text(summary['p_ri_t'])} by the t statistic{undefined}. Standard deviation of the draws {plain(summary['sd'])}, "
        f"95 % of them from {signed(summary['q025'])} to {signed(summary['q975'])}. Exact under as-if-random assignment and "
        "no effect anywhere; pilots are selected, so it is a benchmark and not identification."
    )


def p_text(value: float) -> str:
    """A p-value with two significant digits (three decimals from 0.1 on), without an exponent, never rounded to zero."""
    if value >= 0.1:
        return f"{value:.3f}"
    return f"{value:.{1 - int(np.floor(np.log10(value)))}f}".rstrip("0")


def placebo_words(beta: np.ndarray, p: np.ndarray, estimate: float, summary: Mapping[str, Any]) -> str:
    """The figure in words."""
    values, shown = beta[np.isfinite(beta)], p[np.isfinite(p)]
    which = _which(beta, summary)
    parts = [f"Density of the coefficients of {which} with reassigned treatment{_of(summary)}{_scheme(summary)}."]
    if len(values):
        parts.append(f"They run from {signed(values.min())} to {signed(values.max())}, mean {signed(values.mean())}.")
    if len(shown):
        below = int((shown <= _LEVEL).sum())
        parts.append(
            f"Points: p-values of the clustered t tests of the first {count(len(p))} draws; {count(below)} of "
            f"{count(len(shown))} are at or below {_LEVEL}."
        )
    if np.isfinite(summary.get("size_t_5pct", np.nan)):
        parts.append(f"The clustered t test at a nominal 5 % rejects in {100 * summary['size_t_5pct']:.1f} % of all draws.")
    if np.isfinite(estimate):
        parts.append(f"The line stands at the estimate, {signed(estimate)}.")
    return " ".join([*parts, p_sentence(summary, estimate)])


def _draw(
    axes: Axes,
    grid: np.ndarray,
    height: np.ndarray,
    beta: np.ndarray,
    p: np.ndarray,
    estimate: float,
    summary: Mapping[str, Any],
) -> None:
    second = axes.twinx()
    axes.set_zorder(second.get_zorder() + 1)  # the line of the estimate above the points
    axes.patch.set_visible(False)
    shown = np.isfinite(beta) & np.isfinite(p)
    second.plot(
        beta[shown], p[shown], "o", color=style.SECOND, markersize=3, markerfacecolor="none", markeredgewidth=0.5,
        label="p-value of a draw (right axis)",
    )  # fmt: skip
    second.axhline(_LEVEL, color=style.SECOND, linewidth=0.9, linestyle=":")
    second.text(
        0.995,
        _LEVEL,
        f"p = {_LEVEL}",
        transform=second.get_yaxis_transform(),
        ha="right",
        va="bottom",
        size=8,
        color=style.SECOND,
    )
    second.set_ylim(-0.02, 1.02)
    second.set_ylabel("p-value of the draw's clustered t test")
    second.spines["right"].set_visible(True)
    if len(grid):
        axes.plot(grid, height, color=style.MAIN, linewidth=2.0, label="density of the draws (left axis)")
    for key in ("q025", "q975"):
        if np.isfinite(summary[key]):
            label = "95 % of the draws" if key == "q025" else None
            axes.axvline(summary[key], color=style.SOFT, linewidth=1.1, linestyle="--", label=label)
    if np.isfinite(estimate):
        axes.axvline(estimate, color=style.INK, linewidth=2.2, linestyle="-.", label=f"estimate {signed(estimate)}")
    axes.set_ylim(0, (height.max() if len(height) else 1) * 1.08)
    axes.set_xlabel("coefficient of did")
    axes.set_ylabel("density")
    axes.spines["top"].set_visible(False)
    handles = [*axes.get_legend_handles_labels()[0], *second.get_legend_handles_labels()[0]]
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2, borderaxespad=0.2)


def _points(grid: np.ndarray, height: np.ndarray, beta: np.ndarray, p: np.ndarray, estimate: float) -> pd.DataFrame:
    """What is plotted: ``kind`` density (coefficient, density), draw (number, coefficient, p) or estimate."""
    import pandas as pd

    parts = [
        pd.DataFrame({"kind": "density", "draw": pd.NA, "coefficient": grid, "density": height, "p_value": np.nan}),
        pd.DataFrame(
            {"kind": "draw", "draw": np.arange(1, len(p) + 1), "coefficient": beta[: len(p)], "density": np.nan, "p_value": p}
        ),
        pd.DataFrame({"kind": ["estimate"], "draw": pd.NA, "coefficient": estimate, "density": np.nan, "p_value": np.nan}),
    ]
    return pd.concat([part.astype({"draw": "Int64"}) for part in parts], ignore_index=True)


def _of(summary: Mapping[str, Any]) -> str:
    if not summary.get("table"):
        return ""
    return f", {table_name(str(summary['table']))} column {summary.get('column', '')}".rstrip()


def _scheme(summary: Mapping[str, Any]) -> str:
    return f" (scheme {summary['scheme']}, seed {summary['seed']})" if summary.get("scheme") else f" (seed {summary['seed']})"


def _subtitle(beta: np.ndarray, p: np.ndarray, summary: Mapping[str, Any]) -> str:
    points = f"; points: the first {count(len(p))}" if len(p) and len(p) < len(beta) else ""
    return f"density of {_which(beta, summary)}{points}{_scheme(summary)}"


def _which(beta: np.ndarray, summary: Mapping[str, Any]) -> str:
    """``the first 500 of 99,999 draws``, or ``400 draws`` where all are given."""
    given, made = len(beta), int(summary["draws"])
    return f"the first {count(given)} of {count(made)} draws" if given < made else f"{count(given)} draws"
