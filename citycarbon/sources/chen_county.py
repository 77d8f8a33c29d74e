"""Reader of the county CO2 workbook of Chen et al. (2020): one sheet, counties x years, the unit in the sheet's name.

Labels in the raw rows: indicator ``CO2``, place the Chinese county name, parent the Chinese city name, code as printed (three
codes carry a footnote mark, ``320211（2）``; without it they would collide with another county).
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from citycarbon.sources.cells import Cell, Row, has_cjk, norm, printed
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
    require_sheet,
    where,
)
from citycarbon.sources.workbook import Sheet, open_workbook

READER_VERSION = "1"
INDICATOR = "CO2"

_UNIT_SHEET = re.compile(r"\s*unit\s*[(（](?P<unit>[^()（）]+)[)）]\s*", re.IGNORECASE)
_YEAR_HEADER = re.compile(r"\s*C?((?:19|20)\d{2})\s*")
_CODE = re.compile(r"\d{6}(\s*[(（]\d+[)）])?")
_TEXT_HEADERS = {"county": ["County Name"], "city": ["City Name"], "province": ["Province Name"]}


def read(path: Path, record: SourceRecord, file_sha256: str) -> ReadResult:
    """Read one county workbook: a raw row per county and year, in the unit the sheet's name prints (``Million tons``).

    Raises UnusableInput: no sheet ``Unit (...)``, a missing header, garbled names, more than 1 % of the values unreadable.
    """
    out = collector(path, record, file_sha256)
    with open_workbook(path) as book:
        sheet = require_sheet(book, lambda n: bool(_UNIT_SHEET.fullmatch(n)), "a sheet named 'Unit (<unit>)'")
        table = _Table(sheet)
        _refuse_extra_columns(table, out)
        with Numbers(out, sheet) as numbers:
            for row in sheet.rows_after(table.header.number):
                _read_row(row, table, numbers, out)
        refuse_other_sheets(out, book, [sheet])
    return finish(out, path)


class _Table:
    """Where the columns stand. County, city and province have two equal headers each: Chinese and English."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.unit = _UNIT_SHEET.fullmatch(sheet.name)["unit"].strip()
        self.header = next((r for r in sheet.rows[:10] if any(_is_code_header(c) for c in r)), None)
        if self.header is None:
            raise missing_header(sheet, sheet.rows[0] if sheet.rows else None, {"code": ["DISTCODE地区代码"]})
        self.code = next(c.column for c in self.header if _is_code_header(c))
        self.years = {c.column: int(y[1]) for c in self.header if (y := _YEAR_HEADER.fullmatch(c.text))}
        if not self.years:
            raise missing_header(sheet, self.header, {"years": ["C<year>"]})
        self.names = {key: self._columns(names) for key, names in _TEXT_HEADERS.items()}
        self.county, self.city = self._chinese("county"), self._chinese("city")

    def _columns(self, names: list[str]) -> list[int]:
        found = [c.column for c in self.header if norm(c.text) in [norm(n) for n in names]]
        if not found:
            raise missing_header(self.sheet, self.header, {"name": names})
        return found

    def _chinese(self, key: str) -> int:
        """The Chinese one of two equally headed columns, told by the first row; the first where neither is Chinese."""
        columns = self.names[key]
        first = next(self.sheet.rows_after(self.header.number), None)
        return next((c for c in columns if first is not None and has_cjk(first.get(c).text)), columns[0])

    def known(self) -> set[int]:
        return {self.code, *self.years, *(c for columns in self.names.values() for c in columns)}


def _is_code_header(cell: Cell) -> bool:
    return norm(cell.text).startswith("distcode") or norm(cell.text) == "地区代码"


def _refuse_extra_columns(table: _Table, out: RowCollector) -> None:
    for cell in table.header:
        if cell.column not in table.known():
            reason = f"The column '{cell.text.strip()}' is no part of the known layout; it was not read."
            refuse_column(out, table.sheet, cell.row, cell.column, cell.text, "extra_column", reason)
    refuse_unheaded(out, table.sheet, table.header)


def _read_row(row: Row, table: _Table, numbers: Numbers, out: RowCollector) -> None:
    sheet, code = table.sheet, row.get(table.code)
    values = [row.get(c) for c in table.years if c in row.cells]
    if not values:
        if any(c.column in table.known() for c in row):
            refuse_row(out, sheet, row, "footer", "The row holds no value of any year (a note or an empty county).")
        return
    if not _CODE.fullmatch(unicodedata.normalize("NFKC", code.text.strip())):
        reason = f"The code '{code.text.strip()}' is not six digits, with or without a footnote mark."
        refuse_row(out, sheet, row, "unreadable_code", reason, is_required=True)
        return
    county = row.get(table.county)
    if not readable_name(county, out, sheet):
        return
    for cell in values:
        year = table.years[cell.column]
        number = numbers.number_or_refuse(cell, place_label=printed(county.text), indicator_label=INDICATOR, data_year=year)
        if number is not None:
            out.add(
                text=cell.text,
                value=number,
                unit=table.unit,
                indicator_label=INDICATOR,
                place_label=printed(county.text),
                place_code=code.text.strip(),
                place_parent=printed(row.get(table.city).text) or None,
                data_year=year,
                footnote=formula_note(cell),
                **where(sheet, cell),
            )
