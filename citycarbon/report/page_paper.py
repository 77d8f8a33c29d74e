"""The paper on a release's page: its claims judged, its printed numbers beside ours, its tables under the audit rules.

A study without a paper has none of these files, and its page none of these parts.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from citycarbon.report.layout import listed
from citycarbon.report.page_tables import NONE, PlainTable, fixed, number, verdict
from citycarbon.report.results import Line, Results, num
from citycarbon.report.sentences import scaled, signed, whole

CITED = "cited"
VERDICTS = ("fail", "warn", "pass", "not_applicable")


@dataclass(frozen=True)
class PagePaper:
    """Reads claims.csv, comparison.csv, forensics.csv and forensics_own.csv of a release."""

    release: Path
    synthetic: bool

    @cached_property
    def beside(self) -> Results:
        return Results(self.release)

    # --- claims --------------------------------------------------------------------------------------------------------------

    @property
    def claims(self) -> list[Line]:
        return [r for r in self.beside.rows("claims") if r["verdict"] != CITED]

    @property
    def cited(self) -> list[Line]:
        return [r for r in self.beside.rows("claims") if r["verdict"] == CITED]

    @property
    def claims_said(self) -> str:
        counts = Counter(r["verdict"] for r in self.claims)
        return f"Of {whole(len(self.claims))} claims: {listed([f'{whole(n)} {v}' for v, n in counts.most_common()])}."

    # --- published against computed ------------------------------------------------------------------------------------------

    @property
    def comparison_said(self) -> list[str]:
        if not self.beside.rows("comparison"):
            return []
        import pandas as pd

        from citycarbon.paper.comparison import summary

        frame = pd.read_csv(self.release / "comparison.csv", dtype={"table": str, "column": str})
        return summary(frame, self.synthetic)

    @property
    def compared_effects(self) -> PlainTable | None:
        """The printed treatment coefficients, each beside ours."""
        rows = [r for r in self.beside.rows("comparison") if r["kind"] == "coefficient" and r["term"].startswith("did")]
        head = ["Printed", "Published (s.e.)", "Ours (s.e.)", "Ours minus published", "In published s.e.", "Same sign",
                "Within rounding", "Closest of our readings"]  # fmt: skip
        body = [[_place(r), *_pair(r), *_distance(r), _closest(r)] for r in rows]
        if not rows:
            return None
        return PlainTable(
            "The printed treatment coefficients beside ours", head, body, _why_missing(rows), files=("comparison.csv",)
        )

    @property
    def compared_descriptives(self) -> PlainTable | None:
        rows = [r for r in self.beside.rows("comparison") if r["kind"] == "descriptive"]
        head = [
            "Variable",
            "Statistic",
            "Published",
            "Ours",
            "Ours minus published",
            "Within rounding",
            "Closest of our readings",
        ]
        body = [
            [r["term"], r["statistic"], number(num(r, "published")), number(num(r, "ours")), number(num(r, "difference")),
             verdict(r, "inside_rounding"), _closest(r)]
            for r in rows
        ]  # fmt: skip
        if not rows:
            return None
        return PlainTable("The printed descriptive statistics beside ours", head, body, files=("comparison.csv",))

    # --- forensics -----------------------------------------------------------------------------------------------------------

    @property
    def forensics(self) -> list[Line]:
        """One line a rule on the paper, what fails first."""
        rows = [r for r in self.beside.rows("forensics") if r["scope"] == "overall"]
        return sorted(rows, key=lambda r: (VERDICTS.index(r["verdict"]) if r["verdict"] in VERDICTS else 9, r["rule"]))

    @property
    def forensics_said(self) -> str:
        return _verdicts(self.forensics, "The audit rules on the paper's printed tables")

    @property
    def own(self) -> list[Line]:
        """The rules that do not pass on this release's own tables."""
        rows = [r for r in self.beside.rows("forensics_own") if r["scope"] == "overall"]
        return [r for r in rows if r["verdict"] in ("fail", "warn")]

    @property
    def own_said(self) -> str:
        rows = [r for r in self.beside.rows("forensics_own") if r["scope"] == "overall"]
        if not rows:
            return ""
        said = _verdicts(rows, "The same rules on this release's own tables")
        failed = [r["rule"] for r in rows if r["verdict"] == "fail"]
        return f"{said} They found {'nothing to fail' if not failed else 'failures in ' + listed(failed)}."


def _verdicts(rows: list[Line], what: str) -> str:
    counts = Counter(r["verdict"] for r in rows)
    named = [f"{whole(counts[v])} {v.replace('_', ' ')}" for v in VERDICTS if counts[v]]
    return f"{what}: {listed(named)}, of {whole(len(rows))}." if rows else ""


def _place(row: Line) -> str:
    return f"Table {row['table']} ({row['column']}) {row['term']}"


def _pair(row: Line) -> list[str]:
    sides = (("published", "published_se", "published_stars"), ("ours", "our_se", "our_stars"))
    return [_estimate(num(row, value), num(row, error), row.get(stars, "")) for value, error, stars in sides]


def _estimate(value: float, error: float, stars: str) -> str:
    if not math.isfinite(value):
        return NONE
    if not math.isfinite(error):
        return f"{signed(value)}{stars}"
    return f"{scaled(value, error)}{stars} ({scaled(error, error)})"


def _distance(row: Line) -> list[str]:
    away = num(row, "difference_in_published_se")
    return [
        number(num(row, "difference")),
        fixed(away, 1),
        verdict(row, "same_sign"),
        verdict(row, "inside_rounding"),
    ]


def _closest(row: Line) -> str:
    value = num(row, "closest_value")
    return f"{row['closest_reading']}: {number(value)}" if math.isfinite(value) else NONE


def _why_missing(rows: list[Line]) -> str:
    """Why a printed coefficient has none of ours beside it, by place."""
    missing = [f"{_place(r)}: {r['note']}" for r in rows if r.get("note") and not math.isfinite(num(r, "ours"))]
    return "; ".join(missing) + "." if missing else ""
