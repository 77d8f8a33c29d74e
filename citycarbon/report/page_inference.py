"""Inference side by side on a release's page: every test of every headline column, and what each treated city carries.

Rows come from ``estimates.csv``, ``placebo.csv`` and ``inference.csv``; what a file does not have stays empty.
"""

from __future__ import annotations

import math
from typing import Any

from citycarbon.report.few_clusters import POWER
from citycarbon.report.layout import count, table_name
from citycarbon.report.page_tables import NONE, PlainTable, fixed, p_cell, percent
from citycarbon.report.results import Line, Results, num
from citycarbon.report.sentences import p_text, plain, scaled, signed, whole

Pairs = list[tuple[dict[str, Any], Line]]  # a headline column's treatment row and the placebo summary of its own scheme
_TESTS = ("cv3", "wcr:rademacher", "wcr:webb")
_HEAD = [
    "Column", "Estimate", "s.e.", "p, clustered t", "p, CV3", "p, wild bootstrap", "p, wild, Webb", "p, RI on coefficient",
    "p, RI on t", "Rejections of the 5 % clustered t test", "Smallest effect found with 80 % power", "Effective clusters",
    "Draws",
]  # fmt: skip
_NOTE = (
    "CV3: jackknife over cities. Wild bootstrap: of the clustered t, null imposed, Rademacher weights, and Webb's. RI: "
    "randomisation inference, on as many reassignments of the treatment to cities as the last column says; RI on t gives the "
    "stars. Rejections: share of reassignments in which the clustered t test rejects at 5 %, where nothing is to be found. "
    f"Smallest effect: {POWER}. Effective clusters: one over the sum of squared shares of the cities in what is left of did."
)
_LEVERAGE, _WITHOUT = "leverage:", "without:"


def methods(results: Results) -> dict[tuple[str, str, str], Line]:
    """(table, column, method) -> row of ``inference.csv``."""
    return {(r["table"], r["column"], r["method"]): r for r in results.rows("inference")}


def side_by_side(pairs: Pairs, results: Results) -> PlainTable | None:
    """p-values side by side, with what the placebo says of the clustered test and of power."""
    if not pairs:
        return None
    by = methods(results)
    return PlainTable(
        "The treatment's p-values side by side, headline columns",
        _HEAD,
        [_line(row, line, by) for row, line in pairs],
        _NOTE,
        files=("inference.csv", "placebo.csv"),
    )


def _line(row: dict[str, Any], line: Line, by: dict[tuple[str, str, str], Line]) -> list[str]:
    def of(method: str, field: str) -> float:
        return num(by.get((row["table"], row["column"], method), {}), field)

    error = row["std_error"]
    return [
        f"{table_name(row['table'])} ({row['column']})",
        scaled(row["estimate"], error),
        scaled(error, error),
        p_cell(row["p_value"]),
        *(p_cell(of(method, "p_value")) for method in _TESTS),
        p_cell(row["p_ri_beta"]),
        p_cell(row["p_ri_t"]),
        percent(num(line, "size_t_5pct")),
        scaled(num(line, "mde80"), error) or NONE,
        fixed(of("effective_clusters", "statistic"), 1),
        count(n) if math.isfinite(n := num(line, "draws")) else NONE,
    ]


def said(pairs: Pairs, main: dict[str, Any] | None, results: Results) -> list[str]:
    """What the table says: size of the clustered test, power, how far the tests differ, and which city carries the estimate."""
    sizes = [(s, r) for r, line in pairs if math.isfinite(s := num(line, "size_t_5pct"))]
    if not sizes:
        return []
    low, high = min(s for s, _ in sizes), max(s for s, _ in sizes)
    above = sum(s > 0.05 for s, _ in sizes)
    sentences = [
        f"At a nominal 5 % the clustered t test rejects in {percent(low)} to {percent(high)} of random reassignments; in "
        f"{whole(above)} of {whole(len(sizes))} headline columns that is more often than it claims."
    ]
    main = main or {}
    mine = [(r, line) for r, line in pairs if (r["table"], r["column"]) == (main.get("table"), main.get("column"))]
    row, line = (mine or pairs)[0]
    if math.isfinite(mde := num(line, "mde80")):
        relation = "smaller than" if abs(row["estimate"]) < mde else "larger than"
        sentences.append(
            f"In {table_name(row['table'])} column {row['column']} an effect below {plain(mde)} in size would be missed "
            f"more often than once in five times; the estimate, {signed(row['estimate'])}, is {relation} that in size. "
            f"That size is {POWER}."
        )
    return [*sentences, *_range_said(row, results), *_cities_said(row, results)]


def _range_said(row: dict[str, Any], results: Results) -> list[str]:
    """The smallest and the largest p of one column over all tests."""
    by = methods(results)
    found = {
        "the clustered t": row["p_value"], "RI on t": row["p_ri_t"], "RI on the coefficient": row["p_ri_beta"],
        **{name: num(by.get((row["table"], row["column"], method), {}), "p_value")
           for name, method in (("CV3", "cv3"), ("the wild bootstrap", "wcr:rademacher"), ("Webb's weights", "wcr:webb"))},
    }  # fmt: skip
    known = {name: p for name, p in found.items() if math.isfinite(p)}
    if len(known) < 4:
        return []
    least, most = min(known, key=known.get), max(known, key=known.get)
    return [
        f"The p-values of that column range from {p_text(known[least])} ({least}) to {p_text(known[most])} ({most}) over "
        f"{len(known)} tests."
    ]


def _cities(row: dict[str, Any] | None, results: Results) -> list[tuple[str, float, float]]:
    """Name with code, partial leverage, and estimate without the city, of the treated cities of one column."""
    if row is None:
        return []
    by = methods(results)
    lines = [(m, r) for (t, c, m), r in by.items() if (t, c) == (row["table"], row["column"]) and m.startswith(_LEVERAGE)]
    out = []
    for method, line in lines:
        city = method.removeprefix(_LEVERAGE)
        without = by.get((row["table"], row["column"], f"{_WITHOUT}{city}"), {})
        out.append((f"{line['note']} {city}".strip(), num(line, "statistic"), num(without, "estimate")))
    return out


def _cities_said(row: dict[str, Any], results: Results) -> list[str]:
    known = [c for c in _cities(row, results) if math.isfinite(c[2])]
    if not known:
        return []
    low, high = min(known, key=lambda c: c[2]), max(known, key=lambda c: c[2])
    return [
        f"Leaving out one treated city at a time, its estimate lies between {signed(low[2])} (without {low[0]}) and "
        f"{signed(high[2])} (without {high[0]})."
    ]


def cities(row: dict[str, Any] | None, results: Results) -> PlainTable | None:
    """Leverage of each treated city of the headline column, and the estimate without it."""
    found = _cities(row, results)
    if row is None or not found:
        return None
    error = row["std_error"]
    body = [
        [name, percent(share), scaled(value, error) if math.isfinite(value) else NONE, _shift(value, row)]
        for name, share, value in found
    ]
    return PlainTable(
        f"What each treated city carries: {table_name(row['table'])} column {row['column']}",
        ["City", "Share of the variation of did", "Estimate without it", "Change, in standard errors"],
        body,
        "Share: partial leverage, the city's part of the variation of did that effects and controls leave. The same for every "
        "headline column is in the file.",
        files=("inference.csv",),
    )


def _shift(value: float, row: dict[str, Any]) -> str:
    if not (math.isfinite(value) and row["std_error"] > 0):
        return NONE
    return fixed((value - row["estimate"]) / row["std_error"], 2)
