"""L70 where regressors' means are not known: bounds over all means that the described ones allow, by column and split table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from citycarbon.forensics.design import Design, Split
from citycarbon.forensics.findings import Finding, not_applicable
from citycarbon.forensics.implied import Convention, Implied
from citycarbon.forensics.intervals import Interval, hull, of
from citycarbon.forensics.paper import Column, Described, Paper
from citycarbon.forensics.support import subset_total
from citycarbon.forensics.wording import ends, span

# --- columns on fewer rows --------------------------------------------------------------------------------------------------


def bounded(paper: Paper, design: Design | None, column: Column, convention: Convention) -> Iterator[Finding]:
    outcome = paper.described(column.outcome, column)
    if outcome is None or column.constant is None or not column.is_complete:
        return
    expected = subset_total(outcome, column.n)
    value = column.constant.estimate
    for term, cell in column.slopes.items():
        total = _total(paper, design, column, term)
        if total is None:
            return
        value = value + cell.estimate * (total / column.n)
    if expected is None or outcome.range is None:
        return
    expected = expected / column.n
    yield _bound_finding("subset_mean", column.code, column.name, column.outcome, value, expected, outcome, paper, convention)


def _total(paper: Paper, design: Design | None, column: Column, term: str) -> Interval | None:
    """Sum of a regressor over the column's rows; the lag of the treatment has at most as many ones as the treatment."""
    described = paper.described(term, column)
    if described is not None:
        return subset_total(described, column.n)
    if design is None or design.treatment is None or not _is_lag(design, column):
        return None
    did = paper.described(design.treatment.term)
    if did is None or did.mean is None or term in (design.treatment.term, *design.variables):
        return None
    most = did.n * did.mean
    return Interval(most.at, 0.0, most.hi)


def _is_lag(design: Design, column: Column) -> bool:
    return any((s.table, s.column) == column.key and s.kind == "lag" for s in design.subsamples)


def _bound_finding(
    name: str, scope: str, what: str, outcome: str, value: Interval, expected: Interval, described: Described, paper: Paper,
    convention: Convention,
) -> Finding:  # fmt: skip
    observed = f"between {ends(value)}"
    wanted = f"mean {ends(expected)}, from {described.texts['mean']} over {described.n} rows"
    if _says_nothing(value, described):
        return Finding(
            name, scope, "not_applicable", observed, wanted,
            f"{what} implies a mean of {outcome} {ends(value)}, wider than its whole range: nothing can be concluded.",
        )  # fmt: skip
    if value.meets(expected):
        text = f"{what} implies a mean of {outcome} within {ends(value)}, which the described mean allows ({ends(expected)})."
        return Finding(name, scope, "pass", observed, wanted, text)
    text = (
        f"Whatever the regressors' means in its rows, {what} implies a mean of {outcome} within {ends(value)}, but by "
        f"{paper.source} that mean lies within {ends(expected)} ({convention.short})."
    )
    return Finding(name, scope, "fail" if convention.holds else "warn", observed, wanted, text)


def _says_nothing(value: Interval, described: Described) -> bool:
    """Bounds of a mean that are wider than the printed range of the variable; never where no range is printed."""
    return described.range is not None and value.width > described.range.width


# --- split tables -----------------------------------------------------------------------------------------------------------


def pooled(paper: Paper, split: Split, sharp: Sequence[Implied], convention: Convention) -> Iterator[Finding]:
    high, low = paper.find(split.table, split.high), paper.find(split.table, split.low)
    if high is None or low is None or {high.key, low.key} & {i.column.key for i in sharp}:
        return  # not typed in, or described half by half and judged with the outcomes
    (scope, name), n = paper.halves(split.table, split.high, split.low), high.n + low.n
    described = paper.described(high.outcome)
    value = pooled_mean(paper, high, low)
    expected = subset_total(described, n) if described else None
    if value is None or expected is None or described is None:
        yield not_applicable(
            "pooled_mean", f"{name} has {n} rows or terms that are not described",
            "descriptives of all its terms on at least as many rows", scope,
        )  # fmt: skip
        return
    what = f"{name}, both halves pooled,"
    yield _bound_finding("pooled_mean", scope, what, high.outcome, value, expected / n, described, paper, convention)
    whole = next((i for i in sharp if i.column.key == (split.of.table, split.of.column)), None)
    if whole is not None and not _says_nothing(value, described):
        yield _level(name, scope, value, whole, convention)


def _level(name: str, scope: str, value: Interval, whole: Implied, convention: Convention) -> Finding:
    observed, expected = f"between {ends(value)}", f"{span(whole.value)} as {whole.column.name} implies"
    if value.meets(whole.value):
        text = f"{name} can use the outcome of {whole.column.name} ({span(whole.value)} in {ends(value)})."
        return Finding("pooled_level", scope, "pass", observed, expected, text)
    text = (
        f"{name} splits the rows of {whole.column.name}, yet whatever the subgroup means its pooled outcome "
        f"has a mean within {ends(value)}, where {whole.column.name} implies {span(whole.value)}: the two tables do not use "
        "the same outcome variable."
    )
    return Finding("pooled_level", scope, "fail" if convention.holds else "warn", observed, expected, text)


def pooled_mean(paper: Paper, high: Column, low: Column) -> Interval | None:
    """Bounds of the pooled implied mean over all subgroup means of the regressors that fit the described ones.

    A linear programme that separates by variable: n1 m1 + n2 m2 = total, each mean within [min, max]. None where a term is
    missing in one half, or not described on that many rows.
    """
    if high.constant is None or low.constant is None or high.cells.keys() != low.cells.keys():
        return None
    if not (high.is_complete and low.is_complete):
        return None
    n = high.n + low.n
    value = high.n * high.constant.estimate + low.n * low.constant.estimate
    for term in high.slopes:
        d = paper.described(term)
        total = subset_total(d, n) if d else None
        if total is None or d.range is None:
            return None
        value = value + _split_term(high.cells[term].estimate, low.cells[term].estimate, high.n, low.n, total, d.range)
    return value / n


def _split_term(b1: Interval, b2: Interval, n1: int, n2: int, total: Interval, box: Interval) -> Interval:
    """Range of b1 s1 + b2 s2 with s1 + s2 = total, s1 in n1 x box and s2 in n2 x box: extreme at a vertex."""
    turns = (n1 * box.lo + n2 * box.hi, n1 * box.hi + n2 * box.lo)
    totals = [total.lo, total.hi, *(t for t in turns if total.lo < t < total.hi)]
    values = []
    for c1, c2, s in product((b1.lo, b1.hi), (b2.lo, b2.hi), totals):
        least, most = max(n1 * box.lo, s - n2 * box.hi), min(n1 * box.hi, s - n2 * box.lo)
        values += [c2 * s + (c1 - c2) * s1 for s1 in (least, most)]
    return hull([of(v) for v in values])
