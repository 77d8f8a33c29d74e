"""What a regression table comes to, in sentences generated from its numbers and those of the files beside it.

A difference between columns is told as a difference of coefficients, never of stars; whether halves differ is told by the test
of the difference alone.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from citycarbon.econometrics.contract import parse_effects
from citycarbon.report.layout import listed, table_name
from citycarbon.report.results import Line, Results, num
from citycarbon.report.sentences import TREATMENTS, controls, effects, p_is, plain, scaled, signed, size, support, whole

if TYPE_CHECKING:
    import pandas as pd

DIFFERENCE_LEVEL = 0.10  # of the randomisation p-value of a difference between halves
Row = dict[str, Any]


def table_sentences(
    estimates: pd.DataFrame, table: str, labels: dict[str, str], columns: dict[str, str], results: Results
) -> list[str]:
    """One sentence a column, then what the table as a whole says. ``labels``: outcome -> its name for a reader; ``columns``:
    column id -> its label in the study."""
    rows = treatment_rows(estimates, table)
    said = [
        column_sentence(estimates, row, labels.get(row["outcome"], row["outcome"]), columns.get(row["column"], ""))
        for row in rows
    ]
    said += controls_sentences(estimates, rows)
    said += split_sentences(results.of_table("splits", table))
    return said + [line["sentence"] for line in results.of_table("mechanisms", table) if line.get("sentence")]


def split_sentences(lines: list[Line]) -> list[str]:
    """What the test of the difference says of each split: the sentence of ``splits.csv``, else one made from its numbers."""
    return [split_sentence(line) for line in lines]


def split_sentence(line: Line) -> str:
    return line.get("sentence") or difference_sentence(line)


def treatment_rows(estimates: pd.DataFrame, table: str) -> list[Row]:
    """The treatment's row of every column of a table, in their order."""
    mine = estimates[(estimates["table"] == table) & estimates["term"].isin(TREATMENTS)]
    return mine.drop_duplicates("column").to_dict("records")


def column_sentence(estimates: pd.DataFrame, row: Row, label: str, column: str = "") -> str:
    """Effect, its error, its p-values by name, and the treated cells behind it; ``column``: the column's label."""
    held = [effects(row["fixed_effects"]), controls(estimates, row)] if parse_effects(row["fixed_effects"]) else []
    how = ", ".join(text for text in (column, *held) if text)
    where = f"Column {row['column']}{f' ({how})' if how else ''}"
    if not math.isfinite(row["estimate"]):
        return f"{where}: not estimable ({row['note'] or 'no reason is recorded'})."
    return (
        f"{where}: {row['term']} = {scaled(row['estimate'], row['std_error'])} "
        f"(standard error {scaled(row['std_error'], row['std_error'])}), {size(row)} {label}; "
        f"{tests(row)}; {support(row)}."
    )


def tests(row: Row) -> str:
    """The p-values of a treatment coefficient, that by randomisation inference first."""
    clustered = f"{p_is(row['p_value'])} by the clustered t test" if math.isfinite(row["p_value"]) else "no clustered t test"
    if math.isfinite(row["p_ri_t"]):
        return f"{p_is(row['p_ri_t'])} by randomisation inference on t, {clustered}"
    why = "not computed" if row["star_rule"] == "pending" else "none"
    return f"p by randomisation inference {why}, {clustered}"


def controls_sentences(estimates: pd.DataFrame, rows: list[Row]) -> list[str]:
    """What the controls do to the size of the effect: columns alike in outcome, treatment, effects and sample, with the most
    controls against without any (row L38: the direction is the sign of the change in size)."""
    said = []
    alike: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if math.isfinite(row["estimate"]):
            key = (row["outcome"], row["term"], " and ".join(parse_effects(row["fixed_effects"])), row["sample"])
            alike.setdefault(key, []).append(row)
    for (*_, held, _sample), group in alike.items():
        counted = [(_controls(estimates, row), row) for row in group]
        without = next((row for n, row in counted if n == 0), None)
        most, full = max(counted, key=lambda pair: pair[0])
        if without is None or not most:
            continue
        before, after = abs(without["estimate"]), abs(full["estimate"])
        relative = f", {100 * abs(after / before - 1):.1f} %" if before else ""
        way = "increase" if after > before else "decrease" if after < before else "do not change"
        amount = f" by {plain(abs(after - before))}{relative}" if after != before else ""
        turned = " and turn its sign" if without["estimate"] * full["estimate"] < 0 else ""
        said.append(
            f"With {held} effects the controls {way} the size of {full['term']}{amount}{turned}: from "
            f"{signed(without['estimate'])} in column {without['column']} to {signed(full['estimate'])} in column "
            f"{full['column']}."
        )
    return said


def _controls(estimates: pd.DataFrame, row: Row) -> int:
    mine = estimates[(estimates["table"] == row["table"]) & (estimates["column"] == row["column"])]
    return int((~mine["term"].isin([*TREATMENTS, "_cons"])).sum())


def variants_sentence(estimates: pd.DataFrame, table: str) -> str:
    """A table of other readings in one sentence: the range of its estimates, and how many are not estimable."""
    rows = treatment_rows(estimates, table)
    known = sorted((r["estimate"], str(r["column"])) for r in rows if math.isfinite(r["estimate"]))
    lost = [str(r["column"]) for r in rows if not math.isfinite(r["estimate"])]
    text = f"{table_name(table)}: {whole(len(rows))} columns"
    if known:
        (low, first), (high, last) = known[0], known[-1]
        text += f", the treatment's coefficient from {signed(low)} (column {first}) to {signed(high)} (column {last})"
    if lost:
        text += f"; not estimable in {whole(len(lost))}: {listed(lost)}"
    return f"{text}."


def difference_sentence(line: Line) -> str:
    """Whether the halves of a split differ, for a row of ``splits.csv`` that brings no sentence of its own.

    "More pronounced" is written where the difference of the coefficients passes its randomisation test, and nowhere else.
    """
    label = line.get("label") or line.get("split") or "this criterion"
    difference, p = num(line, "difference"), num(line, "p_ri")
    if not math.isfinite(difference):
        return f"The halves by {label} cannot be compared: {line.get('note') or 'a half is not estimable'}."
    if not math.isfinite(p):
        return f"No randomisation test of the difference by {label}: nothing is said of which half responds more."
    if p >= DIFFERENCE_LEVEL:
        return (
            f"The halves by {label} are not told apart: difference {signed(difference)}, {p_is(p)} by "
            f"randomisation inference, not below {DIFFERENCE_LEVEL:g}."
        )
    low, high = num(line, "estimate_low"), num(line, "estimate_high")
    if not (math.isfinite(low) and math.isfinite(high)) or low * high <= 0:
        return f"The coefficients of the halves by {label} differ: {signed(difference)}, {p_is(p)}."
    more = "high" if abs(high) > abs(low) else "low"
    return (
        f"The effect is more pronounced in the {more} half by {label}: difference {signed(difference)}, {p_is(p)} "
        "by randomisation inference."
    )
