"""The rows a column is estimated on: in_sample, the column's filter, complete cases, no singletons. Nothing is fitted here."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from citycarbon.study.spec import Column, Condition, Study

if TYPE_CHECKING:
    import pandas as pd

    from citycarbon.econometrics.matching import Match

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
KEYS = ["city_id", "year"]
FIRST_VARIABLE_STEP = 3  # drop_step of the panel: 1 kind of unit, 2 sub-city rule, 3 and on the study's sample variables


@dataclass(frozen=True)
class Sample:
    """Estimation rows of one column, sorted by city and year; float64 numbers under the study's names (``did`` included)."""

    rows: pd.DataFrame  # with ``weight`` where the column is weighted
    singletons: int
    incomplete: int  # rows of the sample without a finite value of one of the column's variables
    text: str
    outside: int = 0  # rows that belong to neither half of the column's split (its criterion is missing there)
    unmatched: int = 0  # rows that the column's matching leaves out
    match: Match | None = None  # what the column's matching did
    reason: str = ""  # why there is no sample at all

    @property
    def weights(self) -> str | None:
        """The column of ``rows`` that holds analytic weights, where the column is weighted."""
        return "weight" if "weight" in self.rows else None


def holds(panel: pd.DataFrame, condition: Condition) -> pd.Series:
    """Rows (bool) that satisfy the condition; a missing value satisfies none but ``is_missing``."""
    series = panel[condition.variable]
    if condition.op in ("is_missing", "is_present"):
        return series.isna() == (condition.op == "is_missing")
    verdict = _OPERATORS[condition.op](series, condition.value)
    return verdict.fillna(False).astype(bool) & series.notna()


def drop_singletons(rows: pd.DataFrame, effects: tuple[str, ...]) -> pd.DataFrame:
    """Drop rows that are alone in a level of any effect, again and again until none is left (as reghdfe does)."""
    import numpy as np
    import pandas as pd

    levels = [pd.factorize(rows[EFFECT_COLUMNS[effect]])[0] for effect in effects]
    kept = np.arange(len(rows))
    while len(kept):
        alone = np.zeros(len(kept), dtype=bool)
        for codes in levels:
            left = codes[kept]
            alone |= (left >= 0) & (np.bincount(left + 1)[left + 1] == 1)
        if not alone.any():
            break
        kept = kept[~alone]
    return rows if len(kept) == len(rows) else rows.iloc[kept]


def base_rows(panel: pd.DataFrame, study: Study, column: Column) -> pd.Series:
    """Rows (bool, the panel's index) of the column before half, matching and complete cases: ``in_sample`` (or, with rows
    ``own``, every row of the study's units) and its filter."""
    chosen = panel["in_sample"].fillna(False).astype(bool)
    if column.rows == "own":  # also the rows that only lack one of the study's sample variables
        chosen |= panel["drop_step"] >= FIRST_VARIABLE_STEP
    for condition in column.filter:
        chosen &= holds(panel, condition)
    return chosen


def repeated(panel: pd.DataFrame) -> str:
    """Which city and year the panel has more than once, in words; '' where there is none."""
    again = panel.duplicated(KEYS)
    if not again.any():
        return ""
    twice = panel.loc[again, KEYS].sort_values(KEYS)
    city, year = twice.iloc[0]
    rows = "1 row of the panel repeats" if len(twice) == 1 else f"{len(twice)} rows of the panel repeat"
    return f"{rows} a city and year ({city} in {year})"


def estimation_sample(panel: pd.DataFrame, study: Study, column: Column) -> Sample:
    """The rows of ``panel`` (one row per city_id and year) on which ``column`` is estimated.

    In this order: in_sample, the column's filter, its half of a split, complete cases, its matching, winsorising, singletons.
    Where the panel has a city and year twice, nobody can say which row counts: no row is taken, and ``reason`` says so. Raises
    KeyError where the panel lacks a column: a fault upstream.
    """
    import numpy as np

    reason = repeated(panel)
    panel = (panel.iloc[:0] if reason else panel).sort_values(KEYS, kind="stable", ignore_index=True)
    chosen = base_rows(panel, study, column)
    outside = 0
    if column.half:
        from citycarbon.econometrics.splits import groups

        group = groups(panel, study, study.split(column.half.split), chosen)
        outside = int((chosen & group.isna()).sum())
        chosen &= group.eq(column.half.group).fillna(False).astype(bool)
    numbers = column_values(panel, study, column, chosen)
    taken = chosen.to_numpy(dtype=bool)
    rows = panel.loc[taken, [*EFFECT_COLUMNS.values()]].assign(**{k: v.to_numpy()[taken] for k, v in numbers.items()})
    names = list(numbers)
    complete = np.isfinite(rows[names].to_numpy(dtype=float)).all(axis=1) & rows[list(EFFECT_COLUMNS.values())].notna().all(
        axis=1
    )
    usable, match = rows[complete], None
    if column.matching:
        from citycarbon.econometrics.matching import match_rows

        match = match_rows(panel, usable, study, study.matching(column.matching))
        usable = match.rows
    if column.winsorise:
        usable = winsorised(usable, [n for n in names if n != column.treatment], column.winsorise)
    kept = drop_singletons(usable, column.fixed_effects)
    return Sample(
        rows=kept.reset_index(drop=True),
        singletons=len(usable) - len(kept),
        incomplete=int((~complete).sum()),
        text=sample_text(study, column),
        outside=outside,
        unmatched=int(complete.sum()) - len(usable),
        match=match,
        reason=reason,
    )


def column_values(panel: pd.DataFrame, study: Study, column: Column, chosen: pd.Series) -> dict[str, pd.Series]:
    """Outcome, treatment, controls and exposures of a column by name: float64 on the panel's index, sorted by city and year.

    ``chosen``: the rows (bool) that a lag by rows and a city's mean before a law may look at.
    """
    out = {column.outcome: panel[study.panel_column(column.outcome)].astype("float64")}
    out[column.treatment] = treatment_values(panel, study, column, chosen)
    for name in column.controls:
        out[name] = panel[study.panel_column(name)].astype("float64")
    for exposure in column.exposures:
        before = panel[exposure.variable].astype("float64").where(chosen & (panel["year"] < exposure.year))
        mean = before.groupby(panel["city_id"]).transform("mean")
        out[exposure.term] = mean * (panel["year"] >= exposure.year)
    return out


def treatment_values(panel: pd.DataFrame, study: Study, column: Column, chosen: pd.Series) -> pd.Series:
    """The column's treatment dummy: float64 on the panel's index (rows sorted by city and year); rules: study/spec.py."""
    policy = study.policy_of(column)
    did = panel[f"did_{policy}"].astype("float64")
    if column.treatment == "did":
        return did
    first = panel[f"first_year_{policy}"].astype("float64")
    if column.treatment == "did_ever":
        return first.notna().astype("float64")
    if column.treatment == "did_literal":
        return (first > study.treatment.literal_after).astype("float64")
    if column.lag_rule == "calendar":
        return (panel["year"] - 1 >= first).astype("float64")
    rows = did[chosen].groupby(panel["city_id"][chosen])
    lagged = rows.shift(1)
    if column.lag_rule == "previous_year":
        gap = panel["year"][chosen].groupby(panel["city_id"][chosen]).diff()
        lagged = lagged.where(gap == 1)
    return lagged.reindex(panel.index)


def winsorised(rows: pd.DataFrame, names: list[str], share: float) -> pd.DataFrame:
    """``rows`` with each of ``names`` held at its quantiles ``share`` and 1 - ``share`` of these rows (interpolated)."""
    low, high = rows[names].quantile(share), rows[names].quantile(1 - share)
    return rows.assign(**{n: rows[n].clip(low[n], high[n]) for n in names})


def sample_text(study: Study, column: Column) -> str:
    """The sample rule in words, generated from the spec."""
    complete = f"complete in {', '.join(study.sample_variables)}"
    name = "in_sample"
    if column.rows == "own":
        name, complete = "all rows", f"complete in {', '.join([column.outcome, *column.terms[1:]])}"
    parts = [f"{name}: units {', '.join(study.unit_kinds)}; {study.window.first}-{study.window.last}; {complete}"]
    if column.dated_by:
        parts.append(f"treatment dated by the list '{study.policy_list(column.dated_by).label}'")
    parts += [str(condition) for condition in column.filter]
    if column.half:
        split = study.split(column.half.split)
        parts.append(f"{column.half.group} half of '{split.label}'")
    if column.matching:
        parts.append(f"matched: {study.matching(column.matching).label}")
    if column.winsorise:
        parts.append(f"outcome and controls winsorised at {column.winsorise:g} and {1 - column.winsorise:g}")
    return "; ".join([*parts, "singletons dropped"])
