"""The gate: judge the marts of a study by every rule of the registry. ``run_gate`` is all that the rest of the project
calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from citycarbon.checks import CheckResult
from citycarbon.gate.inputs import GateInputs, MissingTable
from citycarbon.gate.judged import Judged, MissingColumns
from citycarbon.gate.scope import scope_of
from citycarbon.paths import Home
from citycarbon.study.spec import Study
from expectations.engine import Batch, Verdict, validate
from expectations.rule import Rule
from expectations.rules import RULES

Measure = Callable[[GateInputs], Judged]
EXAMPLES = 3  # failing rows described in words; all of them are in ``failing``


def run_gate(home: Home, study: Study, *, marts_dir: Path | None = None) -> list[CheckResult]:
    """Judge the marts of ``study`` below ``home`` (or in ``marts_dir``): one result for each of ``RULES``, in their order.

    A mart, seed or column that is missing fails the rules that need it, with a message; nothing is raised for bad data.
    """
    inputs = GateInputs(scope=scope_of(study), marts=marts_dir or home.marts(study.study), raw=home.raw)
    return judge(inputs, RULES)


def judge(inputs: GateInputs, rules: Sequence[Rule]) -> list[CheckResult]:
    """Judge ``rules`` on already located inputs."""
    measured: dict[Measure, Judged | str] = {}
    for rule in rules:
        if rule.measure not in measured:
            measured[rule.measure] = _measure(rule.measure, inputs)
    batches = _batches(rules, measured)
    verdicts = validate(list(batches.values()))
    return [_result(rule, measured[rule.measure], batches, verdicts) for rule in rules]


def _measure(measure: Measure, inputs: GateInputs) -> Judged | str:
    """The judged frame, or why there is none."""
    try:
        return measure(inputs)
    except (MissingTable, MissingColumns) as missing:
        return str(missing)


def _batches(rules: Sequence[Rule], measured: dict[Measure, Judged | str]) -> dict[str, Batch]:
    out: dict[str, Batch] = {}
    for rule in rules:
        found = measured[rule.measure]
        if isinstance(found, str):
            continue
        if rule.batch not in out:
            frame = found.frame
            keep = frame if rule.rows == "all" else frame[frame["used"] == (rule.rows == "used")]
            out[rule.batch] = Batch(rule.batch, keep.reset_index(drop=True), {})
        out[rule.batch].expectations[rule.id] = rule.expectation
    return out


def _result(
    rule: Rule, found: Judged | str, batches: dict[str, Batch], verdicts: dict[tuple[str, str], Verdict]
) -> CheckResult:
    if isinstance(found, str):
        passed, observed, failing = False, f"not judged: {found}", []
    else:
        verdict, frame = verdicts[rule.batch, rule.id], batches[rule.batch].frame
        rows = frame.iloc[verdict.rows]
        passed, observed = verdict.passed, _observed(found, frame, verdict, rows)
        failing = [] if passed else keys_of(rows)
    return CheckResult(
        id=rule.id,
        severity=rule.severity,
        passed=passed,
        observed=observed,
        expected=rule.expected,
        failing=failing,
        title=rule.title,
        reason=rule.reason,
        columns=list(rule.columns),
        remedy=rule.remedy,
    )


def _observed(found: Judged, frame: pd.DataFrame, verdict: Verdict, rows: pd.DataFrame) -> str:
    if verdict.error:
        return f"not judged: {verdict.error}"
    note = f" ({found.note})" if found.note else ""
    if frame.empty:
        return "nothing to judge" + note
    if rows.empty:
        return f"0 of {len(frame):,} outside{note}"
    examples = [f"{_key_text(row)}: {found.describe(row)}" for _, row in rows.head(EXAMPLES).iterrows()]
    more = ", ..." if len(rows) > EXAMPLES else ""
    return f"{len(rows):,} of {len(frame):,} outside: {'; '.join(examples)}{more}{note}"


def _key_text(row: pd.Series) -> str:
    return " ".join(str(part) for part in _key(row.city_id, row.year) if part is not None) or "all"


def _key(city: Any, year: Any) -> tuple[str | None, int | None]:
    return (None if pd.isna(city) else str(city), None if pd.isna(year) else int(year))


def keys_of(rows: pd.DataFrame) -> list[tuple[str | None, int | None]]:
    """Failing (city_id, year) keys, each once, in order."""
    keys = {_key(c, y) for c, y in zip(rows["city_id"], rows["year"], strict=True)}
    return sorted(keys, key=lambda k: (k[0] or "", k[1] or 0))
