"""CEADS city workbook: the vector is read, the matrix must say the same."""

from __future__ import annotations

import pytest

from citycarbon.sources import ceads_city

CITIES = ["安徽安庆", "北京", "湖北恩施州"]
YEARS = range(1997, 2017)
NOTE = [["Introduction/简介", "About"], ["Unit/单位", "million tones\n百万吨"]]


def value(city: str, year: int) -> float:
    return CITIES.index(city) * 10 + (year - 1990) / 8


def vector(cities=CITIES, years=YEARS) -> list[list]:
    return [["ID", "city", "year", "emission"], *([f"{c}{y}", c, y, value(c, y)] for c in cities for y in years)]


def matrix(cities=CITIES, years=YEARS) -> list[list]:
    return [["city", *(str(y) for y in years)], *([c, *(value(c, y) for y in years)] for c in cities)]


def sheets(v=None, m=None, note=NOTE) -> dict[str, list[list]]:
    return {"NOTE": note, "emission vector": v or vector(), "emission matrix": m or matrix()}


def test_reads_the_vector_with_the_notes_unit(make_book, read, reasons):
    result = read(ceads_city, make_book(sheets()))
    assert result.rows.num_rows == 60
    last = result.rows.slice(59, 1).to_pylist()[0]
    assert (last["sheet"], last["cell"]) == ("emission vector", "D61")
    assert last["unit"] == "million tones"
    assert last["place_label"] == "湖北恩施州"
    assert last["data_year"] == 2016
    assert last["indicator_label"] == "emission"
    assert last["value"] == value("湖北恩施州", 2016)
    assert reasons(result) == {}
    assert result.warnings == []


def test_one_disagreement_is_quarantined_with_both_cells(make_book, read):
    many = range(1997, 2031)
    v, m = vector(years=many), matrix(years=many)
    m[2][3] += 1e-9
    result = read(ceads_city, make_book(sheets(v, m)))
    entry = result.quarantine.to_pylist()[0]
    assert entry["reason_code"] == "vector_matrix_disagree"
    assert entry["place_label"] == "北京"
    assert "D38" in entry["reason"]
    assert "D3" in entry["reason"]
    assert result.rows.num_rows == 101


@pytest.mark.parametrize("side", ["vector", "matrix"])
def test_value_on_one_side_only_is_a_disagreement(make_book, read, reasons, side):
    many = range(1997, 2031)
    v, m = vector(years=many), matrix(years=many)
    if side == "vector":
        m[1][1] = None
    else:
        del v[1]
    result = read(ceads_city, make_book(sheets(v, m)))
    assert reasons(result) == {"vector_matrix_disagree": 1}
    assert result.quarantine["sheet"].to_pylist() == [f"emission {side}"]
    assert result.rows.num_rows == 101


def test_many_disagreements_are_unusable(make_book, refused):
    m = matrix()
    m[1][1:4] = [9, 9, 9]
    error = refused(ceads_city, make_book(sheets(m=m)))
    assert "3 of 60" in error.found
    assert error.sheet == "emission vector"


def test_text_in_a_number_cell_is_refused_once(make_book, read, reasons):
    v, m = vector(), matrix()
    v[3][3] = "缺"
    assert reasons(read(ceads_city, make_book(sheets(v=v)))) == {"text_in_number_cell": 1}
    m[1][3] = "缺"
    result = read(ceads_city, make_book(sheets(m=m)))
    assert reasons(result) == {"text_in_number_cell": 1}
    assert result.rows.num_rows == 60


def test_number_stored_as_text_is_read_with_a_warning(make_book, read):
    v = vector()
    v[3][3] = str(v[3][3])
    result = read(ceads_city, make_book(sheets(v=v)))
    assert result.rows.num_rows == 60
    assert "stored as text" in result.warnings[0]


def test_id_that_contradicts_its_row(make_book, read, reasons):
    v = vector()
    v[4][0] = "北京1997"
    assert reasons(read(ceads_city, make_book(sheets(v=v)))) == {"id_contradicts_row": 1}


def test_duplicate_key_is_kept_for_the_gate(make_book, read):
    v = vector()
    result = read(ceads_city, make_book(sheets(v=[*v, [*v[1][:3], 77.0]])))
    assert result.rows.num_rows == 61
    assert result.quarantine.num_rows == 0


def test_swapped_unit_travels_and_a_missing_note_warns(make_book, read):
    result = read(ceads_city, make_book(sheets(note=[["Unit/单位", "tonnes"]])))
    assert set(result.rows["unit"].to_pylist()) == {"tonnes"}
    without = sheets()
    del without["NOTE"]
    result = read(ceads_city, make_book(without))
    assert set(result.rows["unit"].to_pylist()) == {""}
    assert "unit" in result.warnings[0]


@pytest.mark.parametrize("missing", ["emission vector", "emission matrix"])
def test_missing_sheet(make_book, refused, missing):
    book = sheets()
    book["Sheet9"] = book.pop(missing)
    error = refused(ceads_city, make_book(book))
    assert "'Sheet9'" in error.found
    assert missing in error.expected


def test_renamed_headers(make_book, refused):
    v = vector()
    v[0][3] = "CO2"
    error = refused(ceads_city, make_book(sheets(v=v)))
    assert "'CO2'" in error.found
    assert "emission" in error.expected
    m = matrix()
    m[0][0] = "town"
    assert "'town'" in refused(ceads_city, make_book(sheets(m=m))).found


def test_extra_columns_are_set_aside(make_book, read, reasons):
    v, m = vector(), matrix()
    for rows, label in ((v, "quality"), (m, "mean")):
        for i, row in enumerate(rows):
            row.append(label if i == 0 else 1)
    result = read(ceads_city, make_book(sheets(v, m)))
    assert reasons(result) == {"extra_column": 2}
    assert result.rows.num_rows == 60


def test_mojibake(make_book, refused):
    v = vector()
    v[1][1] = "安徽安庆".encode().decode("latin-1")
    assert "garbled" in refused(ceads_city, make_book(sheets(v=v))).found


def test_damaged_files(make_book, check_damaged):
    check_damaged(ceads_city, make_book(sheets()))


@pytest.mark.real
def test_real_workbook(realdata, read, reasons):
    (path,) = (realdata / "ceads").glob("*290_Chinese_Cities*.xlsx")
    result = read(ceads_city, path)
    assert result.rows.num_rows == 3_929
    assert reasons(result) == {}
    assert set(result.rows["unit"].to_pylist()) == {"million tones"}
    assert min(result.rows["data_year"].to_pylist()) == 1995
