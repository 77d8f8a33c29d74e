"""Delimited text as received (UTF-8 with or without BOM, GB18030) as a Sheet of rows and cells, so that readers see one thing.

Such a Sheet has the name '' and its row numbers are the 1-based line numbers of the file. ``open_table_file`` opens a workbook
or a text file, whichever the bytes are.
"""

from __future__ import annotations

import csv
from pathlib import Path

from citycarbon.errors import UnusableInput
from citycarbon.sources.cells import Cell, Row, parse_number
from citycarbon.sources.workbook import REMEDY_COPY, Sheet, Workbook, is_workbook, open_workbook

# UTF-8 first: GB18030 accepts almost any bytes, UTF-8 hardly any that are not its own.
ENCODINGS = ("utf-8-sig", "utf-8", "gb18030")


def open_table_file(path: Path) -> Workbook:
    """A workbook, or a delimited text file as a Workbook of one Sheet; UnusableInput where the file is neither.

    A file that calls itself .xlsx or .xls and holds text is no text table: it is a download that went wrong.
    """
    if is_workbook(path) or path.suffix.lower() in (".xlsx", ".xls"):
        return open_workbook(path)
    return Workbook(path, [read_delimited(path)], lambda: None)


def decode(path: Path) -> tuple[str, str]:
    """The text of a file and the encoding that fits; UnusableInput where it is empty, binary or in none of ENCODINGS."""
    raw = path.read_bytes()
    if not raw.strip():
        raise UnusableInput(path, found=f"an empty file ({len(raw)} bytes)", expected="lines of text", remedy=REMEDY_COPY)
    if b"\x00" in raw or raw.startswith((b"\xff\xfe", b"\xfe\xff", b"%PDF")):
        raise UnusableInput(
            path,
            found="a binary file or UTF-16 text",
            expected="text in UTF-8 or GB18030",
            remedy="Save it as 'CSV UTF-8', or fetch the original.",
        )
    if raw.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
        raise UnusableInput(
            path,
            found="an HTML or XML page",
            expected="comma-separated text",
            remedy="The download gave a web page instead of the file; fetch the file itself.",
        )
    failures = []
    for encoding in ENCODINGS:
        try:
            return raw.decode(encoding), encoding
        except UnicodeDecodeError as err:
            failures.append(err)
    # The encoding that fits the most of the file is the one it was meant to be in.
    failure = max(failures, key=lambda f: f.start)
    line = raw[: failure.start].count(b"\n") + 1
    raise UnusableInput(
        path,
        found=f"bytes {raw[failure.start : failure.start + 4]!r} in line {line} that are neither UTF-8 nor GB18030",
        expected="text in UTF-8 or GB18030",
        remedy="The file may be cut in the middle of a character or be in another encoding; fetch it again or save as UTF-8.",
    )


def read_delimited(path: Path) -> Sheet:
    """A comma- or tab-separated file as a Sheet named ''; a cell that spells a number is one, fields of spaces only are blank.

    Raises UnusableInput: undecodable or binary file, a quote that never closes, a last line that ends in the middle.
    """
    text, _ = decode(path)
    first = text.split("\n", 1)[0]
    delimiter = "\t" if "\t" in first and "," not in first else ","
    lines = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    rows, widths = [], []
    try:
        start = 1
        for fields in lines:
            rows.append(_row(start, fields))
            widths.append(len(fields))
            start = lines.line_num + 1
    except csv.Error as err:
        raise UnusableInput(
            path, found=f"broken quoting in line {lines.line_num} ({err})", expected="closed quotes", remedy=REMEDY_COPY
        ) from None
    if not text.endswith("\n") and len(widths) > 1 and widths[-1] < widths[0]:
        raise UnusableInput(
            path,
            found=f"a last line ({rows[-1].number}) of {widths[-1]} fields without an end of line",
            expected=f"{widths[0]} fields as in the header (the file seems truncated)",
            remedy=REMEDY_COPY,
        )
    kept = [r for r in rows if r.cells]
    return Sheet("", path, lambda: kept)


def _row(line: int, fields: list[str]) -> Row:
    return Row(line, {n: _cell(line, n, f) for n, f in enumerate(fields, start=1) if f.strip()})


def _cell(line: int, column: int, text: str) -> Cell:
    number = parse_number(text)
    return Cell(line, column, "text", text, text) if number is None else Cell(line, column, "number", text, number)
