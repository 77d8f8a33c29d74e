"""Hypotheses that are tested together: the outcomes of a table, the differences of its splits. Rows of ``inference.csv``.

The step-down is ``romano_wolf``. Here: who belongs to a family, the law from which all its members are redrawn at once, and the
statistics of every member in those draws.

One draw must serve samples that differ: an outcome is missing in some rows, and each split cuts the cities in its own way. So
a city is exchanged only with cities that stand in the same samples: in a group, one has a row of a sample when a cohort starts
if and only if every other candidate for that cohort has one. Every draw then treats in each sample, and in each half of each
split, as many cities of each cohort as are treated in fact. For one sample this is the default scheme, for one split by
cities the law of ``split_difference``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.beside import spread
from citycarbon.econometrics import draws as law
from citycarbon.econometrics.draw_schemes import fixed_note, smallest_note
from citycarbon.econometrics.inference_rows import NO_REDRAWS, inference_frame, not_tested
from citycarbon.econometrics.placebo import experiment
from citycarbon.econometrics.randomisation import Experiment
from citycarbon.econometrics.romano_wolf import step_down
from citycarbon.econometrics.sample import EFFECT_COLUMNS, estimation_sample
from citycarbon.econometrics.split_difference import TwoHalves, chunks, interacted
from citycarbon.econometrics.splits import Pair, pairs
from citycarbon.study.extensions import Family, Target
from citycarbon.study.spec import Column, Study

if TYPE_CHECKING:
    import pandas as pd

JOINT, ROMANO_WOLF = "joint:", "romano_wolf:"  # followed by the id of the family
ONE_ASSIGNMENT = "no treated city has another candidate that stands in the same samples: nothing to redraw"
DIFFERENCE = "high - low"  # follows the treatment in ``term`` of a split's rows


def family_rows(panel: pd.DataFrame, study: Study, estimates: pd.DataFrame, *, workers: int = 1) -> pd.DataFrame:
    """Rows ``joint:<family>`` (p on t in the family's draws, not adjusted) and ``romano_wolf:<family>`` (adjusted).

    Members are columns, or pairs of half columns: ``column`` is then ``<low>/<high>``, ``estimate`` the difference high - low.
    ``undefined``: draws in which the member itself has no statistic; draws without one of any member are left out for all. A
    member that is not estimable keeps its rows with the reason and is no hypothesis of the family. Numbers depend neither on
    the order of rows nor on ``workers`` (processes over families).
    """
    panel = panel.sort_values(["city_id", "year"], kind="stable", ignore_index=True)
    found = spread(_family, [(panel, study, family, estimates) for family in families(study)], workers=workers)
    return inference_frame([row for rows in found for row in rows])


def families(study: Study) -> list[Family]:
    """The families that the study declares, or those that follow from its headline tables: columns that differ in the outcome
    alone, and all splits that share everything but the split."""
    asked = study.inference.families
    return asked if asked is not None else [*_of_outcomes(study), *_of_splits(study)]


def _of_outcomes(study: Study) -> list[Family]:
    out = []
    for name, table in _headline(study).items():
        alike: dict[str, list[Column]] = {}
        for column in table.columns:
            alike.setdefault(column.model_dump_json(exclude={"id", "label", "outcome"}), []).append(column)
        for columns in alike.values():
            if len({c.outcome for c in columns}) > 1:
                first = columns[0]
                targets = [Target(table=name, column=c.id) for c in columns]
                label = f"outcomes of {name}, {' + '.join(first.fixed_effects)} effects"
                out.append(Family(id=f"{name}_{first.id}", label=label, columns=targets))
    return out


def _of_splits(study: Study) -> list[Family]:
    alike: dict[str, list[Pair]] = {}
    for pair in pairs(study):
        if pair.table in _headline(study):
            alike.setdefault(pair.low.model_dump_json(exclude={"id", "label", "half"}), []).append(pair)
    out = []
    for found in alike.values():
        if len(found) > 1:
            first = found[0]
            targets = [Target(table=p.table, column=p.low.id) for p in found]
            label = f"splits, {' + '.join(first.low.fixed_effects)} effects"
            out.append(Family(id=f"splits_{first.table}_{first.low.id}", label=label, splits=targets))
    return out


def _headline(study: Study) -> dict[str, Any]:
    return {name: table for name, table in study.regression_tables().items() if not table.variants}


# --- members -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Member:
    """One hypothesis: what names its rows, its samples with who is treated in them, or the ``reason`` why it has no test.

    ``halves``: the factor of the pooled regression where the samples are the halves of a split, else None.
    """

    labels: dict[str, str]
    samples: tuple[Experiment, ...] = ()
    halves: float | None = None
    reason: str = ""


def column_member(panel: pd.DataFrame, study: Study, table: str, column: Column, reason: str = "") -> Member:
    """The treatment of one column: no effect on its outcome."""
    labels = {"table": table, "column": column.id, "term": column.treatment}
    if reason:
        return Member(labels, reason=reason)
    try:
        case = experiment(estimation_sample(panel, study, column), panel, study, column)
    except ValueError as error:
        return Member(labels, reason=f"no randomisation inference: {error}")
    if not case.design.varies():
        return Member(labels, reason="the outcome does not vary beyond effects and controls")
    return Member(labels, (case,))


def split_member(panel: pd.DataFrame, study: Study, pair: Pair) -> Member:
    """The difference between the halves of a split: one constant effect in both."""
    labels = {
        "table": pair.table,
        "column": f"{pair.low.id}/{pair.high.id}",
        "term": f"{pair.low.treatment}: {DIFFERENCE}",
    }
    low, high = (estimation_sample(panel, study, column) for column in (pair.low, pair.high))
    if low.reason:
        return Member(labels, reason=f"not estimable: {low.reason}")
    pooled = interacted(low.rows, high.rows, pair.low, EFFECT_COLUMNS[study.cluster])
    if pooled.note:
        return Member(labels, reason=pooled.note)
    try:
        halves = tuple(experiment(s, panel, study, c) for s, c in ((low, pair.low), (high, pair.high)))
    except ValueError as error:
        return Member(labels, reason=f"no randomisation inference: {error}")
    if empty := [name for name, half in zip(("low", "high"), halves, strict=True) if not half.first_year]:
        return Member(labels, reason=f"not estimable: no treated city in the {' and the '.join(empty)} half")
    return Member(labels, halves, pooled.factor)


def joint_scheme(samples: Sequence[Experiment]) -> tuple[np.ndarray, law.Scheme]:
    """Labels of the cities of all samples, sorted, and the law whose draws serve each of them (see the module's docstring).

    Raises ValueError where two samples date a city differently, or none has a treated city.
    """
    cities = np.array(sorted({u for case in samples for u in case.design.units.tolist()}))
    first: dict[Any, int] = {}
    for case in samples:
        for city, year in case.first_year.items():
            if first.setdefault(city, year) != year:
                raise ValueError(f"the samples of the family treat {city} from {first[city]} and from {year} on")
    years = np.array(sorted(set(first.values())), dtype=int)
    reached = np.array([[_reached(case, city, years) for case in samples] for city in cities.tolist()])
    most = reached.max(axis=1, initial=0)
    # A sample that the city leaves no earlier than the others says nothing beyond ``most``, which bounds its cohorts anyway.
    group = [
        " ".join("-" if r == top else str(r) for r in row) for row, top in zip(reached.tolist(), most.tolist(), strict=True)
    ]
    last = {city: max(_last(case, city) for case in samples) for city in cities.tolist()}
    return cities, law.cohorts_stratified(cities, dict(sorted(first.items())), group, "joint", last_year=last)


def _reached(case: Experiment, city: Any, years: np.ndarray) -> int:
    """How many of the cohorts' first years (sorted) a city lasts to in a sample."""
    return int((years <= _last(case, city)).sum())


def _last(case: Experiment, city: Any) -> int:
    return case.design.last_year.get(city, -1)


def joint_statistics(
    members: Sequence[Member], cities: np.ndarray, scheme: law.Scheme, seed: int, draws: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Estimate and t (m,) of every member as it is, and its t (m, draws) in draws that all share; NaN where undefined."""
    first = {city: year for member in members for case in member.samples for city, year in case.first_year.items()}
    units = np.searchsorted(cities, list(first)).reshape(-1, 1)
    cohorts = np.array([scheme.first_years.index(year) for year in first.values()]).reshape(-1, 1)
    engines = [_Halves.of(m, cities, scheme) if m.halves is not None else _One.of(m, cities, scheme) for m in members]
    actual = [engine.actual(units, cohorts) for engine in engines]
    parts = [np.stack([engine.t(*part) for engine in engines]) for part in chunks(scheme, seed, draws)]
    return np.array([a[0] for a in actual]), np.array([a[1] for a in actual]), np.concatenate(parts, axis=1)


@dataclass
class _One:
    """A column's treatment over the cities of the family."""

    design: Any
    position: np.ndarray  # city -> its unit in the design, -1 where it has no row there

    @classmethod
    def of(cls, member: Member, cities: np.ndarray, scheme: law.Scheme) -> _One:
        design = member.samples[0].design.on(scheme.first_years)
        position = np.full(len(cities), -1)
        position[np.searchsorted(cities, design.units)] = np.arange(len(design.units))
        return cls(design, position)

    def _statistics(self, units: np.ndarray, cohorts: np.ndarray) -> Any:
        at = self.position[units]
        return self.design.statistics(np.where(at >= 0, self.design.atoms(at, cohorts), self.design.empty))

    def actual(self, units: np.ndarray, cohorts: np.ndarray) -> tuple[float, float]:
        found = self._statistics(units, cohorts)
        return float(found.beta()[0]), float(found.t()[0])

    def t(self, units: np.ndarray, cohorts: np.ndarray) -> np.ndarray:
        return self._statistics(units, cohorts).t()


@dataclass
class _Halves:
    """The difference between the halves of a split, its common effect taken out of the outcome in the draws."""

    halves: TwoHalves
    null: float = 0.0

    @classmethod
    def of(cls, member: Member, cities: np.ndarray, scheme: law.Scheme) -> _Halves:
        return cls(TwoHalves.build(*member.samples, cities, scheme, member.halves))

    def actual(self, units: np.ndarray, cohorts: np.ndarray) -> tuple[float, float]:
        self.null = self.halves.common_effect(units, cohorts)
        difference, t_stat = self.halves.statistics(units, cohorts, 0.0)
        return float(difference[0]), float(t_stat[0])

    def t(self, units: np.ndarray, cohorts: np.ndarray) -> np.ndarray:
        return self.halves.statistics(units, cohorts, self.null)[1]


# --- rows --------------------------------------------------------------------------------------------------------------------


def _family(panel: pd.DataFrame, study: Study, family: Family, estimates: pd.DataFrame) -> list[dict[str, Any]]:
    members = _members(panel, study, family, estimates)
    if study.placebo is None:
        return _reasons(family, members, NO_REDRAWS)
    tested = [m for m in members if not m.reason]
    if not tested:
        return _reasons(family, members)
    try:
        cities, scheme = joint_scheme([case for m in tested for case in m.samples])
    except ValueError as error:
        return _reasons(family, members, str(error))
    if law.distinct_assignments(scheme) == 1:
        return _reasons(family, members, ONE_ASSIGNMENT)
    seed = law.seed_of(study.placebo.seed, "family", family.id, "joint")
    draws = study.inference.draws or study.placebo.draws_variants
    estimate, t_stat, drawn = joint_statistics(tested, cities, scheme, seed, draws)
    return _rows(family, members, scheme, estimate, t_stat, drawn)


def _members(panel: pd.DataFrame, study: Study, family: Family, estimates: pd.DataFrame) -> list[Member]:
    of_column = {(p.table, c.id): p for p in pairs(study) for c in (p.low, p.high)} if family.splits else {}
    members = [split_member(panel, study, of_column[t.table, t.column]) for t in family.splits]
    for target in family.columns:
        column = study.column(target.table, target.column)
        reason = not_tested(estimates, target.table, column)
        members.append(column_member(panel, study, target.table, column, reason))
    return members


def _reasons(family: Family, members: Sequence[Member], reason: str = "") -> list[dict[str, Any]]:
    return [row for m in members for row in _both(family, m, {"note": m.reason or reason}, {"note": m.reason or reason})]


def _both(family: Family, member: Member, joint: dict[str, Any], adjusted: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {**member.labels, "method": f"{JOINT}{family.id}", **joint},
        {**member.labels, "method": f"{ROMANO_WOLF}{family.id}", **adjusted},
    ]


def _rows(
    family: Family, members: Sequence[Member], scheme: law.Scheme, estimate: np.ndarray, t_stat: np.ndarray, drawn: np.ndarray
) -> list[dict[str, Any]]:
    defined = np.isfinite(drawn)
    usable = np.isfinite(t_stat) & defined.any(axis=1)
    found = step_down(t_stat[usable], drawn[usable])
    place = iter(range(len(t_stat)))
    at = dict(zip(np.flatnonzero(usable).tolist(), range(int(usable.sum())), strict=True))
    rows = []
    for member in members:
        if member.reason:
            rows += _both(family, member, {"note": member.reason}, {"note": member.reason})
            continue
        i = next(place)
        shared: dict[str, Any] = {"estimate": estimate[i], "statistic": t_stat[i]}
        if i not in at:
            note = {"note": "no t statistic to redraw" if not np.isfinite(t_stat[i]) else "no draw has a t statistic"}
            rows += _both(family, member, {**shared, **note}, {**shared, **note})
            continue
        shared |= {"draws": drawn.shape[1], "undefined": int((~defined[i]).sum())}
        shared["note"] = _note(family, len(at), found.draws, drawn.shape[1], scheme)
        p_value, adjusted = (float(values[at[i]]) for values in (found.p_value, found.adjusted))
        rows += _both(family, member, {**shared, "p_value": p_value}, {**shared, "p_value": adjusted})
    return rows


def _note(family: Family, hypotheses: int, used: int, draws: int, scheme: law.Scheme) -> str:
    notes = [f"{family.label}: {hypotheses} {'hypothesis' if hypotheses == 1 else 'hypotheses'} tested together"]
    if used < draws:
        notes.append(f"{draws - used} of {draws} draws left out: undefined for one of them")
    assignments = law.distinct_assignments(scheme)
    if assignments < draws:
        notes.append(f"only {assignments:.0f} different assignments exist")
    return "; ".join(note for note in (*notes, fixed_note(scheme), smallest_note(scheme)) if note)
