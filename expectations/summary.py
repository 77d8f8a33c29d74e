"""Check results in words: for the terminal, and the registry as a page (``docs/gate.md``)."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import cache

from citycarbon.checks import CheckResult
from citycarbon.gate.inputs import SEEDS
from expectations.rule import Rule
from expectations.rules import CO2_RULES, DECLARED, OBSERVATION_RULES, PANEL_RULES, RULES

SHOWN_KEYS = 10


def summarise(results: Sequence[CheckResult], names: Mapping[str, str] | None = None) -> str:
    """Failed blocking checks first, then warnings: what, found, expected, up to 10 keys with city names, what to do.

    ``names`` is city id -> name; by default those of the code list.
    """
    names = city_names() if names is None else names
    failed = sorted((r for r in results if not r.passed), key=lambda r: (not r.refuses, r.id))
    refused = sum(r.refuses for r in failed)
    head = f"{len(results)} checks: {len(results) - len(failed)} passed, {refused} refused, {len(failed) - refused} warnings"
    return "\n".join([head, *(_block(r, names) for r in failed)])


def _block(result: CheckResult, names: Mapping[str, str]) -> str:
    lines = [
        f"{'REFUSED' if result.refuses else 'warning'}  {result.id}: {result.title}",
        f"  found     {result.observed}",
        f"  expected  {result.expected}",
    ]
    if result.failing:
        lines.append(f"  at        {keys_text(result, names)}")
    remedy = {rule.id: rule.remedy for rule in RULES}.get(result.id)
    return "\n".join([*lines, f"  to do     {remedy}."] if remedy else lines)


def keys_text(result: CheckResult, names: Mapping[str, str], shown: int = SHOWN_KEYS) -> str:
    """The first failing keys with city names, and how many more there are."""
    texts = [" ".join(str(p) for p in (names.get(c or "", ""), c, y) if p) for c, y in result.failing[:shown]]
    rest = len(result.failing) - len(texts)
    return ", ".join(texts) + (f", +{rest} more" if rest else "")


@cache
def city_names() -> dict[str, str]:
    """City id -> latest name of the code list, abolished units included."""
    with (SEEDS / "city_codes.csv").open(encoding="utf-8", newline="") as handle:
        rows = sorted(csv.DictReader(handle), key=lambda r: r["year"])
    return {row["adcode"]: row["name"] for row in rows}


# --- docs/gate.md -----------------------------------------------------------------------------------------------------------

SECTIONS = (
    ("The panel", PANEL_RULES),
    ("Emissions", CO2_RULES),
    ("Observations", OBSERVATION_RULES),
)

INTRODUCTION = f"""# The gate

Written from `expectations/rules.py` by `python -m expectations.summary`; a test keeps them equal. Limits stand in
`citycarbon/gate/thresholds.py`, each with its reason.

Nothing is estimated on a panel that fails a **blocking** rule: the command ends with exit code 3, every failing (city, year) is
named on the terminal, in `checks.json` and at the check in the UI, and the last release stays in place. A **warning** is listed
and stops nothing. Severities are the same for sample and real files.

The gate judges what a study uses: its panel columns, the observations and emission series behind them, its policies, and the
years of its window. A rule marked *by use* judges everything else under its own id with `_unused`, as a warning. What feeds a
column is read from the cells mart, not declared a second time. An area counts as used where its source feeds the study, since
the totals of a source follow its territory.

How a verdict is reached: a pure function in `citycarbon/gate/` computes one measure per city and year (a factor, a share, a
gap); a standard Great Expectations expectation judges that column; the adapter in `expectations/engine.py` finds each verdict
by the rule's id. A mart, seed or column that is missing fails the rules that need it and says so.

Known errors of a source are handled by `dbt_project/seeds/corrections.csv`: source, edition, place, year, indicator, action
(`set_missing` or `multiply` by a factor), reason, evidence, and a guard. The guard is a ratio, never a value: the printed
number over the printed numbers of `guard_years` (of the same place, or of `guard_place`) in the same edition. While it lies
between `guard_low` and `guard_high` the fault is there and the correction is applied and listed in the release; once it does
not, the source was mended, nothing is applied and `correction_guards` refuses until the declaration is retired.

There are {len(DECLARED)} rules and {len(RULES)} checks.
"""


def describe() -> str:
    """``docs/gate.md`` as text."""
    parts = [INTRODUCTION]
    for title, rules in SECTIONS:
        parts += [f"## {title}\n", *(_paragraph(rule) for rule in rules)]
    return "\n".join(parts)


def _paragraph(rule: Rule) -> str:
    by_use = ", by use" if rule.rows == "used" else ""
    return "\n".join(
        [
            f"### `{rule.id}` ({rule.severity}{by_use})\n",
            f"{rule.title}. {rule.reason}\n",
            f"- Expected: {rule.expected}.",
            f"- When it fails: {rule.remedy}.\n",
        ]
    )


if __name__ == "__main__":
    from citycarbon.paths import PROJECT_ROOT

    (PROJECT_ROOT / "docs" / "gate.md").write_text(describe(), encoding="utf-8")
