"""CSMAR regional economy tables by city: CSV with its description file, or a workbook with three header rows.

The CSV is UTF-8 with BOM and CRLF (Chinese exports also GBK), every field quoted, ``""`` where a value is missing. Units differ
from field to field of one file and stand only in ``TABLE[DES][csv].txt`` beside it, one line a field:
``Field [Label] - note (unit: ...)``. The workbook has field, label and unit ("没有单位") in its first three rows.

``indicator_label`` is the field's code, the header that both forms share; the label goes to ``footnote``. Names and codes are
kept as printed, outer spaces apart: the vendor back-casts some codes and not others, which the seeds resolve.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from citycarbon.errors import UnusableInput
from citycarbon.sources.coded_fields import CodedTable, clean_unit, coded_table, read_values
from citycarbon.sources.printed_labels import is_unit, take_apart
from citycarbon.sources.rawrows import ReadResult
from citycarbon.sources.records import SourceRecord
from citycarbon.sources.tables import collector, finish
from citycarbon.sources.textfile import decode, read_delimited
from citycarbon.sources.workbook import open_workbook

READER_VERSION = "1"

_DES_LINE = re.compile(r"^\s*(?P<field>[A-Za-z]\w*)\s*\[(?P<label>.*?)\]\s*(?:[-–—:：]\s*(?P<note>.*))?$")
_DES_UNIT = re.compile(r"(?:unit|单位)\s*[:：]\s*([^)）;；,，]+)", re.IGNORECASE)
_CONFLICT = re.compile(r"(<{7}|>{7}|\|{7})( |$)|={7}$")


def read(path: Path, record: SourceRecord, file_sha256: str, companions: Sequence[Path] = ()) -> ReadResult:
    """All values of one table; ``companions`` are the description files of the drop.

    Raises UnusableInput for a file that is neither CSV nor workbook, a cut one, a CSV without its description or with one
    that holds merge conflicts, a missing year or city column, or too many unreadable cells.
    """
    out = collector(path, record, file_sha256)
    with path.open("rb") as handle:
        is_workbook = handle.read(4) in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
    if is_workbook:
        with open_workbook(path) as book:
            read_values(out, coded_table(book.sheets[0]), indicator=lambda f: f.code, footnote=lambda f: f.label or None)
        return finish(out, path)
    sheet = read_delimited(path)
    described = describe(_description_of(path, companions))
    table = _with_descriptions(coded_table(sheet, header_rows=1), described)
    out.warnings += [
        f"{path.name}: the field {f.code} is not in the description file; its unit is unknown."
        for f in table.fields
        if f.role is None and f.code not in described
    ]
    read_values(out, table, indicator=lambda f: f.code, footnote=lambda f: f.label or None)
    return finish(out, path)


def _with_descriptions(table: CodedTable, described: dict[str, tuple[str, str]]) -> CodedTable:
    fields = []
    for field in table.fields:
        label, unit = described.get(field.code, ("", ""))
        fields.append(replace(field, label=label, unit=unit))
    return replace(table, fields=tuple(fields))


def _description_of(path: Path, companions: Sequence[Path]) -> Path:
    """The description file of a table: the one with the longest name that the table's name starts with."""
    stems = {c: c.name.split("[")[0].strip().lower() for c in companions}
    named = [c for c, stem in stems.items() if stem and path.stem.lower().startswith(stem)]
    if named:
        return max(named, key=lambda c: (len(stems[c]), c.name))
    raise UnusableInput(
        path,
        found=f"only {', '.join(c.name for c in companions)} beside it" if companions else "no description file beside it",
        expected=f"{path.stem}[DES][csv].txt, which alone states the units",
        remedy="Put the description file of the same download into the drop.",
    )


def describe(path: Path) -> dict[str, tuple[str, str]]:
    """Field code -> (label, unit) of a description file; unit '' where the line states none.

    Raises UnusableInput for unresolved merge conflicts (two versions of a unit cannot both hold) and for a file without any
    field.
    """
    text, _ = decode(path)
    described: dict[str, tuple[str, str]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if _CONFLICT.match(line):
            raise UnusableInput(
                path,
                found=f"an unresolved merge conflict in line {number} ('{line[:20]}')",
                expected="one description of each field",
                remedy="Fetch the description file again from the vendor; do not choose a side by guess.",
            )
        if match := _DES_LINE.match(line):
            described[match["field"]] = (match["label"].strip(), _unit_of(match["label"], match["note"] or ""))
    if not described:
        raise UnusableInput(
            path, found="no line that describes a field", expected="'Field [Label] - note'", remedy="Fetch the file again."
        )
    return described


def _unit_of(label: str, note: str) -> str:
    stated = _DES_UNIT.search(note) or _DES_UNIT.search(label)
    if stated:
        return clean_unit(stated.group(1))
    return take_apart(label).unit or (note.strip() if is_unit(note.strip()) else "")
