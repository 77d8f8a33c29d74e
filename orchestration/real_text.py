"""The findings of ``make real`` for a terminal. Every number comes from them; nothing is computed here."""

from __future__ import annotations

from typing import Any

from citycarbon.policy_lists.compare import KINDS


def as_text(found: dict[str, Any]) -> str:
    lines = ["", "Readers"]
    for name, n in found["readers"].items():
        lines.append(
            f"  {name:<38}{n['values']:>8,} values {n['places']:>6,} places {n['years']:>3} years {n['set_aside']:>6,} aside"
        )
    for name, study in found["studies"].items():
        lines += ["", f"Study {name}", *(_coefficient(row) for row in study["did"]), *_leads(study["leads"])]
    for name, one in found["policy_lists"].items():
        lines += ["", f"Policy list {name}: {one['label']}", *_list(one)]
    lines += ["", "Known errors", *map(_error, found["errors"])]
    for name, checks in found["checks"].items():
        lines += ["", f"Gate of {name}: {checks['judged']} checks, {len(checks['failed'])} failed (all warnings)"]
        lines += [f"  {c['id']} ({c['severity']}): {c['failing']} keys" for c in checks["failed"]]
    applied = found["corrections_applied"]
    lines += ["", f"Corrections applied: {len(applied)}: {', '.join(applied) or 'none'}"]
    return "\n".join([*lines, *(f"Release of {name}: {release}" for name, release in found["releases"].items())])


def _coefficient(row: dict[str, Any]) -> str:
    at = f"  {row['table'] + ':' + row['column']:<46} "
    if row["estimate"] is None:
        return f"{at}{row['note']}"
    error = "no s.e." if row["std_error"] is None else f"({row['std_error']:.5f})"
    ri = "no RI" if row["p_ri_t"] is None else f"p RI-t {row['p_ri_t']:.4f}"
    return (
        f"{at}{row['term']} = {row['estimate']:.5f} {error}{row['stars'] or ''}, {ri}, N = {row['n_obs']:,}, "
        f"{row['n_clusters']} clusters, {row['n_treated_units']} treated cities, {row['n_treated_cells']} city-years"
    )


def _leads(leads: dict[str, Any]) -> list[str]:
    if not leads:
        return []
    told = [f"{p['label']} {p['estimate']:.4f}" for p in leads["points"] if p["estimate"] is not None]
    out = [f"  event study: {'; '.join(told)}"]
    if leads["pretrend_p"] is not None:
        ri = "" if leads["pretrend_p_ri"] is None else f", p = {leads['pretrend_p_ri']:.3f} by reassignment"
        out.append(f"  leads jointly zero: F = {leads['pretrend_F']:.2f}, p = {leads['pretrend_p']:.3f}{ri}")
    return out


def _list(one: dict[str, Any]) -> list[str]:
    kinds = ", ".join(f"{n} {KINDS[kind]}" for kind, n in one["kinds"].items()) or "none"
    lines = [f"  {one['rows']} rows, {one['agree']} agree in the year; differences: {kinds}"]
    for row in one["estimates"]:
        if row["switch"] == "list":
            base = next(r for r in one["estimates"] if r["column"] == row["column"] and r["switch"] == "sourced")
            lines.append(
                f"  column {row['column']:<3} did = {row['estimate']:.5f} ({row['std_error']:.5f}) by the list, "
                f"{base['estimate']:.5f} ({base['std_error']:.5f}) by the sourced one"
            )
    by_kind = [f"{KINDS[r['kind']]} ({r['cities']:.0f}) {r['change']:+.5f}" for r in one["by_kind"]]
    lines.append(f"  column {one['headline']}, switched one kind at a time: {'; '.join(by_kind) or 'nothing to switch'}")
    by_city = [f"{r['city_name']} {r['change']:+.5f}" for r in one["by_city"]]
    lines.append(f"  column {one['headline']}, largest single rows: {', '.join(by_city) or 'none'}")
    return lines


def _error(e: dict[str, Any]) -> str:
    after = "" if "named_by" not in e else f"; after corrections: {', '.join(e['named_after_corrections']) or 'none'}"
    if "cells" in e:
        how = f"{e['cells']} cells"
    else:
        how = ", ".join(e.get("named_by") or e.get("lists") or []) or "nothing"
    return f"  {'caught' if e['caught'] else 'MISSED':<7} {e['what']} [{e['expected']}: {how}{after}]"
