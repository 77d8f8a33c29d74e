"""Which staggered estimators there are: of each its two computations (value with error once, value alone for every draw), what
it averages, and which treated rows enter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from citycarbon.econometrics import staggered_analytic as analytic
from citycarbon.econometrics import staggered_cells as cells
from citycarbon.econometrics import staggered_points as points
from citycarbon.econometrics.staggered_analytic import Analytic
from citycarbon.econometrics.staggered_grid import Grid

Point = Callable[[Grid], float]
DIFFER = 1e-6  # share of a standard error by which formula and package may differ
ROUNDING = 1e-10  # share of the outcome's spread up to which an error is none
_FAILS = (ValueError, ZeroDivisionError, np.linalg.LinAlgError, KeyError, IndexError, RuntimeError)


NO_ERROR = Analytic(np.nan, np.nan, "")


@dataclass(frozen=True)
class Estimator:
    """One row. ``enters``: grid -> (C, T) treated rows that it averages; ``needs_never``: compares with the never treated;
    ``balanced``: needs a balanced grid."""

    id: str
    label: str
    aggregation: str
    point: Point
    analytic: Callable[[Grid], Analytic]
    enters: Callable[[Grid], np.ndarray]
    needs_never: bool = True
    balanced: bool = False
    note: str = ""


@dataclass(frozen=True)
class Found:
    """What an estimator gives on a grid; ``why`` where there is no value or no error."""

    estimator: Estimator
    value: float
    analytic: Analytic
    rows: np.ndarray
    why: str = ""


def _all_treated(grid: Grid) -> np.ndarray:
    return grid.treated


def _cs(how: str, control: str = cells.NEVER, rows: str = cells.PAIRS) -> Estimator:
    against = "never treated" if control == cells.NEVER else "not yet treated"
    words = {
        "simple": "mean over cells by their cities",
        "group": "by cohort, then by size",
        "dynamic": "by event time, then alike",
        "calendar": "by year, then alike",
    }
    pairs = rows == cells.PAIRS
    return Estimator(
        f"callaway_santanna_{how}" + ("" if control == cells.NEVER else "_not_yet") + ("" if pairs else "_sections"),
        f"Callaway and Sant'Anna, {against}" + ("" if pairs else ", unbalanced allowed"),
        words[how],
        partial(cells.callaway_santanna, how=how, control=control, rows=rows),
        partial(analytic.callaway_santanna, how=how, control=control, rows=rows),
        partial(cells.treated_rows, control=control, rows=rows),
        needs_never=control == cells.NEVER,
        note="a city counts in a cell if it is seen in the year and in that before adoption"
        if pairs
        else "means of each year over whoever is seen in it, which moves with who that is",
    )


TWO_WAY = Estimator(
    "twfe", "Two-way regression", "one coefficient", points.two_way, analytic.two_way, _all_treated, needs_never=False
)
ESTIMATORS = (
    _cs("simple"),
    _cs("group"),
    _cs("dynamic"),
    _cs("calendar"),
    _cs("simple", cells.NOT_YET),
    _cs("simple", rows=cells.SECTIONS),
    Estimator("sun_abraham", "Sun and Abraham", "treated rows alike", points.sun_abraham, analytic.sun_abraham,
              points.saturated_rows),
    Estimator("imputation", "Borusyak, Jaravel and Spiess", "treated rows alike", points.imputation, analytic.imputation,
              points.imputed_rows, needs_never=False),
    Estimator("two_stage", "Gardner, two stages", "treated rows alike", points.imputation, analytic.two_stage,
              points.imputed_rows, needs_never=False, note="the point is that of the imputation; only the error differs"),
    Estimator("stacked", "Stacked, never treated as comparison", "one coefficient", points.stacked, analytic.stacked,
              _all_treated),
    Estimator("synthetic", "Synthetic DID by cohort", "cohorts by treated rows", points.synthetic, analytic.synthetic,
              _all_treated, balanced=True),
)  # fmt: skip
ON_BALANCED = ("callaway_santanna_simple", "imputation", "synthetic")


def doubly_robust(covariate: str) -> Estimator:
    """Callaway and Sant'Anna given one covariate, which the grid holds as ``x``."""
    return Estimator(
        "callaway_santanna_dr", "Callaway and Sant'Anna, doubly robust", "mean over cells by their cities",
        cells.doubly_robust, partial(analytic.doubly_robust, covariate=covariate), cells.treated_rows,
    )  # fmt: skip


def estimate(estimator: Estimator, grid: Grid) -> Found:
    """Value, error, the treated rows that enter, and why there is none."""
    why = ""
    value = np.nan
    if not grid.cohorts:
        why = "0 treated cities in this sample"
    elif estimator.needs_never and not np.isinf(grid.first).any():
        why = "every city is treated by the end, there is none to compare with"
    else:
        try:
            value = estimator.point(grid)
        except np.linalg.LinAlgError as failed:
            why = str(failed)
    if np.isfinite(value):
        found, why = _with_error(estimator, grid, value)
        return Found(estimator, value, found, estimator.enters(grid), why)
    why = why or _said_by(estimator, grid) or "no treated row has a comparison"
    return Found(estimator, np.nan, NO_ERROR, np.zeros(grid.y.shape, dtype=bool), f"not estimable: {why}")


def _said_by(estimator: Estimator, grid: Grid) -> str:
    """Why the package has no value; '' where it does not say."""
    try:
        return estimator.analytic(grid).note
    except _FAILS:
        return ""


def _with_error(estimator: Estimator, grid: Grid, value: float) -> tuple[Analytic, str]:
    """The package's error and a note. A value that is not the package's keeps none, nor does an error that is rounding."""
    try:
        found = estimator.analytic(grid)
    except _FAILS as failed:
        return NO_ERROR, f"no analytic error: {next(iter(str(failed).splitlines()), type(failed).__name__)}"
    scale = found.std_error if np.isfinite(found.std_error) and found.std_error > 0 else max(abs(value), 1e-12)
    if np.isfinite(found.value) and abs(found.value - value) > max(DIFFER * scale, 1e-8):
        return NO_ERROR, f"no analytic error: the package's point differs, {found.value:.6g}"
    if not np.isfinite(found.std_error):
        return NO_ERROR, f"no analytic error: {found.note or 'the package gives none for this sample'}"
    if found.std_error <= ROUNDING * float(np.nanstd(grid.y)):
        return NO_ERROR, "no analytic error: it is zero but for rounding"
    return found, found.note
