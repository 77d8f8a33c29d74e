"""How far the comparison trend may break before the event study says nothing: Rambachan and Roth (2023).

Rows of sensitivity.csv: relative magnitudes by our own C-LF sets (``honest_clf``), smoothness by diff-diff's fixed-length
intervals. Both lean on the clustered covariance of the event study, which few treated cities make too small: every row says how
many there are.

Binned leads count as one period for relative magnitudes: the step from a bin to the next year spans many years, which makes the
largest break before adoption, and with it the set, larger. The same sets without bins stand beside them (``single years``).
Smoothness takes single years alone, because a straight line is not straight through the mean of a bin.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics.honest_clf import relative_magnitude
from citycarbon.econometrics.lead_paths import Path, path_of, single_years, targets
from citycarbon.study.spec import Study

if TYPE_CHECKING:
    import pandas as pd

RELATIVE, SMOOTH = "relative_magnitude", "smoothness"
SINGLE = ", single years"
LARGEST_MBAR = 20.0  # up to which a breakdown value is looked for
PRECISE = 1e-5  # of a breakdown value, as a share of the smallest parameter known to hold zero
UNBOUNDED = 1e6  # stands for an end that is infinite in the search for a root
FEW = 40  # treated clusters below which a clustered covariance is commonly found too small


def honest_rows(panel: pd.DataFrame, study: Study) -> list[dict[str, Any]]:
    """Rows of ``sensitivity.csv``: 95 % sets of the effect in the first treated year and of the mean effect after it.

    ``variant`` is the target; ``parameter``: Mbar (largest break after adoption over the largest before) or M (largest change
    of the slope from one year to the next, in the unit of the outcome). Variant ``<target>: breakdown``: the smallest parameter
    at which the set holds zero; empty with the reason where already 0 does. ``<target>, single years``: without the bins.
    Nothing where the study does not ask.
    """
    asked = study.extensions.trends if study.extensions else None
    if asked is None:
        return []
    path = path_of(panel, study)
    if isinstance(path, str):
        note = f"not estimable: {path}"
        return [_row(analysis, name, note=note) for analysis in (RELATIVE, SMOOTH) for name in ("first", "mean")]
    single = single_years(path)
    which = SINGLE if single is not path else ""
    rows = _all_rows(path, RELATIVE, "", asked.mbar)
    if which:
        rows += _all_rows(single, RELATIVE, which, asked.mbar)
    return rows + _all_rows(single, SMOOTH, which, asked.smoothness)


def _all_rows(path: Path, analysis: str, which: str, values: list[float]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for name, weights in targets(path).items():
        error = float(np.sqrt(weights @ path.sigma[path.leads :, path.leads :] @ weights))
        interval, furthest = (_relative, LARGEST_MBAR) if analysis == RELATIVE else (smoothness, 20 * error)
        rows += _rows(path, analysis, f"{name}{which}", weights, values, partial(interval, path, weights), furthest)
    return rows


def _relative(path: Path, weights: np.ndarray, mbar: float) -> tuple[float, float, str]:
    try:
        found = relative_magnitude(path.beta, path.sigma, path.leads, weights, mbar)
    except ValueError as why:
        return np.nan, np.nan, f"not estimable: {why}"
    return found.low, found.high, found.note


def smoothness(path: Path, weights: np.ndarray, m: float) -> tuple[float, float, str]:
    """The 95 % fixed-length interval under Delta-SD(m), by diff-diff (checked against published values)."""
    import warnings

    from diff_diff import compute_honest_did
    from diff_diff.results import MultiPeriodDiDResults, PeriodEffect

    errors = np.sqrt(np.diag(path.sigma))
    nan = float("nan")
    effects = {
        t: PeriodEffect(t, float(b), float(e), float(b / e), nan, (nan, nan))
        for t, b, e in zip(path.times, path.beta, errors, strict=True)
    }
    results = MultiPeriodDiDResults(
        period_effects=effects, avg_att=nan, avg_se=nan, avg_t_stat=nan, avg_p_value=nan, avg_conf_int=(nan, nan),
        n_obs=path.facts["n_obs"], n_treated=path.facts["n_treated_units"],
        n_control=path.facts["n_units"] - path.facts["n_treated_units"], pre_periods=list(path.times[: path.leads]),
        post_periods=list(path.times[path.leads :]), vcov=path.sigma,
        interaction_indices={t: i for i, t in enumerate(path.times)},
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about inputs that are ours to choose; an interval that fails is not a number
        found = compute_honest_did(results, method="smoothness", M=float(m), l_vec=weights)
    known = np.isfinite([found.ci_lb, found.ci_ub]).all()
    return float(found.ci_lb), float(found.ci_ub), "" if known else "no interval: diff-diff finds no estimator of finite bias"


def _rows(
    path: Path,
    analysis: str,
    name: str,
    weights: np.ndarray,
    values: list[float],
    interval: Callable[[float], tuple[float, float, str]],
    furthest: float,
) -> list[dict[str, Any]]:
    value = float(weights @ path.beta[path.leads :])
    error = float(np.sqrt(weights @ path.sigma[path.leads :, path.leads :] @ weights))
    shared = {**path.facts, "estimate": value, "std_error": error}
    found = {parameter: interval(parameter) for parameter in sorted({0.0, *values})}
    rows = [
        _row(analysis, name, m, conf_low=found[m][0], conf_high=found[m][1], note=_joined(found[m][2], support(path)), **shared)
        for m in values
    ]
    at, why = breakdown(interval, {m: (low, high) for m, (low, high, _) in found.items()}, furthest)
    return [*rows, _row(analysis, f"{name}: breakdown", at, note=_joined(why, support(path)), **shared)]


def breakdown(
    interval: Callable[[float], tuple[float, float, str]], known: dict[float, tuple[float, float]], furthest: float
) -> tuple[float, str]:
    """The smallest parameter at which the interval holds zero, by Brent's method; NaN with the reason where there is none.

    ``known``: intervals by parameter, that of 0 among them; the search is between the first of them that holds zero and the one
    before, or doubles beyond the largest up to ``furthest``. C-LF sets grow with the parameter. Fixed-length intervals grow in
    length, but their centre moves: a later one can leave out zero again, which the rows by parameter would show.
    """
    from scipy.optimize import brentq

    def clear(ends: tuple[float, float]) -> float:
        """How far zero is outside; negative inside."""
        return float(np.clip(max(ends[0], -ends[1]), -UNBOUNDED, UNBOUNDED))

    if unknown := [m for m, ends in known.items() if np.isnan(ends).any()]:
        return np.nan, f"not known: there is no interval at {min(unknown):g}"
    inside = [m for m, ends in known.items() if clear(ends) <= 0]
    if 0.0 in inside:
        return np.nan, "none: the interval holds zero already at 0"
    low, high = max(m for m in known if not inside or m < min(inside)), min(inside, default=np.nan)
    while not np.isfinite(high):
        if low >= furthest:
            return low, "not reached: the interval leaves out zero up to here"
        further = min(max(2 * low, furthest / 64), furthest)
        ends = interval(further)[:2]
        if np.isnan(ends).any():
            return np.nan, f"not known: there is no interval at {further:g}"
        low, high = (further, np.nan) if clear(ends) > 0 else (low, further)
    return float(brentq(lambda m: clear(interval(m)[:2]), low, high, xtol=PRECISE * high)), ""


def support(path: Path) -> str:
    """How few cities the covariance rests on, and which ends are bins."""
    behind = ", ".join(f"{label}: {n}" for label, n in zip(path.labels, path.treated, strict=True))
    few = "; with so few the clustered covariance is too small" if min(path.treated) < FEW else ""
    bins = f"; binned ends count as one period each ({', '.join(path.bins)})" if path.bins else ""
    return f"treated cities by event time: {behind}{few}{bins}"


def _row(analysis: str, name: str, parameter: float = np.nan, **values: Any) -> dict[str, Any]:
    unit = "Mbar" if analysis == RELATIVE else "M, unit of the outcome a year"
    return {
        "analysis": analysis,
        "variant": name,
        "parameter": parameter,
        "parameter_unit": unit,
        "term": "event study",
        **values,
    }


def _joined(*notes: str) -> str:
    return "; ".join(n for n in notes if n)
