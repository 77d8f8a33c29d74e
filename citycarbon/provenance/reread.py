"""Opens a snapshot and reads a cell or line again, to see that it still says what the raw row says. No trace logic here."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

XLSX_MAGIC, XLS_MAGIC = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
COUNTED = "gov_reports"  # its numbers are counts over a whole text
ENCODINGS = ("utf-8-sig", "gb18030")


def reread(rows: Iterable[dict[str, Any]], snapshots: Path) -> dict[str, bool | None]:
    """raw_id -> True (the file says the same), False (it says otherwise), None (cannot be re-read: no file, no single cell).

    ``rows`` are raw rows (RAW_SCHEMA fields); each file is opened once.
    """
    by_file: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_file[row["file_sha256"]].append(row)
    found: dict[str, bool | None] = {}
    for sha, wanted in by_file.items():
        if wanted[0]["source"] == COUNTED:
            found |= _count_again(snapshots / sha, wanted)
            continue
        stored = _stored_texts(snapshots / sha, wanted)
        found |= {r["raw_id"]: _same(r, stored.get(_where(r))) for r in wanted}
    return found


def _where(row: dict[str, Any]) -> tuple[str | None, str | None, int | None]:
    return row["sheet"], row["cell"], row["line"]


def _stored_texts(path: Path, rows: list[dict[str, Any]]) -> dict[tuple, str | None]:
    """(sheet, cell, line) -> text in the file, for those of ``rows`` that name one place."""
    if not path.is_file():
        return {}
    with path.open("rb") as handle:
        magic = handle.read(4)
    if magic == XLSX_MAGIC:
        return _from_xlsx(path, rows)
    if magic == XLS_MAGIC:
        return _from_xls(path, rows)
    return _from_text(path, rows)


def _from_xlsx(path: Path, rows: list[dict[str, Any]]) -> dict[tuple, str | None]:
    import openpyxl
    from openpyxl.utils.cell import coordinate_to_tuple

    wanted: dict[str, dict[tuple[int, int], tuple]] = defaultdict(dict)
    for row in rows:
        if row["sheet"] and row["cell"]:
            wanted[row["sheet"]][coordinate_to_tuple(row["cell"])] = _where(row)
    found: dict[tuple, str | None] = {}
    with path.open("rb") as handle:  # a snapshot has no suffix, which openpyxl asks of a path
        book = openpyxl.load_workbook(handle, read_only=True, data_only=True)
        for sheet in wanted.keys() & set(book.sheetnames):
            places = wanted[sheet]
            first, last = min(r for r, _ in places), max(r for r, _ in places)
            width = max(c for _, c in places)
            for r, values in enumerate(book[sheet].iter_rows(first, last, 1, width, values_only=True), start=first):
                found |= {w: _text(values[c - 1]) for (at, c), w in places.items() if at == r and c <= len(values)}
        book.close()
    return found


def _from_xls(path: Path, rows: list[dict[str, Any]]) -> dict[tuple, str | None]:
    import xlrd
    from openpyxl.utils.cell import coordinate_to_tuple

    book = xlrd.open_workbook(str(path), on_demand=True)
    found: dict[tuple, str | None] = {}
    for row in rows:
        if row["sheet"] in book.sheet_names() and row["cell"]:
            sheet = book.sheet_by_name(row["sheet"])
            r, c = coordinate_to_tuple(row["cell"])
            if r <= sheet.nrows and c <= sheet.ncols:
                found[_where(row)] = _text(sheet.cell_value(r - 1, c - 1))
    return found


def _from_text(path: Path, rows: list[dict[str, Any]]) -> dict[tuple, str | None]:
    lines = _decoded(path.read_bytes()).splitlines()
    named = (row for row in rows if row["line"] is not None and 1 <= row["line"] <= len(lines))
    return {_where(row): lines[row["line"] - 1] for row in named}


def _count_again(path: Path, rows: list[dict[str, Any]]) -> dict[str, bool | None]:
    """Word counts stand in no cell: the report is counted again."""
    from citycarbon.sources.gov_reports import count_report

    if not path.is_file():
        return {row["raw_id"]: None for row in rows}
    counts = count_report(_decoded(path.read_bytes()))._asdict()
    return {row["raw_id"]: row["text"] == str(counts[row["indicator_label"]]) for row in rows}


def _decoded(body: bytes) -> str:
    for encoding in ENCODINGS:
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    return ""


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _same(row: dict[str, Any], stored: str | None) -> bool | None:
    """Equal as text or as numbers; for a line of a text file, whether one of its fields is."""
    if stored is None:
        return None
    said = row["text"].strip()
    if row["cell"] is not None:
        return _equal(said, stored)
    fields = [f for mark in ",\t;" for f in next(csv.reader([stored], delimiter=mark), [])]
    return any(_equal(said, f) for f in fields)


def _equal(said: str, stored: str) -> bool:
    return said == stored.strip() or _number(said) is not None and _number(said) == _number(stored)


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None
