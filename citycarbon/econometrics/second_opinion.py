"""The second opinion: every OLS row of an estimates frame fitted again by pyfixest, and what cannot be fitted again, listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics import fwl
from citycarbon.econometrics.sample import EFFECT_COLUMNS, Sample, estimation_sample
from citycarbon.study.spec import Column, Study

if TYPE_CHECKING:
    import pandas as pd

_QUANTITIES = ("estimate", "std_error", "n_obs")
FIXEF_TOL = 1e-12  # pyfixest's default of 1e-6 leaves 1e-8 in the standard errors
_EMPTY = float("nan")


def refit(panel: pd.DataFrame, study: Study, estimates: pd.DataFrame) -> pd.DataFrame:
    """Compare ``estimates`` with a refit of each column by pyfixest (``fixef_tol`` 1e-12, CRV1 by city).

    Returns one row per estimates row and quantity (``estimate``, ``std_error``, ``n_obs``): table, column, term, quantity,
    recorded, refitted, difference (relative; absolute where the recorded value is below 1e-12 in size), refitted_ok (False
    where it was not re-estimated), note. ``_cons`` has no coefficient in an absorbed fit: its value is taken by the identity
    mean(y) - mean(x)'b; its variance is mean(x)'V mean(x) under city effects, where residuals sum to zero in each cluster, and
    comes from a fit on explicit centred dummies under province effects.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for (table, column_id), recorded in estimates.groupby(["table", "column"], sort=False):
        rows += _column_differences(panel, study, str(table), str(column_id), recorded)
    columns = ["table", "column", "term", "quantity", "recorded", "refitted", "difference", "refitted_ok", "note"]
    return pd.DataFrame(rows, columns=columns)


def _column_differences(
    panel: pd.DataFrame, study: Study, table: str, column_id: str, recorded: pd.DataFrame
) -> list[dict[str, Any]]:
    try:
        column = study.column(table, column_id)
    except KeyError:
        second, note = {}, "the study has no such column"
    else:
        second, note = {}, ""
        if column.estimator == "dr_did":
            note = "doubly robust: there is no second implementation here"
        elif np.isfinite(recorded["estimate"]).any():
            second, note = _second_fit(estimation_sample(panel, study, column), study, column)
    out = []
    for row in recorded.itertuples():
        reason = note if np.isfinite(row.estimate) else row.note or "not estimable"
        values = second.get(row.term, {})
        out += [_row(table, column_id, row, q, values.get(q, _EMPTY), reason) for q in _QUANTITIES]
    return out


def _row(table: str, column_id: str, recorded: Any, quantity: str, value: float, note: str) -> dict[str, Any]:
    stored = float(getattr(recorded, quantity))
    if quantity == "std_error" and stored == 0:
        value, note = _EMPTY, "the standard error is zero: another solver gives rounding"
    size = abs(stored) if abs(stored) > 1e-12 else 1.0
    done = bool(np.isfinite(value) and np.isfinite(stored))
    return {
        "table": table,
        "column": column_id,
        "term": recorded.term,
        "quantity": quantity,
        "recorded": stored,
        "refitted": value,
        "difference": abs(value - stored) / size if done else _EMPTY,
        "refitted_ok": done,
        "note": "" if done else note or "the refit finds no such coefficient",
    }


def _second_fit(sample: Sample, study: Study, column: Column) -> tuple[dict[str, dict[str, float]], str]:
    """term -> estimate, standard error and N by pyfixest; the note says what is missing and why."""
    if sample.reason:
        return {}, sample.reason
    if sample.rows[EFFECT_COLUMNS[study.cluster]].nunique() < 2:
        return {}, "fewer than two clusters"
    effects = [EFFECT_COLUMNS[name] for name in column.fixed_effects]
    weights = sample.rows[sample.weights].to_numpy() if sample.weights else None
    design = fwl.Effects(*(fwl.codes(sample.rows[c]) for c in effects), weights)
    terms = column.terms
    verdict = fwl.identify(sample.rows[terms].to_numpy(), design)
    kept = [terms[j] for j in verdict.keep]
    y = float(design.mean(sample.rows[[column.outcome]].to_numpy())[0])
    if not kept:
        return {"_cons": {"estimate": y, "n_obs": len(sample.rows)}}, "standard error: no slope to fit"
    slopes, cov, n = _feols(sample, column, kept, " + ".join(effects), study)
    errors = np.sqrt(np.diag(cov))
    out = {t: {"estimate": slopes[i], "std_error": errors[i], "n_obs": n} for i, t in enumerate(kept)}
    mean = design.mean(sample.rows[kept].to_numpy())
    out["_cons"] = {"estimate": y - mean @ slopes, "std_error": np.sqrt(mean @ cov @ mean), "n_obs": n}
    if column.fixed_effects[0] != study.cluster:
        out["_cons"]["std_error"] = _constant_error(sample, column, kept, design, study)
    if design.n_components == 1:
        return out, ""
    # pyfixest counts one redundant level for two effects, whatever the number of components
    without = {t: {q: v for q, v in values.items() if q != "std_error"} for t, values in out.items()}
    return without, "standard error not re-estimated: the fixed effects are not connected"


def _feols(sample: Sample, column: Column, terms: list[str], absorb: str, study: Study) -> tuple[np.ndarray, np.ndarray, float]:
    import pyfixest

    names = {t: f"x{i}" for i, t in enumerate(terms)}
    data = sample.rows.rename(columns={**names, column.outcome: "y"})
    fitted = pyfixest.feols(
        f"y ~ {' + '.join(names.values())} | {absorb}",
        data=data,
        vcov={"CRV1": EFFECT_COLUMNS[study.cluster]},
        weights=sample.weights,
        demeaner=pyfixest.MapDemeaner(fixef_tol=FIXEF_TOL),
    )
    order = [fitted._coefnames.index(name) for name in names.values()]
    return fitted.coef().to_numpy()[order], np.asarray(fitted._vcov)[np.ix_(order, order)], float(fitted._N)


def _constant_error(sample: Sample, column: Column, terms: list[str], design: fwl.Effects, study: Study) -> float:
    """Standard error of the intercept of a fit on explicit centred dummies, nothing absorbed."""
    import pandas as pd
    import pyfixest

    x = np.column_stack([sample.rows[terms].to_numpy(), design.first_dummies(), design.second_dummies()])
    names = [f"x{i}" for i in range(x.shape[1])]
    data = pd.DataFrame(x, columns=names)
    data["y"], data["cluster"] = sample.rows[column.outcome].to_numpy(), sample.rows[EFFECT_COLUMNS[study.cluster]].to_numpy()
    if sample.weights:
        data["weight"] = design.weights
    fitted = pyfixest.feols(
        f"y ~ {' + '.join(names)}", data=data, vcov={"CRV1": "cluster"}, weights="weight" if sample.weights else None
    )
    return float(fitted.se()["Intercept"])
