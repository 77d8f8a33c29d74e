"""The sensitivity on the page: sentences and tables from the numbers of the file, and nothing that they do not say."""

from __future__ import annotations

import pytest

from citycarbon.econometrics.contract import write_csv
from citycarbon.econometrics.sensitivity_rows import sensitivity_frame
from citycarbon.report.page_sensitivity import sensitivity
from citycarbon.report.results import NO_RESULTS, Results
from citycarbon.report.sensitivity_labels import label


def line(analysis, variant, estimate, p_ri=None, term="did", unit="ln(Mt)", error=0.05, cells=17, **more):
    values = {"analysis": analysis, "variant": variant, "table": "table2", "column": "2", "term": term, "unit": unit}
    numbers = {"estimate": estimate, "std_error": error, "p_value": 0.01, "p_ri_t": p_ri}
    return {**values, **numbers, "n_obs": 4000, "n_units": 280, "n_treated_units": 9, "n_treated_cells": cells, **more}


ROWS = [
    line("headline", "headline", -0.377, 0.001),
    line("controls", "none", -0.368, 0.04),
    line("donut", "donut", 0.02, 0.9, parameter=50.0, parameter_unit="km"),
    line("exposure", "exposure", -0.3, 0.2, parameter=50.0),
    line("exposure", "exposure", 0.041, 0.412, term="near_50km", parameter=50.0, cells=3)
    | {"n_treated_units": 1, "ri_draws": 4999, "ri_undefined": 3546},
    line("conley", "uniform", -0.377, error=0.06, parameter=100.0),
    line("conley", "bartlett", -0.377, error=None, parameter=300.0, note="no standard error: the variance is not positive"),
    line("outcome_scale", "per_head", -3.0, 0.0001, unit="t per person", error=0.4),
    line("samples", "without_2020_2021", -0.34, 0.06, cells=4, note="4 of 17 treated city-years left"),
    line("samples", "without_later_cohorts", None, error=None, note="not estimable: no city is first treated after 2021"),
    line("relative_magnitude", "average", -0.2, parameter=1.0),
]  # fmt: skip


def results(folder, rows):
    write_csv(sensitivity_frame(rows), folder / "sensitivity.csv")
    return Results(folder)


def test_sentences_hold_the_numbers(tmp_path):
    section = sensitivity(results(tmp_path, ROWS))
    said = " ".join(section.said)
    assert "did = \N{MINUS SIGN}0.377 in ln(Mt), was looked at again in 6 other ways; 5 of them can be estimated" in said
    assert "The 4 in the same unit run from \N{MINUS SIGN}0.368 (no controls) to 0.020 (within 50 km left out)" in said
    assert "4 of the 5 estimates are below zero. Of the 5 with a test by randomisation inference, 2 are below zero" in said
    assert "The least support has 'without 2020, 2021': 4 of 17 treated city-years." in said
    assert "in ln(Mt): within 50 km 0.041 (1 city, 3 city-years; p = 0.412 by randomisation inference, 3,546 of 4,999 " in said
    assert "0.050 clustered by city alone" in said and "it is 0.060 to 0.060" in said
    assert "robust" not in said and "nan" not in str(section).lower()


def test_every_line_stands_in_the_table_and_every_reason_in_the_notes(tmp_path):
    section = sensitivity(results(tmp_path, ROWS))
    body = {cells[0]: cells for cells in section.tables[0].lines}
    assert len(body) == len(ROWS) - 1  # the analysis that has a section of its own is left to it
    assert body["Conley standard errors: bartlett kernel, 300 km"][2] == "\N{EN DASH}"
    assert "Scale of the outcome: per head, in t per person" in body and "The column as it stands" in body
    notes = dict(section.folded[0].lines)
    assert notes["Other cities and years: without cities treated after the sample"].startswith("not estimable")
    assert section.tables[0].files == ("sensitivity.csv",) and section.figures == ["sensitivity_forest"]


def test_a_column_without_an_estimate_says_so_and_no_more(tmp_path):
    rows = [line("headline", "headline", None, error=None, note="not estimable: 0 treated cities"), *ROWS[1:3]]
    assert sensitivity(results(tmp_path, rows)).said == [
        "Table 2 column 2 itself has no estimate: not estimable: 0 treated cities."
    ]


def test_no_rows_no_section(tmp_path):
    assert sensitivity(NO_RESULTS) is None and sensitivity(results(tmp_path, [])) is None
    assert sensitivity(results(tmp_path, ROWS[-1:])) is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("samples", "without_2020_2021", float("nan"), "did"), "without 2020, 2021"),
        (("samples", "without_later_cohorts", float("nan"), "did"), "without cities treated after the sample"),
        (("anticipation", "dated_earlier", 1.0, "did"), "treatment dated 1 year earlier"),
        (("anticipation", "dated_earlier", 2.0, "did"), "treatment dated 2 years earlier"),
        (("anticipation", "lead_dummy", float("nan"), "lead1"), "lead1, the year before itself"),
        (("something", "new_kind", float("nan"), "did"), "new kind"),
    ],
)
def test_labels(given, said):
    assert label(*given) == said
