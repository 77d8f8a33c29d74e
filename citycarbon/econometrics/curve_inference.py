"""The whole specification curve under reassignment: who is drawn once for all specifications, their p-values, the joint test.

A draw hands the records of the pilots (both dates, and whether a zone is a part of its city) to other cities; every
specification then reads those records by its own rules. So a draw gives a whole curve, and curves can be compared as wholes
(Simonsohn, Simmons and Nelson 2020). Exact under as-if-random assignment within the pool and the sharp null of no effect on any
city-year in any specification; pilots are selected, so it is a benchmark and not identification.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from citycarbon.econometrics import draws as law
from citycarbon.econometrics.curve_choices import CurvePanel, Pilot, Specification
from citycarbon.econometrics.curve_points import Group
from citycarbon.econometrics.inversion import TIE
from citycarbon.econometrics.randomisation import p_value

LEVEL = 0.05


@dataclass(frozen=True)
class Reassignments:
    """``cities`` (k, B): codes of the cities that a draw hands the k ``records`` to. ``fixed``: pilots outside the pool, which
    keep their own record in every draw (code -> record)."""

    cities: np.ndarray
    records: list[Pilot]
    fixed: dict[int, Pilot]
    seed: int


def reassignments(data: CurvePanel, rows: Any, draws: int) -> Reassignments:
    """``draws`` reassignments by the law of the headline column: distinct cities of its sample that have a row when their
    cohort starts, cohort sizes fixed. ``rows``: the estimation rows of that column (city_id, year).

    Raises ValueError where no pilot has a treated row there.
    """
    rule, adopters = data.study.treatment, data.adopters
    last = rows.groupby("city_id")["year"].max().astype(int).to_dict()
    dated = {c: p.first_year(rule.year_rule, rule.subcity_rule) for c, p in adopters.items()}
    drawn = {c: y for c, y in dated.items() if y is not None and c in last and last[c] >= y}
    codes = dict(zip(data.city.tolist(), data.city_code.tolist(), strict=True))
    treated_later = [c for c, p in adopters.items() if c not in drawn and _is_in_window(p, data)]
    units = [c for c in sorted(last) if c not in treated_later]
    scheme = law.cohorts(units, drawn, "spec_curve", last_year=last)
    seed = law.seed_of(data.study.placebo.seed if data.study.placebo else 0, "spec_curve", "", "cohorts")
    parts = [part for part, _ in law.blocks(scheme, seed, draws)]
    label = np.array([codes[u] for u in units])
    return Reassignments(
        cities=label[np.concatenate(parts, axis=1)],
        records=_records_by_slot(scheme, drawn, adopters),
        fixed={codes[c]: adopters[c] for c in treated_later if c in codes},
        seed=seed,
    )


def _is_in_window(pilot: Pilot, data: CurvePanel) -> bool:
    return any(year <= data.study.window.last for year in pilot.any_part.values())


def _records_by_slot(scheme: law.Scheme, drawn: dict[str, int], adopters: dict[str, Pilot]) -> list[Pilot]:
    """A record of the slot's cohort for every slot: slots of one cohort are exchangeable, so any order gives the same law."""
    waiting = {y: [adopters[c] for c in sorted(drawn) if drawn[c] == y] for y in set(drawn.values())}
    return [waiting[scheme.first_years[cohort]].pop(0) for cohort in np.concatenate(scheme.slots).tolist()]


@dataclass(frozen=True)
class Redrawn:
    """Draws of one specification (B,): coefficient in the unit of its estimate, clustered t; NaN where undefined."""

    beta: np.ndarray
    t: np.ndarray
    treated_mean: float


def redraw_group(group: Group, data: CurvePanel, who: Reassignments) -> dict[int, Redrawn]:
    """Number of the specification -> its draws, for all members of a group."""
    return redraw_members(group, int(data.city_code.max()) + 1, who)


def redraw_members(group: Group, codes: int, who: Reassignments) -> dict[int, Redrawn]:
    """:func:`redraw_group` from the number of city codes alone, which is quick to hand to another process."""
    out, done = {}, {}
    for number, spec in group.members:
        key = (spec.year_rule, spec.subcity_rule)
        if key not in done:
            done[key] = group.design.statistics(_atoms(group, codes, who, spec))
        statistics, i = done[key], group.outcome_of(spec)
        weights = np.eye(len(group.design.outcomes))[i]
        out[number] = Redrawn(statistics.beta(weights), statistics.t(weights), float(statistics.treated_units.mean()))
    return out


def _atoms(group: Group, codes: int, who: Reassignments, spec: Specification) -> np.ndarray:
    """Atoms (k, B) of the draws in this design: the empty one for a city that it does not hold, or a record that its rules
    call untreated."""
    design = group.design
    position = np.full(codes, -1)
    position[np.asarray(design.units)] = np.arange(len(design.units))
    atoms = np.full(who.cities.shape, design.empty, dtype=np.int32)
    for slot, record in enumerate(who.records):
        atoms[slot] = _atom(design, position[who.cities[slot]], record.first_year(spec.year_rule, spec.subcity_rule))
    fixed = [
        _atom(design, position[np.full(who.cities.shape[1], code)], record.first_year(spec.year_rule, spec.subcity_rule))
        for code, record in who.fixed.items()
    ]
    return np.vstack([atoms, *fixed]).astype(np.int32)


def _atom(design: Any, units: np.ndarray, first: int | None) -> np.ndarray:
    if first is None:
        return np.full(len(units), design.empty)
    return np.where(units >= 0, units * len(design.first_years) + design.first_years.index(first), design.empty)


@dataclass(frozen=True)
class Joint:
    """One joint statistic of the curve: observed, its p-value over the drawn curves, and the middle 95 % of those."""

    name: str
    meaning: str
    observed: float
    p_value: float
    low: float
    high: float
    draws: int


def joint_tests(t: np.ndarray, drawn: np.ndarray, critical: np.ndarray) -> list[Joint]:
    """The three joint statistics of Simonsohn, Simmons and Nelson (2020) on t statistics, two-sided.

    ``t`` (S,) actual; ``drawn`` (S, B); ``critical`` (S,): the 5 % critical values of t(G-1). An undefined draw is left out of
    the median and the mean of its curve and counts as not significant. t statistics, because effects on different scales have
    no common unit.
    """
    both = np.column_stack([t, drawn])
    defined = np.isfinite(both)
    beyond = {sign: (defined & (sign * np.where(defined, both, 0) > critical[:, None])).mean(axis=0) for sign in (-1, 1)}
    with np.errstate(invalid="ignore"):
        median, mean = np.nanmedian(both, axis=0), np.nanmean(both, axis=0)
    sign = -1 if median[0] < 0 else 1
    statistics = [
        ("median_t", "median t statistic over the specifications", median),
        ("mean_t", "mean t statistic over the specifications", mean),
        ("share_significant", f"share {'negative' if sign < 0 else 'positive'} with clustered p < 0.05", beyond[sign]),
    ]
    larger = np.maximum(beyond[-1], beyond[1])  # the sign is chosen by the data, so each drawn curve may choose its own
    return [
        Joint(
            name, meaning, float(values[0]),
            _p_of_share(larger[1:], values[0]) if name == "share_significant" else p_value(values[1:], float(values[0])),
            *np.quantile(values[1:], [0.025, 0.975]).tolist(), drawn.shape[1],
        )
        for name, meaning, values in statistics
    ]  # fmt: skip


def _p_of_share(drawn: np.ndarray, actual: float) -> float:
    return float((1 + (drawn >= actual * (1 - TIE)).sum()) / (len(drawn) + 1))


def band(drawn: np.ndarray, quantiles: Sequence[float] = (0.025, 0.975)) -> np.ndarray:
    """Pointwise quantiles (len(quantiles), S) of the sorted drawn curves: what the sorted curve looks like by chance.

    ``drawn`` (S, B); an undefined draw of a specification is left out and its curve is stretched over the ranks.
    """
    ordered = np.sort(drawn, axis=0)  # undefined ones stand last
    known = np.isfinite(ordered).sum(axis=0)
    curves = [ordered[:, known == len(drawn)]]
    for column, number in zip(ordered.T, known.tolist(), strict=True):
        if 0 < number < len(drawn):
            curves.append(np.interp(np.linspace(0, number - 1, len(drawn)), np.arange(number), column[:number])[:, None])
    together = np.concatenate(curves, axis=1)
    if not together.shape[1]:
        return np.full((len(quantiles), len(drawn)), np.nan)
    return np.quantile(together, quantiles, axis=1)
