"""L70: the mean of the outcome that a column implies, against the one that is described.

With absorbed effects the printed constant is _cons = mean(y) - sum of b x mean(x), so mean(y) = _cons + sum of b x mean(x) (the
grand-mean convention). A constant tied to an omitted year or group breaks this, so the convention is first validated.
Where a column holds fewer rows than are described, means are bounded by what the rows outside can hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from citycarbon.forensics.design import Design
from citycarbon.forensics.findings import Finding, Rule, Verdict, not_applicable, worst
from citycarbon.forensics.implied import Convention, Implied, full, judge_convention
from citycarbon.forensics.intervals import Interval
from citycarbon.forensics.level_bounds import bounded, pooled
from citycarbon.forensics.paper import Paper
from citycarbon.forensics.wording import listed, plain, span, start

LEVELS = Rule("L70", "implied_outcome_mean", "the outcome's mean that constant and slopes imply, against the described one")


def implied_outcome_mean(paper: Paper, design: Design | None) -> list[Finding]:
    """L70: one finding an outcome (columns on all described rows), one a subsample column, two a split table."""
    if not paper.descriptives:
        return [not_applicable("implied_mean", "no descriptives", "means of outcome and regressors")]
    if design is not None and design.constant == "base_category":
        return [not_applicable("implied_mean", "the constant is that of a base category", "a grand-mean constant")]
    halves = {(s.table, c) for s in design.splits for c in (s.high, s.low)} if design else set()
    sharp = [i for c in paper.columns if (i := full(paper, c)) is not None]
    convention = judge_convention(paper, design, sharp)
    found = list(_outcomes(paper, sharp, convention))
    known = {i.column.key for i in sharp}
    for column in paper.columns:
        if column.key not in known | halves:
            found += bounded(paper, design, column, convention)
    for split in design.splits if design else []:
        found += pooled(paper, split, sharp, convention)
    if sharp and found:
        found.append(_convention_finding(convention))
    return found or [not_applicable("implied_mean", "no column whose outcome and regressors are described", "their means")]


# --- columns on all described rows ------------------------------------------------------------------------------------------


def _outcomes(paper: Paper, sharp: Sequence[Implied], convention: Convention) -> Iterator[Finding]:
    for outcome in dict.fromkeys(i.column.outcome for i in sharp):
        group = [i for i in sharp if i.column.outcome == outcome]
        verdicts = [_verdict(paper, i, convention) for i in group]
        verdict = worst(verdicts)
        if verdict == "pass":
            first, d = group[0], group[0].described
            text = (
                f"Constant and slopes of {_names(group)} imply a mean of {outcome} of {span(first.value)}, as described "
                f"({d.texts['mean']})."
            )
            yield Finding("implied_mean", outcome, "pass", _values(group), _expected(first), text)
        else:
            bad = [i for i, v in zip(group, verdicts, strict=True) if v == verdict]
            yield Finding("implied_mean", outcome, verdict, _values(bad), _expected(bad[0]), _mismatch(paper, bad, convention))


def _verdict(paper: Paper, implied: Implied, convention: Convention) -> Verdict:
    if implied.agrees:
        return "pass"
    return "fail" if convention.holds or not _any_convention(paper, implied) else "warn"


def _any_convention(paper: Paper, implied: Implied) -> bool:
    """Whether the value is possible for a constant of whatever base: it is then a fitted outcome at mean regressors.

    That lies within the range of y - xb, put at mean regressors; three times its width on either side leaves room for
    two-way effects that extrapolate.
    """
    y = implied.described.range
    if y is None:
        return True
    reach = y
    for term, cell in implied.column.slopes.items():
        d = paper.described(term, implied.column)
        if d is None or d.range is None or d.mean is None:
            return True
        reach = reach + cell.estimate * (d.mean - d.range)
    wide = 3 * reach.width
    return implied.value.meets(Interval(reach.at, reach.lo - wide, reach.hi + wide))


def _mismatch(paper: Paper, bad: Sequence[Implied], convention: Convention) -> str:
    first, d = bad[0], bad[0].described
    outcome = first.column.outcome
    values = listed([f"{span(i.value)} ({i.column.name})" for i in _distinct(bad)], most=4)
    text = f"Constant and slopes imply a mean of {outcome} of {values}, but {paper.source} prints a mean of {d.texts['mean']}"
    if d.min and d.max:
        text += f" and a range of {d.texts['min']} to {d.texts['max']}"
        side = [w for i in bad for w in (_outside(i),) if w]
        if side:
            text += f", so the implied mean lies {side[0]}"
    if first.expected is None and d.mean is not None:
        extra = first.column.n - d.n
        rest = (first.column.n * first.value - d.n * d.mean) / extra
        text += f"; the {extra} rows that are not described would have to average {plain(rest.at)}"
    if convention.holds:
        return f"{text}: the regression does not use the described variable ({convention.text})."
    if all(_any_convention(paper, i) for i in bad):
        return f"{text}; but {convention.text}."
    return f"{text}: the regression does not use the described variable, whatever base its constant has."


def _outside(implied: Implied) -> str:
    d = implied.described
    if d.min and implied.value.below(d.min):
        return "below the printed minimum"
    return "above the printed maximum" if d.max and implied.value.above(d.max) else ""


def _distinct(group: Sequence[Implied]) -> list[Implied]:
    """Without columns that repeat another one's numbers."""
    seen: dict[tuple[float, float, float], Implied] = {}
    for i in group:
        seen.setdefault((i.value.at, i.value.lo, i.value.hi), i)
    return list(seen.values())


def _values(group: Sequence[Implied]) -> str:
    told = [f"{i.column.code} {span(i.value)}" for i in _distinct(group)]
    return "; ".join(told[:4]) + (f"; and {len(told) - 4} more" if len(told) > 4 else "")


def _names(group: Sequence[Implied]) -> str:
    return listed([i.column.name for i in group], most=4)


def _expected(implied: Implied) -> str:
    d = implied.described
    mean = f"mean {span(d.mean)}" if d.mean is not None else "a mean"
    return mean + (f", range {d.texts['min']} to {d.texts['max']}" if d.range is not None else "")


def _convention_finding(convention: Convention) -> Finding:
    verdict: Verdict = "pass" if convention.holds else "not_applicable"
    seen = "shown" if convention.holds else "not shown"
    return Finding("constant_convention", "constant", verdict, seen, "a grand-mean constant", f"{start(convention.text)}.")
