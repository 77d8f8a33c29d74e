"""The gate: every rule of ``expectations.gate`` is a check of ``city_panel``; a blocking one that fails stops what follows."""

from collections.abc import Iterator

import dagster as dg

from assets.check_files import keep
from assets.reporting import POOL, markdown_table
from citycarbon.checks import CheckResult
from citycarbon.paths import Home
from citycarbon.study import Study
from expectations.gate import run_gate
from expectations.rule import Rule
from expectations.rules import RULES

PANEL = dg.AssetKey("city_panel")
SHOWN_KEYS = 40


def check_spec(rule: Rule) -> dg.AssetCheckSpec:
    """The rule as Dagster shows it beside the panel."""
    said = f"{rule.title}. {rule.reason}\n\nExpected: {rule.expected}. If it fails: {rule.remedy}."
    return dg.AssetCheckSpec(rule.id, asset=PANEL, blocking=rule.severity == "blocking", description=said)


@dg.multi_asset_check(name="gate", specs=[check_spec(rule) for rule in RULES], pool=POOL)
def gate(home: dg.ResourceParam[Home], study: dg.ResourceParam[Study]) -> Iterator[dg.AssetCheckResult]:
    results = run_gate(home, study)
    keep(results, home, study.study, "gate")
    yield from map(to_dagster, results)


def to_dagster(result: CheckResult) -> dg.AssetCheckResult:
    """Our own result as Dagster shows it. Only severity ERROR blocks."""
    severity = dg.AssetCheckSeverity.ERROR if result.severity == "blocking" else dg.AssetCheckSeverity.WARN
    metadata = {"observed": result.observed, "expected": result.expected, "failing keys": len(result.failing)}
    if result.failing:
        metadata["keys"] = markdown_table(["city_id", "year"], [(c or "", y or "") for c, y in result.failing], SHOWN_KEYS)
    return dg.AssetCheckResult(
        asset_key=PANEL, check_name=result.id, passed=result.passed, severity=severity, metadata=metadata
    )
