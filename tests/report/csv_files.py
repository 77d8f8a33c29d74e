"""A release's csv files as a test writes them, for the tests of the page's sections. No tests here."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from citycarbon.report.results import Results


def put_csv(folder: Path, name: str, columns: Iterable[str], rows: Iterable[Mapping[str, str]]) -> Results:
    """Write ``<name>.csv`` with these columns, what a row does not name empty, and give what a page reads of ``folder``."""
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(columns), restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return Results(folder)
