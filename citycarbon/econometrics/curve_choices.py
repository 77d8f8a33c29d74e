"""The readings that a paper leaves open, crossed: what one specification is, and which rows, outcome and dates it means.

A reading is data of the study (``extensions.spec_curve``). Nothing is estimated here.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from citycarbon.econometrics import fwl
from citycarbon.econometrics.sample import FIRST_VARIABLE_STEP, KEYS, holds, repeated
from citycarbon.econometrics.treatment_codings import YEAR_COLUMN, list_years
from citycarbon.study.dictionary import POLICY_LIST
from citycarbon.study.extensions import SERIES_COLUMN, ControlSet, RowDrop, SeriesChoice, SpecCurve
from citycarbon.study.spec import Condition, Study

if TYPE_CHECKING:
    import pandas as pd

POPULATION = "population_persons"
LOG_SCALES = ("ln", "ln_per_head", "asinh")
UNITS = {"ln": "log points", "ln_per_head": "log points", "asinh": "inverse hyperbolic sine points", "level": "Mt",
         "per_head": "t per head"}  # fmt: skip


@dataclass(frozen=True)
class Specification:
    """One way of putting the question: the id of a choice for every reading."""

    effects: str
    controls: str
    year_rule: str
    subcity_rule: str
    series: str
    scale: str
    rows: str
    sample: str
    winsorise: float


READINGS = tuple(f.name for f in fields(Specification))


def specifications(curve: SpecCurve) -> list[Specification]:
    """Every combination of the study's choices, in the order in which they are declared."""
    choices = (
        curve.effects,
        [c.id for c in curve.controls],
        curve.year_rules,
        curve.subcity_rules,
        [s.id for s in curve.series],
        curve.scales,
        curve.rows,
        [s.id for s in curve.samples],
        curve.winsorise,
    )
    return [Specification(*combination) for combination in product(*choices)]


def headline_specification(study: Study, curve: SpecCurve) -> Specification | None:
    """The combination that is the study's own column, None where the choices do not hold it."""
    if study.outcome.transform != "ln" or study.outcome.splice is not None:
        return None
    controls = next((c.id for c in curve.controls if list(c.variables) == list(study.controls)), None)
    sample = next((s.id for s in curve.samples if not s.filter), None)
    rule = study.treatment
    own = Specification(
        study.fixed_effects[0], str(controls), rule.year_rule, rule.subcity_rule, study.outcome.series, "ln", "study",
        str(sample), 0.0,
    )  # fmt: skip
    return own if own in specifications(curve) else None


@dataclass(frozen=True)
class Pilot:
    """What the policy list says of one pilot city whatever the rules: year rule -> first year, counting parts of the city, and
    without them (empty where its zone is a part)."""

    any_part: dict[str, int]
    whole: dict[str, int]

    def dates(self, subcity_rule: str) -> dict[str, int]:
        """Year rule -> first year as the sub-city rule counts; empty where it calls the city untreated or leaves it out."""
        return self.any_part if subcity_rule == "treat" else self.whole

    def first_year(self, year_rule: str, subcity_rule: str) -> int | None:
        """The first treated year under the rules; None where they call the city untreated or leave it out."""
        return self.dates(subcity_rule).get(year_rule)

    def is_out(self, subcity_rule: str) -> bool:
        return subcity_rule == "exclude" and not self.whole


def pilots(policy: str, path: Path = POLICY_LIST) -> dict[str, Pilot]:
    """City -> its dates in the policy list, sorted by city."""
    by = {
        (year_rule, whole): list_years(policy, column, "treat", path, whole_cities=whole)
        for year_rule, column in YEAR_COLUMN.items()
        for whole in (False, True)
    }
    return {city: Pilot(_dates(by, city, False), _dates(by, city, True)) for city in sorted(by["announcement", False])}


def _dates(by: dict[tuple[str, bool], dict[str, int]], city: str, whole: bool) -> dict[str, int]:
    return {rule: by[rule, whole][city] for rule in YEAR_COLUMN if city in by[rule, whole]}


class CurvePanel:
    """The panel sorted by city and year, with what specifications ask of it kept once it was made."""

    def __init__(self, panel: pd.DataFrame, study: Study, curve: SpecCurve, adopters: dict[str, Pilot] | None = None) -> None:
        """``adopters``: as of :func:`pilots`, by default those of the policy list. Where the panel has a city and year twice,
        nobody can say which row counts: no row is taken, and ``reason`` says so."""
        self.reason = repeated(panel)
        self.panel = (panel.iloc[:0] if self.reason else panel).sort_values(KEYS, kind="stable", ignore_index=True)
        self.study, self.curve = study, curve
        self.adopters = pilots(study.treatment.policy) if adopters is None else adopters
        self.city, self.year = self.panel["city_id"].to_numpy(), self.panel["year"].to_numpy()
        self.cities = np.unique(self.city)  # by code
        self.city_code, self.province_code = fwl.codes(self.city), fwl.codes(self.panel["province_id"].astype(str))
        self.placed = self.panel[["province_id", *KEYS]].notna().all(axis=1).to_numpy(dtype=bool)
        self._numbers: dict[str, np.ndarray] = {}

    def number(self, name: str) -> np.ndarray:
        """A panel column as float64 (n,), NaN where it is missing or the panel has none."""
        if name not in self._numbers:
            has = name in self.panel
            self._numbers[name] = (
                self.panel[name].to_numpy(dtype=float, na_value=np.nan) if has else np.full(len(self.panel), np.nan)
            )
        return self._numbers[name]

    def outcome(self, series: str, scale: str) -> np.ndarray:
        """CO2 of an emission series on a scale (n,): natural log, asinh or level of Mt, or of t per head."""
        chosen: SeriesChoice = next(s for s in self.curve.series if s.id == series)
        mt = self.number(SERIES_COLUMN[chosen.first])
        if chosen.second is not None:
            mt = np.where(self.year < chosen.year, mt, self.number(SERIES_COLUMN[chosen.second]))
        if scale in ("ln_per_head", "per_head"):
            mt = 1e6 * mt / self.number(POPULATION)
        if scale in ("ln", "ln_per_head"):
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.log(mt)
        return np.arcsinh(mt) if scale == "asinh" else mt

    def controls(self, choice: str) -> list[str]:
        chosen: ControlSet = next(c for c in self.curve.controls if c.id == choice)
        return list(chosen.variables)

    def chosen(self, rows: str, sample: str) -> np.ndarray:
        """Rows (n,) bool before complete cases: those of the study, or (``own``) every row of its units; and the filter."""
        mask = self.panel["in_sample"].fillna(False).to_numpy(dtype=bool, copy=True)
        if rows == "own":
            mask = mask | (self.number("drop_step") >= FIRST_VARIABLE_STEP)
        drop: RowDrop = next(s for s in self.curve.samples if s.id == sample)
        for condition in drop.filter:
            mask = mask & holds(self.panel, Condition(**condition.model_dump())).to_numpy(dtype=bool)
        return mask


def without_singletons(mask: np.ndarray, *levels: np.ndarray) -> np.ndarray:
    """``mask`` (n,) without rows that are alone in a level of any effect, again and again until none is left."""
    mask = mask.copy()
    while True:
        alone = np.zeros(len(mask), dtype=bool)
        for level in levels:
            alone |= mask & (np.bincount(level[mask], minlength=int(level.max()) + 1)[level] == 1)
        if not alone.any():
            return mask
        mask &= ~alone
