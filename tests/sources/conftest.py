"""Small source files in the real layouts with invented numbers, and what every reader must refuse alike."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from citycarbon.errors import UnusableInput
from citycarbon.sources.rawrows import ReadResult
from citycarbon.sources.records import SourceRecord

Rows = Sequence[Sequence[Any]]


@pytest.fixture
def record() -> Callable[[str], SourceRecord]:
    """A complete record for a source id."""

    def make(source: str) -> SourceRecord:
        return SourceRecord(
            source=source,
            edition="2022",
            edition_year=2022,
            producer="A producer",
            title="A table",
            licence="none",
            redistributable="no",
            citation="A producer (2022)",
        )

    return make


@pytest.fixture
def read(record) -> Callable[[ModuleType, Path], ReadResult]:
    """Read a file with a reader module as the intake does."""

    def run(reader: ModuleType, path: Path) -> ReadResult:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return reader.read(path, record(reader.__name__.rsplit(".", 1)[1]), digest)

    return run


@pytest.fixture
def refused(read) -> Callable[[ModuleType, Path], UnusableInput]:
    """The error of an unusable file; checks that it says found, expected and remedy and carries exit code 2."""

    def run(reader: ModuleType, path: Path) -> UnusableInput:
        with pytest.raises(UnusableInput) as caught:
            read(reader, path)
        error = caught.value
        assert error.exit_code == 2
        assert path.name in str(error)
        assert error.found
        assert error.expected
        assert error.remedy
        return error

    return run


@pytest.fixture
def make_book(tmp_path) -> Callable[..., Path]:
    """Write an .xlsx; a text that starts with '=' becomes a formula without a saved result."""

    def make(sheets: Mapping[str, Rows], name: str = "table.xlsx") -> Path:
        book = openpyxl.Workbook()
        book.remove(book.active)
        for title, rows in sheets.items():
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(list(row))
        book.save(tmp_path / name)
        return tmp_path / name

    return make


@pytest.fixture
def make_calculated_book(tmp_path) -> Callable[..., Path]:
    """Write an .xlsx whose formulas have saved results: such a cell is a pair (formula, result)."""

    def make(sheets: Mapping[str, Rows], name: str = "calculated.xlsx") -> Path:
        with xlsxwriter.Workbook(tmp_path / name) as book:
            for title, rows in sheets.items():
                sheet = book.add_worksheet(title)
                for r, row in enumerate(rows):
                    for c, value in enumerate(row):
                        if isinstance(value, tuple):
                            sheet.write_formula(r, c, value[0], None, value[1])
                        else:
                            sheet.write(r, c, value)
        return tmp_path / name

    return make


@pytest.fixture
def check_damaged(refused, tmp_path) -> Callable[[ModuleType, Path], None]:
    """An empty, a truncated and a wrongly typed copy of a good file must each be refused in plain words."""

    def check(reader: ModuleType, good: Path) -> None:
        empty, cut, web = (tmp_path / f"{name}{good.suffix}" for name in ("empty", "cut", "web"))
        empty.write_bytes(b"")
        assert "empty file" in refused(reader, empty).found
        content = good.read_bytes()
        cut.write_bytes(content[: len(content) * 2 // 3])
        assert "truncated" in str(refused(reader, cut))
        web.write_bytes(b"<!DOCTYPE html><html><body>404</body></html>")
        assert "HTML" in refused(reader, web).found

    return check


@pytest.fixture
def reasons() -> Callable[[ReadResult], dict[str, int]]:
    """How many quarantine entries a result has of each reason code."""

    def count(result: ReadResult) -> dict[str, int]:
        codes = result.quarantine["reason_code"].to_pylist()
        return {code: codes.count(code) for code in sorted(set(codes))}

    return count
