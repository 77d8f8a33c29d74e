"""Hypotheses tested together as ``inference.csv`` has them: two rows a member, read back into one. Nothing is laid out here."""

from __future__ import annotations

import re
from dataclasses import dataclass

from citycarbon.report.layout import table_name
from citycarbon.report.results import Results, num

JOINT, ADJUSTED = "joint:", "romano_wolf:"


@dataclass(frozen=True)
class FamilyMember:
    """One hypothesis of a family. ``column`` of a split is ``<low>/<high>``; ``reason``: why it is not tested, else empty."""

    family: str
    label: str
    hypotheses: str
    table: str
    column: str
    t_stat: float
    p_value: float
    adjusted: float
    reason: str

    @property
    def name(self) -> str:
        """``Table 3 (2)``, or ``Table 5 (1) less (2)`` for the high half less the low one."""
        return f"{table_name(self.table)} {self.within}"

    @property
    def within(self) -> str:
        """The same inside its table: ``(2)``, ``(1) less (2)``."""
        if "/" not in self.column:
            return f"({self.column})"
        low, high = self.column.split("/")
        return f"({high}) less ({low})"


def members(results: Results, table: str | None = None) -> list[FamilyMember]:
    """The members of every family (of one table where it is named), in the order of the file."""
    rows = results.rows("inference") if table is None else results.of_table("inference", table)
    plain = {(r["table"], r["column"], r["method"].removeprefix(JOINT)): r for r in rows if r["method"].startswith(JOINT)}
    out = []
    for row in rows:
        if not row["method"].startswith(ADJUSTED):
            continue
        family = row["method"].removeprefix(ADJUSTED)
        told = re.match(r"(.*?): (\d+) hypothes[ei]s tested together", row["note"])
        beside = plain.get((row["table"], row["column"], family), {})
        out.append(
            FamilyMember(
                family=family, label=told[1] if told else family, hypotheses=told[2] if told else "",
                table=row["table"], column=row["column"], t_stat=num(row, "statistic"), p_value=num(beside, "p_value"),
                adjusted=num(row, "p_value"), reason="" if told else row["note"],
            )
        )  # fmt: skip
    return out


def by_family(found: list[FamilyMember]) -> dict[str, list[FamilyMember]]:
    """Family -> its members. Its label is that of a member that is tested."""
    out: dict[str, list[FamilyMember]] = {}
    for member in found:
        out.setdefault(member.family, []).append(member)
    return out


def family_label(found: list[FamilyMember]) -> str:
    return next((m.label for m in found if m.hypotheses), found[0].family.replace("_", " "))
