"""Estimates beside a known truth, on sources that were generated: does each column find what was planted in it?

The truth is the content of ``truth.json`` (``citycarbon.sample.truth``): cell effects, and per column the estimand of its
treatment, which is the projection of the cell effects on the column's own design. For a column that the generator states no
estimand for, the projection is made here on the panel, unless its coefficient is no such projection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics.columns import projected_effect
from citycarbon.study.spec import Column, Study

if TYPE_CHECKING:
    import pandas as pd

PLANTED_IN = "chen_county"  # the sample's primary emission series: ln CO2 of the others carries noise of its own
RECOVERY_COLUMNS: dict[str, str] = {
    "table": "object", "column": "object", "term": "object", "estimate": "float64", "std_error": "float64",
    "estimand": "float64", "distance_se": "float64", "inside_clustered": "boolean", "inside_ri": "boolean", "note": "object",
    "n_treated_units": "Int64",
}  # fmt: skip
NO_TRUTH = "no estimand: the truth speaks of another policy or emission series"
NO_COLUMN = "no estimand: not a column of the study"
NONE_STATED = "no estimand: nothing was planted in this column's outcome, or its treatment is not estimable"


def is_planted(truth: Mapping[str, Any], study: Study) -> bool:
    """True where ``truth`` speaks of the study's policy, and of the emission series that its outcome is made of."""
    return truth["policy"] == study.treatment.policy and study.outcome.series == PLANTED_IN


def recovery_frame(
    estimates: pd.DataFrame, truth: Mapping[str, Any], study: Study, project: Callable[[str, str], float] | None = None
) -> pd.DataFrame:
    """Each treatment coefficient beside its estimand: a row per treatment term of every column, in the order of ``estimates``.

    ``estimates``: the contract's frame. ``truth``: the content of ``truth.json``. ``project``: gives the estimand of a table
    and column that the truth states none for (:func:`projection`). ``distance_se`` is (estimate - estimand) / std_error.
    ``inside_clustered``, ``inside_ri``: does the 95 % interval, t(G-1) or by randomisation inference, hold the estimand;
    missing where there is no interval or no estimand, and ``note`` says why.
    """
    import pandas as pd

    stated = {t["column"]: t for t in truth["columns"]} if is_planted(truth, study) else {}
    planted = is_planted(truth, study)
    treatment = estimates[
        [_is_treatment(study, *key) for key in estimates[["table", "column", "term"]].itertuples(index=False)]
    ]
    project = project or (lambda table, column: float("nan"))
    rows = [_row(e, stated, project, _missing(study, e) if planted else NO_TRUTH) for e in treatment.to_dict("records")]
    return pd.DataFrame(rows, columns=list(RECOVERY_COLUMNS)).astype(RECOVERY_COLUMNS)


def projection(panel: pd.DataFrame, truth: Mapping[str, Any], study: Study) -> Callable[[str, str], float]:
    """What gives the estimand of a table and column: the planted cell effects projected on the column's own rows and design.

    ``panel``: the mart ``city_panel``. Independent of the generator's own estimands: same cell effects, other code. NaN where
    nothing was planted, the treatment is not estimable or its coefficient is no projection (:func:`not_projected`).
    """
    effects = planted_effects(panel, truth, study) if is_planted(truth, study) else {}

    def project(table: str, column_id: str) -> float:
        column = study.column(table, column_id)
        if column.outcome not in effects or not_projected(study, column):
            return float("nan")
        return projected_effect(panel, effects[column.outcome], study, table, column_id)

    return project


def not_projected(study: Study, column: Column) -> str:
    """Why the treatment of ``column`` estimates no projection of cell effects on the rows of its design; empty if it does."""
    if column.treatment in ("did_ever", "did_literal"):
        return "no estimand: the coding for the audit also measures how pilots differ from other cities"
    if column.winsorise:
        return "no estimand: winsorising is not linear in the effect"
    return ""


def _is_treatment(study: Study, table: str, column: str, term: str) -> bool:
    """Whether ``term`` is what the column is about, and not the dummy of another policy among its controls."""
    try:
        return term == study.column(table, column).treatment
    except KeyError:
        return term in ("did", "did_lag1")


def _missing(study: Study, estimate: Mapping[str, Any]) -> str:
    """What to say where a coefficient of ``study`` has no estimand."""
    try:
        reason = not_projected(study, study.column(estimate["table"], estimate["column"]))
    except KeyError:
        reason = NO_COLUMN
    return reason or NONE_STATED


def planted_effects(panel: pd.DataFrame, truth: Mapping[str, Any], study: Study) -> dict[str, pd.Series]:
    """Outcome -> planted effect of each panel row (same index): ln CO2 by cell, the mechanisms alike in every treated cell."""
    import pandas as pd

    cells = {(c["city_id"], c["year"]): c["effect"] for c in truth["cells"]}
    keys = zip(panel["city_id"], panel["year"], strict=True)
    by_cell = pd.Series([cells.get((city, int(year)), 0.0) for city, year in keys], index=panel.index)
    treated = (by_cell != 0).astype(float)
    return {study.outcome.variable: by_cell, **{k: size * treated for k, size in truth["mechanisms"].items()}}


def _row(
    estimate: Mapping[str, Any], stated: Mapping[str, Mapping[str, Any]], project: Callable[[str, str], float], missing: str
) -> dict[str, Any]:
    target, source = _target(estimate, stated, project, missing)
    value, se = estimate["estimate"], estimate["std_error"]
    usable = bool(np.isfinite(value) and np.isfinite(se) and se > 0)
    return {
        "table": estimate["table"],
        "column": estimate["column"],
        "term": estimate["term"],
        "estimate": value,
        "std_error": se,
        "estimand": target,
        "distance_se": (value - target) / se if usable else np.nan,
        "inside_clustered": _inside(estimate["conf_low"], target, estimate["conf_high"]),
        "inside_ri": _inside(estimate["conf_low_ri"], target, estimate["conf_high_ri"]),
        "note": "; ".join(n for n in (source, estimate["note"]) if n),
        "n_treated_units": estimate["n_treated_units"],
    }


def _target(
    estimate: Mapping[str, Any], stated: Mapping[str, Mapping[str, Any]], project: Callable[[str, str], float], missing: str
) -> tuple[float, str]:
    """The estimand of a treatment coefficient and, where it is not the generator's own, a word on where it comes from."""
    column = f"{estimate['table']}:{estimate['column']}"
    found, mismatch = stated.get(column), ""
    if found is not None and found["term"] == estimate["term"]:
        mismatch = _other_rows(estimate, found)
        if not mismatch:
            none = found["estimand"] is None
            return (np.nan, "no estimand: no treated city-year") if none else (found["estimand"], "")
    known = float("nan") if missing in (NO_TRUTH, NO_COLUMN) else project(estimate["table"], estimate["column"])
    if np.isfinite(known):
        return known, "; ".join(n for n in (mismatch, "estimand projected on the panel") if n)
    return np.nan, mismatch or missing


def _other_rows(estimate: Mapping[str, Any], target: Mapping[str, Any]) -> str:
    """What differs between the rows of the column and those its stated estimand is about; empty where they are the same."""
    rows, cells = estimate["n_obs"] + estimate["singletons_dropped"], estimate["n_treated_cells"]
    if (rows, cells) == (target["n_rows"], target["n_treated_cells"]):
        return ""
    return (
        f"the truth's estimand is about other rows: {target['n_rows']} with {target['n_treated_cells']} treated, "
        f"here {rows} with {cells} treated"
    )


def _inside(low: float, target: float, high: float) -> bool | None:
    return bool(low <= target <= high) if np.isfinite([low, target, high]).all() else None
