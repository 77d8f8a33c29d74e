"""Halves by hand, the sum check and how it fails, what a splits.csv row says, and the sentence that L54 allows."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from split_panels import CITY, LIST, ROW, split_panel, split_study
from tries import up_to

from citycarbon.econometrics import estimate_columns, split_text
from citycarbon.econometrics.contract import write_csv
from citycarbon.econometrics.splits import SPLIT_COLUMNS, check_splits, criterion, groups, pairs, split_report
from citycarbon.study import load_study
from citycarbon.study.spec import Split


@pytest.fixture(scope="module")
def reported(base_study):
    panel, study = split_panel(extra=-0.6), split_study(base_study, CITY, ROW, LIST)
    estimates = estimate_columns(panel, study)
    return panel, study, estimates, split_report(panel, study, estimates, draws=199)


def hand_panel() -> pd.DataFrame:
    """Four cities, 2018 to 2019; means before 2019 of 1, 2, 2 and missing: the median is 2, both twos are low."""
    rows = [("a", 1.0, 9.0, 2012), ("b", 2.0, 0.0, 2019), ("c", 2.0, 5.0, np.nan), ("d", np.nan, 7.0, 2018)]
    return pd.DataFrame(
        [(c, y, v, f, np.nan) for c, before, after, f in rows for y, v in ((2018, before), (2019, after))],
        columns=["city_id", "year", "loans_yuan", "first_year_broadband", "first_year_smart_city"],
    )


def halves(panel, chosen=None, **split):
    declared = Split(id="s", label="s", year=2019, **split)
    chosen = pd.Series(True, index=panel.index) if chosen is None else chosen
    return groups(panel, None, declared, chosen)


def test_the_city_mean_before_the_year_is_cut_at_the_median_over_cities_and_ties_are_low():
    panel = hand_panel()
    got = halves(panel, criterion="median", variable="loans_yuan")
    assert got.groupby(panel["city_id"]).first(skipna=False).tolist()[:3] == ["low", "low", "low"]
    assert got[panel["city_id"] == "d"].isna().all()  # no value before 2019
    value, cut = criterion(
        panel, Split(id="s", label="s", criterion="median", variable="loans_yuan", year=2019), panel["year"] > 0
    )
    assert cut == 2.0 and value.tolist()[:4] == [1.0, 1.0, 2.0, 2.0]
    one_less = halves(panel, panel["city_id"] != "c", criterion="median", variable="loans_yuan")  # the cut is 1.5 without c
    assert one_less.groupby(panel["city_id"]).first(skipna=False).tolist()[:3] == ["low", "high", "high"]


def test_rows_thresholds_and_lists_split_as_declared():
    panel = hand_panel()
    rows = halves(panel, criterion="median", variable="loans_yuan", level="row")  # 0 1 2 2 5 7 9: the median is 2
    assert rows.where(rows.notna(), "").tolist() == ["low", "high", "low", "low", "low", "high", "", "high"]
    above = halves(panel, criterion="threshold", variable="loans_yuan", cut=1.5)
    assert above.where(above.notna(), "").tolist() == ["low"] * 2 + ["high"] * 4 + [""] * 2
    by_list = halves(panel, criterion="adopted", policies=["broadband"])
    assert by_list.tolist() == ["high"] * 4 + ["low"] * 2 + ["high"] * 2
    assert set(halves(panel, criterion="adopted", policies=["broadband", "smart_city"], combine="all")) == {"low"}


def test_the_shipped_study_declares_a_pair_for_every_half():
    study = load_study("ai_pilot")
    found = pairs(study)
    halves_declared = sum(c.half is not None for t in study.regression_tables().values() for c in t.columns)
    assert len(found) * 2 == halves_declared
    headline = {(p.table, p.low.fixed_effects[0], p.high.id, p.low.id) for p in found if p.table in ("table5", "table6")}
    assert headline == {
        ("table5", "city", "1", "2"), ("table5", "province", "1p", "2p"),
        ("table6", "city", "2", "1"), ("table6", "province", "2p", "1p"),
    }  # fmt: skip
    assert {p.split.id for p in found} == {s.id for s in study.splits}


def test_every_row_of_the_sample_is_accounted_for(reported):
    panel, _, estimates, frame = reported
    assert list(frame.columns) == list(SPLIT_COLUMNS)
    assert frame["sum_holds"].all()
    assert (frame["n_total"] == int(panel["in_sample"].sum())).all()
    by_city, by_row, by_list = (frame.iloc[i] for i in range(3))
    no_patents = panel["in_sample"] & panel["city_id"].isin(
        panel.loc[panel["patents_granted"].isna() & (panel["year"] == 2005), "city_id"]
    )
    assert by_city["missing"] == no_patents.sum() > 0 and by_list["missing"] == 0
    assert by_row["missing"] == (panel["in_sample"] & panel["patents_granted"].isna()).sum()
    assert by_city["n_units_both"] == 0 and by_row["n_units_both"] > 0 and by_row["singletons"] > 0
    assert check_splits(frame, estimates).passed
    recorded = estimates[(estimates["table"] == "table_by_city") & (estimates["term"] == "did")].set_index("column")
    assert by_city["estimate_high"] == recorded.loc["1", "estimate"] and by_city["se_low"] == recorded.loc["2", "std_error"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"missing": 0}, "not"),
        ({"n_low": 3}, "estimated on"),
        ({"sum_holds": False}, "not"),
        ({"n_units_both": 2}, "2 cities lie in both halves"),
        ({"pooled_gap": 1e-6}, "slopes differ"),
        ({"column_low": "9"}, "estimated on none rows"),
    ],
)
def test_the_check_refuses_what_does_not_add_up(reported, change, says):
    _, _, estimates, frame = reported
    broken = frame.copy()
    for name, value in change.items():
        broken.loc[0, name] = value
    result = check_splits(broken, estimates)
    assert result.refuses and says in result.observed and f"table_by_city {broken.loc[0, 'column_low']}/1" in result.observed


def test_a_rule_that_gives_a_row_to_no_half_is_found(reported, monkeypatch, base_study):
    """The check is no identity: a split whose rule loses rows does not add up."""
    from citycarbon.econometrics import splits

    panel = split_panel()
    study = split_study(base_study, LIST)
    honest = splits.groups

    def third(panel, study, split, chosen):
        out = honest(panel, study, split, chosen)
        return out.where(panel["year"] != 2007, "middle")

    monkeypatch.setattr(splits, "groups", third)
    estimates = estimate_columns(panel, study)
    result = check_splits(split_report(panel, study, estimates, draws=19), estimates)
    assert result.refuses and f"not {int(panel['in_sample'].sum())}" in result.observed


def test_the_report_does_not_depend_on_the_order_of_rows_and_writes_no_nan(reported, tmp_path):
    panel, study, estimates, frame = reported
    again = split_report(panel.sample(frac=1, random_state=3), study, estimates, draws=199)
    pd.testing.assert_frame_equal(frame, again)
    write_csv(frame, tmp_path / "splits.csv")
    assert "nan" not in (tmp_path / "splits.csv").read_text().lower().replace("finance", "")


def test_a_difference_that_is_there_is_found_and_called_by_its_half(base_study):
    panel, study = split_panel(seed=3, extra=-2.0), split_study(base_study, CITY)
    row = split_report(panel, study, estimate_columns(panel, study), draws=499).iloc[0]
    assert row["p_ri"] < 0.10 and row["difference"] < -1
    assert "more pronounced in the high half" in row["sentence"]


def test_a_half_without_treated_cities_keeps_its_row(base_study):
    panel = split_panel()
    treated = panel["did_ai_pilot"] == 1
    panel["first_year_broadband"] = np.where(panel["city_id"].isin(panel.loc[treated, "city_id"]), 2005.0, np.nan)
    study = split_study(base_study, LIST)
    estimates = estimate_columns(panel, study)
    frame = split_report(panel, study, estimates, draws=19)
    row = frame.iloc[0]
    assert np.isnan(row["estimate_low"]) and np.isnan(row["difference"]) and np.isnan(row["p_ri"])
    assert "not estimable, 0 treated in the low half" in row["sentence"] and "0 treated cities" in row["flag"]
    assert row["sum_holds"] and check_splits(frame, estimates).passed


def test_one_treated_city_is_flagged_and_earns_no_comparison(base_study):
    panel = split_panel(extra=-2.0)
    one = panel.loc[panel["did_ai_pilot"] == 1, "city_id"].min()
    rest = set(panel.loc[panel["did_ai_pilot"] == 1, "city_id"]) - {one}
    panel["first_year_broadband"] = np.where(panel["city_id"].isin(rest), 2005.0, np.nan)
    panel.loc[panel["city_id"].isin(sorted(set(panel["city_id"]))[12:18]), "first_year_broadband"] = 2005.0
    study = split_study(base_study, LIST)
    row = split_report(panel, study, estimate_columns(panel, study), draws=99).iloc[0]
    assert row["treated_units_low"] == 1 and np.isfinite(row["p_ri"])
    assert row["flag"] == "1 treated city in the low half: no star"
    assert "earns neither a star nor a comparison" in row["sentence"] and "pronounced" not in row["sentence"]


@pytest.mark.parametrize("keep", [0, 1, 2])
def test_degenerate_panels_give_rows_and_no_crash(base_study, keep):
    panel = split_panel()
    panel = (
        panel[panel["city_id"].isin(sorted(set(panel["city_id"]))[:keep])] if keep < 2 else panel.assign(patents_granted=np.nan)
    )
    study = split_study(base_study, CITY, ROW)
    estimates = estimate_columns(panel, study)
    frame = split_report(panel, study, estimates, draws=19)
    assert len(frame) == 2 and frame["difference"].isna().all() and frame["sum_holds"].all()
    assert check_splits(frame, estimates).passed


def test_a_study_without_splits_has_no_rows(base_study):
    assert split_report(split_panel(), base_study, pd.DataFrame()).empty
    assert check_splits(split_report(split_panel(), base_study, pd.DataFrame()), pd.DataFrame()).passed


def test_an_incomplete_list_is_flagged():
    row = {"treated_units_low": 3, "treated_units_high": 3, "n_units_both": 0}
    smart = Split(id="s", label="s", criterion="adopted", policies=["broadband", "smart_city"], year=2018)
    assert split_text.flag(row, smart, {"smart_city"}) == "incomplete list of smart_city: a variant only"
    assert split_text.flag(row, LIST, {"smart_city"}) == ""


@settings(max_examples=up_to(100))
@given(
    p=st.one_of(st.floats(0.0001, 1), st.just(float("nan"))),
    low=st.integers(0, 5), high=st.integers(0, 5), both=st.integers(0, 3),
    estimates=st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
)  # fmt: skip
def test_more_pronounced_is_written_only_where_the_difference_earns_it(p, low, high, both, estimates):
    row = {
        "label": "x", "fixed_effects": "city", "n_units_both": both, "treated_units_low": low, "treated_units_high": high,
        "estimate_low": estimates[0] if low else math.nan, "estimate_high": estimates[1] if high else math.nan, "se_low": 0.1,
        "se_high": 0.1, "difference": estimates[1] - estimates[0], "se": 0.1, "p_ri": p if low and high else math.nan,
    }  # fmt: skip
    text = split_text.sentence(row, "")
    earned = low > 1 and high > 1 and p < 0.10 and estimates[0] * estimates[1] >= 0
    assert ("more pronounced" in text) == earned
    assert ("cannot tell the halves apart" in text) == (low > 1 and high > 1 and p >= 0.10)
    assert "nan" not in text and text.endswith(".") and ("stand" in text) == (both > 0)
    assert ("not estimable" in text) == (low == 0 or high == 0)
