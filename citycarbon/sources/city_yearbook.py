"""China City Statistical Yearbook: tables by city as printed, in .xlsx and .xls workbooks.

What a sheet looks like: title rows (``2-13 ...（全市）``), a unit line (``单位：万元``) or units in the header, a header of
Chinese and English cells (merged over 全市/市辖区 pairs), province rows (subtotal or blank) with cities below, notes.
Pages go on below with the header repeated, and two or three blocks of cities may stand side by side; they are read page by page
and, within a page, block by block, so that a city belongs to the last province row above it.

Names and labels lose the white space that spaces them out and their footnote mark, which goes to ``footnote`` with its text.
Edition N+1 holds data of year N; a year in a title or header goes before that rule, with a warning where the two differ.
A blank cell gives no row; a mark for "not available" goes to the quarantine.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from citycarbon.errors import UnusableInput
from citycarbon.paths import DBT_PROJECT
from citycarbon.sources.cells import Cell, Row, norm
from citycarbon.sources.printed_labels import (
    CJK,
    Printed,
    chinese_part,
    is_place_name,
    is_unit,
    scope_of,
    split_mark,
    squeeze,
    take_apart,
    unit_line,
    year_of,
)
from citycarbon.sources.rawrows import ReadResult, RowCollector
from citycarbon.sources.records import SourceRecord
from citycarbon.sources.tables import Numbers, collector, finish, formula_note, missing_header, where
from citycarbon.sources.workbook import Sheet, open_workbook

READER_VERSION = "1"
PROVINCES = DBT_PROJECT / "seeds" / "provinces.csv"
READER_INPUTS = (PROVINCES,)

_ANCHORS = {"城市", "地区", "城市名称", "地区名称", "市名", "城市名", "市别", "地名"}
_ENGLISH_ANCHORS = {"city", "cities", "region", "nameofcities", "cityname"}
_TITLE = re.compile(r"^\s*(?:\d+\s*[-－–—]\s*\d+|续表|.*续表\s*\d*\s*$)|\bcontinued\b", re.IGNORECASE)
_FOOTER = re.compile(
    r"^\s*(?:注\s*[:：]|注\d*[:：.]|资料来源|数据来源|说明\s*[:：]|本表|Note|Source|[①-⑳⑴-⒇]\s*\S{3,}|[*＊]\s*\S{4,})"
)
_FOOTNOTE_TEXT = re.compile(r"([①-⑳⑴-⒇*＊])\s*([^①-⑳⑴-⒇]+)")
_SPACED_NUMBER = re.compile(r"[\d\s,，.．+\-－]*\d[\d\s,，.．]*")


@dataclass
class _Column:
    """One value column of a block: where it stands and what its header says."""

    number: int
    printed: Printed


@dataclass
class _Block:
    """Cities standing below one place header, with the value columns to its right."""

    anchor: int
    columns: list[_Column]
    ignored: frozenset[int]  # columns that repeat the city's name in English


@dataclass
class _Page:
    """A stretch of rows under one header."""

    title: str
    unit: str
    scope: str
    year: int | None
    blocks: list[_Block]
    is_new_table: bool
    rows: list[Row] = field(default_factory=list)


def read(path: Path, record: SourceRecord, file_sha256: str) -> ReadResult:
    """All values of a yearbook workbook, province rows included (``place_parent`` None there, else the province above).

    Raises UnusableInput for a file that is no workbook, a sheet with numbers but without a header that names the city column,
    a workbook without any such sheet, no data year, or too many unreadable cells.
    """
    out = collector(path, record, file_sha256)
    with open_workbook(path) as book:
        tables = 0
        for sheet in book.sheets:
            pages, footers = _pages(sheet)
            if pages:
                tables += 1
                _Table(out, sheet, record, _footnotes(footers)).read(pages, footers)
            elif _holds_numbers(sheet):
                raise missing_header(sheet, _fullest(sheet), {"city": ["城市"]})
            elif sheet.rows:
                out.warnings.append(f"{path.name}: sheet '{sheet.name}' holds no table and was not read.")
        if not tables:
            raise missing_header(book.sheets[0], _fullest(book.sheets[0]), {"city": ["城市"]})
    return finish(out, path)


# --- pages, headers, footers ------------------------------------------------------------------------------------------------


def _pages(sheet: Sheet) -> tuple[list[_Page], list[Cell]]:
    """The pages of a sheet and the cells of its footers."""
    pages: list[_Page] = []
    footers: list[Cell] = []
    above: list[Row] = []  # title and unit rows since the last page's rows
    rows = sheet.rows
    at = 0
    while at < len(rows):
        row = rows[at]
        anchors = [c.column for c in row if _is_anchor(c)]
        if anchors:
            header, at = _header_rows(rows, at, anchors)
            pages.append(_page(sheet, above, header, anchors, pages[-1] if pages else None))
            above = []
            continue
        first = next(iter(row))
        if _FOOTER.match(first.text):
            footers.append(first)
        elif not pages or _is_title(row):
            above.append(row)
        elif above and all(c.kind == "text" and not CJK.search(c.text) for c in row):
            above.append(row)  # the English line below a title
        else:
            pages[-1].rows.append(row)
        at += 1
    return pages, footers


def _is_title(row: Row) -> bool:
    """True for a row with a table's number, a note of continuation or a unit line."""
    return any(_TITLE.match(c.text) or unit_line(c.text) is not None for c in row if c.kind == "text")


def _is_anchor(cell: Cell) -> bool:
    return cell.kind == "text" and _heads_places(cell.text)


@cache
def _heads_places(text: str) -> bool:
    """True for the header of a city column; remembered, since every city's name is asked in every sheet."""
    return split_mark(chinese_part(text))[0] in _ANCHORS


def _header_rows(rows: list[Row], at: int, anchors: list[int]) -> tuple[list[Row], int]:
    """The header: the row at ``at`` and those below it that name no place and hold no number; and where the data begin."""
    end = at + 1
    while end < len(rows):
        row = rows[end]
        names_place = any(CJK.search(row.get(a).text) for a in anchors)
        if names_place or any(c.kind != "text" or _SPACED_NUMBER.fullmatch(c.text) for c in row):
            break
        end += 1
    return rows[at:end], end


def _page(sheet: Sheet, above: list[Row], header: list[Row], anchors: list[int], before: _Page | None) -> _Page:
    """Title, unit, scope and year of a page; a page that says it is continued keeps what the page before it said."""
    cells = [c for row in above for c in row if c.kind == "text"]
    text = " ".join(squeeze(c.text) for c in cells)
    is_new = before is None or (bool(cells) and "续" not in text and any(_TITLE.match(c.text) for c in cells))
    kept = before if before is not None and not is_new else None
    units = [u for c in (*cells, *(c for row in header for c in row)) if (u := unit_line(c.text)) is not None]
    blocks = [
        _block(header, anchor, following - 1)
        for anchor, following in zip(anchors, [*anchors[1:], max(max(r.cells) for r in header) + 1], strict=True)
    ]
    return _Page(
        title=text or (kept.title if kept else ""),
        unit=_one_unit(units[0]) if units else (kept.unit if kept else ""),
        scope=scope_of(text) or (kept.scope if kept else scope_of(sheet.name)),
        year=year_of(" ".join(c.text for c in cells)) or (kept.year if kept else None),
        blocks=blocks,
        is_new_table=is_new,
    )


def _one_unit(printed: str) -> str:
    """A unit line that states one unit; '' where it lists several, which then belong to no column in particular."""
    return printed if is_unit(printed) or not re.search(r"[、,，;；]", printed) else ""


def _block(header: list[Row], anchor: int, last: int) -> _Block:
    columns, ignored = [], set()
    for number in range(anchor + 1, last + 1):
        texts = [row.get(number).text for row in header]
        if any(norm(t) in _ENGLISH_ANCHORS for t in texts):
            ignored.add(number)
            continue
        pieces = _header_pieces(header, anchor, number)
        if pieces:
            columns.append(_Column(number, _printed(pieces)))
    return _Block(anchor, columns, frozenset(ignored))


def _header_pieces(header: list[Row], anchor: int, number: int) -> list[Printed]:
    """The header cells above a column, from top to bottom; a merged cell counts for all columns it spans.

    Only the first cell of a merged range is stored, so a gap is filled from the left where a lower row names the column.
    """
    pieces: list[Printed] = []
    for i, row in enumerate(header):
        cell = row.get(number)
        below = any(_says_something(lower.get(number)) for lower in header[i + 1 :])
        if cell.kind == "blank" and below:
            left = [c for c in row if anchor < c.column < number]
            cell = left[-1] if left else cell
        if _says_something(cell) and unit_line(cell.text) is None:
            pieces.append(take_apart(cell.text))
    return pieces


def _says_something(cell: Cell) -> bool:
    return cell.kind == "text" and bool(CJK.search(cell.text) or is_unit(squeeze(cell.text)))


def _printed(pieces: list[Printed]) -> Printed:
    """One label from the levels of a header, joined by '_'; the lowest level that states a unit, scope or year decides."""
    label = "_".join(dict.fromkeys(p.label for p in pieces if p.label))

    def lowest(name: str) -> str | int | None:
        return next((getattr(p, name) for p in reversed(pieces) if getattr(p, name)), None)

    return Printed(label, lowest("unit") or "", lowest("scope") or "", lowest("year"), "".join(p.mark for p in pieces))


def _footnotes(footers: list[Cell]) -> dict[str, str]:
    """Mark -> its text, from the footers of a sheet."""
    return {mark: text.strip() for cell in footers for mark, text in _FOOTNOTE_TEXT.findall(cell.text)}


def _holds_numbers(sheet: Sheet) -> bool:
    return sum(c.kind == "number" for row in sheet.rows for c in row) >= 5


def _fullest(sheet: Sheet) -> Row | None:
    """The row among the first twenty that a reader would take for the header: the one with the most text cells."""
    return max(sheet.rows[:20], key=lambda r: sum(c.kind == "text" for c in r), default=None)


# --- values -----------------------------------------------------------------------------------------------------------------


@dataclass
class _Table:
    """Writes the rows of one sheet to ``out``."""

    out: RowCollector
    sheet: Sheet
    record: SourceRecord
    footnotes: dict[str, str]
    names_provinces: bool = True

    def read(self, pages: list[_Page], footers: list[Cell]) -> None:
        province: str | None = None
        self.names_provinces = _names_provinces(pages)
        self._warn_of_years(pages)
        with Numbers(self.out, self.sheet) as numbers:
            for page in pages:
                province = None if page.is_new_table else province
                for i, block in enumerate(page.blocks):
                    right = page.blocks[i + 1].anchor if i + 1 < len(page.blocks) else None
                    for row in page.rows:
                        province = self._row(numbers, page, block, right, row, province)
        for cell in footers:
            self.out.refuse("footer", "A note below the table.", text=cell.text.strip(), **where(self.sheet, cell))

    def _row(
        self, numbers: Numbers, page: _Page, block: _Block, right: int | None, row: Row, province: str | None
    ) -> str | None:
        """Add the values of one place; returns the province that holds from this row on."""
        name, mark = split_mark(squeeze(row.get(block.anchor).text))
        is_province = self.names_provinces and _is_province(name, province)
        if is_province:
            province = name
        headed = {c.number: c for c in block.columns}
        is_place = is_place_name(name)
        for cell in _cells_between(row, block.anchor, right):
            column = headed.get(cell.column)
            if cell.column in block.ignored:
                continue
            if column is None or not is_place:
                self._refuse_stray(cell, column, name)
            else:
                self._value(numbers, page, column, cell, name, mark, None if is_province else province)
        return province

    def _refuse_stray(self, cell: Cell, column: _Column | None, name: str) -> None:
        """Quarantine a filled cell that belongs to no indicator or to no place."""
        if column is None:
            code, reason, required = "cell_without_header", "The cell stands in a column without a header.", False
        elif not name:
            code, reason, required = "no_place", "The row names no place.", False
        else:
            code, reason, required = "unreadable_place", f"'{name}' is not a place name.", True
        self.out.refuse(
            code,
            reason,
            text=cell.text,
            place_label=name or None,
            indicator_label=column.printed.label if column else None,
            is_required=required and cell.kind == "number",
            **where(self.sheet, cell),
        )

    def _value(
        self, numbers: Numbers, page: _Page, column: _Column, cell: Cell, place: str, mark: str, parent: str | None
    ) -> None:
        printed = column.printed
        year = self._year(page, column)
        plain, marks = _plain(cell)
        value = numbers.number_or_refuse(plain, place_label=place, indicator_label=printed.label, data_year=year)
        if value is None:
            return
        self.out.add(
            text=cell.text,
            value=value,
            unit=printed.unit or page.unit,
            scope=printed.scope or page.scope,
            indicator_label=printed.label,
            place_label=place,
            place_parent=parent,
            data_year=year,
            footnote=formula_note(cell, self._note(mark + printed.mark + marks)),
            **where(self.sheet, cell),
        )

    def _note(self, marks: str) -> str | None:
        if not marks:
            return None
        return "; ".join(self.footnotes.get(m, f"mark {m}") for m in dict.fromkeys(marks)) or None

    def _year(self, page: _Page, column: _Column) -> int:
        year = column.printed.year or page.year or self._rule_year()
        if year is None:
            raise UnusableInput(
                self.sheet.path,
                sheet=self.sheet.name,
                found="neither a year in the title nor an edition year in the source record",
                expected="a data year",
                remedy="State edition_year in source.yaml (edition N+1 holds data of year N).",
            )
        return year

    def _rule_year(self) -> int | None:
        return None if self.record.edition_year is None else self.record.edition_year - 1

    def _warn_of_years(self, pages: list[_Page]) -> None:
        rule = self._rule_year()
        stated = sorted({p.year for p in pages if p.year is not None and rule is not None and p.year != rule})
        for year in stated:
            self.out.warnings.append(
                f"{self.sheet.path.name}, sheet '{self.sheet.name}': the title states {year}, the edition "
                f"{self.record.edition_year} would hold {rule}; {year} was taken."
            )


def _plain(cell: Cell) -> tuple[Cell, str]:
    """``cell`` without the footnote marks and spaces of a number printed as text, and the marks."""
    if cell.kind != "text":
        return cell, ""
    text, marks = split_mark(cell.text)
    return cell._replace(text=squeeze(text) if _SPACED_NUMBER.fullmatch(text) else text), marks


def _cells_between(row: Row, anchor: int, right: int | None) -> Iterator[Cell]:
    return (c for c in row if c.column > anchor and (right is None or c.column < right))


@cache
def _provinces() -> tuple[dict[str, str], dict[str, str]]:
    """Full name -> id and short name -> id of the provinces."""
    with PROVINCES.open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    return {r["name"]: r["province_id"] for r in rows}, {r["short"]: r["province_id"] for r in rows}


def _names_provinces(pages: list[_Page]) -> bool:
    """True where a sheet has province rows: at least three names of provinces that are not a municipality.

    A table of cities alone may still hold 吉林, which is then the city.
    """
    full, short = _provinces()
    names = {split_mark(squeeze(row.get(b.anchor).text))[0] for page in pages for b in page.blocks for row in page.rows}
    ids = {i for n in names if (i := full.get(n) or short.get(n))}
    return len(ids - {"110000", "120000", "310000", "500000"}) >= 3 or bool({n for n in names & full.keys() if "市" not in n})


def _is_province(name: str, current: str | None) -> bool:
    """True where a row's name is a province's.

    A bare short name also names a city or prefecture (吉林, 海南): it is the province only where it stands in the printed order
    of provinces, after the current one.
    """
    full, short = _provinces()
    if name in full:
        return True
    if name not in short:
        return False
    now = full.get(current or "") or short.get(current or "")
    return now is None or short[name] > now
