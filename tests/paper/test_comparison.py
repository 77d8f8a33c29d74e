"""Published against computed: differences, rounding, readings, on tables made by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from baseline import baseline_study

from citycarbon.econometrics.contract import ESTIMATE_COLUMNS, frame
from citycarbon.paper.comparison import COLUMNS, SYNTHETIC, by_column, compare, our_term, readings, summary
from citycarbon.study import load_study

NAN = math.nan


def estimates(*rows: dict) -> pd.DataFrame:
    empty = {name: "" if kind is str else NAN if kind is float else pd.NA for name, kind in ESTIMATE_COLUMNS.items()}
    return frame([{**empty, "term": "did", "std_error": 0.1, "n_obs": 100, "r2_adj": 0.5, **row} for row in rows])


def printed(*rows: dict) -> pd.DataFrame:
    base = {"table": "2", "column_no": "2", "outcome": "CO2", "term": "did", "std_error": "0.076", "stars": "***"}
    return pd.DataFrame([{**base, "N": "3017", "adj_r2": "0.677", **row} for row in rows])


def one(published: pd.DataFrame, ours: pd.DataFrame, synthetic: bool = False) -> dict:
    found = compare(published, None, ours, None, load_study("ai_pilot"), synthetic)
    assert list(found.columns) == list(COLUMNS)
    return found.iloc[0].to_dict()


@pytest.mark.parametrize(
    ("ours", "inside", "same"), [(-0.6435, True, True), (-0.64449, True, True), (-0.6451, False, True), (0.644, False, False)]
)
def test_rounding_and_sign(ours, inside, same):
    row = one(printed({"estimate": "-0.644"}), estimates({"table": "table2", "column": "2", "estimate": ours}))
    assert (row["inside_rounding"], row["same_sign"]) == (inside, same)
    assert row["difference"] == pytest.approx(ours + 0.644)
    assert row["difference_in_published_se"] == pytest.approx((ours + 0.644) / 0.076)
    assert row["difference_in_our_se"] == pytest.approx((ours + 0.644) / 0.1)


def test_the_closest_reading_is_named_and_need_not_be_the_column_itself():
    ours = estimates(
        {"table": "table2", "column": "1", "estimate": -0.644},  # another column of the table is no reading of column 2
        {"table": "table2", "column": "2", "estimate": -0.1},
        {"table": "table2", "column": "2p", "estimate": -0.6},
        {"table": "table2_variants", "column": "2_winsor", "estimate": NAN},
        {"table": "table2", "column": "22", "estimate": -0.644},  # nor is column 22
    )
    row = one(printed({"estimate": "-0.644"}), ours)
    assert (row["our_reading"], row["closest_reading"], row["n_readings"]) == ("table2:2", "table2:2p", 2)
    assert row["closest_difference"] == pytest.approx(0.044)
    assert readings(by_column(ours), "2", "2") == [("table2", "2"), ("table2", "2p"), ("table2_variants", "2_winsor")]


def test_what_is_not_estimated_keeps_its_row_and_says_why():
    row = one(printed({"estimate": "-0.644"}), estimates({"table": "table2", "column": "1", "estimate": 1.0}), synthetic=True)
    assert row["ours"] == "" and row["note"] == f"{SYNTHETIC}; this study does not estimate it"
    not_estimable = {"table": "table2", "column": "2", "estimate": NAN, "note": "not estimable: 0 treated"}
    row = one(printed({"estimate": "-0.644"}), estimates(not_estimable))
    assert row["ours"] == "" and row["note"] == "not estimable: 0 treated"


def test_terms_answer_by_label_or_by_the_studys_list():
    study = load_study("ai_pilot")
    assert [our_term(t, study) for t in ("did", "didT-1", "EDU", "lnpgdp", "_cons", "xyz")] == [
        "did",
        "did_lag1",
        "edu",
        "lnpgdp",
        "_cons",
        "xyz",
    ]
    assert our_term("didT-1", baseline_study()) == "didT-1"


def test_descriptives_are_compared_on_the_sample_and_the_other_scope_is_a_reading():
    printed_rows = pd.DataFrame([{"variable": "CO2", "sd": "1.102", "n": "3017", "mean": "6.194", "min": "", "max": "8.966"}])
    described = pd.DataFrame(
        [
            {"label": "CO2", "scope": "all", "sd": 1.1, "n": 4000, "mean": 6.19, "min": 1.0, "max": 8.97},
            {"label": "CO2", "scope": "sample", "sd": 1.1018, "n": 3017, "mean": 2.77, "min": 1.0, "max": 8.966},
        ]
    )
    found = compare(printed().head(0), printed_rows, estimates(), described, load_study("ai_pilot"), False)
    rows = found.set_index("statistic")
    assert list(rows.index) == ["sd", "n", "mean", "max"]  # an empty cell is no statement
    assert rows.loc["sd", "inside_rounding"] and rows.loc["n", "inside_rounding"] and rows.loc["max", "inside_rounding"]
    assert rows.loc["max", "published_low"] == pytest.approx(8.9655)
    assert not rows.loc["mean", "inside_rounding"] and rows.loc["mean", "closest_reading"] == "all city-years"


def test_the_summary_counts_and_names_synthetic_data():
    rows = printed({"estimate": "-0.644"}, {"estimate": "0.5", "term": "lnpgdp"})
    ours = estimates(
        {"table": "table2", "column": "2", "estimate": -0.6442},
        {"table": "table2", "column": "2", "term": "lnpgdp", "estimate": -0.5},
    )
    found = compare(rows, None, ours, None, load_study("ai_pilot"), True)
    told = summary(found, synthetic=True)
    assert "synthetic" in told[0]
    assert "Of 1 printed coefficients of the treatment 1 have a value here; 1 agree in sign, 1 within rounding." in told
    assert "Of 1 printed coefficients of other terms 1 have a value here; 0 agree in sign, 0 within rounding." in told
    assert "synthetic" not in " ".join(summary(found, synthetic=False))
