"""Analytic errors of the staggered estimators: from diff-diff, PanelOLS and pyfixest, by formula where these have none.

Each function takes a grid and gives value, standard error and in words what that error is. Points by formula are
``staggered_points`` and ``staggered_cells``; the two are held against each other at every run.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics.staggered_cells import NEVER, PAIRS, SECTIONS, average, cells, influence
from citycarbon.econometrics.staggered_grid import Grid
from citycarbon.econometrics.staggered_points import saturated_rows, synthetic_jackknife
from citycarbon.econometrics.twfe import fit

if TYPE_CHECKING:
    import pandas as pd

NAMES = {"outcome": "y", "unit": "unit", "time": "year", "first_treat": "g"}


@dataclass(frozen=True)
class Analytic:
    """An estimate with its error; NaN where there is none, and ``kind`` says why. ``df``: of t tests, none where normal."""

    value: float
    std_error: float
    kind: str
    df: int | None = None
    note: str = ""


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


def callaway_santanna(grid: Grid, how: str, control: str = NEVER, rows: str = PAIRS) -> Analytic:
    """The value by diff-diff where it has this average (not by cohort and by calendar year); the error by the influence
    functions of ``staggered_cells``."""
    error = float(np.sqrt((influence(grid, how, control, rows) ** 2).sum()))
    kind = "influence functions by city"
    if how in ("group", "calendar"):
        return Analytic(average(cells(grid, control, rows), grid.first, how)[0], error, kind)
    return Analytic(callaway_santanna_package(grid, how, control, rows)[0], error, kind)


def callaway_santanna_package(grid: Grid, how: str, control: str = NEVER, rows: str = PAIRS) -> tuple[float, float]:
    """Value and error of the averages ``simple`` and ``dynamic`` by diff-diff."""
    from diff_diff import CallawaySantAnna

    model = CallawaySantAnna(control_group=control, allow_unbalanced_panel=rows == SECTIONS)
    found = quietly(lambda: model.fit(long_rows(grid), **NAMES))
    if how == "simple":
        return float(found.overall_att), float(found.overall_se)
    part = quietly(lambda: found.aggregate("event_study"))
    post = [i for i, e in enumerate(part.event_time) if e >= 0]
    index = list(part.vcov_index) if part.vcov_index is not None else list(part.event_time)
    at = [index.index(part.event_time[i]) for i in post]
    variance = np.asarray(part.vcov)[np.ix_(at, at)].mean()
    return float(np.mean(part.att[post])), float(np.sqrt(variance))


def doubly_robust(grid: Grid, covariate: str) -> Analytic:
    """The doubly robust estimator of the tables (``fit_doubly_robust``) given one covariate."""
    from citycarbon.econometrics.doubly_robust import fit_doubly_robust

    rows = long_rows(grid).assign(**{covariate: grid.x[grid.seen]}).sort_values(["city_id", "year"], ignore_index=True)
    first = {c: float(g) for c, g in zip(grid.cities, grid.first, strict=True) if np.isfinite(g)}
    best = fit_doubly_robust(rows, "y", "did", [covariate], first).fit.estimates[0]
    if not np.isfinite(best.value):
        return Analytic(np.nan, np.nan, "", note=best.note.removeprefix("not estimable: "))
    panel = "; ".join(part for part in best.note.split("; ") if "balanced panel" in part or part.startswith("as repeated"))
    return Analytic(best.value, best.std_error, "influence functions by city", note=panel)


def sun_abraham(grid: Grid) -> Analytic:
    """By diff-diff without the cohorts that have no base year: they have a coefficient of their own in every year, so they move
    no other one, and with them the package gives nothing."""
    from diff_diff import SunAbraham

    treated, rows = grid.treated, saturated_rows(grid)
    lost = {g for g in grid.cohorts if not rows[(grid.first == g)].any()}
    kept = ~np.isin(grid.first, list(lost)) if lost else np.ones(len(grid.first), dtype=bool)
    if (rows != treated)[kept].any():
        return Analytic(np.nan, np.nan, "", note="in some cohort only a part of the coefficients is identified")
    part = Grid(grid.cities[kept], grid.years, grid.y[kept], grid.first[kept])
    found = quietly(lambda: SunAbraham(cluster="unit").fit(long_rows(part), **NAMES))
    return Analytic(float(found.overall_att), float(found.overall_se), "clustered by city", _clusters(part))


def imputation(grid: Grid) -> Analytic:
    from diff_diff import ImputationDiD

    found = quietly(lambda: ImputationDiD().fit(long_rows(grid), **NAMES))
    return Analytic(float(found.overall_att), float(found.overall_se), "conservative, by cohort and event time (BJS)")


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
    return Analytic(float(found.coef()["did"]), float(found.se()["did"]), "CRV1 by city over all stacks", _clusters(grid))


def synthetic(grid: Grid) -> Analytic:
    """The value by diff-diff, cohort by cohort; the error by a jackknife over all of them together."""
    from diff_diff import SyntheticDiD

    rows, values, weights = long_rows(grid), [], []
    for g in grid.cohorts:
        mine = rows[(rows["g"] == 0) | (rows["g"] == g)].assign(pilot=lambda r, g=g: (r["g"] == g).astype(int))
        post = [int(y) for y in grid.years if y >= g]
        found = quietly(
            lambda mine=mine, post=post: SyntheticDiD(variance_method="jackknife").fit(
                mine, outcome="y", treatment="pilot", unit="unit", time="year", post_periods=post
            )
        )
        values.append(float(found.att))
        weights.append(int((grid.first == g).sum()) * len(post))
    error = synthetic_jackknife(grid)
    note = "" if np.isfinite(error) else "the jackknife needs two cities in each cohort and two comparison cities with weight"
    return Analytic(float(np.average(values, weights=weights)), error, "jackknife over cities, weights kept", note=note)


def two_way(grid: Grid) -> Analytic:
    """The static regression without controls by the estimator of record."""
    found = fit(long_rows(grid), "y", ["did"], {"city": "city_id", "year": "year"}, "city_id").estimates[0]
    return Analytic(found.value, found.std_error, "CRV1 by city", _clusters(grid))


def _clusters(grid: Grid) -> int:
    """G - 1, the degrees of freedom of clustered regressions."""
    return len(grid.cities) - 1
