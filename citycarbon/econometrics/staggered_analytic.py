"""Analytic errors of the staggered estimators, from the packages that have them: diff-diff, and PanelOLS for regressions.

Each function takes a grid and gives value, standard error and in words what that error is. Points by formula are
``staggered_points``; the two are held against each other at every run.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics.staggered_grid import Grid
from citycarbon.econometrics.staggered_points import NEVER
from citycarbon.econometrics.twfe import fit

if TYPE_CHECKING:
    import pandas as pd

NAMES = {"outcome": "y", "unit": "unit", "time": "year", "first_treat": "g"}


@dataclass(frozen=True)
class Analytic:
    """An estimate with the error that its package gives; NaN where it gives none, and ``kind`` says why."""

    value: float
    std_error: float
    kind: str


def long_rows(grid: Grid) -> pd.DataFrame:
    """The grid as rows: unit (its place), city_id, year, y, g (first treated year, 0 where never) and did."""
    import pandas as pd

    city, at = np.nonzero(grid.seen)
    first = np.where(np.isfinite(grid.first), grid.first, 0).astype(int)
    frame = pd.DataFrame({"unit": city, "city_id": grid.cities[city], "year": grid.years[at], "y": grid.y[grid.seen]})
    return frame.assign(g=first[city], did=grid.treated[grid.seen].astype(float))


def quietly(call: Callable[[], Any]) -> Any:
    """A package's result without its warnings about a design that the rows of the table describe themselves."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call()


def callaway_santanna(grid: Grid, how: str, control: str = NEVER) -> Analytic:
    from diff_diff import CallawaySantAnna

    found = quietly(lambda: CallawaySantAnna(control_group=control).fit(long_rows(grid), **NAMES))
    if how == "simple":
        return Analytic(float(found.overall_att), float(found.overall_se), "influence functions by city")
    if how == "dynamic":
        part = quietly(lambda: found.aggregate("event_study"))
        post = [i for i, e in enumerate(part.event_time) if e >= 0]
        index = list(part.vcov_index) if part.vcov_index is not None else list(part.event_time)
        at = [index.index(part.event_time[i]) for i in post]
        variance = np.asarray(part.vcov)[np.ix_(at, at)].mean()
        return Analytic(float(np.mean(part.att[post])), float(np.sqrt(variance)), "influence functions by city")
    return Analytic(np.nan, np.nan, "the package gives no joint error of this aggregation")


def sun_abraham(grid: Grid) -> Analytic:
    from diff_diff import SunAbraham

    found = quietly(lambda: SunAbraham(cluster="unit").fit(long_rows(grid), **NAMES))
    return Analytic(float(found.overall_att), float(found.overall_se), "clustered by city")


def imputation(grid: Grid) -> Analytic:
    from diff_diff import ImputationDiD

    found = quietly(lambda: ImputationDiD().fit(long_rows(grid), **NAMES))
    return Analytic(float(found.overall_att), float(found.overall_se), "conservative, by city and cohort (BJS)")


def two_stage(grid: Grid) -> Analytic:
    from diff_diff import TwoStageDiD

    found = quietly(lambda: TwoStageDiD().fit(long_rows(grid), **NAMES))
    return Analytic(float(found.overall_att), float(found.overall_se), "GMM of both stages, by city (Gardner)")


def stacked(grid: Grid) -> Analytic:
    """One regression on the stacked rows, errors clustered by city over all stacks."""
    import pandas as pd

    rows = long_rows(grid)
    stacks = [
        rows[(rows["g"] == 0) | (rows["g"] == g)].assign(
            own=lambda r, g=g: r["unit"].astype(str) + f"/{g}", when=lambda r, g=g: r["year"].astype(str) + f"/{g}"
        )
        for g in grid.cohorts
    ]
    if not stacks:
        return Analytic(np.nan, np.nan, "")
    from pyfixest import feols

    together = pd.concat(stacks, ignore_index=True)
    found = quietly(lambda: feols("y ~ did | own + when", data=together, vcov={"CRV1": "unit"}, fixef_tol=1e-12))
    return Analytic(float(found.coef()["did"]), float(found.se()["did"]), "CRV1 by city over all stacks")


def synthetic(grid: Grid) -> Analytic:
    from diff_diff import SyntheticDiD

    rows, values, errors, weights = long_rows(grid), [], [], []
    for g in grid.cohorts:
        mine = rows[(rows["g"] == 0) | (rows["g"] == g)].assign(pilot=lambda r, g=g: (r["g"] == g).astype(int))
        post = [int(y) for y in grid.years if y >= g]
        found = quietly(
            lambda mine=mine, post=post: SyntheticDiD(variance_method="jackknife").fit(
                mine, outcome="y", treatment="pilot", unit="unit", time="year", post_periods=post
            )
        )
        values.append(float(found.att))
        errors.append(float(found.se))
        weights.append(int((grid.first == g).sum()) * len(post))
    share = np.array(weights) / np.sum(weights)
    error = float(np.sqrt((share**2 * np.array(errors) ** 2).sum()))
    return Analytic(float(share @ values), error, "jackknife over cities, cohorts combined as if independent")


def two_way(grid: Grid) -> Analytic:
    """The static regression without controls by the estimator of record."""
    found = fit(long_rows(grid), "y", ["did"], {"city": "city_id", "year": "year"}, "city_id").estimates[0]
    return Analytic(found.value, found.std_error, "CRV1 by city")
