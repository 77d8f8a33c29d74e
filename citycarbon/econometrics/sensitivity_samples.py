"""The column with other controls, treatment dates and samples: rows of the analyses ``headline``, ``controls``,
``anticipation`` and ``samples`` of ``sensitivity.csv``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics.sensitivity_base import (
    NEVER,
    Base,
    Case,
    NotEstimable,
    Variant,
    estimated,
    joined,
    named,
    randomised,
    with_redraws,
)
from citycarbon.econometrics.sensitivity_redraws import Redraws

if TYPE_CHECKING:
    import pandas as pd

LEAD = "lead1"
EARLIER = (1, 2)  # years by which the treatment is dated earlier


def headline(base: Base) -> list[Variant]:
    """The column as it stands, with the draws that the study asks for: what all others are held against."""

    def make() -> list[dict[str, Any]]:
        case = Case.of(base)
        draws = base.study.placebo.draws if base.study.placebo else None
        lost = base.sample.incomplete
        note = f"{lost} sample rows without a finite value of this column's variables left out" if lost else ""
        return randomised(base, case, estimated(base, case, note=note), draws=draws)

    return [Variant("headline", "headline", make)]


# --- controls ----------------------------------------------------------------------------------------------------------------


def controls(base: Base) -> list[Variant]:
    """No controls, and each control's city mean before the first adoption times year dummies; the headline has them in full."""

    def none() -> list[dict[str, Any]]:
        case = Case.of(base, controls=[])
        return randomised(base, case, estimated(base, case, note="the rows are those of the column with controls"))

    def baseline() -> list[dict[str, Any]]:
        rows, terms, note = with_baseline(base)
        case = Case.of(base, rows, controls=terms)
        return randomised(base, case, estimated(base, case, note=note))

    return [Variant("controls", "none", none), Variant("controls", "baseline_x_year", baseline)]


def with_baseline(base: Base) -> tuple[pd.DataFrame, list[str], str]:
    """The sample with city means of the controls before the first adoption, standardised, times a dummy for every year but the
    sample's first one; the names of these terms; what was done, in words. A city without such a mean is left out and named."""
    import pandas as pd

    rows, first = base.sample.rows, min(base.first_year.values(), default=None)
    if not base.column.controls:
        raise NotEstimable("the column has no controls")
    if first is None:
        raise NotEstimable("the policy has no dates: there is no year before it")
    means = rows[rows["year"] < first].groupby("city_id")[base.column.controls].mean()
    lost = sorted(set(rows["city_id"]) - set(means.index))
    rows = rows[rows["city_id"].isin(means.index)]
    if not len(rows):
        raise NotEstimable(f"no city has a row before {first}")
    spread = means.std(ddof=0)
    scaled = (means - means.mean()) / spread.where(spread > 0, 1.0)
    years = sorted(rows["year"].unique())
    wide = scaled.loc[rows["city_id"]].reset_index(drop=True)
    terms = {f"{c}_x_{y}": wide[c] * (rows["year"].to_numpy() == y) for c in base.column.controls for y in years[1:]}
    added = pd.concat([rows.reset_index(drop=True), pd.DataFrame(terms)], axis=1)
    note = f"city means before {first} of the controls times year dummies, base {years[0]}"
    return added, list(terms), joined([note, f"{named(lost)} without a row before {first} left out" if lost else ""])


# --- anticipation ------------------------------------------------------------------------------------------------------------


def anticipation(base: Base) -> list[Variant]:
    """A dummy for the year before treatment, or these rows left out, so that t-2 is the last year of the base; the treatment
    dated one and two years earlier."""
    out = [
        Variant("anticipation", "lead_dummy", lambda: _lead(base), terms=(LEAD,)),
        Variant("anticipation", "without_year_before", lambda: _without_year_before(base)),
    ]
    for years in EARLIER:
        out.append(Variant("anticipation", "dated_earlier", lambda k=years: _dated_earlier(base, k), years, "years earlier"))
    return out


def _lead(base: Base) -> list[dict[str, Any]]:
    rows = base.sample.rows
    before = rows["year"].to_numpy() == base.starts(base.treated, rows["city_id"]) - 1
    case = Case.of(base, rows.assign(**{LEAD: before.astype(float)}), controls=[LEAD, *base.controls])
    made = estimated(base, case, terms=(LEAD,), note="the base ends two years before treatment")
    redraws = Redraws(base, tuple(first - 1 for first in base.treated.values()))
    if reason := redraws.reason():
        return [row | {"note": joined([row["note"], reason])} for row in made]
    years = redraws.blocks.years
    one_before = np.array([years.index(y - 1) if y - 1 in years else len(years) for y in years] + [len(years)])
    return with_p(made, redraws.cells(lambda start: (one_before[start], None), "the dummy"))


def with_p(rows: list[dict[str, Any]], found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """``rows`` with what :meth:`Redraws.cells` found, where there is a t statistic."""
    return [with_redraws(row, cells) if np.isfinite(row["statistic"]) else row for row, cells in zip(rows, found, strict=True)]


def _without_year_before(base: Base) -> list[dict[str, Any]]:
    rows = base.sample.rows
    before = rows["year"].to_numpy() == base.starts(base.treated, rows["city_id"]) - 1
    note = f"{int(before.sum())} rows of the year before treatment left out; no randomisation inference: see lead_dummy"
    return estimated(base, Case.of(base, rows[~before]), note=note)


def _dated_earlier(base: Base, years: int) -> list[dict[str, Any]]:
    if not base.first_year:
        raise NotEstimable("0 treated cities in this sample")
    first = {city: year - years for city, year in base.first_year.items()}
    case = Case.of(base, _treated_from(base, first))
    more = sorted(set(case.rows.loc[case.rows[base.treatment] == 1, "city_id"]) - set(base.treated))
    note = f"{named(more)} of later cohorts thereby treated" if more else ""
    return randomised(base, case, estimated(base, case, note=note), first)


def _treated_from(base: Base, first_year: dict[str, int]) -> pd.DataFrame:
    """The sample with the treatment 1 from ``first_year`` of each city on."""
    rows = base.sample.rows
    return rows.assign(**{base.treatment: (rows["year"] >= base.starts(first_year, rows["city_id"])).astype(float)})


# --- samples -----------------------------------------------------------------------------------------------------------------


def samples(base: Base) -> list[Variant]:
    """Without some years, without the cities first treated after the sample, and with these treated in its last year."""
    out = []
    if base.options.without_years:
        name = "without_" + "_".join(str(y) for y in sorted(base.options.without_years))
        out.append(Variant("samples", name, lambda: _without_years(base)))
    return [
        *out,
        Variant("samples", "without_later_cohorts", lambda: _without_later(base)),
        Variant("samples", "later_cohorts_in_last_year", lambda: _later_in_last_year(base)),
    ]


def _without_years(base: Base) -> list[dict[str, Any]]:
    rows = base.sample.rows
    case = Case.of(base, rows[~rows["year"].isin(base.options.without_years)])
    left = int((case.rows[base.treatment] == 1).sum())
    note = f"{left} of {int((rows[base.treatment] == 1).sum())} treated city-years left"
    return randomised(base, case, estimated(base, case, note=note))


def _later(base: Base) -> list[str]:
    """Cities of the sample that are first treated after its last year. Raises NotEstimable where there is none."""
    rows = base.sample.rows
    last = int(rows["year"].max()) if len(rows) else NEVER
    later = [c for c in sorted(set(rows["city_id"])) if last < base.first_year.get(c, 0)]
    if not later:
        raise NotEstimable(f"no city of the sample is first treated after {last}" if len(rows) else "no rows in this sample")
    return later


def _without_later(base: Base) -> list[dict[str, Any]]:
    later, rows = _later(base), base.sample.rows
    case = Case.of(base, rows[~rows["city_id"].isin(later)])
    return randomised(base, case, estimated(base, case, note=f"{named(later)} first treated after the sample left out"))


def _later_in_last_year(base: Base) -> list[dict[str, Any]]:
    later, last = _later(base), int(base.sample.rows["year"].max())
    first = base.first_year | dict.fromkeys(later, last)
    case = Case.of(base, _treated_from(base, first))
    note = f"{named(later)} first treated after the sample counted as treated in {last}"
    return randomised(base, case, estimated(base, case, note=note), first)
