"""dbt's tests as our own results: read from the manifest and run_results of one build."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from citycarbon.checks import CheckResult


def read_test_results(target: Path) -> list[CheckResult]:
    """One result a dbt test of the last build in ``target``; a test that dbt skipped, as its model was not built, fails.

    Empty where dbt did not get as far as running anything.
    """
    results, manifest = target / "run_results.json", target / "manifest.json"
    if not (results.is_file() and manifest.is_file()):
        return []
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"]
    body = json.loads(results.read_text(encoding="utf-8"))["results"]
    return [to_check(nodes[r["unique_id"]], r) for r in body if r["unique_id"] in nodes and r["unique_id"].startswith("test.")]


def to_check(node: Mapping[str, Any], result: Mapping[str, Any]) -> CheckResult:
    """A dbt test of severity error is blocking: dbt builds nothing on a model that failed it."""
    status, failures = result["status"], result.get("failures")
    severity = "blocking" if str(node["config"].get("severity", "error")).lower() == "error" else "warning"
    observed = f"{failures or 0} failing rows" if status in ("pass", "fail", "warn") else f"{status}: {result.get('message')}"
    return CheckResult(
        id=node["name"],
        severity=severity,
        passed=status == "pass",
        observed=observed,
        expected="no failing row",
        title=node.get("description") or node["name"].replace("_", " "),
        reason="staging keeps what it promises: keys, relationships, accepted values, units",
        engine="dbt",
        columns=[node["column_name"]] if node.get("column_name") else [],
    )
