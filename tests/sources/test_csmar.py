"""CSMAR: units from the description file, mixed units in one file, names and codes as printed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from citycarbon.errors import UnusableInput
from citycarbon.sources import csmar
from citycarbon.sources.intake import take_in
from citycarbon.sources.landing import add

FIELDS = ["Sgnyea", "Ctnm_en", "Ctnm_id", "Cttyp_en", "Prvcnm_id", "Prvcnm_en", "Gdpct01", "GDP_PrimInd"]
DES = "\r\n".join(
    [
        "Sgnyea [Statistical Year] - YYYY",
        "Ctnm_en [City Name] - ",
        "Ctnm_id [City Code] - six digits",
        "Cttyp_en [City Type] - ",
        "Prvcnm_id [Province Code] - ",
        "Prvcnm_en [Province Name] - ",
        "Gdpct01 [Gross Regional Product] - at current prices (unit: 亿元)",
        "GDP_PrimInd [Gross Product of Primary Industry] - at current prices (unit: 万元)",
    ]
)
ROWS = [
    ["2010", "Bijie(city)", "520500", "Prefecture", "520000", "Guizhou", "600.85", "1234567"],
    ["2010", "Karamay(city) ", "650200", "Prefecture", "650000", "Xinjiang", "711", ""],
    ["2010", "Chaohu(city)", "341400", "Prefecture", "340000", "Anhui", "", "98765.4"],
]


def csv_text(rows, fields=FIELDS) -> str:
    return "".join(",".join(f'"{cell}"' for cell in row) + "\r\n" for row in [fields, *rows])


@pytest.fixture
def export(tmp_path):
    """Write CRE_Gdpct.csv and its description; returns both paths."""

    def make(rows=ROWS, fields=FIELDS, des: str | None = DES, encoding: str = "utf-8-sig") -> tuple[Path, list[Path]]:
        table = tmp_path / "CRE_Gdpct.csv"
        table.write_bytes(csv_text(rows, fields).encode(encoding))
        companions = []
        if des is not None:
            companions = [tmp_path / "CRE_Gdpct[DES][csv].txt"]
            companions[0].write_bytes(des.encode("utf-8"))
        return table, companions

    return make


@pytest.fixture
def read_export(record):
    def run(table: Path, companions):
        return csmar.read(table, record("csmar"), hashlib.sha256(table.read_bytes()).hexdigest(), companions)

    return run


def test_units_are_those_of_the_description_and_differ_within_the_file(export, read_export):
    rows = read_export(*export()).rows.to_pylist()
    assert [(r["place_label"], r["place_code"], r["indicator_label"], r["value"], r["unit"], r["line"]) for r in rows] == [
        ("Bijie(city)", "520500", "Gdpct01", 600.85, "亿元", 2),
        ("Bijie(city)", "520500", "GDP_PrimInd", 1234567.0, "万元", 2),
        ("Karamay(city)", "650200", "Gdpct01", 711.0, "亿元", 3),
        ("Chaohu(city)", "341400", "GDP_PrimInd", 98765.4, "万元", 4),
    ]
    assert {r["data_year"] for r in rows} == {2010}
    assert rows[0]["place_parent"] == "Guizhou"
    assert rows[0]["footnote"] == "Gross Regional Product"
    assert len({r["raw_id"] for r in rows}) == 4


def test_an_empty_field_gives_no_row_and_no_warning(export, read_export):
    result = read_export(*export())
    assert result.quarantine.num_rows == 0
    assert result.warnings == []


def test_a_chinese_export_in_gbk(export, read_export):
    fields = ["Sgnyea", "Ctnm", "Ctnm_id", "Gdpct01"]
    des = "Sgnyea [统计年度]\nCtnm [城市名称]\nCtnm_id [城市代码]\nGdpct01 [地区生产总值(亿元)] - 按当年价格计算\n"
    result = read_export(*export([["2010", "毕节市", "520500", "600.85"]], fields, des, "gbk"))
    (row,) = result.rows.to_pylist()
    assert (row["place_label"], row["value"], row["unit"], row["footnote"]) == ("毕节市", 600.85, "亿元", "地区生产总值(亿元)")


def test_a_workbook_with_three_header_rows(make_book, read):
    book = make_book(
        {
            "sheet1": [
                ["Sgnyea", "Ctnm", "Ctnm_id", "Cttyp", "Gdpct01", "GDP_PrimInd"],
                ["统计年度", "城市名称", "城市代码", "城市类型", "地区生产总值", "第一产业增加值"],
                ["没有单位", "没有单位", "没有单位", "没有单位", "亿元", "万元"],
                ["2010", "毕节市", "520500", "地级市", 600.85, 1234567],
            ]
        }
    )
    rows = read(csmar, book).rows.to_pylist()
    assert [(r["indicator_label"], r["value"], r["unit"], r["cell"], r["place_code"]) for r in rows] == [
        ("Gdpct01", 600.85, "亿元", "E4", "520500"),
        ("GDP_PrimInd", 1234567.0, "万元", "F4", "520500"),
    ]


def test_through_the_intake_the_description_is_found_and_enters_the_cache_key(export, tmp_path):
    from citycarbon.paths import Home

    home, landing = Home(tmp_path / "home"), tmp_path / "landing"
    table, (des,) = export()
    add("csmar", [table, des], "2022", landing)
    first = take_in("csmar", landing, home)
    assert (first.rows, first.read_now) == (4, 1)
    assert len(first.files) == 2
    des.write_text(DES.replace("亿元", "万元"), encoding="utf-8")
    add("csmar", [table, des], "2023", landing)
    second = take_in("csmar", landing, home)
    assert (second.rows, second.read_now) == (8, 1)
    assert second.sha256 != first.sha256


# --- bad input --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def refuse_export(read_export):
    def run(table, companions) -> UnusableInput:
        with pytest.raises(UnusableInput) as caught:
            read_export(table, companions)
        assert caught.value.exit_code == 2
        assert caught.value.remedy
        return caught.value

    return run


@pytest.mark.parametrize("marker", ["<<<<<<< HEAD", "=======", ">>>>>>> 1f2e3d4"])
def test_merge_conflicts_in_the_description_are_refused_with_their_line(export, refuse_export, marker):
    lines = DES.split("\r\n")
    error = refuse_export(*export(des="\r\n".join([*lines[:6], marker, *lines[6:]])))
    assert error.path.name == "CRE_Gdpct[DES][csv].txt"
    assert "merge conflict in line 7" in error.found


def test_a_csv_without_its_description_is_refused(export, refuse_export, tmp_path):
    table, _ = export(des=None)
    assert "no description file" in refuse_export(table, []).found
    other = tmp_path / "CRE_Popct[DES][csv].txt"
    other.write_text(DES, encoding="utf-8")
    assert "CRE_Popct" in refuse_export(table, [other]).found


def test_a_field_that_the_description_lacks_has_no_unit_and_a_warning(export, read_export):
    result = read_export(*export([[*ROWS[0], "5"]], [*FIELDS, "Gdpct09"]))
    assert result.rows.to_pylist()[-1]["unit"] == ""
    assert any("Gdpct09 is not in the description" in w for w in result.warnings)


def test_an_extra_column_of_remarks_is_set_aside_once(export, read_export):
    des = DES + "\r\nRemark [Remark] - "
    result = read_export(*export([[*r, "revised"] for r in ROWS], [*FIELDS, "Remark"], des))
    assert result.rows.num_rows == 4
    assert [r["reason_code"] for r in result.quarantine.to_pylist()] == ["text_column"]


def test_a_renamed_key_is_refused(export, refuse_export):
    error = refuse_export(*export(fields=["Sgnyea", "Town", *FIELDS[2:]]))
    assert "'Town'" in error.found
    assert "Ctnm" in error.expected


@pytest.mark.parametrize("cut", [5, 40])
def test_a_cut_file_is_refused(export, refuse_export, cut):
    table, companions = export()
    table.write_bytes(table.read_bytes()[:-cut])
    assert "line" in refuse_export(table, companions).found


def test_empty_and_wrong_files_are_refused(export, refuse_export):
    table, companions = export()
    table.write_bytes(b"")
    assert "empty" in refuse_export(table, companions).found
    table.write_bytes(b"%PDF-1.4 \x00\x01")
    assert "binary" in refuse_export(table, companions).found
    table.write_bytes("Fälle,Jahr\r\n1,2\r\n".encode("latin-1"))
    assert refuse_export(table, companions).expected


def test_text_in_a_number_field_is_set_aside_alone_and_unusable_in_numbers(export, read_export, refuse_export):
    many = [[str(2000 + i % 20), *ROWS[0][1:]] for i in range(200)]
    many[7][6] = "n.d."
    (bad,) = read_export(*export(many)).quarantine.to_pylist()
    assert (bad["line"], bad["text"], bad["reason_code"]) == (9, "n.d.", "text_in_number_cell")
    for i in range(10, 16):
        many[i][6] = "n.d."
    assert "7 of 400" in refuse_export(*export(many)).found


def test_mojibake_names_and_a_bad_year_are_set_aside(export, read_export):
    rows = [list(ROWS[0]) for _ in range(300)]
    rows[1][1] = "济南".encode().decode("latin-1")
    rows[2][0] = "20x0"
    codes = [r["reason_code"] for r in read_export(*export(rows)).quarantine.to_pylist()]
    assert codes == ["unreadable_place"] * 2 + ["unreadable_year"] * 2


def test_duplicate_keys_are_read_for_the_gate_to_judge(export, read_export):
    assert read_export(*export([ROWS[0], ROWS[0]])).rows.num_rows == 4


def test_a_swapped_unit_is_read_as_described_for_the_gate_to_judge(export, read_export):
    result = read_export(*export(des=DES.replace("亿元", "万元")))
    assert set(result.rows["unit"].to_pylist()) == {"万元"}
