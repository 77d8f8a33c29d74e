"""OpenLineage of a release: one COMPLETE event an asset, with versions, row counts and column lineage as facets."""

from __future__ import annotations

import uuid
from typing import Any

RUN_EVENT = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
FACETS = {
    "version": "https://openlineage.io/spec/facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet",
    "columnLineage": "https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet",
    "outputStatistics": (
        "https://openlineage.io/spec/facets/1-0-2/OutputStatisticsOutputDatasetFacet.json"
        "#/$defs/OutputStatisticsOutputDatasetFacet"
    ),
    "parent": "https://openlineage.io/spec/facets/1-0-1/ParentRunFacet.json#/$defs/ParentRunFacet",
}
NAMESPACE = "citycarbon"


def to_events(manifest: dict[str, Any], lineage: dict[str, Any]) -> list[dict[str, Any]]:
    """One event for each asset of the run and one for the release itself, in the order of the lineage."""
    finished = manifest.get("run", {}).get("finished_at") or manifest["created_at"]
    run = str(lineage.get("run_id") or manifest["id"])
    assets = lineage.get("assets", [])
    events = [_asset_event(a, run, manifest, finished) for a in assets]
    sources = [_dataset(f"source/{r['source']}/{r['edition']}", r["sha256"], manifest) for r in manifest["records"]]
    release = _dataset(f"release/{manifest['study']}", manifest["id"], manifest)
    return [*events, _event("release_bundle", run, manifest, finished, inputs=sources, outputs=[release])]


def _asset_event(asset: dict[str, Any], run: str, manifest: dict[str, Any], finished: str) -> dict[str, Any]:
    versions = asset.get("input_data_versions") or {}
    inputs = [_dataset(d, versions.get(d), manifest) for d in asset.get("deps") or []]
    output = _dataset(asset["key"], asset.get("data_version"), manifest)
    columns = {c: _upstream(u) for c, u in (asset.get("column_lineage") or {}).items()}
    if columns:
        output["facets"]["columnLineage"] = _facet("columnLineage", manifest, fields=columns)
    if asset.get("row_count") is not None:
        output["outputFacets"] = {"outputStatistics": _facet("outputStatistics", manifest, rowCount=asset["row_count"])}
    return _event(asset["key"], run, manifest, asset.get("materialized_at") or finished, inputs=inputs, outputs=[output])


def _event(name: str, run: str, manifest: dict[str, Any], time: str, **datasets: list[dict[str, Any]]) -> dict[str, Any]:
    parent = _facet("parent", manifest, run={"runId": _uuid(run)}, job={"namespace": NAMESPACE, "name": manifest["study"]})
    return {
        "eventType": "COMPLETE",
        "eventTime": time,
        "run": {"runId": _uuid(f"{run}/{name}"), "facets": {"parent": parent}},
        "job": {"namespace": NAMESPACE, "name": name, "facets": {}},
        **datasets,
        "producer": _producer(manifest),
        "schemaURL": RUN_EVENT,
    }


def _dataset(name: str, version: str | None, manifest: dict[str, Any]) -> dict[str, Any]:
    facets = {"version": _facet("version", manifest, datasetVersion=version)} if version else {}
    return {"namespace": NAMESPACE, "name": name, "facets": facets}


def _upstream(columns: list[dict[str, str]]) -> dict[str, Any]:
    return {"inputFields": [{"namespace": NAMESPACE, "name": c["asset"], "field": c["column"]} for c in columns]}


def _facet(name: str, manifest: dict[str, Any], **content: Any) -> dict[str, Any]:
    return {"_producer": _producer(manifest), "_schemaURL": FACETS[name], **content}


def _producer(manifest: dict[str, Any]) -> str:
    return f"urn:citycarbon:{manifest['code']['version'][:16]}"


def _uuid(text: str) -> str:
    """A run id as the standard wants it: itself where it is a UUID, else one derived from it."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:citycarbon:{text}"))
