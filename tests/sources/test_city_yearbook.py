"""City yearbook tables as printed: headers in two languages, spaced names, pages, blocks, footnotes, renamed indicators."""

from __future__ import annotations

from pathlib import Path

import pytest
import xlwt
from hypothesis import given, settings
from hypothesis import strategies as st
from tries import up_to

from citycarbon.errors import UnusableInput
from citycarbon.sources import city_yearbook
from citycarbon.sources.printed_labels import split_mark, take_apart, unit_line

PAIRED = [
    ["2-13  固定资产投资和贷款（全市）"],
    ["Investment in Fixed Assets and Loans (Total City)"],
    [None, None, None, "单位：万元  (10 000 yuan)"],
    ["城  市", "固定资产投资总额", "年末金融机构人民币各项贷款余额", None],
    ["City", "Total Investment in Fixed Assets", "Loans", None],
    [None, None, "全市", "市辖区"],
    ["", "", "Total City", "Districts under City"],
    ["北 京 市", 100, 5, 4],
    ["河  北  省", None, None, None],
    ["  石 家 庄 市", 20, 3, 2],
    ["  唐  山  市①", 21.5, None, "…"],
    ["山 西 省", 300, None, None],
    ["  太 原 市", "12,345.5", 7, 6],
    ["注：本表按当年价格计算。"],
    ["① 唐山市含曹妃甸。"],
    ["资料来源：国家统计局。"],
]


def facts(result):
    """(place, parent, indicator, unit, scope, year) -> value."""
    rows = result.rows.to_pylist()
    return {
        (r["place_label"], r["place_parent"], r["indicator_label"], r["unit"], r["scope"], r["data_year"]): r["value"]
        for r in rows
    }


INVESTMENT, LOANS = "固定资产投资总额", "年末金融机构人民币各项贷款余额"


def test_a_bilingual_table_with_paired_columns(make_book, read):
    result = read(city_yearbook, make_book({"2-13": PAIRED}))
    assert facts(result) == {
        ("北京市", None, INVESTMENT, "万元", "全市", 2021): 100,
        ("北京市", None, LOANS, "万元", "全市", 2021): 5,
        ("北京市", None, LOANS, "万元", "市辖区", 2021): 4,
        ("石家庄市", "河北省", INVESTMENT, "万元", "全市", 2021): 20,
        ("石家庄市", "河北省", LOANS, "万元", "全市", 2021): 3,
        ("石家庄市", "河北省", LOANS, "万元", "市辖区", 2021): 2,
        ("唐山市", "河北省", INVESTMENT, "万元", "全市", 2021): 21.5,
        ("山西省", None, INVESTMENT, "万元", "全市", 2021): 300,
        ("太原市", "山西省", INVESTMENT, "万元", "全市", 2021): 12345.5,
        ("太原市", "山西省", LOANS, "万元", "全市", 2021): 7,
        ("太原市", "山西省", LOANS, "万元", "市辖区", 2021): 6,
    }


def test_cells_and_stored_text_are_kept_and_blank_is_no_row(make_book, read):
    rows = read(city_yearbook, make_book({"2-13": PAIRED})).rows.to_pylist()
    spot = {r["cell"]: r for r in rows}
    assert spot["B13"]["text"] == "12,345.5"
    assert spot["B13"]["sheet"] == "2-13"
    assert "C11" not in spot  # 唐山 has no loans: blank, not zero
    assert spot["B11"]["footnote"] == "唐山市含曹妃甸。"
    assert spot["B10"]["footnote"] is None


def test_marks_for_not_available_and_footers_go_to_the_quarantine_and_cost_nothing(make_book, read):
    refused = read(city_yearbook, make_book({"2-13": PAIRED})).quarantine.to_pylist()
    assert [(r["cell"], r["reason_code"]) for r in refused] == [
        ("D11", "missing_mark"),
        ("A14", "footer"),
        ("A15", "footer"),
        ("A16", "footer"),
    ]
    assert not any(r["is_required"] for r in refused)


def write_xls(path: Path, rows) -> Path:
    book = xlwt.Workbook()
    sheet = book.add_sheet("2-13")
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            if value not in (None, ""):
                sheet.write(r, c, value)
    book.save(str(path))
    return path


def test_xls_and_xlsx_give_the_same_rows(make_book, read, tmp_path):
    new = read(city_yearbook, make_book({"2-13": PAIRED})).rows.to_pylist()
    old = read(city_yearbook, write_xls(tmp_path / "old.xls", PAIRED)).rows.to_pylist()
    same = ("cell", "text", "value", "unit", "scope", "indicator_label", "place_label", "place_parent", "footnote")
    assert [[r[k] for k in same] for r in old] == [[r[k] for k in same] for r in new]


def test_units_stand_in_headers_in_any_order_and_go_before_the_unit_line(make_book, read):
    rows = [
        ["2-14 综合"],
        [None, None, None, None, "单位：万元"],
        ["城市", "国际互联网用户数(户)", "教育支出_万元_全市", "固定资产投资增长率 %", "人均地区生产总值（元）（市辖区）"],
        ["济南市", 1, 2, 3, 4],
    ]
    assert set(facts(read(city_yearbook, make_book({"t": rows})))) == {
        ("济南市", None, "国际互联网用户数", "户", "", 2021),
        ("济南市", None, "教育支出", "万元", "全市", 2021),
        ("济南市", None, "固定资产投资增长率", "%", "", 2021),
        ("济南市", None, "人均地区生产总值", "元", "市辖区", 2021),
    }


def test_a_unit_line_with_several_units_belongs_to_no_column(make_book, read):
    rows = [["2-1 人口"], [None, None, "单位：万人、平方公里"], ["城市", "年末总人口", "面积（平方公里）"], ["济南市", 1, 2]]
    units = {r["indicator_label"]: r["unit"] for r in read(city_yearbook, make_book({"t": rows})).rows.to_pylist()}
    assert units == {"年末总人口": "", "面积": "平方公里"}


def test_continued_pages_keep_unit_scope_and_province_and_may_bring_other_indicators(make_book, read):
    rows = [
        ["2-5 财政（全市）"],
        [None, "单位：万元"],
        ["城市", "教育支出"],
        ["山东省", None],
        ["济南市", 1],
        ["2-5 续表1"],
        ["城市", "教育支出"],
        ["青岛市", 2],
        ["续表 continued"],
        ["城市 City", "科学支出"],
        ["济南市", 3],
    ]
    assert facts(read(city_yearbook, make_book({"t": rows}))) == {
        ("济南市", "山东省", "教育支出", "万元", "全市", 2021): 1,
        ("青岛市", "山东省", "教育支出", "万元", "全市", 2021): 2,
        ("济南市", "山东省", "科学支出", "万元", "全市", 2021): 3,
    }


def test_a_new_table_on_the_same_sheet_forgets_unit_scope_and_province(make_book, read):
    rows = [
        ["2-5 财政（全市）"],
        [None, "单位：万元"],
        ["城市", "教育支出"],
        ["山东省", None],
        ["济南市", 1],
        ["2-6 人口（市辖区）"],
        ["城市", "年末总人口（万人）", "人口密度"],
        ["青岛市", 2, 3],
    ]
    assert facts(read(city_yearbook, make_book({"t": rows}))) == {
        ("济南市", "山东省", "教育支出", "万元", "全市", 2021): 1,
        ("青岛市", None, "年末总人口", "万人", "市辖区", 2021): 2,
        ("青岛市", None, "人口密度", "", "市辖区", 2021): 3,
    }


def test_blocks_side_by_side_are_read_one_after_the_other(make_book, read):
    rows = [
        ["2-7 零售"],
        [None, None, None, None, "单位：万元"],
        ["城市", "社会消费品零售总额", None, "城市", "社会消费品零售总额"],
        ["河北省", None, None, "邢台市", 3],
        ["石家庄市", 1, None, "山西省", None],
        ["唐山市", 2, None, "太原市", 4],
    ]
    assert {(k[0], k[1]): v for k, v in facts(read(city_yearbook, make_book({"t": rows}))).items()} == {
        ("石家庄市", "河北省"): 1,
        ("唐山市", "河北省"): 2,
        ("邢台市", "河北省"): 3,
        ("太原市", "山西省"): 4,
    }


def test_a_bare_short_name_is_the_province_only_in_the_printed_order(make_book, read):
    names = ["辽宁", "沈阳", "吉林", "长春", "吉林", "海南", "海口", "青海", "西宁", "海南"]
    rows = [["城市", "年末总人口（万人）"], *[[n, i] for i, n in enumerate(names)]]
    got = [(r["place_label"], r["place_parent"]) for r in read(city_yearbook, make_book({"t": rows})).rows.to_pylist()]
    assert got == [
        ("辽宁", None),
        ("沈阳", "辽宁"),
        ("吉林", None),
        ("长春", "吉林"),
        ("吉林", "吉林"),
        ("海南", None),
        ("海口", "海南"),
        ("青海", None),
        ("西宁", "青海"),
        ("海南", "青海"),
    ]


def test_a_table_of_cities_alone_takes_no_city_for_a_province(make_book, read):
    rows = [["城市", "年末总人口（万人）"], ["长春", 1], ["吉林", 2], ["四平", 3]]
    got = read(city_yearbook, make_book({"t": rows})).rows
    assert got["place_parent"].to_pylist() == [None] * 3


def test_a_year_in_the_title_goes_before_the_edition_rule_with_a_warning(make_book, read):
    rows = [["2-1 2019年人口（万人）"], ["城市", "年末总人口"], ["济南市", 1]]
    result = read(city_yearbook, make_book({"t": rows}))
    assert result.rows["data_year"].to_pylist() == [2019]
    assert any("states 2019, the edition 2022 would hold 2021" in w for w in result.warnings)


def test_no_year_at_all_is_unusable(make_book, record):
    book = make_book({"t": [["城市", "年末总人口"], ["济南市", 1]]})
    without = record("city_yearbook").model_copy(update={"edition_year": None})
    with pytest.raises(UnusableInput, match="edition_year"):
        city_yearbook.read(book, without, "0" * 64)


def test_a_footnote_mark_at_a_number_does_not_become_a_digit(make_book, read):
    rows = [["城市", "年末总人口（万人）"], ["济南市", "690.5①"], ["青岛市", "1 007.2"], ["① 含莱芜。"]]
    got = read(city_yearbook, make_book({"t": rows})).rows.to_pylist()
    assert [(r["value"], r["text"], r["footnote"]) for r in got] == [(690.5, "690.5①", "含莱芜。"), (1007.2, "1 007.2", None)]


# --- bad input --------------------------------------------------------------------------------------------------------------


def test_damaged_files(make_book, check_damaged):
    check_damaged(city_yearbook, make_book({"2-13": PAIRED}))


def test_a_truncated_xls(refused, tmp_path):
    good = write_xls(tmp_path / "old.xls", PAIRED)
    cut = tmp_path / "cut.xls"
    cut.write_bytes(good.read_bytes()[:1500])
    assert "truncated" in str(refused(city_yearbook, cut))


def test_a_workbook_of_another_kind(make_book, refused):
    error = refused(city_yearbook, make_book({"Sheet1": [["ID", "Name"], ["x", "y"]]}))
    assert "'ID', 'Name'" in error.found
    assert "城市" in error.expected


def test_a_renamed_city_header_is_unusable_even_beside_a_good_sheet(make_book, refused):
    renamed = [["城镇列表" if c == "城  市" else c for c in row] for row in PAIRED]
    error = refused(city_yearbook, make_book({"good": PAIRED, "bad": renamed}))
    assert error.sheet == "bad"
    assert "城镇列表" in error.found


def test_a_renamed_indicator_is_kept_as_printed(make_book, read):
    renamed = [["投资完成额" if c == INVESTMENT else c for c in row] for row in PAIRED]
    labels = set(read(city_yearbook, make_book({"2-13": renamed})).rows["indicator_label"].to_pylist())
    assert labels == {"投资完成额", LOANS}


def long_table(bad: int):
    cells = [["城市", "年末总人口（万人）"], *[["济南市", 600 + i] for i in range(300)]]
    for i in range(bad):
        cells[10 + i][1] = "约六百"
    return cells


def test_one_bad_cell_is_set_aside_with_a_warning(make_book, read):
    result = read(city_yearbook, make_book({"t": long_table(1)}))
    (bad,) = result.quarantine.to_pylist()
    assert (bad["cell"], bad["reason_code"], bad["text"]) == ("B11", "text_in_number_cell", "约六百")
    assert result.rows.num_rows == 299
    assert any("text_in_number_cell" in w for w in result.warnings)


def test_more_than_one_percent_bad_cells_is_unusable(make_book, refused):
    error = refused(city_yearbook, make_book({"t": long_table(4)}))
    assert (error.sheet, error.cell) == ("t", "B11")
    assert "4 of 300" in error.found


def test_a_swapped_unit_is_read_as_printed_for_the_gate_to_judge(make_book, read):
    swapped = [["单位：亿元" if isinstance(c, str) and "单位" in c else c for c in row] for row in PAIRED]
    assert set(read(city_yearbook, make_book({"2-13": swapped})).rows["unit"].to_pylist()) == {"亿元"}


def test_mojibake_in_names_is_unusable_and_in_one_name_set_aside(make_book, refused, read):
    def garbled(text):
        return text.encode("utf-8").decode("latin-1") if isinstance(text, str) else text

    all_bad = [PAIRED[0], *PAIRED[3:6], *[[garbled(row[0]), *row[1:]] for row in PAIRED[7:13]]]
    assert "unreadable" in refused(city_yearbook, make_book({"2-13": all_bad})).found
    one_bad = long_table(0)
    one_bad[5][0] = garbled("济南市")
    (bad,) = read(city_yearbook, make_book({"t": one_bad})).quarantine.to_pylist()
    assert bad["reason_code"] == "unreadable_place"


def test_a_city_twice_is_read_twice_for_the_gate_to_judge(make_book, read):
    rows = [["城市", "年末总人口（万人）"], ["济南市", 1], ["济南市", 2]]
    assert read(city_yearbook, make_book({"t": rows})).rows["value"].to_pylist() == [1, 2]


def test_an_extra_column_is_read_and_a_remark_without_header_set_aside(make_book, read):
    rows = [
        ["城市", "City", "年末总人口（万人）", "城镇化率（%）"],
        ["济南市", "Jinan", 1, 60, "见附注"],
    ]
    result = read(city_yearbook, make_book({"t": rows}))
    assert result.rows["indicator_label"].to_pylist() == ["年末总人口", "城镇化率"]
    assert [(r["cell"], r["reason_code"]) for r in result.quarantine.to_pylist()] == [("E2", "cell_without_header")]


def test_a_note_sheet_is_named_and_not_read(make_book, read):
    result = read(city_yearbook, make_book({"2-13": PAIRED, "说明": [["本册统计范围说明如下"]]}))
    assert any("'说明' holds no table" in w for w in result.warnings)


# --- printed labels ---------------------------------------------------------------------------------------------------------

UNITS = ["万元", "亿元", "户", "万户", "万人", "%", "平方公里", "万美元", "元"]


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("单位：万元", "万元"),
        ("计量单位: 亿元  (100 million yuan)", "亿元"),
        ("单位：万元(10 000 yuan)", "万元"),
        ("固定资产投资", None),
    ],
)
def test_unit_lines(text, unit):
    assert unit_line(text) == unit


@settings(max_examples=up_to(60))
@given(
    label=st.sampled_from(["固定资产投资总额", "教育支出", "互联网宽带接入用户数", "地区生产总值（当年价格）"]),
    unit=st.sampled_from(UNITS),
    scope=st.sampled_from(["全市", "市辖区"]),
    form=st.sampled_from(["{l}_{s}_{u}", "{l}_{u}_{s}", "{l}（{u}）（{s}）", "{l}({s})({u})", "{l}（{s}）（{u}）"]),
)
def test_order_of_unit_and_scope_does_not_matter(label, unit, scope, form):
    printed = take_apart(form.format(l=label, u=unit, s=scope))
    assert (printed.label, printed.unit, printed.scope) == (label, unit, scope)


@given(st.text(alphabet="济南青岛0123456789.", min_size=1), st.sampled_from(["①", "②", "*", "¹", ""]))
def test_marks_are_split_before_they_can_turn_into_digits(text, mark):
    assert split_mark(text + mark) == (text, mark)
