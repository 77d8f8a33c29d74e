"""Inference side by side: every test in its place, the range of the p-values, which city carries the estimate."""

from __future__ import annotations

from csv_files import put_csv

from citycarbon.report.page_inference import cities, said, side_by_side
from citycarbon.report.results import NO_RESULTS

ROW = {
    "table": "table2",
    "column": "2",
    "estimate": -0.4,
    "std_error": 0.1,
    "p_value": 0.001,
    "p_ri_t": 0.04,
    "p_ri_beta": 0.03,
}
PLACEBO = {"size_t_5pct": "0.12", "mde80": "0.25", "draws": "99999"}
METHODS = [
    {"method": "cv3", "p_value": "0.012"},
    {"method": "wcr:rademacher", "p_value": "0.021"},
    {"method": "wcr:webb", "p_value": "0.023"},
    {"method": "effective_clusters", "statistic": "7.81"},
    {"method": "leverage:310000", "statistic": "0.17", "note": "Shanghai"},
    {"method": "leverage:440300", "statistic": "0.16", "note": "Shenzhen"},
    {"method": "without:310000", "estimate": "-0.35"},
    {"method": "without:440300", "estimate": ""},
]


def results(folder):
    fields = ["table", "column", "method", "estimate", "statistic", "p_value", "note"]
    return put_csv(folder, "inference", fields, ({"table": "table2", "column": "2"} | m for m in METHODS))


def test_every_test_stands_under_its_head(tmp_path):
    table = side_by_side([(ROW, PLACEBO)], results(tmp_path))
    found = dict(zip(table.head, table.lines[0], strict=True))
    assert found["p, CV3"] == "0.012" and found["p, wild bootstrap"] == "0.021" and found["p, wild, Webb"] == "0.023"
    assert found["p, RI on t"] == "0.040" and found["Effective clusters"] == "7.8" and found["Draws"] == "99,999"
    assert found["Rejections of the 5 % clustered t test"] == "12.0 %"


def test_sentences_name_the_range_and_the_cities(tmp_path):
    text = " ".join(said([(ROW, PLACEBO)], ROW, results(tmp_path)))
    assert "range from 0.001 (the clustered t) to 0.040 (RI on t) over 6 tests" in text
    assert "larger than" in text and "12.0 % to 12.0 %" in text
    assert "(without Shanghai 310000)" in text and "Shenzhen" not in text


def test_a_city_without_which_nothing_is_estimable_keeps_its_line(tmp_path):
    table = cities(ROW, results(tmp_path))
    assert table.lines[0] == ["Shanghai 310000", "17.0 %", "\N{MINUS SIGN}0.350", "0.50"]
    assert table.lines[1][2:] == ["\N{EN DASH}"] * 2


def test_without_the_file_the_rest_stays(tmp_path):
    table = side_by_side([(ROW, PLACEBO)], NO_RESULTS)
    found = dict(zip(table.head, table.lines[0], strict=True))
    assert found["p, CV3"] == "\N{EN DASH}" and found["p, clustered t"] == "0.001"
    assert cities(ROW, NO_RESULTS) is None and side_by_side([], NO_RESULTS) is None
    assert len(said([(ROW, PLACEBO)], ROW, NO_RESULTS)) == 2
