"""The inputs of a release as its manifest lists them: one entry a received file, with what the source's record says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from citycarbon.release.identity import record_sha256

RECORD_FIELDS = (
    "producer",
    "title",
    "edition_year",
    "licence",
    "redistributable",
    "citation",
    "url",
    "access_date",
    "unit_notes",
    "synthetic",
)
IDENTITY_FIELDS = ("source", "edition", "file", "sha256", "record_sha256")


def list_inputs(landing: Path) -> list[dict[str, Any]]:
    """Every file of every complete drop: source, edition, file, sha256, bytes and the record's fields, sorted."""
    from citycarbon.sources.landing import scan

    found = []
    for drop in scan(landing):
        if not drop.is_complete or drop.record is None:
            continue
        record = drop.record.model_dump(mode="json")
        said = {k: record.get(k) for k in RECORD_FIELDS} | {"record_sha256": record_sha256(drop.record)}
        for f in drop.files:
            found.append(
                {"source": drop.source, "edition": drop.edition, "file": f.name, "sha256": f.sha256, "bytes": f.size, **said}
            )
    return sorted(found, key=lambda f: (f["source"], f["edition"], f["file"]))


def by_drop(inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry a drop, for people: the record's fields and the drop's ``files`` [{file, sha256, bytes}]."""
    drops: dict[tuple[str, str], dict[str, Any]] = {}
    for given in inputs:
        key = (given["source"], given["edition"])
        drop = drops.setdefault(key, {k: given[k] for k in ("source", "edition", *RECORD_FIELDS)} | {"files": []})
        drop["files"].append({k: given[k] for k in ("file", "sha256", "bytes")})
    return [drops[k] for k in sorted(drops)]


def withheld_editions(inputs: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """(source, edition) of what may not be passed on."""
    return {(i["source"], i["edition"]) for i in inputs if i["redistributable"] == "no"}
