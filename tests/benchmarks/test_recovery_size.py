"""The figures of docs/methods.md in small: some hundred panels, bounds from binomial quantiles. Marker ``slow``."""

from __future__ import annotations

import pytest

from benchmarks import recovery
from benchmarks.recovery_summary import summarise
from benchmarks.recovery_trials import PANELS_PER_BLOCK, SCENARIOS, run_block

pytestmark = pytest.mark.slow
RARE = 1e-4  # a right test fails here once in ten thousand; the seeds are fixed


def figures(scenario: str, blocks: int):
    spans = (range(b * PANELS_PER_BLOCK, (b + 1) * PANELS_PER_BLOCK) for b in range(blocks))
    found = [t for b, span in enumerate(spans) for t in run_block(SCENARIOS[scenario], b, span)]
    return {f.quantity: f for f in summarise(found)}


def quantiles(panels: int) -> tuple[float, float]:
    """Shares of rejections between which a test of size 5 % stays, but for RARE."""
    from scipy.stats import binom

    low, high = binom.ppf([RARE / 2, 1 - RARE / 2], panels, 0.05)
    return low / panels, high / panels


def test_the_headline_test_has_its_size_and_the_clustered_one_has_not():
    found = figures("no_effect", 16)
    main, (low, high) = found["main"], quantiles(400)
    assert low <= main.reject_ri <= high
    assert main.reject_clustered > main.reject_ri + 0.02
    assert found["main_all_cities"].reject_ri < main.reject_ri, "cities without a treated row do not belong in the pool"


def test_effects_are_recovered_and_covered():
    found = figures("constant_effect", 6)
    low, high = quantiles(150)
    assert len(found) == 9
    for figure in found.values():
        assert abs(figure.z) < 6.5  # of t(5): once in a thousand
        if not figure.quantity.endswith("difference"):
            assert low <= figure.reject_ri <= high, figure.quantity


def test_the_table_of_the_methods_is_of_this_code():
    """Where this fails a change has moved the figures: ``make recovery ARGS=--docs`` measures them again."""
    said = recovery.check(recovery.METHODS.read_text(encoding="utf-8"), recovery.probe())
    assert said.startswith("the recovery table"), said
