"""Files in memory, and how they become bytes: workbooks (.xlsx, .xls) and texts. Knows no source and no number.

Every writer is deterministic: the same content gives the same bytes, whatever the clock says.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

# The creation time that every synthetic workbook carries; XlsxWriter dates the members of its zip 1980-01-01 by itself.
CREATED = datetime(2024, 1, 1)


@dataclass(frozen=True)
class Formula:
    """A formula cell; ``cached`` is the stored result, None where the program that wrote the file kept none."""

    text: str
    cached: float | str | None = None


@dataclass
class Grid:
    """One sheet: rows of cells (None, str, int, float or Formula) and merged ranges (row, column, row, column; from 0)."""

    name: str
    rows: list[list[Any]]
    merges: list[tuple[int, int, int, int]] = field(default_factory=list)


@dataclass
class Book:
    """A workbook of sheets in order."""

    sheets: list[Grid]
    kind: Literal["xlsx", "xls"] = "xlsx"

    def sheet(self, name: str) -> Grid:
        """The sheet called ``name``; KeyError where there is none."""
        return {s.name: s for s in self.sheets}[name]

    def to_bytes(self) -> bytes:
        return _xls(self) if self.kind == "xls" else _xlsx(self)


@dataclass
class Text:
    """A text file, kept as text until it is written so that a fault can be planted in it."""

    content: str
    encoding: str = "utf-8"
    newline: str = "\n"

    def to_bytes(self) -> bytes:
        return self.content.replace("\n", self.newline).encode(self.encoding)


@dataclass
class Mangled:
    """A file whose bytes are changed after it was made: truncation, a wrong suffix, a wrong encoding."""

    base: Book | Text
    change: Callable[[bytes], bytes]

    def to_bytes(self) -> bytes:
        return self.change(self.base.to_bytes())


Content = Book | Text | Mangled


def _xlsx(book: Book) -> bytes:
    import xlsxwriter

    buffer = io.BytesIO()
    workbook = xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_numbers": False, "strings_to_formulas": False})
    workbook.set_properties({"created": CREATED, "author": "citycarbon sample (synthetic)"})
    for grid in book.sheets:
        sheet = workbook.add_worksheet(grid.name)
        for r, row in enumerate(grid.rows):
            for c, cell in enumerate(row):
                if cell is None:
                    continue
                if isinstance(cell, str):
                    sheet.write_string(r, c, cell)
                elif isinstance(cell, Formula):
                    sheet.write_formula(r, c, cell.text, None, "" if cell.cached is None else cell.cached)
                else:
                    sheet.write_number(r, c, cell)
        for top, left, bottom, right in grid.merges:
            sheet.merge_range(top, left, bottom, right, grid.rows[top][left])
    workbook.close()
    return buffer.getvalue()


def _xls(book: Book) -> bytes:
    import xlwt

    workbook = xlwt.Workbook(encoding="utf-8")
    style = xlwt.XFStyle()
    for grid in book.sheets:
        sheet = workbook.add_sheet(grid.name)
        inside = {(r, c) for t, left, b, right in grid.merges for r in range(t, b + 1) for c in range(left, right + 1)}
        for top, left, bottom, right in grid.merges:
            sheet.write_merge(top, bottom, left, right, grid.rows[top][left], style)
        for r, row in enumerate(grid.rows):
            for c, cell in enumerate(row):
                if cell is None or (r, c) in inside:
                    continue
                sheet.write(r, c, xlwt.Formula(cell.text.lstrip("=")) if isinstance(cell, Formula) else cell, style)
    buffer = io.BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()
