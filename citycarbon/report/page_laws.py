"""Who else could have been treated, and what is tested together, on a release's page: rows of ``inference.csv`` as tables.

One table of the test on t under every law of reassignment, one of families with their adjusted p-values, and what both say.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from citycarbon.report.families import by_family, family_label, members
from citycarbon.report.layout import table_name
from citycarbon.report.page_tables import PlainTable, fixed, p_cell
from citycarbon.report.results import Line, Results, num
from citycarbon.report.sentences import p_text, whole

Pairs = list[tuple[dict[str, Any], Line]]  # a headline column's treatment row and the placebo summary of its own scheme
LAW = "ri:t:"  # followed by the name of the law
RANDOM_YEARS = "years at random"
LEVEL = 0.05


def law_labels(spec: Mapping[str, Any]) -> dict[str, str]:
    """Law -> its name for a reader, from the study as ``study.yaml`` resolves it."""
    strata = ((spec.get("extensions") or {}).get("inference") or {}).get("strata") or []
    return {**{s["id"]: f"within {s['label']}" for s in strata}, "random_years": RANDOM_YEARS}


def laws(pairs: Pairs, results: Results, labels: Mapping[str, str]) -> PlainTable | None:
    """p of the test on t under each law, a line a headline column; None where the file has one law only."""
    by = {(r["table"], r["column"], r["method"]): r for r in results.rows("inference")}
    found = list(dict.fromkeys(m for _, _, m in by if m.startswith(LAW)))
    if not found or not pairs:
        return None
    body, remarks = [], []
    for row, _ in pairs:
        name = f"{table_name(row['table'])} ({row['column']})"
        lines = [by.get((row["table"], row["column"], m), {}) for m in found]
        body.append([name, p_cell(row["p_ri_t"]), *(p_cell(num(line, "p_value")) for line in lines)])
        remarks += [
            (f"{_label(m, labels)}: {text}", name) for m, line in zip(found, lines, strict=True) if (text := _remark(line))
        ]
    return PlainTable(
        "p by randomisation inference on t under other laws of reassignment",
        ["Column", "any city (gives the stars)", *(_label(m, labels) for m in found)],
        body,
        "Within: treated cities change places with cities of the same group only; groups never look at the treatment. Where a "
        f"group has no other candidate its treated cities are treated in every draw. {_remarks(remarks)}".strip(),
        files=("inference.csv",),
    )


def _label(method: str, labels: Mapping[str, str]) -> str:
    name = method.removeprefix(LAW)
    return labels.get(name) or f"within {name.replace('_', ' ')}"


def _remark(line: Line) -> str:
    """What a row says of how little there was to draw from; undefined draws have their own column in the file."""
    parts = [p for p in line.get("note", "").split("; ") if p.startswith(("no other candidate", "with so few"))]
    return "; ".join(parts).replace("with so few no p", "with so few assignments no p")


def _remarks(found: list[tuple[str, str]]) -> str:
    where: dict[str, list[str]] = {}
    for text, name in found:
        where.setdefault(text, []).append(name)
    return " ".join(f"{', '.join(names)}, {text}." for text, names in where.items())


def laws_said(row: dict[str, Any] | None, results: Results, labels: Mapping[str, str]) -> list[str]:
    """The range of p over the laws, of one column."""
    if row is None or not math.isfinite(row["p_ri_t"]):
        return []
    lines = [
        r for r in results.of_table("inference", row["table"]) if r["column"] == row["column"] and r["method"].startswith(LAW)
    ]
    known = {_label(r["method"], labels): p for r in lines if math.isfinite(p := num(r, "p_value"))}
    if not known:
        return []
    all_of = {"any city": row["p_ri_t"], **known}
    least, most = min(all_of, key=all_of.get), max(all_of, key=all_of.get)
    return [
        f"Whom the redraws may treat matters this much in {table_name(row['table'])} column {row['column']}: over "
        f"{whole(len(all_of))} laws of reassignment p of the test on t lies between {p_text(all_of[least])} ({least}) and "
        f"{p_text(all_of[most])} ({most})."
    ]


# --- families ----------------------------------------------------------------------------------------------------------------


def families(results: Results) -> PlainTable | None:
    """Each family with its members: t, p in the draws they share, and p adjusted for their number."""
    body, reasons = [], []
    for found in by_family(members(results)).values():
        for m in found:
            body.append([family_label(found), m.name, fixed(m.t_stat, 2), p_cell(m.p_value), p_cell(m.adjusted)])
            reasons += [f"{m.name}: {m.reason}."] if m.reason else []
    if not body:
        return None
    return PlainTable(
        "Hypotheses tested together: p adjusted for their number (Romano and Wolf, step-down)",
        ["Family", "Hypothesis", "t", "p, shared draws", "p, adjusted"],
        body,
        "Hypothesis: no effect on the outcome of a column; for a split one effect in both halves. One assignment redraws all "
        "members of a family and changes places only between cities of the same samples and halves, so p in these draws "
        f"differs from that of a column alone. {' '.join(dict.fromkeys(reasons))}".strip(),
        files=("inference.csv",),
    )


def families_said(results: Results) -> list[str]:
    """How many hypotheses of each family stand before and after the adjustment."""
    said = []
    for found in by_family(members(results)).values():
        tested = [m for m in found if math.isfinite(m.adjusted)]
        if len(tested) < 2:
            continue
        alone, after = (
            sum(p < LEVEL for p in values) for values in ([m.p_value for m in tested], [m.adjusted for m in tested])
        )
        said.append(
            f"Of the {whole(len(tested))} hypotheses tested together as {family_label(found)}, {whole(alone)} "
            f"{'has' if alone == 1 else 'have'} p below {LEVEL:g} alone and {whole(after)} after adjustment for their number."
        )
    return said
