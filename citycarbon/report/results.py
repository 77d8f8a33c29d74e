"""The csv files that stand beside ``estimates.csv`` in a run's results and in a release, read as text by column name.

A file that is absent has no rows: a study without splits, without a paper, without matching prints what it has.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

Line = dict[str, str]


@dataclass(frozen=True)
class Results:
    """``folder`` is ``<home>/results/<study>/`` or a release; None stands for no files at all."""

    folder: Path | None

    def rows(self, name: str) -> list[Line]:
        """The rows of ``<name>.csv`` as text by column, in their order; none where the file is absent."""
        if name not in self._read:
            self._read[name] = list(self._lines(name))
        return self._read[name]

    @cached_property
    def _read(self) -> dict[str, list[Line]]:
        return {}

    def _lines(self, name: str) -> Iterator[Line]:
        path = self.folder / f"{name}.csv" if self.folder else None
        if path is None or not path.is_file():
            return
        with path.open(encoding="utf-8", newline="") as handle:
            for line in csv.DictReader(handle):
                yield {key: value or "" for key, value in line.items() if key is not None}

    def of_table(self, name: str, table: str) -> list[Line]:
        """The rows of ``<name>.csv`` whose column ``table`` names this one."""
        return [r for r in self.rows(name) if r.get("table") == table]


NO_RESULTS = Results(None)


def num(line: Line, *names: str) -> float:
    """The number in the first of these columns that holds one; NaN where none does."""
    for name in names:
        try:
            return float(line.get(name, ""))
        except ValueError:
            continue
    return math.nan


def yes(line: Line, name: str) -> bool | None:
    """A truth value; None where the cell is empty or absent."""
    text = line.get(name, "").strip().lower()
    return None if not text else text in ("true", "1", "yes")
