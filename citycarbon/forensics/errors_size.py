"""L77: the least standard error that the treated rows allow, and how it must change when treated rows go.

For classical errors SE(did) = RMSE / sqrt(SS), SS the sum of squares of did that effects and controls leave. SS is at most
n1 (1 - n1 / N) for n1 treated of N rows, and at most sum of s (1 - s / T) with unit effects (s treated of a unit's T rows).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from citycarbon.forensics import support
from citycarbon.forensics.design import Cohort, Design, Subsample
from citycarbon.forensics.effects import name
from citycarbon.forensics.errors_ratio import are_classical
from citycarbon.forensics.findings import Finding, Rule, Verdict, not_applicable
from citycarbon.forensics.intervals import Interval
from citycarbon.forensics.paper import Column, Paper
from citycarbon.forensics.scale import rmse
from citycarbon.forensics.wording import plain, span, whole_range

MINIMUM = Rule("L77", "minimum_standard_error", "standard error of the treatment against the least its treated rows allow")
NEAR = 0.10  # a change of a classical error that misses its prediction by less is no finding
FAR = 0.40  # the same for errors that weigh rows by their residuals


def minimum_standard_error(paper: Paper, design: Design | None) -> list[Finding]:
    """L77: per column on the described rows two bounds (rule, unit effects); per subsample the predicted change."""
    if design is None or design.treatment is None or design.panel is None:
        return [not_applicable("minimum_se", "no design with a treatment rule", "panel and treatment in the design")]
    term = design.treatment.term
    found: list[Finding] = []
    seen: set[tuple[str, ...]] = set()
    for column in paper.columns:
        described = paper.described(column.outcome, column)
        cell = column.cells.get(term)
        if cell is None or not cell.is_tested or described is None or described.n != column.n or described.is_weighted:
            continue
        if rmse(paper, column) is None:
            continue
        numbers = (column.outcome, *(c.text for c in column.cells.values()))
        if numbers not in seen:  # a column that repeats another one is told once
            seen.add(numbers)
            found += _bounds(paper, design, column)
    for sub in design.subsamples:
        found += _change(paper, design, sub)
    needs = "the treatment's error, the outcome's sd on the column's rows and adjusted R2"
    return found or [not_applicable("minimum_se", "no column with described outcome and adjusted R2", needs)]


def _bounds(paper: Paper, design: Design, column: Column) -> Iterator[Finding]:
    treatment, panel = design.treatment, design.panel
    assert treatment and panel
    ones = support.treated_rows(treatment.cohorts, panel)
    rule = f"the rule of {treatment.where} ({ones} treated rows)"
    if not ones or ones >= column.n:
        return
    yield _bound(paper, design, column, ones * (1 - ones / column.n), "minimum_se_rule", rule)
    effects = design.fixed_effects
    own = {(c.table, c.column): c.effects for c in effects.columns}.get(column.key, effects.stated) if effects else []
    if effects is None or name(effects.unit) not in map(name, own):
        return
    within = support.within_variation(treatment.cohorts, panel)
    yield _bound(paper, design, column, within, "minimum_se_unit_effects", f"{rule} and {effects.unit} effects")
    yield from _counted(paper, design, column)


def _counted(paper: Paper, design: Design, column: Column) -> Iterator[Finding]:
    """With the treated rows that mean and sd imply instead of the rule's, spread over the units that are called treated."""
    treatment, panel, effects = design.treatment, design.panel, design.fixed_effects
    assert treatment and panel and effects
    described = paper.described(treatment.term, column)
    if described is None or described.mean is None or described.n != column.n:
        return
    counts = support.ones(described)
    if not counts or min(counts) <= support.treated_rows(treatment.cohorts, panel):
        return  # the rule's own bound says it already
    units = treatment.units_stated or sum(c.units for c in treatment.cohorts)
    most = support.largest_within(counts, units, panel.years)
    what = f"{whole_range(counts)} treated rows (its mean and sd) in {units} {support.many(panel)} and {effects.unit} effects"
    finding = _bound(paper, design, column, most, "minimum_se_counted", what)
    needed = support.units_needed(counts, panel.years, implied_squares(paper, column, treatment.term).lo)
    if finding.verdict != "pass" and needed:
        more = f", which {treatment.term} can only leave if it varies within at least {needed} {support.many(panel)}."
        finding = replace(finding, explanation=finding.explanation.removesuffix(".") + more)
    yield finding


def implied_squares(paper: Paper, column: Column, term: str) -> Interval:
    """SS of the treatment behind a classical error: (RMSE / SE)^2."""
    ratio = rmse(paper, column) / column.cells[term].std_error
    return ratio.squared()


def _bound(paper: Paper, design: Design, column: Column, squares: float, finding: str, what: str) -> Finding:
    """The least error when did has at most ``squares`` of variation left."""
    assert design.treatment
    term = design.treatment.term
    error = column.cells[term].std_error
    least = rmse(paper, column) / math.sqrt(squares) if squares > 0 else None
    if least is None:
        return not_applicable(
            finding, f"{what} leave the treatment no variation", "some variation of the treatment", column.code
        )
    implied = implied_squares(paper, column, term)
    observed = f"SE {span(error)}, implied SS {span(implied)}"
    expected = f"SE at least {span(least)}, SS at most {plain(squares)}"
    if not error.below(least):
        text = (
            f"The standard error of {term} in {column.name} ({column.cells[term].se}) is not below {plain(least.at, 3)}, the "
            f"least under {what}."
        )
        return Finding(finding, column.code, "pass", observed, expected, text)
    classical, why = are_classical(paper, design)
    if not classical and not error.below(least * (1 - FAR)):
        text = (
            f"The standard error of {term} in {column.name} ({column.cells[term].se}) is below {plain(least.at, 3)}, the "
            f"least of a classical one under {what}, by no more than an error that weighs rows by their residuals can be."
        )
        return Finding(finding, column.code, "pass", observed, expected, text)
    verdict: Verdict = "fail" if classical else "warn"
    sure = f"({why})" if classical else f"if it is classical ({why}; with few treated units other errors are too small)"
    text = (
        f"{column.name} prints a standard error of {column.cells[term].se} for {term}, but under {what} it cannot be below "
        f"{plain(least.at, 3)} {sure}: its residual sd of {plain(rmse(paper, column).at, 3)} over the root of a sum of "
        f"squares of at most {plain(squares, 3)}, where the printed error needs {plain(implied.at, 3)}."
    )
    return Finding(finding, column.code, verdict, observed, expected, text)


# --- change under exclusions ------------------------------------------------------------------------------------------------


def _change(paper: Paper, design: Design, sub: Subsample) -> Iterator[Finding]:
    """The error grows with the root of the treated rows that go: predicted from the rule, compared with the print."""
    treatment, panel = design.treatment, design.panel
    assert treatment and panel
    column, whole = paper.find(sub.table, sub.column), paper.find(sub.of.table, sub.of.column)
    if column is None or whole is None or sub.kind == "matching" or (sub.kind == "exclusion" and not sub.treated):
        return
    left = _left(treatment.cohorts, sub)
    before, after = support.treated_rows(treatment.cohorts, panel), support.treated_rows(left, panel)
    errors = [_treatment_error(c, treatment.term, design) for c in (whole, column)]
    if errors[0] is None or errors[1] is None or errors[0].lo <= 0 or not 0 < after <= before:
        return
    if before >= whole.n or after >= column.n or not support.within_variation(left, panel):
        return  # treated rows cannot be part of these samples: L68 says so
    change = errors[1] / errors[0]
    predicted = math.sqrt(before * (1 - before / whole.n) / (after * (1 - after / column.n)))
    within = math.sqrt(support.within_variation(treatment.cohorts, panel) / support.within_variation(left, panel))
    fit = _fit(whole, column)
    classical = are_classical(paper, design)[0]
    room = NEAR if classical else FAR
    low = min(predicted, within) * min(1.0, fit.lo) * (1 - room)
    high = max(predicted, within) * max(1.0, fit.hi) * (1 + room)
    observed = f"SE {span(errors[0])} to {span(errors[1])}: {_percent(change)}"
    expected = f"{100 * (predicted - 1):+.0f} % ({before} to {after} treated rows)"
    if change.meets(Interval(predicted, low, high)):
        text = (
            f"The standard error of the treatment changes by {_percent(change)} in {column.name}, about as {after} of {before} "
            "treated rows predict."
        )
        yield Finding("se_change", column.code, "pass", observed, expected, text)
        return
    how = "the lag" if sub.kind == "lag" else f"leaving out {sub.label}" if sub.label else column.name
    text = (
        f"Under the rule of {treatment.where} {how} leaves {after} of {before} treated rows, which raises the standard error "
        f"of the treatment by about {100 * (predicted - 1):.0f} %; from {whole.name} to {column.name} it changes by "
        f"{_percent(change)}, so {_because(classical)}."
    )
    yield Finding("se_change", column.code, "warn", observed, expected, text)


def _because(classical: bool) -> str:
    if classical:
        return "the treated rows behind the estimate are not those of the rule"
    return "the treated rows are not those of the rule, or too few treated units are left for errors of this kind"


def _left(cohorts: list[Cohort], sub: Subsample) -> list[Cohort]:
    """Treated cohorts of the subsample: a year later under a lag, without the excluded units otherwise."""
    if sub.kind == "lag":
        return [Cohort(year=c.year + 1, units=c.units) for c in cohorts]
    gone = {c.year: c.units for c in sub.treated}
    return [Cohort(year=c.year, units=n) for c in cohorts if (n := c.units - gone.get(c.year, 0)) > 0]


def _fit(whole: Column, column: Column) -> Interval:
    """Residual sd of the subsample over that of the whole, if the outcome spreads alike in both."""
    if whole.adj_r2 is None or column.adj_r2 is None or whole.adj_r2.hi >= 1:
        return Interval(1.0, 1.0, 1.0)
    return ((1 - column.adj_r2) / (1 - whole.adj_r2)).sqrt()


def _treatment_error(column: Column, term: str, design: Design) -> Interval | None:
    """The error of the treatment or, in a lag column, of the one term that no other table has."""
    cell = column.cells.get(term)
    if cell is None:
        declared = {*design.variables}
        unknown = [c for t, c in column.slopes.items() if t.startswith(term) and t not in declared]
        cell = unknown[0] if len(unknown) == 1 else None
    return cell.std_error if cell is not None and cell.is_tested else None


def _percent(change: Interval) -> str:
    if change.width < 1e-6:
        return f"{100 * (change.at - 1):+.1f} %"
    return f"{100 * (change.at - 1):+.1f} % [{100 * (change.lo - 1):.1f}, {100 * (change.hi - 1):.1f}]"
