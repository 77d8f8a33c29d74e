"""Other laws of reassignment and families on the page and under the tables: only what ``inference.csv`` says."""

from __future__ import annotations

import math

import pytest
from csv_files import put_csv

from citycarbon.report.families import members
from citycarbon.report.page_laws import families, families_said, law_labels, laws, laws_said
from citycarbon.report.results import NO_RESULTS
from citycarbon.report.under import family_notes

ROW = {"table": "table2", "column": "2", "p_ri_t": 0.04, "estimate": -0.4, "std_error": 0.1}
OTHER = {**ROW, "column": "1", "p_ri_t": 0.02}
LABELS = {"size": "within population thirds", "random_years": "years at random"}
TOGETHER = "outcomes of Table 3: 3 hypotheses tested together"
LAWS = [
    {"table": "table2", "column": "2", "method": "ri:t:size", "p_value": "0.011"},
    {"table": "table2", "column": "2", "method": "ri:t:random_years", "p_value": "0.062", "note": "7 of 99 are undefined"},
    {"table": "table2", "column": "1", "method": "ri:t:size", "p_value": "0.3",
     "note": "only 4 different assignments exist; with so few no p below about 0.25 is possible"},
    {"table": "table2", "column": "1", "method": "ri:t:random_years", "note": "no other candidate in any group"},
]  # fmt: skip


def member(table, column, family, t, plain, adjusted, note):
    same = {"table": table, "column": column, "statistic": t, "note": note}
    return [
        {**same, "method": f"joint:{family}", "p_value": plain},
        {**same, "method": f"romano_wolf:{family}", "p_value": adjusted},
    ]


FAMILIES = [
    *member("table3", "1", "outcomes", "-5", "0.001", "0.003", TOGETHER),
    *member("table3", "2", "outcomes", "2.1", "0.03", "0.06", TOGETHER),
    *member("table3", "3", "outcomes", "", "", "", "not estimable: not supplied: er"),
    *member("table5", "2/1", "splits", "-1.2", "0.4", "0.4", "splits: 2 hypotheses tested together; 3 of 99 draws left out"),
    *member("table6", "1/2", "splits", "0.2", "0.8", "0.8", "splits: 2 hypotheses tested together"),
    *member("table3", "1p", "alone", "1.0", "0.3", "0.3", "alone: 1 hypothesis tested together"),
]


@pytest.fixture
def results(tmp_path):
    fields = ["table", "column", "method", "statistic", "p_value", "note"]
    return put_csv(tmp_path, "inference", fields, [*LAWS, *FAMILIES])


def test_every_law_stands_under_its_name_and_says_where_there_is_little_to_draw_from(results):
    table = laws([(ROW, {}), (OTHER, {})], results, LABELS)
    assert table.head == ["Column", "any city (gives the stars)", "within population thirds", "years at random"]
    assert table.lines == [["Table 2 (2)", "0.040", "0.011", "0.062"], ["Table 2 (1)", "0.020", "0.300", "\N{EN DASH}"]]
    assert "Table 2 (1), within population thirds: with so few assignments no p below about 0.25 is possible." in table.note
    assert "Table 2 (1), years at random: no other candidate in any group." in table.note
    assert "undefined" not in table.note


def test_the_range_over_the_laws_names_both_ends(results):
    (text,) = laws_said(ROW, results, LABELS)
    assert "over 3 laws" in text
    assert "between 0.011 (within population thirds) and 0.062 (years at random)" in text
    assert "between 0.020 (any city) and 0.300" in laws_said(OTHER, results, LABELS)[0]
    assert laws_said(ROW | {"p_ri_t": math.nan}, results, LABELS) == laws_said(None, results, LABELS) == []


def test_labels_are_the_studys_or_made_of_the_id():
    spec = {"extensions": {"inference": {"strata": [{"id": "size", "label": "population thirds"}]}}}
    assert law_labels(spec) == LABELS
    assert law_labels({}) == law_labels({"extensions": None}) == {"random_years": "years at random"}


def test_a_law_without_a_label_goes_by_its_id(results):
    assert laws([(ROW, {})], results, {}).head[2] == "within size"


def test_members_are_read_from_both_rows(results):
    found = {(m.family, m.column): m for m in members(results)}
    assert (found["outcomes", "2"].p_value, found["outcomes", "2"].adjusted) == (0.03, 0.06)
    assert found["splits", "2/1"].name == "Table 5 (1) less (2)" and found["splits", "1/2"].name == "Table 6 (2) less (1)"
    assert found["outcomes", "3"].reason == "not estimable: not supplied: er" and not found["outcomes", "1"].reason
    assert [m.column for m in members(results, "table5")] == ["2/1"]


def test_a_family_is_a_line_a_member_and_a_reason_where_one_is_not_tested(results):
    table = families(results)
    assert table.lines[1] == ["outcomes of Table 3", "Table 3 (2)", "2.10", "0.030", "0.060"]
    assert table.lines[2] == ["outcomes of Table 3", "Table 3 (3)", *["\N{EN DASH}"] * 3]
    assert "Table 3 (3): not estimable: not supplied: er." in table.note


def test_sentences_count_before_and_after(results):
    said = families_said(results)
    assert said[0].startswith(
        "Of the 2 hypotheses tested together as outcomes of Table 3, 2 have p below 0.05 alone and 1 after"
    )
    assert said[1].startswith("Of the 2 hypotheses tested together as splits, 0 have p below 0.05 alone and 0 after")
    assert len(said) == 2  # one hypothesis alone is no family


def test_under_a_table_stand_its_members_and_no_family_of_one(results):
    (note,) = family_notes("table3", results)
    assert "3 hypotheses tested together" in note and "(2) p = 0.030, adjusted 0.060" in note and "(1p)" not in note
    assert "(1) less (2) p = 0.400, adjusted 0.400" in family_notes("table5", results)[0]


def test_without_the_file_nothing_is_said():
    assert laws([(ROW, {})], NO_RESULTS, {}) is None and families(NO_RESULTS) is None
    assert laws_said(ROW, NO_RESULTS, {}) == families_said(NO_RESULTS) == family_notes("table3", NO_RESULTS) == []
