"""``staggered.csv``: estimators for staggered adoption beside the two-way regression, on the same rows, each redrawn.

Points are ``staggered_points``, analytic errors ``staggered_analytic``; which sample each needs and what it leaves out is said
in its row. Randomisation inference redraws the cohorts by the law of the headline (``draws``), on the coefficient.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics import draws as law
from citycarbon.econometrics import staggered_analytic as analytic
from citycarbon.econometrics import staggered_points as points
from citycarbon.econometrics.columns import fit_column
from citycarbon.econometrics.doubly_robust import fit_doubly_robust
from citycarbon.econometrics.randomisation import Experiment, p_value, redraw
from citycarbon.econometrics.staggered_analytic import Analytic
from citycarbon.econometrics.staggered_grid import Grid, balanced, grid_of
from citycarbon.study.extensions import Staggered
from citycarbon.study.spec import Study

if TYPE_CHECKING:
    import pandas as pd

    from citycarbon.econometrics.sample import Sample

STAGGERED_COLUMNS: dict[str, type] = {
    "study": str, "table": str, "column": str, "estimator": str, "label": str, "aggregation": str, "sample": str,
    "controls": str, "n_obs": int, "n_units": int, "n_treated_units": int, "n_treated_cells": int, "estimate": float,
    "std_error": float, "std_error_kind": str, "conf_low": float, "conf_high": float, "p_value": float, "p_ri": float,
    "ri_draws": int, "ri_undefined": int, "seed": str, "twfe_same_sample": float, "unit": str, "note": str,
}  # fmt: skip
ALL, BALANCED = "all rows of the column", "balanced"
DIFFER = 1e-6  # share of a standard error by which formula and package may differ
_FAILS = (ValueError, ZeroDivisionError, np.linalg.LinAlgError, KeyError, IndexError, RuntimeError)


@dataclass(frozen=True)
class Estimator:
    """One row: what it is, what it averages, and its two computations (value with error once, value alone for every draw)."""

    id: str
    label: str
    aggregation: str
    point: Callable[[Grid], float]
    analytic: Callable[[Grid], Analytic]
    balanced: bool = False
    note: str = ""


def _cs(how: str, control: str = points.NEVER) -> Estimator:
    against = "never treated" if control == points.NEVER else "not yet treated"
    words = {
        "simple": "mean over cells by their cities",
        "group": "by cohort, then by size",
        "dynamic": "by event time, then alike",
        "calendar": "by year, then alike",
    }
    return Estimator(
        f"callaway_santanna_{how}" + ("" if control == points.NEVER else "_not_yet"),
        f"Callaway and Sant'Anna, {against}",
        words[how],
        partial(points.callaway_santanna, how=how, control=control),
        partial(analytic.callaway_santanna, how=how, control=control),
        note="a city counts in a cell if it is seen in the year and in that before adoption",
    )


ESTIMATORS = (
    _cs("simple"),
    _cs("group"),
    _cs("dynamic"),
    _cs("calendar"),
    _cs("simple", points.NOT_YET),
    Estimator("sun_abraham", "Sun and Abraham", "treated rows alike", points.sun_abraham, analytic.sun_abraham),
    Estimator("imputation", "Borusyak, Jaravel and Spiess", "treated rows alike", points.imputation, analytic.imputation),
    Estimator("two_stage", "Gardner, two stages", "treated rows alike", points.imputation, analytic.two_stage,
              note="the point is that of the imputation; only the error differs"),
    Estimator("stacked", "Stacked, never treated as comparison", "one coefficient", points.stacked, analytic.stacked),
    Estimator("synthetic", "Synthetic DID by cohort", "cohorts by treated rows", points.synthetic, analytic.synthetic, True),
)  # fmt: skip
ON_BALANCED = ("callaway_santanna_simple", "imputation", "synthetic")


def staggered(panel: pd.DataFrame, study: Study) -> pd.DataFrame:
    """All estimators for the column that ``extensions.staggered`` names: ``STAGGERED_COLUMNS``, no rows where it names none.

    ``panel``: the mart ``city_panel``, rows in any order. On all rows of the column: the regression with and without its
    controls and every estimator that needs no balance, without controls; on the balanced window those that need it and what is
    to be held beside them. 95 % intervals are normal, from ``std_error``. ``p_ri``: share of reassignments of the cohorts whose
    coefficient is as far from zero. What cannot be estimated keeps its row with the reason.
    """
    asked = study.extensions.staggered if study.extensions else None
    if asked is None:
        return _frame([])
    column = study.column(asked.column.table, asked.column.column)
    try:
        sample, fitted = fit_column(panel, study, column)
    except ValueError as why:
        return _frame([_row(study, asked, "twfe", "Two-way regression", "one coefficient", note=f"not estimable: {why}")])
    first = panel.groupby("city_id")[f"first_year_{study.policy_of(column)}"].first().dropna().astype(float).to_dict()
    rows = [_with_controls(study, asked, sample, fitted, first)]
    if not len(sample.rows):
        return _frame(rows)
    whole = grid_of(sample.rows, column.outcome, first)
    rows += _on(study, asked, whole, ALL, [e for e in ESTIMATORS if not e.balanced])
    rows += _doubly_robust(study, asked, panel, sample, first)
    window = balanced(whole)
    if window is None:
        reason = "not estimable: no window of years in which a treated and a comparison city are seen throughout"
        rows += [
            _row(study, asked, e.id, e.label, e.aggregation, sample=BALANCED, note=reason) for e in ESTIMATORS if e.balanced
        ]
        return _frame(rows)
    words = f"{BALANCED}: cities seen in every year {window.years[0]}-{window.years[-1]}"
    return _frame(rows + _on(study, asked, window, words, [e for e in ESTIMATORS if e.id in ON_BALANCED]))


def _on(study: Study, asked: Staggered, grid: Grid, sample: str, estimators: list[Estimator]) -> list[dict[str, Any]]:
    """The regression without controls and the estimators on one grid, with their draws in common."""
    two_way = Estimator("twfe", "Two-way regression", "one coefficient", points.two_way, analytic.two_way)
    chosen = [two_way, *estimators]
    drawn, seed = _redraws(study, asked, grid, chosen, sample)
    counts = {
        "n_obs": int(grid.seen.sum()), "n_units": len(grid.cities), "n_treated_units": int(grid.treated.any(axis=1).sum()),
        "n_treated_cells": int(grid.treated.sum()), "sample": sample, "controls": "none",
    }  # fmt: skip
    out, regression = [], np.nan
    for estimator in chosen:
        value, found, why = _estimate(estimator, grid)
        regression = value if estimator is two_way else regression
        inference = _inference(value, found, drawn.get(estimator.id), seed)
        note = "; ".join(n for n in (why, estimator.note) if n)
        row = _row(study, asked, estimator.id, estimator.label, estimator.aggregation, note=note, **counts, **inference)
        out.append({**row, "twfe_same_sample": regression})
    return out


def _estimate(estimator: Estimator, grid: Grid) -> tuple[float, Analytic, str]:
    """Value, what the package says, and why there is none. Raises ValueError where formula and package disagree: a bug."""
    nothing = Analytic(np.nan, np.nan, "")
    if not grid.cohorts:
        return np.nan, nothing, "not estimable: 0 treated cities in this sample"
    if not np.isinf(grid.first).any():
        return np.nan, nothing, "not estimable: every city is treated by the end, there is none to compare with"
    value = estimator.point(grid)
    if not np.isfinite(value):
        return np.nan, nothing, "not estimable: no treated row has a comparison"
    try:
        found = estimator.analytic(grid)
    except _FAILS as why:
        return value, nothing, f"no analytic error: {why}"
    scale = found.std_error if np.isfinite(found.std_error) and found.std_error > 0 else max(abs(value), 1e-12)
    if np.isfinite(found.value) and abs(found.value - value) > max(DIFFER * scale, 1e-8):
        return value, nothing, f"no analytic error: the package's point differs, {found.value:.6g}"
    return value, found, ""


def _inference(value: float, found: Analytic, drawn: np.ndarray | None, seed: int | None) -> dict[str, Any]:
    from scipy.stats import norm

    usable = bool(np.isfinite(value) and np.isfinite(found.std_error) and found.std_error > 0)
    half = norm.isf(0.025) * found.std_error if usable else np.nan
    out = {
        "estimate": value, "std_error": found.std_error if usable else np.nan, "std_error_kind": found.kind,
        "conf_low": value - half, "conf_high": value + half,
        "p_value": float(2 * norm.sf(abs(value / found.std_error))) if usable else np.nan,
    }  # fmt: skip
    if drawn is None:
        return out
    undefined = int((~np.isfinite(drawn)).sum())
    return out | {"p_ri": p_value(drawn, value), "ri_draws": len(drawn), "ri_undefined": undefined, "seed": str(seed)}


def _redraws(
    study: Study, asked: Staggered, grid: Grid, estimators: list[Estimator], sample: str
) -> tuple[dict[str, np.ndarray], int | None]:
    """Estimator -> its value in every reassignment of the cohorts among the cities of the grid; {} where none can be drawn."""
    treated = np.flatnonzero(grid.treated.any(axis=1))
    if study.placebo is None or not len(treated) or not np.isinf(grid.first).any():
        return {}, None
    first_year = {i: int(grid.first[i]) for i in treated.tolist()}
    last = {i: int(grid.years[np.flatnonzero(seen)[-1]]) for i, seen in enumerate(grid.seen)}
    scheme = law.cohorts(range(len(grid.cities)), first_year, "staggered", last_year=last)
    name = BALANCED if sample.startswith(BALANCED) else "all"
    seed = law.seed_of(study.placebo.seed, "staggered", name, "cohorts")
    out = {e.id: np.full(asked.draws, np.nan) for e in estimators}
    shared: dict[int, list[str]] = {}
    for e in estimators:  # two estimators with one point are computed once
        shared.setdefault(id(e.point), []).append(e.id)
    at = 0
    for cities, cohorts in law.blocks(scheme, seed, asked.draws):
        for j in range(cities.shape[1]):
            first = np.full(len(grid.cities), np.inf)
            first[cities[:, j]] = np.array(scheme.first_years)[cohorts[:, j]]
            drawn = grid.of(first)
            for e in estimators:
                if shared[id(e.point)][0] == e.id:
                    value = e.point(drawn)
                    for same in shared[id(e.point)]:
                        out[same][at] = value
            at += 1
    return out, seed


def _with_controls(study: Study, asked: Staggered, sample: Sample, fitted: Any, first: dict[Any, float]) -> dict[str, Any]:
    """The column itself, with its own error and, by the engine, the same number of draws."""
    column = study.column(asked.column.table, asked.column.column)
    found = fitted.estimates[0]
    treated = sample.rows[sample.rows[column.treatment] == 1]
    counts = {
        "n_obs": fitted.n_obs, "n_units": int(sample.rows["city_id"].nunique()), "sample": ALL,
        "n_treated_units": int(treated["city_id"].nunique()), "n_treated_cells": len(treated),
        "controls": ", ".join(column.terms[1:]) or "none",
    }  # fmt: skip
    drawn, seed = None, None
    if study.placebo is not None and np.isfinite(found.value) and column.estimator == "twfe":
        try:
            effects = tuple({"city": "city_id", "province": "province_id", "year": "year"}[e] for e in column.fixed_effects)
            experiment = Experiment.build(
                sample.rows, column.outcome, column.treatment, column.terms[1:], effects, first_year=first
            )
            seed = law.seed_of(study.placebo.seed, "staggered", "controls", "cohorts")
            drawn = redraw(experiment.design, experiment.scheme, seed, asked.draws).beta()
        except ValueError as why:
            counts["note"] = f"not redrawn: {why}"
    kind = fitted.vcov or "CRV1 by city"
    inference = _inference(found.value, Analytic(found.value, found.std_error, kind), drawn, seed)
    note = "; ".join(n for n in (found.note, counts.pop("note", "")) if n)
    row = _row(study, asked, "twfe_controls", "Two-way regression, the column itself", "one coefficient", note=note, **counts)
    return {**row, **inference, "twfe_same_sample": found.value}


def _doubly_robust(
    study: Study, asked: Staggered, panel: pd.DataFrame, sample: Sample, first: dict[Any, float]
) -> list[dict[str, Any]]:
    """The doubly robust variant with the one covariate that the study names; none where it names none."""
    if asked.covariate is None:
        return []
    column = study.column(asked.column.table, asked.column.column)
    label = "Callaway and Sant'Anna, doubly robust"
    rows = sample.rows
    if asked.covariate not in rows:
        rows = rows.merge(panel[["city_id", "year", asked.covariate]], on=["city_id", "year"], how="left").dropna()
    found = fit_doubly_robust(rows.reset_index(drop=True), column.outcome, column.treatment, [asked.covariate], first)
    best, used = found.fit.estimates[0], rows[found.used]
    treated = used[used[column.treatment] == 1]
    counts = {
        "n_obs": len(used), "n_units": int(used["city_id"].nunique()), "sample": ALL, "controls": asked.covariate,
        "n_treated_units": int(treated["city_id"].nunique()), "n_treated_cells": len(treated),
    }  # fmt: skip
    inference = _inference(best.value, Analytic(best.value, best.std_error, "influence functions by city"), None, None)
    note = "; ".join(n for n in (best.note.replace("no star: ", ""), "") if n)
    return [
        _row(study, asked, "callaway_santanna_dr", label, "mean over cells by their cities", note=note, **counts, **inference)
    ]


def _row(study: Study, asked: Staggered, estimator: str, label: str, aggregation: str, **values: Any) -> dict[str, Any]:
    outcome = study.variable(study.column(asked.column.table, asked.column.column).outcome)
    return {
        "study": study.study,
        "table": asked.column.table,
        "column": asked.column.column,
        "estimator": estimator,
        "label": label,
        "aggregation": aggregation,
        "unit": "log points" if outcome.transform.startswith("ln") else outcome.unit,
        **values,
    }


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    kinds = {str: "object", float: "float64", int: "Int64"}
    texts = {name: "" for name, kind in STAGGERED_COLUMNS.items() if kind is str}
    frame = pd.DataFrame([texts | row for row in rows], columns=list(STAGGERED_COLUMNS))
    return frame.astype({name: kinds[kind] for name, kind in STAGGERED_COLUMNS.items()})
