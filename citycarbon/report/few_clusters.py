"""What few treated clusters ask for beside the stars, under a regression table: rows from ``inference.csv``, what they mean,
and why a cell of them is empty."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from citycarbon.report.families import ADJUSTED
from citycarbon.report.layout import Cell, Row, fixed
from citycarbon.report.results import Line, Results, num
from citycarbon.report.sentences import p_text

POWER = (
    "2.8 standard deviations of the placebo coefficients, in the unit of the coefficient: a normal approximation for the test "
    "on the coefficient; the test on t, which gives the stars, may need less or more"
)
# Row, method, the field that holds it, how it is printed, what it is.
_ROWS = (
    ("p, CV3 jackknife", "cv3", "p_value", "p", "CV3: jackknife over cities."),
    ("p, wild bootstrap, Webb weights", "wcr:webb", "p_value", "p", ""),
    ("p, RI on t, Romano-Wolf", ADJUSTED, "p_value", "p", "Romano-Wolf: adjusted for what is tested together, named above."),
    (
        "Size of the clustered t test at 5 %", "placebo:size", "statistic", "share",
        "Size: share of reassignments in which the clustered t test rejects at 5 %, where nothing is to be found.",
    ),
    ("Effect found with 80 % power", "placebo:mde80", "statistic", "effect", f"Effect found with 80 % power: {POWER}."),
    (
        "Effective clusters", "effective_clusters", "statistic", "one decimal",
        "Effective clusters: one over the sum of squared shares of the cities in what is left of the treatment.",
    ),
)  # fmt: skip


def few_cluster_rows(columns: Sequence[str], digits: Sequence[int], table: str, results: Results) -> list[Row]:
    """Rows of the treatment; a row that no column has is left out (tables of variants have none).

    ``columns``: ids; ``digits``: decimals of an effect in each.
    """
    by = _lines(table, results)
    rows = []
    for label, method, field, kind, _ in _ROWS:
        lines = [by.get((column, method)) for column in columns]
        cells = [Cell(_printed(num(line, field), kind, d) if line else "") for line, d in zip(lines, digits, strict=True)]
        if any(cell.number for cell in cells):
            rows.append(Row((label,), tuple(cells), rule=not rows))
    return rows


def few_cluster_notes(columns: Sequence[str], table: str, results: Results) -> list[str]:
    """What the rows of :func:`few_cluster_rows` are, in one note, and the reason of each empty cell in them."""
    by = _lines(table, results)
    meanings, reasons = [], []
    for label, method, field, _, meaning in _ROWS:
        mine = {column: by[column, method] for column in columns if (column, method) in by}
        if not any(math.isfinite(num(line, field)) for line in mine.values()):
            continue
        meanings.append(meaning)
        empty: dict[str, list[str]] = {}
        for column, line in mine.items():
            if not math.isfinite(num(line, field)) and line["note"]:
                empty.setdefault(line["note"], []).append(f"({column})")
        reasons += [f"{label}, none in {', '.join(ids)}: {why}." for why, ids in empty.items()]
    said = " ".join(filter(None, meanings))
    return [*([said] if said else []), *reasons]


def _lines(table: str, results: Results) -> Mapping[tuple[str, str], Line]:
    """(column, method) -> row. A column is as a rule in one family; where it is in more, the first stands in the table."""
    lines = [line for line in reversed(results.of_table("inference", table)) if not _alone(line)]
    return {(line["column"], ADJUSTED if line["method"].startswith(ADJUSTED) else line["method"]): line for line in lines}


def _alone(line: Line) -> bool:
    """A family of one hypothesis adjusts nothing."""
    return line["method"].startswith(ADJUSTED) and ": 1 hypothesis tested together" in line["note"]


def _printed(value: float, kind: str, digits: int) -> str:
    if not math.isfinite(value):
        return ""
    if kind == "p":
        return p_text(value)
    return {"share": f"{100 * value:.1f} %", "effect": fixed(value, digits), "one decimal": fixed(value, 1)}[kind]
