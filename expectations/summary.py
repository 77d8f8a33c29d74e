"""The registry of rules as a page (``docs/gate.md``)."""

from __future__ import annotations

from expectations.rule import Rule
from expectations.rules import CO2_RULES, DECLARED, OBSERVATION_RULES, PANEL_RULES, RULES

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
