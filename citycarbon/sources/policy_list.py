"""Reader of policy lists as found: city, year of adoption, batch, as CSV (GBK, UTF-8 with or without BOM) or workbook.

Labels in the raw rows: indicator ``pilot_year``, value and data year the printed year, footnote the batch or source column.
Duplicate cities are kept: the gate judges them.
"""

from __future__ import annotations

from pathlib import Path

from citycarbon.sources.cells import Row, parse_year, printed
from citycarbon.sources.rawrows import ReadResult, RowCollector
from citycarbon.sources.records import SourceRecord
from citycarbon.sources.tables import (
    Header,
    collector,
    finish,
    match_header,
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
INDICATOR = "pilot_year"
_CITY = [
    "city",
    "city_name",
    "cityname",
    "城市",
    "城市名",
    "城市名称",
    "试点城市",
    "试点地区",
    "试点",
    "地级市",
    "名称",
    "city_zh",
]
_YEAR = [
    *("start_year", "pilot_year", "policy_year", "treat_year", "first_year", "year", "政策实施年", "政策实施年份"),
    *("试点年份", "实施年份", "实施年", "批准年份", "公布年份", "起始年份", "年份"),
]
_OPTIONAL = {
    "batch": ["batch", "批次", "试点批次", "source", "来源", "数据来源"],
    "province": ["province", "省份", "省", "所属省份"],
    "code": ["adcode", "city_code", "城市代码", "行政区划代码"],
}


def read(path: Path, record: SourceRecord, file_sha256: str) -> ReadResult:
    """Read one list: a raw row per listed city, the year of adoption as value.

    Raises UnusableInput: undecodable, garbled, truncated or empty file, no city or year header, more than 1 % unreadable.
    """
    out = collector(path, record, file_sha256)
    with open_table_file(path) as book:
        sheet = next((s for s in book.sheets if any(len(r.cells) >= 2 for r in s.rows)), book.sheets[0])
        _read_list(sheet, out)
        refuse_other_sheets(out, book, [sheet])
    return finish(out, path)


def _read_list(sheet: Sheet, out: RowCollector) -> None:
    header = match_header(sheet, {"city": _CITY, "year": _YEAR}, _OPTIONAL)
    for column, label in header.extra.items():
        refuse_column(out, sheet, header.row, column, label, "extra_column", f"The column '{label.strip()}' was not read.")
    refuse_unheaded(out, sheet, next(r for r in sheet.rows if r.number == header.row))
    for row in sheet.rows_after(header.row):
        _read_row(row, sheet, header, out)


def _read_row(row: Row, sheet: Sheet, header: Header, out: RowCollector) -> None:
    city, year_cell = row.get(header.columns["city"]), row.get(header.columns["year"])
    if year_cell.kind == "blank":
        if any(c.column in header.columns.values() for c in row):
            refuse_row(out, sheet, row, "row_without_year", "The row names no year of adoption.")
        return
    if not readable_name(city, out, sheet):
        return
    year = parse_year(year_cell)
    if year is None:
        out.refuse(
            "unreadable_year",
            f"'{year_cell.text.strip()}' is not a year.",
            text=year_cell.text,
            place_label=printed(city.text),
            indicator_label=INDICATOR,
            is_required=True,
            **where(sheet, year_cell),
        )
        return
    out.add(
        text=year_cell.text,
        value=float(year),
        indicator_label=INDICATOR,
        place_label=printed(city.text),
        place_code=row.get(header.columns.get("code")).text.strip() or None,
        place_parent=printed(row.get(header.columns.get("province")).text) or None,
        data_year=year,
        footnote=row.get(header.columns.get("batch")).text.strip() or None,
        **where(sheet, year_cell),
    )
