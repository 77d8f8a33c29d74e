"""The column with its outcome on other scales: rows of the analysis ``outcome_scale`` of ``sensitivity.csv``.

The column's outcome is the log of emissions. Here it is the level, emissions per head, their log, and the level by Poisson
pseudo-maximum likelihood (Santos Silva and Tenreyro 2006), which models the mean of the level and not that of the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics import fwl
from citycarbon.econometrics.randomisation import Experiment, redraw
from citycarbon.econometrics.sample import EFFECT_COLUMNS
from citycarbon.econometrics.sensitivity_base import (
    Base,
    Case,
    NotEstimable,
    Variant,
    counts,
    estimated,
    joined,
    left_out,
    randomised,
    redraw_cells,
    tested,
    with_redraws,
)
from citycarbon.econometrics.supply import not_supplied

if TYPE_CHECKING:
    import pandas as pd

LOG, LEVEL, PEOPLE = "lnco2", "co2_mt", "population_persons"
TONNES = 1e6  # in one Mt
_TOLERANCE = 1e-10  # of the iterations of the Poisson fit and of its projections


def outcome_scale(base: Base) -> list[Variant]:
    """Level, per head, log per head and Poisson, each with its unit and the effect in percent; the headline is the log."""
    scales = {"level": _level, "ln_per_head": _ln_per_head, "per_head": _per_head, "ppml": _ppml}
    return [Variant("outcome_scale", name, lambda make=make: make(base)) for name, make in scales.items()]


def emissions(base: Base, *more: str) -> pd.DataFrame:
    """Emissions in Mt and ``more`` variables on the rows of the sample.

    Raises NotEstimable where the panel has none, or where the column's outcome is not their log.
    """
    if base.column.outcome != LOG:
        raise NotEstimable(f"the outcome is {base.column.outcome}, not the log of emissions: it has one scale")
    for name in (LEVEL, *more):
        if name not in base.panel or base.panel[name].isna().all():
            raise NotEstimable(f"not supplied: {name}")
    return base.values([LEVEL, *more])


def _level(base: Base) -> list[dict[str, Any]]:
    return _scaled(base, emissions(base)[LEVEL].to_numpy(), base.study.variable(LEVEL).unit)


def _per_head(base: Base) -> list[dict[str, Any]]:
    return _scaled(base, _tonnes_per_head(base), "t per person")


def _ln_per_head(base: Base) -> list[dict[str, Any]]:
    values = _tonnes_per_head(base)
    logs = np.log(np.where(values > 0, values, np.nan))
    return _scaled(base, logs, "ln(t per person)", log=True)


def _tonnes_per_head(base: Base) -> np.ndarray:
    found = emissions(base, PEOPLE)
    people = found[PEOPLE].to_numpy()
    return TONNES * found[LEVEL].to_numpy() / np.where(people > 0, people, np.nan)


def _scaled(base: Base, values: np.ndarray, unit: str, *, log: bool = False) -> list[dict[str, Any]]:
    name = "scaled_outcome"
    case = Case.of(base, base.sample.rows.assign(**{name: values}), outcome=name, unit=unit)
    made = estimated(base, case)
    treated = case.rows.loc[case.rows[case.treatment] == 1, name]
    value = made[0]["estimate"]
    said = percent_of_log(value) if log else percent_of_level(value, float(treated.mean()) if len(treated) else np.nan)
    made[0]["note"] = joined([said, made[0]["note"]])
    return randomised(base, case, made)


def percent_of_log(effect: float) -> str:
    """100 (exp(b) - 1), in words."""
    return f"in percent: {100 * np.expm1(effect):+.1f}" if np.isfinite(effect) else ""


def percent_of_level(effect: float, treated_mean: float) -> str:
    """The effect over what the mean of the treated city-years would be without it, in words."""
    without = treated_mean - effect
    return f"in percent of the treated mean without it: {100 * effect / without:+.1f}" if without > 0 else ""


# --- Poisson pseudo-maximum likelihood ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Poisson:
    """One coefficient with its clustered error, the fitted mean, and which rows were used (no separated ones)."""

    value: float
    std_error: float
    mean: np.ndarray  # (rows used,)
    used: np.ndarray  # bool (n,)


def fit_poisson(rows: pd.DataFrame, outcome: str, terms: list[str], effects: tuple[str, str], cluster: str) -> Poisson:
    """E[y] = exp(x'b + both effects) by pyfixest; CRV1 by ``cluster`` with the small-sample factor of the linear columns.

    The coefficient is that of the first of ``terms``, which must be identified given the effects; NaN without terms.
    """
    import warnings

    import pyfixest

    names = {t: f"x{i}" for i, t in enumerate(terms)}
    data = rows.rename(columns={**names, outcome: "y"})[["y", *names.values(), *dict.fromkeys([*effects, cluster])]]
    data = data.reset_index(drop=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is separated is counted below
        fitted = pyfixest.fepois(
            f"y ~ {' + '.join(names.values()) or '1'} | {' + '.join(effects)}",
            data,
            vcov={"CRV1": cluster},
            demeaner=pyfixest.MapDemeaner(fixef_tol=_TOLERANCE),
            iwls_tol=_TOLERANCE,
            iwls_maxiter=100,
        )
    used = np.ones(len(data), dtype=bool)
    used[np.asarray(fitted.na_index, dtype=int)] = False
    mean = np.asarray(fitted.predict(type="response"), dtype=float).reshape(-1)
    if not terms:
        return Poisson(np.nan, np.nan, mean, used)
    at = fitted._coefnames.index("x0")
    return Poisson(float(fitted.coef().iloc[at]), float(fitted.se().iloc[at]), mean, used)


def _ppml(base: Base) -> list[dict[str, Any]]:
    name = "emissions"
    case = Case.of(base, base.sample.rows.assign(**{name: emissions(base)[LEVEL].to_numpy()}), outcome=name, unit="ln(mean Mt)")
    case, kept = _usable(base, case)
    full = fit_poisson(case.rows, name, [case.treatment, *kept], base.effects, EFFECT_COLUMNS[base.study.cluster])
    separated = int((~full.used).sum())
    rows = case.rows[full.used].reset_index(drop=True)
    case = Case(rows, name, case.treatment, kept, case.unit, incomplete=case.incomplete)
    row = counts(base, case) | {"term": case.treatment}
    row |= tested(full.value, full.std_error, rows[EFFECT_COLUMNS[base.study.cluster]].nunique() - 1)
    notes = [
        percent_of_log(full.value),
        f"{separated} separated rows left out" if separated else "",
        left_out(case),
        "one treated city: the clustered standard error is not reliable" if row["n_treated_units"] == 1 else "",
    ]
    return [with_redraws(row | {"note": joined(notes)}, _one_step(base, case))]


def _usable(base: Base, case: Case) -> tuple[Case, list[str]]:
    """The case and the controls that are identified. Raises NotEstimable with the reason where the treatment is not."""
    absent = not_supplied(base.panel, base.study, base.column)
    rows = case.rows
    if absent:
        raise NotEstimable(f"not supplied: {', '.join(absent)}")
    if not len(rows) or rows[EFFECT_COLUMNS[base.study.cluster]].nunique() < 2:
        raise NotEstimable("fewer than two clusters")
    if not (rows[case.treatment] == 1).any():
        raise NotEstimable("0 treated cities in this sample")
    if (rows[case.outcome] < 0).any():
        raise NotEstimable("negative emissions: a Poisson mean cannot be")
    effects = fwl.Effects(*(fwl.codes(rows[c]) for c in base.effects))
    terms = [case.treatment, *case.controls]
    verdict = fwl.identify(rows[terms].to_numpy(dtype=float), effects)
    if 0 not in verdict.keep or 0 in verdict.collinear:
        raise NotEstimable("absorbed by effects and controls")
    if len(rows) <= effects.n_parameters + len(verdict.keep):
        raise NotEstimable(f"{len(rows)} observations for {effects.n_parameters + len(verdict.keep)} parameters")
    return case, [terms[j] for j in verdict.keep if j]


def _one_step(base: Base, case: Case) -> dict[str, Any]:
    """p by redrawing the treatment, on the t of one Newton step from the fit without it.

    With mu the mean fitted without the treatment, that step is the regression of (y - mu) / mu on it, controls and effects
    with weights mu: mu does not depend on who is treated, so a redraw needs no new fit, and the test is exact under the sharp
    null whatever the statistic.
    """
    if base.study.placebo is None:
        return {"note": "no randomisation inference: the study asks for no redraws"}
    null = fit_poisson(case.rows, case.outcome, case.controls, base.effects, EFFECT_COLUMNS[base.study.cluster])
    rows = case.rows[null.used].reset_index(drop=True)
    working = (rows[case.outcome].to_numpy() - null.mean) / null.mean
    try:
        experiment = Experiment.build(
            rows.assign(working=working, mu=null.mean),
            "working",
            case.treatment,
            case.controls,
            base.effects,
            first_year=base.first_year,
            cluster=EFFECT_COLUMNS[base.study.cluster],
            weights="mu",
        )
    except ValueError as error:
        return {"note": f"no randomisation inference: {error}"}
    scheme, seed = experiment.scheme, base.seed(experiment.scheme.name)
    drawn = redraw(experiment.design, scheme, seed, base.options.draws).t()
    said = "p_ri_t rests on the t of one Newton step from the fit without the treatment"
    return redraw_cells(drawn, float(experiment.actual().t()[0]), scheme, seed, said)
