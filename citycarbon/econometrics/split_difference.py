"""Does the effect differ between the halves of a split? One pooled regression with everything interacted, and its redraws.

With every term and effect interacted, the pooled regression has the slopes of the two separate ones; what it adds is the
covariance between them and one small-sample factor. Where cities lie in one half each, the redraws are ``difference_test`` of
``randomisation``; where rows are split and a city can lie in both, they are done here, with its scores of both halves together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics import fwl
from citycarbon.econometrics.draws import Scheme, blocks, cohorts_stratified
from citycarbon.econometrics.randomisation import Difference, Experiment, difference_test, p_value, student_p
from citycarbon.econometrics.resampling import CHUNK
from citycarbon.econometrics.sample import EFFECT_COLUMNS
from citycarbon.econometrics.twfe import levels_counted
from citycarbon.study.spec import Column

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Interacted:
    """The treatment's slopes in both halves and their difference, high - low; NaN and a ``note`` where it is not estimable."""

    low: float = np.nan
    high: float = np.nan
    difference: float = np.nan
    std_error: float = np.nan
    t_stat: float = np.nan
    df: int = 0  # G - 1, a city in both halves counted once
    p_value: float = np.nan
    factor: float = np.nan  # G/(G-1) (N-1)/(N-K) of the pooled regression
    note: str = ""


def interacted(low: pd.DataFrame, high: pd.DataFrame, column: Column, cluster: str) -> Interacted:
    """The pooled regression: outcome on every term x half, with both effects x half; clustered by the column ``cluster``.

    ``low``, ``high``: estimation rows of either half (``Sample.rows``, with ``weight`` where the column is weighted), disjoint.
    The covariance is CRV1 with G, N and K of the pooled regression (docs/methods.md, Splits).
    """
    import pandas as pd

    names, effects = list(column.terms), [EFFECT_COLUMNS[name] for name in column.fixed_effects]
    rows = pd.concat([low, high], ignore_index=True)
    if rows[cluster].nunique() < 2 or not len(low) or not len(high):
        return Interacted(note="not estimable: a half without rows, or fewer than two cities")
    is_high = np.arange(len(rows)) >= len(low)
    halves = [~is_high, is_high]
    weights = rows["weight"].to_numpy(dtype=float) if "weight" in rows else None
    two_way = fwl.Effects(*(fwl.codes(2 * fwl.codes(rows[e]) + is_high) for e in effects), weights)
    x = np.column_stack([rows[names].to_numpy(dtype=float) * half[:, None] for half in halves])
    verdict = fwl.identify(x, two_way)
    of_treatment = (0, len(names))
    lost = [group for group, j in zip(("low", "high"), of_treatment, strict=True) if not _identified(j, verdict)]
    if lost:
        return Interacted(note=f"not estimable: {column.treatment} cannot be identified in the {' and the '.join(lost)} half")
    k = len(verdict.keep) + levels_counted(two_way, effects[0] == cluster)
    if len(rows) <= two_way.n_parameters + len(verdict.keep):
        return Interacted(note="not estimable: no more observations than parameters")
    clusters = fwl.codes(rows[cluster])
    fit = fwl.absorbed_fit(rows[column.outcome].to_numpy(dtype=float), x[:, verdict.keep], two_way, clusters, k)
    at = [verdict.keep.index(j) for j in of_treatment]
    contrast = np.zeros(len(verdict.keep))
    contrast[at] = (-1.0, 1.0)
    difference, variance = float(contrast @ fit.params), float(contrast @ fit.cov @ contrast)
    error, df = float(np.sqrt(max(variance, 0.0))), fit.n_clusters - 1
    t_stat = difference / error if error > 0 else np.nan
    n = len(rows)
    return Interacted(
        low=float(fit.params[at[0]]),
        high=float(fit.params[at[1]]),
        difference=difference,
        std_error=error,
        t_stat=t_stat,
        df=df,
        p_value=student_p(t_stat, df),
        factor=fit.n_clusters / df * (n - 1) / (n - k),
        note="" if error > 0 else "standard error is zero: no test",
    )


def _identified(j: int, verdict: fwl.Identified) -> bool:
    return j in verdict.keep and j not in verdict.collinear


def redraws(
    low: pd.DataFrame,
    high: pd.DataFrame,
    column: Column,
    cluster: str,
    pooled: Interacted,
    *,
    first_year: Mapping[Any, int] | None,
    seed: int,
    draws: int,
) -> Difference:
    """The difference against ``draws`` redraws of who is treated, under the null of an equal constant effect.

    ``first_year``: city -> first treated year by the policy. Treated cities are redrawn within each half, cohort sizes kept.
    Where a city lies in both halves its redraw treats its rows of both; cities are then redrawn among those whose rows from the
    first cohort's year on lie in the same halves. NaN and a ``note`` where the treatment cannot be redrawn.
    """
    effects = tuple(EFFECT_COLUMNS[name] for name in column.fixed_effects)
    try:
        halves = [
            Experiment.build(
                rows,
                column.outcome,
                column.treatment,
                column.terms[1:],
                effects,
                first_year=first_year,
                cluster=cluster,
                weights="weight" if "weight" in rows else None,
            )
            for rows in (low, high)
        ]
    except ValueError as error:
        return Difference(seed=seed, note=str(error))
    if not set(low["city_id"]) & set(high["city_id"]):
        return difference_test(*halves, seed=seed, draws=draws)
    cities = _cities(low, high, halves)
    return _straddling_test(halves[0], halves[1], pooled, cities, seed=seed, draws=draws)


@dataclass(frozen=True)
class _Cities:
    """Cities of both halves together: label, the halves of its rows since the first cohort ('', 'low' ...), its last year."""

    labels: np.ndarray
    pattern: list[str]
    last_year: dict[Any, int]


def _cities(low: pd.DataFrame, high: pd.DataFrame, halves: list[Experiment]) -> _Cities:
    start = min((y for half in halves for y in half.first_year.values()), default=0)
    pattern = dict.fromkeys(sorted({*low["city_id"], *high["city_id"]}), "")
    last: dict[Any, int] = {}
    for name, rows in (("low", low), ("high", high)):
        for city in rows.loc[rows["year"] >= start, "city_id"].unique():
            pattern[city] += name
        for city, year in rows.groupby("city_id")["year"].max().items():
            last[city] = max(int(year), last.get(city, int(year)))
    return _Cities(np.array(list(pattern)), list(pattern.values()), last)


def _straddling_test(
    low: Experiment, high: Experiment, pooled: Interacted, cities: _Cities, *, seed: int, draws: int
) -> Difference:
    """As ``difference_test`` where a city can lie in both halves: one assignment of cities treats rows of both."""
    first = {**low.first_year, **high.first_year}
    treated = {"treated_low": len(low.first_year), "treated_high": len(high.first_year), "seed": seed}
    if not low.first_year or not high.first_year:
        return Difference(**treated, note="not estimable: a half without a treated city")
    scheme = cohorts_stratified(cities.labels, first, cities.pattern, last_year=cities.last_year)
    engine = TwoHalves.build(low, high, cities.labels, scheme, pooled.factor)
    actual_units = np.searchsorted(cities.labels, list(first)).reshape(-1, 1)
    actual_cohorts = np.array([scheme.first_years.index(y) for y in first.values()]).reshape(-1, 1)
    null = engine.common_effect(actual_units, actual_cohorts)
    difference, t_stat = (float(v[0]) for v in engine.statistics(actual_units, actual_cohorts, 0.0))
    parts = [engine.statistics(*part, null) for part in chunks(scheme, seed, draws)]
    drawn, drawn_t = (np.concatenate(p) for p in zip(*parts, strict=True))
    return Difference(
        beta_low=pooled.low,
        beta_high=pooled.high,
        beta_pooled=null,
        difference=difference,
        std_error=pooled.std_error,
        t_stat=t_stat,
        df=pooled.df,
        p_value=student_p(t_stat, pooled.df),
        p_ri_t=p_value(drawn_t, t_stat),
        p_ri_beta=p_value(drawn, difference),
        draws=draws,
        undefined=int((~np.isfinite(drawn_t)).sum()),
        **treated,
    )


def chunks(scheme: Scheme, seed: int | tuple[int, ...], draws: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The first ``draws`` draws of a scheme, at most CHUNK at a time: units and cohorts."""
    for units, cohort in blocks(scheme, seed, draws):
        for lo in range(0, units.shape[1], CHUNK):
            yield units[:, lo : lo + CHUNK], cohort[:, lo : lo + CHUNK]


@dataclass(frozen=True)
class TwoHalves:
    """Two designs over one list of cities, whose scores are added city by city: a city may lie in one of them or in both.

    ``position``: city -> its unit in each design, -1 where it has no row there.
    """

    designs: tuple[Any, Any]
    position: np.ndarray  # (2, cities)
    cluster: np.ndarray  # (2, cities) its cluster in each design, -1 where it has no row there
    factor: float

    @classmethod
    def build(cls, low: Experiment, high: Experiment, cities: np.ndarray, scheme: Scheme, factor: float) -> TwoHalves:
        """``cities``: labels that units of ``scheme`` are positions in; ``factor``: that of the pooled regression."""
        designs = tuple(half.design.on(scheme.first_years) for half in (low, high))
        position = np.full((2, len(cities)), -1)
        for i, design in enumerate(designs):
            position[i, np.searchsorted(cities, design.units)] = np.arange(len(design.units))
        cluster = np.array([np.where(p >= 0, d.cluster[p], -1) for p, d in zip(position, designs, strict=True)])
        return cls(designs, position, cluster, factor)

    def _half(self, i: int, units: np.ndarray, cohort: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        design, at = self.designs[i], self.position[i][units]
        return design.scores(np.where(at >= 0, design.atoms(at, cohort), design.empty))

    def common_effect(self, units: np.ndarray, cohort: np.ndarray) -> float:
        """The common coefficient of the interacted model that the halves share: the null that is imposed."""
        (num_l, den_l, _), (num_h, den_h, _) = (self._half(i, units, cohort) for i in (0, 1))
        return float((num_l[0, 0] + num_h[0, 0]) / (den_l[0] + den_h[0]))

    def statistics(self, units: np.ndarray, cohort: np.ndarray, null: float) -> tuple[np.ndarray, np.ndarray]:
        """b_high - b_low and its t (draws,) for the outcome less ``null`` times the actual treatment; at most CHUNK draws.

        NaN where the treatment of a half is absorbed in a draw, as it is where no city of it is drawn.
        """
        weights = np.array([1.0, -null])
        difference = np.zeros(units.shape[1])
        scores = np.zeros((self.position.shape[1], units.shape[1]))
        for i, sign in ((0, -1.0), (1, 1.0)):
            num, den, by_cluster = self._half(i, units, cohort)
            difference += sign * (weights @ num) / den
            here = self.cluster[i] >= 0
            half = np.tensordot(weights, by_cluster, axes=1) / den
            scores[here] += sign * half[self.cluster[i][here]]
        error = np.sqrt(self.factor * (scores**2).sum(axis=0))
        with np.errstate(divide="ignore", invalid="ignore"):
            return difference, np.where(error > 0, difference / error, np.nan)
