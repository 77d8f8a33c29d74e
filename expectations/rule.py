"""What a rule is: words for a person, the measure it judges and the expectation that gives the verdict. Data, no engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from citycarbon.checks import Severity
from citycarbon.gate.inputs import GateInputs
from citycarbon.gate.judged import Judged

UNUSED = "_unused"


@dataclass(frozen=True)
class Expect:
    """A Great Expectations expectation by name with its arguments; its columns are those of the judged frame."""

    kind: str
    arguments: Mapping[str, Any]

    @property
    def columns(self) -> list[str]:
        """The columns it looks at."""
        one = self.arguments.get("column")
        return [one] if one else list(self.arguments["column_list"])


@dataclass(frozen=True)
class Rule:
    """One rule, in one place. ``remedy`` says what a person does when it fails.

    ``rows``: which rows of the measure are judged. A rule on ``used`` rows has a twin on the ``unused`` ones (``twin``).
    """

    id: str
    title: str
    severity: Severity
    reason: str
    expected: str
    remedy: str
    measure: Callable[[GateInputs], Judged]
    expectation: Expect
    rows: Literal["all", "used", "unused"] = "all"
    columns: tuple[str, ...] = field(default=())

    @property
    def batch(self) -> str:
        """Rules of one batch see the same rows of the same measure and are validated together."""
        return f"{self.measure.__module__.rsplit('.', 1)[-1]}.{self.measure.__name__}.{self.rows}"


def twin(rule: Rule) -> Rule:
    """The same rule on the columns that the study does not use: it is shown, and it stops nothing."""
    return replace(
        rule,
        id=rule.id + UNUSED,
        title=f"{rule.title} (columns the study does not use)",
        severity="warning",
        reason=f"{rule.reason} A warning here because the study does not use these columns.",
        rows="unused",
    )


def between(column: str, low: float | None = None, high: float | None = None, **more: Any) -> Expect:
    """Every value of ``column`` that is there lies within the limits (``strict_min``/``strict_max`` leave the limit out)."""
    return Expect("ExpectColumnValuesToBeBetween", {"column": column, "min_value": low, "max_value": high, **more})
