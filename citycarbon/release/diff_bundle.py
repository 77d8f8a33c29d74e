"""A release as a comparison sees it: its manifest, what is wrong with its files, and its files read without trust.

Nothing is compared here. A manifest that cannot be used is a UsageError; a single file that cannot be read is a CannotCompare,
which leaves one section of the difference out and says why.
"""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from citycarbon.errors import UsageError
from citycarbon.release import manifest as manifests

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, str]

# Part of the manifest -> its type; what an older layout lacks is taken as empty and said.
_PARTS: dict[str, type] = {
    "code": dict,
    "packages": dict,
    "seeds": dict,
    "inputs": list,
    "records": list,
    "identity": dict,
    "row_counts": dict,
    "files": dict,
}
_ENTRY = {"inputs": ("source", "edition", "file", "sha256"), "records": ("source", "edition")}

# What describes the bundle itself (it differs with every release), and what a comparison written inside the bundle cannot see.
DESCRIBES = re.compile(r"(manifest\.json|datapackage\.json|ro-crate-metadata\.json|diff\..*|report/.*|lineage/(?!raw_rows).*)")


class CannotCompare(Exception):
    """One part of two releases cannot be compared; the text says which file and why."""


@dataclass(frozen=True)
class Bundle:
    """A release's folder. ``faults``: file -> what is wrong with it; ``lacks``: parts that its manifest does not state."""

    path: Path
    manifest: dict[str, Any]
    present: dict[str, dict[str, Any]] = field(repr=False)  # path -> sha256 and bytes of what lies there
    faults: dict[str, str] = field(default_factory=dict)
    lacks: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.manifest["id"]

    @property
    def study(self) -> str:
        return self.manifest["study"]

    @property
    def public(self) -> bool:
        return bool(self.manifest.get("public"))

    @property
    def left_out(self) -> list[str]:
        """Groups of results that the run was told to leave out."""
        return list(self.manifest.get("left_out") or [])

    def describe(self) -> dict[str, Any]:
        """What a difference says of either side."""
        stated = {k: self.manifest.get(k) for k in ("created_at", "python", "platform")}
        marks = {"public": self.public, "synthetic": bool(self.manifest.get("synthetic"))}
        return {"id": self.id, "study": self.study, **stated, **marks}

    def files(self) -> dict[str, str]:
        """Path -> sha256 of the files that hold results: not those that describe the bundle."""
        return {name: said["sha256"] for name, said in self.present.items() if not DESCRIBES.fullmatch(name)}

    def table(self, name: str, needed: tuple[str, ...] = (), only: bool = False) -> pa.Table:
        """A parquet file of the bundle; ``needed`` are columns that it must have, and with ``only`` the ones that are read."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            self._require(name, needed, pq.read_schema(self._file(name)).names)
            return pq.read_table(self._file(name), columns=list(needed) if only else None)
        except (pa.ArrowException, OSError, ValueError) as err:
            raise self._unreadable(name, err) from None

    def parquet_rows(self, name: str) -> int:
        """Rows of a parquet file, from its footer."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return pq.read_metadata(self._file(name)).num_rows
        except (pa.ArrowException, OSError, ValueError) as err:
            raise self._unreadable(name, err) from None

    def csv(self, name: str) -> tuple[list[str], list[list[str]]]:
        """Header and lines of a csv file of the bundle, as text."""
        try:
            with self._file(name).open(encoding="utf-8", newline="") as handle:
                lines = list(csv.reader(handle))
        except (OSError, UnicodeDecodeError, csv.Error) as err:
            raise self._unreadable(name, err) from None
        head = lines[0] if lines else []
        if any(len(line) != len(head) for line in lines) or len(set(head)) != len(head):
            raise CannotCompare(f"{name} of release {self.id} is no table: its lines do not fit its header")
        return head, lines[1:]

    def rows(self, name: str, needed: tuple[str, ...] = ()) -> list[Row]:
        """The lines of a csv file by column; ``needed`` are columns that it must have."""
        head, lines = self.csv(name)
        self._require(name, needed, head)
        return [dict(zip(head, line, strict=True)) for line in lines]

    def json(self, name: str) -> Any:
        try:
            return json.loads(self._file(name).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as err:
            raise self._unreadable(name, err) from None

    def yaml(self, name: str) -> Any:
        import yaml

        from citycarbon import yaml_text

        try:
            return yaml_text.load(self._file(name).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as err:
            raise self._unreadable(name, err) from None

    def _require(self, name: str, needed: tuple[str, ...], found: list[str]) -> None:
        if missing := [c for c in needed if c not in found]:
            raise CannotCompare(f"{name} of release {self.id} has no column {', '.join(missing)}")

    def _file(self, name: str) -> Path:
        if name not in self.present:
            raise CannotCompare(f"release {self.id} has no {name}")
        return self.path / name

    def _unreadable(self, name: str, err: Exception) -> CannotCompare:
        return CannotCompare(f"{name} of release {self.id} cannot be read ({str(err).splitlines()[0][:200]})")


def open_bundle(path: Path) -> Bundle:
    """The release in ``path``, every file hashed.

    Raises UsageError where there is no manifest, or one that cannot be used.
    """
    path = Path(path).resolve()
    body, lacks = stated(path)
    present = manifests.file_table(path)
    listed = body["files"]
    faults = {}
    for name in sorted(listed):
        if name not in present:
            faults[name] = "is listed in the manifest and missing"
        elif present[name]["sha256"] != listed[name].get("sha256"):
            faults[name] = "is not what the manifest says: its bytes were changed"
    return Bundle(path, body, present, faults, lacks)


def stated(path: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The manifest of the release in ``path`` with every part in place, and the parts that it lacks.

    Raises UsageError where it is missing, no manifest, or of another shape.
    """
    where = f"{path.name}/{manifests.NAME}"
    try:
        body = manifests.read_manifest(path)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as err:
        raise _unusable(where, f"a file that cannot be read ({err})") from None
    if not isinstance(body, dict) or not all(isinstance(body.get(k), str) for k in ("id", "study")):
        raise _unusable(where, "no id and study")
    lacks = tuple(name for name in _PARTS if name not in body)
    body = {**{name: _PARTS[name]() for name in lacks}, **body}
    for name, kind in _PARTS.items():
        if not isinstance(body[name], kind):
            raise _unusable(where, f"'{name}' that is no {'list' if kind is list else 'mapping'}")
    for name, keys in _ENTRY.items():
        if not all(isinstance(e, dict) and all(isinstance(e.get(k), str) for k in keys) for e in body[name]):
            raise _unusable(where, f"an entry of '{name}' without {', '.join(keys)}")
    if not all(isinstance(said, dict) for said in body["files"].values()):
        raise _unusable(where, "an entry of 'files' without sha256")
    for part, name in (("seeds", "random"), ("seeds", "files"), ("identity", "study_files")):
        if not isinstance(body[part].get(name) or {}, dict):
            raise _unusable(where, f"'{part}.{name}' that is no mapping")
    if not isinstance(body.get("created_at") or "", str):
        raise _unusable(where, "'created_at' that is no time")
    return body, lacks


def _unusable(where: str, found: str) -> UsageError:
    return UsageError(f"{where}: found {found}; expected the manifest of a release. The release is damaged: take another copy.")
