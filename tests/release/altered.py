"""Releases that differ from the tiny one in a way that the test plants: a copy, changed, its manifest made to agree."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from tiny_fixtures import at, template

from citycarbon.release import manifest as manifests
from citycarbon.release.pointers import move_pointers

OTHER_ID = "f" * 16


def lone(folder: Path) -> Path:
    """A copy of the tiny release alone, without its home."""
    source = (at(template(False, True)).home.releases / "latest").resolve()
    return Path(shutil.copytree(source, folder / source.name))


def other(release: Path, name: str = OTHER_ID) -> Path:
    """A copy of ``release`` beside it, with an id of its own."""
    copy = release.with_name(name)
    shutil.copytree(release, copy)
    state(copy, id=name)
    return copy


def follow(before: Path, name: str, created_at: str) -> Path:
    """A copy that says it was made after ``before`` and is the latest of its study."""
    new = other(before, name)
    state(new, predecessor=before.name, created_at=created_at)
    move_pointers(new.parent, manifests.read_manifest(new)["study"], name)
    return new


def state(release: Path, **parts: Any) -> None:
    """Make the manifest state these parts and the hashes of what lies there."""
    body = {**manifests.read_manifest(release), **parts}
    manifests.seal(release, body, body.get("row_counts", {}))


def drop_parts(release: Path, *parts: str) -> None:
    """A manifest of an older layout: without these parts."""
    body = manifests.read_manifest(release)
    text = json.dumps({k: v for k, v in body.items() if k not in parts})
    (release / manifests.NAME).write_text(text, encoding="utf-8")


def alter_panel(release: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """``change`` gets the panel with city_id and year as its index."""
    path = release / "panel.parquet"
    frame = change(pq.read_table(path).to_pandas().set_index(["city_id", "year"]))
    pq.write_table(pa.Table.from_pandas(frame.reset_index(), preserve_index=False), path)
    state(release)


def set_cells(values: dict[tuple[str, int, str], Any]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """For ``alter_panel``: (city, year, variable) -> value."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        for (city, year, variable), value in values.items():
            frame.loc[(city, year), variable] = value
        return frame

    return change


def alter_estimate(release: Path, column: str, term: str, **cells: str) -> None:
    """Set cells of one coefficient of table2 as text."""
    rows = read_rows(release / "estimates.csv")
    for row in rows:
        if (row["table"], row["column"], row["term"]) == ("table2", column, term):
            row.update(cells)
    write_rows(release / "estimates.csv", rows)
    state(release)


def estimate(release: Path, column: str, term: str) -> dict[str, str]:
    rows = read_rows(release / "estimates.csv")
    return next(r for r in rows if (r["table"], r["column"], r["term"]) == ("table2", column, term))


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_table(release: Path, name: str, text: str) -> None:
    (release / name).parent.mkdir(exist_ok=True)
    (release / name).write_text(text, encoding="utf-8")
    state(release)
