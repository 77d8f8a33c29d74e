"""Reader of compiled tables, workbook or CSV: a row per place and year with a column per indicator, or a column per year.

Every sheet with a place column and either a year column or two years as headers is a table; the place is the city, or the
province where the table has no city column. A wide table's indicator stands in its title, its sheet's or its file's name.
Columns that hold groupings (地区, 城市类别) are skipped with one entry each. Labels in the raw rows: the header without its
unit and scope (compiled_headers.py), place, code and province as printed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from citycarbon.errors import UnusableInput
from citycarbon.sources.cells import Cell, Row, parse_number, parse_year, printed
from citycarbon.sources.compiled_headers import ROLES, Indicator, parse_indicator, role_of
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
    source_note,
    where,
)
from citycarbon.sources.textfile import open_table_file
from citycarbon.sources.workbook import Sheet, Workbook

READER_VERSION = "1"
_HEADER_ROWS = 20
_WORKED_EXAMPLE = ("计算过程", "示例", "举例")


@dataclass
class Table:
    """One table: its header row, the column of each role, the indicators by column, in a wide table also the years."""

    sheet: Sheet
    header: Row
    roles: dict[str, int]
    indicators: dict[int, Indicator] = field(default_factory=dict)
    years: dict[int, int] = field(default_factory=dict)

    @property
    def place(self) -> int:
        """The column that names the place: the city, or the province in a table of provinces."""
        return self.roles.get("city", self.roles.get("province", 0))


def read(path: Path, record: SourceRecord, file_sha256: str) -> ReadResult:
    """Read all tables of one file: a raw row per place, year and indicator, in the unit of header or unit column.

    Raises UnusableInput: no table with year and place headers, garbled names, more than 1 % of the values unreadable.
    """
    out = collector(path, record, file_sha256)
    with open_table_file(path) as book:
        tables = _find_tables(book, out)
        note = source_note(book)
        for table in tables:
            _choose_indicators(table, out)
            refuse_unheaded(out, table.sheet, table.header)
            with Numbers(out, table.sheet) as numbers:
                for row in table.sheet.rows_after(table.header.number):
                    _read_row(row, table, note, numbers, out)
        refuse_other_sheets(out, book, [*(t.sheet for t in tables), *_worked_examples(book)])
    return finish(out, path)


def _worked_examples(book: Workbook) -> list[Sheet]:
    return [s for s in book.sheets if any(w in s.name for w in _WORKED_EXAMPLE)]


def _find_tables(book: Workbook, out: RowCollector) -> list[Table]:
    """The tables of a workbook; a sheet that works an example repeats values of a table and is set aside."""
    tables, examples, closest = [], _worked_examples(book), None
    for sheet in book.sheets:
        if any(sheet is e for e in examples):
            reason = f"The sheet works an example on {len(sheet.rows)} rows that another sheet holds."
            out.refuse("worked_example", reason, sheet=sheet.name, cell="A1", text=sheet.name)
            continue
        table = find_table(sheet)
        if table is not None:
            tables.append(table)
        closest = closest or (sheet if sheet.rows else None)
    if not tables:
        missing = {"year": ROLES["year"][:3], "place": [*ROLES["city"][:2], *ROLES["province"][:1]]}
        sheet = closest or book.sheets[0]
        raise missing_header(sheet, sheet.rows[0] if sheet.rows else None, missing)
    return tables


def find_table(sheet: Sheet) -> Table | None:
    """The table of a sheet, or None where no row names a year or a place.

    Raises UnusableInput where a row has one of the two headers, two other headers and numbers below, but not the second.
    """
    for row in sheet.rows[:_HEADER_ROWS]:
        roles: dict[str, int] = {}
        for cell in row:
            role = role_of(cell.text)
            if role is not None and role not in roles:
                roles[role] = cell.column
        has_year, has_place = "year" in roles, "city" in roles or "province" in roles
        if has_year and has_place:
            return Table(sheet, row, roles)
        years = {c.column: y for c in row if (y := parse_year(c)) is not None}
        if has_place and len(years) >= 2:
            return Table(sheet, row, roles, years=years)
        if (has_year or has_place) and len(row.cells) >= 3:
            lacking = {"place": [*ROLES["city"][:3], *ROLES["province"][:1]]} if has_year else {"year": ROLES["year"][:3]}
            raise missing_header(sheet, row, lacking)
    return None


def _choose_indicators(table: Table, out: RowCollector) -> None:
    """Fill ``table.indicators``; a column that groups places or holds mostly text gets one quarantine entry."""
    claimed = {c for role, c in table.roles.items() if role != "category"}
    for cell in table.header:
        if cell.column in claimed:
            continue
        if cell.column in table.years:
            table.indicators[cell.column] = _wide_indicator(table)
        elif table.years or role_of(cell.text) == "category" or _is_mostly_text(table, cell.column):
            reason = f"The column '{cell.text.strip()}' is no indicator (it groups places, holds text or is no year)."
            refuse_column(out, table.sheet, cell.row, cell.column, cell.text, "category_column", reason)
        else:
            table.indicators[cell.column] = parse_indicator(cell.text)
    if not table.indicators:
        raise UnusableInput(
            table.sheet.path,
            sheet=table.sheet.name,
            found="no column with numbers beside year and place",
            expected="at least one indicator",
            remedy="Check that this is a table of city data.",
        )


def _wide_indicator(table: Table) -> Indicator:
    """The indicator of a wide table: the title above it, else the sheet's name if it says something, else the file's name."""
    titles = [c.text for r in table.sheet.rows if r.number < table.header.number for c in r if c.kind == "text"]
    named = [] if re.fullmatch(r"(?i)sheet\s*\d*|工作表\s*\d*|", table.sheet.name) else [table.sheet.name]
    return parse_indicator([*titles, *named, table.sheet.path.stem][0])


def _is_mostly_text(table: Table, column: int) -> bool:
    cells = [r.cells[column] for r in table.sheet.rows_after(table.header.number) if column in r.cells]
    texts = sum(c.kind == "text" and parse_number(c.text) is None for c in cells)
    return texts > len(cells) / 2


def _read_row(row: Row, table: Table, note: str | None, numbers: Numbers, out: RowCollector) -> None:
    sheet, place = table.sheet, row.get(table.place)
    cells = [row.cells[c] for c in table.indicators if c in row.cells]
    if not any(c.column in table.header.cells for c in row):
        return
    year_cell = row.get(table.roles.get("year"))
    year = parse_year(year_cell)
    if year is None and not (table.years and cells):
        has_number = any(c.kind == "number" for c in cells)
        code, found = ("unreadable_year", f"'{year_cell.text}'") if has_number else ("footer", "no year")
        refuse_row(out, sheet, row, code, f"The row has {found} in its year column.", is_required=has_number)
        return
    if not readable_name(place, out, sheet):
        return
    for cell in cells:
        key = (printed(place.text), table.years.get(cell.column) or year)
        _read_cell(cell, row, table, key, note, numbers, out)


def _read_cell(
    cell: Cell, row: Row, table: Table, key: tuple[str, int], note: str | None, numbers: Numbers, out: RowCollector
) -> None:
    place, year = key
    indicator = table.indicators[cell.column]
    # A formula is computed from other cells of the row: without a result nothing observed is lost.
    number = numbers.number_or_refuse(
        cell, place_label=place, indicator_label=indicator.label, data_year=year, is_required=cell.formula is None
    )
    if number is None:
        return
    is_city = "city" in table.roles
    row_note = row.get(table.roles.get("note")).text.strip() or note
    out.add(
        text=cell.text,
        value=number,
        unit=row.get(table.roles.get("unit")).text.strip() or indicator.unit,
        scope=indicator.scope,
        indicator_label=indicator.label,
        place_label=place,
        place_code=row.get(table.roles.get("code" if is_city else "province_code")).text.strip() or None,
        place_parent=(printed(row.get(table.roles.get("province")).text) or None) if is_city else None,
        data_year=year,
        footnote=formula_note(cell, row_note),
        is_interpolated=indicator.is_interpolated,
        **where(table.sheet, cell),
    )
