"""From ``<stem>.design.yaml`` to :class:`Design`; every complaint names path and line, what was found and what is expected."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from citycarbon.errors import UsageError
from citycarbon.forensics.design import Design
from citycarbon.forensics.read import NUMBER
from citycarbon.study.yaml_lines import Document, read_yaml


def default_design_path(published: Path) -> Path:
    """``<stem>.design.yaml`` beside the csv."""
    return published.with_name(f"{published.stem}.design.yaml")


def load_design(path: Path) -> Design:
    """The design in this file. Raises UsageError with path and line of every fault, what was found and what is allowed."""
    if not path.is_file():
        raise UsageError(f"{path}: found no such file; expected a design yaml. Check the path, or leave --design out.")
    document = read_yaml(path)
    try:
        design = Design.model_validate(document.data)
    except ValidationError as error:
        raise _refusal(document, [_problem(e) for e in error.errors()]) from error
    problems = list(_problems(design))
    if problems:
        raise _refusal(document, problems)
    return design


Where = tuple[str | int, ...]


def _refusal(document: Document, problems: list[tuple[Where, str]]) -> UsageError:
    found = sorted((document.line(where), ".".join(map(str, where)), text) for where, text in problems)
    return UsageError("\n".join(f"{document.path}, line {line}: {where}: {text}" for line, where, text in found))


def _problem(error: Any) -> tuple[Where, str]:
    where = tuple(error["loc"])
    if where[0] == "claims" and len(where) > 3 and where[2] == "rule":
        where = (*where[:3], *where[4:])  # pydantic puts the rule's kind in between
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return (
            where,
            f"found the unknown key '{where[-1]}'; expected one of the keys in docs/forensics.md. Correct or remove it",
        )
    if kind == "missing":
        return where, f"found no key '{where[-1]}'; expected it here. Add it"
    if kind == "union_tag_invalid":
        return (*where, "kind"), f"found '{context['tag']}'; expected {context['expected_tags']}"
    if kind == "union_tag_not_found":
        return where, "found a rule without the key 'kind'; expected sign, significant, magnitude or contains"
    return where, f"found {error['input']!r}; expected: {error['msg']}"


def _problems(design: Design) -> Iterator[tuple[Where, str]]:
    if design.panel and design.panel.first_year > design.panel.last_year:
        yield ("panel", "last_year"), f"found {design.panel.last_year}; expected a year not before {design.panel.first_year}"
    if design.treatment:
        years = [c.year for c in design.treatment.cohorts]
        for i, year in enumerate(years):
            if year in years[:i]:
                yield ("treatment", "cohorts", i, "year"), f"found the cohort {year} a second time; expected it once"
    if design.event_study and design.event_study.first > design.event_study.last:
        yield (
            ("event_study", "last"),
            f"found {design.event_study.last}; expected a period not before {design.event_study.first}",
        )
    for i, split in enumerate(design.splits):
        if split.high == split.low:
            yield ("splits", i, "low"), f"found column {split.low} for both halves; expected two columns"
    ids = [c.id for c in design.claims]
    for i, claim in enumerate(ids):
        if claim in ids[:i]:
            yield ("claims", i, "id"), f"found '{claim}' a second time; expected it once"
    if design.placebo:
        for key in ("peak_density", "sd", "axis_low", "axis_high"):
            yield from _not_a_number(("placebo", key), getattr(design.placebo, key))


def _not_a_number(where: Where, text: str | None) -> Iterator[tuple[Where, str]]:
    if text is not None and not NUMBER.fullmatch(text):
        yield where, f"found '{text}'; expected a number with the digits that could be read, such as 2.0"
