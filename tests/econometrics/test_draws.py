"""Assignments are exactly uniform over what their scheme allows, and the same whatever else is drawn."""

from collections import Counter
from math import comb

import pytest
from scipy.stats import chisquare

from citycarbon.econometrics import draws
from citycarbon.econometrics.draws import BLOCK

UNITS = [f"u{i}" for i in range(6)]
FIRST = {"u1": 2019, "u4": 2021, "u5": 2021}


def assignments(scheme, number=BLOCK, seed=7):
    """Each draw as the set of its (unit, first year) pairs."""
    out = []
    for units, cohorts in draws.blocks(scheme, seed, number):
        out += [frozenset(zip(u, c, strict=True)) for u, c in zip(units.T.tolist(), cohorts.T.tolist(), strict=True)]
    return out


def is_uniform(scheme):
    """All assignments occur, and about equally often (the seed is fixed: the test cannot fail by chance)."""
    counts = Counter(assignments(scheme))
    assert len(counts) == draws.distinct_assignments(scheme)
    return chisquare(list(counts.values())).pvalue > 0.001


def test_cohort_sizes_are_kept_and_units_are_distinct():
    scheme = draws.cohorts(UNITS, FIRST)
    assert scheme.first_years == (2019, 2021) and scheme.size == 3
    for drawn in assignments(scheme, 2000):
        assert len({u for u, _ in drawn}) == 3
        assert Counter(c for _, c in drawn) == {0: 1, 1: 2}


def test_every_assignment_is_equally_likely():
    scheme = draws.cohorts(UNITS, FIRST)
    assert draws.distinct_assignments(scheme) == 6 * comb(5, 2)
    assert is_uniform(scheme)


def test_all_units_treated():
    scheme = draws.cohorts(UNITS[:4], {u: 2019 if u == "u0" else 2021 for u in UNITS[:4]})
    assert draws.distinct_assignments(scheme) == 4 and is_uniform(scheme)


def test_strata_keep_their_numbers():
    strata = ["a", "a", "a", "b", "b", "b"]
    scheme = draws.cohorts_stratified(UNITS, FIRST, strata)
    for drawn in assignments(scheme, 2000):
        assert Counter((strata[u], scheme.first_years[c]) for u, c in drawn) == {("a", 2019): 1, ("b", 2021): 2}
    assert draws.distinct_assignments(scheme) == 9 and is_uniform(scheme)


def test_random_years_draw_units_and_years():
    scheme = draws.random_years(UNITS[:4], 2, [2019, 2019, 2020, 2021])
    assert scheme.first_years == (2020, 2021)  # a first year of 2019 would treat every row of the unit
    assert draws.distinct_assignments(scheme) == comb(4, 2) * 4 and is_uniform(scheme)


def test_all_pilots_takes_the_late_cohort_and_leaves_out_pilots_without_rows():
    scheme = draws.all_pilots(UNITS, {**FIRST, "u0": 2022, "elsewhere": 2019})
    assert scheme.first_years == (2019, 2021, 2022) and scheme.size == 4


def test_a_draw_does_not_depend_on_how_many_are_drawn():
    scheme = draws.cohorts(UNITS, FIRST)
    few, many = assignments(scheme, 500), assignments(scheme, BLOCK + 500)
    assert many[:500] == few and len(many) == BLOCK + 500
    assert assignments(scheme, BLOCK + 900)[BLOCK + 500 :] == assignments(scheme, 2 * BLOCK)[BLOCK + 500 : BLOCK + 900]


def test_blocks_and_seeds_differ():
    scheme = draws.cohorts(UNITS, FIRST)
    first = draws.block(scheme, 7, 0)[0]
    assert (first != draws.block(scheme, 7, 1)[0]).any() and (first != draws.block(scheme, 8, 0)[0]).any()


def test_a_seed_is_a_function_of_its_names_alone():
    seed = draws.seed_of(20190515, "table2", "2", "cohorts")
    assert seed == draws.seed_of(20190515, "table2", "2", "cohorts") == 8578032009746126715
    others = [(1, "table2", "2", "cohorts"), (20190515, "table3", "2", "cohorts"), (20190515, "table2", "2p", "cohorts")]
    assert seed not in {draws.seed_of(*o) for o in others} and 0 <= seed < 2**63


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: draws.cohorts(UNITS, {}), "no treated unit"),
        (lambda: draws.cohorts(UNITS, {"x": 2019}), "not in the sample: x"),
        (lambda: draws.random_years(UNITS, 2, [2019]), "two years"),
    ],
)
def test_nothing_to_draw_is_said(make, told):
    with pytest.raises(ValueError, match=told):
        make()
