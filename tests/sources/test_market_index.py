"""Marketization index by province, long and wide."""

from __future__ import annotations

import pytest

from citycarbon.sources import market_index

PROVINCES = ["北京", "天津", "西藏"]


def value(province: str, year: int) -> float:
    return PROVINCES.index(province) * 3 - 5 + (year - 2000) / 8


def long(years=range(2000, 2020)) -> list[list]:
    return [["省份", "年份", "市场化指数"], *([p, y, value(p, y)] for p in PROVINCES for y in years)]


def wide(years=range(2000, 2020)) -> list[list]:
    title = ["表1 各省份市场化总指数评分（2000-2019年）"]
    return [title, [], ["省份", *(f"{y}年" for y in years)], *([p, *(value(p, y) for y in years)] for p in PROVINCES)]


def content(result) -> set[tuple]:
    return {(r["place_label"], r["data_year"], r["value"]) for r in result.rows.to_pylist()}


def test_long_and_wide_say_the_same(make_book, read, reasons):
    a = read(market_index, make_book({"Sheet1": long()}, "long.xlsx"))
    b = read(market_index, make_book({"Sheet1": wide()}, "wide.xlsx"))
    assert a.rows.num_rows == b.rows.num_rows == 60
    assert content(a) == content(b) == {(p, y, value(p, y)) for p in PROVINCES for y in range(2000, 2020)}
    assert set(a.rows["indicator_label"].to_pylist()) == {"市场化指数"}
    assert set(b.rows["indicator_label"].to_pylist()) == {"市场化总指数"}
    assert set(a.rows["unit"].to_pylist()) == {""}
    assert b.rows["cell"][0].as_py() == "B4"
    assert reasons(a) == {}
    assert reasons(b) == {}


def test_wide_takes_the_sheets_name_or_the_default(make_book, read):
    assert read(market_index, make_book({"市场化指数": wide()[2:]})).rows["indicator_label"][0].as_py() == "市场化指数"
    assert read(market_index, make_book({"Sheet1": wide()[2:]})).rows["indicator_label"][0].as_py() == "市场化指数"


def test_numeric_year_headers_and_several_sheets(make_book, read):
    table = wide()
    table[2] = ["地区", *range(2000, 2020)]
    result = read(market_index, make_book({"总指数": table, "分指数": long(), "说明": [["数据来自报告"]]}))
    assert result.rows.num_rows == 120
    assert result.quarantine["sheet"].to_pylist() == ["说明"]


def test_footer_mark_and_bad_cell(make_book, read, reasons):
    table = wide()
    table[3][1] = "-"
    table[4][1] = "约8"
    table.append(["注：西藏数据缺"])
    result = read(market_index, make_book({"Sheet1": table}))
    assert reasons(result) == {"footer": 1, "missing_mark": 1, "text_in_number_cell": 1}
    assert result.rows.num_rows == 58


def test_long_with_extra_column_and_bad_year(make_book, read, reasons):
    table = [[*r, "排名" if i == 0 else 1] for i, r in enumerate(long())]
    table[2][1] = "某年"
    result = read(market_index, make_book({"Sheet1": table}))
    assert reasons(result) == {"extra_column": 1, "unreadable_year": 1}
    assert result.rows.num_rows == 59


@pytest.mark.parametrize(("column", "new", "expected"), [(0, "单元", "省份"), (1, "期", "年份"), (2, "v", "市场化指数")])
def test_renamed_headers(make_book, refused, column, new, expected):
    table = long()
    table[0][column] = new
    error = refused(market_index, make_book({"Sheet1": table}))
    assert f"'{new}'" in error.found
    assert expected in error.expected


def test_wrong_sheet(make_book, refused):
    assert "省份" in refused(market_index, make_book({"Sheet1": [["a", "b"], [1, 2]]})).expected


def test_duplicates_are_kept_and_mojibake_is_refused(make_book, read, refused):
    table = long()
    assert read(market_index, make_book({"Sheet1": [*table, table[1]]})).rows.num_rows == 61
    table[1][0] = "北京市".encode().decode("gb18030", "replace")
    assert "garbled" in refused(market_index, make_book({"Sheet1": table})).found


def test_damaged_files(make_book, check_damaged):
    check_damaged(market_index, make_book({"Sheet1": long()}))
