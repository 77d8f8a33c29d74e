"""The specification curve as a section of a release's page: ``spec_curve_summary.csv`` in sentences and tables."""

from __future__ import annotations

import math

from citycarbon.report.layout import count
from citycarbon.report.page_sections import Section
from citycarbon.report.page_tables import NONE, PlainTable, fixed, p_cell, percent
from citycarbon.report.results import Line, Results, num
from citycarbon.report.sentences import p_text, signed

READINGS = {
    "effects": "fixed effects", "controls": "controls", "year_rule": "first treated year",
    "subcity_rule": "zone in a part of a city",
    "series": "CO2 series",
    "scale": "scale of the outcome", "rows": "rows", "sample": "cities", "winsorise": "winsorising",
}  # fmt: skip
# In the order in which they are shown: the last is the default star of the tables.
TESTS = {
    "classical": "the classical error", "hc1": "HC1", "province": "clusters by province", "city": "clusters by city",
    "ri_t": "randomisation inference",
}  # fmt: skip
_FILES = ("spec_curve_summary.csv", "spec_curve.csv")


def spec_curve(results: Results) -> Section | None:
    """None where the release has no specification that is estimable."""
    rows = results.rows("spec_curve_summary")
    whole = next((r for r in rows if r["part"] == "curve" and r["name"] == "all"), None)
    if whole is None:
        return None
    return Section(
        anchor="spec-curve",
        title="How far the result depends on choices",
        said=_said(rows, whole),
        figures=["spec_curve"],
        tables=[t for t in [_moves(rows)] if t],
        folded=[t for t in [_errors(rows), _levels(rows), _joint(rows)] if t],
    )


def _said(rows: list[Line], whole: Line) -> list[str]:
    number, unknown = num(whole, "n"), num(whole, "not_estimable")
    said = [
        f"Every reading that the text leaves open was crossed with every other: {count(number)} specifications, of which "
        f"{count(number - unknown)} can be estimated on this panel and {count(unknown)} cannot (each says why in its row)."
    ]
    distinct = num(whole, "distinct")
    if math.isfinite(distinct) and distinct < number - unknown:
        said.append(
            f"Some readings coincide here: those that can be estimated come to {count(distinct)} different regressions. "
            "Shares, ranks and joint tests count each of these once."
        )
    if not math.isfinite(num(whole, "median_relative")):
        return said
    said.append(
        f"The median estimate is {signed(num(whole, 'median_relative'))} log points; {percent(num(whole, 'share_negative'))} "
        f"are negative{_by_ri(whole)}."
    )
    said += _by_error(rows)
    said += _by_support(rows)
    own = next((r for r in rows if r["part"] == "curve" and r["name"] == "headline"), None)
    if own is not None and own["note"]:
        said.append(f"The study's own column, {signed(num(own, 'observed'))}, has {own['note']}.")
    joint = next((r for r in rows if r["part"] == "joint" and r["name"] == "median_t"), None)
    if joint is not None:
        said.append(
            f"Taken together: a median t statistic of {signed(num(joint, 'observed'))} or further from zero comes up in "
            f"reassignments with p {p_text(num(joint, 'p_value'))} ({count(num(joint, 'draws'))} drawn curves). This asks "
            "whether anything is there under as-if-random assignment and the sharp null in every specification; "
            "pilots are selected."
        )
    if ranked := _ranked(rows):
        first = ranked[0]
        said.append(
            f"The choice that moves the estimate most, all others held, is the {READINGS.get(first['name'], first['name'])}: "
            f"by {fixed(num(first, 'moves'), 3)} log points in the median combination."
        )
    return said


def _by_ri(whole: Line) -> str:
    if not math.isfinite(num(whole, "share_negative_ri")):
        return ""
    return (
        f", {percent(num(whole, 'share_negative_ri'))} negative with p below 0.05 by randomisation inference, "
        f"{percent(num(whole, 'share_positive_ri'))} positive with such a p"
    )


def _tests(rows: list[Line]) -> dict[str, dict[str, Line]]:
    """Test -> sign -> its line, in the order of ``TESTS``."""
    found = {name: {r["level"]: r for r in rows if r["part"] == "test" and r["name"] == name} for name in TESTS}
    return {name: by for name, by in found.items() if {"negative", "positive"} <= set(by)}


def _by_error(rows: list[Line]) -> list[str]:
    """What the choice of the error does to the same estimates: the shares with p below 0.05, either sign."""
    shares = {name: num(by["negative"], "observed") + num(by["positive"], "observed") for name, by in _tests(rows).items()}
    if len(shares) < 2:
        return []
    listed = ", ".join(f"{percent(share)} by {TESTS[name]}" for name, share in shares.items())
    return [f"How many of these estimates have p below 0.05 is a matter of the error: {listed}."]


def _by_support(rows: list[Line]) -> list[str]:
    """What of the share by randomisation inference is only how many treated cities a regression rests on."""
    found = [r for r in rows if r["part"] == "support" and math.isfinite(num(r, "share_negative_ri"))]
    if len(found) < 2:
        return []
    listed = ", ".join(
        f"{percent(num(r, 'share_negative_ri'))} of the {count(num(r, 'distinct'))} with {r['level']} treated "
        f"{'city' if r['level'] == '1' else 'cities'}"
        for r in found
    )
    return [
        f"It also follows the number of treated cities: negative with p below 0.05 by randomisation inference are {listed}."
    ]


def _errors(rows: list[Line]) -> PlainTable | None:
    body = [
        [
            TESTS[name],
            count(num(by["negative"], "n")),
            percent(num(by["negative"], "observed")),
            percent(num(by["positive"], "observed")),
        ]
        for name, by in _tests(rows).items()
    ]
    head = ["p by", "Regressions", "Negative, p below 0.05", "Positive, p below 0.05"]
    note = "The estimates are the same in every row. With few treated cities all but the last can reject a true null too often."
    return PlainTable("The same estimates under other errors", head, body, note, files=_FILES) if body else None


def _ranked(rows: list[Line]) -> list[Line]:
    known = [r for r in rows if r["part"] == "choice" and math.isfinite(num(r, "moves"))]
    return sorted(known, key=lambda r: -num(r, "moves"))


def _moves(rows: list[Line]) -> PlainTable | None:
    ranked = _ranked(rows)
    if not ranked:
        return None
    choices = {r["name"]: sum(s["part"] == "level" and s["name"] == r["name"] for s in rows) for r in ranked}
    return PlainTable(
        "What each choice moves, all others held",
        ["Choice", "Readings", "Median range of the estimate, log points"],
        [[READINGS.get(r["name"], r["name"]), count(choices[r["name"]]), fixed(num(r, "moves"), 3)] for r in ranked],
        "For each combination of the other choices, the range of the estimates between the readings of this one; then the "
        "median over the combinations. More readings give a wider range. Estimates on a level scale are divided by the mean "
        "of the outcome: shares, which count here as log points.",
        files=_FILES,
    )


def _levels(rows: list[Line]) -> PlainTable | None:
    levels = [r for r in rows if r["part"] == "level"]
    body = [
        [
            f"{READINGS.get(r['name'], r['name'])}: {r['level'].replace('_', ' ')}",
            count(num(r, "n")),
            count(num(r, "not_estimable")),
            count(num(r, "distinct")) if math.isfinite(num(r, "distinct")) else NONE,
            signed(num(r, "median_relative")) if math.isfinite(num(r, "median_relative")) else NONE,
            percent(num(r, "share_negative")),
            percent(num(r, "share_negative_ri")),
        ]
        for r in levels
    ]
    head = [
        "Reading",
        "Specifications",
        "Not estimable",
        "Regressions",
        "Median, log points",
        "Negative",
        "Negative, p by RI below 0.05",
    ]
    return PlainTable("The specifications of each reading", head, body, files=_FILES) if body else None


def _joint(rows: list[Line]) -> PlainTable | None:
    body = [
        [r["level"], fixed(num(r, "observed"), 3), p_cell(num(r, "p_value")), fixed(num(r, "low"), 3), fixed(num(r, "high"), 3)]
        for r in rows
        if r["part"] == "joint"
    ]
    head = ["Statistic of the whole curve", "Observed", "p, RI", "2.5 % of the drawn curves", "97.5 %"]
    note = (
        "In every draw other cities take the pilots' places, the same in all specifications as far as these can treat them, "
        "which gives a whole curve."
    )
    return PlainTable("The curve as a whole against drawn curves", head, body, note, files=_FILES) if body else None
