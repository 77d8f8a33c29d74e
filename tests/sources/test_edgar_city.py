"""City emission table of the EDGAR kind: tonnes by city and year, remarks beside the table, the source on a second sheet."""

from __future__ import annotations

import pytest

from citycarbon.sources import edgar_city

HEADER = ["年份", "城市代码", "所属省份", "城市", "地区", "胡焕庸线", "碳排放量_吨"]
SOURCE = "数据来源：EDGAR（全球大气研究排放数据库）v8.0                 更多的说明"


def rows(n: int = 60, header=HEADER) -> list[list]:
    return [header, *([2000 + i, 110000, "北京市", "北京市", "东部", "东南侧", 43_000_000 + i] for i in range(n))]


def book(table=None) -> dict[str, list[list]]:
    return {"Sheet1": table or rows(), "数据说明": [[SOURCE]]}


def test_reads_tonnes_with_the_source_as_footnote(make_book, read, reasons):
    table = rows()
    table[3] += [None, None, "碳排放强度=碳排放总量/GDP"]
    result = read(edgar_city, make_book(book(table)))
    first = result.rows.to_pylist()[0]
    assert result.rows.num_rows == 60
    assert first["unit"] == "吨"
    assert first["indicator_label"] == "碳排放量"
    assert first["cell"] == "G2"
    assert first["text"] == "43000000"
    assert first["place_code"] == "110000"
    assert first["place_parent"] == "北京市"
    assert first["footnote"] == "数据来源：EDGAR（全球大气研究排放数据库）v8.0"
    assert reasons(result) == {"category_column": 2, "note_sheet": 1, "remark": 1}


@pytest.mark.parametrize(
    ("header", "unit"), [("碳排放量_万吨", "万吨"), ("碳排放量（百万吨）", "百万吨"), ("碳排放量/吨", "吨")]
)
def test_swapped_unit_travels_as_printed(make_book, read, header, unit):
    result = read(edgar_city, make_book(book(rows(header=[*HEADER[:-1], header]))))
    assert set(result.rows["unit"].to_pylist()) == {unit}
    assert result.rows["value"][0].as_py() == 43_000_000


@pytest.mark.parametrize(("column", "expected"), [(0, "年份"), (3, "城市"), (6, "碳排放量")])
def test_renamed_header(make_book, refused, column, expected):
    header = list(HEADER)
    header[column] = "改名"
    error = refused(edgar_city, make_book(book(rows(header=header))))
    assert "'改名'" in error.found
    assert expected in error.expected
    assert error.sheet == "Sheet1"


def test_wrong_sheet(make_book, refused):
    assert "年份" in refused(edgar_city, make_book({"Sheet1": [["a", "b", "c"], [1, 2, 3]]})).expected
    assert "年份" in refused(edgar_city, make_book({"Sheet1": []})).expected


def test_bad_cells_are_quarantined_one_by_one(make_book, read, reasons):
    table = rows(n=100)
    for row in table[1:]:
        row[0] = 2000 + (row[6] % 20)
    table[4][6] = "未统计"
    table[7][6] = "-"
    table[9][6] = None
    table.append([None, None, None, "更多数据，请关注某店"])
    result = read(edgar_city, make_book(book(table)))
    assert result.rows.num_rows == 97
    assert reasons(result) == {"category_column": 2, "footer": 1, "missing_mark": 1, "note_sheet": 1, "text_in_number_cell": 1}


def test_year_that_is_none(make_book, read, reasons):
    table = rows(n=99)
    table[5][0] = "二〇"
    assert reasons(read(edgar_city, make_book(book(table))))["unreadable_year"] == 1


def test_extra_column(make_book, read, reasons):
    table = [[*r, "人均排放_吨" if i == 0 else 3.5] for i, r in enumerate(rows())]
    result = read(edgar_city, make_book(book(table)))
    assert reasons(result)["extra_column"] == 1
    assert result.rows.num_rows == 60


def test_mojibake_and_duplicates(make_book, read, refused):
    table = rows()
    table.append(table[1])
    assert read(edgar_city, make_book(book(table))).rows.num_rows == 61
    table[2][3] = "北京市".encode("gb18030").decode("latin-1")
    assert "garbled" in refused(edgar_city, make_book(book(table))).found


def test_damaged_files(make_book, check_damaged):
    check_damaged(edgar_city, make_book(book()))


@pytest.mark.real
def test_real_table(realdata, read, reasons):
    result = read(edgar_city, realdata / "city_tables" / "地级市碳排放强度.xlsx")
    table = result.rows
    assert table.num_rows == 295 * 24
    assert len(set(table["place_code"].to_pylist())) == 295
    assert set(table["data_year"].to_pylist()) == set(range(2000, 2024))
    assert set(table["unit"].to_pylist()) == {"吨"}
    assert reasons(result) == {"category_column": 2, "note_sheet": 1, "remark": 1}
