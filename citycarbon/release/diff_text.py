"""The difference as markdown (``diff.md``): one paragraph in words, then a table for each part that differs.

A part without a difference has no section. What a table leaves out for its length stands in ``diff.json``; the table says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from citycarbon.release.diff_sentences import has_moved, is_compared, main_points, panel_changes, rows_of
from citycarbon.release.diff_text_inputs import code_and_packages, inputs, seeds, study
from citycarbon.release.diff_words import ABSENT, SHOWN, shortened, text_table, unit, whole_or_absent, with_sign
from citycarbon.report.formats import SYNTHETIC
from citycarbon.report.sentences import plain, signed, whole

Json = dict[str, Any]


def to_markdown(diff: Json) -> str:
    """The text of ``diff.md``; readable as it is on a terminal."""
    lines = [f"# {_title(diff)}", ""]
    if diff["new"]["synthetic"] or (diff["old"] or {}).get("synthetic"):
        lines += [f"> **{SYNTHETIC}**", ""]
    if points := main_points(diff):
        lines += [" ".join(points), ""]
    lines += [f"- {note}" for note in diff["notes"]] + ([""] if diff["notes"] else [])
    if diff["old"] is not None:
        for title, section in _SECTIONS.items():
            if body := section(diff):
                lines += [f"## {title}", "", *body[: -1 if body[-1] == "" else None], ""]
    return "\n".join(lines).rstrip() + "\n"


def _title(diff: Json) -> str:
    if diff["old"] is None:
        return f"Release {diff['new']['id']}: {'not compared' if diff['notes'] else 'no release before it'}"
    return f"Difference: release {diff['new']['id']} beside {diff['old']['id']}"


# --- results -----------------------------------------------------------------------------------------------------------------


def _effects(diff: Json) -> list[str]:
    """Treatment effects that both have and that differ in anything; all of them, none cut."""
    both = ("changed", "other_outcome", "not_estimable_old", "not_estimable_new")
    rows = [r for r in rows_of(diff) if r["term"].startswith("did") and r["status"] in both]
    return _coefficient_table(rows, most=len(rows)) if rows else []


def _controls(diff: Json) -> list[str]:
    others = [r for r in rows_of(diff) if not r["term"].startswith("did")]
    rows = sorted(filter(has_moved, others), key=lambda r: -abs(r["in_old_se"] or 0))
    lines = _coefficient_table(rows) if rows else []
    if beside := sum(r["status"] == "changed" and not has_moved(r) for r in others):
        said = f"{whole(beside)} other coefficients have the same estimate and differ in other fields (see diff.json)."
        lines += [*([""] if lines else []), said]
    return lines


def _columns(diff: Json) -> list[str]:
    """Treatment effects of the columns that one release alone has; their other coefficients stand in the json."""
    found = [(r, "new" if r["status"] == "added" else "old") for r in rows_of(diff) if r["status"] in ("added", "removed")]
    rows = [(r, side) for r, side in found if r["term"].startswith("did")]
    body = [
        [
            f"{r['table']}:{r['column']}:{r['term']}",
            r["status"],
            *_estimate(r[side]),
            unit(r["outcome"]),
            whole_or_absent(r[side]["n_obs"]),
            "" if r[side]["estimate"] is not None else r[side]["note"],
        ]
        for r, side in rows
    ]
    header = ["coefficient", "", "estimate", "(se)", "unit", "N", "remark"]
    return text_table(header, body, right=(2, 3, 5), most=len(body)) if body else []


def _coefficient_table(rows: list[Json], most: int = SHOWN) -> list[str]:
    header = ["coefficient", "old", "(se)", "new", "(se)", "difference", "unit", "in old se", "N old", "N new", "remark"]
    body = [
        [
            f"{r['table']}:{r['column']}:{r['term']}",
            *_estimate(r["old"]),
            *_estimate(r["new"]),
            ABSENT if r["difference"] is None else with_sign(r["difference"]),
            unit(r["outcome"]),
            ABSENT if r["in_old_se"] is None else f"{abs(r['in_old_se']):.2f}",
            *(whole_or_absent(r[side] and r[side]["n_obs"]) for side in ("old", "new")),
            _remark(r),
        ]
        for r in rows
    ]
    return text_table(header, body, right=(1, 2, 3, 4, 5, 7, 8, 9), most=most)


def _estimate(said: Json | None) -> tuple[str, str]:
    if said is None:
        return ABSENT, ABSENT
    if said["estimate"] is None:
        return "not estimable", ABSENT
    return signed(said["estimate"]) + said["stars"], f"({plain(said['std_error'])})" if said[
        "std_error"
    ] is not None else ABSENT


def _remark(r: Json) -> str:
    parts = ["another outcome"] if r["status"] == "other_outcome" else []
    for side, word in (("old", "older"), ("new", "newer")):
        if r["status"] == f"not_estimable_{side}":
            parts.append(f"{word}: {r[side]['note'] or 'no reason stated'}")
    parts += ["sign changed"] if r["sign_changed"] else []
    parts += ["stars changed"] if r["stars_changed"] else []
    parts += [what for name, what in _REMARKS.items() if name in r["also_changed"]]
    return ", ".join(parts)


_REMARKS = {
    "spec_id": "another spec",
    "sample": "another sample rule",
    "vcov": "another variance",
    "star_rule": "another star rule",
    "n_treated_units": "other number of treated cities",
}


# --- panel -------------------------------------------------------------------------------------------------------------------


def _sample(diff: Json) -> list[str]:
    if not is_compared(diff["panel"]) or not is_compared(diff["panel"]["sample"]):
        return []
    groups = [(what, g) for what in ("lost", "gained") for g in diff["panel"]["sample"][what]]
    body = [
        [what, _reason(what, g["reason"]), whole(g["rows"]), whole_or_absent(g["treated"]), shortened(g["keys"], 4)]
        for what, g in groups
    ]
    return text_table(["city-years", "reason", "rows", "treated", "which"], body, right=(2, 3)) if body else []


def _reason(what: str, reason: str) -> str:
    return reason if what == "lost" or reason.startswith("not in the older") else f"was out: {reason}"


def _panel(diff: Json) -> list[str]:
    if not is_compared(diff["panel"]):
        return []
    panel, lines = diff["panel"], []
    rows = panel["rows"]
    for kind in ("added", "removed"):
        if rows[kind]:
            lines += [f"City-years {kind}: {whole(len(rows[kind]))} ({shortened(rows[kind], 4)}).", ""]
        if columns := panel[f"columns_{kind}"]:
            lines += [f"Columns {kind}: {', '.join(columns)}.", ""]
    head = diff["coefficients"].get("headline", {}) if is_compared(diff["coefficients"]) else {}
    used = {v: n for n, v in enumerate([*head.get("variables", []), "did"])}
    changed = sorted(panel_changes(diff), key=lambda v: (used.get(v["variable"], len(used)), v["variable"]))
    withheld = any(v["withheld"] for v in changed)
    kinds = ["changed", "added", "removed", *(["withheld"] if withheld else [])]
    header = ["variable", *kinds, "largest change", "old", "new", "relative"]
    body = [[v["variable"], *(whole(v[k]) for k in kinds), *_largest(v)] for v in changed]
    if body:
        n = len(kinds)
        lines += text_table(header, body, right=(*range(1, n + 1), n + 2, n + 3, n + 4), most=len(body))
        lines += ["", "Counts are of cells. The relative change of a logarithm is that of the quantity inside."]
    return lines


def _largest(variable: Json) -> tuple[str, str, str, str]:
    if not variable["largest"]:
        return ABSENT, ABSENT, ABSENT, ABSENT
    first = variable["largest"][0]
    relative = ABSENT if first["relative"] is None else _percent(first["relative"])
    return (
        f"{first['city_name']} {first['city_id']} {first['year']}".strip(),
        _value(first["old"]),
        _value(first["new"]),
        relative,
    )


def _percent(x: float) -> str:
    text = f"{100 * abs(x):,.1f} %" if abs(x) >= 0.0005 or x == 0 else f"{100 * abs(x):.1e} %"
    return ("+" if x >= 0 else "\N{MINUS SIGN}") + text


def _value(value: Any) -> str:
    if value is None:
        return ABSENT
    if isinstance(value, str):
        return value
    text = f"{value:.6g}" if isinstance(value, float) and abs(value) < 1e5 else f"{value:,.0f}"
    return text.replace("-", "\N{MINUS SIGN}")


def _flags(diff: Json) -> list[str]:
    flags = diff["panel"]["flags"] if is_compared(diff["panel"]) else []
    # Why a value is missing is told by the counts of added and removed cells; here stand the values that are there.
    kinds = [(f["variable"], k) for f in flags for k in f["kinds"] if not k["kind"].startswith("missing")]
    body = [[variable, k["kind"], whole(k["old"]), whole(k["new"])] for variable, k in kinds]
    return text_table(["variable", "flag", "cells old", "cells new"], body, right=(2, 3)) if body else []


def _cells(diff: Json) -> list[str]:
    if not is_compared(diff["cells"]):
        return []
    body = [[u["variable"], "unit", u["old"] or "none", u["new"] or "none"] for u in diff["cells"]["units"]]
    body += [[f["variable"], f["formula"], whole(f["old"]), whole(f["new"])] for f in diff["cells"]["formulas"]]
    return text_table(["variable", "unit or formula", "old (cells)", "new (cells)"], body) if body else []


# --- checks and files --------------------------------------------------------------------------------------------------------


def _checks(diff: Json) -> list[str]:
    if not is_compared(diff["checks"]):
        return []
    listed = [(what, c) for kind, what in _VERDICTS.items() for c in diff["checks"][kind]]
    # A passed check that counts other rows is no news: their number is told, their words stand in the json.
    quiet = [c for what, c in listed if what == _VERDICTS["changed"] and c["new"]["passed"]]
    body = [[what, c["id"], *(_finding(c[side]) for side in ("old", "new"))] for what, c in listed if c not in quiet]
    lines = text_table(["verdict", "check", "observed, old", "observed, new"], body) if body else []
    if quiet:
        said = f"{whole(len(quiet))} checks passed in both with another finding (a count of rows, as a rule): see diff.json."
        lines += [*([""] if lines else []), said]
    return lines


_VERDICTS = {
    "newly_failing": "newly failing",
    "newly_passing": "newly passing",
    "added": "added",
    "removed": "removed",
    "changed": "another finding",
}


def _finding(said: Json | None) -> str:
    if said is None:
        return ABSENT
    text = said["observed"] if len(said["observed"]) <= 100 else said["observed"][:100] + " ..."
    return f"{'' if said['passed'] else 'failed: '}{text}"


def _rows(diff: Json) -> list[str]:
    body = [
        [r["file"], whole_or_absent(r["old"]), whole_or_absent(r["new"])] for r in diff["row_counts"] if r["old"] != r["new"]
    ]
    return text_table(["file", "rows old", "rows new"], body, right=(1, 2)) if body else []


def _quarantine(diff: Json) -> list[str]:
    if not is_compared(diff["quarantine"]):
        return []
    body = [[q["source"], q["reason_code"], q["step"], whole(q["old"]), whole(q["new"])] for q in diff["quarantine"]]
    return text_table(["source", "reason", "step", "old", "new"], body, right=(3, 4)) if body else []


def _tables(diff: Json) -> list[str]:
    body = []
    for t in diff["tables"]:
        if not is_compared(t):
            body.append([t["file"], ABSENT, ABSENT, ABSENT, t["not_compared"]])
            continue
        columns = [f"{name} {whole(n)}" for name, n in t["changed_columns"].items()]
        columns += [f"column {c} {what}" for what in ("added", "removed") for c in t[f"columns_{what}"]]
        counts = [whole(t[k]) for k in ("rows_changed", "rows_added", "rows_removed")]
        body.append([t["file"], *counts, shortened(columns) or ("rounding" if t["rounding"] else "")])
    return text_table(["file", "rows changed", "added", "removed", "in which columns"], body, right=(1, 2, 3)) if body else []


def _files(diff: Json) -> list[str]:
    kinds = [(k, diff["files"][k]) for k in ("added", "removed", "changed")]
    return [f"- {kind} ({whole(len(names))}): {shortened(names, SHOWN)}" for kind, names in kinds if names]


_SECTIONS: dict[str, Callable[[Json], list[str]]] = {
    "Treatment effects": _effects,
    "Treatment effects of columns that came and went": _columns,
    "Other coefficients (largest move first)": _controls,
    "Sample": _sample,
    "Panel": _panel,
    "Flags": _flags,
    "Units and formulas": _cells,
    "Inputs": inputs,
    "Study": study,
    "Code and packages": code_and_packages,
    "Seeds": seeds,
    "Checks": _checks,
    "Quarantine": _quarantine,
    "Rows of each file": _rows,
    "Other tables of results": _tables,
    "Files of results by hash": _files,
}
