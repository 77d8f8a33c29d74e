"""Whom the placebos of the headline column redraw, scheme by scheme, as one table of a release's page."""

from __future__ import annotations

from typing import Any

from citycarbon.report.layout import count, table_name
from citycarbon.report.page_tables import PlainTable, fixed, p_cell
from citycarbon.report.results import Results, num
from citycarbon.report.sentences import scaled

SCHEMES = {
    "cohorts": "cohorts, sizes kept, among cities that still have a row when the cohort starts (gives the stars)",
    "all_cities": "cohorts, sizes kept, among all cities of the sample",
    "all_pilots": "all pilots of the sample, also of cohorts without a treated row, among all cities",
    "random_years": "as many cities as are treated, each with a random first year",
}


def schemes(row: dict[str, Any] | None, results: Results) -> PlainTable | None:
    """``row``: the headline column's treatment. None where ``placebo.csv`` has fewer than two schemes of that column."""
    if row is None:
        return None
    lines = [r for r in results.of_table("placebo", row["table"]) if r["column"] == row["column"] and r["term"] == row["term"]]
    if len(lines) < 2:
        return None
    body = [
        [
            SCHEMES.get(r["scheme"], r["scheme"].replace("_", " ")),
            count(num(r, "draws")),
            fixed(num(r, "treated_mean"), 1),
            scaled(num(r, "sd"), row["std_error"]),
            p_cell(num(r, "p_ri_t")),
            p_cell(num(r, "p_ri_beta")),
        ]
        for r in lines
    ]
    return PlainTable(
        f"Who could have been treated: {table_name(row['table'])} column {row['column']} under each scheme of reassignment",
        ["Scheme", "Draws", "Treated cities in a draw, mean", "Placebo sd", "p, RI on t", "p, RI on coefficient"],
        body,
        "The schemes differ in the cities that may be drawn and in the years they start; a scheme whose draws treat fewer "
        "cities than are treated in fact is for comparison only, and no p can be below one over its number of draws plus one.",
        files=("placebo.csv",),
    )
