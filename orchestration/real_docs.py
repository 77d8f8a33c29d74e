"""The tables of docs/real-data.md, made of the findings of ``make real`` and put between two marks of the document."""

from __future__ import annotations

from typing import Any

from citycarbon.errors import UsageError
from citycarbon.paths import PROJECT_ROOT
from citycarbon.policy_lists.compare import KINDS

DOCUMENT = PROJECT_ROOT / "docs" / "real-data.md"
BEGIN, END = "<!-- real: begin -->", "<!-- real: end -->"
SHOWN = 5  # cities named by the size of their influence
HEAD = "| column | coefficient | s.e. | p (RI-t) | p (RI-coefficient) | N | cities | treated cities | treated city-years |"


def with_tables(text: str, tables: str) -> str:
    """The document ``text`` with ``tables`` between its marks. Raises UsageError where it has no marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise UsageError(f"{DOCUMENT}: found no '{BEGIN}' and '{END}'; expected both, around the tables of make real.")
    return f"{before}{BEGIN}\n{tables}\n{END}{after}"


def tables_in(text: str) -> str:
    """What stands between the marks."""
    return text.partition(BEGIN)[2].partition(END)[0].strip("\n")


def as_markdown(found: dict[str, Any]) -> str:
    """Every treatment row of every study, and what each published list does: counts, coefficients and names, no values."""
    parts = []
    for name, study in found["studies"].items():
        parts += [f"### `{name}`", "", *_coefficients(study["did"]), "", *_leads(study["leads"]), ""]
        absent = study["not_supplied"]
        whole = "; ".join(f"`{at}` {what}" for at, what in absent.items())
        parts += [f"**Not supplied** ({len(absent)} columns, each printed as such): {whole}.", ""]
    parts += ["### Published lists of the low-carbon pilots", ""]
    for one in found["policy_lists"].values():
        parts += [*_list(one), ""]
    return "\n".join(parts).strip("\n")


def _coefficients(rows: list[dict[str, Any]]) -> list[str]:
    lines = [HEAD, "|" + "---|" * 9]
    for r in rows:
        at = f"`{r['table']}:{r['column']}`" + ("" if r["term"] == "did" else f" ({r['term']})")
        if r["estimate"] is None:
            if "not supplied" not in r["note"]:
                lines.append(f"| {at} | {_short(r['note'])} | | | | | | | |")
            continue
        p = [f"{r[k]:.4f}" if r[k] is not None else "none" for k in ("p_ri_t", "p_ri_beta")]
        counts = [f"{r[k]:,}" for k in ("n_obs", "n_clusters", "n_treated_units", "n_treated_cells")]
        lines.append(f"| {at} | {r['estimate']:.5f} | {r['std_error']:.5f} | {' | '.join([*p, *counts])} |")
    return lines


def _short(note: str) -> str:
    return note.partition(";")[0]


def _leads(leads: dict[str, Any]) -> list[str]:
    points = [p for p in leads["points"] if p["estimate"] is not None and p["std_error"] is not None]
    told = "; ".join(f"{p['label']} {p['estimate']:.4f} ({p['std_error']:.4f})" for p in points)
    ri = "" if leads["pretrend_p_ri"] is None else f", {leads['pretrend_p_ri']:.3f} by reassignment of the cohorts"
    test = f"F({leads['pretrend_df1']:.0f}, {leads['pretrend_df2']:.0f}) = {leads['pretrend_F']:.2f}"
    return [f"Event study, relative to t-1: {told}. Leads jointly zero: {test}, p = {leads['pretrend_p']:.3f}{ri}."]


def _list(one: dict[str, Any]) -> list[str]:
    kinds = ", ".join(f"{n} {KINDS[kind]}" for kind, n in one["kinds"].items()) or "none"
    lines = [f"**{one['label']}**: {one['rows']} rows, {one['agree']} agree in the year. Differences: {kinds}.", ""]
    lines += ["| column | did by this list | by the sourced list | change in s.e. | treated cities |", "|---|---|---|---|---|"]
    sourced = {r["column"]: r for r in one["estimates"] if r["switch"] == "sourced"}
    for r in one["estimates"]:
        if r["switch"] == "list":
            base = sourced[r["column"]]
            pair = [f"{x['estimate']:.5f} ({x['std_error']:.5f})" for x in (r, base)]
            cities = f"{r['n_treated_units']:.0f} for {base['n_treated_units']:.0f}"
            lines.append(f"| {r['column']} | {' | '.join(pair)} | {r['change_in_se']:+.2f} | {cities} |")
    by_kind = "; ".join(f"{KINDS[r['kind']]} ({r['cities']:.0f} in the sample) {r['change']:+.5f}" for r in one["by_kind"])
    by_city = ", ".join(f"{r['city_name']} {r['change']:+.5f}" for r in one["by_city"][:SHOWN])
    rest = f"; all together and not one by one {one['rest'][0]['change']:+.5f}" if one["rest"] else ""
    lines += ["", f"Column {one['headline']}, one kind switched at a time: {by_kind or 'nothing to switch'}{rest}."]
    lines += [f"Largest single rows: {by_city or 'none'}."]
    names = {
        kind: [d["city_name"] or d["place_label"] for d in one["differences"] if d["kind"] == kind] for kind in one["kinds"]
    }
    few = "; ".join(f"{KINDS[kind]}: {', '.join(who)}" for kind, who in names.items() if len(who) <= 10)
    return [*lines, f"By name: {few}."]
