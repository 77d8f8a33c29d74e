"""From a sheet to raw rows: finding the sheet and its header, cells to numbers or the quarantine, the 1 % rule at the end.

How a reader uses it with ``workbook.open_workbook``::

    with open_workbook(path) as book:
        sheet = require_sheet(book, "emission vector")                      # or a predicate; UnusableInput names what is there
        header = match_header(sheet, {"city": ["city"], "year": ["year"]})  # finds the row; UnusableInput: found, expected
        out = collector(path, record, file_sha256)
        with Numbers(out, sheet) as numbers:
            for row in sheet.rows_after(header.row):
                cell = row.get(header.columns["year"])                      # a blank Cell where nothing is stored
                number = numbers.number_or_refuse(cell, place_label=...)    # None: blank, or refused into the quarantine
                if number is not None:
                    out.add(text=cell.text, value=number, footnote=formula_note(cell), **where(sheet, cell), ...)
    return finish(out, path)                                                # ReadResult, or UnusableInput above 1 % unreadable
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from citycarbon.errors import UnusableInput
from citycarbon.sources.cells import MISSING_MARKS, Cell, Row, is_mojibake, is_name, norm, parse_number, printed
from citycarbon.sources.rawrows import ReadResult, RowCollector
from citycarbon.sources.records import SourceRecord
from citycarbon.sources.workbook import REMEDY_COPY, Sheet, Workbook

UNREADABLE_LIMIT = 0.01
MANY_REMARKS = 20


# --- finding the table ----------------------------------------------------------------------------------------------------


def require_sheet(book: Workbook, wanted: str | Callable[[str], bool], expected: str | None = None) -> Sheet:
    """The first sheet called ``wanted`` (case, width and outer spaces apart) or for which the predicate holds."""
    test = wanted if callable(wanted) else (lambda name: norm(name) == norm(wanted))
    for sheet in book.sheets:
        if test(sheet.name):
            return sheet
    raise UnusableInput(
        book.path,
        found="sheets " + ", ".join(f"'{n}'" for n in book.names),
        expected=expected or f"a sheet '{wanted}'",
        remedy="Check that this is the right file of the source; a renamed sheet must get its old name back.",
    )


@dataclass(frozen=True)
class Header:
    """A matched header row: ``columns`` key -> column number, ``extra`` the headed columns that no key claimed."""

    row: int
    columns: dict[str, int]
    extra: dict[int, str]


def match_header(
    sheet: Sheet,
    required: Mapping[str, Sequence[str]],
    optional: Mapping[str, Sequence[str]] | None = None,
    *,
    search_rows: int = 20,
) -> Header:
    """Find the header row: the first of ``search_rows`` rows that names every required key by one of its variants.

    A variant is compared by ``norm``; the leftmost matching column wins and no column serves two keys.
    Raises UnusableInput with the labels of the best row and the missing key's variants.
    """
    optional, best = optional or {}, (-1, None, {})
    for row in sheet.rows[:search_rows]:
        labels = {c.column: norm(c.text) for c in row}
        columns: dict[str, int] = {}
        for key, variants in (*required.items(), *optional.items()):
            names = [norm(v) for v in variants]
            hit = next((n for n, label in labels.items() if label in names and n not in columns.values()), None)
            if hit is not None:
                columns[key] = hit
        matched = sum(k in columns for k in required)
        if matched > best[0]:
            best = (matched, row, columns)
        if matched == len(required):
            extra = {c.column: c.text for c in row if c.column not in columns.values()}
            return Header(row.number, columns, extra)
    raise missing_header(sheet, best[1], {k: v for k, v in required.items() if k not in best[2]})


def missing_header(sheet: Sheet, row: Row | None, missing: Mapping[str, Sequence[str]]) -> UnusableInput:
    """The error for a table whose header lacks ``missing`` keys; ``row`` is the row that came closest."""
    labels = ", ".join(f"'{c.text.strip()}'" for c in list(row)[:12]) if row else ""
    return UnusableInput(
        sheet.path,
        sheet=sheet.name,
        cell=next(iter(row)).address if row else None,
        found=f"the headers {labels}" if row else "no filled row",
        expected="; ".join(f"a column headed {' or '.join(repr(v) for v in variants)}" for variants in missing.values()),
        remedy="Restore the header as the producer prints it, or check that this is the right file.",
    )


def where(sheet: Sheet, cell: Cell) -> dict[str, Any]:
    """``sheet`` and ``cell`` for RowCollector.add and .refuse; ``line`` where the sheet is a text file (it has no name)."""
    if not sheet.name:
        return {"line": cell.row}
    return {"sheet": sheet.name, "cell": cell.address}


def formula_note(cell: Cell, footnote: str | None = None) -> str | None:
    """The footnote of a value, with the formula where the value is a formula's saved result."""
    if cell.formula is None:
        return footnote
    note = f"saved result of the formula {cell.formula}"
    return f"{footnote}; {note}" if footnote else note


class Numbers:
    """Turns the cells of one sheet into numbers; what is none goes to the quarantine of ``out``.

    A context manager: at its end one warning tells how many numbers were stored as text.
    """

    def __init__(self, out: RowCollector, sheet: Sheet) -> None:
        self._out, self._sheet = out, sheet
        self._as_text: list[Cell] = []

    def __enter__(self) -> Numbers:
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, tb: TracebackType | None) -> None:
        if self._as_text and kind is None:
            first = self._as_text[0]
            self._out.warnings.append(
                f"{self._sheet.path.name}, sheet '{self._sheet.name}': {len(self._as_text)} numbers are stored as text "
                f"(first {first.address}, '{first.text}'); they were read as numbers."
            )

    def number_or_refuse(
        self,
        cell: Cell,
        *,
        place_label: str | None = None,
        indicator_label: str | None = None,
        data_year: int | None = None,
        is_required: bool = True,
    ) -> float | None:
        """The number in ``cell``; None where it is blank (no trace) or unreadable (in the quarantine, with the reason)."""
        if cell.kind == "number" and math.isfinite(cell.value):
            return float(cell.value)
        if cell.kind == "blank":
            return None
        if cell.kind == "text" and (number := parse_number(cell.text)) is not None:
            self._as_text.append(cell)
            return number
        code, reason = _why_no_number(cell)
        self._out.refuse(
            code,
            reason,
            text=cell.text,
            place_label=place_label,
            indicator_label=indicator_label,
            data_year=data_year,
            is_required=is_required and code != "missing_mark",
            **where(self._sheet, cell),
        )
        return None


def _why_no_number(cell: Cell) -> tuple[str, str]:
    if cell.kind == "formula":
        return (
            "formula_without_value",
            f"The cell holds the formula {cell.text} without a saved result; recalculate and save the file.",
        )
    if cell.kind == "error":
        return "error_value", f"The cell holds the spreadsheet error {cell.text}."
    if cell.kind in ("date", "bool"):
        return f"{cell.kind}_in_number_cell", f"The cell holds the {cell.kind} {cell.text} where a number is expected."
    if cell.kind == "number":
        return "number_out_of_range", f"The cell holds {cell.text}, which no finite number can hold."
    if norm(cell.text) in MISSING_MARKS:
        return "missing_mark", f"The cell holds '{cell.text.strip()}', a mark for 'not available'."
    return "text_in_number_cell", f"The cell holds the text '{cell.text.strip()}' where a number is expected."


# --- what is not an observation -------------------------------------------------------------------------------------------


def readable_name(cell: Cell, out: RowCollector, sheet: Sheet) -> bool:
    """Whether ``cell`` holds a Chinese place name; if not, the cell goes to the quarantine.

    Raises UnusableInput for mojibake: one garbled name means that the file was decoded wrongly as a whole.
    """
    if cell.kind == "text" and is_mojibake(cell.text):
        raise UnusableInput(
            sheet.path,
            sheet=sheet.name or None,
            cell=cell.address if sheet.name else None,
            found=f"the garbled name '{printed(cell.text)}'{'' if sheet.name else f' in line {cell.row}'}",
            expected="a place name in Chinese characters",
            remedy="The text was decoded with the wrong encoding when the file was made; export it again as UTF-8 or .xlsx.",
        )
    if cell.kind == "text" and is_name(cell.text):
        return True
    found = f"'{cell.text.strip()}'" if cell.kind != "blank" else "nothing"
    out.refuse(
        "unreadable_name",
        f"The name cell holds {found} where a Chinese place name is expected.",
        text=cell.text,
        is_required=True,
        **where(sheet, cell),
    )
    return False


def refuse_row(out: RowCollector, sheet: Sheet, row: Row, code: str, reason: str, *, is_required: bool = False) -> None:
    """Put a whole row in the quarantine as one entry: its first cell's address, its texts joined."""
    first = next(iter(row))
    text = " | ".join(c.text.strip() for c in row)
    out.refuse(code, reason, text=text, is_required=is_required, **where(sheet, first))


def refuse_column(out: RowCollector, sheet: Sheet, row: int, column: int, label: str, code: str, reason: str) -> None:
    """Put a whole column in the quarantine as one entry that stands at its header cell."""
    cell = Cell(row, column, "text", label, label)
    out.refuse(code, reason, text=label, indicator_label=label.strip(), **where(sheet, cell))


def refuse_unheaded(out: RowCollector, sheet: Sheet, header: Row) -> None:
    """Quarantine what stands beside the table under no header: remarks cell by cell, longer columns as one entry."""
    beside: dict[int, list[Cell]] = {}
    for row in sheet.rows_after(header.number):
        for cell in row:
            if cell.column not in header.cells:
                beside.setdefault(cell.column, []).append(cell)
    for column, cells in sorted(beside.items()):
        if len(cells) > MANY_REMARKS:
            reason = f"{len(cells)} cells from {cells[0].address} on stand in a column without a header."
            refuse_column(out, sheet, header.number, column, "", "column_without_header", reason)
            continue
        for cell in cells:
            out.refuse("remark", "The cell stands beside the table, under no header.", text=cell.text, **where(sheet, cell))


def refuse_other_sheets(out: RowCollector, book: Workbook, read: Sequence[Sheet]) -> None:
    """Quarantine the rows of every sheet that is no table of values (notes, sources, look-ups)."""
    for sheet in book.sheets:
        if not any(sheet is r for r in read):
            for row in sheet.rows:
                refuse_row(out, sheet, row, "note_sheet", "The sheet is not a table of values; its text is kept here.")


def source_note(book: Workbook) -> str | None:
    """The statement of the data's source on an explanatory sheet (``数据来源：...``), up to its first line or wide gap."""
    for sheet in book.sheets:
        for row in sheet.rows[:30] if len(sheet.rows) <= 30 else []:
            for cell in row:
                if cell.kind == "text" and cell.text.strip().startswith(("数据来源", "资料来源")):
                    return re.split(r"\s{3,}|[\r\n]", cell.text.strip())[0]
    return None


# --- ending a file --------------------------------------------------------------------------------------------------------


def collector(path: Path, record: SourceRecord, file_sha256: str) -> RowCollector:
    """The RowCollector of one file: source, edition and edition year from its SourceRecord."""
    return RowCollector(
        source=record.source,
        edition=record.edition,
        edition_year=record.edition_year,
        file_name=path.name,
        file_sha256=file_sha256,
    )


def finish(out: RowCollector, path: Path) -> ReadResult:
    """The file's result.

    Raises UnusableInput where the file gave no number, or where more than one cell and over 1 % of the required are unreadable.
    """
    result = out.result()
    bad = result.quarantine.filter(result.quarantine["is_required"]).to_pylist()
    if len(bad) > 1 and out.unreadable_share() > UNREADABLE_LIMIT:
        first = bad[0]
        reason = first["reason"].rstrip(".")
        spot = f" in line {first['line']}" if first["line"] else ""
        raise UnusableInput(
            path,
            sheet=first["sheet"],
            cell=first["cell"],
            found=f"{len(bad)} of {len(bad) + len(out)} required cells unreadable, the first{spot}: {reason}",
            expected="at most 1 % unreadable",
            remedy="Repair the file at its producer or fetch it again; nothing of it was used.",
        )
    if len(out) == 0:
        raise UnusableInput(path, found="no value", expected="a table with values", remedy=REMEDY_COPY)
    result.warnings.extend(_warnings_of(result, path))
    return result


def _warnings_of(result: ReadResult, path: Path) -> Iterator[str]:
    """One warning a reason: how many, and where the first stands."""
    entries = result.quarantine.select(["reason_code", "reason", "sheet", "cell", "line"]).to_pylist()
    for code, count in sorted(Counter(e["reason_code"] for e in entries).items()):
        first = next(e for e in entries if e["reason_code"] == code)
        spot = f"sheet '{first['sheet']}', cell {first['cell']}" if first["cell"] else f"line {first['line']}"
        yield f"{path.name}: {count} quarantined as {code}, the first at {spot}: {first['reason']}"
