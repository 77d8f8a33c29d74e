"""L69: which whole numbers of ones give the printed mean and sd of a 0/1 variable, and which codings give such a number."""

from __future__ import annotations

from collections.abc import Iterator

from citycarbon.forensics import support
from citycarbon.forensics.design import Design
from citycarbon.forensics.findings import Finding, Rule, not_applicable
from citycarbon.forensics.paper import Described, Paper
from citycarbon.forensics.wording import listed, plain, span, start, whole_range

BINARY = Rule("L69", "binary_mean_and_sd", "whole numbers of ones that give both printed mean and sd")


def binary_mean_and_sd(paper: Paper, design: Design | None) -> list[Finding]:
    """L69: for every 0/1 variable the numbers of ones that reproduce mean and sd, and the codings that give such a number."""
    found: list[Finding] = []
    for described in paper.descriptives.values():
        if described.mean is None or described.is_weighted or not _is_binary(described, design):
            continue
        finding = _enumerate(paper, described)
        if not described.sample or finding.verdict != "pass":
            found.append(finding)
        if not described.sample and design and design.treatment and described.variable == design.treatment.term:
            found += _codings(paper, design, described)
    return found or [not_applicable("ones", "no 0/1 variable is described", "mean, sd and N of a dummy")]


def _is_binary(described: Described, design: Design | None) -> bool:
    """Declared binary, the treatment, or named like a dummy with values from 0 to 1."""
    if design and design.treatment and described.variable == design.treatment.term:
        return True
    if design and described.variable in design.variables:
        return design.variables[described.variable].quantity == "binary"
    ends = described.min and described.max and (described.min.at, described.max.at) == (0, 1)
    return bool(ends) and described.variable.lower().startswith(("did", "treat", "post", "dummy"))


def _enumerate(paper: Paper, described: Described) -> Finding:
    assert described.mean is not None
    name, n = described.variable, described.n
    counts = support.ones(described)
    sd = f" and sd {described.texts['sd']}" if described.sd else ""
    scope = name + (f" in {described.sample}" if described.sample else "")
    expected = "at least one whole number of ones"
    if counts:
        text = (
            f"Mean {described.texts['mean']}{sd} of the 0/1 variable {name} over {n} rows are what exactly "
            f"{whole_range(counts)} ones give."
        )
        shown = "{" + ", ".join(map(str, counts[:20])) + (", ..." if len(counts) > 20 else "") + "}"
        return Finding("ones", scope, "pass", f"{shown} ones of {n}", expected, text)
    nearest = min(max(round(n * described.mean.at), 0), n)
    text = (
        f"{start(paper.source)} prints mean {described.texts['mean']}{sd} for the 0/1 variable {name}, but no whole number of "
        f"ones among {n} rows gives both: {nearest} ones have mean {plain(nearest / n)} and sd "
        f"{plain(support.binary_sd(nearest, n)[0])}."
    )
    observed = f"no count; mean {span(described.mean)}" + (f", sd {span(described.sd)}" if described.sd else "")
    return Finding("ones", scope, "fail", observed, expected, text)


def _codings(paper: Paper, design: Design, described: Described) -> Iterator[Finding]:
    """Which codings of the dummy give one of the counts: a list, none is picked."""
    panel, counts = design.panel, support.ones(described)
    if panel is None or not counts:
        return
    most_units = panel.units or described.n
    boxes = support.rectangles(counts, most_units, panel.years)
    per_unit = described.n / panel.units if panel.units else None
    named = support.codings(design, per_unit)
    fits = [label for label, k in named if k in counts]
    tried = ", ".join(f"{label}: {k}" for label, k in named)
    told = support.rectangles_told(boxes, panel)
    text = (
        f"{start(told)}; of the codings that the text suggests ({tried}) {listed(fits) if fits else 'none'} gives "
        "such a number."
    )
    yield Finding("codings", described.variable, "pass", told, tried, text)
