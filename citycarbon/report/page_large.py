"""Regressions on tables larger than memory, as one table and sentences of a release's page: ``large_tables.csv`` in words."""

from __future__ import annotations

import math

from citycarbon.report.layout import count
from citycarbon.report.page_sections import Section
from citycarbon.report.page_tables import NONE, PlainTable, p_cell
from citycarbon.report.results import Line, Results, num
from citycarbon.report.sentences import scaled


def large_tables(results: Results) -> Section | None:
    """None where the release has no such regression."""
    table = _table(results)
    if table is None:
        return None
    return Section(anchor="large-tables", title="Tables larger than memory", said=_said(results), tables=[table])


def _table(results: Results) -> PlainTable | None:
    """One line a coefficient."""
    rows = results.rows("large_tables")
    if not rows:
        return None
    head = ["Table, term", "Estimate", "s.e.", "p, clustered t", "p, RI on t", "Rows", "Cells", "Clusters", "Treated clusters"]
    method = (
        "Computed from sums by cell, equal to the regression of all rows. "
        "RI: randomisation inference over cities, a benchmark under as-if-random assignment and the sharp null."
    )
    return PlainTable(
        "Tables larger than memory", head, [_line(r) for r in rows], " ".join([method, *_notes(rows)]), files=_FILES
    )


def _said(results: Results) -> list[str]:
    """What each table is a regression of, and what of it was left out; one sentence or two a table."""
    said: list[str] = []
    first: dict[str, Line] = {}
    for row in results.rows("large_tables"):
        first.setdefault(row["table"], row)
    for row in first.values():
        if not row["fixed_effects"]:
            said.append(f"{row['label']}: nothing was estimated.")
            continue
        weights = f", weighted by {row['weights']}" if row["weights"] else ""
        said.append(
            f"{row['label']}: {row['outcome']} on {count(num(row, 'n_obs'))} rows of edition {row['edition']}{weights}, with "
            f"effects of {row['fixed_effects']}; errors clustered by {row['vcov'].removeprefix('cluster:')}."
        )
        if num(row, "n_left_out") > 0:
            said.append(f"{count(num(row, 'n_left_out'))} of {count(num(row, 'n_rows'))} rows left out ({row['left_out']}).")
    return said


_FILES = ("large_tables.csv",)


def _line(row: Line) -> list[str]:
    value, error = num(row, "estimate"), num(row, "std_error")
    known = math.isfinite(value) and math.isfinite(error)
    return [
        f"{row['label']}: {row['term']}",
        scaled(value, error) if known else NONE,
        scaled(error, error) if known else NONE,
        p_cell(num(row, "p_value")),
        p_cell(num(row, "p_ri_t")),
        *(_counted(row, name) for name in ("n_obs", "n_cells", "n_clusters", "n_treated_clusters")),
    ]


def _counted(row: Line, name: str) -> str:
    return count(value) if math.isfinite(value := num(row, name)) else NONE


def _notes(rows: list[Line]) -> list[str]:
    """Each note once: with the terms it is about, unless it is about the whole table."""
    terms: dict[str, list[str]] = {}
    about: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        terms.setdefault(row["label"], []).append(row["term"])
        if row["note"]:
            about.setdefault((row["label"], row["note"]), []).append(row["term"])
    return [
        f"{label}{'' if named == terms[label] else ', ' + ', '.join(named)}: {note.rstrip('.')}."
        for (label, note), named in about.items()
    ]
