"""One small layer over openpyxl (.xlsx) and xlrd (.xls): sheets as rows of cells that know where they stand and what they hold.

``open_workbook(path)`` gives a Workbook (a context manager) with ``sheets``; a Sheet has ``name`` and ``rows`` (read when first
asked for); a Row has ``number`` and ``get(column)``; a Cell has ``address``, ``kind``, ``text``, ``value``, ``formula``
(cells.py). Finding sheets and headers and turning cells into numbers stands in tables.py.

A file is known by its first bytes, never by its suffix, so that content-addressed copies and ``.xls`` files that are really
``.xlsx`` open alike. Rows without a stored value are not kept, so that a sheet that claims 1,048,576 rows costs nothing.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any
from xml.etree.ElementTree import ParseError

from citycarbon.errors import UnusableInput
from citycarbon.sources.cells import Cell, Row

# What the two libraries raise on bytes they cannot follow; neither wraps these in an error of its own.
_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, ParseError, struct.error, EOFError),
    *(KeyError, ValueError, TypeError, IndexError, AttributeError, AssertionError),
)
REMEDY_COPY = "Fetch the file again from its producer and compare its size and checksum."


@dataclass
class Sheet:
    """One sheet: its name and its rows that hold at least one value, read when first asked for."""

    name: str
    path: Path
    load: Callable[[], list[Row]] = field(repr=False)
    _rows: list[Row] | None = field(default=None, repr=False)

    @property
    def rows(self) -> list[Row]:
        """Rows in order, empty ones left out."""
        if self._rows is None:
            self._rows = self.load()
        return self._rows

    def rows_after(self, number: int) -> Iterator[Row]:
        """Rows below row ``number``."""
        return (row for row in self.rows if row.number > number)


@dataclass
class Workbook:
    """An open workbook; a context manager. ``sheets`` keeps the file's order; chart sheets are not in it."""

    path: Path
    sheets: list[Sheet]
    close: Callable[[], None]

    @property
    def names(self) -> list[str]:
        return [s.name for s in self.sheets]

    def __enter__(self) -> Workbook:
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


# --- opening -----------------------------------------------------------------------------------------------------------


def is_workbook(path: Path) -> bool:
    """True where the first bytes are those of an .xlsx (zip) or .xls (OLE2 or bare BIFF) file; UnusableInput if unreadable."""
    return _format_of(_head(path)) is not None


def open_workbook(path: Path) -> Workbook:
    """Open an .xlsx or .xls file; UnusableInput where it is empty, truncated, protected or something else."""
    head = _head(path)
    if not head:
        raise UnusableInput(path, found="an empty file (0 bytes)", expected="a workbook (.xlsx or .xls)", remedy=REMEDY_COPY)
    opener = _format_of(head)
    if opener is None:
        raise UnusableInput(
            path,
            found=_guess_type(head),
            expected="a workbook (.xlsx or .xls)",
            remedy="Open it in a spreadsheet program and save it as .xlsx, or fetch the original.",
        )
    return opener(path)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as handle:
            return handle.read(8)
    except OSError as err:
        raise UnusableInput(path, found=str(err.strerror), expected="a readable file", remedy="Check the path.") from None


def _format_of(head: bytes) -> Callable[[Path], Workbook] | None:
    if head.startswith(b"PK\x03\x04"):
        return _open_xlsx
    if head.startswith(b"\xd0\xcf\x11\xe0") or head[:2] in (b"\x09\x08", b"\x09\x04", b"\x09\x02"):
        return _open_xls
    return None


def _guess_type(head: bytes) -> str:
    start = head.lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if start.startswith(b"%pdf"):
        return "a PDF document"
    if start.startswith((b"<", b"<!doc")):
        return "an HTML or XML text"
    return f"a file that starts with {head!r}"


def _damaged(path: Path, err: BaseException) -> UnusableInput:
    return UnusableInput(
        path,
        found=f"a damaged or truncated workbook ({type(err).__name__}: {err})",
        expected="a complete workbook",
        remedy=REMEDY_COPY,
    )


def _open_xlsx(path: Path) -> Workbook:
    import openpyxl

    handle = path.open("rb")
    try:
        book = openpyxl.load_workbook(handle, read_only=True)
    except _BROKEN as err:
        handle.close()
        raise _damaged(path, err) from None
    if not book.worksheets:
        handle.close()
        raise UnusableInput(path, found="no worksheet", expected="a workbook with a table", remedy=REMEDY_COPY)
    results = _Results(path)
    sheets = [Sheet(ws.title, path, _xlsx_loader(path, ws, results)) for ws in book.worksheets]

    def close() -> None:
        book.close()
        handle.close()
        results.close()

    return Workbook(path, sheets, close)


class _Results:
    """The same workbook opened for the saved results of its formulas, only if a sheet turns out to hold formulas."""

    def __init__(self, path: Path) -> None:
        self._path, self._book, self._handle = path, None, None

    def of(self, name: str) -> dict[tuple[int, int], Any]:
        import openpyxl

        if self._book is None:
            self._handle = self._path.open("rb")
            self._book = openpyxl.load_workbook(self._handle, read_only=True, data_only=True)
        return {(c.row, c.column): c for row in self._book[name].iter_rows() for c in row if c.value is not None}

    def close(self) -> None:
        if self._book is not None:
            self._book.close()
            self._handle.close()


def _xlsx_loader(path: Path, ws: Any, results: _Results) -> Callable[[], list[Row]]:
    def load() -> list[Row]:
        try:
            ws.reset_dimensions()  # the stored extent may be wrong; the cells are not
            stored = ([c for c in cells if c.value is not None] for cells in ws.iter_rows())
            found = [cells for cells in stored if cells]
            has_formula = any(c.data_type == "f" for cells in found for c in cells)
            saved = results.of(ws.title) if has_formula else {}
        except _BROKEN as err:
            raise _damaged(path, err) from None
        rows = (Row(cells[0].row, {c.column: _xlsx_cell(c, saved) for c in cells}) for cells in found)
        return [r for r in rows if any(c.kind != "blank" for c in r)]

    return load


def _xlsx_cell(cell: Any, saved: Mapping[tuple[int, int], Any]) -> Cell:
    if cell.data_type != "f":
        return _typed(cell.row, cell.column, cell.value, cell.data_type == "e")
    formula = str(getattr(cell.value, "text", cell.value))
    result = saved.get((cell.row, cell.column))
    if result is None:
        return Cell(cell.row, cell.column, "formula", formula, None, formula)
    return _typed(cell.row, cell.column, result.value, result.data_type == "e")._replace(formula=formula)


def _typed(row: int, column: int, value: Any, is_error: bool = False) -> Cell:
    """A Cell from a Python value; a text of spaces only is blank."""
    if isinstance(value, str):
        if not value.strip():
            return Cell(row, column, "blank", "", None)
        return Cell(row, column, "error" if is_error else "text", value, value)
    if isinstance(value, bool):
        return Cell(row, column, "bool", str(value).upper(), value)
    if isinstance(value, int | float):
        return Cell(row, column, "number", str(value), value)
    return Cell(row, column, "date", value.isoformat() if hasattr(value, "isoformat") else str(value), value)


def _open_xls(path: Path) -> Workbook:
    import xlrd

    log = io.StringIO()
    try:
        book = xlrd.open_workbook(str(path), on_demand=True, logfile=log)
    except xlrd.XLRDError as err:
        if "encrypt" in str(err).lower() or "find workbook" in str(err).lower():
            raise UnusableInput(
                path,
                found=f"a protected workbook or a document of another kind ({err})",
                expected="a workbook without a password",
                remedy="Open it with its password and save a copy without one.",
            ) from None
        raise _damaged(path, err) from None
    except (*_BROKEN, OSError, xlrd.compdoc.CompDocError) as err:
        raise _damaged(path, err) from None
    if "truncated" in log.getvalue():  # xlrd reads on with what is left; half a table is worse than none
        raise _damaged(path, EOFError("the file ends before its last sector"))
    names = book.sheet_names()
    return Workbook(path, [Sheet(n, path, _xls_loader(path, book, n)) for n in names], book.release_resources)


def _xls_loader(path: Path, book: Any, name: str) -> Callable[[], list[Row]]:
    import xlrd

    def load() -> list[Row]:
        try:
            sheet = book.sheet_by_name(name)
        except (*_BROKEN, xlrd.XLRDError) as err:
            raise _damaged(path, err) from None
        rows = []
        for r in range(sheet.nrows):
            cells = (_xls_cell(r + 1, c + 1, cell, book.datemode) for c, cell in enumerate(sheet.row(r)))
            kept = {c.column: c for c in cells if c.kind != "blank"}
            if kept:
                rows.append(Row(r + 1, kept))
        return rows

    return load


def _xls_cell(row: int, column: int, cell: Any, datemode: int) -> Cell:
    import xlrd

    kind, value = cell.ctype, cell.value
    if kind in (xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK):
        return Cell(row, column, "blank", "", None)
    if kind == xlrd.XL_CELL_ERROR:
        return _typed(row, column, xlrd.error_text_from_code.get(value, "#ERROR"), is_error=True)
    if kind == xlrd.XL_CELL_BOOLEAN:
        return _typed(row, column, bool(value))
    if kind == xlrd.XL_CELL_DATE:
        try:
            return _typed(row, column, xlrd.xldate_as_datetime(value, datemode))
        except (ValueError, OverflowError):
            return _typed(row, column, value)
    # The old format stores every number as a double: 2003.0 is the year 2003.
    if kind == xlrd.XL_CELL_NUMBER and value.is_integer() and abs(value) < 1e15:
        return _typed(row, column, int(value))
    return _typed(row, column, value)
