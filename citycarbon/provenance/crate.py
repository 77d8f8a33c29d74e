"""RO-Crate 1.1 of a release (``ro-crate-metadata.json``): what a repository or a journal reads about the bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from citycarbon.release.describe import MEDIA, title
from citycarbon.release.manifest import write_json

NAME = "ro-crate-metadata.json"
CONTEXT, PROFILE = "https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/crate/1.1"
MORE_MEDIA = {".json": "application/json", ".html": "text/html", ".md": "text/markdown", ".yaml": "application/yaml"}


def write_crate(folder: Path, manifest: dict[str, Any]) -> Path:
    """Describe every file of the bundle, the sources it came from and the run that made it."""
    files = [f for f in sorted(folder.rglob("*")) if f.is_file() and f.name != NAME]
    sources = [_source(d) for d in manifest["records"]]
    parts = [_file(f, folder) for f in files]
    graph = [_descriptor(), _root(manifest, parts), _licence(), _software(manifest), _run(manifest, sources), *parts, *sources]
    return write_json(folder / NAME, {"@context": CONTEXT, "@graph": graph})


def _descriptor() -> dict[str, Any]:
    return {"@id": NAME, "@type": "CreativeWork", "conformsTo": {"@id": PROFILE}, "about": {"@id": "./"}}


def _root(manifest: dict[str, Any], parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "@id": "./",
        "@type": "Dataset",
        "identifier": manifest["id"],
        "name": title(manifest),
        "description": "City-year panel, estimates, checks and lineage; every printed number can be traced to a source cell.",
        "datePublished": manifest["created_at"],
        "license": {"@id": "#licence"},
        "hasPart": [{"@id": p["@id"]} for p in parts],
        "mentions": [{"@id": "#run"}],
    }


def _licence() -> dict[str, Any]:
    terms = "Data: each source's own terms, stated with the source. Code of the project: MIT."
    return {"@id": "#licence", "@type": "CreativeWork", "name": "Terms of the sources", "description": terms}


def _software(manifest: dict[str, Any]) -> dict[str, Any]:
    version = manifest["code"]["project_version"] or manifest["code"]["version"][:16]
    return {"@id": "#software", "@type": "SoftwareApplication", "name": "citycarbon", "softwareVersion": version}


def _run(manifest: dict[str, Any], sources: list[dict[str, Any]]) -> dict[str, Any]:
    run = manifest.get("run", {})
    times = {"startTime": run.get("started_at"), "endTime": run.get("finished_at") or manifest["created_at"]}
    return {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"Run of study {manifest['study']}",
        "instrument": {"@id": "#software"},
        "object": [{"@id": s["@id"]} for s in sources],
        "result": [{"@id": "./"}],
        **{k: v for k, v in times.items() if v},
    }


def _file(file: Path, folder: Path) -> dict[str, Any]:
    path = file.relative_to(folder).as_posix()
    media = {**MEDIA, **MORE_MEDIA}.get(file.suffix, "application/octet-stream")
    # The manifest is sealed after the crate: its size is not known here.
    size = {} if path == "manifest.json" else {"contentSize": str(file.stat().st_size)}
    return {"@id": path, "@type": "File", "name": path, "encodingFormat": media, **size}


def _source(drop: dict[str, Any]) -> dict[str, Any]:
    said = {
        "@id": f"#source-{drop['source']}-{drop['edition']}",
        "@type": "Dataset",
        "name": f"{drop['title']}, edition {drop['edition']}",
        "version": drop["edition"],
        "creator": drop["producer"],
        "creditText": drop["citation"],
        "usageInfo": drop["licence"],
        "url": drop["url"],
        "identifier": f"sha256:{drop['sha256']}",
    }
    return {k: v for k, v in said.items() if v is not None}
