"""CNRDS patents: three header rows, applications and grants apart, independent and joint counts under their own labels."""

from __future__ import annotations

import hashlib

import pytest

from citycarbon.errors import UnusableInput
from citycarbon.sources import patents

APPLIED, UTILITY = "当年申请的绿色发明数量", "当年申请的绿色实用新型数量"
GRANTED, JOINT = "当年获得的绿色发明数量", "当年联合申请的绿色发明数量"
HEADER = [
    ["Year", "City", "CityCode", "Province", "GrnInvApp", "GrnUmApp", "GrnInvGrt", "JntInvApp"],
    ["年份", "城市", "城市代码", "省份", APPLIED, UTILITY, GRANTED, JOINT],
    ["没有单位", "没有单位", "没有单位", "没有单位", "件", "件", "件", "件"],
]
ROWS = [
    [2019, "济南市", "370100", "山东省", 10, 20, 3, 1],
    [2020, "济南市", "370100", "山东省", 11, 0, 4, None],
]


@pytest.fixture
def read_green(record):
    def run(path):
        return patents.read(path, record("green_patents"), hashlib.sha256(path.read_bytes()).hexdigest())

    return run


@pytest.fixture
def refuse_green(read_green):
    def run(path) -> UnusableInput:
        with pytest.raises(UnusableInput) as caught:
            read_green(path)
        assert caught.value.exit_code == 2
        return caught.value

    return run


def test_counts_keep_label_unit_cell_code_and_province(make_book, read_green):
    rows = read_green(make_book({"Sheet1": HEADER + ROWS})).rows.to_pylist()
    assert [(r["indicator_label"], r["data_year"], r["value"], r["cell"]) for r in rows] == [
        (APPLIED, 2019, 10, "E4"),
        (UTILITY, 2019, 20, "F4"),
        (GRANTED, 2019, 3, "G4"),
        (JOINT, 2019, 1, "H4"),
        (APPLIED, 2020, 11, "E5"),
        (UTILITY, 2020, 0, "F5"),  # a printed zero is a zero; the blank beside it is not
        (GRANTED, 2020, 4, "G5"),
    ]
    assert {(r["place_label"], r["place_code"], r["place_parent"], r["unit"]) for r in rows} == {
        ("济南市", "370100", "山东省", "件")
    }
    assert {r["source"] for r in rows} == {"green_patents"}


def test_the_third_row_may_describe_instead_of_giving_a_unit(make_book, read_green):
    described = [*HEADER[:2], [None, None, None, None, "当年申请的绿色发明专利，单位：件", "按申请人地址", None, None], *ROWS]
    rows = read_green(make_book({"Sheet1": described})).rows.to_pylist()
    assert {r["unit"] for r in rows if r["indicator_label"] == APPLIED} == {"件"}
    assert {(r["unit"], r["footnote"]) for r in rows if r["indicator_label"] == UTILITY} == {("", "按申请人地址")}


def test_one_header_row_in_chinese(make_book, read_green):
    book = make_book({"Sheet1": [["城市", "年份", APPLIED + "（件）"], ["济南市", "2019年", 10]]})
    (row,) = read_green(book).rows.to_pylist()
    assert (row["indicator_label"], row["unit"], row["data_year"], row["place_code"]) == (APPLIED, "件", 2019, None)


def test_total_patents_have_the_same_layout(make_book, read):
    book = make_book(
        {
            "Sheet1": [
                ["Year", "City", "PatGrt"],
                ["年份", "城市", "当年获得的专利数量"],
                ["没有单位", "没有单位", "件"],
                [2019, "济南市", 999],
            ]
        }
    )
    (row,) = read(patents, book).rows.to_pylist()
    assert (row["source"], row["indicator_label"], row["value"], row["unit"]) == ("patents", "当年获得的专利数量", 999, "件")


# --- bad input --------------------------------------------------------------------------------------------------------------


def test_damaged_files(make_book, check_damaged):
    total = [["Year", "City", "PatGrt"], ["年份", "城市", "当年获得的专利数量"], ["", "", "件"], [2019, "济南市", 999]]
    check_damaged(patents, make_book({"Sheet1": total}))


def test_a_table_of_something_else_is_refused(make_book, refuse_green):
    other = [["Year", "City", "Gdpct01"], ["年份", "城市", "地区生产总值"], ["", "", "亿元"], [2019, "济南市", 9]]
    error = refuse_green(make_book({"Sheet1": other}))
    assert "地区生产总值" in error.found
    assert "绿色发明" in error.expected


def test_total_patents_are_no_green_patents(make_book, refuse_green):
    total = [["Year", "City", "PatGrt"], ["年份", "城市", "当年获得的专利数量"], ["", "", "件"], [2019, "济南市", 9]]
    assert "当年获得的专利数量" in refuse_green(make_book({"Sheet1": total})).found


@pytest.mark.parametrize(("column", "wanted"), [(0, "year"), (1, "place")])
def test_a_renamed_key_is_refused(make_book, refuse_green, column, wanted):
    header = [list(row) for row in HEADER]
    header[0][column] = header[1][column] = "Renamed"
    error = refuse_green(make_book({"Sheet1": header + ROWS}))
    assert f"a {wanted} column" in error.expected
    assert "'Renamed'" in error.found


def many(bad: int):
    rows = [[2000 + i % 20, "济南市", "370100", "山东省", i, i, i, i] for i in range(100)]
    for i in range(bad):
        rows[i][4] = "暂无"
    return HEADER + rows


def test_text_in_a_number_cell(make_book, read_green, refuse_green):
    result = read_green(make_book({"Sheet1": many(1)}))
    (bad,) = result.quarantine.to_pylist()
    assert (bad["cell"], bad["reason_code"], bad["place_label"]) == ("E4", "text_in_number_cell", "济南市")
    assert result.rows.num_rows == 399
    assert "5 of 400" in refuse_green(make_book({"Sheet1": many(5)})).found


def test_numbers_stored_as_text_are_read_with_a_warning(make_book, read_green):
    result = read_green(make_book({"Sheet1": [*HEADER, [2019, "济南市", "370100", "山东省", "10", 1, 1, 1]]}))
    assert result.rows["value"].to_pylist()[0] == 10
    assert any("stored as text" in w for w in result.warnings)


def test_mojibake_and_a_bad_year_are_set_aside(make_book, read_green):
    table = many(0)
    table[5] = [2004, "济南".encode().decode("latin-1"), "", "", 1, None, None, None]
    table[6] = ["二〇一〇", "济南市", "", "", 1, None, None, None]
    codes = [r["reason_code"] for r in read_green(make_book({"Sheet1": table})).quarantine.to_pylist()]
    assert codes == ["unreadable_place", "unreadable_year"]


def test_duplicate_keys_and_swapped_units_are_read_for_the_gate_to_judge(make_book, read_green):
    swapped = [HEADER[0], HEADER[1], ["", "", "", "", "万件", "件", "件", "件"], ROWS[0], ROWS[0]]
    rows = read_green(make_book({"Sheet1": swapped})).rows.to_pylist()
    assert len(rows) == 8
    assert rows[0]["unit"] == "万件"


def test_an_extra_column_in_a_newer_edition(make_book, read_green):
    header = [[*HEADER[0], "Note", "GrnDesApp"], [*HEADER[1], "备注", "当年申请的绿色外观设计数量"], [*HEADER[2], "", "件"]]
    rows = [[*r, "修订", 5] for r in ROWS]
    result = read_green(make_book({"Sheet1": header + rows}))
    assert "当年申请的绿色外观设计数量" in result.rows["indicator_label"].to_pylist()
    assert [(r["reason_code"], r["text"]) for r in result.quarantine.to_pylist()] == [("text_column", "备注")]


def test_an_empty_sheet_beside_the_table_does_not_matter(make_book, read_green):
    result = read_green(make_book({"说明": [["数据说明"]], "Sheet1": HEADER + ROWS}))
    assert result.rows.num_rows == 7
    assert any("'说明' holds no table" in w for w in result.warnings)
