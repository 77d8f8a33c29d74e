"""Reader of the marketization index by province, in both shapes it is passed on: long (province, year, index) and wide.

Wide: a row per province, a column per year; the indicator is what the title above the table, else the sheet's name, calls it.
Long: every column whose header speaks of an index or a score is one indicator. Regional means stay as printed (staging knows
provinces only). The index has no unit and may be negative.
"""

from __future__ import annotations

import re
from pathlib import Path

from citycarbon.sources.cells import Row, norm, parse_year, printed
from citycarbon.sources.compiled_headers import ROLES, role_of
from citycarbon.sources.rawrows import ReadResult, RowCollector
from citycarbon.sources.records import SourceRecord
from citycarbon.sources.tables import (
    Numbers,
    collector,
    finish,
    formula_note,
    missing_header,
    readable_name,
    refuse_column,
    refuse_other_sheets,
    refuse_row,
    refuse_unheaded,
    where,
)
from citycarbon.sources.textfile import open_table_file
from citycarbon.sources.workbook import Sheet

READER_VERSION = "1"
DEFAULT_LABEL = "市场化指数"
_PROVINCE = [*ROLES["province"], "地区", "省份/地区", "省级行政区", "region"]
_INDEX_WORDS = ("市场化", "指数", "得分", "评分", "index", "score", "market")
_HEADER_ROWS = 20
# The name of the index inside a title such as 表1 各省份市场化总指数评分（2008-2019年）.
_TOTAL_INDEX = re.compile(r"市场化(进程)?(相对|总)?指数")


def read(path: Path, record: SourceRecord, file_sha256: str) -> ReadResult:
    """Read one workbook, each sheet that is a long or wide table: a raw row per province and year (and index), without unit.

    Raises UnusableInput: no table with provinces and years, garbled names, more than 1 % of the values unreadable.
    """
    out = collector(path, record, file_sha256)
    with open_table_file(path) as book:
        tables = []
        for sheet in book.sheets:
            header = _find_header(sheet)
            if header is not None:
                tables.append(sheet)
                _read_table(sheet, header, out)
        if not tables:
            sheet = next((s for s in book.sheets if s.rows), book.sheets[0])
            expected = {"province": _PROVINCE[:3], "year": ["年份", "2008", "2008年"]}
            raise missing_header(sheet, sheet.rows[0] if sheet.rows else None, expected)
        refuse_other_sheets(out, book, tables)
    return finish(out, path)


def _province_column(row: Row) -> int | None:
    return next((c.column for c in row if c.kind == "text" and _is_province(c.text)), None)


def _is_province(label: str) -> bool:
    return role_of(label) == "province" or norm(label) in [norm(n) for n in _PROVINCE]


def _year_column(row: Row) -> int | None:
    return next((c.column for c in row if role_of(c.text) == "year"), None)


def _years(row: Row) -> dict[int, int]:
    return {c.column: y for c in row if (y := parse_year(c)) is not None}


def _find_header(sheet: Sheet) -> Row | None:
    """The row with a province header and either a year header or at least two years; None for a sheet without one."""
    closest = None
    for row in sheet.rows[:_HEADER_ROWS]:
        if _province_column(row) is not None:
            if _year_column(row) is not None or len(_years(row)) >= 2:
                return row
            closest = closest or (row if len(row.cells) >= 2 else None)
        elif _year_column(row) is not None and len(row.cells) >= 3:
            raise missing_header(sheet, row, {"province": _PROVINCE[:3]})
    if closest is not None and sum(c.kind == "number" for r in sheet.rows for c in r) >= 10:
        raise missing_header(sheet, closest, {"year": ["年份", "2008", "2008年"]})
    return None


def _read_table(sheet: Sheet, header: Row, out: RowCollector) -> None:
    place, year_column = _province_column(header), _year_column(header)
    if year_column is not None:
        indicators = {c.column: c.text.strip() for c in header if _is_index(c.text)}
        if not indicators:
            raise missing_header(sheet, header, {"index": ["市场化指数", "市场化总指数"]})
        keys = {column: (label, None) for column, label in indicators.items()}
    else:
        label = _wide_label(sheet, header)
        keys = {column: (label, year) for column, year in _years(header).items()}
    known = {place, year_column, *keys}
    for cell in header:
        if cell.column not in known and role_of(cell.text) not in ("row_id", "province_code", "code"):
            reason = f"The column '{cell.text.strip()}' is no index; it was not read."
            refuse_column(out, sheet, cell.row, cell.column, cell.text, "extra_column", reason)
    refuse_unheaded(out, sheet, header)
    with Numbers(out, sheet) as numbers:
        for row in sheet.rows_after(header.number):
            _read_row(row, sheet, (place, year_column), keys, numbers, out)


def _is_index(label: str) -> bool:
    return role_of(label) is None and not _is_province(label) and any(w in label.casefold() for w in _INDEX_WORDS)


def _wide_label(sheet: Sheet, header: Row) -> str:
    titles = [c.text.strip() for r in sheet.rows if r.number < header.number for c in r]
    title = next((t for t in [*titles, sheet.name.strip()] if "市场化" in t), DEFAULT_LABEL)
    total = _TOTAL_INDEX.search(title)
    return total[0] if total else title


def _read_row(
    row: Row,
    sheet: Sheet,
    columns: tuple[int, int | None],
    keys: dict[int, tuple[str, int | None]],
    numbers: Numbers,
    out: RowCollector,
) -> None:
    place, cells = row.get(columns[0]), [row.cells[c] for c in keys if c in row.cells]
    if not cells:
        refuse_row(out, sheet, row, "footer", "The row has no value (a note or an empty entry).")
        return
    if not readable_name(place, out, sheet):
        return
    own_year = parse_year(row.get(columns[1]))
    for cell in cells:
        label, year = keys[cell.column]
        year = year or own_year
        if year is None:
            reason = f"The row has '{row.get(columns[1]).text}' in its year column."
            refuse_row(out, sheet, row, "unreadable_year", reason, is_required=True)
            return
        number = numbers.number_or_refuse(cell, place_label=printed(place.text), indicator_label=label, data_year=year)
        if number is not None:
            out.add(
                text=cell.text,
                value=number,
                indicator_label=label,
                place_label=printed(place.text),
                data_year=year,
                footnote=formula_note(cell),
                **where(sheet, cell),
            )
