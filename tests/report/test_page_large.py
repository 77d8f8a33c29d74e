"""Large tables on the page: numbers at the precision of their errors, what was left out, and why nothing was estimated."""

from __future__ import annotations

from csv_files import put_csv

from citycarbon.econometrics.large_tables import LARGE_COLUMNS
from citycarbon.report.page_large import large_tables
from citycarbon.report.results import NO_RESULTS

ROW = dict.fromkeys(LARGE_COLUMNS, "") | {
    "table": "sectors", "label": "By sector", "edition": "2024", "outcome": "ln_co2", "term": "did", "estimate": "-0.3082",
    "std_error": "0.02177", "vcov": "cluster:city_id", "p_value": "0.0123", "p_ri_t": "0.0345", "n_rows": "1000010",
    "n_left_out": "10", "left_out": "x1 missing: 10", "n_obs": "1000000", "n_cells": "5000", "n_clusters": "220",
    "n_treated_clusters": "9", "fixed_effects": "county_id (280 levels) + month (36 levels)",
}  # fmt: skip
FAILED = dict.fromkeys(LARGE_COLUMNS, "") | {
    "table": "absent", "label": "Absent", "term": "did", "vcov": "cluster:city_id", "note": "not estimable: no edition"
}  # fmt: skip


def results(folder, *rows):
    return put_csv(folder, "large_tables", LARGE_COLUMNS, rows)


def test_a_release_without_large_tables_shows_none(tmp_path):
    for found in (NO_RESULTS, results(tmp_path)):
        assert large_tables(found) is None


def test_numbers_and_what_was_left_out(tmp_path):
    found = results(tmp_path, ROW, ROW | {"term": "x1", "p_ri_t": "", "note": "not estimable: absorbed", "estimate": ""})
    table = large_tables(found).tables[0]
    assert table.lines[0] == [
        "By sector: did", "\N{MINUS SIGN}0.308", "0.022", "0.012", "0.035", "1,000,000", "5,000", "220", "9"
    ]  # fmt: skip
    assert table.lines[1][1:3] == ["\N{EN DASH}"] * 2 and table.lines[1][4] == "\N{EN DASH}"
    assert "By sector, x1: not estimable: absorbed." in table.note and table.files == ("large_tables.csv",)
    assert large_tables(found).said == [
        "By sector: ln_co2 on 1,000,000 rows of edition 2024, with effects of county_id (280 levels) + month (36 levels); "
        "errors clustered by city_id.",
        "10 of 1,000,010 rows left out (x1 missing: 10).",
    ]


def test_what_was_not_estimated_says_so_and_nothing_reads_nan(tmp_path):
    found = results(tmp_path, FAILED, ROW)
    assert large_tables(found).said[0] == "Absent: nothing was estimated."
    assert large_tables(found).said[1].startswith("By sector: ")
    table = large_tables(found).tables[0]
    assert set(table.lines[0][1:]) == {"\N{EN DASH}"}
    assert "Absent: not estimable: no edition." in table.note
    assert "nan" not in str(table).lower()
