"""L82: do the sources that the paper names cover the years of the panel and the treated rows?"""

from __future__ import annotations

from citycarbon.forensics import support
from citycarbon.forensics.design import Design, Source
from citycarbon.forensics.findings import Finding, Rule, not_applicable
from citycarbon.forensics.paper import Paper
from citycarbon.forensics.wording import listed, start

COVERAGE = Rule("L82", "source_coverage", "treated rows inside the years that each named source covers")


def source_coverage(paper: Paper, design: Design | None) -> list[Finding]:
    """L82: one finding a source with a known window, and one a variable that has more than one source."""
    if design is None or not design.sources or design.panel is None or design.treatment is None:
        return [not_applicable("window", "no design with sources, panel and treatment", "first and last year of each source")]
    found = [_window(design, s) for s in design.sources]
    for variable in dict.fromkeys(s.variable for s in design.sources):
        several = [s for s in design.sources if s.variable == variable]
        if len(several) > 1:
            found.append(_several(variable, several))
    return found


def _window(design: Design, source: Source) -> Finding:
    panel, treatment = design.panel, design.treatment
    assert panel and treatment
    if source.last_year is None and source.first_year is None:
        return not_applicable(
            "window", f"the years that {source.id} covers are not stated", "its first and last year", source.id
        )
    last = source.last_year if source.last_year is not None else panel.last_year
    first = source.first_year if source.first_year is not None else panel.first_year
    rows = support.treated_rows(treatment.cohorts, panel)
    inside = support.rows_until(treatment.cohorts, panel, last) - support.rows_until(treatment.cohorts, panel, first - 1)
    missing = [y for y in range(panel.first_year, panel.last_year + 1) if not first <= y <= last]
    cite = f" ({source.reference})" if source.reference else ""
    observed = f"{source.id} covers {first}-{last}: {inside} of {rows} treated rows"
    expected = f"{panel.first_year}-{panel.last_year}, all {rows} treated rows"
    says = f"{start(source.where)} takes {source.variable} from {source.id}{cite}, which covers {first}-{last}"
    if not missing:
        return Finding("window", source.id, "pass", observed, expected, f"{says}: all of {panel.first_year}-{panel.last_year}.")
    gap = f"{missing[0]}-{missing[-1]}" if len(missing) > 1 else str(missing[0])
    if inside >= rows:
        text = (
            f"{says}, so that it has nothing for {gap} of the sample {panel.first_year}-{panel.last_year}, though "
            "all treated rows."
        )
        return Finding("window", source.id, "warn", observed, expected, text)
    held = "none" if not inside else f"only {inside}"
    text = (
        f"{says}, so that it has nothing for {gap} of the sample {panel.first_year}-{panel.last_year} and {held} of the {rows} "
        f"treated {panel.unit}-years under the rule of {treatment.where}"
    )
    other = _covering(design, source)
    if other is not None:
        return Finding("window", source.id, "warn", observed, expected, f"{text}, unless {other.id} ({other.where}) was used.")
    return Finding("window", source.id, "fail", observed, expected, f"{text}.")


def _covering(design: Design, source: Source) -> Source | None:
    """Another source of the same variable that is known to reach the end of the panel."""
    assert design.panel
    for s in design.sources:
        if s != source and s.variable == source.variable and s.last_year is not None and s.last_year >= design.panel.last_year:
            return s
    return None


def _several(variable: str, sources: list[Source]) -> Finding:
    told = listed([f"{s.id} ({s.where})" for s in sources])
    text = (
        f"{variable} is said to come from {len(sources)} different sources, {told}: the reader cannot know which one was used."
    )
    return Finding("several_sources", variable, "warn", f"{len(sources)} sources", "1 source", text)
