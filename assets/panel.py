"""The gate: every rule of ``expectations.gate`` is a check of ``city_panel``, every rule of the raw suite one of its raw table;
a blocking one that fails stops what follows. One step for all: Great Expectations is loaded once, while dbt works.
"""

from collections.abc import Iterator
from itertools import chain

import dagster as dg

from assets.check_files import keep
from assets.reporting import POOL, markdown_table
from assets.sources import raw_key
from citycarbon.checks import CheckResult
from citycarbon.paths import Home
from citycarbon.sources.registry import load_registry
from citycarbon.study import Study
from expectations.gate import run_gate
from expectations.raw_suites import check_raw, raw_checks
from expectations.rule import Rule
from expectations.rules import RULES

PANEL = dg.AssetKey("city_panel")
SHOWN_KEYS = 40


def check_spec(rule: Rule) -> dg.AssetCheckSpec:
    """The rule as Dagster shows it beside the panel."""
    said = f"{rule.title}. {rule.reason}\n\nExpected: {rule.expected}. If it fails: {rule.remedy}."
    return dg.AssetCheckSpec(rule.id, asset=PANEL, blocking=rule.severity == "blocking", description=said)


def raw_check_specs(source: str) -> list[dg.AssetCheckSpec]:
    """A raw table's checks, shown at the table. What stops a run is RAW_SOUND: the tables' readers come before this step."""
    return [dg.AssetCheckSpec(name, asset=raw_key(source), description=why) for name, _, why in raw_checks(source)]


RAW_SOUND = "raw_tables_sound"
SOURCES = tuple(load_registry().numbers)
SPECS = [
    *map(check_spec, RULES),
    dg.AssetCheckSpec(RAW_SOUND, asset=PANEL, blocking=True, description="No blocking check of a raw table failed."),
    *chain.from_iterable(map(raw_check_specs, SOURCES)),
]


@dg.multi_asset_check(name="gate", specs=SPECS, pool=POOL)
def gate(home: dg.ResourceParam[Home], study: dg.ResourceParam[Study]) -> Iterator[dg.AssetCheckResult]:
    raw = {source: check_raw(source, home) for source in SOURCES}
    results = run_gate(home, study)
    keep([*results, *chain.from_iterable(raw.values())], home, study.study, "gate")
    for source, found in raw.items():
        yield from (to_dagster(result, raw_key(source)) for result in found)
    yield from map(to_dagster, results)
    yield raw_verdict([result for found in raw.values() for result in found if result.refuses])


def raw_verdict(refusing: list[CheckResult]) -> dg.AssetCheckResult:
    """One check of the panel for all raw tables, since a panel made of unsound tables is none."""
    return dg.AssetCheckResult(
        asset_key=PANEL,
        check_name=RAW_SOUND,
        passed=not refusing,
        metadata={"failed": markdown_table(["check", "observed"], [(r.id, r.observed) for r in refusing])},
    )


def to_dagster(result: CheckResult, asset: dg.AssetKey = PANEL) -> dg.AssetCheckResult:
    """Our own result as Dagster shows it. Only severity ERROR blocks."""
    severity = dg.AssetCheckSeverity.ERROR if result.severity == "blocking" else dg.AssetCheckSeverity.WARN
    metadata = {"observed": result.observed, "expected": result.expected, "failing keys": len(result.failing)}
    if result.failing:
        metadata["keys"] = markdown_table(["city_id", "year"], [(c or "", y or "") for c, y in result.failing], SHOWN_KEYS)
    return dg.AssetCheckResult(
        asset_key=asset, check_name=result.id, passed=result.passed, severity=severity, metadata=metadata
    )
