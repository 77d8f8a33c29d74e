"""Arithmetic of a 0/1 treatment: how many treated rows a rule allows, how many mean and sd imply. No verdicts here."""

from __future__ import annotations

import math
from collections.abc import Sequence

from citycarbon.forensics.design import Cohort, Design, OtherRule, Panel
from citycarbon.forensics.intervals import Interval
from citycarbon.forensics.paper import Described


def years_treated(cohort: Cohort, panel: Panel) -> int:
    """Years of the panel from the cohort's first treated year on."""
    return max(0, panel.last_year - max(cohort.year, panel.first_year) + 1)


def treated_rows(cohorts: Sequence[Cohort], panel: Panel) -> int:
    """Most rows (unit-years) with did = 1 when no row is missing."""
    return sum(c.units * years_treated(c, panel) for c in cohorts)


def treated_units(cohorts: Sequence[Cohort], panel: Panel) -> int:
    """Units that have did = 1 in some year of the panel."""
    return sum(c.units for c in cohorts if years_treated(c, panel))


def lagged_rows(cohorts: Sequence[Cohort], panel: Panel) -> int:
    """Most rows where did was 1 the year before."""
    return treated_rows([Cohort(year=c.year + 1, units=c.units) for c in cohorts], panel)


def rows_until(cohorts: Sequence[Cohort], panel: Panel, last_year: int) -> int:
    """Most treated rows in years up to ``last_year``."""
    return sum(c.units * max(0, min(panel.last_year, last_year) - max(c.year, panel.first_year) + 1) for c in cohorts)


def rows_under(rule: OtherRule, cohorts: Sequence[Cohort], panel: Panel) -> tuple[int, int, int]:
    """Under another wording: units, rows (unit-years), and those of the rows that the main rule treats too."""
    chosen = [c for c in cohorts if rule.after is None or c.year > rule.after]
    both = treated_rows(chosen, panel)
    rows = sum(c.units for c in chosen) * panel.years if rule.years == "all" else both
    return sum(c.units for c in chosen), rows, both


def within_variation(cohorts: Sequence[Cohort], panel: Panel) -> float:
    """Most sum of squares of did around unit means: sum of s (1 - s / T), s treated years of T; grows with T."""
    return sum(c.units * s * (1 - s / panel.years) for c in cohorts if (s := years_treated(c, panel)))


def cohorts_told(cohorts: Sequence[Cohort], panel: Panel) -> str:
    """``4 cities from 2019, 5 from 2021, 3 from 2022``."""
    parts = [f"{c.units} from {c.year}" for c in cohorts]
    parts[0] = parts[0].replace(" from", f" {many(panel)} from", 1)
    return ", ".join(parts)


def many(panel: Panel) -> str:
    """Plural of the panel's unit."""
    word = panel.unit
    return f"{word[:-1]}ies" if word.endswith("y") and word[-2:-1] not in "aeiou" else f"{word}s"


def ones_by_mean(described: Described) -> list[int]:
    """Whole numbers of ones among n rows that give the printed mean."""
    assert described.mean is not None
    low = math.ceil(described.n * described.mean.lo - 1e-6)
    high = math.floor(described.n * described.mean.hi + 1e-6)
    return list(range(max(low, 0), min(high, described.n) + 1))


def ones(described: Described) -> list[int]:
    """Whole numbers of ones that give both the printed mean and the printed sd (with n - 1 or n below the sum)."""
    counts = ones_by_mean(described)
    if described.sd is None:
        return counts
    return [k for k in counts if any(described.sd.meets(sd) for sd in binary_sd(k, described.n))]


def binary_sd(k: int, n: int) -> tuple[float, float]:
    """Standard deviation of k ones among n rows, with n - 1 and with n below the sum."""
    p = k / n
    return math.sqrt(p * (1 - p) * n / max(n - 1, 1)), math.sqrt(p * (1 - p))


def rectangles(counts: Sequence[int], most_units: int, most_rows: int) -> list[tuple[int, int, int]]:
    """Every (count, units, rows a unit) with units x rows = count and at least two units."""
    return [
        (k, units, k // units)
        for k in counts
        for units in range(2, most_units + 1)
        if k and k % units == 0 and k // units <= most_rows
    ]


def codings(design: Design, rows_per_unit: float | None) -> list[tuple[str, int]]:
    """Named ways to code the dummy and the ones each gives; ``rows_per_unit``: rows that a unit has on average."""
    assert design.treatment and design.panel
    cohorts, panel = design.treatment.cohorts, design.panel
    inside = [c for c in cohorts if years_treated(c, panel)]
    first = min(c.year for c in cohorts)
    after = panel.last_year - max(first, panel.first_year) + 1
    n_in, n_all = sum(c.units for c in inside), sum(c.units for c in cohorts)
    out = [
        (f"the rule of {design.treatment.where}", treated_rows(cohorts, panel)),
        (f"{n_in} treated {many(panel)} x {after} years from {first}", n_in * after),
        (f"all {n_all} x {after} years from {first}", n_all * after),
        (f"{n_in} treated {many(panel)} x all {panel.years} years", n_in * panel.years),
        (f"all {n_all} x all {panel.years} years", n_all * panel.years),
    ]
    for other in design.treatment.other_rules:
        units, rows, _ = rows_under(other, cohorts, panel)
        out.append((f"the wording of {other.where} ({units} {many(panel)})", rows))
    if rows_per_unit and round(rows_per_unit) != panel.years:
        r = round(rows_per_unit)
        out += [(f"{n_in} x {r} rows (the average)", n_in * r), (f"{n_all} x {r} rows (the average)", n_all * r)]
    return out


def rectangles_told(found: Sequence[tuple[int, int, int]], panel: Panel) -> str:
    """``132 ones are 11 x 12, 12 x 11 or 22 x 6 cities x rows; 133 ones are 7 x 19 ...``."""
    parts = []
    for count in dict.fromkeys(k for k, _, _ in found):
        ways = [f"{u} x {r}" for k, u, r in found if k == count]
        parts.append(f"{count} ones are {' or '.join([', '.join(ways[:-1]), ways[-1]] if len(ways) > 1 else ways)}")
    if not parts:
        return f"no number of {many(panel)} with as many rows each gives such a count"
    return f"as {many(panel)} x rows, {'; '.join(parts[:4])}" + ("; ..." if len(parts) > 4 else "")


def largest_within(counts: Sequence[int], units: int, years: int) -> float:
    """Most sum of squares around unit means that some of ``counts`` ones in ``units`` units of ``years`` rows can have."""
    return max((max(k - k * k / (units * years), 0.0) for k in counts), default=0.0)


def units_needed(counts: Sequence[int], years: int, sum_of_squares: float) -> int | None:
    """Fewest units that let some of ``counts`` ones reach ``sum_of_squares`` around unit means; None where none can."""
    needed = [math.ceil(k * k / (years * (k - sum_of_squares)) - 1e-9) for k in counts if k > sum_of_squares]
    return min(needed, default=None)


def subset_total(described: Described, n: int) -> Interval | None:
    """Sum of a variable over ``n`` of its rows when nothing but n, mean, min and max of all rows is known.

    None where ``n`` exceeds the rows described, or a statistic is missing.
    """
    outside = described.n - n
    if outside < 0 or described.mean is None or (outside and described.range is None):
        return None
    total = described.n * described.mean
    if not outside:
        return total
    span = described.range
    assert span is not None
    lo = max(total.lo - outside * span.hi, n * span.lo)
    hi = min(total.hi - outside * span.lo, n * span.hi)
    at = min(max(total.at - outside * span.at, lo), hi)
    return Interval(at, lo, hi)
