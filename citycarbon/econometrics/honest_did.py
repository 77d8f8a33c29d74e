"""How far the comparison trend may break before the event study says nothing: Rambachan and Roth (2023).

Rows of sensitivity.csv: relative magnitudes by our own C-LF sets (``honest_clf``), smoothness by diff-diff's fixed-length
intervals. Both lean on the clustered covariance of the event study, which few treated cities make too small: every row says how
many there are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics.honest_clf import relative_magnitude
from citycarbon.econometrics.lead_paths import Path, path_of
from citycarbon.study.spec import Study

if TYPE_CHECKING:
    import pandas as pd

RELATIVE, SMOOTH = "relative_magnitude", "smoothness"
LARGEST_MBAR = 20.0  # up to which a breakdown value is looked for
STEPS = 7  # of a bisection between two values that are known: a hundredth of their distance


def honest_rows(panel: pd.DataFrame, study: Study) -> list[dict[str, Any]]:
    """Rows of ``sensitivity.csv``: 95 % sets of the effect in the first treated year and of the mean effect after it.

    ``variant`` is the target; ``parameter``: Mbar (largest break after adoption over the largest before) or M (largest change
    of the slope from one year to the next, in the unit of the outcome). Variant ``<target>: breakdown``: the largest parameter
    at which the set leaves out zero; empty with the reason where already 0 does not. Nothing where the study does not ask.
    """
    asked = study.extensions.trends if study.extensions else None
    if asked is None:
        return []
    path = path_of(panel, study)
    if isinstance(path, str):
        note = f"not estimable: {path}"
        return [_row(analysis, name, note=note) for analysis in (RELATIVE, SMOOTH) for name in ("first", "mean")]
    rows: list[dict[str, Any]] = []
    for name, weights in targets(path).items():
        rows += _rows(path, RELATIVE, name, weights, asked.mbar, lambda m, w=weights: _relative(path, w, m), LARGEST_MBAR)
    for name, weights in targets(path).items():
        furthest = 20 * float(np.sqrt(weights @ path.sigma[path.leads :, path.leads :] @ weights))
        rows += _rows(path, SMOOTH, name, weights, asked.smoothness, lambda m, w=weights: smoothness(path, w, m), furthest)
    return rows


def targets(path: Path) -> dict[str, np.ndarray]:
    """Weights on the lags: the first treated year (or the first lag there is), and their mean where there are several."""
    first = np.eye(path.lags)[0]
    return {"first": first} if path.lags == 1 else {"first": first, "mean": np.full(path.lags, 1 / path.lags)}


def _relative(path: Path, weights: np.ndarray, mbar: float) -> tuple[float, float, str]:
    found = relative_magnitude(path.beta, path.sigma, path.leads, weights, mbar)
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
    return float(found.ci_lb), float(found.ci_ub), ""


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
    """The largest parameter at which the interval leaves out zero, by bisection; NaN with the reason where there is none.

    ``known``: intervals by parameter, that of 0 among them; beyond the largest the search doubles up to ``furthest``. Sets grow
    with the parameter, so there is one such point.
    """

    def leaves_out_zero(ends: tuple[float, float]) -> bool:
        return bool(ends[0] > 0 or ends[1] < 0)

    inside = [m for m, ends in known.items() if not leaves_out_zero(ends)]
    if 0.0 in inside:
        return np.nan, "none: the interval holds zero already at 0"
    low, high = max(m for m in known if not inside or m < min(inside)), min(inside, default=np.nan)
    while not np.isfinite(high):
        if low >= furthest:
            return low, "not reached: the interval leaves out zero up to here"
        further = min(max(2 * low, furthest / 64), furthest)
        low, high = (further, np.nan) if leaves_out_zero(interval(further)[:2]) else (low, further)
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if leaves_out_zero(interval(middle)[:2]) else (low, middle)
    return low, ""


def support(path: Path) -> str:
    """How few cities the covariance rests on, and which ends are bins."""
    behind = ", ".join(f"{label}: {n}" for label, n in zip(path.labels, path.treated, strict=True))
    bins = f"; binned ends count as one period each ({', '.join(path.bins)})" if path.bins else ""
    return f"treated cities by event time: {behind}; with so few the clustered covariance is too small{bins}"


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
