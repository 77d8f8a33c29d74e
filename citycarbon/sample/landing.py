"""Drops of the synthetic landing folder: files, record, checksums and marker, in the layout that intake expects.

``citycarbon.sources.landing.add`` copies files a person has; here the files exist in memory only, and a trap may break what
``add`` would never write (a wrong checksum, a missing marker).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from citycarbon.sample.files import Content
from citycarbon.sources.records import SourceRecord

ACCESSED = date(2024, 1, 1)


@dataclass
class Drop:
    """One edition of one source in memory. ``after`` runs on the finished folder: what a trap does to it."""

    source: str
    edition: str
    edition_year: int
    title: str
    files: dict[str, Content]
    unit_notes: str = ""
    described: dict[str, str] = field(default_factory=dict)
    after: list[Callable[[Path], None]] = field(default_factory=list)
    has_marker: bool = True

    @property
    def key(self) -> str:
        return f"{self.source}/{self.edition}"

    def record(self) -> SourceRecord:
        """The record; says in every free field that the numbers are synthetic."""
        return SourceRecord(
            source=self.source,
            edition=self.edition,
            edition_year=self.edition_year,
            producer="citycarbon sample generator (synthetic)",
            title=f"SYNTHETIC: {self.title}",
            licence="CC0-1.0",
            redistributable="yes",
            citation="Synthetic data made by 'citycarbon sample'; places and codes are real, no number was observed.",
            access_date=ACCESSED,
            url=None,
            unit_notes=self.unit_notes,
            synthetic=True,
            files=self.described,
        )

    def write(self, landing: Path) -> int:
        """Write the drop below ``landing``; returns the number of bytes of its files."""
        folder = landing / self.source / self.edition
        folder.mkdir(parents=True)
        sums: list[str] = []
        size = 0
        for name in sorted(self.files):
            content = self.files[name].to_bytes()
            (folder / name).write_bytes(content)
            sums.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
            size += len(content)
        self.record().dump(folder / "source.yaml")
        (folder / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
        if self.has_marker:
            (folder / "_SUCCESS").touch()
        for change in self.after:
            change(folder)
        return size
