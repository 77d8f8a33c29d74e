"""All rules of the ledger on one paper's tables, in their order. A new rule is one line here and a row in docs/forensics.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from citycarbon.forensics import (
    binary,
    claims,
    coverage,
    effects,
    errors_ratio,
    errors_size,
    findings,
    levels,
    placebo,
    samples,
    scale,
    stars,
    subgroups,
    transforms,
    treatment,
)
from citycarbon.forensics.design import Design
from citycarbon.forensics.findings import Finding, Rule
from citycarbon.forensics.paper import Paper, paper_of

if TYPE_CHECKING:
    import pandas as pd

Judge = Callable[[Paper, Design | None], list[Finding]]

RULES: tuple[tuple[Rule, Judge], ...] = (
    (treatment.SUPPORT, treatment.treatment_support),
    (binary.BINARY, binary.binary_mean_and_sd),
    (levels.LEVELS, levels.implied_outcome_mean),
    (scale.SCALE, scale.descriptives_against_regressions),
    (transforms.TRANSFORMS, transforms.transform_plausibility),
    (samples.SPLITS, samples.split_arithmetic),
    (samples.R2_BOUND, samples.r2_subsample_bound),
    (effects.EFFECTS, effects.fixed_effect_labels),
    (errors_ratio.RATIOS, errors_ratio.standard_error_ratios),
    (errors_size.MINIMUM, errors_size.minimum_standard_error),
    (stars.STARS, stars.interval_star_test),
    (placebo.PLACEBO, placebo.placebo_spread),
    (subgroups.SUBGROUPS, subgroups.subgroup_difference),
    (claims.CLAIMS, claims.claims_against_numbers),
    (coverage.COVERAGE, coverage.source_coverage),
)


def examine(
    published: pd.DataFrame, descriptives: pd.DataFrame | None, design: Design | None, subject: str | None = None
) -> pd.DataFrame:
    """Every finding on the printed tables, one row each, and one row a rule with scope ``overall``.

    ``published`` and ``descriptives``: frames of text as ``read_published`` and ``read_descriptives`` give them (columns in
    docs/forensics.md). ``design``: what the paper says of itself, from ``load_design``. Columns of the result: subject, rule,
    finding, scope, verdict (pass, warn, fail, not_applicable), observed, expected, explanation. Same input, same rows.
    """
    source = design.descriptive_table if design else "the descriptive table"
    paper = paper_of(published, descriptives, source)
    name = (design.subject if design and design.subject else None) or subject or "paper"
    return findings.frame(name, [(rule, judge(paper, design)) for rule, judge in RULES])


def titles() -> dict[str, str]:
    """What each rule asks, by its number."""
    return {rule.id: rule.asks for rule, _ in RULES}
