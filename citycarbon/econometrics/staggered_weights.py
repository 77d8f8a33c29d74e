"""What the two-way regression averages: the Goodman-Bacon (2021) decomposition and the weights of de Chaisemartin and
D'Haultfoeuille (2020), as ``staggered_weights.csv``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics import fwl
from citycarbon.econometrics.columns import fit_column
from citycarbon.econometrics.sample import EFFECT_COLUMNS
from citycarbon.econometrics.staggered_analytic import long_rows, quietly
from citycarbon.econometrics.staggered_grid import Grid, balanced, grid_of, no_window
from citycarbon.study.spec import Study

if TYPE_CHECKING:
    import pandas as pd

WEIGHT_COLUMNS: dict[str, type] = {
    "study": str, "table": str, "column": str, "sample": str, "decomposition": str, "component": str, "cohort": str,
    "against": str, "year": int, "weight": float, "negative_weight": float, "n_cells": int, "n_negative": int,
    "estimate": float, "note": str,
}  # fmt: skip
BACON, DCDH = "goodman_bacon", "dcdh"
ROUNDING = 1e-10  # share of the largest weight up to which a weight is zero, not negative
TYPES = {
    "treated_vs_never": "treated against never treated",
    "earlier_vs_later": "earlier treated against later, before these are treated",
    "later_vs_earlier": "later treated against earlier, which are treated already",
}


def staggered_weights(panel: pd.DataFrame, study: Study) -> pd.DataFrame:
    """``WEIGHT_COLUMNS`` for the column of ``extensions.staggered``; no rows where the study names none.

    ``goodman_bacon``: every two-by-two comparison of the regression without controls on the balanced window, weight and
    estimate; they sum to the coefficient. ``dcdh``: the weights that the column itself puts on the effects of its treated rows,
    by cohort and year: sum of weights, of negative ones, and how many rows have one.
    """
    asked = study.extensions.staggered if study.extensions else None
    if asked is None:
        return _frame([])
    column = study.column(asked.column.table, asked.column.column)
    shared = {"study": study.study, "table": asked.column.table, "column": asked.column.column}
    try:
        sample, fitted = fit_column(panel, study, column)
    except ValueError as why:
        return _frame([{**shared, "decomposition": d, "note": f"not estimable: {why}"} for d in (BACON, DCDH)])
    first = panel.groupby("city_id")[f"first_year_{study.policy_of(column)}"].first().dropna().astype(float).to_dict()
    if len(sample.rows):
        whole = grid_of(sample.rows, column.outcome, first)
        rows = bacon_rows(balanced(whole), no_window(whole))
    else:
        rows = bacon_rows(None, "no row in the sample")
    if not np.isfinite(fitted.estimates[0].value):
        rows.append({"decomposition": DCDH, "note": fitted.estimates[0].note or "not estimable"})
    else:
        names = tuple(EFFECT_COLUMNS[e] for e in column.fixed_effects)
        cohort = sample.rows["city_id"].map(first).to_numpy(dtype=float)
        rows += dcdh_rows(sample.rows, column.treatment, column.terms[1:], names, cohort)
    return _frame([{**shared, **row} for row in rows])


def bacon_rows(window: Grid | None, reason: str = "no balanced window") -> list[dict[str, Any]]:
    """One row a comparison of a balanced grid, by diff-diff with exact weights; where there is none, one with the reason."""
    if window is None:
        return [{"decomposition": BACON, "note": f"not estimable: {reason}"}]
    from diff_diff import BaconDecomposition

    found = quietly(lambda: BaconDecomposition(weights="exact").fit(long_rows(window), outcome="y", unit="unit", time="year",
                                                                   first_treat="g"))  # fmt: skip
    sample = f"balanced: cities seen in every year {window.years[0]}-{window.years[-1]}"
    return [
        {
            "sample": sample, "decomposition": BACON, "component": c.comparison_type, "cohort": _year(c.treated_group),
            "against": _year(c.control_group), "weight": float(c.weight), "estimate": float(c.estimate),
        }
        for c in found.comparisons
    ]  # fmt: skip


def _year(group: Any) -> str:
    try:
        return str(int(group)) if int(group) > 0 else "never"
    except (TypeError, ValueError, OverflowError):
        return "never"


def dcdh_rows(
    rows: pd.DataFrame, treatment: str, controls: list[str], effects: tuple[str, str], cohort: np.ndarray
) -> list[dict[str, Any]]:
    """Weights by cohort and year: the treatment net of effects and controls on each treated row, over their sum.

    ``cohort`` (n,): first treated year of each row's city. Theorem 1 of de Chaisemartin and D'Haultfoeuille (2020) in a
    regression with controls: b is this weighted sum of the rows' effects (if controls have the same effect everywhere).
    """
    both = fwl.Effects(fwl.codes(rows[effects[0]]), fwl.codes(rows[effects[1]]))
    x = rows[[treatment, *controls]].to_numpy(dtype=float)
    left = both.residualise(x - x.mean(axis=0))
    d = left[:, 0]
    if controls:
        d = d - left[:, 1:] @ np.linalg.lstsq(left[:, 1:], d, rcond=None)[0]
    treated = rows[treatment].to_numpy() == 1
    weight = d[treated] / d[treated].sum()
    weight = np.where(np.abs(weight) > ROUNDING * np.abs(weight).max(initial=0.0), weight, 0.0)
    year, first = rows["year"].to_numpy()[treated].astype(int), cohort[treated]
    out = []
    for g, t in sorted(set(zip(first.tolist(), year.tolist(), strict=True))):
        w = weight[(first == g) & (year == t)]
        out.append(
            {"sample": "all rows of the column", "decomposition": DCDH, "component": "effect of treated rows",
             "cohort": str(int(g)), "year": t, "weight": float(w.sum()), "negative_weight": float(w[w < 0].sum()),
             "n_cells": len(w), "n_negative": int((w < 0).sum())}
        )  # fmt: skip
    return out


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    kinds = {str: "object", float: "float64", int: "Int64"}
    texts = {name: "" for name, kind in WEIGHT_COLUMNS.items() if kind is str}
    frame = pd.DataFrame([texts | row for row in rows], columns=list(WEIGHT_COLUMNS))
    return frame.astype({name: kinds[kind] for name, kind in WEIGHT_COLUMNS.items()})
