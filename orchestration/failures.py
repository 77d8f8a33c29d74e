"""Turns a failed Dagster run into the one error that a user is to read, with its exit code. Runs nothing itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from citycarbon import errors
from citycarbon.check_text import block
from citycarbon.checks import CheckResult
from citycarbon.errors import CityCarbonError, GateRefused

if TYPE_CHECKING:
    import dagster as dg
    from dagster import ExecuteInProcessResult


class ReportedError(CityCarbonError):
    """An error of ours that was raised inside a step: its own message, its own exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        self.exit_code = exit_code
        super().__init__(message)


def was_interrupted(result: ExecuteInProcessResult) -> bool:
    """True where a user's Ctrl-C ended the run: Dagster records it as the failure of the step at work."""
    errors_met = (error for e in result.all_events if e.is_step_failure for error in _chain(e))
    return any(error.cls_name in ("DagsterExecutionInterruptedError", "KeyboardInterrupt") for error in errors_met)


class StepError(CityCarbonError):
    """A step failed for a reason that no user can mend: a bug (exit code 1). The message names the log."""


def explain(result: ExecuteInProcessResult, checks: list[CheckResult], log: Path) -> CityCarbonError:
    """The error behind a failed run: an unusable input first, then a refusal, else a bug."""
    failures = [e for e in result.all_events if e.is_step_failure]
    ours = list(dict.fromkeys(found for e in failures if (found := _our_error(e))))
    if ours:
        codes = [code for code, _ in ours]
        return ReportedError("\n".join(message for _, message in ours), max(codes))
    refusing = [c for c in checks if c.refuses]
    if refusing:
        return refusal(refusing)
    steps = ", ".join(str(e.step_key) for e in failures) or "the run"
    cause = "\n".join(_cause(e) for e in failures)
    return StepError(f"{steps} failed.\n{cause}\nThe whole log: {log}")


def refusal(refusing: list[CheckResult]) -> GateRefused:
    """One message for all checks that refuse: rule, what was seen, what was expected, and which city-years."""
    lines = [
        f"The gate refused: {len(refusing)} blocking check{'s' if len(refusing) != 1 else ''} failed. Nothing was estimated."
    ]
    lines += map(block, refusing)
    lines.append("The last release stays in place. Mend the source, or declare a correction with its evidence.")
    return GateRefused("\n".join(lines), [c.id for c in refusing])


def _our_error(event: dg.DagsterEvent) -> tuple[int, str] | None:
    """Exit code and message where the step failed with an error class of citycarbon.errors."""
    for error in _chain(event):
        kind = getattr(errors, error.cls_name or "", None)
        if isinstance(kind, type) and issubclass(kind, CityCarbonError):
            return kind.exit_code, error.message.split(": ", 1)[-1].strip()
    return None


def _chain(event: dg.DagsterEvent) -> Iterator:
    error = event.step_failure_data.error
    while error is not None:
        yield error
        error = error.cause


def _cause(event: dg.DagsterEvent) -> str:
    *_, last = _chain(event)
    return f"{event.step_key}: {last.message.strip()}\n{''.join(last.stack)}".rstrip()
