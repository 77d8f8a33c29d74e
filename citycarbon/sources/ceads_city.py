"""Reader of the CEADS city workbook: the same totals as a vector (ID, city, year, emission) and as a matrix (city x year).

Raw rows come from the vector; every (city, year) of it must stand in the matrix with exactly the same number, and the reverse.
Labels in the raw rows: indicator ``emission``, place as printed (``安徽安庆``: province and city without 市), unit from NOTE.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from citycarbon.sources.cells import Cell, Row, norm, parse_year, printed
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
    require_sheet,
    where,
)
from citycarbon.sources.workbook import Sheet, Workbook, open_workbook

READER_VERSION = "1"
VECTOR, MATRIX = "emission vector", "emission matrix"
_VECTOR_HEADERS = {"id": ["ID"], "city": ["city"], "year": ["year"], "emission": ["emission", "emissions"]}


class _Value(NamedTuple):
    """One number of either sheet; ``number`` is None where the cell is in the quarantine already."""

    city: str
    year: int
    cell: Cell
    number: float | None


def read(path: Path, record: SourceRecord, file_sha256: str) -> ReadResult:
    """Read one city workbook: a raw row per city and year, in the unit NOTE prints (``million tones``).

    Raises UnusableInput: a missing sheet or header, garbled names, more than 1 % of the cells unreadable or contradicting.
    """
    out = collector(path, record, file_sha256)
    with open_workbook(path) as book:
        vector, matrix = require_sheet(book, VECTOR), require_sheet(book, MATRIX)
        header = match_header(vector, _VECTOR_HEADERS)
        unit = _unit_of(book, out)
        listed = _read_vector(vector, header, out)
        crossed = _read_matrix(matrix, out)
        agreed = _agreeing(listed, crossed, vector, matrix, out)
        label = next(r for r in vector.rows if r.number == header.row).get(header.columns["emission"]).text.strip()
        for v in agreed:
            out.add(
                text=v.cell.text,
                value=v.number,
                unit=unit,
                indicator_label=label,
                place_label=v.city,
                data_year=v.year,
                footnote=formula_note(v.cell),
                **where(vector, v.cell),
            )
        notes = [s for s in book.sheets if norm(s.name) == "note"]
        refuse_other_sheets(out, book, [vector, matrix, *notes])
    return finish(out, path)


def _unit_of(book: Workbook, out: RowCollector) -> str:
    """The English unit on the sheet NOTE; '' with a warning where there is none (staging then refuses the values)."""
    for sheet in book.sheets:
        for row in sheet.rows if norm(sheet.name) == "note" else []:
            if norm(row.get(1).text).startswith("unit"):
                return row.get(2).text.strip().splitlines()[0].strip() if row.get(2).text else ""
    out.warnings.append(f"{book.path.name}: no sheet NOTE states the unit; the values carry none.")
    return ""


def _read_vector(sheet: Sheet, header: Header, out: RowCollector) -> list[_Value]:
    for column, label in header.extra.items():
        refuse_column(out, sheet, header.row, column, label, "extra_column", f"The column '{label.strip()}' was not read.")
    refuse_unheaded(out, sheet, next(r for r in sheet.rows if r.number == header.row))
    values = []
    with Numbers(out, sheet) as numbers:
        for row in sheet.rows_after(header.row):
            value = _vector_value(row, sheet, header.columns, numbers, out)
            if value is not None:
                values.append(value)
    return values


def _vector_value(row: Row, sheet: Sheet, columns: dict[str, int], numbers: Numbers, out: RowCollector) -> _Value | None:
    ident, city, year_cell, cell = (row.get(columns[k]) for k in ("id", "city", "year", "emission"))
    if cell.kind == "blank":
        if any(c.column in columns.values() for c in row):
            refuse_row(out, sheet, row, "footer", "The row holds no emission (a note or an empty entry).")
        return None
    if not readable_name(city, out, sheet):
        return None
    year, name = parse_year(year_cell), printed(city.text)
    if year is None:
        refuse_row(out, sheet, row, "unreadable_year", f"'{year_cell.text}' is not a year.", is_required=True)
        return None
    if norm(ident.text) != norm(f"{name}{year}"):
        reason = f"The ID '{ident.text}' is not the city and the year of its row, {name}{year}: one of them is wrong."
        refuse_row(out, sheet, row, "id_contradicts_row", reason, is_required=True)
        return _Value(name, year, cell, None)
    number = numbers.number_or_refuse(cell, place_label=name, indicator_label="emission", data_year=year)
    return _Value(name, year, cell, number)


def _read_matrix(sheet: Sheet, out: RowCollector) -> list[_Value]:
    """All filled cells of the matrix. Its year headers are stored as text."""
    header = match_header(sheet, {"city": ["city"]})
    years = {column: parse_year(Cell(header.row, column, "text", label, label)) for column, label in header.extra.items()}
    if not any(years.values()):
        row = next(r for r in sheet.rows if r.number == header.row)
        raise missing_header(sheet, row, {"years": ["1997", "1998", "..."]})
    for column in [c for c, y in years.items() if y is None]:
        label = header.extra[column]
        refuse_column(out, sheet, header.row, column, label, "extra_column", f"The column '{label.strip()}' was not read.")
    refuse_unheaded(out, sheet, next(r for r in sheet.rows if r.number == header.row))
    values = []
    with Numbers(out, sheet) as numbers:
        for row in sheet.rows_after(header.row):
            cells = [c for c in row if years.get(c.column)]
            if not cells:
                if header.columns["city"] in row.cells:
                    refuse_row(out, sheet, row, "footer", "The row holds no value of any year.")
            elif readable_name(row.get(header.columns["city"]), out, sheet):
                name = printed(row.get(header.columns["city"]).text)
                for c in cells:
                    year = years[c.column]
                    number = numbers.number_or_refuse(c, place_label=name, indicator_label="emission", data_year=year)
                    values.append(_Value(name, year, c, number))
    return values


def _agreeing(listed: list[_Value], crossed: list[_Value], vector: Sheet, matrix: Sheet, out: RowCollector) -> list[_Value]:
    """The vector's values that the matrix confirms; each contradiction goes to the quarantine with both cells named.

    A key that stands twice in the vector is kept twice: the gate judges duplicates.
    """
    times = Counter((v.city, v.year) for v in listed)
    other = {(v.city, v.year): v for v in crossed}
    agreed = []
    for v in listed:
        m = other.get((v.city, v.year))
        if v.number is None:
            continue
        if times[v.city, v.year] > 1 or (m is not None and m.number in (None, v.number)):
            agreed.append(v)
            continue
        against = f"'{matrix.name}' {m.cell.address} holds {m.cell.text}" if m else f"'{matrix.name}' has no value for it"
        _contradiction(v, vector, f"'{vector.name}' {v.cell.address} holds {v.cell.text}, {against}", out)
    for m in crossed:
        if m.number is not None and (m.city, m.year) not in times:
            text = f"'{matrix.name}' {m.cell.address} holds {m.cell.text}, '{vector.name}' has no row for it"
            _contradiction(m, matrix, text, out)
    return agreed


def _contradiction(value: _Value, sheet: Sheet, text: str, out: RowCollector) -> None:
    out.refuse(
        "vector_matrix_disagree",
        f"{value.city} {value.year}: {text}.",
        text=value.cell.text,
        place_label=value.city,
        indicator_label="emission",
        data_year=value.year,
        is_required=True,
        **where(sheet, value.cell),
    )
