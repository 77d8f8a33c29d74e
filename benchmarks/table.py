"""The figures as a table: for the terminal, and in Markdown for docs/performance.md."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.goals import GOALS
from benchmarks.machine import described, versions
from benchmarks.measure import Figure

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
COMMAND = 'make bench ARGS="--markdown docs/performance.md"'


def plain(figures: Sequence[Figure]) -> str:
    """One line a figure: name, measured, bounds, whether the must is met; what to know of it below."""
    lines = [f"{'name':28} {'measured':>16}  {'must':>10} {'aim':>10}"]
    for f in figures:
        goal = GOALS[f.name]
        mark = "" if f.value is None else ("  ok" if goal.met(f.value) else "  missed")
        lines.append(f"{f.name:28} {measured(f):>16}  {goal.bound(goal.must):>10} {goal.bound(goal.aim):>10}{mark}")
        lines += [f"    {part}" for part in (f.peer, f.note) if part]
    return "\n".join(lines)


def measured(figure: Figure) -> str:
    """The value with its unit, three significant digits; a dash where there is none."""
    if figure.value is None:
        return "-"
    value = f"{figure.value:.0f}" if figure.value >= 100 else f"{figure.value:.3g}"
    return f"{value}×" if figure.unit == "times" else f"{value} {figure.unit}"


def markdown(figures: Sequence[Figure]) -> str:
    """The table for the documentation, with the machine, the versions and the command it came from."""
    lines = [
        f"Measured on {described()}; {versions()}. Command: `{COMMAND}`.",
        "",
        "| name | what | measured | must | aim | peer | note |",
        "|---|---|---|---|---|---|---|",
    ]
    for f in figures:
        goal = GOALS[f.name]
        cells = (
            f"`{f.name}`", goal.what, measured(f), goal.bound(goal.must), goal.bound(goal.aim), f.peer or "-", _sentence(f)
        )  # fmt: skip
        lines.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
    return "\n".join(lines)


def with_table(document: str, table: str) -> str:
    """``document`` with ``table`` between its markers. Raises ValueError where it has none."""
    if document.count(BEGIN) != 1 or document.count(END) != 1:
        raise ValueError(f"the document has no place for the table: one line {BEGIN} and one line {END}")
    head, rest = document.split(BEGIN)
    return f"{head}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}"


def _sentence(figure: Figure) -> str:
    repetitions = f"median of {figure.n}; " if figure.n and figure.n > 1 and figure.unit in ("times", "s") else ""
    return repetitions + figure.note
