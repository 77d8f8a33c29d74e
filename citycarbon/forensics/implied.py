"""The mean of the outcome that one column implies, and whether printed constants can be read as grand-mean constants."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from citycarbon.forensics.design import Design
from citycarbon.forensics.intervals import Interval
from citycarbon.forensics.paper import Column, Described, Paper
from citycarbon.forensics.scale import rmse
from citycarbon.forensics.wording import span

SHARP = 0.02  # an implied mean shows something where rounding leaves it less than this share of the outcome's sd
BASE = 3.0  # the error of a base level's constant exceeds the largest of a grand-mean constant by more than this


@dataclass(frozen=True)
class Implied:
    """What one column implies for the mean of its outcome, and what is described for the same rows."""

    column: Column
    value: Interval
    expected: Interval | None  # mean of the outcome on these rows; None where more rows are used than described
    described: Described

    @property
    def agrees(self) -> bool:
        target = self.expected if self.expected is not None else self.described.range
        return target is not None and self.value.meets(target)


@dataclass(frozen=True)
class Convention:
    """Whether the printed constants can be taken as grand-mean constants, and why."""

    holds: bool
    text: str
    short: str  # the same for a sentence that has numbers enough


def full(paper: Paper, column: Column) -> Implied | None:
    """The implied mean of a column whose regressors are described on exactly its rows; None for any other column."""
    outcome = paper.described(column.outcome, column)
    if outcome is None or column.constant is None or not column.is_complete or outcome.n > column.n:
        return None
    if (outcome.mean if outcome.n == column.n else outcome.range) is None:
        return None
    regressors = {term: paper.described(term, column) for term in column.slopes}
    if any(d is None or d.n != column.n or d.mean is None for d in regressors.values()):
        return None
    value = column.constant.estimate
    for term, cell in column.slopes.items():
        value = value + cell.estimate * regressors[term].mean
    return Implied(column, value, outcome.mean if outcome.n == column.n else None, outcome)


def judge_convention(paper: Paper, design: Design | None, sharp: Sequence[Implied]) -> Convention:
    """Declared, or shown by the tables: some outcome reproduces its own mean, columns of one outcome agree, and no constant
    has the error of a base level.
    """
    if design is not None and design.constant == "grand_mean":
        text = "the constants are declared to be grand-mean constants"
        return Convention(True, text, text)
    doubt = _against(paper, sharp)
    if doubt:
        return Convention(False, doubt, doubt)
    right = [i for i in sharp if _is_sharp(i) and i.agrees]
    if not right:
        text = "no column reproduces the described mean of its outcome, so the constants may be a base level's"
        return Convention(False, text, text)
    i = right[0]
    seen = f"{i.column.name} reproduces the mean of {i.column.outcome}, {span(i.value)} against {i.described.texts['mean']}"
    held = "the constants are not tied to a base year or group"
    return Convention(True, f"{seen}, so {held}", f"as {i.column.name} shows, {held}")


def _against(paper: Paper, sharp: Sequence[Implied]) -> str:
    """What speaks against grand-mean constants: an error too large for one, or two columns that imply different means and
    neither the described one.
    """
    no_base = "so the constants need not be grand-mean constants"
    for i in sharp:
        if _is_base(paper, i):
            return f"the error of the constant in {i.column.name} ({i.column.constant.se}) is that of a base level, {no_base}"
    for a, b in combinations([i for i in sharp if _is_sharp(i)], 2):
        same = a.column.outcome == b.column.outcome and a.column.n == b.column.n and not (a.agrees or b.agrees)
        if same and a.column.cells.keys() != b.column.cells.keys() and not a.value.meets(b.value):
            names = f"{a.column.name} and {b.column.name}"
            return f"{names} imply different means of {a.column.outcome} on the same rows, {no_base}"
    return ""


def _is_base(paper: Paper, implied: Implied) -> bool:
    """A grand-mean constant is mean(y) - sum of b x mean(x): its error is at most RMSE / sqrt(N) + sum of |mean(x)| SE(b)."""
    column, sigma = implied.column, rmse(paper, implied.column)
    if sigma is None or not all(c.is_tested for c in column.cells.values()):
        return False
    most = sigma / math.sqrt(column.n)
    for term, cell in column.slopes.items():
        most = most + abs(paper.described(term, column).mean) * cell.std_error
    return column.constant.std_error.lo > BASE * most.hi


def _is_sharp(implied: Implied) -> bool:
    sd = implied.described.sd
    return sd is not None and implied.expected is not None and implied.value.width <= SHARP * sd.at
