"""Randomisation inference: the actual treatment of a sample against its redraws, p-values, and the test of a split.

Exact under as-if-random assignment and the sharp null of no effect on any cell. Pilots are selected, so what comes out is a
benchmark and not identification.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics.draws import Scheme, blocks, cohorts
from citycarbon.econometrics.inversion import TIE
from citycarbon.econometrics.resampling import Design, Statistics

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Experiment:
    """A sample and who is treated in it. The design's outcomes are the outcome and the treatment itself."""

    design: Design
    first_year: dict[Any, int]  # treated units (with a treated row in the sample) -> first treated year

    @staticmethod
    def build(
        rows: pd.DataFrame,
        outcome: str,
        treatment: str,
        controls: list[str],
        effects: tuple[str, str],
        *,
        first_year: Mapping[Any, int] | None = None,
        unit: str = "city_id",
        year: str = "year",
        cluster: str = "city_id",
        weights: str | None = None,
    ) -> Experiment:
        """``rows`` as of ``Sample.rows``. ``first_year``: unit -> first treated year by the policy; without it the first
        treated row of the sample counts, which is later where that year is missing.

        Raises ValueError where the treatment of a unit is not 1[year >= first year].
        """
        treated = rows[rows[treatment] == 1].groupby(unit)[year].min()
        first = {u: int((first_year or {}).get(u, y)) for u, y in treated.items()}
        implied = rows[year] >= rows[unit].map(first).astype(float).fillna(np.inf)
        if not (implied == (rows[treatment] == 1)).all() or not rows[treatment].isin([0, 1]).all():
            raise ValueError(f"{treatment} is not 1 from a first year on in every unit: it cannot be redrawn")
        years = sorted(set(first.values()))
        design = Design.build(
            rows, [outcome, treatment], controls, effects, years, unit=unit, year=year, cluster=cluster, weights=weights
        )
        return Experiment(design, dict(sorted(first.items())))

    @property
    def scheme(self) -> Scheme:
        """The default law: cohort sizes fixed, distinct units of the sample that have a row when their cohort starts.

        Those counted as treated all have one. Redrawing from units without would treat fewer cities than in fact.
        """
        return cohorts(self.design.units, self.first_year, last_year=self.design.last_year)

    def actual(self) -> Statistics:
        """The statistics of the assignment that took place (one draw)."""
        atoms = [self.design.atom_of(u, g) for u, g in self.first_year.items()]
        return self.design.statistics(np.array(atoms, dtype=np.int32).reshape(-1, 1), chunk=1)


def redraw(design: Design, scheme: Scheme, seed: int | tuple[int, ...], draws: int, workers: int = 1) -> Statistics:
    """Statistics of ``draws`` redraws. The result does not depend on ``workers`` (threads over blocks)."""
    on = design if design.first_years == scheme.first_years else design.on(scheme.first_years)

    def one(part: tuple[np.ndarray, np.ndarray]) -> Statistics:
        return on.statistics(on.atoms(*part))

    if workers == 1:
        return Statistics.concatenate([one(part) for part in blocks(scheme, seed, draws)])
    with ThreadPoolExecutor(workers) as pool:
        return Statistics.concatenate(list(pool.map(one, blocks(scheme, seed, draws))))


def p_value(drawn: np.ndarray, actual: float) -> float:
    """(1 + #{|drawn| >= |actual|}) / (B + 1) over the B defined draws (undefined ones are NaN).

    NaN without an actual value or without a defined draw.
    """
    defined = drawn[np.isfinite(drawn)]
    if not np.isfinite(actual) or not len(defined):
        return float("nan")
    return float((1 + (np.abs(defined) >= abs(actual) * (1 - TIE)).sum()) / (len(defined) + 1))


@dataclass(frozen=True)
class Difference:
    """b_high - b_low with its tests. NaN and a ``note`` where it is not estimable."""

    beta_low: float = np.nan
    beta_high: float = np.nan
    beta_pooled: float = np.nan  # the common effect of the restricted model: the null that is imposed
    difference: float = np.nan
    std_error: float = np.nan  # clustered, with the small-sample factor of the pooled interacted regression
    t_stat: float = np.nan
    df: int = 0  # G - 1 of both halves together
    p_value: float = np.nan  # t(G-1)
    p_ri_t: float = np.nan
    p_ri_beta: float = np.nan
    draws: int = 0
    undefined: int = 0
    treated_low: int = 0
    treated_high: int = 0
    seed: int = 0
    note: str = ""


def difference_test(low: Experiment, high: Experiment, *, seed: int, draws: int) -> Difference:
    """Does the effect differ between two halves of the cities? The fully interacted model, b_high - b_low.

    With every regressor and effect interacted the pooled regression is the two separate ones. A cluster lies in one half, so

        Var = c (sum_{g in low} s_g^2 / den_low^2 + sum_{g in high} s_g^2 / den_high^2),   c with G, N, K of both halves.

    Randomisation inference under the null of an equal constant effect: y - b_pooled d replaces y in both halves, with
    b_pooled = (num_low + num_high) / (den_low + den_high), the common coefficient of the interacted model. Treated sets are
    redrawn within each half, cohort sizes kept. The null has a nuisance parameter, which is estimated: the test is not exact.
    """
    treated = {"treated_low": len(low.first_year), "treated_high": len(high.first_year), "seed": seed}
    empty = [name for name, half in (("low", low), ("high", high)) if not half.first_year]
    if empty:
        return Difference(**treated, note=f"not estimable: no treated city in the {' and the '.join(empty)} half")
    factor = pooled_factor(low.design, high.design)
    actual = _Halves(low.actual(), high.actual(), factor)
    plain = _Halves(
        redraw(low.design, low.scheme, (seed, 0), draws), redraw(high.design, high.scheme, (seed, 1), draws), factor
    )
    pooled = actual.pooled()
    beta_low, beta_high = float(actual.low.beta()[0]), float(actual.high.beta()[0])
    difference, error = float(actual.difference()[0]), float(actual.std_error()[0])
    drawn, drawn_t = plain.difference(pooled), plain.t(pooled)
    t_stat = float(actual.t()[0])
    df = low.design.n_clusters + high.design.n_clusters - 1
    return Difference(
        beta_low=beta_low,
        beta_high=beta_high,
        beta_pooled=pooled,
        difference=difference,
        std_error=error,
        t_stat=t_stat,
        df=df,
        p_value=student_p(t_stat, df),
        p_ri_t=p_value(drawn_t, t_stat),
        p_ri_beta=p_value(drawn, difference),
        draws=draws,
        undefined=int((~np.isfinite(drawn_t)).sum()),
        **treated,
    )


def student_p(t_stat: float, df: int) -> float:
    """Two-sided p-value of a t statistic with ``df`` degrees of freedom; NaN where there is no statistic."""
    from scipy.stats import t as student

    return float(2 * student.sf(abs(t_stat), df)) if np.isfinite(t_stat) else float("nan")


def pooled_factor(low: Design, high: Design) -> float:
    """c of the interacted regression: G, N and K of both halves, the constant counted once where the first effect is nested."""
    groups, n = low.n_clusters + high.n_clusters, low.n_obs + high.n_obs
    k = low.k_counted + high.k_counted - (1 if low.nested else 0)
    return groups / (groups - 1) * (n - 1) / (n - k) if n > k else float("nan")


@dataclass(frozen=True)
class _Halves:
    """The statistics of both halves, draw by draw; ``null``: the constant effect taken out of the outcome."""

    low: Statistics
    high: Statistics
    factor: float

    def pooled(self) -> float:
        den = self.low.den[0] + self.high.den[0]
        return float((self.low.num[0, 0] + self.high.num[0, 0]) / den)

    def difference(self, null: float = 0.0) -> np.ndarray:
        return self.high.beta((1.0, -null)) - self.low.beta((1.0, -null))

    def std_error(self, null: float = 0.0) -> np.ndarray:
        parts = [half.meat((1.0, -null)) / half.den**2 for half in (self.low, self.high)]
        return np.sqrt(self.factor * (parts[0] + parts[1]))

    def t(self, null: float = 0.0) -> np.ndarray:
        error = self.std_error(null)
        return np.where(error > 0, self.difference(null) / np.where(error > 0, error, 1.0), np.nan)
