"""Sentences about tables: directions are signs, per cents only of plain logs, no half is stronger without a test."""

import math
import re

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tries import up_to

from citycarbon.report.results import NO_RESULTS
from citycarbon.report.sentences import p_is, p_text, scaled
from citycarbon.report.table_sentences import (
    column_sentence,
    controls_sentences,
    difference_sentence,
    table_sentences,
    treatment_rows,
    variants_sentence,
)

FORBIDDEN = re.compile(r"significant|positive impact|negative impact|proves|causes", re.I)


def row(**changes):
    base = {
        "table": "table2", "column": "2", "term": "did", "outcome": "lnco2", "outcome_unit": "Mt", "transform": "ln",
        "estimate": -0.3, "std_error": 0.1, "p_value": 0.003, "p_ri_t": 0.02, "p_ri_beta": 0.01, "star_rule": "ri_t",
        "fixed_effects": "city (220 levels) + year (19 levels)", "sample": "s", "n_treated_units": 9, "n_treated_cells": 17,
        "note": "",
    }  # fmt: skip
    return base | changes


def frame(*rows):
    return pd.DataFrame(list(rows))


numbers = st.floats(-5, 5).filter(lambda x: x == 0 or abs(x) > 1e-6)


@settings(max_examples=up_to(40))
@given(estimate=numbers, transform=st.sampled_from(["ln", "ln(1+x)", "none"]), p=st.floats(1e-5, 1))
def test_the_direction_is_the_sign_and_a_per_cent_belongs_to_a_plain_log(estimate, transform, p):
    one = row(estimate=estimate, transform=transform, p_ri_t=p)
    said = column_sentence(frame(one), one, "CO2")
    assert not FORBIDDEN.search(said)
    if estimate < 0:
        assert " lower" in said and "higher" not in said
    if estimate > 0:
        assert " higher" in said and "lower" not in said
    assert ("% " in said) == (transform == "ln")
    if transform == "ln":
        told = float(re.search(r"([\d.]+) % ", said)[1])
        assert math.isclose(told, 100 * abs(math.expm1(estimate)), abs_tol=0.051)
    assert "by randomisation inference on t" in said and "by the clustered t test" in said
    assert "9 treated cities (17 treated city-years)" in said


def test_not_estimable_and_one_treated_city_are_said():
    lost = row(estimate=math.nan, note="not estimable: 0 treated cities in this sample")
    assert column_sentence(frame(lost), lost, "CO2", "low half").endswith(
        "not estimable (not estimable: 0 treated cities in this sample)."
    )
    alone = row(n_treated_units=1, n_treated_cells=1, p_ri_t=math.nan, star_rule="none")
    said = column_sentence(frame(alone), alone, "CO2", "low half")
    assert "1 treated city (1 treated city-year)" in said and "p by randomisation inference none" in said and "low half" in said
    pending = row(p_ri_t=math.nan, star_rule="pending")
    assert "not computed" in column_sentence(frame(pending), pending, "CO2")


@settings(max_examples=up_to(25))
@given(before=numbers, after=numbers)
def test_what_the_controls_do_is_the_change_in_size(before, after):
    rows = [row(column="1", estimate=before), row(column="2", estimate=after)]
    (said,) = controls_sentences(frame(*rows, row(column="2", term="gov"), row(column="2", term="edu")), rows)
    word = "increase" if abs(after) > abs(before) else "decrease" if abs(after) < abs(before) else "do not change"
    assert f"the controls {word} the size" in said
    assert ("turn its sign" in said) == (before * after < 0)


def test_the_published_table_2_would_be_told_as_a_fall():
    rows = [row(column="1", estimate=-1.603), row(column="2", estimate=-0.644)]
    (said,) = controls_sentences(frame(*rows, row(column="2", term="gov")), rows)
    assert "decrease the size of did by 0.959, 59.8 %" in said


def test_controls_are_compared_only_among_columns_alike():
    rows = [row(column="1"), row(column="2", sample="another")]
    assert controls_sentences(frame(*rows, row(column="2", term="gov")), rows) == []
    rows = [row(column="1"), row(column="1p", fixed_effects="province (30 levels) + year (19 levels)")]
    assert controls_sentences(frame(*rows, row(column="1p", term="gov")), rows) == []


HALVES = {"label": "loans", "difference": "-0.3", "p_ri": "0.04", "estimate_low": "-0.1", "estimate_high": "-0.4"}


@settings(max_examples=up_to(60))
@given(p=st.floats(0, 1), low=numbers, high=numbers)
def test_more_pronounced_is_earned_by_the_test_alone(p, low, high):
    line = HALVES | {"p_ri": repr(p), "estimate_low": repr(low), "estimate_high": repr(high), "difference": repr(high - low)}
    said = difference_sentence(line)
    assert ("more pronounced" in said) == (p < 0.10 and low * high > 0)
    if "more pronounced" in said:
        assert f"in the {'high' if abs(high) > abs(low) else 'low'} half" in said
    assert not FORBIDDEN.search(said)


@pytest.mark.parametrize("change", [{"p_ri": ""}, {"difference": ""}, {"p_ri": "nan"}])
def test_without_a_test_nothing_is_said_of_which_half_responds_more(change):
    said = difference_sentence(HALVES | change)
    assert "more pronounced" not in said and "nan" not in said


def test_other_readings_are_summed_up_with_what_is_lost():
    rows = [row(table="table4_variants", column=c, estimate=e) for c, e in (("a", -0.4), ("b", math.nan), ("c", 0.1))]
    said = variants_sentence(frame(*rows), "table4_variants")
    assert said == (
        "Table 4, variants: 3 columns, the treatment's coefficient from \N{MINUS SIGN}0.400 (column a) to 0.100 (column c); "
        "not estimable in 1: b."
    )


def test_every_column_is_told_once_and_dummies_of_other_policies_are_no_treatment(estimates):
    rows = treatment_rows(estimates, "table2")
    assert [r["column"] for r in rows] == ["1", "2", "1p", "2p"]
    with_other = pd.concat([estimates, frame(*[r | {"term": "did_low_carbon"} for r in rows])], ignore_index=True)
    assert [r["term"] for r in treatment_rows(with_other, "table2")] == ["did"] * 4
    said = table_sentences(estimates, "table2", {}, {"1": "without controls"}, NO_RESULTS)
    assert len(said) == 6 and "Column 1 (without controls, city and year effects, no controls)" in said[0]
    assert not any(FORBIDDEN.search(s) or "nan" in s for s in said)


@pytest.mark.parametrize(
    ("value", "text"), [(0.25, "0.250"), (0.00051, "0.0005"), (0.00001, "<0.0001"), (0.0, "<0.0001"), (1.0, "1.000")]
)
def test_p_values_as_printed(value, text):
    assert p_text(value) == text
    assert p_is(value) == (f"p < {text[1:]}" if text[0] == "<" else f"p = {text}")


def test_decimals_follow_the_standard_error():
    assert scaled(0.0004703, 0.000171) == "0.00047" and scaled(-0.377, 0.0748) == "\N{MINUS SIGN}0.377"
