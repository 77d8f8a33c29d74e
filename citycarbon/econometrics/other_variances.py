"""Other variances of the treatment's coefficient beside the headline's: rows of ``inference.csv``, one per column and method.

The coefficient is that of the column; only its standard error, degrees of freedom and p-value differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics import fwl
from citycarbon.econometrics.inference_rows import headline_columns, inference_frame, labels
from citycarbon.econometrics.sample import EFFECT_COLUMNS, Sample, estimation_sample
from citycarbon.econometrics.twfe import ROUNDING, levels_counted
from citycarbon.study.spec import Column, Study

if TYPE_CHECKING:
    import pandas as pd

CLASSICAL, HC1 = "classical", "hc1"
CLUSTERS = ("city", "province")
METHODS = (CLASSICAL, HC1, *(f"cluster:{name}" for name in CLUSTERS))
FEW_CLUSTERS = (
    40  # below, t(G-1) with CRV1 is known to reject too often (Cameron, Gelbach and Miller 2008; MacKinnon and Webb 2017)
)


def other_variances(panel: pd.DataFrame, study: Study) -> pd.DataFrame:
    """The treatment of every column of every headline table (no ``variants``) under each of ``METHODS``.

    ``classical`` and ``hc1`` count every fixed effect in K and use t(N-K); ``cluster:city`` is the variance of
    ``estimates.csv``; ``cluster:province`` has t(P-1) for P provinces. CRV1 with the factor of docs/methods.md section 3. Row
    order does not matter; what is not estimable keeps its rows with the reason.
    """
    rows = [
        {**labels(table, column), **row} for table, column in headline_columns(study) for row in _column(panel, study, column)
    ]
    return inference_frame(rows)


@dataclass(frozen=True)
class _Projected:
    """y and did once effects and controls are taken out, with root weights: their ratio is the estimate, ``resid`` its rest."""

    did: np.ndarray
    resid: np.ndarray
    estimate: float
    parameters: int  # every one, fixed effects included

    @property
    def bread(self) -> float:
        return float(self.did @ self.did)


def _column(panel: pd.DataFrame, study: Study, column: Column) -> list[dict[str, Any]]:
    if column.estimator != "twfe":
        note = f"estimator {column.estimator}: has its own standard error"
        return [{"method": method, "note": note} for method in METHODS]
    sample = estimation_sample(panel, study, column)
    if not len(sample.rows):
        return [{"method": method, "note": f"not estimable: {sample.reason or 'no rows'}"} for method in METHODS]
    weights = sample.rows[sample.weights].to_numpy(dtype=float) if sample.weights else None
    effects = fwl.Effects(*(fwl.codes(sample.rows[EFFECT_COLUMNS[n]]) for n in column.fixed_effects), weights)
    found = _project(sample, column, effects)
    if isinstance(found, str):
        return [{"method": method, "note": f"not estimable: {found}"} for method in METHODS]
    rows = [_row(CLASSICAL, found, *_classical(found)), _row(HC1, found, *_hc1(found))]
    return rows + [_clustered(found, sample, column, effects, name) for name in CLUSTERS]


def _project(sample: Sample, column: Column, effects: fwl.Effects) -> _Projected | str:
    rows = sample.rows
    x = rows[column.terms].to_numpy(dtype=float)
    verdict = fwl.identify(x, effects)
    if 0 not in verdict.keep or 0 in verdict.collinear:
        return f"{column.treatment} is absorbed or collinear"
    parameters = effects.n_parameters + len(verdict.keep)
    if len(rows) <= parameters:
        return f"{len(rows)} observations for {parameters} parameters"
    values = np.column_stack([rows[column.outcome].to_numpy(dtype=float), x[:, verdict.keep]])
    left = effects.residualise(values) * effects.root[:, None]
    y, did, controls = left[:, 0], left[:, 1], left[:, 2:]
    if controls.shape[1]:
        y, did = (v - controls @ np.linalg.lstsq(controls, v, rcond=None)[0] for v in (y, did))
    estimate = float(did @ y / (did @ did))
    return _Projected(did, y - estimate * did, estimate, parameters)


def _classical(found: _Projected) -> tuple[float, int]:
    df = len(found.resid) - found.parameters
    return float(found.resid @ found.resid) / df / found.bread, df


def _hc1(found: _Projected) -> tuple[float, int]:
    df = len(found.resid) - found.parameters
    meat = float(((found.did * found.resid) ** 2).sum())
    return len(found.resid) / df * meat / found.bread**2, df


def _clustered(found: _Projected, sample: Sample, column: Column, effects: fwl.Effects, name: str) -> dict[str, Any]:
    groups = fwl.codes(sample.rows[EFFECT_COLUMNS[name]])
    number, n = int(groups.max()) + 1, len(found.resid)
    method = f"cluster:{name}"
    if number < 2:
        return {"method": method, "estimate": found.estimate, "note": f"{number} cluster: no standard error"}
    # A first effect that lies inside the clusters costs nothing: cities in provinces, or the clusters themselves.
    nested = len(np.unique(np.column_stack([effects.first, groups]), axis=0)) == int(effects.first.max()) + 1
    k = found.parameters - effects.n_parameters + levels_counted(effects, nested)
    scores = np.bincount(groups, weights=found.did * found.resid, minlength=number)
    variance = number / (number - 1) * (n - 1) / (n - k) * float(scores @ scores) / found.bread**2
    if variance <= ROUNDING * float(found.resid @ found.resid) / found.bread:
        variance = 0.0
    treated = np.unique(groups[sample.rows[column.treatment].to_numpy() == 1])
    notes = [f"{number} clusters, {len(treated)} with a treated row"] if number < FEW_CLUSTERS else []
    return _row(method, found, variance, number - 1, "; ".join(notes))


def _row(method: str, found: _Projected, variance: float, df: int, note: str = "") -> dict[str, Any]:
    from scipy.stats import t as student

    error = float(np.sqrt(variance))
    if not error > 0:
        return {
            "method": method,
            "estimate": found.estimate,
            "std_error": 0.0,
            "df": df,
            "note": "standard error is zero: no test",
        }
    statistic, half = found.estimate / error, float(student.ppf(0.975, df)) * error
    return {
        "method": method, "estimate": found.estimate, "std_error": error, "statistic": statistic, "df": df,
        "p_value": float(2 * student.sf(abs(statistic), df)), "conf_low": found.estimate - half,
        "conf_high": found.estimate + half, "note": note,
    }  # fmt: skip
