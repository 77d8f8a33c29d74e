"""L68: do the treated rows behind the printed mean, the event window and the exclusions fit the stated treatment rule?"""

from __future__ import annotations

import math
from collections.abc import Iterator

from citycarbon.forensics import support
from citycarbon.forensics.design import Design, Subsample
from citycarbon.forensics.findings import Finding, Rule, not_applicable
from citycarbon.forensics.paper import Described, Paper
from citycarbon.forensics.wording import listed, plain, start, whole_range

COMPLETE = 0.8  # share of its years that a unit left out by name should have, with a few rows missing
SUPPORT = Rule("L68", "treatment_support", "treated rows that the printed mean implies against those the rule allows")


def treatment_support(paper: Paper, design: Design | None) -> list[Finding]:
    """L68: treated rows, treated units, event window, rows a unit has, what exclusions and matching leave."""
    if design is None or design.treatment is None or design.panel is None:
        return [not_applicable("treated_rows", "no design with a treatment rule", "panel and treatment in the design")]
    found = [_treated_rows(paper, design, d) for d in paper.counted(design.treatment.term)]
    if not found:
        found = [not_applicable("treated_rows", f"no descriptives of {design.treatment.term}", "its mean and N")]
    passed = [f for f in found[1:] if f.verdict == "pass"]
    found = [f for f in found if f not in passed]  # rows about one column's sample are told only where they fail
    found += _units(design)
    found += _event_window(paper, design)
    found += _wordings(design)
    found += _panel_rows(paper, design)
    for sub in design.subsamples:
        found += _subsample(paper, design, sub)
    return found


def _treated_rows(paper: Paper, design: Design, described: Described) -> Finding:
    treatment, panel = design.treatment, design.panel
    assert treatment and panel
    most = support.treated_rows(treatment.cohorts, panel)
    scope = described.variable + (f" in {described.sample}" if described.sample else "")
    if described.mean is None:
        return not_applicable("treated_rows", f"no mean of {described.variable} is printed", "its mean", scope)
    counts = support.ones_by_mean(described)
    rows = whole_range(counts) if counts else f"about {plain(described.n * described.mean.at)}"
    unit, told = panel.unit, support.cohorts_told(treatment.cohorts, panel)
    observed = f"mean {described.texts['mean']} with N = {described.n}: {rows} treated {unit}-years"
    says = (
        f"{start(paper.source)} prints a mean of {described.variable} of {described.texts['mean']} over {described.n} rows, "
        f"that is {rows} treated {unit}-years"
    )
    rule = f"the rule of {treatment.where} ({told}; sample {panel.first_year}-{panel.last_year})"
    expected = f"1 to {most} treated {unit}-years"
    if described.n * described.mean.lo > most + 1e-6:
        share = described.mean / (most / described.n) if most else None
        times = f", so the printed mean is {plain(share.at, 2)} times the largest possible" if share else ""
        return Finding("treated_rows", scope, "fail", observed, expected, f"{says}, but {rule} allows at most {most}{times}.")
    if described.n * described.mean.hi < 1 and most:
        text = f"{says}, but an effect of {described.variable} is estimated and {rule} gives up to {most} treated rows."
        return Finding("treated_rows", scope, "fail", observed, expected, text)
    return Finding("treated_rows", scope, "pass", observed, expected, f"{says}; {rule} allows up to {most}.")


def _units(design: Design) -> Iterator[Finding]:
    treatment, panel = design.treatment, design.panel
    assert treatment and panel
    if treatment.units_stated is None:
        return
    can = support.treated_units(treatment.cohorts, panel)
    late = [c for c in treatment.cohorts if c.year > panel.last_year]
    names = [n for c in late for n in c.names]
    observed, expected = f"{treatment.units_stated} treated {support.many(panel)} stated", f"at most {can} with did = 1"
    if treatment.units_stated <= can:
        text = f"The text speaks of {treatment.units_stated} treated {support.many(panel)}, and {can} can have did = 1."
        yield Finding("treated_units", treatment.term, "pass", observed, expected, text)
        return
    who = f"{listed(names)} join" if names else f"{sum(c.units for c in late)} of them join"
    text = (
        f"The text speaks of {treatment.units_stated} treated {support.many(panel)}, but at most {can} can have "
        f"{treatment.term} = 1, because {who} after {panel.last_year}, the last year of the sample, and so serve as controls."
    )
    yield Finding("treated_units", treatment.term, "warn", observed, expected, text)


def _event_window(paper: Paper, design: Design) -> Iterator[Finding]:
    treatment, panel, event = design.treatment, design.panel, design.event_study
    if event is None or event.last < 0:
        return
    assert treatment and panel
    by_time = {
        e: [c for c in treatment.cohorts if panel.first_year <= c.year + e <= panel.last_year] for e in range(event.last + 1)
    }
    told = ", ".join(f"t{'+' + str(e) if e else ''}: {sum(c.units for c in cs)}" for e, cs in by_time.items())
    empty = [e for e, cs in by_time.items() if not cs]
    single = [e for e, cs in by_time.items() if len(cs) == 1 and len(by_time[0]) > 1]
    reach = panel.first_year - min(c.year for c in treatment.cohorts)
    observed = f"treated {support.many(panel)} by period: {told}"
    bins = ""
    if event.ends == "not_stated" and reach < event.first:
        base = ", nor which period is the base" if event.base == "not_stated" else ""
        bins = f"; leads reach back to t{reach}, so t{event.first} must be a bin, and the text does not say so{base}"
    if empty:
        text = f"{start(event.where)} plots t+{empty[0]}, which no treated {panel.unit} reaches by {panel.last_year}{bins}."
        yield Finding("event_support", event.where, "fail", observed, "a treated unit in every plotted period", text)
    elif single:
        who = by_time[single[0]][0]
        text = (
            f"In {event.where} the periods {listed([f't+{e}' for e in single])} rest on the {who.units} "
            f"{support.many(panel)} of {who.year} alone, while t rests on {sum(c.units for c in by_time[0])}, "
            f"so its path mixes a change of effect with a change of {support.many(panel)}{bins}."
        )
        yield Finding("event_support", event.where, "warn", observed, "the same cohorts in every period", text)
    else:
        text = f"Every period that {event.where} plots after t is reached by more than one cohort ({told}){bins}."
        yield Finding("event_support", event.where, "warn" if bins else "pass", observed, "more than one cohort", text)
    yield from _window_holds(paper, design)


def _window_holds(paper: Paper, design: Design) -> Iterator[Finding]:
    """Treated rows that exact end points could show, against those of the printed mean."""
    treatment, event, panel = design.treatment, design.event_study, design.panel
    assert treatment and event and panel
    described = paper.described(treatment.term)
    if described is None or described.mean is None or event.ends == "binned":
        return
    units = treatment.units_stated or sum(c.units for c in treatment.cohorts)
    most, rows = units * (event.last + 1), described.n * described.mean
    observed = f"{whole_range(support.ones_by_mean(described))} treated rows behind mean {described.texts['mean']}"
    expected = f"at most {most} rows in t to t+{event.last}"
    if rows.lo <= most + 1e-6:
        text = (
            f"The {whole_range(support.ones_by_mean(described))} treated rows of {paper.source} fit into t to t+{event.last}."
        )
        yield Finding("event_window", event.where, "pass", observed, expected, text)
        return
    end = "" if event.ends == "exact" else f" unless t+{event.last} stands for all later years, which is not stated"
    text = (
        f"{start(event.where)} ends at t+{event.last}, where {units} {support.many(panel)} have at most {most} treated rows, "
        f"but the mean of {described.variable} implies at least {math.ceil(rows.lo - 1e-6)}; both cannot hold{end}."
    )
    yield Finding("event_window", event.where, "fail" if event.ends == "exact" else "warn", observed, expected, text)


def _wordings(design: Design) -> Iterator[Finding]:
    treatment, panel = design.treatment, design.panel
    assert treatment and panel
    main = support.treated_rows(treatment.cohorts, panel)
    for other in treatment.other_rules:
        units, rows, both = support.rows_under(other, treatment.cohorts, panel)
        observed = f"{other.where}: {units} {support.many(panel)}, up to {rows} rows; {both} rows under both wordings"
        expected = f"{treatment.where}: up to {main} rows, the same under both wordings"
        same = rows == main == both
        text = (
            f"The wordings of {treatment.where} and {other.where} treat the same rows."
            if same
            else f"The treatment rule is worded twice and the wordings differ: {treatment.where} gives up to {main} treated "
            f"rows, {other.where} read literally up to {rows} ({units} {support.many(panel)}), and only {both} are treated "
            "under both."
        )
        yield Finding("treatment_wordings", other.where, "pass" if same else "warn", observed, expected, text)


def _panel_rows(paper: Paper, design: Design) -> Iterator[Finding]:
    panel = design.panel
    assert panel
    if panel.units is None:
        return
    largest = max(paper.columns, key=lambda c: c.n)
    full = panel.units * panel.years
    observed = f"N = {largest.n} in {largest.name}"
    expected = f"at most {full} = {panel.units} {support.many(panel)} x {panel.years} years"
    if largest.n > full:
        text = (
            f"{largest.name} has {largest.n} rows, more than {panel.units} {support.many(panel)} in "
            f"{panel.first_year}-{panel.last_year} can have ({full})."
        )
        yield Finding("panel_rows", largest.code, "fail", observed, expected, text)
    else:
        text = (
            f"The largest sample holds {largest.n} of {full} possible {panel.unit}-years ({100 * largest.n / full:.1f} %), "
            f"{largest.n / panel.units:.1f} of {panel.years} years a {panel.unit}."
        )
        yield Finding("panel_rows", largest.code, "pass", observed, expected, text)


def _subsample(paper: Paper, design: Design, sub: Subsample) -> Iterator[Finding]:
    treatment, panel = design.treatment, design.panel
    assert treatment and panel
    column, whole = paper.find(sub.table, sub.column), paper.find(sub.of.table, sub.of.column)
    if column is None or whole is None:
        return
    lost = whole.n - column.n
    if sub.units and sub.kind == "exclusion" and lost > 0:
        each, most = lost / sub.units, sub.units * panel.years
        observed = f"{whole.n} - {column.n} = {lost} rows for {sub.units} {support.many(panel)}"
        verdict = "fail" if lost > most else "warn" if lost < COMPLETE * most else "pass"
        but = (
            ""
            if lost == most
            else f" of the {panel.years} years"
            if verdict == "pass"
            else f", not the {panel.years} of {panel.first_year}-{panel.last_year}"
        )
        text = (
            f"{column.name} leaves out {sub.units} {support.many(panel)} and loses {lost} rows, {plain(each, 3)} "
            f"rows each{but}."
        )
        yield Finding("rows_per_unit", column.code, verdict, observed, f"{most} rows, {panel.years} each", text)
    if sub.nationwide_from is not None:
        left = support.rows_until(treatment.cohorts, panel, sub.nationwide_from - 1)
        observed = f"{lost} of {whole.n} rows left out; {left} treated rows before {sub.nationwide_from}"
        if left:
            text = f"{column.name} can keep {left} treated rows after an exclusion that begins in {sub.nationwide_from}."
        else:
            text = (
                f"{column.name} is said to exclude rows under a policy that has held everywhere since {sub.nationwide_from} "
                f"({sub.where}); that would leave no treated row under the rule, yet only {lost} of {whole.n} rows are gone "
                "and an effect is printed, so what was excluded is not what is described."
            )
        yield Finding("exclusion_support", column.code, "pass" if left else "warn", observed, "at least 1 treated row", text)
    described = paper.described(treatment.term)
    if sub.kind == "matching" and described is not None and described.mean is not None:
        rows = described.n * described.mean
        observed = f"N = {column.n}, {100 * column.n / whole.n:.1f} % of {whole.n}"
        few = rows.lo > column.n + 1e-6
        text = (
            f"{column.name} keeps {column.n} of {whole.n} rows after matching ({100 * column.n / whole.n:.1f} %), fewer than "
            f"the {whole_range(support.ones_by_mean(described))} treated rows of {paper.source}, so treated rows were lost as "
            "well."
            if few
            else f"{column.name} keeps {column.n} of {whole.n} rows after matching."
        )
        expected = f"treated rows {whole_range(support.ones_by_mean(described))} and their matches"
        yield Finding("matched_rows", column.code, "warn" if few else "pass", observed, expected, text)
