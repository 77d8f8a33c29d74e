"""The step-down against its definition, and what any adjustment must keep."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tries import up_to

from citycarbon.econometrics.randomisation import p_value
from citycarbon.econometrics.romano_wolf import step_down


def numbers(seed, hypotheses, draws, correlated=0.5):
    rng = np.random.default_rng(seed)
    common = rng.normal(size=draws + 1)
    both = correlated * common + rng.normal(size=(hypotheses, draws + 1))
    return np.round(both[:, 0] * 2, 1), np.round(both[:, 1:], 1)  # rounded: ties happen


def by_hand(actual, drawn):
    """One hypothesis after the other, each against the largest statistic of those that are left."""
    left, before, out = list(range(len(actual))), 0.0, {}
    while left:
        top = max(left, key=lambda k: abs(actual[k]))
        beyond = sum(max(abs(drawn[k][b]) for k in left) >= abs(actual[top]) - 1e-12 for b in range(drawn.shape[1]))
        before = out[top] = max(before, (1 + beyond) / (drawn.shape[1] + 1))
        left.remove(top)
    return [out[k] for k in range(len(actual))]


SETS = given(seed=st.integers(0, 10_000), hypotheses=st.integers(1, 6), draws=st.integers(1, 60))


@settings(max_examples=up_to(40))
@SETS
def test_equals_the_definition(seed, hypotheses, draws):
    actual, drawn = numbers(seed, hypotheses, draws)
    np.testing.assert_allclose(step_down(actual, drawn).adjusted, by_hand(actual, drawn), rtol=1e-12)


@settings(max_examples=up_to(40))
@SETS
def test_never_below_the_plain_p_nor_above_holm_and_larger_statistics_never_have_larger_p(seed, hypotheses, draws):
    actual, drawn = numbers(seed, hypotheses, draws)
    found = step_down(actual, drawn)
    np.testing.assert_allclose(found.p_value, [p_value(d, a) for d, a in zip(drawn, actual, strict=True)], rtol=1e-12)
    assert (found.adjusted >= found.p_value).all() and (found.adjusted <= 1).all()
    order = np.argsort(-np.abs(actual), kind="stable")
    assert (np.diff(found.adjusted[order]) >= 0).all()
    # In the same order, as Bonferroni and Holm have it: the share of the largest is at most the sum of the shares.
    sums = [sum(p_value(drawn[k], actual[order[i]]) for k in order[i:]) for i in range(hypotheses)]
    assert (found.adjusted[order] <= np.maximum.accumulate(sums) + 1e-12).all()


@settings(max_examples=up_to(30))
@SETS
def test_the_order_of_the_hypotheses_does_not_matter(seed, hypotheses, draws):
    actual, drawn = numbers(seed, hypotheses, draws)
    shuffled = np.random.default_rng(seed).permutation(hypotheses)
    np.testing.assert_array_equal(
        step_down(actual[shuffled], drawn[shuffled]).adjusted, step_down(actual, drawn).adjusted[shuffled]
    )


@settings(max_examples=up_to(20))
@given(seed=st.integers(0, 10_000), hypotheses=st.integers(1, 5))
def test_no_more_than_the_level_of_exchangeable_assignments_is_rejected(seed, hypotheses):
    """Every assignment in turn is the actual one: at most 10 % of them may reject anything at 10 %."""
    _, table = numbers(seed, hypotheses, 40)
    rejected = sum(step_down(table[:, j], np.delete(table, j, axis=1)).adjusted.min() <= 0.10 for j in range(40))
    assert rejected <= 4


def test_one_hypothesis_has_its_own_p():
    actual, drawn = numbers(3, 1, 99)
    found = step_down(actual, drawn)
    assert found.adjusted[0] == found.p_value[0] == p_value(drawn[0], actual[0])


def test_repeats_of_the_actual_assignment_count_up_to_rounding():
    found = step_down(np.array([2.0, 1.0]), np.array([[2.0 * (1 - 1e-12), 0.0], [0.0, 0.5]]))
    assert found.p_value.tolist() == [2 / 3, 1 / 3] and found.adjusted.tolist() == [2 / 3, 2 / 3]


def test_a_draw_without_every_statistic_is_left_out_for_all():
    drawn = np.array([[0.5, np.nan, 3.0, 0.1], [0.5, 9.0, np.nan, 0.2]])
    found = step_down(np.array([2.0, 1.0]), drawn)
    assert found.draws == 2 and found.p_value.tolist() == [1 / 3, 1 / 3]
    nothing = step_down(np.array([2.0]), np.array([[np.nan]]))
    assert nothing.draws == 0 and np.isnan(nothing.adjusted[0]) and np.isnan(nothing.p_value[0])


@pytest.mark.parametrize(
    ("actual", "drawn", "words"), [([1.0, 2.0], [[0.0]], "draws of 1 hypotheses for 2"), ([np.nan], [[0.0]], "leave it out")]
)
def test_refuses_what_has_no_statistic(actual, drawn, words):
    with pytest.raises(ValueError, match=words):
        step_down(np.array(actual), np.array(drawn))
