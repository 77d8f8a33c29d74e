"""The layer over openpyxl and xlrd, and what turns its cells into numbers."""

from __future__ import annotations

from datetime import datetime

import openpyxl
import pytest
import xlwt
from hypothesis import given
from hypothesis import strategies as st

from citycarbon.errors import UnusableInput
from citycarbon.sources.cells import Cell, column_letter, is_mojibake, is_name, norm, parse_number, parse_year, printed
from citycarbon.sources.tables import Numbers, collector, finish, match_header, require_sheet
from citycarbon.sources.workbook import Sheet, open_workbook


def cells(path, sheet: int = 0) -> dict[str, Cell]:
    with open_workbook(path) as book:
        return {c.address: c for row in book.sheets[sheet].rows for c in row}


def text_cell(text: str) -> Cell:
    return Cell(1, 1, "text", text, text)


@pytest.fixture
def old_book(tmp_path):
    """An .xls with every kind of cell."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("老表")
    date = xlwt.easyxf(num_format_str="yyyy-mm-dd")
    for column, value in enumerate(["石 家 庄 市", 2003, 12.5, True, " ", None]):
        sheet.write(0, column, value)
    sheet.write(2, 0, datetime(2012, 11, 26), date)
    path = tmp_path / "old.xls"
    book.save(str(path))
    return path


def test_kinds_and_addresses_of_xlsx(make_book):
    path = make_book({"Sheet1": [["城市", 2003, 1.5, True, datetime(2012, 11, 26), "=B1*2", "  ", None], [], [0]]})
    found = cells(path)
    assert {a: c.kind for a, c in found.items()} == {
        **{"A1": "text", "B1": "number", "C1": "number", "D1": "bool", "E1": "date", "F1": "formula"},
        "A3": "number",
        "G1": "blank",
    }
    assert found["F1"].formula == "=B1*2"
    assert (found["B1"].text, found["C1"].text, found["E1"].text) == ("2003", "1.5", "2012-11-26T00:00:00")


def test_kinds_of_xls(old_book):
    found = cells(old_book)
    assert {a: (c.kind, c.text) for a, c in found.items()} == {
        "A1": ("text", "石 家 庄 市"),
        "B1": ("number", "2003"),
        "C1": ("number", "12.5"),
        "D1": ("bool", "TRUE"),
        "A3": ("date", "2012-11-26T00:00:00"),
    }


def test_format_is_told_by_the_bytes_not_by_the_name(make_book, old_book, tmp_path):
    wrong = tmp_path / "really_xlsx.xls"
    wrong.write_bytes(make_book({"Sheet1": [["x"]]}).read_bytes())
    assert cells(wrong)["A1"].text == "x"
    bare = tmp_path / "0a1b2c"
    bare.write_bytes(old_book.read_bytes())
    assert cells(bare)["B1"].value == 2003


def test_saved_results_of_formulas(make_calculated_book):
    found = cells(make_calculated_book({"S": [[2, ("=A1*2", 4), ('=A1&"x"', "2x"), ("=1/0", "#DIV/0!")]]}))
    assert (found["B1"].kind, found["B1"].value, found["B1"].formula) == ("number", 4, "=A1*2")
    assert (found["C1"].kind, found["C1"].text) == ("text", "2x")
    assert found["D1"].kind == "error"


def test_empty_rows_are_not_kept(make_book):
    path = make_book({"S": [["x"]]})
    book = openpyxl.load_workbook(path)
    book["S"]["A200000"] = "end"
    book.save(path)
    with open_workbook(path) as opened:
        assert [r.number for r in opened.sheets[0].rows] == [1, 200_000]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "empty file"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"<html>", "HTML"),
        (b"a,b\n1,2\n", "starts with"),
        (b"PK\x03\x04rest of nothing", "truncated"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 rest of nothing", "workbook"),
    ],
)
def test_what_is_no_workbook(tmp_path, content, found):
    path = tmp_path / "file.xlsx"
    path.write_bytes(content)
    with pytest.raises(UnusableInput, match=found):
        open_workbook(path)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_truncated_old_workbook(old_book, share):
    content = old_book.read_bytes()
    old_book.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UnusableInput, match="old.xls"), open_workbook(old_book) as book:
        assert [s.rows for s in book.sheets] == []


def test_flipped_byte_inside_an_xlsx(make_book):
    path = make_book({"S": [[i, i * 2] for i in range(200)]})
    content = bytearray(path.read_bytes())
    at = content.index(b"xl/worksheets/sheet1.xml") + 200
    content[at : at + 40] = bytes(40)
    path.write_bytes(content)
    with pytest.raises(UnusableInput, match="damaged"), open_workbook(path) as book:
        assert book.sheets[0].rows == []


def test_missing_file(tmp_path):
    with pytest.raises(UnusableInput, match="No such file"):
        open_workbook(tmp_path / "nowhere.xlsx")


def test_header_is_found_below_titles_and_reports_what_is_missing(make_book):
    path = make_book({"S": [["某表"], [], [" 城 市", "ＹＥＡＲ", "值"], ["甲市", 2003, 1]]})
    with open_workbook(path) as book:
        header = match_header(book.sheets[0], {"city": ["城市"], "year": ["year"]}, {"code": ["城市代码"]})
        assert (header.row, header.columns, header.extra) == (3, {"city": 1, "year": 2}, {3: "值"})
        with pytest.raises(UnusableInput) as caught:
            match_header(book.sheets[0], {"city": ["城市"], "period": ["期", "period"]})
    assert caught.value.cell == "A3"
    assert "'城 市'" in caught.value.found
    assert caught.value.expected == "a column headed '期' or 'period'"


def test_sheet_is_found_by_name_or_predicate(make_book):
    with open_workbook(make_book({"Emission Vector ": [["x"]], "b": [["y"]]})) as book:
        assert require_sheet(book, "emission vector").name == "Emission Vector "
        assert require_sheet(book, lambda n: n == "b").name == "b"
        with pytest.raises(UnusableInput, match="'Emission Vector ', 'b'"):
            require_sheet(book, "matrix")


def _numbers(record, tmp_path, given: list[Cell]):
    path = tmp_path / "t.xlsx"
    out = collector(path, record("compiled_city"), "0" * 64)
    sheet = Sheet("S", path, list)
    with Numbers(out, sheet) as numbers:
        return [numbers.number_or_refuse(c) for c in given], out


def test_cells_to_numbers(record, tmp_path):
    given_cells = [
        Cell(1, 1, "number", "3", 3),
        Cell(1, 2, "blank", "", None),
        text_cell("1,234.5"),
        text_cell("12%"),
        text_cell("…"),
        Cell(1, 6, "formula", "=A1", None, "=A1"),
        Cell(1, 7, "error", "#N/A", "#N/A"),
        Cell(1, 8, "bool", "TRUE", True),
        Cell(1, 9, "number", "inf", float("inf")),
    ]
    values, out = _numbers(record, tmp_path, given_cells)
    assert values == [3.0, None, 1234.5, *[None] * 6]
    entries = out.result().quarantine.to_pylist()
    assert [(e["reason_code"], e["is_required"]) for e in entries] == [
        ("text_in_number_cell", True),
        ("missing_mark", False),
        ("formula_without_value", True),
        ("error_value", True),
        ("bool_in_number_cell", True),
        ("number_out_of_range", True),
    ]
    assert "1 numbers are stored as text (first A1, '1,234.5')" in out.warnings[0]


@pytest.mark.parametrize(
    ("good", "bad", "usable"), [(10, 1, True), (198, 2, True), (197, 2, False), (0, 0, False), (0, 1, False)]
)
def test_one_percent_rule(record, tmp_path, good, bad, usable):
    out = collector(tmp_path / "t.xlsx", record("compiled_city"), "0" * 64)
    for i in range(good):
        out.add(text="1", value=1.0, indicator_label="x", place_label="甲市", data_year=2003, sheet="S", cell=f"A{i}")
    for i in range(bad):
        out.refuse("text_in_number_cell", "Bad.", sheet="S", cell=f"B{i}", is_required=True)
    if usable:
        assert finish(out, tmp_path / "t.xlsx").rows.num_rows == good
    else:
        with pytest.raises(UnusableInput):
            finish(out, tmp_path / "t.xlsx")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_printed_floats_parse_back(number):
    assert parse_number(repr(number)) == number
    assert parse_number(f"  {number!r} ") == number


@given(st.integers(0, 10**15))
def test_thousands_separators(number):
    assert parse_number(f"{number:,}") == number


@pytest.mark.parametrize("text", ["", "1_000", "nan", "inf", "1e999", "1,23", "12 34", "0x10", "约3", "3万", "--5"])
def test_what_is_no_number(text):
    assert parse_number(text) is None


@pytest.mark.parametrize(
    ("cell", "year"),
    [
        (Cell(1, 1, "number", "2017", 2017), 2017),
        (Cell(1, 1, "number", "2017.0", 2017.0), 2017),
        (text_cell(" 2017年 "), 2017),
        (text_cell("C2017"), 2017),
        (text_cell("２０１７"), 2017),
        (Cell(1, 1, "date", "", datetime(2017, 6, 1)), 2017),
        (Cell(1, 1, "date", "", datetime(1905, 7, 9)), 2017),
        (Cell(1, 1, "number", "17", 17), None),
        (text_cell("2017-2019"), None),
        (Cell(1, 1, "blank", "", None), None),
    ],
)
def test_years(cell, year):
    assert parse_year(cell) == year


@given(st.integers(1, 16_384))
def test_column_letters_count_in_base_26(column):
    assert sum((ord(c) - 64) * 26**i for i, c in enumerate(reversed(column_letter(column)))) == column


@given(
    st.text(alphabet="京津沪渝冀晋辽吉黑苏浙皖闽赣鲁豫鄂湘粤琼川贵云陕甘青台蒙桂藏宁新港澳市县区州", min_size=2, max_size=12)
)
def test_mojibake_is_told_from_names(name):
    assert not is_mojibake(name)
    assert is_name(name)
    assert is_mojibake(name.encode().decode("gb18030", "replace"))
    assert is_mojibake(name.encode().decode("latin-1"))
    assert is_mojibake(name.encode("gb18030").decode("utf-8", "replace") + "�")


def test_labels_are_compared_and_printed_without_noise():
    assert norm(" 城　市\u200b（ＧＤＰ） ") == "城市(gdp)"
    assert printed(" 哈密\u200b\u200b ") == "哈密"
    assert not is_name("北京?")
    assert not is_name("Beijing")
    assert is_name("巴音郭楞蒙古自治州（2）")


@pytest.mark.parametrize("text", ["12①", "①", "5²", "3½"])
def test_a_footnote_mark_is_not_a_digit(text: str) -> None:
    assert parse_number(text) is None
