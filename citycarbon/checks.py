"""The project's own result of a check, whatever engine ran it (dbt test, expectation, asset check)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

Severity = Literal["blocking", "warning"]


@dataclass(frozen=True)
class CheckResult:
    """One rule, judged once. ``failing`` holds (city_id, year) keys; year or city may be None where a rule is coarser."""

    id: str
    severity: Severity
    passed: bool
    observed: str
    expected: str
    failing: list[tuple[str | None, int | None]] = field(default_factory=list)
    title: str = ""
    reason: str = ""  # why the rule exists and has this severity
    engine: str = "great_expectations"  # or dbt, asset_check
    columns: list[str] = field(default_factory=list)
    remedy: str = ""  # what to do when it fails

    @property
    def refuses(self) -> bool:
        """True where this result must stop every estimate."""
        return self.severity == "blocking" and not self.passed

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def write_checks(results: list[CheckResult], path: Path) -> None:
    """Write ``checks.json`` (contract: {"checks": [{"id", "severity", "passed", "observed", "expected", "failing"}]})."""
    body = {"checks": [r.to_dict() for r in sorted(results, key=lambda r: (r.engine, r.id))]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_checks(path: Path) -> list[CheckResult]:
    body = json.loads(path.read_text(encoding="utf-8"))
    return [CheckResult(**{**c, "failing": [tuple(k) for k in c["failing"]]}) for c in body["checks"]]
