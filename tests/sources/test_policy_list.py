"""Policy lists: encodings, header variants, lines, garbled names."""

from __future__ import annotations

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tries import up_to

from citycarbon.sources import policy_list
from citycarbon.sources.textfile import decode

LINES = ["City,Start_Year,Source,", "甲市,2010,第一批(城市),", "乙自治州,2012,第二批(省份),", "甲市,2010,第一批(城市),"]


@pytest.fixture
def make_csv(tmp_path):
    def make(lines=LINES, encoding="utf-8", end="\r\n", name="list.csv"):
        path = tmp_path / name
        path.write_bytes(end.join([*lines, ""]).encode(encoding))
        return path

    return make


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings_and_line_ends(make_csv, read, reasons, encoding, end):
    result = read(policy_list, make_csv(encoding=encoding, end=end))
    assert result.rows["place_label"].to_pylist() == ["甲市", "乙自治州", "甲市"]  # duplicates are the gate's
    assert result.rows["value"].to_pylist() == [2010.0, 2012.0, 2010.0]
    assert result.rows["line"].to_pylist() == [2, 3, 4]
    assert result.rows["footnote"].to_pylist()[1] == "第二批(省份)"
    assert set(result.rows["indicator_label"].to_pylist()) == {"pilot_year"}
    assert result.rows["raw_id"][0].as_py().endswith("||L2")
    assert reasons(result) == {}


@pytest.mark.parametrize(
    "header", [["city_name", "pilot_year", "batch"], ["城市名", "政策实施年", "批次"], ["试点城市", "批准年份", "来源"]]
)
def test_header_variants_in_a_workbook(make_book, read, header):
    result = read(policy_list, make_book({"Sheet1": [header, ["甲市", 2010, "第一批"], ["乙市", "2012年", "第二批"]]}))
    assert result.rows["value"].to_pylist() == [2010.0, 2012.0]
    assert result.rows["text"].to_pylist() == ["2010", "2012年"]
    assert result.rows["cell"].to_pylist() == ["B2", "B3"]


def test_year_shown_as_a_date_is_still_the_year(tmp_path, read):
    book = openpyxl.Workbook()
    book.active.append(["城市", "年份"])
    book.active.append(["甲市", 2010])
    book.active["B2"].number_format = "yyyy-mm-dd"
    book.save(tmp_path / "dates.xlsx")
    assert read(policy_list, tmp_path / "dates.xlsx").rows["value"].to_pylist() == [2010.0]


def test_bad_year_extra_column_and_remark(make_csv, read, reasons):
    lines = [
        "城市,年份,批次,备注列,",
        *(f"甲市,{2010 + i % 9},一,x," for i in range(120)),
        "乙市,待定,一,x,",
        "丙市,,,,",
        "丁市,2011,,,旁注",
    ]
    result = read(policy_list, make_csv(lines))
    assert reasons(result) == {"extra_column": 1, "remark": 1, "row_without_year": 1, "unreadable_year": 1}
    assert result.quarantine.filter(result.quarantine["is_required"])["line"].to_pylist() == [122]
    assert result.rows.num_rows == 121


def test_renamed_header_and_wrong_table(make_csv, refused):
    error = refused(policy_list, make_csv(["City,Begin", "甲市,2010"]))
    assert "'Begin'" in error.found
    assert "start_year" in error.expected
    assert "city" in refused(policy_list, make_csv(["a,b", "1,2"])).expected


def test_names_in_the_wrong_encoding(make_csv, refused):
    garbled = "北京市".encode().decode("gb18030", "replace")
    assert "garbled" in refused(policy_list, make_csv([LINES[0], f"{garbled},2010,一,"])).found
    latin = "北京市".encode("gb18030").decode("latin-1")
    error = refused(policy_list, make_csv([LINES[0], LINES[1], f"{latin},2010,一,"]))
    assert "in line 3" in error.found


def test_names_that_are_not_chinese_are_quarantined(make_csv, read, reasons):
    result = read(policy_list, make_csv([LINES[0], "Beijing,2010,x,", *LINES[1:]]))
    assert reasons(result) == {"unreadable_name": 1}
    assert result.rows.num_rows == 3


def test_undecodable_truncated_and_broken_text(make_csv, refused, tmp_path):
    path = make_csv()
    path.write_bytes(path.read_bytes() + b"\xff\xff\xff")
    error = refused(policy_list, path)
    assert "in line 5" in error.found
    assert "UTF-8" in error.expected
    path = make_csv(encoding="gb18030")
    path.write_bytes(path.read_bytes()[:-14])
    assert "truncated" in str(refused(policy_list, path))
    assert "quot" in refused(policy_list, make_csv([LINES[0], '"甲市,2010,一,'])).found
    (tmp_path / "sixteen.csv").write_bytes("城市,年份\n甲市,2010\n".encode("utf-16"))
    assert "UTF-16" in refused(policy_list, tmp_path / "sixteen.csv").found
    (tmp_path / "page.csv").write_bytes(b"<html></html>")
    assert "HTML" in refused(policy_list, tmp_path / "page.csv").found
    (tmp_path / "none.csv").write_bytes(b"")
    assert "empty" in refused(policy_list, tmp_path / "none.csv").found


def test_damaged_workbooks(make_book, check_damaged):
    check_damaged(policy_list, make_book({"Sheet1": [["城市", "年份"], ["甲市", 2010]]}))


@settings(max_examples=up_to(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(alphabet="京津沪渝广州深圳南昌襄阳普洱铜仁莱芜淇滨濮漯", min_size=1, max_size=6),
    st.sampled_from(["utf-8", "gb18030"]),
)
def test_decoding_returns_what_was_written(make_csv, name, encoding):
    path = make_csv([LINES[0], f"{name}市,2010,一,"], encoding=encoding, end="\n")
    assert decode(path)[0] == f"{LINES[0]}\n{name}市,2010,一,\n"


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("policy_lists/Low_Carbon_Pilot_Cities_Complete_GBK.csv", 147),
        ("policy_lists/lowcarbon_list.xlsx", 135),
        ("city_tables/试点城市名单.xlsx", 92),
    ],
)
def test_real_lists(realdata, read, name, count):
    result = read(policy_list, realdata / name)
    assert result.rows.num_rows == count
    assert result.quarantine.num_rows == 0
    assert result.warnings == []
    assert set(result.rows["value"].to_pylist()) <= {2010.0, 2012.0, 2013.0, 2017.0}
