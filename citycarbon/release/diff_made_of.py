"""What two releases were made of: inputs and their records, the study, code, packages, seeds. Old beside new, sorted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from citycarbon.release.diff_bundle import Bundle, CannotCompare, Row

Json = dict[str, Any]

_FILE = ("source", "edition", "file")
# Which fields tell a row of a seed from every other; where they do not, rows are added and removed, never changed.
_SEED_KEYS = {
    "seeds/corrections.csv": ("correction_id",),
    "seeds/policy_adoptions.csv": ("policy", "batch", "row_type", "raw_name", "city_zh"),
}
# Fields of a record that follow from its files, which are compared on their own.
_FOLLOWS = {"sha256", "n_files", "record_sha256"}


def compare_inputs(old: Bundle, new: Bundle) -> Json:
    """Files added, removed and changed (same source, edition and name, other bytes), and records field by field."""
    before, after = ({tuple(i[k] for k in _FILE): i for i in b.manifest["inputs"]} for b in (old, new))
    changed = [
        {**_key(k, _FILE), **{f: _pair(before[k].get(f), after[k].get(f)) for f in ("sha256", "bytes")}}
        for k in sorted(before.keys() & after.keys())
        if before[k]["sha256"] != after[k]["sha256"]
    ]
    return {
        "added": [_file(after[k]) for k in sorted(after.keys() - before.keys())],
        "removed": [_file(before[k]) for k in sorted(before.keys() - after.keys())],
        "changed": changed,
        "same": len(before.keys() & after.keys()) - len(changed),
        "records": _records(old, new),
    }


def _records(old: Bundle, new: Bundle) -> Json:
    key = _FILE[:2]
    before, after = ({tuple(r[k] for k in key): r for r in b.manifest["records"]} for b in (old, new))
    changed = []
    for k in sorted(before.keys() & after.keys()):
        names = sorted((before[k].keys() | after[k].keys()) - _FOLLOWS)
        fields = {n: _pair(before[k].get(n), after[k].get(n)) for n in names if before[k].get(n) != after[k].get(n)}
        if fields:
            changed.append({**_key(k, key), "fields": fields})
    return {
        "added": [_key(k, key) for k in sorted(after.keys() - before.keys())],
        "removed": [_key(k, key) for k in sorted(before.keys() - after.keys())],
        "changed": changed,
    }


def _file(given: Json) -> Json:
    return {k: given.get(k) for k in (*_FILE, "sha256", "bytes")}


# --- study -------------------------------------------------------------------------------------------------------------------


def compare_study(old: Bundle, new: Bundle) -> Json:
    """The resolved spec by path (a list of things with an id by that id), and the study's files that differ in bytes."""
    before, after = (dict(_leaves(b.yaml("study.yaml"))) for b in (old, new))
    differences = [
        {"path": p, **_pair(before.get(p), after.get(p))}
        for p in sorted(before.keys() | after.keys())
        if (p in before, before.get(p)) != (p in after, after.get(p))
    ]
    return {"differences": differences, "files": _hashes(_identity(old, "study_files"), _identity(new, "study_files"))}


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, value) of everything in a spec; a list of plain values is one value."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for n, item in enumerate(value):
            name = item["id"] if isinstance(item, dict) and isinstance(item.get("id"), str) else n
            yield from _leaves(item, f"{path}.{name}")
    else:
        yield path, json.loads(json.dumps(value, default=str))


# --- code, packages, seeds ---------------------------------------------------------------------------------------------------


def compare_code(old: Bundle, new: Bundle) -> Json:
    """Version of code and project, commit, Python, platform, lock: what differs, old beside new."""
    before, after = (_code(b) for b in (old, new))
    return {name: _pair(before[name], after[name]) for name in before if before[name] != after[name]}


def _code(bundle: Bundle) -> Json:
    body, code = bundle.manifest, bundle.manifest["code"]
    return {
        "code_version": code.get("version"),
        "project_version": code.get("project_version"),
        "git_commit": code.get("git_commit"),
        "python": body.get("python"),
        "platform": body.get("platform"),
        "lock_sha256": body.get("lock_sha256"),
        "public": bundle.public,
    }


def compare_packages(old: Bundle, new: Bundle) -> list[Json]:
    """Packages whose version differs; null where one side has none."""
    before, after = old.manifest["packages"], new.manifest["packages"]
    names = sorted(before.keys() | after.keys())
    return [{"package": n, **_pair(before.get(n), after.get(n))} for n in names if before.get(n) != after.get(n)]


def compare_seeds(old: Bundle, new: Bundle) -> Json:
    """Random seeds, seed files by hash, and the rows of the seeds that lie in both bundles."""
    random = [b.manifest["seeds"].get("random") or {} for b in (old, new)]
    names = sorted(random[0].keys() | random[1].keys())
    files = [b.manifest["seeds"].get("files") or {} for b in (old, new)]
    return {
        "random": [
            {"seed": n, **_pair(random[0].get(n), random[1].get(n))} for n in names if random[0].get(n) != random[1].get(n)
        ],
        "files": _hashes(*files),
        "rows": {name.removeprefix("seeds/"): _seed_rows(old, new, name) for name in _SEED_KEYS},
    }


def _seed_rows(old: Bundle, new: Bundle, name: str) -> Json:
    try:
        before, after = old.rows(name), new.rows(name)
    except CannotCompare as why:
        return {"not_compared": str(why)}
    keys = _SEED_KEYS[name]
    if not (_is_key(before, keys) and _is_key(after, keys)):
        keys = tuple(dict.fromkeys(c for rows in (before, after) for row in rows[:1] for c in row))
    by_key = [{tuple(row.get(k, "") for k in keys): row for row in rows} for rows in (before, after)]
    both = by_key[0].keys() & by_key[1].keys()
    changed = [{**_key(k, keys), "fields": fields} for k in sorted(both) if (fields := _fields(by_key[0][k], by_key[1][k]))]
    return {
        "added": [_filled(by_key[1][k]) for k in sorted(by_key[1].keys() - both)],
        "removed": [_filled(by_key[0][k]) for k in sorted(by_key[0].keys() - both)],
        "changed": changed,
    }


def _is_key(rows: list[Row], keys: tuple[str, ...]) -> bool:
    found = [tuple(row.get(k) for k in keys) for row in rows]
    return len(set(found)) == len(found) and not any(None in key for key in found)


def _fields(before: Row, after: Row) -> Json:
    names = sorted(before.keys() | after.keys())
    return {n: _pair(before.get(n), after.get(n)) for n in names if (before.get(n) or "") != (after.get(n) or "")}


def _filled(row: Row) -> Row:
    return {k: v for k, v in row.items() if v}


# --- shared ------------------------------------------------------------------------------------------------------------------


def _identity(bundle: Bundle, part: str) -> Json:
    return bundle.manifest["identity"].get(part) or {}


def _hashes(before: Json, after: Json) -> list[Json]:
    """Files whose hash differs; null where one side has none."""
    names = sorted(before.keys() | after.keys())
    return [{"file": n, **_pair(before.get(n), after.get(n))} for n in names if before.get(n) != after.get(n)]


def _pair(old: Any, new: Any) -> Json:
    return {"old": old, "new": new}


def _key(values: tuple[str, ...], names: tuple[str, ...]) -> Json:
    return dict(zip(names, values, strict=True))
