"""Staggered estimators on the page: what they give beside the regression, and the sentence that the weights support."""

from __future__ import annotations

import pytest
from csv_files import put_csv

from citycarbon.econometrics.staggered import STAGGERED_COLUMNS
from citycarbon.econometrics.staggered_weights import WEIGHT_COLUMNS
from citycarbon.report.page_staggered import staggered
from citycarbon.report.results import NO_RESULTS

SHARED = {
    "sample": "all rows of the column",
    "n_units": "280",
    "n_obs": "4385",
    "n_treated_units": "9",
    "n_treated_cells": "17",
    "controls": "none",
    "twfe_same_sample": "-0.368",
}
ROWS = [
    SHARED | {"estimator": "twfe", "label": "Two-way regression", "estimate": "-0.368", "std_error": "0.068", "p_ri": "0.001"},
    SHARED | {"estimator": "imputation", "label": "BJS", "estimate": "-0.371", "std_error": "0.066", "p_ri": "0.002"},
    SHARED | {"estimator": "stacked", "label": "Stacked", "estimate": "0.101", "std_error": "", "p_ri": ""},
    {"estimator": "synthetic", "label": "Synthetic", "sample": "balanced", "note": "not estimable: no window"},
]
BACON = [
    {"decomposition": "goodman_bacon", "component": "treated_vs_never", "cohort": "2019", "against": "never", "weight": "0.97",
     "estimate": "-0.3"},
    {"decomposition": "goodman_bacon", "component": "later_vs_earlier", "cohort": "2021", "against": "2019", "weight": "0.03",
     "estimate": "-0.1"},
]  # fmt: skip
DCDH = {
    "decomposition": "dcdh",
    "cohort": "2019",
    "year": "2019",
    "weight": "0.4",
    "n_cells": "4",
    "n_negative": "0",
    "negative_weight": "0",
}


def results(folder, weights, estimators=ROWS):
    put_csv(folder, "staggered", STAGGERED_COLUMNS, estimators)
    return put_csv(folder, "staggered_weights", WEIGHT_COLUMNS, weights)


def test_estimators_and_reasons(tmp_path):
    section = staggered(results(tmp_path, []))
    said = " ".join(section.said)
    assert (
        "(280 cities): 2 methods give \N{MINUS SIGN}0.371 to 0.101" in said
        and "1 of the estimates has its sign, with p by randomisation inference 0.002." in said
    )
    assert "Not estimable: Synthetic (no window)." in said
    again = [*ROWS, ROWS[1] | {"label": ROWS[1]["label"] + ", not yet treated", "estimate": "-0.2"}]
    assert "(280 cities): 2 methods in 3 variants give" in " ".join(staggered(results(tmp_path, [], again)).said)
    assert section.tables[0].lines[2] == ["Stacked", "all rows", "4,385", "9", "17", "0.101", *["\N{EN DASH}"] * 3]
    assert [t.caption for t in section.folded] == ["What each estimator averages, its error, and notes"] and "nan" not in str(
        section
    ).lower()


@pytest.mark.parametrize(("negative", "words"), [("0", "it is an average of their effects"), ("1", "can move it in a way")])
def test_the_sentence_on_weights_follows_the_numbers(tmp_path, negative, words):
    cells = DCDH | {"n_negative": negative, "negative_weight": "-0.01" if negative == "1" else "0"}
    section = staggered(results(tmp_path, [*BACON, cells]))
    said = " ".join(section.said)
    assert "97.0 % of the two-way regression's weight" in said and "3.0 % on later against already treated" in said
    assert words in said and ("-0.0100" in said.replace("\N{MINUS SIGN}", "-")) == (negative == "1")
    assert len(section.folded) == 3


def test_no_rows_no_section():
    assert staggered(NO_RESULTS) is None


def test_long_names_are_short_in_the_table_and_whole_in_the_notes(tmp_path):
    """Two averages of one estimator, and one with a covariate."""
    cs = SHARED | {"label": "Callaway and Sant'Anna, never treated", "estimate": "-0.3", "std_error": "0.1"}
    rows = [
        cs | {"estimator": "callaway_santanna_simple", "aggregation": "mean over cells by their cities"},
        cs | {"estimator": "callaway_santanna_group", "aggregation": "by cohort, then by size"},
        cs | {"estimator": "callaway_santanna_dr", "label": "Callaway and Sant'Anna, doubly robust", "controls": "lnpgdp"},
    ]
    section = staggered(results(tmp_path, [], rows))
    names = [line[0] for line in section.tables[0].lines]
    assert names == [
        "CS, never treated: simple",
        "CS, never treated: by cohort, then by size",
        "CS, doubly robust, given lnpgdp",
    ]
    assert section.folded[0].lines[0][0] == "Callaway and Sant'Anna, never treated: mean over cells by their cities"


def test_estimators_lost_for_one_reason_stand_together(tmp_path):
    lost = [
        {"estimator": e, "label": e, "sample": "s", "note": "not estimable: 0 treated cities"} for e in ("one", "two", "three")
    ]
    assert "Not estimable: one, two and three (0 treated cities)." in staggered(results(tmp_path, [], lost)).said
