"""Trends on the page: intervals by Mbar and M, breakdown values in words, power, and reasons where nothing is estimable."""

from __future__ import annotations

from csv_files import put_csv

from citycarbon.econometrics.sensitivity_rows import SENSITIVITY_COLUMNS
from citycarbon.report.page_trends import trends
from citycarbon.report.results import NO_RESULTS

SUPPORT = "treated cities by event time: t 9; with so few the clustered covariance is too small"
SHARED = {"estimate": "-0.26", "std_error": "0.04", "unit": "log points", "note": SUPPORT}
ROWS = [
    SHARED
    | {"analysis": "relative_magnitude", "variant": "first", "parameter": "0", "conf_low": "-0.34", "conf_high": "-0.18"},
    SHARED | {"analysis": "relative_magnitude", "variant": "first", "parameter": "2", "conf_low": "-inf", "conf_high": "0.03"},
    SHARED | {"analysis": "relative_magnitude", "variant": "first: breakdown", "parameter": "1.73"},
    SHARED | {"analysis": "smoothness", "variant": "first", "parameter": "0", "conf_low": "-0.31", "conf_high": "0.13"},
    SHARED | {"analysis": "smoothness", "variant": "first: breakdown", "parameter": "", "note": f"none: x; {SUPPORT}"},
    {"analysis": "pretrend_power", "variant": "slope", "parameter": "0.5", "estimate": "0.045", "unit": "log points a year",
     "note": "found by one of the leads (t-3) at 5 %"},
    {"analysis": "pretrend_power", "variant": "slope", "parameter": "0.8", "estimate": "0.066", "unit": "log points a year"},
]  # fmt: skip


def results(folder, rows):
    return put_csv(folder, "sensitivity", SENSITIVITY_COLUMNS, rows)


def test_intervals_breakdown_and_power(tmp_path):
    section = trends(results(tmp_path, ROWS))
    relative, smooth = section.tables
    assert relative.lines == [
        ["Mbar = 0", "\N{MINUS SIGN}0.340 to \N{MINUS SIGN}0.180"], ["Mbar = 2", "open to 0.030"]
    ]  # fmt: skip
    assert smooth.lines == [["M = 0", "\N{MINUS SIGN}0.310 to 0.130"]]
    said = " ".join(section.said)
    assert "leaves out zero up to Mbar = 1.730, and holds it beyond" in said
    assert "the set holds zero already at M = 0" in said
    assert "Treated cities by event time: t 9" in said
    assert section.folded[0].lines == [["slope", "0.045", "0.066", "log points a year"]]


def test_reasons_stand_where_nothing_is_estimable(tmp_path):
    row = {
        "analysis": "smoothness",
        "variant": "mean",
        "note": "not estimable: no leads next to the base period can be estimated",
    }
    section = trends(results(tmp_path, [row]))
    assert section.said[-1] == "Not estimable: no leads next to the base period can be estimated."
    assert section.tables == [] and section.folded == []


def test_single_years_and_what_is_not_known_are_said(tmp_path):
    shared = SHARED | {"analysis": "smoothness"}
    unknown = f"not known: there is no interval at 0.02; {SUPPORT}"
    rows = [
        shared | {"variant": "first, single years", "parameter": "0", "conf_low": "-1", "conf_high": "1"},
        shared | {"variant": "first, single years: breakdown", "note": unknown},
    ]
    section = trends(results(tmp_path, rows))
    assert section.tables[0].head == ["M", "effect in the first year, single years"]
    said = " ".join(section.said)
    assert "single years: the breakdown value is not known: there is no interval at 0.02." in said
    assert "smoothness takes only these" in said and section.figures == ["trends"]


def test_no_rows_no_section(tmp_path):
    assert trends(NO_RESULTS) is None and trends(results(tmp_path, [])) is None
