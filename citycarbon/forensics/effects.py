"""L75: fixed effects that text and notes state against the labels of the tables, and slopes that cannot stand under both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from citycarbon.forensics.design import Design
from citycarbon.forensics.findings import Finding, Rule, not_applicable
from citycarbon.forensics.paper import Column, Paper
from citycarbon.forensics.wording import listed, plain, table_code

EFFECTS = Rule("L75", "fixed_effect_labels", "fixed effects stated in the text against those printed in the tables")
ALIKE = 0.15  # of a standard error: closer than two different sets of effects leave every slope
WORDS = re.compile(r"\b(fixed|effects?|fes?|dumm(y|ies)|yes)\b|[^a-z0-9 ]")


def name(label: str) -> str:
    """``City FE`` and ``city fixed effects`` are the effect ``city``."""
    return " ".join(WORDS.sub(" ", label.lower()).split())


def fixed_effect_labels(paper: Paper, design: Design | None) -> list[Finding]:
    """L75: one finding a set of labels, and one where columns with different labels agree in every slope."""
    if design is None or design.fixed_effects is None:
        return [not_applicable("labels", "no design with stated fixed effects", "the effects that model and notes state")]
    stated = design.fixed_effects
    other = {(c.table, c.column): frozenset(map(name, c.effects)) for c in stated.columns}
    main = frozenset(map(name, stated.stated))
    labelled = [c for c in paper.columns if c.effects]
    if not labelled:
        return [not_applicable("labels", "no column prints its fixed effects", "fe_label_1 and fe_label_2")]

    def key(column: Column) -> tuple[frozenset[str], frozenset[str]]:
        return frozenset(map(name, column.effects)), other.get(column.key, main)

    found = []
    order = {key(c): i for i, c in reversed(list(enumerate(labelled)))}
    for (printed, wanted), group in groupby(sorted(labelled, key=lambda c: order[key(c)]), key=key):
        columns = list(group)
        found.append(_labels(columns, _places(paper, columns), printed, wanted, stated.where))
    found += _alike(paper, key)
    return found


def _places(paper: Paper, columns: list[Column]) -> list[str]:
    """Tables that lie wholly among ``columns`` by their code, the rest column by column."""
    keys = {c.key for c in columns}
    whole = {table for table, all_of in paper.tables() if all(c.key in keys for c in all_of if c.effects)}
    return list(dict.fromkeys(table_code(c.table) if c.table in whole else c.code for c in columns))


def _labels(columns: list[Column], places: list[str], printed: frozenset[str], wanted: frozenset[str], where: str) -> Finding:
    scope = ", ".join(places[:8]) + (f" and {len(places) - 8} more" if len(places) > 8 else "")
    shown, said = " and ".join(sorted(printed)), " and ".join(sorted(wanted))
    observed, expected = f"{len(columns)} columns print {shown}", f"{said}, as stated in {where}"
    if printed == wanted:
        return Finding(
            "labels", scope, "pass", observed, expected, f"The effects printed in {scope} are {shown}, as stated in {where}."
        )
    text = (
        f"By {where} the fixed effects are {said}, but {listed(places)} print {shown}: one of the two is wrong, and they do "
        "not give the same estimates."
    )
    return Finding("labels", scope, "fail", observed, expected, text)


def _alike(paper: Paper, key) -> Iterator[Finding]:
    """Columns of different effects whose slopes agree to a small share of a standard error."""
    for i, a in enumerate(paper.columns):
        for b in paper.columns[i + 1 :]:
            if a.outcome != b.outcome or a.slopes.keys() != b.slopes.keys() or len(a.slopes) < 3 or a.table == b.table:
                continue
            if not (a.effects and b.effects) or key(a)[0] == key(b)[0]:
                continue
            gaps = {t: _gap(a, b, t) for t in a.slopes}
            if any(g is None for g in gaps.values()) or max(gaps.values()) > ALIKE:
                continue
            largest = max(abs(a.cells[t].estimate.at - b.cells[t].estimate.at) for t in a.slopes)
            text = (
                f"{a.name} prints {_effects(a)} and {b.name} {_effects(b)}, yet their {len(a.slopes)} slopes differ by at most "
                f"{plain(largest, 1)}, {plain(max(gaps.values()), 2)} standard errors: two sets of effects would not agree so "
                "closely, so one label is almost certainly wrong."
            )
            observed = f"largest difference {plain(largest, 2)} = {plain(max(gaps.values()), 2)} SE"
            yield Finding("slopes_alike", f"{a.code}, {b.code}", "warn", observed, f"more than {ALIKE} SE in some slope", text)
            return


def _gap(a: Column, b: Column, term: str) -> float | None:
    first, second = a.cells[term], b.cells[term]
    if not (first.is_tested and second.is_tested) or first.std_error.at == 0:
        return None
    return abs(first.estimate.at - second.estimate.at) / first.std_error.at


def _effects(column: Column) -> str:
    return " and ".join(column.effects)
