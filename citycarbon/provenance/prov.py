"""W3C PROV of a release as PROV-JSON: which files were used, which asset derived from which, what the release came from."""

from __future__ import annotations

import re
from typing import Any

PREFIXES = {"cc": "urn:citycarbon:", "prov": "http://www.w3.org/ns/prov#", "xsd": "http://www.w3.org/2001/XMLSchema#"}


def to_prov(manifest: dict[str, Any], lineage: dict[str, Any]) -> dict[str, Any]:
    """Entities: drops of source files, assets, the release. Activity: the run. Agent: the project at its code version.

    An asset without upstream assets derives from the drops of the source it is named after, where one is.
    """
    release, run, agent = f"cc:release-{manifest['id']}", f"cc:run-{_local(_run_id(manifest, lineage))}", "cc:software"
    files = {_drop_id(r): r for r in manifest["records"]}
    assets = {f"cc:asset-{_local(a['key'])}": a for a in lineage.get("assets", [])}
    derived = [*_asset_derivations(assets, files), *((release, used) for used in (assets or files))]
    return {
        "prefix": PREFIXES,
        "entity": {
            **{key: _drop(given) for key, given in files.items()},
            **{key: _asset(given) for key, given in assets.items()},
            release: {"prov:type": "release", "prov:label": f"release {manifest['id']} of study {manifest['study']}"},
        },
        "activity": {run: _activity(manifest)},
        "agent": {agent: {"prov:type": {"$": "prov:SoftwareAgent", "type": "prov:QUALIFIED_NAME"}, **_software(manifest)}},
        "used": {f"_:u{n}": {"prov:activity": run, "prov:entity": key} for n, key in enumerate(files)},
        "wasGeneratedBy": {f"_:g{n}": {"prov:entity": key, "prov:activity": run} for n, key in enumerate([*assets, release])},
        "wasDerivedFrom": {
            f"_:d{n}": {"prov:generatedEntity": new, "prov:usedEntity": old} for n, (new, old) in enumerate(derived)
        },
        "wasAssociatedWith": {"_:a0": {"prov:activity": run, "prov:agent": agent}},
    }


def _asset_derivations(assets: dict[str, dict], files: dict[str, dict]) -> list[tuple[str, str]]:
    known = {a["key"]: key for key, a in assets.items()}
    pairs = []
    for key, asset in assets.items():
        upstream = [known[d] for d in asset.get("deps") or [] if d in known]
        if not upstream:
            name = asset["key"].split("/")[-1].removeprefix("raw_")
            upstream = [f for f, given in files.items() if given["source"] == name]
        pairs += [(key, old) for old in upstream]
    return pairs


def _drop(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "prov:type": "source drop",
        "prov:label": f"{given['source']}/{given['edition']}: {given['title']}",
        "cc:sha256": given["sha256"],
        "cc:files": given["n_files"],
        "cc:licence": given["licence"],
        "cc:citation": given["citation"],
    }


def _asset(given: dict[str, Any]) -> dict[str, Any]:
    said = {"cc:data_version": given.get("data_version"), "cc:code_version": given.get("code_version")}
    said["cc:row_count"] = given.get("row_count")
    kept = {k: v for k, v in said.items() if v is not None}
    return {"prov:type": "asset", "prov:label": given["key"], **kept}


def _activity(manifest: dict[str, Any]) -> dict[str, Any]:
    run = manifest.get("run", {})
    times = {"prov:startTime": run.get("started_at"), "prov:endTime": run.get("finished_at") or manifest["created_at"]}
    return {"prov:type": "run", **{k: v for k, v in times.items() if v}}


def _software(manifest: dict[str, Any]) -> dict[str, Any]:
    commit = manifest["code"]["git_commit"]
    said = {"prov:label": "citycarbon", "cc:code_version": manifest["code"]["version"]}
    return said | ({"cc:git_commit": commit} if commit else {})


def _run_id(manifest: dict[str, Any], lineage: dict[str, Any]) -> str:
    return str(lineage.get("run_id") or manifest.get("run", {}).get("run_id") or manifest["id"])


def _drop_id(given: dict[str, Any]) -> str:
    return f"cc:drop-{_local(given['source'])}-{_local(given['edition'])}-{given['sha256'][:8]}"


def _local(text: str) -> str:
    """A text as the local part of a qualified name."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)
