"""The difference between two releases: which two, everything that differs as plain data, and the files of the bundle.

``compare`` makes the data (docs/audit.md documents them); ``diff_made_of``, ``diff_panel`` and ``diff_results`` compare one
thing each; ``diff_sentences`` says it in words and ``diff_text`` sets it as markdown. Nothing here changes a release.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from citycarbon.errors import UsageError
from citycarbon.paths import Home
from citycarbon.release import manifest as manifests
from citycarbon.release.diff_bundle import Bundle, CannotCompare, open_bundle, stated
from citycarbon.release.diff_made_of import compare_code, compare_inputs, compare_packages, compare_seeds, compare_study
from citycarbon.release.diff_panel import compare_cells, compare_panel
from citycarbon.release.diff_results import (
    compare_checks,
    compare_coefficients,
    compare_files,
    compare_quarantine,
    compare_row_counts,
    compare_tables,
)
from citycarbon.release.diff_sentences import summary_sentences
from citycarbon.release.diff_text import to_markdown
from citycarbon.release.pointers import find_release, latest_release, list_releases

__all__ = ["compare", "compare_named", "first_release", "predecessor", "summary_sentences", "to_markdown", "write_diff"]

Json = dict[str, Any]

FORMAT = "citycarbon-diff/1"
JSON_NAME, TEXT_NAME = "diff.json", "diff.md"

# Section -> who compares it, in the order of the file.
_SECTIONS: dict[str, Callable[[Bundle, Bundle], Any]] = {
    "inputs": compare_inputs,
    "study": compare_study,
    "code": compare_code,
    "packages": compare_packages,
    "seeds": compare_seeds,
    "coefficients": compare_coefficients,
    "panel": compare_panel,
    "cells": compare_cells,
    "checks": compare_checks,
    "row_counts": compare_row_counts,
    "quarantine": compare_quarantine,
    "tables": compare_tables,
    "files": compare_files,
}


def compare(old: Path, new: Path) -> Json:
    """Everything that differs between the releases in two folders, as plain data: the same folders give the same data.

    A part that cannot be compared (a file is missing in an older layout, or damaged) is ``{"not_compared": reason}``; what
    limits the comparison stands in ``notes``. Raises UsageError where a folder holds no usable manifest.
    """
    a, b = open_bundle(old), open_bundle(new)
    sections = {name: _section(function, a, b) for name, function in _SECTIONS.items()}
    notes = [*_limits(a, b), *(f"Not compared: {s['not_compared']}." for s in sections.values() if _is_left_out(s))]
    return {"format": FORMAT, "old": a.describe(), "new": b.describe(), "notes": list(dict.fromkeys(notes)), **sections}


def first_release(new: Path) -> Json:
    """The same for a release that has none before it: ``old`` is null and there are no sections."""
    return {"format": FORMAT, "old": None, "new": open_bundle(new).describe(), "notes": []}


def _section(function: Callable[[Bundle, Bundle], Any], old: Bundle, new: Bundle) -> Any:
    try:
        return function(old, new)
    except CannotCompare as why:
        return {"not_compared": str(why)}


def _is_left_out(section: Any) -> bool:
    return isinstance(section, dict) and "not_compared" in section


def _limits(old: Bundle, new: Bundle) -> list[str]:
    """What a reader must know before reading the numbers, in sentences."""
    notes = []
    if old.study != new.study:
        notes.append(
            f"The releases are of different studies ({old.study}, {new.study}): coefficients and variables are set beside each "
            "other by name alone, and their differences are no change over time."
        )
    if old.public != new.public:
        side = "older" if old.public else "newer"
        notes.append(
            f"The {side} release is a public bundle and the other is whole: values that the public one leaves empty are "
            "counted as withheld, neither compared nor shown."
        )
    if old.left_out != new.left_out:
        side, missing = ("older", old.left_out) if old.left_out else ("newer", new.left_out)
        notes.append(
            f"The {side} release was made without the group {', '.join(missing)}: its files are absent, not withdrawn."
        )
    if (old.manifest.get("created_at") or "") > (new.manifest.get("created_at") or "9"):
        notes.append(f"Release {old.id}, taken as the older one here, was made after {new.id}.")
    for bundle in (old, new):
        notes += [f"Damaged: {name} of release {bundle.id} {fault}." for name, fault in bundle.faults.items()]
        if bundle.lacks:
            parts = ", ".join(bundle.lacks)
            notes.append(f"Release {bundle.id} has an older layout: its manifest states no {parts}; taken as empty here.")
    return notes


# --- which two ---------------------------------------------------------------------------------------------------------------


def compare_named(home: Home, old: str | None = None, new: str | None = None) -> Json:
    """The difference of two releases as people name them.

    Without names: the latest release against the one before it (its manifest's ``predecessor``). One name: that release
    against the latest of its study; if it is the latest, the one before it against it. Where the one before is no longer in
    the home, the difference is read that was written when the newer one was made. Raises UsageError naming what there is.
    """
    if old is not None and new is not None:
        return compare(find_release(home, old), find_release(home, new))
    given = find_release(home, old if new is None else new)
    body, _ = stated(given)
    if new is None and old is not None:
        latest = latest_release(home, body["study"], bool(body.get("public")))
        if latest is not None and latest != given:
            return compare(given, latest)
    return _against_the_one_before(home, given, body)


def _against_the_one_before(home: Home, release: Path, body: Json) -> Json:
    if "predecessor" not in body:
        others = ", ".join(p.name for p in list_releases(home)) or "none in this home"
        raise UsageError(
            f"Release {body['id']} does not say which one came before it (it is of an older layout). Name both: "
            f"citycarbon diff OLD NEW. Releases: {others}."
        )
    name = body["predecessor"]
    if name is None:
        return first_release(release)
    for folder in (home.releases / name, release.parent / name):
        if (folder / manifests.NAME).is_file():
            return compare(folder, release)
    return _as_written(release, name)


def _as_written(release: Path, name: str) -> Json:
    """``diff.json`` as it lies in the bundle, where the release before is gone."""
    try:
        body = json.loads((release / JSON_NAME).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError):
        body = None
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise UsageError(
            f"The release before {release.name}, {name}, is not in this home, and {JSON_NAME} of the bundle cannot be "
            "read. Name two releases: citycarbon diff OLD NEW."
        )
    note = f"Release {name} is not in this home: this difference was written when release {release.name} was made."
    return {**body, "notes": [note, *body["notes"]]}


def predecessor(home: Home, study: str, release: str, public: bool = False) -> Path | None:
    """The release that a new one named ``release`` follows: the latest of its study (public bundles follow public ones).

    A release that is made again, because its copy was damaged, follows what the damaged one followed.
    """
    latest = latest_release(home, study, public)
    if latest is None or latest.name != release:
        return latest
    try:
        before = manifests.read_manifest(latest).get("predecessor")
    except (UnicodeDecodeError, json.JSONDecodeError, AttributeError):
        return None
    folder = home.releases / str(before)
    return folder if before and (folder / manifests.NAME).is_file() else None


# --- files of the bundle -----------------------------------------------------------------------------------------------------


def write_diff(folder: Path, before: Path | None) -> Json:
    """Write ``diff.json`` and ``diff.md`` into a release under construction (its manifest is written), against ``before``.

    A release before that cannot be read stops nothing: the files then say so.
    """
    try:
        body = first_release(folder) if before is None else compare(before, folder)
    except UsageError as why:
        note = f"The release before, {before.name}, cannot be read, so nothing is compared: {why}"
        body = {**first_release(folder), "notes": [note]}
    manifests.write_json(folder / JSON_NAME, body)
    (folder / TEXT_NAME).write_text(to_markdown(body), encoding="utf-8")
    return body
