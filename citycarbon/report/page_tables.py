"""Plain tables of a release's page: rows of text, and how their numbers become text."""

from __future__ import annotations

import math
from dataclasses import dataclass

from citycarbon.report.results import Line, num, yes
from citycarbon.report.sentences import p_text, plain, signed, whole

NONE = "\N{EN DASH}"


@dataclass(frozen=True)
class PlainTable:
    """``note`` stands under the table; ``numbers``: every column but the first holds numbers, and no cell breaks into lines;
    ``files``: the files of the release that hold the rows in full, which the page links to."""

    caption: str
    head: list[str]
    lines: list[list[str]]
    note: str = ""
    numbers: bool = True
    files: tuple[str, ...] = ()


def number(value: float) -> str:
    """A count as it is, another number with three decimals and its sign."""
    if not math.isfinite(value):
        return NONE
    return whole(value) if value == int(value) and value >= 0 else signed(value)


def fixed(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}".replace("-", "\N{MINUS SIGN}") if math.isfinite(value) else NONE


def percent(share: float) -> str:
    return f"{100 * share:.1f} %" if math.isfinite(share) else NONE


def p_cell(value: float) -> str:
    return p_text(value) if math.isfinite(value) else NONE


def pair(line: Line) -> str:
    """Standard error with its p-value."""
    error, p = num(line, "std_error"), num(line, "p_value")
    if not math.isfinite(error):
        return NONE
    return plain(error) + (f" ({p_text(p)})" if math.isfinite(p) else "")


def verdict(line: Line, name: str) -> str:
    return {True: "yes", False: "no", None: NONE}[yes(line, name)]
