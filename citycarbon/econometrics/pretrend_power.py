"""What a pre-trend test could have seen: Roth (2022). Rows of sensitivity.csv and the lines on Figure 2.

A linear violation of slope g per year gives the leads the mean g x (years from the base) and the lags the same. The test passes
where no lead is significant at 5 % by itself, as tables are usually read: power(g) = P(some |b_j| > z s_j), b ~ N(g k, Sigma),
with z the quantile of t(G-1). The probability is taken over a fixed Sobol sequence of normal vectors, so that it is the same
number everywhere and monotone in g. Beside it the joint test of the leads: its F is noncentral with g^2 k'Sigma^-1 k.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics.event_draws import SINGULAR
from citycarbon.econometrics.lead_paths import Path, path_of, single_years, targets
from citycarbon.study.spec import Study

if TYPE_CHECKING:
    import pandas as pd

ANALYSIS = "pretrend_power"
POINTS = 2**15
SEED = 20_220_901
LEVEL = 0.05


@dataclass(frozen=True)
class Slope:
    """A linear violation that the test finds with probability ``power``: its slope a year, and what it does to each lag: the
    bias of the lags (k,), and the same given that the test passed."""

    power: float
    slope: float
    bias: np.ndarray
    bias_given_passed: np.ndarray


@cache
def _normals(dimension: int) -> np.ndarray:
    from scipy.special import ndtri
    from scipy.stats import qmc

    points = qmc.Sobol(dimension, scramble=True, rng=np.random.default_rng(SEED)).random(POINTS)
    return ndtri(np.clip(points, 1e-15, 1 - 1e-15)).T


def power_of(slope: float, path: Path) -> float:
    """The probability that at least one lead is significant at 5 % under a linear violation of this slope a year."""
    return float(_found(slope, path)[0].mean())


def _found(slope: float, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Of every point: whether a lead is significant, and the leads (leads, POINTS)."""
    from scipy.stats import t as student

    sigma = path.sigma[: path.leads, : path.leads]
    values, vectors = np.linalg.eigh(sigma)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    leads = slope * path.elapsed[: path.leads, None] + root @ _normals(path.leads)
    critical = student.ppf(1 - LEVEL / 2, path.df) * np.sqrt(np.diag(sigma))
    return np.any(np.abs(leads) > critical[:, None], axis=0), leads


def detectable(path: Path, power: float) -> Slope:
    """The positive slope that is found with probability ``power`` (more than the size of the test at zero slope).

    Raises ValueError where already no violation at all is "found" as often.
    """
    if power_of(0.0, path) >= power:
        raise ValueError(f"without any violation a lead is significant with probability {power_of(0.0, path):.2f}")
    errors = np.sqrt(np.diag(path.sigma)[: path.leads])
    low, high = 0.0, float((errors / np.abs(path.elapsed[: path.leads])).min())
    while power_of(high, path) < power:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if power_of(middle, path) < power else (low, middle)
    slope = (low + high) / 2
    found, leads = _found(slope, path)
    bias = slope * path.elapsed[path.leads :]
    # E[b_post | passed] = bias + Sigma_post,pre Sigma_pre^-1 (E[b_pre | passed] - slope k), as b is normal.
    shift = leads[:, ~found].mean(axis=1) - slope * path.elapsed[: path.leads]
    cross = path.sigma[path.leads :, : path.leads] @ np.linalg.pinv(path.sigma[: path.leads, : path.leads])
    return Slope(power, slope, bias, bias + cross @ shift)


def detectable_jointly(path: Path, power: float) -> float:
    """The positive slope that the joint test of the leads (F(q, G-1) at 5 %) finds with probability ``power``.

    Raises ValueError where ``power`` is not above the test's size, or the covariance of the leads has no inverse.
    """
    from scipy.optimize import brentq
    from scipy.stats import f as fisher
    from scipy.stats import ncf

    errors = np.sqrt(np.diag(path.sigma)[: path.leads])
    correlation = path.sigma[: path.leads, : path.leads] / np.outer(errors, errors)
    if np.linalg.cond(correlation) > SINGULAR:
        raise ValueError("the clustered covariance of the leads is singular: too few treated cities for a joint test")
    if power <= LEVEL:
        raise ValueError(f"the joint test finds something with probability {LEVEL:g} where there is no violation")
    k = path.elapsed[: path.leads] / errors
    critical = fisher.isf(LEVEL, path.leads, path.df)

    def lacking(noncentrality: float) -> float:
        return float(ncf.sf(critical, path.leads, path.df, noncentrality)) - power

    high = 1.0
    while lacking(high) < 0:
        high *= 2
    return float(np.sqrt(brentq(lacking, 1e-12, high, xtol=1e-10) / (k @ np.linalg.solve(correlation, k))))


def slopes(path: Path, powers: list[float]) -> list[Slope | str]:
    """:func:`detectable` for each power; the reason where there is none."""
    out: list[Slope | str] = []
    for power in powers:
        try:
            out.append(detectable(path, power))
        except ValueError as why:
            out.append(str(why))
    return out


def add_slopes(events: pd.DataFrame, panel: pd.DataFrame, study: Study) -> pd.DataFrame:
    """``events`` (of ``event_study`` on the same panel and study) with ``slope_power_50`` and ``slope_power_80`` in the rows of
    the headline variant: the linear violation a year that its single-year leads would find with that power."""
    out = events.copy()
    path = path_of(panel, study) if len(events) else "no event study"
    if isinstance(path, str):
        return out
    headline = out["is_headline"].fillna(False).astype(bool)
    for name, found in zip(("slope_power_50", "slope_power_80"), slopes(single_years(path), [0.5, 0.8]), strict=True):
        if isinstance(found, Slope):
            out.loc[headline, name] = found.slope
    return out


def power_rows(panel: pd.DataFrame, study: Study) -> list[dict[str, Any]]:
    """Rows of ``sensitivity.csv``: for each power of ``extensions.trends`` the slope (unit of the outcome a year),
    and the bias that it would give the first lag and the mean of the lags, plain and given that no lead was significant."""
    asked = study.extensions.trends if study.extensions else None
    if asked is None:
        return []
    path = path_of(panel, study)
    if isinstance(path, str):
        return [_row("slope", power, note=f"not estimable: {path}") for power in asked.power]
    single = single_years(path)
    rows = _power_rows(path, asked.power, "")
    return rows + (_power_rows(single, asked.power, ", single years") if single is not path else [])


def _power_rows(path: Path, powers: list[float], which: str) -> list[dict[str, Any]]:
    leads = ", ".join(path.labels[: path.leads])
    note = f"found by one of the leads ({leads}) at 5 %; without any violation one is significant in {power_of(0.0, path):.3f}"
    out = []
    for power, found in zip(powers, slopes(path, powers), strict=True):
        if isinstance(found, str):
            out.append(_row(f"slope{which}", power, note=f"not estimable: {found}", **path.facts))
            continue
        facts = {**path.facts, "unit": f"{path.facts['unit']} a year"}
        out.append(_row(f"slope{which}", power, estimate=found.slope, note=note, **facts))
        for name, bias in (("bias", found.bias), ("bias given no significant lead", found.bias_given_passed)):
            for target, weights in targets(path).items():
                out.append(_row(f"{name}, {target}{which}", power, estimate=float(weights @ bias), note="", **path.facts))
    return out + [_joint_row(path, power, which) for power in powers]


def _joint_row(path: Path, power: float, which: str) -> dict[str, Any]:
    variant = f"slope, joint test{which}"
    try:
        slope = detectable_jointly(path, power)
    except ValueError as why:
        return _row(variant, power, note=f"not estimable: {why}", **path.facts)
    note = f"found by the joint test of the {path.leads} leads, F({path.leads}, {path.df}) at 5 %"
    return _row(variant, power, estimate=slope, note=note, **{**path.facts, "unit": f"{path.facts['unit']} a year"})


def _row(variant: str, power: float, **values: Any) -> dict[str, Any]:
    shared = {"analysis": ANALYSIS, "variant": variant, "parameter": power, "parameter_unit": "power", "term": "event study"}
    return shared | values
