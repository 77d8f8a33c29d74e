"""L81: sentences of the paper against the numbers that would have to carry them."""

from __future__ import annotations

import math

from citycarbon.forensics.design import ChangeRule, Claim, ContainsRule, Design, SignificantRule, SignRule
from citycarbon.forensics.findings import Finding, Rule, not_applicable
from citycarbon.forensics.intervals import Interval
from citycarbon.forensics.paper import Column, Paper
from citycarbon.forensics.subgroups import two_sided
from citycarbon.forensics.wording import listed, p_text, span, start

CLAIMS = Rule("L81", "claims_against_numbers", "sentences of the text against the coefficients they speak of")
SIGNS = {"positive": 1, "negative": -1}


def claims_against_numbers(paper: Paper, design: Design | None) -> list[Finding]:
    """L81: one finding a claim: supported, contradicted, or open within rounding."""
    if design is None or not design.claims:
        return [not_applicable("claim", "no design with claims", "sentences and the rule that each needs")]
    return [_judge(paper, claim) for claim in design.claims]


def _judge(paper: Paper, claim: Claim) -> Finding:
    rule = claim.rule
    if isinstance(rule, SignRule):
        return _sign(paper, claim, rule)
    if isinstance(rule, SignificantRule):
        return _significant(paper, claim, rule)
    if isinstance(rule, ChangeRule):
        return _magnitude(paper, claim, rule)
    return _contains(paper, claim, rule)


def _says(claim: Claim) -> str:
    return f'{start(claim.where)} says "{claim.quote}"'


def _lacking(claim: Claim, what: str) -> Finding:
    return not_applicable("claim", what, "the columns that the claim speaks of", claim.id)


def _sign(paper: Paper, claim: Claim, rule: SignRule) -> Finding:
    cells = [
        (c, c.cells[rule.term].estimate)
        for c in paper.columns
        if c.outcome == rule.outcome and rule.term in c.cells and c.cells[rule.term].estimate is not None
    ]
    if not cells:
        return _lacking(claim, f"no column has {rule.term} on {rule.outcome}")
    sign = SIGNS[rule.sign]
    against = [(c, e) for c, e in cells if (e * sign).hi < 0]
    open_ = [(c, e) for c, e in cells if (e * sign).lo <= 0 <= (e * sign).hi]
    low, high = (c.cells[rule.term].b for c in (min(cells, key=_size)[0], max(cells, key=_size)[0]))
    observed = f"{len(cells) - len(against) - len(open_)} of {len(cells)} estimates {rule.sign}, {low} to {high}"
    expected = f"all {rule.sign}"
    if against:
        how = f"all {len(cells)}" if len(against) == len(cells) else f"{len(against)} of {len(cells)}"
        other = "negative" if rule.sign == "positive" else "positive"
        text = (
            f"{_says(claim)}, but {how} estimates of {rule.term} on {rule.outcome} are {other} "
            f"({low} to {high}; {against[0][0].name}: {against[0][0].cells[rule.term].b})."
        )
        return Finding("claim", claim.id, "fail", observed, expected, text)
    verdict = "warn" if open_ else "pass"
    text = f"{_says(claim)}; {observed} on {rule.outcome}."
    return Finding("claim", claim.id, verdict, observed, expected, text)


def _size(entry: tuple[Column, Interval]) -> float:
    return entry[1].at


def _significant(paper: Paper, claim: Claim, rule: SignificantRule) -> Finding:
    column = paper.find(rule.table, rule.column)
    cell = column.cells.get(rule.term) if column else None
    if column is None or cell is None or not cell.is_tested:
        return _lacking(claim, f"{rule.term} is not estimated in table {rule.table} column {rule.column}")
    t = cell.estimate / cell.std_error
    p = two_sided(t)
    wanted = f"{rule.sign} and " if rule.sign else ""
    observed = f"{cell.text}: t = {span(t)}, {p_text(p.at)}"
    expected = f"{wanted}p < {rule.level:g}"
    sign = SIGNS[rule.sign] if rule.sign else math.copysign(1, cell.estimate.at)
    numbers = f"{column.name} has {rule.term} = {cell.b} ({cell.se}), {p_text(p.at)}"
    if (cell.estimate * sign).hi < 0:
        text = f"{_says(claim)}, but {numbers}: the estimate is {'negative' if sign > 0 else 'positive'}"
        text += " and does not differ from zero." if p.lo >= rule.level else "."
        return Finding("claim", claim.id, "fail", observed, expected, text)
    if p.lo >= rule.level:
        return Finding(
            "claim", claim.id, "fail", observed, expected, f"{_says(claim)}, but {numbers}, not below {rule.level:g}."
        )
    sure = p.hi < rule.level and (cell.estimate * sign).lo > 0
    text = f"{_says(claim)}; {numbers}." if sure else f"{_says(claim)}; rounding leaves it open ({numbers})."
    return Finding("claim", claim.id, "pass" if sure else "warn", observed, expected, text)


def _magnitude(paper: Paper, claim: Claim, rule: ChangeRule) -> Finding:
    columns = [paper.find(r.table, r.column) for r in (rule.before, rule.after)]
    cells = [c.cells.get(rule.term) if c else None for c in columns]
    if any(c is None or c.estimate is None for c in cells):
        return _lacking(claim, f"{rule.term} is not estimated in both columns")
    before, after = (abs(c.estimate) for c in cells)
    change = after - before
    by = f" of {100 * abs(change.at) / before.at:.1f} %" if before.at else ""
    observed = f"|{rule.term}| {span(before)} to {span(after)}: {'+' if change.at > 0 else '-'}{by.removeprefix(' of ')}"
    expected = f"a {rule.change} magnitude"
    signed = change if rule.change == "larger" else change * -1
    numbers = (
        f"from {columns[0].name} to {columns[1].name} the magnitude of {rule.term} goes from {cells[0].b.lstrip('-')} to "
        f"{cells[1].b.lstrip('-')}, {'a rise' if change.at > 0 else 'a fall'}{by}"
    )
    if signed.hi < 0:
        return Finding("claim", claim.id, "fail", observed, expected, f"{_says(claim)}, but {numbers}.")
    verdict = "pass" if signed.lo > 0 else "warn"
    return Finding("claim", claim.id, verdict, observed, expected, f"{_says(claim)}; {numbers}.")


def _contains(paper: Paper, claim: Claim, rule: ContainsRule) -> Finding:
    columns = [c for r in rule.columns if (c := paper.find(r.table, r.column)) is not None]
    if not columns:
        return _lacking(claim, "none of the columns is printed")
    without = [(c, [t for t in rule.terms if t not in c.cells]) for c in columns]
    without = [(c, terms) for c, terms in without if terms]
    observed = f"{len(columns) - len(without)} of {len(columns)} columns hold all {len(rule.terms)} terms"
    expected = f"{listed(rule.terms)} in every column"
    if without:
        column, terms = without[0]
        which = "none of them" if len(terms) == len(rule.terms) else f"no {listed(terms)}"
        text = (
            f"{_says(claim)}, but {column.name} holds {which} ({len(column.slopes)} regressor: {listed(list(column.slopes))})."
        )
        return Finding("claim", claim.id, "fail", observed, expected, text)
    return Finding("claim", claim.id, "pass", observed, expected, f"{_says(claim)}; {observed}.")
