"""Matching on a propensity score before a regression, in psmatch2's vocabulary: who is matched, and with what weight.

The score stands in ``propensity``, the tables about a match in ``matching_flow``. Semantics of psmatch2 that are kept: caliper
on the probability, absolute and strict; with replacement; all controls at the same distance; treated outside the range of the
controls' scores are off support; weight 1 for a matched treated unit, for a control the sum over its partners of its share in
them. Results do not depend on the order of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from citycarbon.econometrics.propensity import Score, fit_score
from citycarbon.study.spec import Matching, Study

if TYPE_CHECKING:
    import pandas as pd

KEYS = ["city_id", "year"]
TIE = 1e-10  # distances that differ by less are the same: equal scores on one machine are equal on another
WEIGHT = "weight"  # column of the matching weights in the rows of a weighted column


@dataclass(frozen=True)
class ScoreFit:
    """One fitted score: all units, or those of one year."""

    year: int | None
    treated: int  # units
    controls: int
    covariates: int
    score: Score

    @property
    def events_per_variable(self) -> float:
        """The rarer group's units per covariate."""
        return min(self.treated, self.controls) / self.covariates


@dataclass(frozen=True)
class Match:
    """What a matching does to the complete-case rows of a column.

    ``units``: what was matched, one row each (``city_id``, ``year`` or missing, ``treated``, the covariates, ``score``,
    ``support``, ``weight``: missing where not matched). ``cells``: every row before matching (``city_id``, ``year``,
    ``treated``: its city is ever treated, ``did``, ``complete``: has covariates, ``support``, ``weight``). ``rows``: the kept
    rows as they came, with ``weight`` where the matching is weighted. ``reason``: why nothing is matched, empty where
    something is.
    """

    matching: Matching
    units: pd.DataFrame
    cells: pd.DataFrame
    rows: pd.DataFrame
    fits: tuple[ScoreFit, ...]
    reason: str = ""


def matched_rows(panel: pd.DataFrame, usable: pd.DataFrame, study: Study, matching: Matching) -> pd.DataFrame:
    """The rows of ``usable`` that ``matching`` keeps, with a column ``weight`` where it is weighted. See :func:`match_rows`."""
    return match_rows(panel, usable, study, matching).rows


def match_rows(panel: pd.DataFrame, usable: pd.DataFrame, study: Study, matching: Matching) -> Match:
    """Match the cities or city-years of ``usable``, a column's complete-case rows of ``panel`` (keys city_id and year).

    Treated: cities with at least one row of ``usable`` in which the policy holds. Every other city is a control, also one that
    adopts the policy after the sample ends: in the sample it is untreated, as in the regression. Covariates come from the
    panel. A unit without one of them has no score and is not matched.
    """
    import pandas as pd

    usable = usable.sort_values(KEYS, kind="stable")
    names = {c: study.panel_column(c) for c in matching.covariates}
    known = panel[[*KEYS, study.did_column, *dict.fromkeys(names.values())]]
    values = usable[KEYS].merge(known, on=KEYS, how="left", validate="one_to_one")
    cells = values[KEYS].assign(did=values[study.did_column].eq(1).to_numpy())
    cells["treated"] = cells.groupby("city_id")["did"].transform("max").astype(bool)
    for name, column in names.items():
        cells[name] = values[column].astype("float64").to_numpy()
    units = _units(cells, matching)
    years = sorted(set(units["year"])) if matching.timing == "yearly" and len(units) else [None]
    found = [_matched(units if y is None else units[units["year"] == y], matching, y) for y in years]
    units = pd.concat([u for u, _ in found]).sort_values(KEYS, kind="stable", ignore_index=True)
    fits = tuple(f for _, f in found)
    cells = _spread(cells, units, matching)
    rows = usable[np.isfinite(cells["weight"].to_numpy())]
    if matching.weighted:
        rows = rows.assign(**{WEIGHT: cells["weight"].dropna().to_numpy()})
    reason = "" if len(rows) else _reason(units, fits, matching)
    return Match(matching, units, cells.drop(columns=list(names)), rows, fits, reason)


def _units(cells: pd.DataFrame, matching: Matching) -> pd.DataFrame:
    """What is matched: the rows themselves, or one row a city with the base year's values or the means before the year."""
    names = list(matching.covariates)
    if matching.timing in ("pooled", "yearly"):
        return cells[[*KEYS, "treated", *names]].astype({"year": "Int64"})
    cities = cells.groupby("city_id", sort=True)["treated"].first().reset_index()
    if matching.timing == "base_year":
        values = cells[cells["year"] == matching.year].set_index("city_id")[names]
        year = matching.year
    else:
        values = cells[cells["year"] < matching.year].groupby("city_id")[names].mean()
        year = None
    cities.insert(1, "year", [year] * len(cities))
    # by map: a join of no rows at all fails on text columns
    return cities.assign(**{n: cities["city_id"].map(values[n]) for n in names}).astype({"year": "Int64"})


def _matched(units: pd.DataFrame, matching: Matching, year: int | None) -> tuple[pd.DataFrame, ScoreFit]:
    """Score, support and weight of the units of one fit."""
    x = units[list(matching.covariates)].to_numpy(dtype=float)
    complete = np.isfinite(x).all(axis=1)
    treated = units["treated"].to_numpy(dtype=bool)
    score, support, weight = (np.full(len(units), fill) for fill in (np.nan, 0.0, np.nan))
    fitted = fit_score(x[complete], treated[complete], matching.score == "firth")
    score[complete] = fitted.probability
    if not fitted.reason:
        on, given = weights(score[complete], treated[complete], matching)
        support[complete], weight[complete] = on, given
    out = units.assign(score=score, support=support.astype(bool), weight=weight)
    counts = int(treated[complete].sum()), int((~treated[complete]).sum())
    return out, ScoreFit(None if year is None else int(year), *counts, len(matching.covariates), fitted)


def weights(score: np.ndarray, treated: np.ndarray, matching: Matching) -> tuple[np.ndarray, np.ndarray]:
    """On support (n,) bool, and psmatch2's _weight (n,), NaN for who is not matched.

    ``score`` (n,) finite, ``treated`` (n,) bool; at least one control.
    """
    controls = score[~treated]
    support = ~treated | ((score >= controls.min()) & (score <= controls.max()))
    out = np.full(len(score), np.nan)
    given = np.zeros(len(controls))
    for i in np.flatnonzero(treated & support):
        shares = _shares(np.abs(controls - score[i]), matching)
        if shares is not None:
            out[i] = 1.0
            given += shares
    out[~treated] = np.where(given > 0, given, np.nan)
    return support, out


def _shares(distance: np.ndarray, matching: Matching) -> np.ndarray | None:
    """The share of each control in the match of one treated unit (they sum to one), or None where none is near enough."""
    if matching.method == "kernel":
        kernel = np.maximum(1 - (distance / matching.bandwidth) ** 2, 0.0)  # Epanechnikov; its constant cancels
        total = kernel.sum()
        return kernel / total if total > 0 else None
    near = distance < matching.caliper if matching.caliper is not None else np.ones(len(distance), dtype=bool)
    if not near.any():
        return None
    k = min(matching.neighbours, int(near.sum()))
    last = np.partition(distance[near], k - 1)[k - 1]
    chosen = near & (distance <= last + TIE)
    return chosen / chosen.sum()


def _spread(cells: pd.DataFrame, units: pd.DataFrame, matching: Matching) -> pd.DataFrame:
    """``cells`` with complete, support and weight of their unit: the row itself, or its city."""
    keys = KEYS if matching.timing in ("pooled", "yearly") else ["city_id"]
    facts = units[[*keys, "support", "weight"]].assign(complete=units[list(matching.covariates)].notna().all(axis=1))
    if "year" in keys:
        facts = facts.astype({"year": cells["year"].dtype})
    return cells.merge(facts, on=keys, how="left", validate="many_to_one")


def _reason(units: pd.DataFrame, fits: tuple[ScoreFit, ...], matching: Matching) -> str:
    """Why no row is kept."""
    if not units["treated"].any():
        return "no treated city to match"
    failed = [f for f in fits if f.score.reason]
    if len(failed) == len(fits):
        text = failed[0].score.reason
        return text if failed[0].year is None else f"no year has a score, {text} in {failed[0].year}"
    if not (units["support"] & units["treated"]).any():
        return "no treated city on common support"
    if matching.method == "kernel":
        return f"no treated city matched within bandwidth {matching.bandwidth:g}"
    return f"no treated city matched within caliper {matching.caliper:g}"
