"""The estimator of record: linearmodels PanelOLS in the one form whose clustered errors equal Stata's reghdfe.

City + year: city absorbed, constant and year dummies explicit, K = k + (T-1) + 1 (the city effects are nested in the clusters).
Province + year: nothing absorbed, dummies for both, K = k + (T-1) + P (provinces are not nested in city clusters).
Both with CRV1 * G/(G-1) * (N-1)/(N-K) and, for p-values and intervals, t(G-1), which PanelOLS itself does not use.
With weights: Stata's aweights. Their scale changes nothing, N stays the number of rows, means and R2 are weighted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from citycarbon.econometrics import fwl

if TYPE_CHECKING:
    import pandas as pd
    from linearmodels.panel import PanelOLS


ROUNDING = 1e-12  # share of RSS (X'X)^-1 up to which a clustered variance is rounding: a millionth of that standard error


@dataclass(frozen=True)
class Estimate:
    """One coefficient with its standard error; NaN and a ``note`` where it is not estimable."""

    term: str
    value: float = np.nan
    std_error: float = np.nan
    note: str = ""


@dataclass(frozen=True)
class R2:
    """The four R2 of reghdfe; ``adj`` and ``within_adj`` count every fixed effect, also those nested in clusters."""

    r2: float = np.nan
    adj: float = np.nan
    within: float = np.nan
    within_adj: float = np.nan


@dataclass(frozen=True)
class Fit:
    """What one column estimates: its terms in order (treatment, controls, _cons), and facts of the fitted model."""

    estimates: list[Estimate]
    n_obs: int
    n_clusters: int
    levels: dict[str, int]  # effect -> levels in the estimation sample
    k_counted: int = 0  # K of the small-sample factor
    r2: R2 = field(default_factory=R2)
    kept: tuple[str, ...] = ()  # the terms that were fitted, in the order of ``cov``
    cov: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))  # covariance of (kept terms, _cons), for joint tests
    residual_df: int = 0  # N less every parameter of the model, all fixed effects counted
    vcov: str = ""  # how the covariance is computed where it is not clustered in the way of this module

    @property
    def df(self) -> int:
        """Degrees of freedom of the t tests: clusters - 1."""
        return max(self.n_clusters - 1, 0)


def fit(
    rows: pd.DataFrame,
    outcome: str,
    terms: list[str],
    effect_columns: dict[str, str],
    cluster: str,
    weights: str | None = None,
) -> Fit:
    """Estimate ``outcome`` on ``terms`` with two fixed effects, standard errors clustered by the column ``cluster``.

    ``rows``: one row per city and year, float columns ``outcome`` and ``terms``, singletons already dropped.
    ``effect_columns``: effect name -> column; the first one is absorbed where it is the cluster. ``weights``: column of
    positive analytic weights. A term that is absorbed or collinear gets a row that says so; the fit never fails on the data's
    account.
    """
    first, second = (fwl.codes(rows[c]) for c in effect_columns.values())
    levels = {name: int(rows[c].nunique()) for name, c in effect_columns.items()}
    clusters = int(rows[cluster].nunique())
    if clusters < 2:
        return _nothing(terms, rows, clusters, levels, f"{clusters} clusters: nothing can be estimated")
    effects = fwl.Effects(first, second, rows[weights].to_numpy(dtype=float) if weights else None)
    x = rows[terms].to_numpy(dtype=float)
    verdict = fwl.identify(x, effects)
    absorb = effect_columns[next(iter(effect_columns))] == cluster
    k_counted = len(verdict.keep) + levels_counted(effects, absorb)
    if len(rows) <= effects.n_parameters + len(verdict.keep):
        reason = f"{len(rows)} observations for {effects.n_parameters + len(verdict.keep)} parameters"
        return _nothing(terms, rows, clusters, levels, reason)
    kept = [terms[j] for j in verdict.keep]
    params, cov, resid = _panel_ols(rows, outcome, kept, effects, absorb)
    at = np.diag_indices(len(kept))
    cov[at] = np.where(_is_variance(cov[at], x[:, verdict.keep], resid, effects), cov[at], 0.0)
    return Fit(
        estimates=[*slopes(terms, verdict, params, cov), _constant(terms, verdict, params, cov)],
        n_obs=len(rows),
        n_clusters=clusters,
        levels=levels,
        k_counted=k_counted,
        r2=_r2(rows[outcome].to_numpy(dtype=float), resid, effects, len(kept)),
        kept=tuple(kept),
        cov=cov,
        residual_df=len(rows) - effects.n_parameters - len(kept),
    )


def _is_variance(variances: np.ndarray, x: np.ndarray, resid: np.ndarray, effects: fwl.Effects) -> np.ndarray:
    """Which clustered variances of the slopes (k,) are more than rounding: two clusters, say, have scores that are zero.

    Judged against RSS (X'X)^-1, X net of the effects, which is the classical variance times its degrees of freedom.
    """
    if not x.shape[1]:
        return np.ones(0)
    left = effects.residualise(x - effects.mean(x)) * effects.root[:, None]
    size = np.linalg.norm(left, axis=0)
    inverse = np.linalg.inv(np.linalg.qr(left / size, mode="r"))
    return variances > ROUNDING * (inverse**2).sum(axis=1) / size**2 * float(resid @ resid)


def levels_counted(effects: fwl.Effects, absorb: bool) -> int:
    """Parameters of the effects that enter K: without the first effect where it is nested in the clusters, else all."""
    if absorb:
        return 1 + int(effects.second.max()) + 1 - effects.n_components
    return effects.n_parameters


def _nothing(terms: list[str], rows: pd.DataFrame, clusters: int, levels: dict[str, int], reason: str) -> Fit:
    note = f"not estimable: {reason}"
    return Fit([Estimate(t, note=note) for t in [*terms, "_cons"]], len(rows), clusters, levels)


def _panel_ols(
    rows: pd.DataFrame, outcome: str, kept: list[str], effects: fwl.Effects, absorb: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Parameters and covariance of (slopes, _cons) and the residuals, from PanelOLS.

    All regressors are centred: PanelOLS judges what is absorbed against a norm that includes the mean. They are scaled by
    powers of two, which changes no digit, so that its rank test does not depend on units. ``_cons`` is then taken back to the
    grand-mean convention, mean(y) - mean(x)'b, as a linear combination of (const, slopes) with their full covariance. Residuals
    carry the root weights of ``effects``.
    """
    import pandas as pd

    x = rows[kept].to_numpy(dtype=float)
    mean = effects.mean(x)
    scale = 2.0 ** np.round(np.log2(np.maximum(x.std(axis=0), np.finfo(float).tiny)))
    blocks = [np.ones((len(rows), 1)), (x - mean) / scale, effects.second_dummies()]
    if not absorb:
        blocks.append(effects.first_dummies())
    design = np.column_stack(blocks)
    index = pd.MultiIndex.from_arrays([rows["city_id"], rows["year"]], names=["city_id", "year"])
    exog = pd.DataFrame(design, index=index, columns=[f"x{j}" for j in range(design.shape[1])])
    endog = pd.Series(rows[outcome].to_numpy(dtype=float), index=index, name="y")
    weights = None if effects.weights is None else pd.Series(effects.weights, index=index, name="w")
    model = _lean_panel_ols()(endog, exog, entity_effects=absorb, weights=weights)
    result = model.fit(cov_type="clustered", cluster_entity=True, group_debias=True)
    k = len(kept)
    back = np.zeros((k + 1, k + 1))  # (const, scaled slopes) -> (slopes, _cons)
    back[:k, 1:] = np.diag(1.0 / scale)
    back[k] = np.concatenate([[1.0], -mean / scale])
    params = back @ result.params.to_numpy()[: k + 1]
    cov = back @ result.cov.to_numpy()[: k + 1, : k + 1] @ back.T
    return params, cov, result.resids.to_numpy() * effects.root


@cache
def _lean_panel_ols() -> type[PanelOLS]:
    """PanelOLS without its R2 measures, which take two fifths of a fit and are not used: :func:`_r2` has those of reghdfe.

    Coefficients, covariance and residuals know nothing of them. A release in which the two methods have other names computes
    the measures again, and nothing else changes.
    """
    from linearmodels.panel import PanelOLS

    class LeanPanelOLS(PanelOLS):
        def _rsquared(self, *_: object, **__: object) -> tuple[float, float, float]:
            return (np.nan, np.nan, np.nan)

        _rsquared_corr = _rsquared

    return LeanPanelOLS


def slopes(terms: list[str], verdict: fwl.Identified, params: np.ndarray, cov: np.ndarray) -> list[Estimate]:
    """The estimates of ``terms`` from ``params`` and ``cov`` of the kept ones, in order; the others say why they have none."""
    out = []
    for j, term in enumerate(terms):
        if j in verdict.absorbed:
            out.append(Estimate(term, note="not estimable: absorbed by the fixed effects"))
        elif j in verdict.collinear:
            partners = ", ".join(terms[i] for i in verdict.collinear[j])
            out.append(Estimate(term, note=f"not estimable: collinear with {partners} given the fixed effects"))
        else:
            i = verdict.keep.index(j)
            out.append(_estimate(term, params[i], cov[i, i], ""))
    return out


def _constant(terms: list[str], verdict: fwl.Identified, params: np.ndarray, cov: np.ndarray) -> Estimate:
    if verdict.collinear:  # its value would depend on which of the collinear terms is left out
        names = ", ".join(terms[j] for j in sorted(verdict.collinear))
        return Estimate("_cons", note=f"not estimable: {names} cannot be told apart")
    note = f"without {', '.join(terms[j] for j in verdict.absorbed)}" if verdict.absorbed else ""
    return _estimate("_cons", params[-1], cov[-1, -1], note)


def _estimate(term: str, value: float, variance: float, note: str) -> Estimate:
    return Estimate(term, float(value), float(np.sqrt(max(variance, 0.0))), note)


def _r2(y: np.ndarray, resid: np.ndarray, effects: fwl.Effects, k: int) -> R2:
    """R2 as reghdfe defines them. within: against the residual sum of squares of the effects alone (two-way, not xtreg's).

    Every sum of squares is weighted where the effects have weights; ``resid`` carries the root weights.
    """
    n, rss = len(y), float(resid @ resid)
    total = float((((y - effects.mean(y[:, None])[0]) * effects.root) ** 2).sum())
    left = effects.residualise(y[:, None])[:, 0] * effects.root
    within = float(left @ left)
    free = n - effects.n_parameters - k
    if total == 0 or within <= 1e-24 * total:
        return R2()
    r2, r2_within = 1 - rss / total, 1 - rss / within
    return R2(r2, 1 - (1 - r2) * (n - 1) / free, r2_within, 1 - (1 - r2_within) * (free + k) / free)
