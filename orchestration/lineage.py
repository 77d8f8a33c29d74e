"""The lineage of a run as plain data: assets, what they depend on, code and data versions, row counts, checks.

Recorded by run id, so that a release's record stays as it was. Which file formats a release writes from it is not decided here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import dagster as dg

_INPUT_VERSION = "dagster/input_data_version/"


class RunLineage:
    """Exports what Dagster knows of the run that a step belongs to."""

    def export(self, context: dg.AssetExecutionContext) -> dict[str, Any]:
        """{"run_id", "job", "assets": [...], "checks": [...]}; called by the last asset for everything above it."""
        graph = context.job_def.asset_layer.asset_graph
        return {
            "run_id": context.run.run_id,
            "job": context.job_name,
            "assets": [self._asset(key, graph, context) for key in sorted(graph.materializable_asset_keys)],
            "checks": run_checks(context.instance, context.run.run_id),
        }

    def _asset(self, key: dg.AssetKey, graph: Any, context: dg.AssetExecutionContext) -> dict[str, Any]:
        node = graph.get(key)
        described = {
            "key": key.to_user_string(),
            "group": node.group_name,
            "kinds": sorted(node.kinds),
            "deps": sorted(parent.to_user_string() for parent in node.parent_keys),
            "code_version": node.code_version,
        }
        return described | materialization(key, context.instance)


def materialization(key: dg.AssetKey, instance: dg.DagsterInstance) -> dict[str, Any]:
    """Run, time, data version, versions of the inputs, row count, sha256, path and column lineage of the newest one.

    Values are None (or empty) where the asset was never materialised, as the last asset of a run is while it exports.
    """
    event = instance.get_latest_materialization_event(key)
    found = event.asset_materialization if event else None
    tags = (found.tags or {}) if found else {}
    metadata = found.metadata if found else {}
    return {
        "run_id": event.run_id if event else None,
        "materialized_at": _iso(event.timestamp) if event else None,
        "data_version": tags.get("dagster/data_version"),
        "input_data_versions": {
            name.removeprefix(_INPUT_VERSION): version
            for name, version in sorted(tags.items())
            if name.startswith(_INPUT_VERSION)
        },
        "row_count": _plain(metadata.get("dagster/row_count")),
        "sha256": _plain(metadata.get("sha256")),
        "path": _plain(metadata.get("path")),
        "column_lineage": column_lineage(metadata.get("dagster/column_lineage")),
    }


def column_lineage(value: Any) -> dict[str, list[dict[str, str]]]:
    """Column -> the upstream columns it is computed from, as Dagster's metadata holds them."""
    if value is None:
        return {}
    deps = value.value.deps_by_column
    return {
        column: [{"asset": d.asset_key.to_user_string(), "column": d.column_name} for d in deps[column]]
        for column in sorted(deps)
    }


def run_checks(instance: dg.DagsterInstance, run_id: str) -> list[dict[str, Any]]:
    """Every check that was evaluated in this run. One that waits for a later run is not among them."""
    found = []
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        evaluation = entry.dagster_event.asset_check_evaluation_data if entry.dagster_event else None
        if evaluation is not None:
            found.append(
                {
                    "asset": evaluation.asset_key.to_user_string(),
                    "check": evaluation.check_name,
                    "passed": evaluation.passed,
                    "severity": evaluation.severity.value,
                    "evaluated_at": _iso(entry.timestamp),
                }
            )
    return sorted(found, key=lambda c: (c["asset"], c["check"]))


def _plain(value: Any) -> Any:
    return getattr(value, "value", value)


def _iso(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="seconds")
