"""L71: do the regressions use the variables that are described: their rows, their scale, values that are possible at all?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

from citycarbon.forensics.design import Design
from citycarbon.forensics.findings import Finding, Rule, not_applicable
from citycarbon.forensics.intervals import Interval
from citycarbon.forensics.paper import Column, Described, Paper
from citycarbon.forensics.wording import listed, plain, span, start

SCALE = Rule("L71", "descriptives_against_regressions", "rows and scale of each variable in the regressions and as described")
# Standard errors of other kinds, and an R2 within effects, move the ratio of two columns' errors by less than this.
FACTOR = 20.0


def descriptives_against_regressions(paper: Paper, design: Design | None) -> list[Finding]:
    """L71: possible descriptives, N of each outcome and regressor, the scale that standard errors and coefficients need."""
    if not paper.descriptives:
        return [not_applicable("rows", "no descriptives", "N, mean, sd, min and max of the variables")]
    found = list(_possible(paper))
    found += _rows(paper)
    for _, columns in paper.tables():
        found += _scale(paper, columns)
    found += _sizes(paper, design.treatment.term if design and design.treatment else "did")
    return found


# --- can the described numbers exist? ---------------------------------------------------------------------------------------


def _possible(paper: Paper) -> Iterator[Finding]:
    faults = [(d, text) for d in paper.descriptives.values() for text in _impossible(d)]
    for d, text in faults:
        shown = ", ".join(f"{name} {value}" for name, value in d.texts.items() if value)
        yield Finding(
            "possible_values", d.variable, "fail", f"{shown}, N = {d.n}", "statistics that some data can have",
            f"{start(paper.source)} is impossible for {d.variable}: {text}.",
        )  # fmt: skip
    if not faults:
        n = len(paper.general()) or len(paper.descriptives)
        text = f"All {n} described variables have min <= mean <= max and an sd that their range and N allow."
        yield Finding("possible_values", "descriptives", "pass", f"{n} variables, 0 impossible", "0 impossible", text)


def _impossible(d: Described) -> Iterator[str]:
    if d.min is not None and d.max is not None and d.min.above(d.max):
        yield f"its minimum {d.texts['min']} exceeds its maximum {d.texts['max']}"
        return
    if d.mean is None or d.min is None or d.max is None:
        return
    if d.mean.below(d.min) or d.mean.above(d.max):
        yield f"its mean {d.texts['mean']} lies outside {d.texts['min']} to {d.texts['max']}"
        return
    if d.sd is None or d.n < 2:
        return
    most = ((d.max - d.mean) * (d.mean - d.min) * (d.n / (d.n - 1))).sqrt()
    if d.sd.above(most):
        yield (
            f"its sd {d.texts['sd']} exceeds {plain(most.hi)}, the most that values between {d.texts['min']} and "
            f"{d.texts['max']} with mean {d.texts['mean']} can have"
        )
    least = _least_sd(d)
    if d.sd.hi < least * (1 - 1e-9):
        yield (
            f"its sd {d.texts['sd']} is below {plain(least)}, the least that {d.n} values can have when both "
            f"{d.texts['min']} and {d.texts['max']} occur"
        )


def _least_sd(d: Described) -> float:
    """One value at each extreme and all others at one point: at least half the squared range over n - 1."""
    assert d.min is not None and d.max is not None
    gap = max(d.max.lo - d.min.hi, 0.0)
    return math.sqrt(gap * gap / 2 / (d.n - 1))


# --- rows -------------------------------------------------------------------------------------------------------------------


def _rows(paper: Paper) -> Iterator[Finding]:
    """No regression can use more rows of a variable than it has; a table of complete cases may describe fewer rows."""
    found = [*_own_rows(paper), *(f for d in paper.general() if (f := _too_many(paper, d)) is not None)]
    if found:
        yield from found
    elif any(paper.described(c.outcome, c) for c in paper.columns):
        text = "No column uses more rows of a variable than are described."
        yield Finding(
            "rows", "all", "pass", f"{len(paper.columns)} columns, 0 with too many rows", "0 with too many rows", text
        )


def _own_rows(paper: Paper) -> Iterator[Finding]:
    """Descriptives of one column's rows count exactly these rows."""
    for column in paper.columns:
        d = paper.described(column.outcome, column)
        if d is not None and d.sample and d.n != column.n:
            text = f"{column.name} prints N = {column.n}, but {d.n} rows of it are described."
            yield Finding("rows", column.code, "fail", f"N = {column.n}", f"N = {d.n}", text)


def _too_many(paper: Paper, d: Described) -> Finding | None:
    """Columns with more rows than the variable has values.

    Impossible where values are counted variable by variable (their N differ), or where the column holds all that is described
    but other outcomes; a table of complete cases may else describe fewer rows than a column with fewer regressors has.
    """
    users = [c for c in paper.columns if d.variable == c.outcome or d.variable in c.cells]
    over = [c for c in users if paper.described(d.variable, c) is d and c.n > d.n]
    if not over:
        return None
    column, outcomes = over[0], {c.outcome for c in paper.columns}
    needed = {other.variable for other in paper.general()} - outcomes
    proven = len({other.n for other in paper.general()}) > 1 or needed <= column.cells.keys()
    role = "outcome" if d.variable == column.outcome else "regressor"
    why = f"rows without {d.variable} cannot be in that regression" if proven else "so that column is not on the rows described"
    text = (
        f"{start(paper.source)} counts {d.n} values of {d.variable}, but {column.name} uses {column.n} rows with {d.variable} "
        f"as {role}: {column.n - d.n} more, and {why}."
    )
    codes = listed([f"{c.code} N = {c.n}" for c in over], most=4)
    return Finding("rows", d.variable, "fail" if proven else "warn", codes, f"N at most {d.n}", text)


# --- scale of an outcome ----------------------------------------------------------------------------------------------------


def _scale(paper: Paper, columns: list[Column]) -> Iterator[Finding]:
    """Two outcomes on the same regressors: their standard errors stand to each other as their residual sds do.

    Exact for classical errors on one sample; other errors differ by a small factor, a wrong scale by powers of ten.
    """
    told: set[str] = set()
    for a, b in combinations(columns, 2):
        if a.outcome == b.outcome or a.slopes.keys() != b.slopes.keys() or b.outcome in told:
            continue
        first, second = rmse(paper, a), rmse(paper, b)
        term = next((t for t in a.slopes if a.slopes[t].is_tested and b.slopes[t].is_tested), None)
        if first is None or second is None or term is None or first.lo <= 0 or a.slopes[term].std_error.lo <= 0:
            continue
        told.add(b.outcome)
        yield _scale_finding(paper, a, b, term, second / first)


def _scale_finding(paper: Paper, a: Column, b: Column, term: str, ratio: Interval) -> Finding:
    expected = a.slopes[term].std_error * ratio
    factor = b.slopes[term].std_error / expected
    off = max(factor.lo, 1 / factor.hi if factor.hi > 0 else math.inf)
    observed = f"SE of {term} {span(b.slopes[term].std_error)}, {plain(factor.at, 3)} times expected"
    wanted = f"about {span(expected)}"
    d = paper.described(b.outcome, b)
    if off < FACTOR:
        text = (
            f"The standard error of {term} on {b.outcome} in {b.name} ({b.slopes[term].se}) fits the described "
            f"sd of {b.outcome} ({d.texts['sd']}): {plain(expected.at)} is what {a.name} and both adjusted R2 predict."
        )
        return Finding("scale", b.outcome, "pass", observed, wanted, text)
    text = (
        f"{b.name} prints a standard error of {b.slopes[term].se} for {term} on {b.outcome}, but with the sd of "
        f"{d.texts['sd']} in {paper.source} and the regressors of {a.name} it should be about {plain(expected.at, 2)}, "
        f"{plain(factor.at, 3)} times less: the regression uses {b.outcome} in another scale or transform."
    )
    return Finding("scale", b.outcome, "fail", observed, wanted, text)


def rmse(paper: Paper, column: Column) -> Interval | None:
    """Residual standard deviation of a column: sd(y) sqrt(1 - adjusted R2), for an R2 relative to total variance."""
    d = paper.described(column.outcome, column)
    if d is None or d.sd is None or column.adj_r2 is None:
        return None
    return d.sd * (1 - column.adj_r2).sqrt()


# --- size of coefficients ---------------------------------------------------------------------------------------------------


def _sizes(paper: Paper, treatment: str) -> Iterator[Finding]:
    """A treatment effect against the range of its outcome; a control's effect against its spread."""
    for outcome in dict.fromkeys(c.outcome for c in paper.columns):
        beyond, large = [], []
        for column in (c for c in paper.columns if c.outcome == outcome):
            d = paper.described(outcome, column)
            if d is None or d.range is None or d.sd is None:
                continue
            for term, cell in column.slopes.items():
                if cell.estimate is None:
                    continue
                x = paper.described(term, column)
                size = abs(cell.estimate)
                if term == treatment and d.range.width > 0 and size.lo > 2 * d.range.width:
                    beyond.append((column, term, size / d.range.width))
                elif x is not None and x.sd is not None and d.sd.hi > 0 and (size * x.sd / d.sd).lo > 1:
                    large.append((column, term, size * x.sd / d.sd))
        if beyond:
            column, term, times = beyond[0]
            text = (
                f"{column.name} puts the effect of {term} on {outcome} at {column.cells[term].b}, "
                f"{plain(times.at, 2)} times the whole range of {outcome} in {paper.source}."
            )
            yield Finding("effect_size", outcome, "fail", f"{plain(times.at, 3)} ranges", "at most 2 ranges", text)
        if large and not beyond:
            column, term, times = max(large, key=lambda entry: entry[2].at)
            text = (
                f"In {column.name} one sd of {term} goes with {plain(times.at, 3)} sd of {outcome}, so {term} and the effects "
                "or other regressors must offset each other: a sign of collinearity."
            )
            observed = f"|b| sd(x) / sd(y) = {span(times)} in {column.code}"
            yield Finding("standardised_size", outcome, "warn", observed, "at most 1 without offsetting regressors", text)
