"""The lineage of a run in its own plain form (``lineage.json``), which is the source of the forms that other tools read.

The writers of those forms (``prov``, ``openlineage``, ``crate``) are small and by hand: each standard is a JSON document whose
required fields are few, and a library for each would weigh more than it carries.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from citycarbon.provenance.openlineage import to_events
from citycarbon.provenance.prov import to_prov
from citycarbon.release.manifest import write_json


def write_lineage(folder: Path, manifest: dict[str, Any], lineage: dict[str, Any]) -> None:
    """Write ``lineage/lineage.json``, ``prov.json`` and ``openlineage.ndjson`` into a bundle under construction.

    ``lineage``: {"run_id", "job", "assets": [{"key", "group", "kinds", "deps", "code_version", "data_version", "row_count",
    "materialized_at", "column_lineage": {column: [{"asset", "column"}]}, ...}], "checks": [...]}; ``deps`` name assets.
    """
    home = folder.parent.parent
    body = {"release": manifest["id"], "study": manifest["study"], **_relative(lineage, home)}
    target = folder / "lineage"
    write_json(target / "lineage.json", body)
    write_json(target / "prov.json", to_prov(manifest, body))
    lines = [json.dumps(e, ensure_ascii=False) for e in to_events(manifest, body)]
    (target / "openlineage.ndjson").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _relative(value: Any, home: Path) -> Any:
    """Paths below the home are told from the home: where it lay on the machine of the run is no fact of the release."""
    if isinstance(value, dict):
        return {str(k): _relative(v, home) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_relative(v, home) for v in value]
    if isinstance(value, str | Path):
        text = str(value)
        return text.removeprefix(f"{home}/") if text.startswith(f"{home}/") else text
    return value if isinstance(value, bool | int | float) or value is None else str(value)
