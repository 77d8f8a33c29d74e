"""The rows a column is estimated on: in_sample, the column's filter, complete cases, no singletons. Nothing is fitted here."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from citycarbon.study.spec import Column, Condition, Study

if TYPE_CHECKING:
    import pandas as pd

# Name of an effect in a study -> the panel's column.
EFFECT_COLUMNS = {"city": "city_id", "province": "province_id", "year": "year"}
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "in": lambda series, values: series.isin(values),
    "not_in": lambda series, values: ~series.isin(values),
}


@dataclass(frozen=True)
class Sample:
    """Estimation rows of one column, sorted by city and year; float64 numbers under the study's names (``did`` included)."""

    rows: pd.DataFrame
    singletons: int
    incomplete: int  # rows of the sample without a finite value of one of the column's variables
    text: str


def holds(panel: pd.DataFrame, condition: Condition) -> pd.Series:
    """Rows (bool) that satisfy the condition; a missing value satisfies none."""
    series = panel[condition.variable]
    verdict = _OPERATORS[condition.op](series, condition.value)
    return verdict.fillna(False).astype(bool) & series.notna()


def drop_singletons(rows: pd.DataFrame, effects: tuple[str, ...]) -> pd.DataFrame:
    """Drop rows that are alone in a level of any effect, again and again until none is left (as reghdfe does)."""
    while len(rows):
        alone = rows[EFFECT_COLUMNS[effects[0]]].map(rows[EFFECT_COLUMNS[effects[0]]].value_counts()).eq(1)
        for effect in effects[1:]:
            levels = rows[EFFECT_COLUMNS[effect]]
            alone |= levels.map(levels.value_counts()).eq(1)
        if not alone.any():
            break
        rows = rows[~alone]
    return rows


def estimation_sample(panel: pd.DataFrame, study: Study, column: Column) -> Sample:
    """The rows of ``panel`` (one row per city_id and year) on which ``column`` is estimated.

    Raises KeyError where the panel lacks a column, ValueError where (city_id, year) is not unique: both are faults upstream.
    """
    import numpy as np

    if panel.duplicated(["city_id", "year"]).any():
        raise ValueError("the panel has more than one row for a city and year")
    chosen = panel["in_sample"].fillna(False).astype(bool)
    for condition in column.filter:
        chosen &= holds(panel, condition)
    rows = panel[chosen].sort_values(["city_id", "year"], kind="stable")
    names = list(dict.fromkeys([column.outcome, column.treatment, *column.controls]))
    numbers = {name: rows[study.panel_column(name)].astype("float64") for name in names}
    rows = rows[[*EFFECT_COLUMNS.values()]].assign(**numbers)
    complete = np.isfinite(rows[names].to_numpy(dtype=float)).all(axis=1) & rows[list(EFFECT_COLUMNS.values())].notna().all(
        axis=1
    )
    kept = drop_singletons(rows[complete], column.fixed_effects)
    return Sample(
        rows=kept.reset_index(drop=True),
        singletons=int(complete.sum()) - len(kept),
        incomplete=int((~complete).sum()),
        text=sample_text(study, column),
    )


def sample_text(study: Study, column: Column) -> str:
    """The sample rule in words, generated from the spec."""
    parts = [
        f"in_sample: units {', '.join(study.unit_kinds)}; {study.window.first}-{study.window.last}; "
        f"complete in {', '.join(study.sample_variables)}"
    ]
    parts += [str(condition) for condition in column.filter]
    return "; ".join([*parts, "singletons dropped"])
