from types import SimpleNamespace

import pytest

from assets.recovery import compare, judge

STUDY = SimpleNamespace(treatment=SimpleNamespace(policy="ai_pilot"), outcome=SimpleNamespace(series="chen_county"))
TRUTH = {"policy": "ai_pilot", "estimands": {"table2:1": -0.30, "table2:2": -0.28}}


def row(column, estimate, std_error, term="did"):
    return {"table": "table2", "column": column, "term": term, "estimate": estimate, "std_error": std_error}


def test_distance_is_in_standard_errors_and_only_of_the_treatment():
    found = compare([row("1", -0.36, 0.02), row("1", 9.0, 0.1, term="gov"), row("3", 1.0, 0.1)], TRUTH, STUDY)
    assert [(r["column"], round(r["distance"], 6)) for r in found] == [("table2:1", 3.0)]


@pytest.mark.parametrize(("estimate", "passed"), [(-0.37, True), (-0.39, False), (-0.21, False)])
def test_an_estimate_far_from_its_estimand_fails_and_is_named(estimate, passed):
    result = judge(compare([row("1", estimate, 0.02), row("2", -0.28, 0.01)], TRUTH, STUDY))
    assert result.passed == passed and not result.refuses
    assert ("table2:1" in result.observed) == (not passed)


def test_not_estimable_and_other_studies_are_not_judged():
    nan = float("nan")
    assert compare([row("1", nan, nan)], TRUTH, STUDY) == []
    other = SimpleNamespace(treatment=STUDY.treatment, outcome=SimpleNamespace(series="edgar_city"))
    assert compare([row("1", 5.0, 0.1)], TRUTH, other) == []
    result = judge([])
    assert result.passed and result.observed == "nothing was planted"
