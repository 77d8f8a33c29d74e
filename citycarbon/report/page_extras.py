"""What stands folded behind a table on a release's page: other policies, balance after matching, codings, other variances.

Each function reads csv files of the release by column name and gives tables of text, none where the file is absent.
"""

from __future__ import annotations

import math

from citycarbon.report.layout import count, table_name
from citycarbon.report.page_tables import NONE, PlainTable, fixed, number, pair, verdict
from citycarbon.report.results import Line, Results, num, yes


def extras(table: str, results: Results) -> list[PlainTable]:
    """The tables behind a headline table, by its number in the paper."""
    found = {
        "table2": [other_variances(table, results), codings(results)],
        "table4": [balance(table, results), policy_loss(results), policy_overlap(results)],
    }
    return [t for t in found.get(table, []) if t is not None]


def other_variances(table: str, results: Results) -> PlainTable | None:
    """The same coefficients under other standard errors: one line a column, one number column a method."""
    lines = results.of_table("inference", table)
    shown = ("classical", "hc1", "cluster:")  # the tests for few clusters stand in the table of inference
    methods = [m for m in dict.fromkeys(r["method"] for r in lines) if m.startswith(shown)]
    columns = list(dict.fromkeys(r["column"] for r in lines if r["method"] in methods))
    by = {(r["column"], r["method"]): r for r in lines}
    if not methods:
        return None
    body = [[f"{table_name(table)} ({c})", *(pair(by[c, m]) if (c, m) in by else NONE for m in methods)] for c in columns]
    notes = list(dict.fromkeys(f"{r['method']}: {r['note']}" for r in lines if r.get("note") and r["method"] in methods))
    return PlainTable(
        "The treatment's standard error under other variances, with p",
        ["Column", *methods],
        body,
        "; ".join(["standard error (p by its own t distribution)", *notes]) + ".",
    )


def codings(results: Results) -> PlainTable | None:
    """Other readings of who is treated when: what each changes against the rule of the study."""
    rows = results.rows("treatment_codings")
    head = ["Coding", "Meaning", "Ones", "Cities", "Ones of the rule alone", "Ones of this coding alone", "Mean", "S.D.",
            "Fits the printed mean and S.D."]  # fmt: skip
    body = [
        [r["coding"], r["meaning"], number(num(r, "ones")), number(num(r, "cities")), number(num(r, "only_did")),
         number(num(r, "only_coding")), fixed(num(r, "mean"), 4), fixed(num(r, "sd"), 4),
         verdict(r, "matches_printed")]
        for r in rows
    ]  # fmt: skip
    if not rows:
        return None
    return PlainTable(
        "Other codings of the treatment on the sample's rows", head, body, numbers=False, files=("treatment_codings.csv",)
    )


def balance(table: str, results: Results) -> PlainTable | None:
    """Covariates of each matched column before and after: means and standardised differences."""
    rows = results.of_table("psm_balance", table)
    head = ["Column, covariate", "Pilots", "Others", "Pilots, matched", "Others, matched", "SMD before", "SMD after"]
    names = ("treated_mean", "control_mean", "treated_mean_after", "control_mean_after", "smd_before", "smd_after")
    body = [[f"({r['column']}) {r['covariate']}", *(fixed(num(r, n), 3) for n in names)] for r in rows]
    note = "SMD: difference of means over the root of the mean of both variances before matching."
    files = ("psm_balance.csv", "psm_flow.csv", "psm_overlap.csv")
    return PlainTable("Balance of the covariates before and after matching", head, body, note, files=files) if rows else None


def policy_loss(results: Results) -> PlainTable | None:
    """What leaving out the adopters of each other policy costs; policies without a list stand as off."""
    rows = results.rows("policies_loss")
    head = [
        "Policy",
        "Status",
        "City-years dropped",
        "Cities dropped",
        "Treated cities left",
        "Treated city-years left",
        "Columns",
    ]
    names = ("rows_dropped", "cities_dropped", "treated_cities_left", "treated_cells_left")
    body = [[r["label"], r["status"], *(number(num(r, n)) for n in names), r["columns"] or NONE] for r in rows]
    caption = "Other policies: what leaving out their adopters costs the headline column"
    return PlainTable(caption, head, body, numbers=False, files=("policies_loss.csv",)) if rows else None


def policy_overlap(results: Results) -> PlainTable | None:
    """Treated cities x other policies: the year in which each adopted."""
    rows = results.rows("policies_overlap")
    if not rows:
        return None
    policies = list(dict.fromkeys(r["policy"] for r in rows))
    cities: dict[str, dict[str, Line]] = {}
    for r in rows:
        cities.setdefault(r["city_id"], {})[r["policy"]] = r
    labels = {r["policy"]: r["label"] for r in results.rows("policies_loss")}
    body = [
        [f"{_any(found)['city_name']} {city}", _any(found)["first_year"], *(_year(found.get(p)) for p in policies)]
        for city, found in cities.items()
    ]
    adopters = [sum(yes(found[p], "adopted") is True for found in cities.values() if p in found) for p in policies]
    return PlainTable(
        "Treated cities and the years in which they adopted other policies",
        ["City", "First treated year", *(labels.get(p) or p.replace("_", " ") for p in policies)],
        [*body, ["all that adopt", "", *map(count, adopters)]],
        files=("policies_overlap.csv", "policies_separation.csv"),
    )


def _any(found: dict[str, Line]) -> Line:
    return next(iter(found.values()))


def _year(line: Line | None) -> str:
    year = num(line, "policy_first_year") if line else math.nan
    return str(int(year)) if math.isfinite(year) else NONE
