"""The sensitivity of one column as a section of a release's page: ``sensitivity.csv`` in sentences and tables.

Rows of analyses that have a section of their own are left to it.
"""

from __future__ import annotations

import math

from citycarbon.report.layout import count, listed, table_name
from citycarbon.report.page_sections import Section
from citycarbon.report.page_tables import NONE, PlainTable, p_cell
from citycarbon.report.results import Line, Results, num
from citycarbon.report.sensitivity_labels import GROUPS, label
from citycarbon.report.sentences import p_is, scaled

SIGNIFICANT = 0.05
FILES = ("sensitivity.csv",)
FIGURE = "sensitivity_forest"


def sensitivity(results: Results) -> Section | None:
    """None where the release looks at no column again."""
    rows = [r for r in results.rows("sensitivity") if r["analysis"] in GROUPS]
    if not rows:
        return None
    return Section(
        anchor="sensitivity",
        title="The headline column looked at again",
        said=said(rows),
        figures=[FIGURE],
        tables=[_numbers(rows)],
        folded=[_notes(rows)],
    )


def said(rows: list[Line]) -> list[str]:
    """What the numbers support, one sentence a question."""
    main = rows[0]
    other = [r for r in rows if r["analysis"] not in ("headline", "conley") and r["term"] == main["term"]]
    known = [r for r in other if math.isfinite(num(r, "estimate"))]
    column = f"{table_name(main['table'])} column {main['column']}"
    if not math.isfinite(num(main, "estimate")):
        return [f"{column} itself has no estimate: {main['note']}."]
    out = [
        f"{column}, {main['term']} = {_estimate(main)} in {main['unit']}, was looked at again in {count(len(other))} other "
        f"ways; {count(len(known))} of them can be estimated on this panel."
    ]
    out += _range(main, known)
    below = [r for r in known if num(r, "estimate") < 0]
    tested = [r for r in known if math.isfinite(num(r, "p_ri_t"))]
    sure = [r for r in tested if num(r, "estimate") < 0 and num(r, "p_ri_t") < SIGNIFICANT]
    if known:
        out.append(
            f"{count(len(below))} of the {count(len(known))} estimates are below zero. Of the {count(len(tested))} with a test "
            f"by randomisation inference, {count(len(sure))} are below zero with p < {SIGNIFICANT:g}. They share data and are "
            "no independent trials; the test is a benchmark under as-if-random assignment, and pilots are selected."
        )
    return [*out, *_support(main, known), *_exposure(rows), *_conley(main, rows)]


def _range(main: Line, known: list[Line]) -> list[str]:
    alike = sorted((r for r in known if r["unit"] == main["unit"]), key=lambda r: num(r, "estimate"))
    if len(alike) < 2:
        return []
    low, high = alike[0], alike[-1]
    return [
        f"The {count(len(alike))} in the same unit run from {_estimate(low)} ({_named(low)}) to {_estimate(high)} "
        f"({_named(high)})."
    ]


def _support(main: Line, known: list[Line]) -> list[str]:
    """The variant that rests on the fewest treated city-years, where it has fewer than the column."""
    least = min(known, key=lambda r: num(r, "n_treated_cells"), default=main)
    if not num(least, "n_treated_cells") < num(main, "n_treated_cells"):
        return []
    return [
        f"The least support has '{_named(least)}': {count(num(least, 'n_treated_cells'))} of "
        f"{count(num(main, 'n_treated_cells'))} treated city-years."
    ]


def _exposure(rows: list[Line]) -> list[str]:
    found = [r for r in rows if r["term"].startswith("near_") and math.isfinite(num(r, "estimate"))]
    if not found:
        return []
    parts = [f"within {num(r, 'parameter'):g} km {_estimate(r)} ({'; '.join(_exposed(r))})" for r in found]
    return [
        f"Untreated cities with a treated city near them differ from those without, in {found[0]['unit']}: {listed(parts)}."
    ]


def _exposed(row: Line) -> list[str]:
    """Who is exposed, p by redraws, and how many of these have no p because nobody is exposed in them."""
    cities = num(row, "n_treated_units")
    said = [f"{count(cities)} {'city' if cities == 1 else 'cities'}, {count(num(row, 'n_treated_cells'))} city-years"]
    if math.isfinite(num(row, "p_ri_t")):
        said.append(f"{p_is(num(row, 'p_ri_t'))} by randomisation inference")
        if num(row, "ri_undefined") > 0:
            said[-1] += f", {count(num(row, 'ri_undefined'))} of {count(num(row, 'ri_draws'))} redraws without anybody exposed"
    return said


def _conley(main: Line, rows: list[Line]) -> list[str]:
    errors = [num(r, "std_error") for r in rows if r["analysis"] == "conley" and math.isfinite(num(r, "std_error"))]
    if not errors:
        return []
    own = num(main, "std_error")
    return [
        f"The standard error is {scaled(own, own)} clustered by city alone; with errors that are also correlated between near "
        f"cities it is {scaled(min(errors), own)} to {scaled(max(errors), own)}."
    ]


def _numbers(rows: list[Line]) -> PlainTable:
    head = ["What is changed", "Estimate", "s.e.", "p, t", "p, RI on t", "City-years", "Treated cities", "Treated city-years"]
    counts = ("n_obs", "n_treated_units", "n_treated_cells")
    body = [
        [
            _line(r) + (f", in {r['unit']}" if r["unit"] not in ("", rows[0]["unit"]) else ""),
            _estimate(r) or NONE,
            scaled(num(r, "std_error"), num(r, "std_error")) or NONE,
            p_cell(num(r, "p_value")),
            p_cell(num(r, "p_ri_t")),
            *(count(num(r, name)) if math.isfinite(num(r, name)) else NONE for name in counts),
        ]
        for r in rows
    ]
    note = (
        "Each line changes one thing of the column. RI: randomisation inference, the treatment redrawn among the cities of the "
        "line's sample; donut, exposure and the lead are made again in every draw. "
        "Beside the treatment a line counts its own dummy: cities and city-years exposed, or a year before treatment. "
        f"Estimates are in {rows[0]['unit']} where no unit is named; in different units they are not to be compared in size."
    )
    return PlainTable(
        "The column under other controls, neighbours, errors, scales, dates and samples", head, body, note, files=FILES
    )


def _notes(rows: list[Line]) -> PlainTable:
    body = [[_line(r), r["note"]] for r in rows if r["note"]]
    return PlainTable(
        "What was done in each line, and what is not estimable", ["Line", "Note"], body, numbers=False, files=FILES
    )


def _line(row: Line) -> str:
    return f"{GROUPS[row['analysis']]}: {_named(row)}" if row["analysis"] != "headline" else GROUPS["headline"]


def _named(row: Line) -> str:
    return label(row["analysis"], row["variant"], num(row, "parameter"), row["term"])


def _estimate(row: Line) -> str:
    return scaled(num(row, "estimate"), num(row, "std_error"))
