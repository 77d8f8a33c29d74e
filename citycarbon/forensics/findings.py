"""What a rule reports: one finding a row, the verdict of a rule over its findings, the frame and its csv. No rule is here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd

Verdict = Literal["pass", "warn", "fail", "not_applicable"]
WORST_FIRST: tuple[Verdict, ...] = ("fail", "warn", "pass", "not_applicable")
COLUMNS = ("subject", "rule", "finding", "scope", "verdict", "observed", "expected", "explanation")
OVERALL = "overall"
MANY = 10  # scopes that the overall row names


@dataclass(frozen=True)
class Finding:
    """One thing a rule looked at. ``explanation`` is a sentence that stands on its own in a referee's report."""

    finding: str
    scope: str
    verdict: Verdict
    observed: str
    expected: str
    explanation: str


@dataclass(frozen=True)
class Rule:
    """A rule of the ledger: its number, its name, and what it asks in a few words."""

    id: str
    name: str
    asks: str


def not_applicable(finding: str, reason: str, needs: str, scope: str = "all") -> Finding:
    """A rule, or a part of one, that cannot be judged on what was supplied: says what is lacking."""
    return Finding(finding, scope, "not_applicable", reason, needs, f"Not judged: {reason}; it needs {needs}.")


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """fail before warn before pass; not_applicable only where nothing could be judged."""
    found = set(verdicts)
    return next((v for v in WORST_FIRST if v in found), "not_applicable")


def overall(rule: Rule, findings: Sequence[Finding]) -> Finding:
    """The row of a rule over all its findings: the worst verdict, who has which, and the sentences that decide it."""
    verdict = worst(f.verdict for f in findings)
    deciding = [f for f in findings if f.verdict == verdict]
    by_scope = {s: worst(f.verdict for f in findings if f.scope == s) for s in dict.fromkeys(f.scope for f in findings)}
    parts = []
    for v in WORST_FIRST:
        scopes = [s for s, its in by_scope.items() if its == v]
        if scopes:
            more = f" and {len(scopes) - MANY} more" if len(scopes) > MANY else ""
            parts.append(f"{v.replace('_', ' ')}: {', '.join(scopes[:MANY])}{more}")
    sentences = list(dict.fromkeys(f.explanation for f in deciding))
    more = f" {len(sentences) - 3} further findings of this verdict." if len(sentences) > 3 else ""
    return Finding(
        finding=rule.name,
        scope=OVERALL,
        verdict=verdict,
        observed=f"{'; '.join(parts)}. {deciding[0].observed}" if deciding else "nothing to judge",
        expected=deciding[0].expected if deciding else rule.asks,
        explanation=(" ".join(sentences[:3]) + more) if deciding else "Nothing to judge.",
    )


def frame(subject: str, judged: Sequence[tuple[Rule, Sequence[Finding]]]) -> pd.DataFrame:
    """All findings as rows in the contract's columns; each rule's overall row stands first."""
    import pandas as pd

    rows = [
        (subject, rule.id, f.finding, f.scope, f.verdict, f.observed, f.expected, f.explanation)
        for rule, findings in judged
        for f in (overall(rule, findings), *findings)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)


def write_forensics(df: pd.DataFrame, path: Path) -> None:
    """Write the findings as csv in the project's one form; the same findings give the same bytes."""
    from citycarbon.econometrics.contract import write_csv

    write_csv(df[list(COLUMNS)], path)
