"""Estimators for staggered adoption as a section of a release's page: ``staggered.csv`` and what the regression averages."""

from __future__ import annotations

import math

from citycarbon.report.layout import count, listed
from citycarbon.report.page_sections import Section
from citycarbon.report.page_tables import NONE, PlainTable, fixed, number, p_cell, percent
from citycarbon.report.results import Line, Results, num
from citycarbon.report.sentences import p_text, scaled, signed

TYPES = {
    "treated_vs_never": "treated against never treated",
    "earlier_vs_later": "earlier treated against later, before these are treated",
    "later_vs_earlier": "later treated against earlier, which are treated already",
}
_FILES = ("staggered.csv", "staggered_weights.csv")


def staggered(results: Results) -> Section | None:
    """None where the release has no such rows."""
    rows = results.rows("staggered")
    if not rows:
        return None
    weights = results.rows("staggered_weights")
    return Section(
        anchor="staggered",
        title="Estimators for staggered adoption",
        said=[*_said(rows), *_weights_said(weights)],
        figures=["staggered"],
        tables=[_table(rows)],
        folded=[_notes(rows), *(t for t in [_bacon(weights), _dcdh(weights)] if t)],
    )


def _said(rows: list[Line]) -> list[str]:
    said = []
    for sample in dict.fromkeys(r["sample"] for r in rows if r["sample"]):
        here = [r for r in rows if r["sample"] == sample and math.isfinite(num(r, "estimate"))]
        regression = next((num(r, "estimate") for r in here if r["estimator"] == "twfe"), math.nan)
        others = [r for r in here if not r["estimator"].startswith("twfe")]
        if not others or not math.isfinite(regression):
            continue
        values = sorted(num(r, "estimate") for r in others)
        same = sum((v < 0) == (regression < 0) for v in values)
        cities = f"{count(num(others[0], 'n_units'))} cities"
        methods = len({r["label"].partition(",")[0] for r in others})  # variants of one method follow a comma
        said.append(
            f"{sample[0].upper()}{sample[1:]} ({cities}): {_estimates(len(values), methods)} {signed(values[0])} to "
            f"{signed(values[-1])}, the two-way regression without controls {signed(regression)}; {count(same)} of the "
            f"estimates {'has' if same == 1 else 'have'} its sign{_tested(others)}."
        )
    lost: dict[str, list[str]] = {}
    for r in rows:
        if r["note"].startswith("not estimable"):
            lost.setdefault(r["note"].removeprefix("not estimable: "), []).append(name_of(r, rows))
    if lost:
        said.append(f"Not estimable: {'; '.join(f'{listed(names)} ({why})' for why, names in lost.items())}.")
    said.append(
        "Intervals rest on analytic errors, which few treated cities make too small; p by randomisation inference redraws the "
        "cohorts and holds the coefficient against those of the draws, under as-if-random assignment and the sharp null."
    )
    return said


def _estimates(estimates: int, methods: int) -> str:
    if estimates == methods:
        return f"{count(methods)} {'method gives' if methods == 1 else 'methods give'}"
    return f"{count(methods)} {'method' if methods == 1 else 'methods'} in {count(estimates)} variants give"


def _tested(rows: list[Line]) -> str:
    """The range of p by randomisation inference, '' where none was redrawn."""
    found = sorted(p for r in rows if math.isfinite(p := num(r, "p_ri")))
    if not found:
        return ""
    low, high = p_text(found[0]), p_text(found[-1])
    return f", with p by randomisation inference {low}" + ("" if low == high else f" to {high}")


def _weights_said(rows: list[Line]) -> list[str]:
    """The sentence that the weights support, with their numbers."""
    said = []
    bacon = [r for r in rows if r["decomposition"] == "goodman_bacon" and math.isfinite(num(r, "weight"))]
    if bacon:
        never = sum(num(r, "weight") for r in bacon if r["component"] == "treated_vs_never")
        forbidden = sum(num(r, "weight") for r in bacon if r["component"] == "later_vs_earlier")
        said.append(
            f"On the balanced window {percent(never)} of the two-way regression's weight lies on comparisons with never "
            f"treated cities and {percent(forbidden)} on later against already treated ones (Goodman-Bacon)."
        )
    cells = [r for r in rows if r["decomposition"] == "dcdh" and math.isfinite(num(r, "weight"))]
    if cells:
        negative, total = sum(num(r, "n_negative") for r in cells), sum(num(r, "n_cells") for r in cells)
        mass = sum(num(r, "negative_weight") for r in cells)
        said.append(
            f"Of the {count(total)} treated city-years {count(negative)} enter the column with a negative weight"
            + (f", together {fixed(mass, 4)}" if negative else "")
            + " (de Chaisemartin and D'Haultfoeuille): "
            + (
                "effects that differ between cities and years can move it in a way that no average of them would."
                if negative
                else "it is an average of their effects, though not one that weighs them alike."
            )
        )
    return said


def _table(rows: list[Line]) -> PlainTable:
    return PlainTable(
        "Estimators side by side",
        ["Estimator", "Sample", "N", "Treated cities", "City-years", "Estimate", "s.e.", "p, analytic", "p, RI"],
        [_line(r, rows) for r in rows],
        "CS: Callaway and Sant'Anna. No controls but where named. Treated cities and city-years: those that enter. p, RI: on "
        "the coefficient, cohorts redrawn among the cities of the sample.",
        files=_FILES,
    )


def _line(row: Line, rows: list[Line]) -> list[str]:
    value, error = num(row, "estimate"), num(row, "std_error")
    scale = error if math.isfinite(error) and error > 0 else abs(value) / 10
    return [
        name_of(row, rows).replace("Callaway and Sant'Anna", "CS").replace("mean over cells by their cities", "simple"),
        row["sample"].partition(":")[0].removesuffix(" of the column"),
        number(num(row, "n_obs")),
        number(num(row, "n_treated_units")),
        number(num(row, "n_treated_cells")),
        scaled(value, scale) if math.isfinite(value) else NONE,
        scaled(error, error) if math.isfinite(error) else NONE,
        p_cell(num(row, "p_value")),
        p_cell(num(row, "p_ri")),
    ]


def name_of(row: Line, rows: list[Line]) -> str:
    """The estimator, with what it averages where another row of its sample has the same name, and its controls."""
    alike = sum(r["label"] == row["label"] and r["sample"] == row["sample"] for r in rows)
    name = row["label"] if alike == 1 else f"{row['label']}: {row['aggregation']}"
    own = row["controls"] not in ("", "none") and row["estimator"] != "twfe_controls"
    return f"{name}, given {row['controls']}" if own else name


def _notes(rows: list[Line]) -> PlainTable:
    """What each error is and what else is to be said, one line an estimator."""
    body = []
    for row in rows:
        line = [name_of(row, rows), row["aggregation"], row["std_error_kind"] or NONE, row["note"] or NONE]
        if line not in body:
            body.append(line)
    head = ["Estimator", "Average", "Analytic error", "Note"]
    return PlainTable("What each estimator averages, its error, and notes", head, body, numbers=False, files=_FILES[:1])


def _bacon(rows: list[Line]) -> PlainTable | None:
    mine = [r for r in rows if r["decomposition"] == "goodman_bacon" and math.isfinite(num(r, "weight"))]
    body = [
        [
            TYPES.get(r["component"], r["component"]),
            r["cohort"],
            r["against"],
            fixed(num(r, "weight"), 4),
            signed(num(r, "estimate")),
        ]
        for r in mine
    ]
    head = ["Comparison", "Cohort", "Against", "Weight", "Estimate"]
    note = "Weights sum to one and the weighted estimates to the coefficient without controls on the balanced window."
    return PlainTable("Goodman-Bacon decomposition", head, body, note, files=_FILES[1:]) if body else None


def _dcdh(rows: list[Line]) -> PlainTable | None:
    mine = [r for r in rows if r["decomposition"] == "dcdh" and math.isfinite(num(r, "weight"))]
    body = [
        [
            f"cohort {r['cohort']}, {r['year']}",
            number(num(r, "n_cells")),
            fixed(num(r, "weight"), 4),
            number(num(r, "n_negative")),
        ]
        for r in mine
    ]
    head = ["Treated city-years", "City-years", "Sum of weights", "With a negative weight"]
    return (
        PlainTable("Weights of the column on the effects of its treated city-years", head, body, files=_FILES[1:])
        if body
        else None
    )
