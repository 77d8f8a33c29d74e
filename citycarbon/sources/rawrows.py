"""The raw layer's row: one observed number with the cell it came from, and its counterpart for what could not be read.

Every reader returns a ReadResult. Nothing here knows a file format.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

RAW_SCHEMA = pa.schema(
    [
        pa.field("raw_id", pa.string(), nullable=False),  # sha256[:16]|sheet|cell-or-line[|n]
        pa.field("source", pa.string(), nullable=False),  # registry id
        pa.field("edition", pa.string(), nullable=False),  # folder name in landing
        pa.field("edition_year", pa.int32()),  # precedence: the later edition wins, the earlier is kept as a revision
        pa.field("file_name", pa.string(), nullable=False),
        pa.field("file_sha256", pa.string(), nullable=False),
        pa.field("sheet", pa.string()),
        pa.field("cell", pa.string()),  # A1 notation in a workbook
        pa.field("line", pa.int32()),  # 1-based line in a text file
        pa.field("text", pa.string(), nullable=False),  # the stored value, display format apart
        pa.field("value", pa.float64()),  # null only where the observation is text (a policy list's year is a number)
        pa.field("unit", pa.string(), nullable=False),  # as printed; '' where the file states none
        pa.field("scope", pa.string(), nullable=False),  # 全市, 市辖区 or ''
        pa.field("indicator_label", pa.string(), nullable=False),  # as printed
        pa.field("sub_label", pa.string(), nullable=False),  # second dimension (fuel in a sector x fuel table), else ''
        pa.field("place_label", pa.string(), nullable=False),  # as printed
        pa.field("place_code", pa.string()),  # as printed, footnote marks included
        pa.field("place_parent", pa.string()),  # province (or city of a county) as printed or as the block above says
        pa.field("data_year", pa.int32()),
        pa.field("footnote", pa.string()),
        pa.field("is_chained", pa.bool_(), nullable=False),  # level computed from growth rates
        pa.field("is_interpolated", pa.bool_(), nullable=False),
    ]
)

QUARANTINE_SCHEMA = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("edition", pa.string(), nullable=False),
        pa.field("file_name", pa.string(), nullable=False),
        pa.field("file_sha256", pa.string(), nullable=False),
        pa.field("sheet", pa.string()),
        pa.field("cell", pa.string()),
        pa.field("line", pa.int32()),
        pa.field("text", pa.string()),
        pa.field("place_label", pa.string()),
        pa.field("indicator_label", pa.string()),
        pa.field("data_year", pa.int32()),
        pa.field("reason_code", pa.string(), nullable=False),  # [a-z_]+, e.g. text_in_number_cell, unknown_label, footer
        pa.field("reason", pa.string(), nullable=False),  # one sentence
        pa.field("is_required", pa.bool_(), nullable=False),  # counts towards the 1 % rule of unusable files
    ]
)


@dataclass
class ReadResult:
    """What one file gave: ``rows`` (RAW_SCHEMA), ``quarantine`` (QUARANTINE_SCHEMA), ``warnings`` (one sentence each)."""

    rows: pa.Table
    quarantine: pa.Table
    warnings: list[str] = field(default_factory=list)


class RowCollector:
    """Collects rows of one file column by column; fills what is the same for the whole file.

    ``add`` takes the per-row fields of RAW_SCHEMA; ``refuse`` those of QUARANTINE_SCHEMA. A reader makes one, fills it
    and returns ``result()``. ``raw_id`` is built here so that its form stands in one place.
    """

    def __init__(self, *, source: str, edition: str, edition_year: int | None, file_name: str, file_sha256: str) -> None:
        self._same = {
            "source": source,
            "edition": edition,
            "edition_year": edition_year,
            "file_name": file_name,
            "file_sha256": file_sha256,
        }
        self._rows: list[dict[str, Any]] = []
        self._refused: list[dict[str, Any]] = []
        self._seen: Counter[str] = Counter()
        self.warnings: list[str] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(
        self,
        *,
        text: str,
        value: float | None,
        indicator_label: str,
        place_label: str,
        data_year: int | None,
        unit: str = "",
        scope: str = "",
        sub_label: str = "",
        sheet: str | None = None,
        cell: str | None = None,
        line: int | None = None,
        place_code: str | None = None,
        place_parent: str | None = None,
        footnote: str | None = None,
        is_chained: bool = False,
        is_interpolated: bool = False,
    ) -> None:
        """Record one observed number."""
        where = cell if cell is not None else f"L{line}"
        raw_id = f"{self._same['file_sha256'][:16]}|{sheet or ''}|{where}"
        self._seen[raw_id] += 1
        if self._seen[raw_id] > 1:
            raw_id = f"{raw_id}|{self._seen[raw_id]}"
        self._rows.append(
            {
                "raw_id": raw_id,
                "sheet": sheet,
                "cell": cell,
                "line": line,
                "text": text,
                "value": value,
                "unit": unit,
                "scope": scope,
                "indicator_label": indicator_label,
                "sub_label": sub_label,
                "place_label": place_label,
                "place_code": place_code,
                "place_parent": place_parent,
                "data_year": data_year,
                "footnote": footnote,
                "is_chained": is_chained,
                "is_interpolated": is_interpolated,
            }
        )

    def refuse(
        self,
        reason_code: str,
        reason: str,
        *,
        sheet: str | None = None,
        cell: str | None = None,
        line: int | None = None,
        text: str | None = None,
        place_label: str | None = None,
        indicator_label: str | None = None,
        data_year: int | None = None,
        is_required: bool = False,
    ) -> None:
        """Put one cell or line in the quarantine."""
        self._refused.append(
            {
                "sheet": sheet,
                "cell": cell,
                "line": line,
                "text": text,
                "place_label": place_label,
                "indicator_label": indicator_label,
                "data_year": data_year,
                "reason_code": reason_code,
                "reason": reason,
                "is_required": is_required,
            }
        )

    def unreadable_share(self) -> float:
        """Required cells in the quarantine over all required cells met (1 % is the limit of a usable file)."""
        bad = sum(r["is_required"] for r in self._refused)
        total = bad + len(self._rows)
        return bad / total if total else 0.0

    def result(self) -> ReadResult:
        return ReadResult(self._table(self._rows, RAW_SCHEMA), self._table(self._refused, QUARANTINE_SCHEMA), self.warnings)

    def _table(self, rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
        n = len(rows)
        columns = [
            pa.array([self._same[f.name]] * n, f.type) if f.name in self._same else pa.array([r[f.name] for r in rows], f.type)
            for f in schema
        ]
        return pa.Table.from_arrays(columns, schema=schema)
