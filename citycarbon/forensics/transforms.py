"""L72: can the described values be what the paper defines: a log of a head count, a share, a positive ratio?"""

from __future__ import annotations

import math
from collections.abc import Iterator

from citycarbon.forensics.design import Design, Plausible, Variable
from citycarbon.forensics.findings import Finding, Rule, not_applicable
from citycarbon.forensics.intervals import Interval
from citycarbon.forensics.paper import Described, Paper
from citycarbon.forensics.wording import listed, plain, start

TRANSFORMS = Rule("L72", "transform_plausibility", "described values against the declared definition and transform")

LARGEST = 10.0  # no effect on a log is larger; one that is, is no effect on a log
# Bounds that hold for any paper. What a single paper's variable can be goes into its design (plausible).
QUANTITIES: dict[str, Plausible] = {
    "head_count": Plausible(low=0, high=1.5e9, why="no country has more than 1.5 billion people"),
    "count": Plausible(low=0, high=1e12, why="a count is not negative"),
    "share": Plausible(low=0, high=1, why="a share lies between 0 and 1"),
    "ratio": Plausible(low=0, high=math.inf, why="a ratio of amounts is not negative"),
    "binary": Plausible(low=0, high=1, why="a dummy is 0 or 1"),
}


def transform_plausibility(paper: Paper, design: Design | None) -> list[Finding]:
    """L72: range against definition, zeros where there can be none, units and transforms that are not stated."""
    if design is None or not design.variables:
        return [not_applicable("range", "no design with variables", "each variable's definition and transform")]
    if not paper.descriptives:
        return [not_applicable("range", "no descriptives", "min and max of the variables")]
    found: list[Finding] = []
    for name, declared in design.variables.items():
        described = paper.described(name)
        if described is None:
            continue
        found += _range(paper, described, declared)
        found += _zeros(paper, described, declared)
        found += _unstated(paper, design, described, declared)
        found += _definitions(name, declared)
    return found or [not_applicable("range", "no declared variable is described", "descriptives of the declared variables")]


def allowed(declared: Variable) -> tuple[float, float, str] | None:
    """Least and greatest value after the transform, and why; None where nothing bounds the variable."""
    raw = declared.plausible or QUANTITIES.get(declared.quantity)
    if raw is None or declared.transform == "not_stated":
        return None
    if declared.transform == "none":
        return raw.low, raw.high, raw.why
    if declared.transform == "ln(1+x)":
        return _log(1 + raw.low), _log(1 + raw.high), raw.why
    whole = declared.quantity in ("head_count", "count") and declared.plausible is None
    return _log(max(raw.low, 1.0) if whole else raw.low), _log(raw.high), raw.why


def _log(value: float) -> float:
    return -math.inf if value <= 0 else math.log(value) if math.isfinite(value) else math.inf


def _range(paper: Paper, d: Described, declared: Variable) -> Iterator[Finding]:
    bounds = allowed(declared)
    if bounds is None or d.min is None or d.max is None:
        return
    low, high, why = bounds
    word = {"none": "", "ln": "log of a ", "ln(1+x)": "log of one plus a "}[declared.transform]
    kind = word + {"other": "value as declared", "binary": "0/1 variable"}.get(
        declared.quantity, declared.quantity.replace("_", " ")
    )
    expected = f"{plain(low)} to {plain(high, 3)} ({why})" if math.isfinite(high) else f"at least {plain(low)} ({why})"
    observed = f"min {d.texts['min']}, max {d.texts['max']}"
    over = d.max.lo > high + 1e-9 * max(abs(high), 1)
    under = d.min.hi < low - 1e-9 * max(abs(low), 1)
    if not (over or under):
        text = f"The values of {d.variable} ({d.texts['min']} to {d.texts['max']}) can be a {kind}."
        yield Finding("range", d.variable, "pass", observed, expected, text)
        return
    meaning = f", because {why}"
    if over and declared.transform != "none":
        meaning = f": its maximum would stand for {_exponential(d.max.at)}, and {why}"
    stated = declared.definitions[0] if declared.definitions else None
    says = f"{start(stated.where)} defines {d.variable} as {stated.text}" if stated else f"{d.variable} is declared as a {kind}"
    text = (
        f"{says}, but {paper.source} prints values from {d.texts['min']} to {d.texts['max']}, "
        f"which cannot be a {kind}{meaning}{_level_like(d)}."
    )
    yield Finding("range", d.variable, "fail", observed, expected, text)


def _exponential(value: float) -> str:
    return f"exp({plain(value)}) = {math.exp(value):.1e}" if value < 700 else f"exp({plain(value)})"


def _level_like(d: Described) -> str:
    """A long right tail is the mark of a level, not of a log."""
    if d.mean is None or d.sd is None or d.sd.at == 0 or d.max is None or d.min is None:
        return ""
    up, down = (d.max.at - d.mean.at) / d.sd.at, (d.mean.at - d.min.at) / d.sd.at
    if up < 3 * down:
        return ""
    return f"; a maximum {plain(up, 2)} sd above the mean and a minimum {plain(down, 1)} sd below it look like a level"


def _zeros(paper: Paper, d: Described, declared: Variable) -> Iterator[Finding]:
    if declared.zero == "possible" or d.min is None or declared.transform != "none":
        return
    observed = f"min {d.texts['min']}"
    if d.min.lo > 0:
        text = f"{d.variable} has no zero (minimum {d.texts['min']})."
        yield Finding("zeros", d.variable, "pass", observed, "above 0", text)
        return
    stated = f" ({declared.definitions[0].text})" if declared.definitions else ""
    text = (
        f"{start(paper.source)} prints a minimum of {d.texts['min']} for {d.variable}{stated}, which cannot be zero in a real "
        f"observation: values below {plain(d.min.hi, 2)} look like missing values coded as zero."
    )
    yield Finding("zeros", d.variable, "warn", observed, f"above {plain(max(d.min.hi, 0.0), 2)}", text)


def _unstated(paper: Paper, design: Design, d: Described, declared: Variable) -> Iterator[Finding]:
    if declared.transform != "not_stated":
        return
    term = design.treatment.term if design.treatment else "did"
    effects = [(c, c.cells[term].estimate) for c in paper.columns if c.outcome == d.variable and term in c.cells]
    effects = [(c, e) for c, e in effects if e is not None and abs(e.at) < LARGEST]
    told = ""
    if effects:
        picked = [max(effects, key=lambda ce: abs(ce[1].at)), min(effects, key=lambda ce: abs(ce[1].at))]
        told = "; if it is a natural log, " + listed([f"{c.cells[term].b} in {c.name} means {_percent(e)}" for c, e in picked])
    text = (
        f"Neither unit nor transform of {d.variable} is stated, though {paper.source} prints {d.texts['min']} to "
        f"{d.texts['max']}, so no effect on it can be read in percent{told}."
    )
    yield Finding("unstated", d.variable, "warn", f"{d.texts['min']} to {d.texts['max']}, no unit", "unit and transform", text)


def _percent(effect: Interval) -> str:
    return f"{100 * math.expm1(effect.at):+.1f} %"


def _definitions(name: str, declared: Variable) -> Iterator[Finding]:
    if len({d.text for d in declared.definitions}) < 2:
        return
    told = "; ".join(f"{d.where}: {d.text}" for d in declared.definitions)
    text = (
        f"{name} is defined in {len(declared.definitions)} ways that differ ({told}): the reader cannot know which one was "
        "used."
    )
    yield Finding("definitions", name, "warn", f"{len(declared.definitions)} definitions", "1 definition", text)
