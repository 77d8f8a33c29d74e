"""Verifies a release by itself: every hash, the id from its ingredients, and (``recompute``) every number from its own panel.

Needs nothing but the release's folder and this project. What cannot be estimated again is listed, never passed over.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from citycarbon.errors import UsageError, VerifyMismatch
from citycarbon.release import manifest
from citycarbon.release.identity import Identity
from citycarbon.release.inputs import identity_inputs
from citycarbon.release.recompute import compare_cells, print_again, recompute_coefficients
from citycarbon.release.verify_report import Mismatch, VerifyReport

# What the recomputation reads.
NEEDED = (
    "estimates.csv",
    "estimates.parquet",
    "panel.parquet",
    "panel_cells.parquet",
    "lineage/raw_rows.parquet",
    "study.yaml",
    "sample_attrition.csv",
)

__all__ = ["Mismatch", "VerifyReport", "identity_of", "inspect_release", "verify"]


def verify(path: Path) -> VerifyReport:
    """Verify the release in ``path``. Raises VerifyMismatch (exit 4) with file or coefficient, found and expected.

    The report stands in the error's ``report`` too. Raises UsageError where ``path`` is no release.
    """
    report = inspect_release(path)
    if not report.ok:
        raise VerifyMismatch(report.to_text().rstrip(), report)
    return report


def inspect_release(path: Path) -> VerifyReport:
    """The same without raising for a difference."""
    path = Path(path)
    if not (path / manifest.NAME).is_file():
        raise UsageError(f"{path.name} holds no {manifest.NAME}; expected a release's folder, as in releases/<id>.")
    path = path.resolve()
    body = _read(path)
    report = VerifyReport(release=str(body.get("id")), path=path)
    report.mismatches += _files(path, body, report)
    report.mismatches += _id(path, body)
    damaged = {m.where for m in report.mismatches if m.kind == "file"} & set(NEEDED)
    for step in (recompute_coefficients, compare_cells, print_again):
        if damaged:
            _try(step, path, body, report, damaged)
        else:
            step(path, body, report)
    return report


def _try(step: Callable[..., None], path: Path, body: dict[str, Any], report: VerifyReport, damaged: set[str]) -> None:
    """Run a step on files of which some are not what the manifest says: what cannot be read is said, what can is judged."""
    import duckdb
    import pyarrow as pa
    import yaml

    try:
        step(path, body, report)
    except (pa.ArrowException, duckdb.Error, yaml.YAMLError, UsageError, OSError, ValueError, KeyError) as err:
        why = f"{', '.join(sorted(damaged))} cannot be used: {str(err).splitlines()[0]}"
        report.not_reestimated.append((step.__name__.replace("_", " "), why))


def _read(path: Path) -> dict[str, Any]:
    try:
        body = manifest.read_manifest(path)
    except (json.JSONDecodeError, UnicodeDecodeError) as err:
        raise VerifyMismatch(
            f"{manifest.NAME}: found text that is not JSON ({err}); expected the manifest of a release"
        ) from None
    missing = sorted({"id", "study", "inputs", "records", "identity", "files"} - body.keys())
    if missing:
        raise VerifyMismatch(f"{manifest.NAME}: found no {', '.join(missing)}; expected the manifest of a release")
    return body


# --- hashes ------------------------------------------------------------------------------------------------------------------


def _files(path: Path, body: dict[str, Any], report: VerifyReport) -> Iterator[Mismatch]:
    listed, present = body["files"], manifest.file_table(path)
    report.files = len(present)
    for name in sorted(listed.keys() | present.keys()):
        if name not in present:
            yield Mismatch("file", name, "no file", f"sha256 {listed[name]['sha256']}")
        elif name not in listed:
            yield Mismatch("file", name, "a file that the manifest does not list", "no such file")
        elif present[name]["sha256"] != listed[name]["sha256"]:
            yield Mismatch("file", name, f"sha256 {present[name]['sha256']}", f"sha256 {listed[name]['sha256']}")


def _id(path: Path, body: dict[str, Any]) -> Iterator[Mismatch]:
    """The id must follow from the ingredients that the manifest states. A copy may lie in a folder of any name."""
    recomputed = identity_of(body).id
    if recomputed != body["id"]:
        yield Mismatch("id", f"{manifest.NAME}: id", body["id"], f"{recomputed}, which follows from the inputs it lists")


def identity_of(body: dict[str, Any]) -> Identity:
    """The identity that a manifest states: its ingredients and the files it lists as inputs."""
    return Identity(**{**body["identity"], "inputs": identity_inputs(body)})
