"""What every analysis of ``sensitivity.csv`` starts from, and how a changed sample or regressor is estimated and redrawn.

The estimator is that of the column (``twfe``), the redraws those of ``randomisation``. A variant that cannot be estimated keeps
its rows, with the reason. Which variants there are is the work of the other ``sensitivity_`` modules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics import draws as law
from citycarbon.econometrics.randomisation import Experiment, p_value, redraw
from citycarbon.econometrics.sample import EFFECT_COLUMNS, KEYS, Sample, drop_singletons, estimation_sample
from citycarbon.econometrics.supply import not_supplied
from citycarbon.econometrics.twfe import Fit, fit
from citycarbon.study.extensions import Sensitivity
from citycarbon.study.spec import Column, Study

if TYPE_CHECKING:
    import pandas as pd

NEVER = 9999  # later than any year: the first treated year of a city that the policy never reaches


class NotEstimable(ValueError):
    """A variant that these data do not carry; the message is the reason."""


@dataclass(frozen=True)
class Base:
    """The column that is looked at again: its sample, when the policy reaches each city, and what the study asks for."""

    panel: pd.DataFrame  # sorted by city and year, one row each
    study: Study
    table: str
    column: Column
    options: Sensitivity
    centroids: Mapping[str, tuple[float, float]] = field(repr=False)

    @cached_property
    def sample(self) -> Sample:
        return estimation_sample(self.panel, self.study, self.column)

    @cached_property
    def fitted(self) -> tuple[Case, Fit]:
        """The column as it stands, for what changes its error alone. Raises NotEstimable without rows."""
        case = Case.of(self)
        return case, fitted_case(self, case)

    @property
    def treatment(self) -> str:
        return self.column.treatment

    @property
    def controls(self) -> list[str]:
        """Everything beside the treatment, in the column's order."""
        return self.column.terms[1:]

    @property
    def effects(self) -> tuple[str, str]:
        return tuple(EFFECT_COLUMNS[name] for name in self.column.fixed_effects)

    @cached_property
    def first_year(self) -> dict[str, int]:
        """Every city of the policy in the panel, also those treated after the sample -> first treated year."""
        policy = self.study.policy_of(self.column)
        if f"first_year_{policy}" in self.panel:
            found = self.panel.dropna(subset=[f"first_year_{policy}"]).groupby("city_id")[f"first_year_{policy}"].min()
        else:
            found = self.panel[self.panel[f"did_{policy}"] == 1].groupby("city_id")["year"].min()
        return found.astype(int).to_dict()

    @cached_property
    def treated(self) -> dict[str, int]:
        """Cities with a treated row in the sample -> first treated year by the policy."""
        rows = self.sample.rows
        return {c: self.first_year[c] for c in sorted(set(rows.loc[rows[self.treatment] == 1, "city_id"]))}

    def starts(self, first_year: Mapping[str, int], cities: pd.Series) -> np.ndarray:
        """First treated year of the city of each row (n,), ``NEVER`` where there is none."""
        return cities.map(first_year).astype(float).fillna(NEVER).to_numpy()

    def values(self, names: list[str]) -> pd.DataFrame:
        """Panel variables (float64) on the rows of the sample, in their order, under the panel's names."""
        held = self.panel[KEYS].assign(**{n: self.panel[n].astype("float64") for n in names})
        return self.sample.rows[KEYS].merge(held, on=KEYS, how="left", validate="one_to_one")[names]

    def seed(self, scheme: str) -> int:
        """The seed of the column's own redraws: variants of one sample see the same assignments."""
        return law.seed_of(self.study.placebo.seed, self.table, self.column.id, scheme)


@dataclass(frozen=True)
class Variant:
    """One way to look again: its labels, the terms it reports, and the function that gives one row a term."""

    analysis: str
    name: str
    make: Callable[[], list[dict[str, Any]]] = field(repr=False)
    parameter: float = np.nan
    parameter_unit: str = ""
    terms: tuple[str, ...] = ()  # more terms than the treatment

    def rows(self, base: Base) -> list[dict[str, Any]]:
        """The rows with all labels; where the variant cannot be estimated, one a term with the reason."""
        try:
            return [self._labels(base) | row for row in self.make()]
        except NotEstimable as reason:
            return self.unmade(base, str(reason))

    def unmade(self, base: Base, reason: str) -> list[dict[str, Any]]:
        """One row a term that says why there is no number."""
        terms = (base.treatment, *self.terms)
        return [self._labels(base) | {"term": term, "note": f"not estimable: {reason}"} for term in terms]

    def _labels(self, base: Base) -> dict[str, Any]:
        return {
            "analysis": self.analysis,
            "variant": self.name,
            "parameter": self.parameter,
            "parameter_unit": self.parameter_unit,
            "table": base.table,
            "column": base.column.id,
        }


@dataclass(frozen=True)
class Case:
    """What a variant estimates: rows with an outcome, the treatment and controls. The defaults are the column's own."""

    rows: pd.DataFrame
    outcome: str
    treatment: str
    controls: list[str]
    unit: str
    singletons: int = 0
    incomplete: int = 0

    @staticmethod
    def of(
        base: Base,
        rows: pd.DataFrame | None = None,
        *,
        outcome: str | None = None,
        controls: list[str] | None = None,
        unit: str | None = None,
    ) -> Case:
        """``rows`` (default: the sample's) without those that lack a finite value, and without singletons; both are counted."""
        rows = base.sample.rows if rows is None else rows
        outcome = base.column.outcome if outcome is None else outcome
        controls = base.controls if controls is None else controls
        complete = np.isfinite(rows[[outcome, base.treatment, *controls]].to_numpy(dtype=float)).all(axis=1)
        usable = rows[complete]
        kept = drop_singletons(usable, base.column.fixed_effects)
        return Case(
            kept.reset_index(drop=True),
            outcome,
            base.treatment,
            controls,
            unit_text(base) if unit is None else unit,
            len(usable) - len(kept),
            int((~complete).sum()),
        )


def unit_text(base: Base) -> str:
    """Unit of the coefficient: ``ln(Mt)`` where the outcome is a log of Mt."""
    declared = base.study.variable(base.column.outcome)
    return declared.unit if declared.transform == "none" else f"{declared.transform}({declared.unit})"


def estimated(
    base: Base, case: Case, *, note: str = "", percent: str = "", terms: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    """Rows of the treatment and of ``terms`` (among the controls) by the estimator of the column, without redraws.

    ``percent``: the estimate in percent, in words, put into the treatment's note. Raises NotEstimable without rows.
    """
    fitted = fitted_case(base, case)
    shared = counts(base, case)
    rows = []
    for estimate in fitted.estimates[: len(case.controls) + 1]:
        if estimate.term not in (case.treatment, *terms):
            continue
        absorbed = estimate.term == case.treatment and "absorbed" in estimate.note and not shared["n_treated_cells"]
        reason = "not estimable: 0 treated cities in this sample" if absorbed else estimate.note
        in_percent = percent if estimate.term == case.treatment and np.isfinite(estimate.value) else ""
        said = [reason, in_percent, note, left_out(case)]
        if estimate.term == case.treatment and shared["n_treated_units"] == 1 and np.isfinite(estimate.value):
            said.append("one treated city: the clustered standard error is not reliable")
        numbers = tested(estimate.value, estimate.std_error, fitted.df)
        own = shared if estimate.term == case.treatment else counts(base, case, estimate.term)
        rows.append(own | {"term": estimate.term, **numbers, "note": joined(said)})
    return rows


def fitted_case(base: Base, case: Case) -> Fit:
    """The fit behind :func:`estimated`. Raises NotEstimable without rows or without a supplied control."""
    absent = not_supplied(base.panel, base.study, base.column)
    if absent:
        raise NotEstimable(f"not supplied: {', '.join(absent)}")
    if not len(case.rows):
        raise NotEstimable("no rows in this sample")
    effects = dict(zip(base.column.fixed_effects, base.effects, strict=True))
    return fit(case.rows, case.outcome, [case.treatment, *case.controls], effects, EFFECT_COLUMNS[base.study.cluster])


def counts(base: Base, case: Case, term: str = "") -> dict[str, Any]:
    """What a row rests on; treated cities and city-years are those where the dummy ``term`` (the treatment) is 1."""
    treated = case.rows[case.rows[term or case.treatment] == 1]
    return {
        "n_obs": len(case.rows),
        "n_units": int(case.rows["city_id"].nunique()),
        "n_treated_units": int(treated["city_id"].nunique()),
        "n_treated_cells": len(treated),
        "unit": case.unit,
    }


def tested(value: float, error: float, df: int) -> dict[str, Any]:
    """estimate, std_error, statistic, df, p_value and the 95 % interval with t(df); what needs an error is empty without."""
    from scipy.stats import t as student

    usable = bool(np.isfinite(value) and np.isfinite(error) and error > 0)
    statistic = float(value / error) if usable else np.nan
    half = float(student.ppf(0.975, df) * error) if usable else np.nan
    return {
        "estimate": value,
        "std_error": error,
        "statistic": statistic,
        "df": df,
        "p_value": float(2 * student.sf(abs(statistic), df)) if usable else np.nan,
        "conf_low": value - half,
        "conf_high": value + half,
    }


def randomised(
    base: Base, case: Case, rows: list[dict[str, Any]], first_year: Mapping[str, int] | None = None, draws: int | None = None
) -> list[dict[str, Any]]:
    """``rows`` of :func:`estimated` with ``p_ri_t`` of the treatment: cohorts redrawn among the cities of the variant's sample.

    ``first_year``: city -> first treated year where it is not the policy's. Where there is nothing to redraw the note says why.
    """
    first, *rest = rows
    found = _by_redraws(base, case, first, base.first_year if first_year is None else first_year, draws or base.options.draws)
    return [with_redraws(first, found), *rest]


def _by_redraws(base: Base, case: Case, row: dict[str, Any], first_year: Mapping[str, int], draws: int) -> dict[str, Any]:
    if not np.isfinite(row["statistic"]):
        return {"note": ""}
    if base.study.placebo is None:
        return {"note": "no randomisation inference: the study asks for no redraws"}
    try:
        experiment = Experiment.build(
            case.rows,
            case.outcome,
            case.treatment,
            case.controls,
            base.effects,
            first_year=first_year,
            cluster=EFFECT_COLUMNS[base.study.cluster],
        )
    except ValueError as error:
        return {"note": f"no randomisation inference: {error}"}
    scheme, seed = experiment.scheme, base.seed(experiment.scheme.name)
    drawn = redraw(experiment.design, scheme, seed, draws).t()
    return redraw_cells(drawn, float(experiment.actual().t()[0]), scheme, seed)


def redraw_cells(drawn: np.ndarray, actual: float, scheme: law.Scheme, seed: int, said: str = "") -> dict[str, Any]:
    """What the t of redraws (draws,) give a row: p_ri_t, on how many draws of which seed, and a note (``said`` opens it)."""
    return {
        "p_ri_t": p_value(drawn, actual),
        "ri_draws": len(drawn),
        "ri_undefined": int((~np.isfinite(drawn)).sum()),
        "seed": str(seed),
        "note": joined([said, _redraw_note(drawn, scheme)]),
    }


def with_redraws(row: dict[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """``row`` with what :func:`redraw_cells` found, or with the note that says why nothing was redrawn."""
    return row | found | {"note": joined([row["note"], found["note"]])}


def _redraw_note(drawn: np.ndarray, scheme: law.Scheme) -> str:
    """How many redraws are undefined, and how many assignments there are where they are fewer than the redraws."""
    notes = []
    if undefined := int((~np.isfinite(drawn)).sum()):
        notes.append(f"{undefined} of {len(drawn)} redraws are undefined and left out")
    if (assignments := law.distinct_assignments(scheme)) < len(drawn):
        notes.append(f"only {assignments:.0f} different assignments exist")
    return joined(notes)


def left_out(case: Case) -> str:
    if not case.incomplete:
        return ""
    return f"{case.incomplete} sample rows without a finite value of this variant's variables left out"


def joined(notes: list[str]) -> str:
    return "; ".join(n for n in notes if n)


def named(cities: list[str]) -> str:
    """``3 cities (110000, 120000, 130100)``; of many the first ten."""
    shown = ", ".join(cities[:10]) + (" ..." if len(cities) > 10 else "")
    return f"{len(cities)} {'city' if len(cities) == 1 else 'cities'} ({shown})"
