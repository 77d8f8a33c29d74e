"""The specification curve on the page: shares, the joint test and the choice that moves most, from the summary's numbers."""

from __future__ import annotations

from csv_files import put_csv

from citycarbon.econometrics.spec_curve import SUMMARY_TYPES
from citycarbon.report.page_curve import spec_curve
from citycarbon.report.results import NO_RESULTS

ROWS = [
    {"part": "curve", "name": "all", "n": "1200", "not_estimable": "200", "distinct": "800", "median_relative": "-0.25",
     "share_negative": "0.9", "share_negative_ri": "0.4", "share_positive_ri": "0"},
    {"part": "curve", "name": "headline", "n": "1", "observed": "-0.3", "p_value": "0.02", "note": "rank 300 of 1000"},
    {"part": "choice", "name": "scale", "moves": "0.05"},
    {"part": "choice", "name": "series", "moves": "0.15"},
    {"part": "level", "name": "series", "level": "ceads_city", "n": "600", "not_estimable": "600"},
    *({"part": "test", "name": n, "level": sign, "n": "800", "observed": share} for n, sign, share in [
        ("hc1", "negative", "0.85"), ("hc1", "positive", "0.05"), ("ri_t", "negative", "0.4"), ("ri_t", "positive", "0")]),
    *({"part": "support", "name": "n_treated_units", "level": n, "distinct": "400", "share_negative_ri": share}
      for n, share in [("1", "0.02"), ("9", "0.67")]),
    {"part": "joint", "name": "median_t", "level": "median t", "observed": "-2.1", "p_value": "0.031", "low": "-2", "high": "2",
     "draws": "999"},
]  # fmt: skip


def results(folder, rows):
    return put_csv(folder, "spec_curve_summary", SUMMARY_TYPES, rows)


def test_sentences_and_tables_hold_the_numbers(tmp_path):
    section = spec_curve(results(tmp_path, ROWS))
    said = " ".join(section.said)
    assert "1,200 specifications, of which 1,000 can be estimated" in said and "200 cannot" in said
    assert "90.0 % are negative, 40.0 % negative with p below 0.05" in said
    assert "come to 800 different regressions" in said
    assert "matter of the error: 90.0 % by HC1, 40.0 % by randomisation inference." in said
    assert "inference are 2.0 % of the 400 with 1 treated city, 67.0 % of the 400 with 9 treated cities." in said
    assert "rank 300 of 1000" in said and "p 0.031 (999 drawn curves)" in said
    assert "is the CO2 series: by 0.150 log points" in said
    assert [line[0] for line in section.tables[0].lines] == ["CO2 series", "scale of the outcome"]
    assert "nan" not in str(section).lower()


def test_a_curve_of_which_nothing_is_estimable_says_so(tmp_path):
    section = spec_curve(results(tmp_path, [{"part": "curve", "name": "all", "n": "96", "not_estimable": "96"}]))
    assert section.said == [section.said[0]] and "0 can be estimated" in section.said[0]
    assert not section.tables


def test_without_redraws_nothing_is_said_of_them(tmp_path):
    rows = [{**ROWS[0], "share_negative_ri": "", "share_positive_ri": ""}]
    said = " ".join(spec_curve(results(tmp_path, rows)).said)
    assert "90.0 % are negative." in said and "randomisation" not in said


def test_no_curve_no_section(tmp_path):
    assert spec_curve(NO_RESULTS) is None and spec_curve(results(tmp_path, [])) is None
