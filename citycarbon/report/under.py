"""What other result files say of a regression table, as notes under it: its split, its matching, other policies, mechanisms.

Each function reads rows by column name and gives sentences; a file that is absent gives none.
"""

from __future__ import annotations

import math

from citycarbon.report.layout import count, fixed
from citycarbon.report.results import Line, Results, num, yes
from citycarbon.report.sentences import plain, signed
from citycarbon.report.table_sentences import difference_sentence
from citycarbon.study.spec import Split, Study


def notes_under(study: Study, table: str, results: Results) -> list[str]:
    """Everything that stands under ``table`` from files beside the estimates, in the order in which it is read."""
    return [note for line in results.of_table("splits", table) for note in split_notes(study, line)]


def draws_note(table: str, results: Results) -> list[str]:
    """How many reassignments stand behind the p-values of the columns, from the placebo summary's first row of each."""
    first: dict[str, Line] = {}
    for line in results.of_table("placebo", table):
        first.setdefault(line["column"], line)
    numbers: dict[int, list[str]] = {}
    for column, line in first.items():
        if math.isfinite(draws := num(line, "draws")):
            numbers.setdefault(int(draws), []).append(f"({column})")
    if not numbers:
        return []
    said = [f"{count(n)} in columns {', '.join(ids)}" if len(numbers) > 1 else count(n) for n, ids in numbers.items()]
    return [f"RI: reassignments of the treatment to cities, sizes of the cohorts kept: {'; '.join(said)}."]


# --- splits ------------------------------------------------------------------------------------------------------------------


def split_notes(study: Study, line: Line) -> list[str]:
    """Criterion and cut, the sum check with each of its terms, the test of the difference, and what follows from it."""
    notes = [_criterion(study, line), _sum_check(line), _difference(line), line.get("sentence") or difference_sentence(line)]
    return [n for n in notes if n]


def _criterion(study: Study, line: Line) -> str:
    split = next((s for s in study.splits if s.id == line.get("split")), None)
    rule = _rule(split) if split else line.get("criterion", "")
    cut = num(line, "cut")
    value = f"; cut {fixed(cut, 0 if abs(cut) >= 1000 else 3)}{_unit(study, split)}" if math.isfinite(cut) else ""
    return f"Split by {line.get('label') or line.get('split')}: {rule}{value}."


def _rule(split: Split) -> str:
    if split.criterion == "adopted":
        which = " and ".join(split.policies) if split.combine == "all" else " or ".join(split.policies)
        return f"high where the city has {which.replace('_', ' ')} by {split.year}, level of the city"
    if split.level == "row":
        return (
            "each city-year's own value, cut at the median over city-years, ties low, so that a city can stand in both halves"
        )
    at = "high above the cut" if split.criterion == "threshold" else "cut at the median over cities, ties low"
    return f"mean of each city before {split.year}, {at}"


def _unit(study: Study, split: Split | None) -> str:
    unit = study.variable(split.variable).unit if split and split.variable else ""
    return f" {unit}" if unit else ""


def _sum_check(line: Line) -> str:
    terms = [
        ("n_low", "in the low half"),
        ("n_high", "in the high half"),
        ("missing", "without the criterion"),
        ("singletons", "singletons"),
        ("incomplete", "incomplete"),
    ]
    known = [(num(line, name), words) for name, words in terms if math.isfinite(num(line, name))]
    total, holds = num(line, "n_total"), yes(line, "sum_holds")
    if not known or not math.isfinite(total):
        return ""
    found = sum(n for n, _ in known)
    verdict = "holds" if holds or (holds is None and found == total) else "DOES NOT HOLD"
    return (
        f"Sum check: {' + '.join(f'{count(n)} {words}' for n, words in known)} = {count(found)}, N = {count(total)}: {verdict}."
    )


def _difference(line: Line) -> str:
    difference = num(line, "difference")
    if not math.isfinite(difference):
        return f"Difference high - low: not estimable{': ' + line['note'] if line.get('note') else ''}."
    error, p, p_ri = num(line, "se", "std_error"), num(line, "p", "p_value"), num(line, "p_ri", "p_ri_t")
    tests = [
        f"p = {plain(p)} by t" if math.isfinite(p) else "",
        f"p = {plain(p_ri)} by randomisation inference" if math.isfinite(p_ri) else "",
    ]
    said = ", ".join(t for t in tests if t)
    shown = f" (standard error {plain(error)})" if math.isfinite(error) else ""
    return f"Difference high - low, fully interacted model: {signed(difference)}{shown}{', ' if said else ''}{said}."
