"""The manifest of a release: what went in, what made it, and the sha256 of every other file. Reading, writing, comparing."""

from __future__ import annotations

import json
import platform
import re
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from citycarbon import paths
from citycarbon.release.identity import Identity, file_sha256, git_commit

NAME = "manifest.json"
# Times, run ids and the predecessor stand in these alone; every other file is the same for the same id.
MAY_DIFFER = ("manifest.json", "lineage/", "ro-crate-metadata.json", "diff.")


def compose(
    identity: Identity,
    *,
    inputs: list[dict[str, Any]],
    records: list[dict[str, Any]],
    run_info: dict[str, Any],
    synthetic: bool,
    created_at: str,
    predecessor: str | None = None,
) -> dict[str, Any]:
    """Everything of the manifest but ``row_counts`` and ``files``, which are known once the bundle stands.

    ``predecessor``: id of the study's release before this one, None for the first.
    """
    return {
        "id": identity.id,
        "study": identity.study,
        "created_at": created_at,
        "predecessor": predecessor,
        "synthetic": synthetic,
        "public": identity.public,
        "left_out": identity.left_out,
        "run": run_info,
        "code": {"version": identity.code, "project_version": project_version(), "git_commit": git_commit()},
        "python": platform.python_version(),
        "platform": f"{sys.platform} {platform.machine()}",
        "packages": package_versions(),
        "lock_sha256": identity.lock,
        "seeds": {"random": identity.seed_info, "files": identity.seeds},
        "inputs": inputs,
        "records": records,
        # All ingredients of the id but the inputs, which stand above.
        "identity": {k: v for k, v in identity.ingredients().items() if k != "inputs"},
        "row_counts": {},
        "files": {},
    }


def seal(folder: Path, body: dict[str, Any], row_counts: dict[str, int]) -> Path:
    """Write the manifest last: add the row counts and the sha256 and size of every other file of ``folder``."""
    body = {**body, "row_counts": dict(sorted(row_counts.items())), "files": file_table(folder)}
    return write_json(folder / NAME, body)


def file_table(folder: Path) -> dict[str, dict[str, Any]]:
    """Path -> {"sha256", "bytes"} of every file below ``folder`` but the manifest, sorted by path."""
    files = sorted(f for f in folder.rglob("*") if f.is_file() and f != folder / NAME)
    return {f.relative_to(folder).as_posix(): {"sha256": file_sha256(f), "bytes": f.stat().st_size} for f in files}


def read_manifest(release: Path) -> dict[str, Any]:
    return json.loads((release / NAME).read_text(encoding="utf-8"))


def write_json(path: Path, body: object) -> Path:
    """JSON as every file of a release has it: UTF-8, one space of indent, keys in the given order, a final newline."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return path


def may_differ(path: str) -> bool:
    """Whether two bundles of one id may differ in this file."""
    return path.startswith(MAY_DIFFER)


def project_version() -> str | None:
    """The project's version as pyproject.toml states it (None where the file is absent, as in an installed wheel)."""
    import tomllib

    file = paths.PROJECT_ROOT / "pyproject.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))["project"]["version"] if file.is_file() else None


def package_versions(lock: Path | None = None) -> dict[str, str]:
    """Installed version of every package of the lock that is installed, by name."""
    lock = lock or paths.LOCK_FILE
    names = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==", lock.read_text(encoding="utf-8"), re.M) if lock.is_file() else []
    found = {n: _installed().get(n.lower().replace("_", "-")) for n in names}
    return {n: v for n, v in sorted(found.items()) if v is not None}


@cache
def _installed() -> dict[str, str]:
    """Version by name of every package of this environment; a process keeps those that it started with."""
    return {d.name.lower().replace("_", "-"): d.version for d in metadata.distributions()}
