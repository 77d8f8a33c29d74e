"""L79: the spread of placebo estimates against the printed standard error, and the range of the figure against its draws."""

from __future__ import annotations

import math
from collections.abc import Iterator

from citycarbon.forensics.design import Design, Placebo
from citycarbon.forensics.findings import Finding, Rule, not_applicable
from citycarbon.forensics.intervals import Interval, printed
from citycarbon.forensics.paper import Column, Paper
from citycarbon.forensics.wording import p_text, plain, span, start

PLACEBO = Rule("L79", "placebo_spread", "sd of placebo estimates against the printed standard error")
LARGE = 1.5  # ratio beyond which the printed error understates what random assignment gives


def placebo_spread(paper: Paper, design: Design | None) -> list[Finding]:
    """L79: placebo sd over SE; the estimate in placebo sds; the axis of the figure in sds."""
    facts = design.placebo if design else None
    if design is None or facts is None:
        return [not_applicable("spread", "no design with placebo facts", "sd or peak density of the placebo estimates")]
    column = paper.find(facts.of.table, facts.of.column)
    term = design.treatment.term if design.treatment else "did"
    cell = column.cells.get(term) if column else None
    sd, how = placebo_sd(facts)
    if column is None or cell is None or not cell.is_tested or sd is None:
        return [not_applicable("spread", f"{facts.where} or its column lacks a number", "placebo sd and the printed error")]
    return [_spread(facts, column, term, sd, how), *_axis(facts, sd)]


def placebo_sd(facts: Placebo) -> tuple[Interval | None, str]:
    """The stated sd, else that of the normal density with the peak that was read: 1 / (peak sqrt(2 pi))."""
    if facts.sd:
        return printed(facts.sd), f"an sd of {facts.sd}"
    if facts.peak_density and printed(facts.peak_density).lo > 0:
        sd = 1 / (printed(facts.peak_density) * math.sqrt(2 * math.pi))
        return sd, f"a peak density of {facts.peak_density}, a normal sd of {span(sd)}"
    return None, ""


def _spread(facts: Placebo, column: Column, term: str, sd: Interval, how: str) -> Finding:
    from scipy.stats import norm

    cell = column.cells[term]
    if cell.std_error.lo <= 0:
        return not_applicable("spread", f"the error of {term} is printed as zero", "a standard error above zero", facts.where)
    ratio, z = sd / cell.std_error, abs(cell.estimate) / sd
    p = float(2 * norm.sf(z.at))
    observed = f"placebo sd {span(sd)} / SE {span(cell.std_error)} = {span(ratio)}"
    silent = "" if facts.p_value_printed else "; no p-value from the draws is printed"
    if ratio.lo > LARGE:
        text = (
            f"{start(facts.where)} has {how}, {plain(ratio.at, 2)} times the standard error of {cell.se} that "
            f"{column.name} prints for {term}: against random assignment the estimate of {cell.b} lies "
            f"{plain(z.at, 2)} sd out ({p_text(p)}), not t = {plain((abs(cell.estimate) / cell.std_error).at, 2)}{silent}."
        )
        return Finding("spread", facts.where, "warn", observed, f"at most {LARGE}", text)
    text = f"{start(facts.where)} has {how}, {plain(ratio.at, 2)} times the standard error of {term} in {column.name}{silent}."
    return Finding("spread", facts.where, "pass", observed, f"at most {LARGE}", text)


def _axis(facts: Placebo, sd: Interval) -> Iterator[Finding]:
    """How far the plotted range reaches, against the farthest of that many normal draws."""
    from scipy.stats import norm

    ends = [printed(t) for t in (facts.axis_low, facts.axis_high) if t]
    if not ends or not facts.draws:
        return
    far = max(ends, key=lambda e: abs(e.at))
    reach, usual = abs(far) / sd, float(norm.isf(0.5 / facts.draws))
    observed, expected = (
        f"axis to {plain(far.at)}, {span(reach)} sd",
        f"about {plain(usual, 2)} sd for {facts.draws} normal draws",
    )
    if reach.lo > usual + 1:
        text = (
            f"The axis of {facts.where} runs to {plain(far.at)}, {plain(reach.at, 2)} placebo sd from zero, where "
            f"{facts.draws} normal draws reach about {plain(usual, 2)}: the draws are not as normal as the text says, or the "
            "axis is wider than they."
        )
        yield Finding("axis", facts.where, "warn", observed, expected, text)
    else:
        text = f"The axis of {facts.where} reaches {plain(reach.at, 2)} placebo sd, as {facts.draws} draws can."
        yield Finding("axis", facts.where, "pass", observed, expected, text)
