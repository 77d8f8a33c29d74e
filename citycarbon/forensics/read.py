"""Reading the two tables that a referee types off a paper. Every cell is judged as text: printed digits are never lost.

Formats: docs/forensics.md. Nothing is repaired silently; the first thing that cannot be used ends with one message.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from citycarbon.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

PUBLISHED_COLUMNS = (
    "table", "column_no", "column_label", "outcome", "term", "estimate", "std_error", "stars", "N", "adj_r2", "fe_label_1",
    "fe_label_2",
)  # fmt: skip
# Known where the numbers are one's own: degrees of freedom of the t test, the p-value that earns the star, who gives the star.
OPTIONAL_PUBLISHED = ("df", "p_value", "star_rule")
DESCRIPTIVE_COLUMNS = ("variable", "sd", "n", "mean", "min", "max")
# ``table:column`` where a row describes the rows of one regression column only; ``yes`` where its statistics are weighted.
OPTIONAL_DESCRIPTIVES = ("sample", "weighted")
OF_A_COLUMN = ("column_label", "outcome", "N", "adj_r2", "fe_label_1", "fe_label_2")
DECIMAL = ("estimate", "std_error", "adj_r2", "sd", "mean", "min", "max")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
STARS = ("", "*", "**", "***")

Row = dict[str, str]


class _Csv:
    """A csv file as rows of stripped text with their line numbers, and a way to complain about one cell."""

    def __init__(self, path: Path, required: Sequence[str], optional: Sequence[str]) -> None:
        self.path = path
        lines = self._lines()
        try:
            _, header = next(lines)
        except StopIteration:
            raise UsageError(
                f"{path}, line 1: found an empty file; expected the header {','.join(required)}. "
                "Type the table's numbers below that header."
            ) from None
        header = [name.strip() for name in header]
        self._judge_header(header, required)
        self.columns = [*required, *(name for name in optional if name in header)]
        self.rows = [(line, self._row(line, header, cells)) for line, cells in lines if any(c.strip() for c in cells)]
        if not self.rows:
            raise UsageError(f"{path}, line 2: found a header without rows; expected at least one. Was the right file named?")

    def wrong(self, line: int, column: str, found: str, expected: str, remedy: str) -> UsageError:
        return UsageError(f"{self.path}, line {line}, column '{column}': found {found}; expected {expected}. {remedy}")

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        reader = csv.reader(io.StringIO(self._text(), newline=""), strict=True)
        last = 0
        try:
            for cells in reader:
                yield last + 1, cells
                last = reader.line_num
        except csv.Error as error:
            raise UsageError(
                f"{self.path}, line {reader.line_num}: found text that is no csv ({error}); expected one row a line, cells "
                "separated by commas. Close every quotation mark that is opened."
            ) from error

    def _text(self) -> str:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            raise UsageError(f"{self.path}: found no such file; expected a csv. Check the path.") from None
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be read ({error.strerror}); expected a csv file. Check the path.") from error
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            raise UsageError(
                f"{self.path}, line {line}: found a byte (0x{data[error.start]:02x}) that is not UTF-8; expected UTF-8 text. "
                "Save the file as UTF-8."
            ) from error

    def _judge_header(self, header: list[str], required: Sequence[str]) -> None:
        if len(header) == 1 and ";" in header[0]:
            raise UsageError(
                f"{self.path}, line 1: found cells separated by semicolons; expected commas. Export it as comma-separated csv."
            )
        missing = [name for name in required if name not in header]
        if missing:
            raise UsageError(
                f"{self.path}, line 1: found the columns {', '.join(header)}; expected also {', '.join(missing)}. "
                "Add what is missing; leave its cells empty where nothing is printed."
            )
        twice = sorted({name for name in header if header.count(name) > 1})
        if twice:
            raise UsageError(f"{self.path}, line 1: found the column '{twice[0]}' twice; expected once. Remove one.")

    def _row(self, line: int, header: list[str], cells: list[str]) -> Row:
        if len(cells) != len(header):
            self._split_decimal(line, header, cells)
            raise UsageError(
                f"{self.path}, line {line}: found {len(cells)} cells; expected {len(header)} as in the header. "
                "Put a text that holds a comma in quotation marks, and leave no cell out."
            )
        row = dict(zip(header, (c.strip() for c in cells), strict=True))
        return {name: row[name] for name in self.columns}

    def _split_decimal(self, line: int, header: list[str], cells: list[str]) -> None:
        """A decimal comma without quotation marks splits a cell: name the first column where two whole numbers follow."""
        for i, name in enumerate(header[: len(cells) - 1]):
            halves = cells[i].strip(), cells[i + 1].strip()
            if name in DECIMAL and len(cells) > len(header) and re.fullmatch(r"[+-]?\d+ \d+", " ".join(halves)):
                found = f"'{','.join(halves)}', a cell split by its comma"
                raise self.wrong(line, name, found, "a number such as -0.644", "Write the decimal point as a point.")

    def number(self, line: int, row: Row, column: str) -> None:
        text = row[column]
        if not text or NUMBER.fullmatch(text):
            return
        remedy = "Type the number as printed, with its last zeros, or leave the cell empty."
        if re.fullmatch(r"[+-−]?\d+,\d+", text):
            remedy = "Write the decimal point as a point."
        elif "−" in text or "–" in text:
            remedy = "Write the minus as the hyphen of the keyboard."
        elif "*" in text:
            remedy = "Stars have a column of their own."
        elif "(" in text or "[" in text:
            remedy = "Leave brackets out."
        raise self.wrong(line, column, f"'{text}'", "a number such as -0.644", remedy)

    def whole(self, line: int, row: Row, column: str) -> None:
        text = row[column]
        if re.fullmatch(r"\d+", text) and int(text) > 0:
            return
        found = f"'{text}'" if text else "an empty cell"
        raise self.wrong(
            line, column, found, "a whole number of rows such as 3017", "Write it without separators and decimals."
        )

    def filled(self, line: int, row: Row, column: str) -> None:
        if not row[column]:
            raise self.wrong(line, column, "an empty cell", "a name", "Every row names its place in the paper.")

    def not_negative(self, line: int, row: Row, column: str, what: str) -> None:
        if row[column] and float(row[column]) < 0:
            raise self.wrong(line, column, f"'{row[column]}'", f"{what}, which is not negative", "Check it against the print.")

    def unique(self, key: Callable[[Row], tuple[str, ...]], columns: str) -> None:
        seen: dict[tuple[str, ...], int] = {}
        for line, row in self.rows:
            if key(row) in seen:
                found = f"{', '.join(k for k in key(row) if k)} a second time (first on line {seen[key(row)]})"
                raise self.wrong(line, columns, found, "it once", "Remove one of the two, or correct its name.")
            seen[key(row)] = line

    def frame(self) -> pd.DataFrame:
        import pandas as pd

        return pd.DataFrame([row for _, row in self.rows], columns=self.columns, dtype=object)


def read_published(path: Path) -> pd.DataFrame:
    """The printed coefficients, one row each, every cell as the text that is printed (columns ``PUBLISHED_COLUMNS``).

    Raises UsageError naming path, line, column, what was found and expected, and what to do.
    """
    table = _Csv(path, PUBLISHED_COLUMNS, OPTIONAL_PUBLISHED)
    for line, row in table.rows:
        for column in ("table", "column_no", "outcome", "term"):
            table.filled(line, row, column)
        for column in ("estimate", "std_error", "adj_r2", *(c for c in ("df", "p_value") if c in row)):
            table.number(line, row, column)
        table.not_negative(line, row, "std_error", "a standard error")
        table.whole(line, row, "N")
        _judge_stars(table, line, row)
    table.unique(lambda row: (row["table"], row["column_no"], row["term"]), "table, column_no, term")
    _judge_columns(table)
    return table.frame()


def _judge_stars(table: _Csv, line: int, row: Row) -> None:
    if row["stars"] not in STARS:
        raise table.wrong(line, "stars", f"'{row['stars']}'", "*, **, *** or nothing", "Other marks have no place here.")
    if row["stars"] and not row["std_error"]:
        raise table.wrong(
            line, "std_error", f"no standard error beside {row['stars']}", "the standard error that earned the star",
            "Type it, or take the star away; a t statistic goes in as estimate / t.",
        )  # fmt: skip
    if row["std_error"] and not row["estimate"]:
        raise table.wrong(line, "estimate", "an empty cell beside a standard error", "the estimate", "Type it as printed.")


def _judge_columns(table: _Csv) -> None:
    """N, R2, outcome and effects are printed once a column, so all its rows must say the same."""
    first: dict[tuple[str, str], tuple[int, Row]] = {}
    for line, row in table.rows:
        above, known = first.setdefault((row["table"], row["column_no"]), (line, row))
        for column in OF_A_COLUMN:
            if row[column] != known[column]:
                raise table.wrong(
                    line, column, f"'{row[column]}'", f"'{known[column]}' as on line {above}, the same column of the table",
                    "Make the rows of a column agree.",
                )  # fmt: skip


def read_descriptives(path: Path) -> pd.DataFrame:
    """The printed descriptive statistics, one row a variable, as text (columns ``DESCRIPTIVE_COLUMNS``). Errors as above."""
    table = _Csv(path, DESCRIPTIVE_COLUMNS, OPTIONAL_DESCRIPTIVES)
    for line, row in table.rows:
        table.filled(line, row, "variable")
        for column in ("sd", "mean", "min", "max"):
            table.number(line, row, column)
        table.not_negative(line, row, "sd", "a standard deviation")
        table.whole(line, row, "n")
    table.unique(lambda row: (row.get("sample", ""), row["variable"]), "variable")
    return table.frame()
