"""Vendor tables whose columns are coded fields: which is the year, the place, its code, its province, and which hold values.

Shared by the readers of CSMAR and CNRDS exports: both describe a column by a code, a label, and a unit or description, in one
to three header rows. A text file comes as a Sheet too (textfile.py), so that one loop reads all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from citycarbon.errors import UnusableInput
from citycarbon.sources.cells import Cell, Row, norm, parse_number, parse_year
from citycarbon.sources.printed_labels import CJK, is_place_name, is_unit, squeeze, take_apart, unit_line
from citycarbon.sources.rawrows import RowCollector
from citycarbon.sources.tables import Numbers, formula_note, where
from citycarbon.sources.workbook import Sheet

Role = Literal["year", "place", "code", "province", "other"]

# Field codes and labels by which an export names its keys, compared by ``norm``.
_KEY_NAMES: tuple[tuple[Role, str], ...] = (
    ("year", "sgnyea sgnyear year yr accyear 年份 年度 年 统计年度 会计年度 统计年份 申请年份 授权年份"),
    ("place", "ctnm ctnm_en city cityname city_name prefecture"),
    ("place", "城市 城市名称 城市名 地级市 地级市名称 所属城市 所在城市 地区名称 地区"),
    ("code", "ctnm_id citycode city_code cityid city_id areacode adcode"),
    ("code", "城市代码 城市编码 地级市代码 行政区划代码 区划代码"),
    ("province", "prvcnm prvcnm_en province provincename prov 省份 省份名称 所属省份 所在省份 省"),
    ("other", "cttyp cttyp_en prvcnm_id provincecode prov_code 省份代码 省份编码 城市类型 城市类别 行政级别"),
)
_ROLES: dict[str, Role] = {name: role for role, names in _KEY_NAMES for name in names.split()}
_WANTED: dict[Role, str] = {"year": "'Sgnyea', 'Year' or '年份'", "place": "'Ctnm', 'City' or '城市'"}
_NO_UNIT = {"没有单位", "无单位", "无", "nounit", "none", "-", ""}
_ENGLISH_PLACE = re.compile(r"[A-Za-z][A-Za-z .,'’()\-]*")


@dataclass(frozen=True)
class Field:
    """One column: its number (from 1), what it is (``role`` None: a value), and how the vendor describes it."""

    column: int
    code: str
    label: str
    unit: str
    role: Role | None
    note: str = ""


@dataclass(frozen=True)
class CodedTable:
    """A sheet taken apart: its fields, the number of its first header row, and its data rows."""

    sheet: Sheet
    fields: tuple[Field, ...]
    data: tuple[Row, ...]

    def key(self, role: Role) -> int | None:
        """Column of the first field in ``role``."""
        return next((f.column for f in self.fields if f.role == role), None)


def clean_unit(text: str) -> str:
    """A unit as printed; '' for the vendor's ways of saying that there is none."""
    return "" if norm(text) in _NO_UNIT else text.strip()


def is_readable_place(text: str) -> bool:
    """True for a name in Chinese characters, or in plain letters as English exports print it; mojibake is neither."""
    return is_place_name(squeeze(text)) or _ENGLISH_PLACE.fullmatch(text.strip()) is not None


def coded_table(sheet: Sheet, header_rows: int | None = None) -> CodedTable:
    """Fields and data rows of ``sheet``. Raises UnusableInput where the year or the place column is missing.

    ``header_rows`` None: the data begin with the first of four rows that has a year below a year's header.
    """
    rows = sheet.rows
    n = header_rows or _header_length(rows)
    columns = sorted({c for row in rows[:n] for c in row.cells})
    fields = tuple(_field(c, [row.get(c).text.strip() for row in rows[:n]]) for c in columns)
    table = CodedTable(sheet, fields, tuple(rows[n:]))
    for role, wanted in _WANTED.items():
        if table.key(role) is None:
            raise UnusableInput(
                sheet.path,
                sheet=sheet.name or None,
                cell=f"A{rows[0].number}" if sheet.name and rows else None,
                found="the columns " + (", ".join(f"'{f.code}'" for f in fields[:10]) or "(none)"),
                expected=f"a {role} column headed {wanted}",
                remedy="Restore the header as the vendor exports it, or check that this is the right table.",
            )
    return table


def read_values(
    out: RowCollector,
    table: CodedTable,
    *,
    indicator: Callable[[Field], str],
    footnote: Callable[[Field], str | None],
) -> None:
    """Add every value of ``table`` to ``out``; cells without a readable year, place or number go to the quarantine."""
    values = [f for f in table.fields if f.role is None and _holds_numbers(out, table, f)]
    year_column, place_column = table.key("year"), table.key("place")
    code_column, province_column = table.key("code"), table.key("province")
    headed = {f.column for f in table.fields}
    with Numbers(out, table.sheet) as numbers:
        for row in table.data:
            place = row.get(place_column).text.strip()
            year = parse_year(row.get(year_column))
            why = _unusable_keys(row.get(year_column), year, place)
            for field in values:
                cell = row.get(field.column)
                told = {"place_label": place or None, "indicator_label": indicator(field), "data_year": year}
                if why is not None:
                    _refuse_value(out, table.sheet, cell, why, told)
                elif (value := numbers.number_or_refuse(cell, **told)) is not None:
                    out.add(
                        text=cell.text,
                        value=value,
                        unit=field.unit,
                        indicator_label=indicator(field),
                        place_label=place,
                        place_code=row.get(code_column).text.strip() or None,
                        place_parent=row.get(province_column).text.strip() or None,
                        data_year=year,
                        footnote=formula_note(cell, footnote(field)),
                        **where(table.sheet, cell),
                    )
            for cell in row:
                if cell.column not in headed:
                    reason = "The cell stands in a column without a header."
                    out.refuse("cell_without_header", reason, text=cell.text, **where(table.sheet, cell))


def _refuse_value(out: RowCollector, sheet: Sheet, cell: Cell, why: tuple[str, str], told: dict) -> None:
    if cell.kind != "blank":
        out.refuse(*why, text=cell.text, is_required=cell.kind == "number", **told, **where(sheet, cell))


def _unusable_keys(year_cell: Cell, year: int | None, place: str) -> tuple[str, str] | None:
    if year is None:
        return "unreadable_year", f"'{year_cell.text.strip()}' is no year."
    if not is_readable_place(place):
        return "unreadable_place", f"'{place}' is not a place name."
    return None


def _header_length(rows: Sequence[Row]) -> int:
    """How many of the first rows are header: up to the first that has a year below a header that is a year's."""
    years = {c.column for row in rows[:3] for c in row if _role_of(c.text) == "year"}
    for n, row in enumerate(rows[1:4], start=1):
        if any(parse_year(row.get(c)) is not None for c in years) or any(c.kind == "number" for c in row):
            return n
    return min(3, len(rows)) if years else 1


def _field(column: int, texts: list[str]) -> Field:
    """A column from its header cells: code first, then the first Chinese text as label, then a unit or a description."""
    chinese = [t for t in texts if CJK.search(t) and not is_unit(t) and norm(t) not in _NO_UNIT]
    printed = take_apart(chinese[0]) if chinese else None
    stated = [t for t in texts[1:] if is_unit(t)] or [u for t in texts[1:] if (u := unit_line(t)) is not None]
    unit = clean_unit(stated[0]) if stated else (printed.unit if printed else "")
    label = printed.label if printed else texts[0]
    note = next((t for t in texts[2:] if t not in stated and norm(t) not in _NO_UNIT), "")
    return Field(column, texts[0] or label, label, unit, next((r for t in texts[:2] if (r := _role_of(t))), None), note)


def _role_of(name: str) -> Role | None:
    return _ROLES.get(norm(name))


def _holds_numbers(out: RowCollector, table: CodedTable, field: Field) -> bool:
    """False for a column of remarks (no unit, no number): its header goes to the quarantine once, its cells are no numbers."""
    cells = [c for row in table.data if (c := row.get(field.column)).kind != "blank"]
    if field.unit or not cells or any(c.kind == "number" or parse_number(c.text) is not None for c in cells):
        return True
    reason = f"The column '{field.label}' holds no number; it was not read."
    out.refuse("text_column", reason, text=field.label, indicator_label=field.code, **where(table.sheet, cells[0]))
    return False
