"""Check results in words, the same on the terminal, in a refusal and in a page: what, found, expected, where, what to do."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache

from citycarbon.checks import CheckResult
from citycarbon.paths import DBT_PROJECT

SHOWN_KEYS = 10


def summarise(results: Sequence[CheckResult]) -> str:
    """A line that counts, then each failed check with its keys and its remedy, refusals first."""
    engines = ", ".join(f"{n} by {engine}" for engine, n in sorted(Counter(r.engine for r in results).items()))
    failed = failing_first(results)
    refused = sum(r.refuses for r in failed)
    head = (
        f"{len(results)} checks ({engines}): {len(results) - len(failed)} passed, {refused} refused, "
        f"{len(failed) - refused} warned"
    )
    return "\n".join([head, *map(block, failed)])


def failing_first(results: Sequence[CheckResult]) -> list[CheckResult]:
    """The failed checks: those that refuse, then warnings, each by id."""
    return sorted((r for r in results if not r.passed), key=lambda r: (not r.refuses, r.id))


def block(result: CheckResult, names: Mapping[str, str] | None = None) -> str:
    """One failed check in a few lines. ``names``: city id -> name, by default those of the code list."""
    lines = [
        f"  {'REFUSED' if result.refuses else 'warning'}  {result.id}" + (f": {result.title}" if result.title else ""),
        f"    found     {result.observed}",
        f"    expected  {result.expected}",
    ]
    if result.failing:
        lines.append(f"    at        {keys_text(result, city_names() if names is None else names)}")
    if result.remedy:
        lines.append(f"    to do     {result.remedy}.")
    return "\n".join(lines)


def keys_text(result: CheckResult, names: Mapping[str, str], shown: int = SHOWN_KEYS) -> str:
    """The first failing keys with city names, and how many more there are."""
    texts = [" ".join(str(p) for p in (names.get(c or "", ""), c, y) if p) for c, y in result.failing[:shown]]
    rest = len(result.failing) - len(texts)
    return ", ".join(texts) + (f", +{rest} more" if rest else "")


@cache
def city_names() -> dict[str, str]:
    """City id -> latest name of the code list, abolished units included."""
    with (DBT_PROJECT / "seeds" / "city_codes.csv").open(encoding="utf-8", newline="") as handle:
        rows = sorted(csv.DictReader(handle), key=lambda r: r["year"])
    return {row["adcode"]: row["name"] for row in rows}
