"""Text as a terminal shows it: how many columns it takes, and tables of padded columns. No formatting of numbers here."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def width(text: str) -> int:
    """Columns that a text takes on a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(ch) in "WF" else 1 for ch in text)


def pad(text: str, columns: int, right: bool = False) -> str:
    """``text`` filled with spaces to so many columns, on its left where it stands ``right``."""
    fill = " " * (columns - width(text))
    return fill + text if right else text + fill


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[int] = ()) -> list[str]:
    """Lines of a GitHub table that is aligned as plain text too; the columns ``right`` hold numbers."""
    cells = [[_cell(str(c)) for c in line] for line in (header, *rows)]
    widths = [max(3, *(width(line[i]) for line in cells)) for i in range(len(header))]
    rule = ["-" * (w - 1) + ":" if i in right else "-" * w for i, w in enumerate(widths)]
    lines = [cells[0], rule, *cells[1:]]
    return [
        "| " + " | ".join(pad(c, w, i in right) for i, (c, w) in enumerate(zip(line, widths, strict=True))) + " |"
        for line in lines
    ]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
