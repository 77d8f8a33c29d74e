"""Doubly robust difference-in-differences (Callaway and Sant'Anna 2021; Sant'Anna and Zhao 2020), by the package diff-diff.

An ATT(g, t) compares the change from the last year before g to t of the cities first treated in g with that of the cities
without treatment in the sample. It is consistent if the outcome's change or the score is modelled rightly, both linear in the
covariate of the base year. The coefficient of a column is the *simple* aggregation: the mean of all ATT(g, t), t >= g, by
treated cities in the cell.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics.propensity import fit_score
from citycarbon.econometrics.twfe import Estimate, Fit

if TYPE_CHECKING:
    import pandas as pd

TRIM = 1e-6  # scores are kept off 0 and 1; the package's 0.01 would lift most controls where one city in sixty is treated
VCOV = "influence functions summed by city, tests and intervals with t(G-1)"
NO_INFERENCE = "no star: randomisation inference is not computed for this estimator"


@dataclass(frozen=True)
class Cell:
    """One ATT(g, t): the base year, who is compared, and the rows (bool, the sample's order) that it uses."""

    cohort: int
    year: int
    base: int
    treated: int
    controls: int
    rows: np.ndarray


@dataclass(frozen=True)
class DoublyRobust:
    """The fit of a column and the rows (bool) that it uses."""

    fit: Fit
    used: np.ndarray


def fit_doubly_robust(
    rows: pd.DataFrame, outcome: str, term: str, covariates: list[str], first_year: dict[Any, float]
) -> DoublyRobust:
    """Estimate one column. ``rows``: ``city_id``, ``year``, floats, complete, one row per city and year, sorted by both.

    ``first_year``: city -> first treated year, missing or NaN for none. A city first treated after the sample's last year is a
    control, as it is in the regressions. On an unbalanced panel each cell uses the cities seen in both of its years
    (``allow_unbalanced_panel=False``); the note has the estimate that treats the rows as repeated cross-sections as well.
    Standard error: influence functions by city, the cohort weights' sampling included; no small-sample factor. The number is
    empty, with a reason, where there is no cell, or where the covariate separates a cell's groups.
    """
    last = rows["year"].max()
    cohort = rows["city_id"].map(first_year).astype("float64").fillna(np.inf)
    cohort = cohort.where(cohort <= last, 0.0)
    cells = comparisons(rows, cohort)
    used = np.logical_or.reduce([c.rows for c in cells]) if cells else np.zeros(len(rows), dtype=bool)
    reason = _why_not(rows, cohort, covariates, cells)
    if reason:
        return DoublyRobust(_fit(term, rows[used], note=f"not estimable: {reason}"), used)
    value, error, failure = _attempt(rows, outcome, covariates, cohort, unbalanced=False)
    if failure:
        return DoublyRobust(_fit(term, rows[used], note=f"not estimable: {failure}"), used)
    notes = [_what(cells, covariates), _unbalanced(rows, outcome, covariates, cohort), NO_INFERENCE]
    return DoublyRobust(_fit(term, rows[used], value, error, "; ".join(n for n in notes if n)), used)


def comparisons(rows: pd.DataFrame, cohort: pd.Series) -> list[Cell]:
    """Every ATT(g, t), t >= g, that the rows allow: both groups have a city seen in the base year and in t.

    ``cohort``: first treated year of each row's city, 0 for a control. The base is the last year before g that the sample has.
    """
    years = np.sort(rows["year"].unique())
    seen = {int(y): set(rows.loc[rows["year"] == y, "city_id"]) for y in years}
    groups = {float(g): set(rows.loc[cohort == g, "city_id"]) for g in np.unique(cohort)}
    controls, found = groups.get(0.0, set()), []
    for g in sorted(g for g in groups if g > 0):
        before = years[years < g]
        for t in years[years >= g] if len(before) else []:
            both = seen[int(before[-1])] & seen[int(t)]
            treated, compared = groups[g] & both, controls & both
            if treated and compared:
                mask = rows["city_id"].isin(treated | compared) & rows["year"].isin([before[-1], t])
                found.append(Cell(int(g), int(t), int(before[-1]), len(treated), len(compared), mask.to_numpy()))
    return found


def _why_not(rows: pd.DataFrame, cohort: pd.Series, covariates: list[str], cells: list[Cell]) -> str:
    if not (cohort > 0).any():
        return "0 treated cities in this sample"
    if not cells:
        return "no treated city is seen in its base year and in a treated year"
    for cell in cells if covariates else []:
        base = rows[cell.rows & (rows["year"] == cell.base).to_numpy()]
        score = fit_score(base[covariates].to_numpy(dtype=float), (cohort[base.index] == cell.cohort).to_numpy())
        if score.reason:
            return f"cohort {cell.cohort} in {cell.year}: {score.reason}"
    return ""


def _attempt(
    rows: pd.DataFrame, outcome: str, covariates: list[str], cohort: pd.Series, unbalanced: bool
) -> tuple[float, float, str]:
    """Simple aggregation and its standard error, or why there is none: the package refuses a cell with too few controls."""
    from diff_diff import CallawaySantAnna

    data = rows[["city_id", "year", outcome, *covariates]].assign(cohort=cohort)
    model = CallawaySantAnna(
        control_group="never_treated", estimation_method="dr", allow_unbalanced_panel=unbalanced, pscore_trim=TRIM
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on events per variable, separation and balance: judged above and said in the note
        try:
            found = model.fit(data, outcome, "city_id", "year", "cohort", covariates=covariates or None)
        except (ValueError, np.linalg.LinAlgError) as error:
            return np.nan, np.nan, str(error).splitlines()[0].rstrip(".").replace(";", ",")
    value = float(found.overall_att)
    return value, float(found.overall_se), "" if np.isfinite(value) else "no cell has a finite estimate"


def _unbalanced(rows: pd.DataFrame, outcome: str, covariates: list[str], cohort: pd.Series) -> str:
    if len(rows) == rows["city_id"].nunique() * rows["year"].nunique():
        return "balanced panel"
    text = "unbalanced panel, cities seen in both years of a cell"
    value, error, failure = _attempt(rows, outcome, covariates, cohort, unbalanced=True)
    if failure:
        return f"{text}; as repeated cross-sections not estimable ({failure})"
    return f"{text}; as repeated cross-sections {value:.4f} ({error:.4f})"


def _what(cells: list[Cell], covariates: list[str]) -> str:
    parts = ", ".join(f"{c.cohort} in {c.year}: {c.treated} treated and {c.controls} controls since {c.base}" for c in cells)
    given = f"given {' and '.join(covariates)} of the base year" if covariates else "without covariates"
    return f"simple aggregation of {len(cells)} ATT(g, t) {given} ({parts}); never treated in the sample as controls"


def _fit(term: str, used: pd.DataFrame, value: float = np.nan, error: float = np.nan, note: str = "") -> Fit:
    estimate = Estimate(term, value, error, note)
    return Fit([estimate], len(used), int(used["city_id"].nunique()), {}, vcov=VCOV)
