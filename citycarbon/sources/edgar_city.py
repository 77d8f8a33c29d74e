"""Reader of the city CO2 table of the EDGAR kind: a row per city and year, one value column with the unit in its header.

Labels in the raw rows: indicator ``碳排放量``, place, code and province as printed, unit from the header (``碳排放量_吨``), the
source named on the sheet 数据说明 as footnote.
"""

from __future__ import annotations

from pathlib import Path

from citycarbon.sources.cells import Row, parse_year, printed
from citycarbon.sources.compiled_headers import ROLES, Indicator, parse_indicator, role_of
from citycarbon.sources.rawrows import ReadResult, RowCollector
from citycarbon.sources.records import SourceRecord
from citycarbon.sources.tables import (
    Header,
    Numbers,
    collector,
    finish,
    formula_note,
    match_header,
    missing_header,
    readable_name,
    refuse_column,
    refuse_other_sheets,
    refuse_row,
    refuse_unheaded,
    source_note,
    where,
)
from citycarbon.sources.textfile import open_table_file
from citycarbon.sources.workbook import Sheet

READER_VERSION = "1"
INDICATORS = ("碳排放量", "二氧化碳排放量", "CO2排放量", "碳排放总量")
_REQUIRED = {"year": ROLES["year"], "city": ROLES["city"]}
_OPTIONAL = {"code": ROLES["code"], "province": ROLES["province"]}


def read(path: Path, record: SourceRecord, file_sha256: str) -> ReadResult:
    """Read one table: a raw row per city and year in the header's unit (``吨``).

    Raises UnusableInput: no sheet with 年份, 城市 and 碳排放量_<unit>, garbled names, more than 1 % of the values unreadable.
    """
    out = collector(path, record, file_sha256)
    with open_table_file(path) as book:
        # The table is the first sheet with more than notes on it; its name says nothing (Sheet1).
        sheet = next((s for s in book.sheets if any(len(r.cells) > 2 for r in s.rows)), book.sheets[0])
        header = match_header(sheet, _REQUIRED, _OPTIONAL)
        head = next(r for r in sheet.rows if r.number == header.row)
        column, indicator = _value_column(sheet, head, header)
        _refuse_extra_columns(sheet, header, column, out)
        refuse_unheaded(out, sheet, head)
        note = source_note(book)
        with Numbers(out, sheet) as numbers:
            for row in sheet.rows_after(header.row):
                _read_row(row, sheet, {**header.columns, "value": column}, indicator, note, numbers, out)
        refuse_other_sheets(out, book, [sheet])
    return finish(out, path)


def _value_column(sheet: Sheet, head: Row, header: Header) -> tuple[int, Indicator]:
    for column, label in header.extra.items():
        indicator = parse_indicator(label)
        if indicator.label in INDICATORS:
            return column, indicator
    raise missing_header(sheet, head, {"value": ["碳排放量_<unit>"]})


def _refuse_extra_columns(sheet: Sheet, header: Header, value_column: int, out: RowCollector) -> None:
    for column, label in header.extra.items():
        if column != value_column:
            code = "category_column" if role_of(label) == "category" else "extra_column"
            reason = f"The column '{label.strip()}' is no emission; it was not read."
            refuse_column(out, sheet, header.row, column, label, code, reason)


def _read_row(
    row: Row, sheet: Sheet, columns: dict[str, int], indicator: Indicator, note: str | None, numbers: Numbers, out: RowCollector
) -> None:
    cell, city, year_cell = row.get(columns["value"]), row.get(columns["city"]), row.get(columns["year"])
    year = parse_year(year_cell)
    if cell.kind == "blank" or (year is None and cell.kind != "number"):
        # A city and a year without a value is a blank: it is not zero and leaves no trace.
        if year is None and any(c.column in columns.values() for c in row):
            refuse_row(out, sheet, row, "footer", "The row has no year and no value (a note or an advertisement).")
        return
    if year is None:
        reason = f"The row has '{year_cell.text}' in its year column."
        refuse_row(out, sheet, row, "unreadable_year", reason, is_required=True)
        return
    if not readable_name(city, out, sheet):
        return
    name = printed(city.text)
    number = numbers.number_or_refuse(cell, place_label=name, indicator_label=indicator.label, data_year=year)
    if number is not None:
        out.add(
            text=cell.text,
            value=number,
            unit=indicator.unit,
            scope=indicator.scope,
            indicator_label=indicator.label,
            place_label=name,
            place_code=row.get(columns.get("code")).text.strip() or None,
            place_parent=printed(row.get(columns.get("province")).text) or None,
            data_year=year,
            footnote=formula_note(cell, note),
            **where(sheet, cell),
        )
