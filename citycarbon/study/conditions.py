"""Complaints about the conditions of a row filter, wherever a study has one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from citycarbon.study.dictionary import UNIT_KINDS
from citycarbon.study.problems import Problem, Where


class RowTest(Protocol):
    """What all conditions have in common."""

    @property
    def variable(self) -> str: ...
    @property
    def op(self) -> str: ...
    @property
    def value(self) -> object: ...


def condition_problems(where: Where, conditions: Sequence[RowTest]) -> Iterator[Problem]:
    """Operators without the value they need, values of the wrong shape, unit kinds that there are not."""
    for i, condition in enumerate(conditions):
        if condition.op in ("is_missing", "is_present"):
            if condition.value is not None:
                yield (*where, i, "value"), f"'{condition.op}' takes no value"
        elif condition.value is None:
            yield (*where, i), f"operator '{condition.op}' needs the key 'value'"
        elif condition.variable == "unit_kind" and (unknown := _unknown_kinds(condition.value)):
            yield (*where, i, "value"), f"no unit kind '{unknown[0]}'. Allowed: {', '.join(UNIT_KINDS)}"
        elif (condition.op in ("in", "not_in")) != isinstance(condition.value, list):
            yield (*where, i, "value"), "a list goes with 'in' and 'not_in', a single value with the other operators"


def _unknown_kinds(value: object) -> list[str]:
    return [str(v) for v in (value if isinstance(value, list) else [value]) if v not in UNIT_KINDS]
