"""From a study and a panel to the rows of ``estimates.csv``: every table, column and term, in the order of the study."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics import fwl
from citycarbon.econometrics.contract import effects_text, frame
from citycarbon.econometrics.sample import EFFECT_COLUMNS, Sample, estimation_sample
from citycarbon.econometrics.supply import not_supplied
from citycarbon.econometrics.twfe import Estimate, Fit, fit
from citycarbon.study.spec import Column, StarFloor, Study

if TYPE_CHECKING:
    import pandas as pd

    from citycarbon.econometrics.doubly_robust import DoublyRobust

STAR_LEVELS = ((0.01, "***"), (0.05, "**"), (0.10, "*"))
PENDING = "pending"  # star_rule of the treatment until its randomisation-inference p exists
NO_STAR = "no star: "  # opens the part of a note that says why a row earns no star whatever its p-value
RI_RULE = "ri_t"  # star_rule of a treatment whose star is its randomisation p-value on the t statistic
NO_RULE = "none"  # star_rule of a row that no rule can give a star


def stars(p_value: float) -> str:
    """``***`` below 1 %, ``**`` below 5 %, ``*`` below 10 %, nothing otherwise or without a p-value."""
    return next((mark for level, mark in STAR_LEVELS if p_value < level), "")


def no_star_reason(note: str) -> str:
    """What follows ``no star: `` in a row's note, '' where it is not there. A row that has it earns no star by any rule."""
    return next((part.removeprefix(NO_STAR) for part in note.split("; ") if part.startswith(NO_STAR)), "")


def star_floor_reason(treated_cities: int, residual_df: int, floor: StarFloor) -> str:
    """Why a matched column earns no star: treated cities or residual degrees of freedom below the study's floor; else ''.

    ``treated_cities``: with a treated row in the matched sample. ``residual_df``: N less all parameters, fixed effects counted.
    """
    low = []
    if treated_cities < floor.treated_cities:
        low.append(f"{treated_cities} matched treated cities, fewer than {floor.treated_cities}")
    if residual_df < floor.residual_df:
        low.append(f"{residual_df} residual degrees of freedom, fewer than {floor.residual_df}")
    return NO_STAR + " and ".join(low) if low else ""


def estimate_columns(panel: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Every coefficient of every regression column of ``study``: one row each, in the contract's columns.

    ``panel``: the mart ``city_panel`` (one row per city_id and year, ``in_sample``, ``did_<policy>`` and the variables in their
    declared units); the order of its rows does not matter. A term that is not estimable keeps its row, empty, with a note. The
    randomisation and wild-bootstrap columns stay empty here. Conventions: docs/methods.md.
    """
    rows = [
        row
        for name, table in study.regression_tables().items()
        for column in table.columns
        for row in column_rows(panel, study, name, column)
    ]
    return frame(rows)


def fit_column(panel: pd.DataFrame, study: Study, column: Column) -> tuple[Sample, Fit]:
    """The estimation sample and the fit of one column. A doubly robust column's sample holds the rows that its cells use."""
    sample = estimation_sample(panel, study, column)
    if column.estimator == "dr_did":
        found = _doubly_robust(panel, study, column, sample.rows)
        return replace(sample, rows=sample.rows[found.used].reset_index(drop=True)), found.fit
    effects = {name: EFFECT_COLUMNS[name] for name in column.fixed_effects}
    cluster = EFFECT_COLUMNS[study.cluster]
    return sample, fit(sample.rows, column.outcome, column.terms, effects, cluster, sample.weights)


def _doubly_robust(panel: pd.DataFrame, study: Study, column: Column, rows: pd.DataFrame) -> DoublyRobust:
    from citycarbon.econometrics.doubly_robust import fit_doubly_robust

    first = panel.groupby("city_id")[f"first_year_{study.policy_of(column)}"].first().to_dict()
    return fit_doubly_robust(rows, column.outcome, column.treatment, column.controls, first)


def projected_effect(panel: pd.DataFrame, effect: pd.Series, study: Study, table: str, column_id: str) -> float:
    """What a column's ``did`` would be if the outcome were the known cell effect (one value per panel row, same index).

    The estimand of the column under that effect: its projection on the column's design, by our own numpy (for a doubly robust
    column, the same estimator on the effect). NaN where ``did`` is not estimable. By linearity, adding the effect to any
    outcome moves the column's estimate by exactly this number.
    """
    column = study.column(table, column_id)
    sample = estimation_sample(panel, study, column)
    keys = ["city_id", "year"]
    known = panel[keys].assign(effect=effect.to_numpy(dtype=float))
    values = sample.rows[keys].merge(known, on=keys, how="left", validate="one_to_one")["effect"].to_numpy()
    if column.estimator == "dr_did":  # linear in the outcome, since the score does not know it
        return _doubly_robust(panel, study, column, sample.rows.assign(**{column.outcome: values})).fit.estimates[0].value
    if not len(sample.rows):
        return float("nan")
    weights = sample.rows[sample.weights].to_numpy() if sample.weights else None
    effects = fwl.Effects(*(fwl.codes(sample.rows[EFFECT_COLUMNS[name]]) for name in column.fixed_effects), weights)
    x = sample.rows[column.terms].to_numpy(dtype=float)
    verdict = fwl.identify(x, effects)
    if 0 not in verdict.keep or 0 in verdict.collinear:
        return float("nan")
    return float(fwl.project(values, x[:, verdict.keep], effects)[verdict.keep.index(0)])


def column_rows(panel: pd.DataFrame, study: Study, table: str, column: Column) -> list[dict[str, Any]]:
    """The rows of one column, one a term, in the contract's columns; see :func:`estimate_columns`."""
    return fitted_rows(panel, study, table, column)[0]


def fitted_rows(panel: pd.DataFrame, study: Study, table: str, column: Column) -> tuple[list[dict[str, Any]], Sample]:
    """The rows of one column and the sample they are estimated on."""
    sample, fitted = fit_column(panel, study, column)
    shared = _shared(study, table, column, sample, fitted)
    floor = star_floor_reason(shared["n_treated_units"], fitted.residual_df, study.star_floor) if column.matching else ""
    absent = not_supplied(panel, study, column)
    rows = []
    for estimate in fitted.estimates:
        if absent:
            note = f"not estimable: not supplied: {', '.join(absent)}"
        else:
            note = _notes(estimate, column, sample, shared, floor)
        rows.append({**shared, **_term(estimate, fitted.df, note, _star_rule(estimate.term, column, note))})
    return rows, sample


def _star_rule(term: str, column: Column, note: str) -> str:
    """The treatment waits for randomisation inference, which a doubly robust column does not have; the rest goes by t(G-1)."""
    if term == column.treatment:
        return PENDING if column.estimator == "twfe" else NO_RULE
    return NO_RULE if no_star_reason(note) else "t"


def _shared(study: Study, table: str, column: Column, sample: Sample, fitted: Fit) -> dict[str, Any]:
    """What all terms of a column have in common; every count comes from the estimation sample or the fitted model."""
    treated = sample.rows[sample.rows[column.treatment] == 1]
    outcome = study.variable(column.outcome)
    return {
        "study": study.study,
        "table": table,
        "column": column.id,
        "outcome": column.outcome,
        "outcome_unit": outcome.unit,
        "transform": outcome.transform,
        "vcov": fitted.vcov or f"cluster:{study.cluster}",
        "df": fitted.df,
        "p_ri_t": np.nan,
        "p_ri_beta": np.nan,
        "conf_low_ri": np.nan,
        "conf_high_ri": np.nan,
        "p_wcr": np.nan,
        "n_obs": fitted.n_obs,
        "n_units": int(sample.rows["city_id"].nunique()),
        "n_clusters": fitted.n_clusters,
        "n_treated_units": int(treated["city_id"].nunique()),
        "n_treated_cells": len(treated),
        "fixed_effects": effects_text(fitted.levels),
        "r2": fitted.r2.r2,
        "r2_adj": fitted.r2.adj,
        "r2_within": fitted.r2.within,
        "r2_adj_within": fitted.r2.within_adj,
        "singletons_dropped": sample.singletons,
        "sample": sample.text,
        "spec_id": study.spec_id(table, column.id),
    }


def _term(estimate: Estimate, df: int, note: str, rule: str) -> dict[str, Any]:
    """t statistic, p-value and 95 % interval with t(G-1); the treatment's stars wait for randomisation inference."""
    from scipy.stats import t as student

    value, se = estimate.value, estimate.std_error
    usable = bool(np.isfinite(value) and np.isfinite(se) and se > 0)
    statistic = value / se if usable else np.nan
    half = student.ppf(0.975, df) * se if usable else np.nan
    p_value = float(2 * student.sf(abs(statistic), df)) if usable else np.nan
    return {
        "term": estimate.term,
        "estimate": value,
        "std_error": se,
        "t_stat": float(statistic),
        "p_value": p_value,
        "conf_low": float(value - half),
        "conf_high": float(value + half),
        "stars": stars(p_value) if rule == "t" else "",
        "star_rule": rule,
        "note": note,
    }


def _notes(estimate: Estimate, column: Column, sample: Sample, shared: dict[str, Any], floor: str) -> str:
    notes = [estimate.note]
    if sample.reason:
        notes = [f"not estimable: {sample.reason}"]
    elif sample.match and sample.match.reason:
        notes = [f"not estimable: {sample.match.reason}"]
    if (
        not sample.reason
        and estimate.term == column.treatment
        and "absorbed" in estimate.note
        and not shared["n_treated_cells"]
    ):
        notes = ["not estimable: 0 treated cities in this sample"]
    if sample.outside:
        notes.append(f"{sample.outside} sample rows in neither half: the split's criterion is missing")
    if sample.unmatched:
        notes.append(f"{sample.unmatched} sample rows unmatched")
    if np.isfinite(estimate.value):
        notes.append(floor)
    if sample.incomplete:
        notes.append(f"{sample.incomplete} sample rows without a finite value of this column's variables left out")
    if estimate.term == column.treatment and shared["n_treated_units"] == 1 and np.isfinite(estimate.value):
        notes.append("one treated city: the clustered standard error is not reliable")
    if estimate.std_error == 0:
        notes.append("standard error is zero: no test")
    return "; ".join(n for n in notes if n)
