"""CEADS province inventories: sector x fuel, one sheet a province."""

from __future__ import annotations

import pytest

from citycarbon.sources import ceads_province
from citycarbon.sources.ceads_province import COLUMNS

SECTORS = ["Total Consumption", "Coal Mining and Dressing          ", "Scrap and waste", "Rural"]


def inventory(columns=COLUMNS, corner=None, unit_corner=None) -> list[list]:
    rows = [[corner, *columns], [unit_corner, *["Mt CO2"] * len(columns)], []]
    return rows + [[s, *(i + j / 100 for j in range(len(columns)))] for i, s in enumerate(SECTORS)]


def book(**more) -> dict[str, list[list]]:
    return {"NOTE": [["Unit/单位", "Mt\n百万吨"]], "Shanghai2017": inventory(), "InnerMongolia2017": inventory(), **more}


def test_reads_sector_by_fuel(make_book, read, reasons):
    result = read(ceads_province, make_book(book(), "Emission_inventories_for_30_provinces_2017.xlsx"))
    assert result.rows.num_rows == 2 * len(SECTORS) * 22
    row = next(r for r in result.rows.to_pylist() if r["cell"] == "C5" and r["place_label"] == "InnerMongolia")
    assert row["indicator_label"] == "Coal Mining and Dressing"
    assert row["sub_label"] == "Cleaned Coal"
    assert row["unit"] == "Mt CO2"
    assert row["data_year"] == 2017
    assert row["value"] == 1.01
    assert reasons(result) == {}
    assert result.warnings == []


def test_columns_with_underscores_are_the_same_fuels(make_book, read):
    """The real Hunan sheet of 2017 prints ``Raw_Coal`` and fills the corner cells."""
    hunan = inventory([c.replace(" ", "_") for c in COLUMNS], "Emission_Inventory", "unit")
    result = read(ceads_province, make_book(book(Hunan2017=hunan)))
    fuels = {r["sub_label"] for r in result.rows.to_pylist() if r["place_label"] == "Hunan"}
    assert fuels == set(COLUMNS)
    assert result.quarantine.num_rows == 0


def test_zero_is_a_value_and_blank_is_none(make_book, read):
    rows = inventory()
    rows[3][1], rows[3][2] = 0, None
    result = read(ceads_province, make_book({"Shanghai2017": rows}))
    assert result.rows.num_rows == len(SECTORS) * 22 - 1
    assert result.rows["value"][0].as_py() == 0.0


def test_text_in_a_number_cell(make_book, read, reasons):
    rows = inventory()
    rows[4][2] = "see note"
    result = read(ceads_province, make_book(book(Beijing2017=rows)))
    assert reasons(result) == {"text_in_number_cell": 1}
    assert result.quarantine["cell"].to_pylist() == ["C5"]


def test_swapped_unit_travels_by_column(make_book, read):
    rows = inventory()
    rows[1][5] = "10^4 t"
    result = read(ceads_province, make_book({"Beijing2017": rows}))
    units = {r["sub_label"]: r["unit"] for r in result.rows.to_pylist()}
    assert units["Coke"] == "10^4 t"
    assert units["Raw Coal"] == "Mt CO2"


def test_no_unit_row_warns(make_book, read):
    rows = inventory()
    rows[1] = []
    result = read(ceads_province, make_book({"Beijing2017": rows}))
    assert set(result.rows["unit"].to_pylist()) == {""}
    assert "unit row" in result.warnings[0]


def test_wrong_sheets(make_book, refused):
    error = refused(ceads_province, make_book({"NOTE": [["x"]], "sum": [["x"]], "2017": inventory()}))
    assert "'sum'" in error.found
    assert "Shanghai2017" in error.expected


def test_renamed_header(make_book, refused):
    rows = inventory()
    rows[0][22] = "Total"
    error = refused(ceads_province, make_book({"Beijing2017": rows}))
    assert error.sheet == "Beijing2017"
    assert "Scope 1 Total" in error.expected


def test_extra_column_and_footer(make_book, read, reasons):
    rows = [[*r, "Hydrogen" if i == 0 else 1.0] if r else r for i, r in enumerate(inventory())]
    rows.append(["Note: revised"])
    result = read(ceads_province, make_book({"Beijing2017": rows}))
    assert reasons(result) == {"extra_column": 1, "footer": 1}
    assert result.rows.num_rows == len(SECTORS) * 22


def test_values_without_a_sector_count_as_unreadable(make_book, read, reasons):
    rows = inventory()
    rows.append([None, 1.0])
    assert reasons(read(ceads_province, make_book({"Beijing2017": rows}))) == {"row_without_sector": 1}


def test_file_of_another_year_warns(make_book, read):
    result = read(ceads_province, make_book(book(), "Emission_inventories_for_30_provinces_1997.xlsx"))
    assert set(result.rows["data_year"].to_pylist()) == {2017}
    assert "1997" in result.warnings[0]


def test_duplicate_sector_is_kept(make_book, read):
    rows = inventory()
    result = read(ceads_province, make_book({"Beijing2017": [*rows, rows[3]]}))
    assert result.rows.num_rows == (len(SECTORS) + 1) * 22


def test_damaged_files(make_book, check_damaged):
    check_damaged(ceads_province, make_book(book()))


@pytest.mark.real
def test_real_workbook(realdata, read, reasons):
    (path,) = (realdata / "ceads").glob("*30_Provinces_2017.xlsx")
    result = read(ceads_province, path)
    assert result.rows.num_rows == 30 * 48 * 22
    assert reasons(result) == {}
    assert len(set(result.rows["place_label"].to_pylist())) == 30
    assert set(result.rows["unit"].to_pylist()) == {"Mt CO2"}
