"""Keeps dbt's manifest in step with dbt_project. Runs before anything imports ``assets`` (which reads the manifest).

Imports neither Dagster nor dbt: dbt runs as its own process and only when a file of the project has changed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
from pathlib import Path

from citycarbon.dbt_runner import DBT, put_tools_on_path
from citycarbon.errors import CityCarbonError
from citycarbon.paths import DBT_PROJECT

MANIFEST = DBT_PROJECT / "target" / "manifest.json"
_STAMP = MANIFEST.with_name(".citycarbon-manifest")
_NOT_SOURCE = {"target", "logs", "dbt_packages"}


class ManifestError(CityCarbonError):
    """dbt cannot parse its own project: a fault of this project, not of its user (exit code 1)."""


def project_fingerprint() -> str:
    """sha256 over names and contents of dbt_project's own files (not its target folder)."""
    digest = hashlib.sha256()
    for path in sorted(p for p in DBT_PROJECT.rglob("*") if p.is_file()):
        relative = path.relative_to(DBT_PROJECT)
        if relative.parts[0] in _NOT_SOURCE or relative.name.startswith("."):
            continue
        digest.update(relative.as_posix().encode() + b"\0")
        # dbt's manifest does not depend on a seed's rows below the header; their bytes count for the release id, not here.
        digest.update(path.open("rb").readline() if path.suffix == ".csv" else path.read_bytes())
    return digest.hexdigest()


def prepare_manifest() -> Path:
    """Parse dbt_project where its manifest is missing or older than its files. Safe when several processes call it."""
    put_tools_on_path()
    MANIFEST.parent.mkdir(parents=True, exist_ok=True)
    with MANIFEST.with_name(".parse.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        wanted = project_fingerprint()
        if MANIFEST.exists() and _STAMP.exists() and _STAMP.read_text(encoding="utf-8") == wanted:
            return MANIFEST
        _parse()
        _STAMP.write_text(wanted, encoding="utf-8")
    return MANIFEST


def _parse() -> None:
    done = subprocess.run(
        [str(DBT), "--quiet", "parse", "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)],
        capture_output=True,
        text=True,
        env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
    )
    if done.returncode:
        raise ManifestError(f"dbt cannot parse {DBT_PROJECT}:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    print(prepare_manifest())
