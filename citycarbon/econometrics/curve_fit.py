"""The treatment of a specification on a design that is already there: its coefficient under four variances, by outcome.

Frisch-Waugh-Lovell and CRV1 as in ``resampling``; the other variances as in ``other_variances`` (docs/methods.md, section 16).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from citycarbon.econometrics import fwl
from citycarbon.econometrics.resampling import Design
from citycarbon.econometrics.resampling_rows import demean, is_nested, sums
from citycarbon.econometrics.twfe import ROUNDING

VARIANCES = ("classical", "hc1", "province")  # beside the clustered one by city


@dataclass(frozen=True)
class CurveFit:
    """Coefficients b (m,) of the outcomes of a design; ``errors``: variance -> standard errors (m,) and degrees of freedom.

    A standard error that is rounding is zero. ``note`` says why nothing is estimable.
    """

    treated: np.ndarray  # (n,) bool
    beta: np.ndarray
    errors: dict[str, tuple[np.ndarray, int]] = field(default_factory=dict)
    note: str = ""


def fit_treatment(design: Design, d: np.ndarray, province: np.ndarray) -> CurveFit:
    """``d`` (n,) 0/1 and ``province`` (n,) codes, on the rows of the design (sorted by city and year, no weights)."""
    treated = d == 1
    left, size = _without_the_rest(design, d), float(((d - d.mean()) ** 2).sum())
    den = float(left @ left)
    nothing = np.full(len(design.outcomes), np.nan)
    if not treated.any():
        return CurveFit(treated, nothing, note="not estimable: 0 treated cities in this sample")
    if treated.all() or den <= fwl.ABSORBED**2 * size:
        return CurveFit(treated, nothing, note="not estimable: absorbed by the fixed effects and controls")
    every = _parameters(design, province)
    if not np.isfinite(design.factor) or design.n_obs <= every:
        return CurveFit(treated, nothing, note=f"not estimable: {design.n_obs} observations for {every} parameters")
    beta = left @ design.rows.r / den
    resid = design.rows.r - left[:, None] * beta
    rss = (resid**2).sum(axis=0)

    def error(variance: np.ndarray) -> np.ndarray:
        return np.sqrt(np.where(variance > ROUNDING * rss / den, variance, 0.0))

    scores, n = left[:, None] * resid, design.n_obs
    errors = {
        "city": (error(design.factor * (sums(scores, design.rows.cluster) ** 2).sum(axis=0) / den**2), design.df),
        "classical": (error(rss / (n - every) / den), n - every),
        "hc1": (error(n / (n - every) * (scores**2).sum(axis=0) / den**2), n - every),
    }
    groups = int(province.max()) + 1
    if groups > 1:
        factor = groups / (groups - 1) * (n - 1) / (n - _outside_provinces(design, province))
        errors["province"] = (error(factor * (sums(scores, province) ** 2).sum(axis=0) / den**2), groups - 1)
    return CurveFit(treated, beta, errors)


def _without_the_rest(design: Design, d: np.ndarray) -> np.ndarray:
    """``d`` (n,) net of effects and controls."""
    left = demean(d[:, None], design.rows)
    for _ in range(2):  # the second pass removes what rounding left of the first
        left = left - design.rows.z @ (design.rows.z.T @ left)
    return left[:, 0]


def _levels(design: Design, province: np.ndarray) -> int:
    """Levels of the first effect: the cities of the design, or its provinces."""
    return len(design.units) if design.nested else int(province.max()) + 1


def _parameters(design: Design, province: np.ndarray) -> int:
    """K with every fixed effect."""
    return design.k_counted + (_levels(design, province) - 1 if design.nested else 0)


def _outside_provinces(design: Design, province: np.ndarray) -> int:
    """K of a variance clustered by province: a first effect that lies inside provinces counts nothing."""
    if not design.nested or is_nested(design.rows.cluster, province):
        return _parameters(design, province) - _levels(design, province) + 1
    return _parameters(design, province)
