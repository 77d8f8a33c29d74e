"""Errors that a user meets, each with the exit code of the command line. Nothing else belongs here.

Exit codes: 0 done, 1 a bug, 2 bad usage or unusable input, 3 the gate refused, 4 verify found a mismatch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class CityCarbonError(Exception):
    """Base of every error that is shown to a user as one message, without a traceback."""

    exit_code = 1


class UsageError(CityCarbonError):
    """The command, its options or a study file cannot be used as given (exit code 2)."""

    exit_code = 2


class UnusableInput(CityCarbonError):
    """A source file cannot be used (exit code 2): says where, what was found, what was expected, what to do."""

    exit_code = 2

    def __init__(
        self, path: Path | str, *, found: str, expected: str, remedy: str, sheet: str | None = None, cell: str | None = None
    ) -> None:
        self.path, self.sheet, self.cell = Path(path), sheet, cell
        self.found, self.expected, self.remedy = found, expected, remedy
        where = "/".join(self.path.parts[-3:]).lstrip("/")  # source, edition and name of a file in the landing folder
        if sheet is not None:
            where += f", sheet '{sheet}'"
        if cell is not None:
            where += f", cell {cell}"
        super().__init__(f"{where}: found {found}; expected {expected}. {remedy}")


class GateRefused(CityCarbonError):
    """A blocking check failed (exit code 3). ``checks`` names the failed checks."""

    exit_code = 3

    def __init__(self, message: str, checks: Sequence[str] = ()) -> None:
        self.checks = list(checks)
        super().__init__(message)


class VerifyMismatch(CityCarbonError):
    """A release does not match its own manifest or its re-estimation (exit code 4). ``report``: all that was looked at, where
    the look came to an end."""

    exit_code = 4

    def __init__(self, message: str, report: object = None) -> None:
        super().__init__(message)
        self.report = report
