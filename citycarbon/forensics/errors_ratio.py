"""L76: what kind of standard errors the printed ones can be, from how they stand to each other across outcomes and tables.

Classical errors on one sample: SE_j = sigma sqrt((X'X)^-1_jj), so that two outcomes on the same X have one ratio of errors for
every term, that of their residual sds. Robust and clustered errors weigh each row by its own residual, so their ratios scatter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from citycarbon.forensics.design import Design
from citycarbon.forensics.findings import Finding, Rule, Verdict, not_applicable
from citycarbon.forensics.intervals import Interval, common
from citycarbon.forensics.paper import CONSTANT, Column, Paper
from citycarbon.forensics.scale import rmse
from citycarbon.forensics.wording import ends, listed, plain, span, table_name

RATIOS = Rule(
    "L76", "standard_error_ratios", "whether standard errors stand in one ratio across outcomes, as classical ones do"
)

CHANCE = 1e-3  # below this chance agreement of robust errors is not credible
DOUBT = 0.05
OUTLIER, USUAL = 2.5, 2.0  # a regressor's error falls by more than the first while all others stay within the second


@dataclass(frozen=True)
class Ratios:
    """Standard errors of ``b`` over those of ``a``, by term; ``shared``: the ratio that all terms allow, None without one."""

    a: Column
    b: Column
    by_term: dict[str, Interval]
    shared: Interval | None
    chance: float  # that robust errors of homoskedastic data agree as closely

    @property
    def sharpest(self) -> list[str]:
        return sorted(self.by_term, key=lambda t: self.by_term[t].width / self.by_term[t].at)


def pairs(paper: Paper) -> Iterator[Ratios]:
    """Every two columns of a table that differ in outcome and share rows and terms; at least four errors above zero."""
    for _, columns in paper.tables():
        for a, b in combinations(columns, 2):
            if a.outcome == b.outcome or a.n != b.n or a.cells.keys() != b.cells.keys():
                continue
            by_term = {
                t: b.cells[t].std_error / a.cells[t].std_error
                for t in a.cells
                if a.cells[t].is_tested and b.cells[t].is_tested and a.cells[t].std_error.lo > 0 and b.cells[t].std_error.lo > 0
            }
            if len(by_term) >= 4:
                yield Ratios(a, b, by_term, common(by_term.values()), _chance(by_term, a.n))


def _chance(by_term: dict[str, Interval], n: int) -> float:
    """Chance that errors which only estimate the same sigma would meet in one ratio as closely as rounding lets one see.

    A robust variance of homoskedastic normal rows has relative variance (3 x 3 - 1) / N, its root half the relative sd, the
    ratio of two sqrt(2) times that: s = 2 / sqrt(N). The sharpest term sets the ratio, each other meets it with chance
    w / (s sqrt(2 pi)), w the width of its own interval. Unequal variances make the scatter larger and the chance smaller.
    """
    scatter = 2 / math.sqrt(n) * math.sqrt(2 * math.pi)
    widths = sorted(i.width / i.at for i in by_term.values())
    return math.prod(min(1.0, (w + widths[0]) / scatter) for w in widths[1:])


def classical_evidence(paper: Paper) -> Ratios | None:
    """The pair of columns that shows classical errors, whatever the notes call them; None where no pair does."""
    shown = [r for r in pairs(paper) if r.shared is not None and r.chance < CHANCE]
    return min(shown, key=lambda r: r.chance, default=None)


def are_classical(paper: Paper, design: Design | None) -> tuple[bool, str]:
    """Whether the errors can be taken as classical, and the clause that says why."""
    if design and design.standard_errors and design.standard_errors.stated == "classical":
        return True, "the errors are stated to be classical"
    shown = classical_evidence(paper)
    if shown is None:
        stated = design.standard_errors.stated if design and design.standard_errors else "not_stated"
        called = {"robust": "are called robust", "cluster": "are clustered"}.get(stated, "are of no stated kind")
        return False, f"the errors {called} and no table shows otherwise"
    return True, f"the errors are classical, as their one ratio {ends(shown.shared)} in {table_name(shown.a.table)} shows"


def standard_error_ratios(paper: Paper, design: Design | None) -> list[Finding]:
    """L76: one finding a pair of outcomes on the same X, and one a control whose error alone collapses in a split table."""
    if design is None or design.standard_errors is None:
        return [not_applicable("ratio", "no design with the stated kind of standard errors", "what the notes call the errors")]
    found = [_finding(paper, design, r) for r in pairs(paper)]
    found += _collapsed(paper, design)
    return found or [not_applicable("ratio", "no two outcomes on the same rows and regressors", "such a pair of columns")]


def _finding(paper: Paper, design: Design, r: Ratios) -> Finding:
    stated, where = design.standard_errors.stated, design.standard_errors.where
    scope = f"{r.b.code}/{r.a.code}"
    names = f"{r.b.name} ({r.b.outcome}) over {r.a.name} ({r.a.outcome})"
    told = "; ".join(f"{t} {ends(r.by_term[t])}" for t in r.sharpest[:4])
    if r.shared is None:
        return _scattered(paper, r, stated, where, scope, names, told)
    observed = f"common ratio {ends(r.shared)} of {len(r.by_term)} terms"
    predicted = _predicted(paper, r)
    expected = "one ratio" if stated == "classical" else "ratios that scatter by more than rounding"
    if predicted is not None and r.shared.meets(predicted):
        observed += f"; residual sds give {span(predicted)}"
    if stated in ("classical", "not_stated") or r.chance > DOUBT:
        kind = "as classical errors do" if r.chance <= DOUBT else "within a rounding too coarse to tell the kind"
        text = f"The {len(r.by_term)} standard errors of {names} stand in one ratio {ends(r.shared)}, {kind}."
        return Finding("ratio", scope, "pass", observed, expected, text)
    also = (
        f", and {span(predicted)} is what described sds and adjusted R2 give" if predicted and r.shared.meets(predicted) else ""
    )
    verdict: Verdict = "fail" if r.chance < CHANCE else "warn"
    text = (
        f"All {len(r.by_term)} standard errors of {names} stand in one ratio {ends(r.shared)}{also}: that is what classical "
        f"errors do, while {stated} errors, as stated in {where}, agree so closely with a chance of about {plain(r.chance, 1)}."
    )
    return Finding("ratio", scope, verdict, observed, expected, text)


def _scattered(paper: Paper, r: Ratios, stated: str, where: str, scope: str, names: str, told: str) -> Finding:
    first, second = _disjoint(r)
    clash = f"{first} {ends(r.by_term[first])} and {second} {ends(r.by_term[second])}"
    observed = f"no common ratio: {clash}"
    known = classical_evidence(paper)
    if stated == "classical" or known is not None:
        why = f"{where} calls the errors classical"
        if stated != "classical":
            why = f"those of {known.a.code} and {known.b.code} stand in one, as classical errors do"
        text = (
            f"The standard errors of {names} have no common ratio ({clash}), though {why}: the two columns cannot rest on the "
            f"same {r.a.n} rows and regressors, as they print."
        )
        verdict: Verdict = "fail" if stated == "classical" else "warn"
        return Finding("ratio", scope, verdict, observed, "one ratio on the same rows", text)
    text = f"The standard errors of {names} have no common ratio ({clash}), as {stated.replace('_', ' ')} errors may."
    return Finding("ratio", scope, "pass", observed, "ratios that scatter", text)


def _disjoint(r: Ratios) -> tuple[str, str]:
    """The two terms whose ratios lie farthest apart, the lower one first."""
    low = min(r.by_term, key=lambda t: r.by_term[t].hi)
    return low, max(r.by_term, key=lambda t: r.by_term[t].lo)


def _predicted(paper: Paper, r: Ratios) -> Interval | None:
    first, second = rmse(paper, r.a), rmse(paper, r.b)
    return None if first is None or second is None or first.lo <= 0 else second / first


# --- one regressor's error in a split table ---------------------------------------------------------------------------------


def _collapsed(paper: Paper, design: Design) -> Iterator[Finding]:
    """A control whose error alone falls far below what fewer rows explain: it has lost its collinearity with an effect."""
    treatment = design.treatment.term if design.treatment else "did"
    for split in design.splits:
        whole = paper.find(split.of.table, split.of.column)
        halves = [c for c in (paper.find(split.table, split.high), paper.find(split.table, split.low)) if c]
        found = [(c, *hit) for c in halves if whole for hit in [_outlier(whole, c, treatment)] if hit]
        code = paper.halves(split.table, split.high, split.low)[0]
        for term in dict.fromkeys(term for _, term, _ in found):
            yield _collapse(whole, term, [(c, factor) for c, t, factor in found if t == term], code)


def _collapse(whole: Column, term: str, hits: list[tuple[Column, Interval]], code: str) -> Finding:
    told = listed([f"{c.cells[term].se} in {c.name}" for c, _ in hits])
    times = listed([plain(1 / factor.at, 2) for _, factor in hits])
    text = (
        f"The standard error of {term} falls from {whole.cells[term].se} in {whole.name} to {told}, {times} times below what "
        f"the rows explain, while those of the other controls do not fall: {term} has lost its collinearity with the fixed "
        f"effects, the pattern of a run without {_effect(hits[0][0])} effects."
    )
    observed = "; ".join(f"{c.code} {term} {span(factor)}" for c, factor in hits)
    return Finding("one_error_collapses", code, "warn", observed, f"above {1 / OUTLIER:.2f}", text)


def _effect(column: Column) -> str:
    """The effect whose absence frees a trending regressor: the one over time where it is named."""
    return next((e.lower() for e in column.effects if "year" in e.lower() or "time" in e.lower()), "some")


def _outlier(whole: Column, column: Column, treatment: str) -> tuple[str, Interval] | None:
    """Term and factor of the one control whose error, scaled by root N, falls alone; None where none or several do."""
    scale = math.sqrt(column.n / whole.n)
    factors = {
        t: column.cells[t].std_error / whole.cells[t].std_error * scale
        for t in whole.slopes
        if t not in (treatment, CONSTANT)
        and t in column.cells
        and column.cells[t].is_tested
        and whole.cells[t].is_tested
        and min(whole.cells[t].std_error.lo, column.cells[t].std_error.lo) > 0
    }
    if len(factors) < 4:
        return None
    low = min(factors, key=lambda t: factors[t].at)
    others = [f for t, f in factors.items() if t != low]
    middle = median(f.at for f in others)
    usual = all(f.hi > middle / USUAL and f.lo < middle * USUAL for f in others)
    factor = factors[low] / middle
    return (low, factor) if usual and factor.hi < 1 / OUTLIER else None
