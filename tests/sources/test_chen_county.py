"""County workbook: duplicate headers, footnoted codes, the unit in the sheet's name."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tries import up_to

from citycarbon.sources import chen_county

SHEET = "Unit (Million tons)"
HEADER = ["DISTCODE地区代码", "County Name", "County Name", "City Name", "City Name", "Province Name", "Province Name"]
NOTE = "Note: County name is based on the division of China's counties in 2010"


def counties(n: int = 60, years: tuple[int, ...] = (2003, 2004)) -> list[list]:
    """Header and ``n`` counties of one invented prefecture; value = county number + year / 10,000."""
    rows = [[*HEADER, *(f"C{y}" for y in years)]]
    for i in range(n):
        names = [f"{'甲乙丙丁'[i % 4]}县", "A County", "某市", "A City", "某省", "A Province"]
        rows.append([340101 + i, *names, *(1 + i + y / 10_000 for y in years)])
    return rows


def test_reads_every_value_with_its_cell(make_book, read, reasons):
    result = read(chen_county, make_book({SHEET: [*counties(), [], [NOTE]]}))
    assert result.rows.num_rows == 120
    first = result.rows.slice(0, 1).to_pylist()[0]
    assert first["cell"] == "H2"
    assert first["text"] == "1.2003"
    assert first["value"] == 1.2003
    assert first["unit"] == "Million tons"
    assert first["place_label"] == "甲县"
    assert first["place_parent"] == "某市"
    assert first["place_code"] == "340101"
    assert first["data_year"] == 2003
    assert first["raw_id"].endswith(f"|{SHEET}|H2")
    assert reasons(result) == {"footer": 1}
    assert result.quarantine["text"].to_pylist() == [NOTE]


def test_footnoted_codes_stay_apart_from_the_codes_they_resemble(make_book, read):
    rows = counties()
    rows[1][0] = "340102（2）"
    result = read(chen_county, make_book({SHEET: rows}))
    codes = result.rows["place_code"].to_pylist()
    assert codes[0] == "340102（2）"
    assert codes.count("340102") == 2
    assert codes.count("340102（2）") == 2


def test_chinese_names_are_found_in_either_order(make_book, read):
    rows = counties()
    swapped = [rows[0]] + [[r[0], r[2], r[1], r[4], r[3], *r[5:]] for r in rows[1:]]
    result = read(chen_county, make_book({SHEET: swapped}))
    assert result.rows["place_label"][0].as_py() == "甲县"
    assert result.rows["place_parent"][0].as_py() == "某市"


def test_blank_is_neither_zero_nor_a_row(make_book, read, reasons):
    rows = counties()
    rows[3][7] = None
    rows[4][7] = 0
    result = read(chen_county, make_book({SHEET: rows}))
    assert result.rows.num_rows == 119
    assert result.rows["value"].to_pylist().count(0.0) == 1
    assert reasons(result) == {}


def test_text_in_one_number_cell_is_quarantined(make_book, read, reasons):
    rows = counties()
    rows[2][8] = "约3"
    result = read(chen_county, make_book({SHEET: rows}))
    assert result.rows.num_rows == 119
    entry = result.quarantine.to_pylist()[0]
    assert (entry["reason_code"], entry["cell"], entry["data_year"]) == ("text_in_number_cell", "I3", 2004)
    assert "I3" in result.warnings[0]


def test_text_in_over_one_percent_of_the_cells_is_unusable(make_book, refused):
    rows = counties()
    for row in rows[1:4]:
        row[8] = "n/k"
    error = refused(chen_county, make_book({SHEET: rows}))
    assert error.cell == "I2"
    assert "3 of 120" in error.found


def test_swapped_unit_travels_as_printed(make_book, read):
    result = read(chen_county, make_book({"Unit (tons)": counties()}))
    assert set(result.rows["unit"].to_pylist()) == {"tons"}


def test_wrong_sheet_and_renamed_headers_are_named(make_book, refused):
    error = refused(chen_county, make_book({"Data": counties()}))
    assert "'Data'" in error.found
    assert "Unit (<unit>)" in error.expected
    for column, new, missing in [(0, "id", "DISTCODE"), (7, "v1", None), (1, "Name", None)]:
        rows = counties()
        rows[0][column] = new
        if column == 7:
            rows[0][8] = "v2"
        if column == 1:
            rows[0][2] = "Name"
        error = refused(chen_county, make_book({SHEET: rows}))
        assert error.sheet == SHEET
        assert f"'{new}'" in error.found
        assert (missing or {7: "C<year>", 1: "County Name"}[column]) in error.expected


def test_newer_edition_with_more_years_and_an_extra_column(make_book, read, reasons):
    rows = counties(years=(2003, 2004, 2021))
    for i, row in enumerate(rows):
        row.append("Sequestration" if i == 0 else 0.5)
    result = read(chen_county, make_book({SHEET: rows}))
    assert set(result.rows["data_year"].to_pylist()) == {2003, 2004, 2021}
    assert result.rows.num_rows == 180
    assert reasons(result) == {"extra_column": 1}
    assert any("Sequestration" in w for w in result.warnings)


def test_duplicate_counties_are_kept_for_the_gate(make_book, read):
    rows = counties()
    result = read(chen_county, make_book({SHEET: [*rows, rows[1]]}))
    assert result.rows["place_code"].to_pylist().count("340101") == 4
    assert len(set(result.rows["raw_id"].to_pylist())) == 122


def test_mojibake_is_unusable(make_book, refused):
    rows = counties()
    rows[5][1] = "瑶海区".encode().decode("gb18030", "replace")
    error = refused(chen_county, make_book({SHEET: rows}))
    assert "garbled" in error.found
    assert error.cell == "B6"


def test_unreadable_code_is_quarantined(make_book, read, reasons):
    rows = counties(n=200)
    rows[9][0] = "3401"
    result = read(chen_county, make_book({SHEET: rows}))
    assert reasons(result) == {"unreadable_code": 1}
    assert result.rows.num_rows == 398


def test_damaged_files(make_book, check_damaged):
    check_damaged(chen_county, make_book({SHEET: counties()}))


@settings(max_examples=up_to(10), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=8))
def test_numbers_survive_unchanged(make_book, read, values):
    values = [float(f"{v:.16g}") for v in values]  # what a spreadsheet writer keeps of a double
    rows = [[*HEADER, *(f"C{2003 + i}" for i in range(len(values)))], [340101, "甲县", "A", "某市", "A", "某省", "A", *values]]
    result = read(chen_county, make_book({SHEET: rows}))
    assert result.rows["value"].to_pylist() == values
    assert [float(t) for t in result.rows["text"].to_pylist()] == values


@pytest.mark.real
def test_real_workbook(realdata, read, reasons):
    start = time.process_time()  # what reading costs, not what else the machine does meanwhile
    result = read(chen_county, realdata / "chen2020_county" / "co2.xlsx")
    assert time.process_time() - start < 10  # about one second on an idle core
    assert result.rows.num_rows == 57_435
    codes = result.rows["place_code"].to_pylist()
    assert len(set(codes)) == 2_735
    assert {c for c in codes if "（" in c} == {"320211（2）", "320506（2）", "321112（2）"}
    assert {"320211", "320506", "321112"} <= set(codes)
    assert reasons(result) == {"footer": 1}
