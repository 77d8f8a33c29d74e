"""What a part of a release's page is made of, for the parts that stand behind the tables. Which there are: ``page_beyond``."""

from __future__ import annotations

from dataclasses import dataclass, field

from citycarbon.report.page_tables import PlainTable


@dataclass(frozen=True)
class Section:
    """``said``: sentences; ``figures``: names of figures of the release, shown here and not among the others; ``folded``:
    tables that a reader opens."""

    anchor: str
    title: str
    said: list[str] = field(default_factory=list)
    tables: list[PlainTable] = field(default_factory=list)
    folded: list[PlainTable] = field(default_factory=list)
    figures: list[str] = field(default_factory=list)
