"""How far the comparison trend may break, as a section of a release's page: the trend rows of ``sensitivity.csv``."""

from __future__ import annotations

import math

from citycarbon.report.page_sections import Section
from citycarbon.report.page_tables import NONE, PlainTable, fixed
from citycarbon.report.results import Line, Results, num
from citycarbon.report.sentences import scaled, signed

RELATIVE, SMOOTH, POWER = "relative_magnitude", "smoothness", "pretrend_power"
TARGETS = {
    "first": "effect in the first year",
    "mean": "mean effect after adoption",
    "first, single years": "effect in the first year, single years",
    "mean, single years": "mean effect after adoption, single years",
}
FIGURE = "trends"
_BREAKDOWN = ": breakdown"
_FILES = ("sensitivity.csv",)


def trends(results: Results) -> Section | None:
    """None where the release has no such rows."""
    rows = [r for r in results.rows("sensitivity") if r["analysis"] in (RELATIVE, SMOOTH, POWER)]
    if not rows:
        return None
    tables = [
        _intervals(rows, RELATIVE, "Mbar", "95 % sets if the trend breaks by up to Mbar times its largest break before"),
        _intervals(rows, SMOOTH, "M", "95 % intervals if the slope of the trend changes by up to M a year"),
    ]
    return Section(
        anchor="trends",
        title="How far the comparison trend may break",
        said=_said(rows),
        tables=[t for t in tables if t],
        folded=[t for t in [_power(rows)] if t],
        figures=[FIGURE] if any(math.isfinite(num(r, "conf_low")) for r in rows) else [],
    )


def _said(rows: list[Line]) -> list[str]:
    said = [
        "The event study compares trends. Below, the trend of the treated cities without the policy may differ from that of "
        "the others after adoption, by so much as it differed before (relative magnitudes) or by a bounded change of its slope "
        "(smoothness)."
    ]
    unknown = list(dict.fromkeys(r["note"] for r in rows if r["note"].startswith("not estimable")))
    if unknown:
        return [*said, *(f"{why[0].upper()}{why[1:]}." for why in unknown)]
    for analysis, name in ((RELATIVE, "Mbar"), (SMOOTH, "M")):
        for target, words in TARGETS.items():
            row = next((r for r in rows if r["analysis"] == analysis and r["variant"] == target + _BREAKDOWN), None)
            if row is not None:
                said.append(_breakdown(row, name, words))
    if any(r["analysis"] == SMOOTH for r in rows):
        said.append(
            "Each interval of smoothness is the shortest for its own M: that of a larger M need not contain that of a smaller "
            "one."
        )
    support = next((r["note"] for r in rows if "treated cities by event time" in r["note"]), "")
    if support:
        words = support[support.index("treated cities by event time") :]
        said.append(f"{words[0].upper()}{words[1:]}.")
    if any("single years" in r["variant"] for r in rows):
        said.append(
            "Single years: without binned ends that hold several years, whose step to the next year is long and whose mean is "
            "no point of a straight line; smoothness takes only these."
        )
    return said


def _breakdown(row: Line, name: str, words: str) -> str:
    at, note = num(row, "parameter"), row["note"]
    if note.startswith("not known"):
        return f"The {words}: the breakdown value is {note.partition(';')[0]}."
    if not math.isfinite(at):
        return f"The {words}: the set holds zero already at {name} = 0, so no break of the trend is needed to explain it."
    if note.startswith("not reached"):
        return f"The {words}: the set leaves out zero for every {name} up to {fixed(at, 3)}, the largest that was tried."
    return f"The {words}: the set leaves out zero up to {name} = {fixed(at, 3)}, and holds it beyond."


def _intervals(rows: list[Line], analysis: str, name: str, caption: str) -> PlainTable | None:
    mine = [r for r in rows if r["analysis"] == analysis and r["variant"] in TARGETS and math.isfinite(num(r, "parameter"))]
    values = list(dict.fromkeys(r["parameter"] for r in mine))
    by = {(r["parameter"], r["variant"]): r for r in mine}
    found = [t for t in TARGETS if any(v == t for _, v in by)]
    if not mine:
        return None
    body = [[f"{name} = {float(value):g}", *(_ends(by.get((value, target))) for target in found)] for value in values]
    estimates = ", ".join(
        f"{TARGETS[t]} {scaled(num(r, 'estimate'), num(r, 'std_error'))}"
        for t in found
        if (r := next(x for x in mine if x["variant"] == t))
    )
    note = f"Estimates: {estimates}; unit {mine[0]['unit']}. Errors clustered by city."
    return PlainTable(caption, [name, *(TARGETS[t] for t in found)], body, note, files=_FILES)


def _ends(row: Line | None) -> str:
    if row is None:
        return NONE
    low, high, error = num(row, "conf_low"), num(row, "conf_high"), num(row, "std_error")
    if math.isnan(low) or math.isnan(high):
        return NONE
    return " to ".join(scaled(end, error) if math.isfinite(end) else "open" for end in (low, high))


def _power(rows: list[Line]) -> PlainTable | None:
    mine = [r for r in rows if r["analysis"] == POWER and math.isfinite(num(r, "estimate"))]
    if not mine:
        return None
    powers = list(dict.fromkeys(r["parameter"] for r in mine))
    by = {(r["variant"], r["parameter"]): r for r in mine}
    body = [
        [
            name,
            *(signed(num(by[name, p], "estimate")) if (name, p) in by else NONE for p in powers),
            by[name, powers[0]]["unit"],
        ]
        for name in dict.fromkeys(r["variant"] for r in mine)
        if (name, powers[0]) in by
    ]
    notes = list(dict.fromkeys(r["note"] for r in mine if r["note"]))
    return PlainTable(
        "Linear trends that the leads could have found, and what they would do to the estimates",
        ["", *(f"with {100 * float(p):.0f} % power" for p in powers), "Unit"],
        body,
        f"{'; '.join(notes)}. Bias: what such a trend adds to the estimate; given no significant lead: among the samples that "
        "pass (Roth 2022).",
        numbers=False,
        files=_FILES,
    )
