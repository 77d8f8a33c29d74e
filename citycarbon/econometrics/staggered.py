"""``staggered.csv``: estimators for staggered adoption beside the two-way regression, on the same rows, each redrawn.

Which there are: ``staggered_estimators``; points: ``staggered_points`` and ``staggered_cells``; analytic errors:
``staggered_analytic``; redraws: ``staggered_redraws``. What a row needs of its sample and what it leaves out is said in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics.columns import fit_column
from citycarbon.econometrics.randomisation import p_value
from citycarbon.econometrics.sample import EFFECT_COLUMNS
from citycarbon.econometrics.staggered_analytic import Analytic
from citycarbon.econometrics.staggered_estimators import (
    ESTIMATORS,
    ON_BALANCED,
    TWO_WAY,
    Estimator,
    Found,
    doubly_robust,
    estimate,
)
from citycarbon.econometrics.staggered_grid import Grid, balanced, grid_of, no_window
from citycarbon.econometrics.staggered_redraws import Redraws, redraw_column, redraw_points
from citycarbon.econometrics.twfe import Fit, fit
from citycarbon.study.extensions import Staggered
from citycarbon.study.spec import Column, Study

if TYPE_CHECKING:
    import pandas as pd

STAGGERED_COLUMNS: dict[str, type] = {
    "study": str, "table": str, "column": str, "estimator": str, "label": str, "aggregation": str, "sample": str,
    "controls": str, "n_obs": int, "n_units": int, "n_treated_units": int, "n_treated_cells": int, "estimate": float,
    "std_error": float, "std_error_kind": str, "conf_low": float, "conf_high": float, "p_value": float, "p_ri": float,
    "ri_draws": int, "ri_undefined": int, "seed": str, "twfe_same_sample": float, "unit": str, "note": str,
}  # fmt: skip
ALL, BALANCED = "all rows of the column", "balanced"
COLUMN = replace(TWO_WAY, id="twfe_controls", label="Two-way regression, the column's controls")


def staggered(panel: pd.DataFrame, study: Study, *, workers: int = 1) -> pd.DataFrame:
    """All estimators for the column that ``extensions.staggered`` names: ``STAGGERED_COLUMNS``, no rows where it names none.

    ``panel``: the mart ``city_panel``, rows in any order. On all rows of the column: the regression with and without its
    controls and every estimator that needs no balance, without controls; the doubly robust one with its covariate. On the
    balanced window: the regressions again, the estimators that need it, and what is to be held beside them. ``n_obs`` and
    ``n_units``: the sample; ``n_treated_units`` and ``n_treated_cells``: treated cities and rows that enter the estimate.
    95 % intervals from ``std_error``: t(G - 1) for clustered regressions, normal otherwise. ``p_ri``: share of reassignments
    of the cohorts whose coefficient is as far from zero. What cannot be estimated keeps its row with the reason. The result
    does not depend on ``workers`` (processes over draws).
    """
    asked = study.extensions.staggered if study.extensions else None
    if asked is None:
        return _frame([])
    at = _Place(study, asked, study.column(asked.column.table, asked.column.column), workers)
    try:
        sample, fitted = fit_column(panel, study, at.column)
    except ValueError as why:
        return _frame(_lost(at, ALL, (COLUMN, TWO_WAY, *ESTIMATORS), str(why)))
    first = panel.groupby("city_id")[f"first_year_{study.policy_of(at.column)}"].first().dropna().astype(float).to_dict()
    rows = [_column_itself(at, sample.rows, fitted, ALL, first)]
    if not len(sample.rows):
        return _frame(rows + _lost(at, ALL, (TWO_WAY, *ESTIMATORS), "no row in the sample"))
    whole = grid_of(sample.rows, at.column.outcome, first)
    rows += _on(at, whole, ALL, [e for e in ESTIMATORS if not e.balanced])
    rows += _given_a_covariate(at, panel, sample.rows, first)
    window = balanced(whole)
    if window is None:
        return _frame(rows + _lost(at, BALANCED, [e for e in ESTIMATORS if e.balanced], no_window(whole)))
    words = f"{BALANCED}: cities seen in every year {window.years[0]}-{window.years[-1]}"
    inside = sample.rows["city_id"].isin(window.cities) & sample.rows["year"].between(window.years[0], window.years[-1])
    kept = sample.rows[inside].reset_index(drop=True)
    effects = {name: EFFECT_COLUMNS[name] for name in at.column.fixed_effects}
    refitted = fit(kept, at.column.outcome, at.column.terms, effects, EFFECT_COLUMNS[study.cluster], sample.weights)
    rows.append(_column_itself(at, kept, refitted, words, first))
    return _frame(rows + _on(at, window, words, [e for e in ESTIMATORS if e.id in ON_BALANCED]))


@dataclass(frozen=True)
class _Place:
    """The column that is looked at, and what is asked of it."""

    study: Study
    asked: Staggered
    column: Column
    workers: int


def _on(at: _Place, grid: Grid, sample: str, estimators: list[Estimator]) -> list[dict[str, Any]]:
    """The regression without controls and the estimators on one grid, with their draws in common."""
    found = [estimate(e, grid) for e in (TWO_WAY, *estimators)]
    drawn = _redraw(at, grid, [f.estimator for f in found if np.isfinite(f.value)], sample)
    return [_found_row(at, grid, sample, f, drawn, found[0].value) for f in found]


def _redraw(at: _Place, grid: Grid, estimators: list[Estimator], sample: str) -> Redraws:
    return redraw_points(at.study, grid, estimators, at.asked.draws, _pool(sample), workers=at.workers)


def _pool(sample: str) -> str:
    """The name of a sample in seeds."""
    return BALANCED if sample.startswith(BALANCED) else "all"


def _found_row(
    at: _Place, grid: Grid, sample: str, found: Found, drawn: Redraws, regression: float, controls: str = "none"
) -> dict[str, Any]:
    treated, entering = int(grid.treated.sum()), int(found.rows.sum())
    counts = {
        "n_obs": int(grid.seen.sum()), "n_units": len(grid.cities), "n_treated_units": int(found.rows.any(axis=1).sum()),
        "n_treated_cells": entering, "sample": sample, "controls": controls,
    }  # fmt: skip
    some = f"{entering} of {treated} treated rows enter" if np.isfinite(found.value) and entering < treated else ""
    note = "; ".join(n for n in (found.why, some, found.estimator.note) if n)
    inference = _inference(found.value, found.analytic, drawn.values.get(found.estimator.id), drawn.seed)
    return _row(at, found.estimator, note=note, **counts, **inference) | {"twfe_same_sample": regression}


def _inference(value: float, found: Analytic, drawn: np.ndarray | None, seed: int | None) -> dict[str, Any]:
    from scipy.stats import norm, t

    law = norm if found.df is None else t(found.df)
    usable = bool(np.isfinite(value) and np.isfinite(found.std_error) and found.std_error > 0)
    half = law.isf(0.025) * found.std_error if usable else np.nan
    out = {
        "estimate": value, "std_error": found.std_error if usable else np.nan, "std_error_kind": found.kind,
        "conf_low": value - half, "conf_high": value + half,
        "p_value": float(2 * law.sf(abs(value / found.std_error))) if usable else np.nan,
    }  # fmt: skip
    if drawn is None or not np.isfinite(value):
        return out
    undefined = int((~np.isfinite(drawn)).sum())
    return out | {"p_ri": p_value(drawn, value), "ri_draws": len(drawn), "ri_undefined": undefined, "seed": str(seed)}


def _column_itself(at: _Place, rows: pd.DataFrame, fitted: Fit, sample: str, first: dict[Any, float]) -> dict[str, Any]:
    """The column with its controls on these rows, its own error and, by the engine, the same number of draws."""
    column, found = at.column, fitted.estimates[0]
    treated = rows[rows[column.treatment] == 1]
    drawn, seed, why = None, None, ""
    if np.isfinite(found.value):
        drawn, seed, why = redraw_column(at.study, column, rows, first, at.asked.draws, _pool(sample))
    own = Analytic(found.value, found.std_error, fitted.vcov or "CRV1 by city", fitted.df)
    row = _row(
        at, COLUMN, n_obs=fitted.n_obs, n_units=int(rows["city_id"].nunique()), sample=sample,
        n_treated_units=int(treated["city_id"].nunique()), n_treated_cells=len(treated),
        controls=", ".join(column.terms[1:]) or "none", note="; ".join(n for n in (found.note, why) if n),
    )  # fmt: skip
    return row | _inference(found.value, own, drawn, seed) | {"twfe_same_sample": found.value}


def _given_a_covariate(at: _Place, panel: pd.DataFrame, rows: pd.DataFrame, first: dict[Any, float]) -> list[dict[str, Any]]:
    """The doubly robust variant with the one covariate that the study names; none where it names none."""
    name = at.asked.covariate
    if name is None:
        return []
    estimator = doubly_robust(name)
    if name not in rows:
        rows = rows.merge(panel[["city_id", "year", name]], on=["city_id", "year"], how="left")
    rows = rows[np.isfinite(rows[name].to_numpy(dtype=float))]
    if not len(rows):
        return [_row(at, estimator, sample=ALL, controls=name, note=f"not estimable: no row of the sample has {name}")]
    grid = grid_of(rows, at.column.outcome, first, covariate=name)
    found, regression = estimate(estimator, grid), estimate(TWO_WAY, grid).value
    drawn = _redraw(at, grid, [estimator] if np.isfinite(found.value) else [], ALL)
    return [_found_row(at, grid, ALL, found, drawn, regression, controls=name)]


def _lost(at: _Place, sample: str, estimators: Iterable[Estimator], reason: str) -> list[dict[str, Any]]:
    """A row for each with the reason why it is empty; the doubly robust one too where the study names a covariate."""
    own = [doubly_robust(at.asked.covariate)] if sample == ALL and at.asked.covariate else []
    return [_row(at, e, sample=sample, note=f"not estimable: {reason}") for e in (*estimators, *own)]


def _row(at: _Place, estimator: Estimator, **values: Any) -> dict[str, Any]:
    outcome = at.study.variable(at.column.outcome)
    return {
        "study": at.study.study,
        "table": at.asked.column.table,
        "column": at.asked.column.column,
        "estimator": estimator.id,
        "label": estimator.label,
        "aggregation": estimator.aggregation,
        "unit": "log points" if outcome.transform.startswith("ln") else outcome.unit,
        **values,
    }


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    kinds = {str: "object", float: "float64", int: "Int64"}
    texts = {name: "" for name, kind in STAGGERED_COLUMNS.items() if kind is str}
    frame = pd.DataFrame([texts | row for row in rows], columns=list(STAGGERED_COLUMNS))
    return frame.astype({name: kinds[kind] for name, kind in STAGGERED_COLUMNS.items()})
