"""Compiled city tables: whatever compilers do to headers, formulas, remarks and advertising."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citycarbon.sources import compiled_city
from citycarbon.sources.compiled_headers import Indicator, parse_indicator, role_of

HEADER = ["年份", "省份", "城市", "城市代码", "常住人口（万人）", "插值_常住人口（万人）", "教育支出_万元_全市"]


def rows(n: int = 60, header=HEADER) -> list[list]:
    return [
        header,
        *(
            [2000 + i % 20, "某省", f"{'甲乙丙'[i // 20 % 3]}市", 340100 + i // 20, 100 + i, 100 + i, 5000 + i]
            for i in range(n)
        ),
    ]


def values_of(result, label: str) -> list[float]:
    return [r["value"] for r in result.rows.to_pylist() if r["indicator_label"] == label]


@pytest.mark.parametrize(
    ("header", "label", "unit", "scope"),
    [
        ("固定资产投资总额_全市_万元", "固定资产投资总额", "万元", "全市"),
        ("教育支出_万元_市辖区", "教育支出", "万元", "市辖区"),
        ("常住人口（万人）", "常住人口", "万人", ""),
        ("行政区域土地面积(平方公里)", "行政区域土地面积", "平方公里", ""),
        ("人口密度（人/平方公里）", "人口密度", "人/平方公里", ""),
        ("GDP/亿元", "GDP", "亿元", ""),
        ("gdp（亿元人民币）", "gdp", "亿元人民币", ""),
        ("国际互联网用户数(户)", "国际互联网用户数", "户", ""),
        ("互联网宽带接入用户数_全市_万户", "互联网宽带接入用户数", "万户", "全市"),
        ("当年实际使用外资金额_万美元_全市", "当年实际使用外资金额", "万美元", "全市"),
        ("地区生产总值（全市）（万元）", "地区生产总值", "万元", "全市"),
        ("第一产业占GDP比重", "第一产业占GDP比重", "", ""),
        ("存款/贷款", "存款/贷款", "", ""),
        ("地区生产总值（当年价格）", "地区生产总值（当年价格）", "", ""),
        ("GDP指数（上年=100）", "GDP指数", "上年=100", ""),
        ("固定资产投资增速（%）", "固定资产投资增速", "%", ""),
    ],
)
def test_header_forms(header, label, unit, scope):
    assert parse_indicator(header) == Indicator(label, unit, scope, False)


def test_interpolated_headers_keep_their_mark():
    assert parse_indicator("插值_常住人口（万人）") == Indicator("插值_常住人口", "万人", "", True)
    assert parse_indicator("人均道路面积（平方米）  线性插值") == Indicator("人均道路面积 线性插值", "平方米", "", True)
    assert parse_indicator("贷款余额（全部插值）").is_interpolated


@given(
    st.sampled_from(["教育支出", "社会消费品零售总额", "年末金融机构人民币各项贷款余额"]),
    st.sampled_from(["万元", "亿元", "万人", "万户", "平方公里", "百万美元"]),
    st.sampled_from(["全市", "市辖区"]),
    st.sampled_from(["{n}_{s}_{u}", "{n}_{u}_{s}", "{n}（{s}）（{u}）", "{n}({s})/{u}", "{n}_{s}（{u}）"]),
)
def test_every_order_of_a_header_says_the_same(name, unit, scope, form):
    assert parse_indicator(form.format(n=name, u=unit, s=scope)) == Indicator(name, unit, scope, False)


def test_roles():
    assert [role_of(h) for h in ("年度标识", "城市名称", "City_Name", "所属省份", "胡焕庸线", "教育支出")] == [
        *("year", "city", "city", "province", "category"),
        None,
    ]


def test_reads_indicators_with_unit_scope_and_flags(make_book, read, reasons):
    result = read(compiled_city, make_book({"面板数据": rows()}))
    assert result.rows.num_rows == 180
    found = {(r["indicator_label"], r["unit"], r["scope"], r["is_interpolated"]) for r in result.rows.to_pylist()}
    assert found == {("常住人口", "万人", "", False), ("插值_常住人口", "万人", "", True), ("教育支出", "万元", "全市", False)}
    first = result.rows.to_pylist()[0]
    assert (first["place_label"], first["place_code"], first["place_parent"]) == ("甲市", "340100", "某省")
    assert (first["cell"], first["data_year"]) == ("E2", 2000)
    assert reasons(result) == {}


def test_several_sheets_notes_examples_and_look_ups(make_book, read, reasons):
    book = {
        "数据来源": [[], ["数据来源：各省市统计年鉴"]],
        "面板数据": rows(),
        "2023": rows(20),
        "计算过程-以甲市为例": rows(5),
        "Sheet4": [["北京", 1], ["天津", 2]],
        "Sheet5": [],
    }
    result = read(compiled_city, make_book(book))
    assert set(result.rows["sheet"].to_pylist()) == {"面板数据", "2023"}
    assert result.rows.num_rows == 240
    assert set(result.rows["footnote"].to_pylist()) == {"数据来源：各省市统计年鉴"}
    assert reasons(result) == {"note_sheet": 3, "worked_example": 1}


def test_advertising_is_no_city(make_book, read, reasons):
    table = rows()
    table += [[], [], [None, None, "更多数据，请关注某店"], [None, None, None, None, "https://shop.example"]]
    table[18] = [*table[18], None, None, "更多数据，请关注某店"]
    result = read(compiled_city, make_book({"Sheet1": table}))
    assert result.rows.num_rows == 180
    assert reasons(result) == {"footer": 2, "remark": 1}
    assert not any("更多" in p for p in result.rows["place_label"].to_pylist())


def test_formulas_with_and_without_results(make_book, make_calculated_book, read, reasons):
    header = ["年份", "城市", "GDP/亿元", "比值"]
    saved = [header, *([2000 + i, "甲市", 10 + i, (f"=1/C{i + 2}", 1 / (10 + i))] for i in range(20))]
    result = read(compiled_city, make_calculated_book({"Sheet1": saved}))
    assert values_of(result, "比值") == pytest.approx([1 / (10 + i) for i in range(20)])
    ratio = next(r for r in result.rows.to_pylist() if r["indicator_label"] == "比值")
    assert float(ratio["text"]) == 0.1
    assert "=1/C2" in ratio["footnote"]
    bare = [header, *([2000 + i, "甲市", 10 + i, f"=1/C{i + 2}"] for i in range(20))]
    result = read(compiled_city, make_book({"Sheet1": bare}))
    assert values_of(result, "比值") == []
    assert len(values_of(result, "GDP")) == 20
    assert reasons(result) == {"formula_without_value": 20}


def test_spreadsheet_errors_are_quarantined(make_calculated_book, read, reasons):
    table = [
        ["年份", "城市", "GDP/亿元", "比值"],
        *([2000 + i, "甲市", 10 + i, (f"=1/C{i + 2}", "#DIV/0!")] for i in range(20)),
    ]
    result = read(compiled_city, make_calculated_book({"Sheet1": table}))
    assert reasons(result) == {"error_value": 20}
    assert result.rows.num_rows == 20


def test_numbers_stored_as_text(make_book, read):
    table = rows()
    table[1][4], table[2][4], table[3][4] = "16737.30", "1,234.5", "１２"
    result = read(compiled_city, make_book({"Sheet1": table}))
    assert values_of(result, "常住人口")[:3] == [16737.30, 1234.5, 12]
    assert result.rows["text"][0].as_py() == "16737.30"
    assert "3 numbers are stored as text" in result.warnings[0]


def test_unit_and_source_columns_apply_by_row(make_book, read):
    table = [["year", "地级市", "外商直接投资", "单位", "数据来源"]]
    table += [[2000 + i, "甲市", 1.5, "百万美元" if i else "万美元", "甲市统计局"] for i in range(20)]
    result = read(compiled_city, make_book({"Sheet1": table, "Sheet2": []}))
    assert result.rows["unit"].to_pylist()[:2] == ["万美元", "百万美元"]
    assert set(result.rows["footnote"].to_pylist()) == {"甲市统计局"}


def test_province_tables_and_categories(make_book, read, reasons):
    table = [
        ["id", "省份", "year", "GDP/亿元", "地区", "备注类"],
        *([i, "北京", 2000 + i, 3.5, "东部", "甲"] for i in range(20)),
    ]
    result = read(compiled_city, make_book({"Sheet1": table}))
    assert set(result.rows["place_label"].to_pylist()) == {"北京"}
    assert set(result.rows["place_parent"].to_pylist()) == {None}
    assert reasons(result) == {"category_column": 2}


def test_invisible_characters_in_names(make_book, read):
    table = rows()
    table[1][2] = "甲市\u200b\u200b"
    assert read(compiled_city, make_book({"Sheet1": table})).rows["place_label"][0].as_py() == "甲市"


def test_wide_table_and_csv(make_book, read, tmp_path):
    wide = [["互联网宽带接入用户数_全市_万户"], ["城市", "2019", "2020年"], ["甲市", 10, 11], ["乙市", 20, None]]
    result = read(compiled_city, make_book({"Sheet1": wide}))
    assert {(r["place_label"], r["data_year"], r["value"]) for r in result.rows.to_pylist()} == {
        *(("甲市", 2019, 10.0), ("甲市", 2020, 11.0), ("乙市", 2019, 20.0)),
    }
    assert set(result.rows["unit"].to_pylist()) == {"万户"}
    path = tmp_path / "table.csv"
    path.write_bytes("年份,城市,GDP/亿元\r\n2003,甲市,12.50\r\n2004,甲市,\r\n".encode("gb18030"))
    row = read(compiled_city, path).rows.to_pylist()[0]
    assert (row["line"], row["cell"], row["text"], row["value"], row["sheet"]) == (2, None, "12.50", 12.5, None)


def test_swapped_unit_travels_as_printed(make_book, read):
    table = rows(header=[*HEADER[:-1], "教育支出_亿元_全市"])
    result = read(compiled_city, make_book({"Sheet1": table}))
    assert "亿元" in result.rows["unit"].to_pylist()


def test_bad_cells_then_too_many(make_book, read, refused, reasons):
    bad_value, bad_year = [2001, "某省", "甲市", 1, "见注", 1, 1], ["某年", "某省", "甲市", 1, 1, 1, 1]
    result = read(compiled_city, make_book({"Sheet1": [*rows(), bad_value]}))
    assert reasons(result) == {"text_in_number_cell": 1}
    assert result.rows.num_rows == 182
    assert reasons(read(compiled_city, make_book({"Sheet1": [*rows(), bad_year]}))) == {"unreadable_year": 1}
    table = rows()
    for row in table[1:9]:
        row[4] = "见注"
    assert "required cells unreadable" in str(refused(compiled_city, make_book({"Sheet1": table})))


@pytest.mark.parametrize(("column", "expected"), [(0, "年份"), (2, "城市")])
def test_renamed_headers(make_book, refused, column, expected):
    header = list(HEADER)
    header[column] = "改名"
    if column == 2:
        header[1] = "省名"
    error = refused(compiled_city, make_book({"Sheet1": rows(header=header)}))
    assert expected in error.expected
    assert "'改名'" in error.found


def test_wrong_sheet_extra_column_duplicates_mojibake(make_book, read, refused):
    assert "城市" in refused(compiled_city, make_book({"说明": [["只有文字"]]})).expected
    table = [[*r, "新指标_个" if i == 0 else 7] for i, r in enumerate(rows())]
    assert len(values_of(read(compiled_city, make_book({"Sheet1": table})), "新指标")) == 60
    table = rows()
    assert read(compiled_city, make_book({"Sheet1": [*table, table[1]]})).rows.num_rows == 183
    table[1][2] = "鍖椾含甯�"
    assert "garbled" in refused(compiled_city, make_book({"Sheet1": table})).found


def test_damaged_files(make_book, check_damaged):
    check_damaged(compiled_city, make_book({"Sheet1": rows()}))


REAL = {
    "1996-2023年地级市外商直接投资FDI.xlsx": (7_000, {}),
    "2000-2023地级市产业结构 .xlsx": (82_997, {"category_column": 2, "footer": 4, "note_sheet": 5}),
    "296个地级市GDP相关数据（以2000年为基期）.xlsx": (28_352, {"footer": 1, "remark": 2, "worked_example": 1}),
    "298个地级市人口密度1998-2024年无缺失.xlsx": (31_106, {"footer": 2, "note_sheet": 7, "remark": 8}),
    "各省+地级市+县级市人均道路面积.xlsx": (29_381, {"footer": 4, "note_sheet": 1, "remark": 6}),
    "地级市碳排放强度.xlsx": (7_080, {"category_column": 2, "note_sheet": 1, "remark": 1}),
    "金融发展水平（2003-2023）236缺失.xlsx": (24_360, {"category_column": 1, "error_value": 236}),
    "！00-23年31个省份存贷款余额及金融发展水平.xlsx": (3_720, {"note_sheet": 31}),
}


@pytest.mark.real
@pytest.mark.parametrize("name", REAL)
def test_real_tables(realdata, read, reasons, name):
    result = read(compiled_city, realdata / "city_tables" / name)
    assert (result.rows.num_rows, reasons(result)) == REAL[name]
