"""Other laws of reassignment beside the default: within strata of cities, and with years at random.

Rows ``ri:t:<scheme>`` of ``inference.csv``. The laws themselves are ``draws``; here it is said which cities form a stratum, and
where a law leaves too little to draw from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.beside import spread
from citycarbon.econometrics import draws as law
from citycarbon.econometrics.inference_rows import NO_REDRAWS, headline_columns, inference_frame, labels, not_tested
from citycarbon.econometrics.inversion import interval_t
from citycarbon.econometrics.placebo import draws_of, experiment
from citycarbon.econometrics.placebo_summary import scheme_note
from citycarbon.econometrics.randomisation import Experiment, p_value, redraw
from citycarbon.econometrics.sample import estimation_sample
from citycarbon.study.extensions import Strata
from citycarbon.study.spec import Column, Study

if TYPE_CHECKING:
    import pandas as pd

RI_T = "ri:t:"  # followed by the name of the scheme
RANDOM_YEARS = "random_years"
ALONE, UNKNOWN = "alone in their level", "without a value"
FIVE_PERCENT = 0.05


def scheme_rows(panel: pd.DataFrame, study: Study, estimates: pd.DataFrame, *, workers: int = 1) -> pd.DataFrame:
    """A row ``ri:t:<scheme>`` of every headline column for each of the study's strata and for random years.

    The test on t as in ``estimates.csv``, with the interval by inverting it, under another law. Columns that estimate the same
    (``spec_id``) have the same draws. What is not estimable, and a law that leaves one assignment only, keep their row with the
    reason. Numbers do not depend on ``workers`` (processes over columns) nor on the order of the panel's rows.
    """
    columns = headline_columns(study)
    first: dict[str, tuple[str, Column]] = {}
    for table, column in columns:
        first.setdefault(study.spec_id(table, column.id), (table, column))

    calls = [(panel, study, *at, not_tested(estimates, *at) or ("" if study.placebo else NO_REDRAWS)) for at in first.values()]
    found = dict(zip(first, spread(_rows, calls, workers=workers), strict=True))
    rows = [{**labels(t, c), **row} for t, c in columns for row in found[study.spec_id(t, c.id)]]
    return inference_frame(rows)


def names(study: Study) -> list[str]:
    """The schemes that have rows, in their order."""
    return [*(strata.id for strata in study.inference.strata), RANDOM_YEARS]


def _rows(panel: pd.DataFrame, study: Study, table: str, column: Column, reason: str) -> list[dict[str, Any]]:
    def all_say(why: str) -> list[dict[str, Any]]:
        return [{"method": f"{RI_T}{name}", "note": why} for name in names(study)]

    if reason:
        return all_say(reason)
    try:
        case = experiment(estimation_sample(panel, study, column), panel, study, column)
    except ValueError as error:
        return all_say(f"no randomisation inference: {error}")
    if not case.design.varies():
        return all_say("the outcome does not vary beyond effects and controls")
    actual = case.actual()
    shared = {"estimate": float(actual.beta()[0]), "std_error": float(actual.std_error()[0]), "statistic": float(actual.t()[0])}
    number = study.inference.draws or min(draws_of(study, table, column), study.placebo.draws_variants)
    rows = []
    for name, scheme, note in _schemes(case, panel, study):
        row = {"method": f"{RI_T}{name}", **shared}
        if scheme is None:
            rows.append({**row, "note": note})
            continue
        drawn = redraw(case.design, scheme, law.seed_of(study.placebo.seed, table, column.id, name), number)
        interval = interval_t(actual, drawn)
        notes = [note, scheme_note(scheme, drawn, column), smallest_note(scheme)]
        rows.append({
            **row, "p_value": p_value(drawn.t(), shared["statistic"]), "conf_low": interval.low, "conf_high": interval.high,
            "draws": number, "undefined": int((~np.isfinite(drawn.t())).sum()), "note": "; ".join(n for n in notes if n),
        })  # fmt: skip
    return rows


def _schemes(case: Experiment, panel: pd.DataFrame, study: Study) -> Iterator[tuple[str, law.Scheme | None, str]]:
    """Name, law and note of each scheme; without a law the note says why."""
    units, last_year = case.design.units, case.design.last_year
    for strata in study.inference.strata:
        levels = strata_of(panel, strata, units)
        if isinstance(levels, str):
            yield strata.id, None, levels
            continue
        scheme = law.cohorts_stratified(units, case.first_year, levels, strata.id, last_year=last_year)
        if law.distinct_assignments(scheme) == 1:
            yield (
                strata.id,
                None,
                f"no other candidate in the group of any treated city ({strata.label}): nothing to redraw",
            )
            continue
        yield strata.id, scheme, fixed_note(scheme)
    try:
        yield RANDOM_YEARS, law.random_years(units, len(case.first_year), case.design.rows.year), ""
    except ValueError as error:
        yield RANDOM_YEARS, None, str(error)


def strata_of(panel: pd.DataFrame, strata: Strata, units: np.ndarray) -> list[str] | str:
    """The stratum of each of ``units``, or why there are none.

    Classes are cut at quantiles over ``units`` (ties low) of the city mean before the year over all rows of the panel; cities
    without a value form a stratum of their own. So do, with the levels of a column, cities that are alone in theirs among
    ``units`` (the municipalities among provinces). Neither rule looks at the treatment.
    """
    panel = panel.sort_values(["city_id", "year"], kind="stable")
    if strata.year is None:
        known = panel.dropna(subset=[strata.variable]).groupby("city_id")[strata.variable].first().to_dict()
        levels = [str(known[u]) if u in known else UNKNOWN for u in units.tolist()]
        times = Counter(levels)
        return [ALONE if times[level] == 1 and level != UNKNOWN else level for level in levels]
    before = panel[panel["year"] < strata.year]
    mean = before.groupby("city_id")[strata.variable].mean().astype("float64").to_dict()
    value = np.array([mean.get(u, np.nan) for u in units.tolist()])
    known = value[np.isfinite(value)]
    if not len(known):
        return f"no value of {strata.variable} before {strata.year}: no strata"
    cuts = np.quantile(known, np.arange(1, strata.classes) / strata.classes)
    return [f"class {np.searchsorted(cuts, v) + 1}" if np.isfinite(v) else UNKNOWN for v in value]


def fixed_note(scheme: law.Scheme) -> str:
    """How many treated cities a draw can never exchange, because their stratum has no other candidate; '' where none."""
    fixed = 0
    for pool, slots, limits in zip(scheme.pools, scheme.slots, scheme.limits, strict=True):
        one = replace(scheme, pools=(pool,), slots=(slots,), limits=(limits,))
        fixed += len(slots) if law.distinct_assignments(one) == 1 else 0
    if not fixed:
        return ""
    has, its, are = ("has", "its", "is") if fixed == 1 else ("have", "their", "are")
    return f"{fixed} of {scheme.size} treated cities {has} no other candidate in {its} group and {are} treated in every draw"


def smallest_note(scheme: law.Scheme) -> str:
    """The smallest p that a law can give, where it is above 5 %; '' where it is not."""
    least = 1 / law.distinct_assignments(scheme)
    return f"with so few no p below about {least:.2g} is possible" if least > FIVE_PERCENT else ""
