"""Reader of the CEADS province inventories: one workbook a year, one sheet a province (``Shanghai2017``), sector x fuel.

Labels in the raw rows: indicator the sector, sub-label the fuel or scope column, place the sheet's name without the year
(``InnerMongolia``), unit from the row below the header. Sector labels are padded with spaces in the file; they are trimmed.
"""

from __future__ import annotations

import re
from pathlib import Path

from citycarbon.errors import UnusableInput
from citycarbon.sources.cells import Row, norm
from citycarbon.sources.rawrows import ReadResult, RowCollector
from citycarbon.sources.records import SourceRecord
from citycarbon.sources.tables import (
    Header,
    Numbers,
    collector,
    finish,
    formula_note,
    match_header,
    refuse_column,
    refuse_other_sheets,
    refuse_row,
    refuse_unheaded,
    where,
)
from citycarbon.sources.workbook import Sheet, Workbook, open_workbook

READER_VERSION = "1"
COLUMNS = (
    *("Raw Coal", "Cleaned Coal", "Other Washed Coal", "Briquettes", "Coke", "Coke Oven Gas", "Other Gas"),
    *("Other Coking Products", "Crude Oil", "Gasoline", "Kerosene", "Diesel Oil", "Fuel Oil", "LPG", "Refinery Gas"),
    *("Other Petroleum Products", "Natural Gas", "Scope 2 Heat", "Scope 2 Electricity", "Other Energy", "Process"),
    "Scope 1 Total",
)
_PROVINCE_SHEET = re.compile(r"\s*([A-Za-z][A-Za-z '_-]*?)[ _-]*((?:19|20)\d{2})\s*")
_FILE_YEAR = re.compile(r"(?<!\d)((?:19|20)\d{2})(?!\d)")


def read(path: Path, record: SourceRecord, file_sha256: str) -> ReadResult:
    """Read one year's workbook: a raw row per province, sector and column, in the printed unit (``Mt CO2``).

    Raises UnusableInput: no sheet ``<Province><year>``, one of the 22 columns missing, more than 1 % of the cells unreadable.
    """
    out = collector(path, record, file_sha256)
    with open_workbook(path) as book:
        sheets = [s for s in book.sheets if _PROVINCE_SHEET.fullmatch(s.name)]
        if not sheets:
            raise UnusableInput(
                path,
                found="sheets " + ", ".join(f"'{n}'" for n in book.names[:8]),
                expected="sheets named by province and year, such as 'Shanghai2017'",
                remedy="Take the workbook 'Emission Inventories for 30 Provinces <year>'; the national one is another source.",
            )
        _warn_of_years(sheets, book, out)
        for sheet in sheets:
            _read_province(sheet, out)
        notes = [s for s in book.sheets if norm(s.name) == "note"]
        refuse_other_sheets(out, book, [*sheets, *notes])
    return finish(out, path)


def _warn_of_years(sheets: list[Sheet], book: Workbook, out: RowCollector) -> None:
    """Warn where a sheet's year is not the one in the file's name: the sheet's is taken."""
    named = {int(y) for y in _FILE_YEAR.findall(book.path.name)}
    for sheet in sheets:
        year = int(_PROVINCE_SHEET.fullmatch(sheet.name)[2])
        if len(named) == 1 and year not in named:
            out.warnings.append(f"{book.path.name}: sheet '{sheet.name}' speaks of {year}, the file's name of {named.pop()}.")
            return


def _read_province(sheet: Sheet, out: RowCollector) -> None:
    place, year = _PROVINCE_SHEET.fullmatch(sheet.name).groups()
    # Some sheets print the columns with underscores (``Raw_Coal``); the fuel is the same.
    header = match_header(sheet, {name: [name, name.replace(" ", "_")] for name in COLUMNS})
    for column, label in header.extra.items():
        if column > 1:
            refuse_column(out, sheet, header.row, column, label, "extra_column", f"The column '{label.strip()}' was not read.")
    refuse_unheaded(out, sheet, _with_sector_column(sheet, header))
    body = list(sheet.rows_after(header.row))
    units = next((r for r in body if norm(r.get(1).text) in ("", "unit") and any(c.kind == "text" for c in r)), None)
    if units is None:
        out.warnings.append(f"{sheet.path.name}: sheet '{sheet.name}' has no unit row below its header; its values carry none.")
    with Numbers(out, sheet) as numbers:
        for row in body:
            if row is not units:
                _read_sector(row, header, units, (place.strip(), int(year)), numbers, out, sheet)


def _with_sector_column(sheet: Sheet, header: Header) -> Row:
    """The header row with column A in it, which the file leaves without a header."""
    row = next(r for r in sheet.rows if r.number == header.row)
    return Row(row.number, {1: row.get(1), **row.cells})


def _read_sector(
    row: Row, header: Header, units: Row | None, key: tuple[str, int], numbers: Numbers, out: RowCollector, sheet: Sheet
) -> None:
    sector = " ".join(row.get(1).text.split())
    cells = {fuel: row.get(column) for fuel, column in header.columns.items() if column in row.cells}
    if not cells or not sector:
        if 1 in row.cells or cells:
            reason = "The row has no value." if sector else "The row has values but no sector."
            refuse_row(out, sheet, row, "footer" if sector else "row_without_sector", reason, is_required=bool(cells))
        return
    place, year = key
    for fuel, cell in cells.items():
        number = numbers.number_or_refuse(cell, place_label=place, indicator_label=sector, data_year=year)
        if number is not None:
            out.add(
                text=cell.text,
                value=number,
                unit=units.get(cell.column).text.strip() if units else "",
                indicator_label=sector,
                sub_label=fuel,
                place_label=place,
                data_year=year,
                footnote=formula_note(cell),
                **where(sheet, cell),
            )
