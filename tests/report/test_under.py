"""What stands under a table from the files beside the estimates: only what they say, nothing where they are absent."""

import csv

import pytest

from citycarbon.econometrics.matching_flow import LAST_STEP
from citycarbon.report.results import NO_RESULTS, Results, num, yes
from citycarbon.report.tables import regression_table
from citycarbon.report.under import draws_note, matching_notes, mechanism_notes, notes_under, policy_notes, split_notes
from citycarbon.study import load_study


@pytest.fixture(scope="module")
def whole():
    return load_study("ai_pilot")


def put(folder, name, *rows):
    folder.mkdir(exist_ok=True)
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(dict.fromkeys(k for r in rows for k in r)), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return Results(folder)


SPLIT = {
    "table": "table5", "split": "technology", "label": "patents granted", "criterion": "median", "level": "city",
    "cut": "320.1875", "cut_text": "high: mean before 2019 above 320.188 patents", "fixed_effects": "city + year",
    "n_total": "100", "n_low": "48", "n_high": "50", "missing": "1", "singletons_low": "1", "singletons_high": "0",
    "incomplete": "0", "sum_holds": "true", "difference": "-0.1", "se": "0.09", "p": "0.2", "p_ri": "0.4", "draws": "9999",
    "flag": "", "sentence": "The data cannot tell the halves apart.",
}  # fmt: skip


def test_a_split_prints_cut_level_every_term_of_the_sum_and_both_tests(whole):
    text = " ".join(split_notes(whole, SPLIT))
    assert "above 320.188 patents" in text and "Level: city" in text
    terms = "48 in the low half + 50 in the high half + 1 without the criterion + 1 singleton of the low half"
    assert terms in text and "= 100, N = 100: holds." in text
    assert "The data cannot tell the halves apart (by the clustered t test p = 0.200; RI with 9,999 redraws)." in text


@pytest.mark.parametrize("change", [{"singletons": "1"}, {"singletons": "1", "singletons_low": "", "singletons_high": ""}])
def test_singletons_are_counted_once_whether_by_half_or_in_all(whole, change):
    text = " ".join(split_notes(whole, SPLIT | change))
    assert "= 100, N = 100: holds." in text and text.count("singleton") == (1 if "singletons_low" in change else 2)


@pytest.mark.parametrize("change", [{"n_low": "47"}, {"sum_holds": "false"}])
def test_a_sum_that_does_not_hold_is_shouted(whole, change):
    assert "DOES NOT HOLD" in " ".join(split_notes(whole, SPLIT | change))


def test_a_half_without_a_treated_city_has_no_number_of_a_difference(whole):
    line = SPLIT | {"difference": "", "se": "", "p": "", "p_ri": "", "draws": "0", "flag": "0 treated cities in the low half"}
    text = " ".join(split_notes(whole, line | {"sentence": "", "note": "no treated city in the low half"}))
    assert (
        "cannot be compared: no treated city in the low half" in text
        and "nan" not in text
        and "0 treated cities in the low" in text
    )


def test_a_split_file_of_few_columns_still_prints_what_it_has(whole):
    text = " ".join(split_notes(whole, {"table": "table5", "split": "technology", "cut": "1234.5"}))
    assert "cut 1,234 patents" in text or "cut 1,235 patents" in text


def test_the_matching_is_told_step_by_step(whole, tmp_path):
    step = {
        "table": "table4",
        "column": "1",
        "label": "1:4, caliper 0.05",
        "treated_cities": "12",
        "control_cities": "269",
        "treated_cells": "17",
    }
    rows = [
        step | {"step": "in sample", "rows": "4390", "separation": "none", "note": "", "published_n": ""},
        step | {"step": "with covariates", "rows": "4390", "separation": "none", "note": ""},
        step | {"step": "matched", "rows": "300", "treated_cities": "8", "control_cities": "20", "treated_cells": "14",
                "separation": "none", "note": "2.0 events per covariate"},
    ]  # fmt: skip
    (note,) = matching_notes("table4", put(tmp_path, "psm_flow", *rows))
    assert "in sample 4,390 city-years of 12 pilots and 269 other cities, 17 treated; with covariates the same; " in note
    assert "matched 300 city-years of 8 pilots and 20 other cities, 14 treated. 2.0 events per covariate." in note
    assert matching_notes("table5", Results(tmp_path)) == []


def test_the_papers_n_is_set_beside_that_of_every_matching(whole, tmp_path):
    last = {"step": LAST_STEP, "separation": "none", "note": "", "published_n": "58"}
    last |= {"treated_cities": "8", "control_cities": "20", "treated_cells": "14"}
    rows = [
        {**last, "table": "table4", "column": "1", "label": "means", "rows": "602"},
        {**last, "table": "table4_matching", "column": "1_pooled", "label": "pooled", "rows": "233"},
    ]
    (_, sentence) = matching_notes("table4", put(tmp_path, "psm_flow", *rows))
    expected = "The paper prints N = 58 after matching; here none of the 2 matchings gives it: 602 (means); 233 (pooled)."
    assert sentence == expected
    rows[1]["rows"] = "58"
    (_, sentence) = matching_notes("table4", put(tmp_path, "psm_flow", *rows))
    assert "1 of the 2 matchings (pooled) gives it" in sentence
    assert matching_notes("table5", put(tmp_path, "psm_flow", *rows)) == []


def test_a_matching_that_does_not_balance_says_so(whole, tmp_path):
    step = {"table": "table4", "column": "1", "label": "means", "rows": "602", "step": "matched", "separation": "none"}
    put(tmp_path, "psm_flow", step | {"note": "", "treated_cities": "8", "control_cities": "20", "treated_cells": "14"})
    lines = [
        {"table": "table4", "column": "1", "covariate": c, "smd_after": v} for c, v in (("gov", "-0.363"), ("edu", "0.05"))
    ]
    (_, far) = matching_notes("table4", put(tmp_path, "psm_balance", *lines))
    assert "1 of 2 covariates differ by more than 0.1" in far and "gov (0.36): the matching does not balance" in far
    (_, near) = matching_notes("table4", put(tmp_path, "psm_balance", lines[1]))
    assert "0 of 1 covariates" in near and "balanced by that measure" in near


def test_policies_are_told_under_the_tables_that_hold_or_drop_them(whole, tmp_path):
    put(
        tmp_path,
        "policies_loss",
        {"policy": "low_carbon", "sentence": "Without them 0 are left."},
        {"policy": "ets", "sentence": "E."},
    )
    results = put(
        tmp_path,
        "policies_separation",
        {"policy": "low_carbon", "sentence": "9 of 9 overlap."},
        {"policy": "broadband", "sentence": "B."},
    )
    assert policy_notes(whole, "table4", results) == ["9 of 9 overlap."]
    assert policy_notes(whole, "table4_variants", results)[:2] == ["Without them 0 are left.", "E."]
    assert policy_notes(whole, "table2", results) == []


def test_shares_and_flagged_controls_stand_under_the_mechanisms(tmp_path):
    put(tmp_path, "mechanisms", {"table": "table3", "sentence": "Share 0.5 %. Exploratory: no mediation claim."})
    moved = [
        {"control": "gov", "flagged": "false", "p_ri_t": "0.7", "sentence": "gov: no movement."},
        {"control": "internet", "flagged": "true", "p_ri_t": "0.06", "sentence": "internet moves with the policy."},
    ]
    results = put(tmp_path, "controls_moved", *moved)
    assert mechanism_notes("table3", results) == [
        "Share 0.5 %. Exploratory: no mediation claim.",
        "Flagged control: internet moves with the policy.",
    ]
    calm = put(tmp_path, "controls_moved", moved[0])
    assert "No control moves with the policy" in mechanism_notes("table3", Results(calm.folder))[1]
    assert mechanism_notes("table2", results) == []


def test_the_number_of_reassignments_is_that_of_each_columns_own_scheme(tmp_path):
    line = {"table": "table2", "scheme": "cohorts"}
    rows = [
        line | {"column": "1", "draws": "99999"},
        line | {"column": "1", "draws": "5"},
        line | {"column": "1p", "draws": "9999"},
    ]
    (note,) = draws_note("table2", put(tmp_path, "placebo", *rows))
    assert "99,999 in columns (1); 9,999 in columns (1p)" in note


def test_without_files_nothing_is_added(whole, estimates, study, tmp_path):
    for table in whole.regression_tables():
        assert notes_under(whole, table, NO_RESULTS) == [] == notes_under(whole, table, Results(tmp_path))
    plain = regression_table(estimates, study, "table2", False)
    assert plain == regression_table(estimates, study, "table2", False, Results(tmp_path))


def test_values_of_a_line_are_read_defensively():
    line = {"a": "1.5", "b": "", "c": "x", "d": "true", "e": "false"}
    assert num(line, "a") == 1.5 and num(line, "b", "a") == 1.5
    assert num(line, "b") != num(line, "b") and num(line, "z") != num(line, "z") and num(line, "c") != num(line, "c")
    assert (yes(line, "d"), yes(line, "e"), yes(line, "b"), yes(line, "z")) == (True, False, None, None)
