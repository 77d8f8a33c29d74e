import pandas as pd
import pytest

pytestmark = pytest.mark.usefixtures("manifest")


def judge(found):
    from assets import recovery

    return recovery.judge(found)


def frame(*rows):
    names = ["table", "column", "estimate", "estimand", "distance_se", "inside_clustered", "inside_ri", "n_treated_units"]
    return pd.DataFrame(rows, columns=names).astype({"inside_clustered": "boolean", "inside_ri": "boolean"})


GOOD = ("table2", "2", -0.28, -0.28, 0.1, True, None, 9)
NONE = ("table4", "1", -0.2, float("nan"), float("nan"), None, None, 5)
FEW = ("table8", "2", -0.18, -0.27, 6.2, False, True, 1)


@pytest.mark.parametrize(("distance", "passed"), [(-3.9, True), (-4.1, False), (4.1, False)])
def test_an_estimate_far_from_its_estimand_fails_and_is_named(distance, passed):
    result = judge(frame(GOOD, ("table2", "1", -0.37, -0.3, distance, False, None, 9)))
    assert result.passed == passed and not result.refuses
    assert ("table2:1" in result.observed) == (not passed)


def test_what_has_no_estimand_or_no_usable_standard_error_is_not_judged():
    assert judge(frame(GOOD, NONE, FEW)).passed
    assert judge(frame(GOOD, NONE, FEW)).observed.startswith("1 coefficients")
    for nothing in (None, frame(NONE)):
        result = judge(nothing)
        assert result.passed and result.observed == "nothing was planted"


def test_columns_are_shown_with_what_their_intervals_hold():
    from assets.recovery import shown

    assert shown(frame(GOOD, NONE)) == [("table2:2", "-0.280", "-0.280", "0.1", "yes", "-")]
    assert shown(None) == []
