"""A cohort is redrawn from units that still have a row when it starts: every such set equally often, and no other."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from citycarbon.econometrics.draws import blocks, cohorts, cohorts_stratified, distinct_assignments

UNITS = list("abcdef")
LAST = dict(zip(UNITS, [2021, 2018, 2021, 2020, 2021, 2019], strict=True))
TREATED = {"a": 2019, "c": 2021, "e": 2021}  # b never has a treated row; d and f only from 2019 on


def drawn(scheme, draws, seed=4):
    """Counter of (units of cohort 2019, units of cohort 2021)."""
    found = Counter()
    for units, cohort in blocks(scheme, seed, draws):
        for j in range(units.shape[1]):
            sets = tuple(
                tuple(sorted(UNITS[u] for u, c in zip(units[:, j], cohort[:, j], strict=True) if c == k)) for k in (0, 1)
            )
            found[sets] += 1
    return found


def possible():
    late = [u for u in UNITS if LAST[u] >= 2021]
    early = [u for u in UNITS if LAST[u] >= 2019]
    return {((e,), pair) for pair in combinations(late, 2) for e in early if e not in pair}


def test_every_observed_set_comes_equally_often_and_no_other():
    scheme = cohorts(UNITS, TREATED, last_year=LAST)
    found, allowed = drawn(scheme, 12_288), possible()
    assert set(found) == allowed and distinct_assignments(scheme) == len(allowed) == 9
    expected = 12_288 / len(allowed)
    chi2 = sum((n - expected) ** 2 / expected for n in found.values())
    assert chi2 < 26.1  # 0.1 % point of chi-squared with 8 degrees of freedom; the seed is fixed


def test_without_last_years_every_unit_is_in_the_pool():
    found = drawn(cohorts(UNITS, TREATED), 4096)
    assert any("b" in early for early, _ in found)
    assert distinct_assignments(cohorts(UNITS, TREATED)) == 6 * 10


def test_strata_keep_their_own_pools():
    strata = [0, 0, 0, 1, 1, 1]
    scheme = cohorts_stratified(UNITS, TREATED, strata, last_year=LAST)
    for early, late in drawn(scheme, 4096):
        assert early in {("a",), ("c",)} and set(late) <= {"a", "c", "e"} and "e" in late
    assert distinct_assignments(scheme) == 2


@pytest.mark.parametrize("seed", [1, 2])
def test_draws_do_not_depend_on_how_many_are_asked_for(seed):
    scheme = cohorts(UNITS, TREATED, last_year=LAST)
    few, many = (np.concatenate([u for u, _ in blocks(scheme, seed, n)], axis=1) for n in (50, 9000))
    np.testing.assert_array_equal(few, many[:, :50])
