"""The event study of a study's headline as vectors: leads and lags around the base with their full clustered covariance.

What ``honest_did`` and ``pretrend_power`` start from. The coefficients are those of ``event_study.csv``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics.event_study import (
    BINNED,
    SHORTCUT,
    event_label,
    event_term,
    fit_events,
    headline_column,
    make_design,
)
from citycarbon.study.spec import Study

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Path:
    """Consecutive event times around the base, which is left out of all arrays. ``elapsed``: mean years from the base to the
    treated city-years of each event time (of a bin, the mean over its rows)."""

    times: tuple[int, ...]
    leads: int
    beta: np.ndarray  # (k,)
    sigma: np.ndarray  # (k, k), clustered by city
    elapsed: np.ndarray  # (k,)
    labels: tuple[str, ...]
    treated: tuple[int, ...]  # cities behind each event time
    df: int
    facts: dict[str, Any]  # what a row of sensitivity.csv says of the sample
    bins: tuple[str, ...]  # labels of binned ends

    @property
    def lags(self) -> int:
        return len(self.times) - self.leads


def targets(path: Path) -> dict[str, np.ndarray]:
    """Weights (lags,) on the lags: ``first``, the year of adoption (or the first event time after it), and ``mean``, the mean
    of the event times from adoption on, where there are several."""
    treated = np.array(path.times[path.leads :]) >= 0
    first = np.eye(path.lags)[int(treated.argmax())]
    return {"first": first} if treated.sum() == 1 else {"first": first, "mean": treated / treated.sum()}


def single_years(path: Path) -> Path:
    """``path`` without bins of more than one year; ``path`` itself where there are none, or no lead or lag would be left.

    A bin stands for many years: it finds a trend that lasted through all of them, not one that began shortly before adoption,
    and a straight line is not straight through it. A bin that holds no other year than its own in this sample stays.
    """
    base = path.times[path.leads - 1] + 1
    own = np.abs(path.elapsed - (np.array(path.times) - base)) < 1e-9
    keep = [i for i, label in enumerate(path.labels) if own[i] or label not in path.bins]
    leads = sum(i < path.leads for i in keep)
    if len(keep) == len(path.times) or not leads or not any(path.times[i] >= 0 for i in keep if i >= path.leads):
        return path
    at = np.array(keep)
    return replace(
        path,
        times=tuple(path.times[i] for i in keep),
        leads=leads,
        beta=path.beta[at],
        sigma=path.sigma[np.ix_(at, at)],
        elapsed=path.elapsed[at],
        labels=tuple(path.labels[i] for i in keep),
        treated=tuple(path.treated[i] for i in keep),
        bins=tuple(path.labels[i] for i in keep if path.labels[i] in path.bins),
    )


def path_of(panel: pd.DataFrame, study: Study) -> Path | str:
    """The headline event study of ``study`` on ``panel``, or the reason why it has no leads and lags around its base.

    Event times beyond one that is not estimable are left out: restrictions on differences need neighbours.
    """
    event = study.event_study
    if event is None:
        return "the study asks for no event study"
    column = headline_column(study)
    try:
        design = make_design(panel, study, column, event, event.bin_ends)
    except ValueError as why:
        return str(why)
    if not len(design.sample.rows):
        return "no rows"
    fitted = fit_events(design, study, column)
    known = {e.term for e in fitted.estimates if np.isfinite(e.value) and e.std_error > 0}
    before = _run(range(event.base - 1, event.first - 1, -1), known)[::-1]
    after = _run(range(event.base + 1, event.last + 1), known)
    if not before or not after:
        missing = "leads" if not before else "lags"
        return f"no {missing} next to the base period can be estimated"
    if max(after) < 0:
        return "no event time from adoption on can be estimated"
    times = [*before, *after]
    values = {e.term: e.value for e in fitted.estimates}
    at = [fitted.kept.index(event_term(t)) for t in times]
    rows = design.assigned
    return Path(
        times=tuple(times),
        leads=len(before),
        beta=np.array([values[event_term(t)] for t in times]),
        sigma=fitted.cov[np.ix_(at, at)],
        elapsed=np.array([float(design.time[rows == t].mean()) - event.base for t in times]),
        labels=tuple(event_label(t, event, event.bin_ends) for t in times),
        treated=tuple(len(set(design.sample.rows["city_id"].to_numpy()[rows == t])) for t in times),
        df=fitted.df,
        facts=_facts(design, study, fitted.n_obs),
        bins=tuple(event_label(t, event, True) for t in times if event.bin_ends and t in (event.first, event.last)),
    )


def _run(times: range, known: set[str]) -> list[int]:
    """Event times from the base outwards up to the first that is not estimable."""
    out: list[int] = []
    for t in times:
        if event_term(t) not in known:
            break
        out.append(t)
    return out


def _facts(design: Any, study: Study, n_obs: int) -> dict[str, Any]:
    rows, outcome = design.sample.rows, study.variable(study.outcome.variable)
    treated = rows[rows["did"] == 1]
    return {
        "table": "event_study", "column": BINNED if design.binned else SHORTCUT, "n_obs": n_obs,
        "n_units": int(rows["city_id"].nunique()), "n_treated_units": int(treated["city_id"].nunique()),
        "n_treated_cells": len(treated), "unit": "log points" if outcome.transform.startswith("ln") else outcome.unit,
    }  # fmt: skip
