"""The inputs of a release as its manifest lists them: one entry a received file, and one record a drop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from citycarbon.release.identity import hash_of, record_sha256

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
ON_EVERY_FILE = ("licence", "redistributable", "citation")  # what a reader of one entry needs at hand


def list_inputs(landing: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Files and records of the complete drops, each sorted.

    A file: source, edition, file, sha256, bytes, licence, redistributable, citation. A record: source, edition, the record's
    fields, record_sha256, n_files, and sha256: that of its file, or of the list of names and hashes where there are several.
    """
    from citycarbon.sources.landing import scan

    files, records = [], []
    for drop in scan(landing):
        if not drop.is_complete or drop.record is None:
            continue
        record = drop.record.model_dump(mode="json")
        key = {"source": drop.source, "edition": drop.edition}
        at_hand = {k: record[k] for k in ON_EVERY_FILE}
        files += [{**key, "file": f.name, "sha256": f.sha256, "bytes": f.size, **at_hand} for f in drop.files]
        hashes = sorted((f.name, f.sha256) for f in drop.files)
        together = {"sha256": hashes[0][1] if len(hashes) == 1 else hash_of(hashes), "n_files": len(hashes)}
        said = {k: record.get(k) for k in RECORD_FIELDS}
        records.append({**key, **said, **together, "record_sha256": record_sha256(drop.record)})
    return sorted(files, key=lambda f: (f["source"], f["edition"], f["file"])), sorted(records, key=drop_key)


def drop_key(given: dict[str, Any]) -> tuple[str, str]:
    return given["source"], given["edition"]


def identity_inputs(manifest: dict[str, Any]) -> list[dict[str, str]]:
    """The inputs as they enter the release id, from a manifest's files and records."""
    records = {drop_key(r): r["record_sha256"] for r in manifest["records"]}
    return [
        {**{k: i[k] for k in ("source", "edition", "file", "sha256")}, "record_sha256": records.get(drop_key(i), "")}
        for i in manifest["inputs"]
    ]


def withheld_editions(inputs: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """(source, edition) of what may not be passed on."""
    return {drop_key(i) for i in inputs if i["redistributable"] == "no"}
