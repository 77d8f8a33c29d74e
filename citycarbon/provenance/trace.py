"""Follows one printed number back to the cells of source files: reads the target's words and hands it to the right module.

Targets: ``panel:<city_id>:<year>:<variable>`` · ``<table>:<column>:<term>`` of ``estimates.csv`` (``table2:2:did``)
· ``table1:<variable>:<statistic>[:all]`` (a descriptive table of the study).
"""

from __future__ import annotations

import difflib
from pathlib import Path

from citycarbon.cities import whereabouts
from citycarbon.errors import UsageError
from citycarbon.paths import Home
from citycarbon.provenance.coefficients import trace_coefficient
from citycarbon.provenance.descriptives import ROWS, STATISTICS, trace_statistic
from citycarbon.provenance.model import Trace
from citycarbon.provenance.panel import trace_cell
from citycarbon.provenance.policies import policy_columns, trace_policy
from citycarbon.provenance.store import Store

EXPECTED = (
    "panel:<city_id>:<year>:<variable> (panel:370100:2015:gov), <table>:<column>:<term> (table2:2:did) "
    "or table1:<variable>:<statistic> (table1:lnco2:mean)"
)


def trace(target: str, home: Home, release: str | Path | None = None) -> Trace:
    """Follow ``target`` in ``release`` (None: the latest; in a home without any: the marts of its one study).

    Raises UsageError for a target, city, year, variable, column or term that does not exist, naming what does.
    """
    parts = [p.strip() for p in target.strip().split(":")]
    if not (parts[0] == "panel" and len(parts) == 4 or parts[0] not in ("", "panel") and len(parts) in (3, 4)):
        raise UsageError(f"trace target: found '{target}'; expected {EXPECTED}.")
    store = Store.open(home, release)
    found = _follow(store, target, parts)
    if store.manifest.get("synthetic"):
        found.notes.insert(0, "SYNTHETIC DATA: made by this project's sample, not measured")
    return found


def _follow(store: Store, target: str, parts: list[str]) -> Trace:
    if parts[0] == "panel":
        return _panel(store, target, *parts[1:])
    if store.descriptive_variables(parts[0]):
        return _descriptive(store, target, *parts)
    if len(parts) == 4:
        raise UsageError(f"trace target: found '{target}'; expected {EXPECTED}.")
    return _coefficient(store, target, *parts)


def _panel(store: Store, target: str, city: str, year: str, variable: str) -> Trace:
    city_id = _known_city(store, city)
    known_year = int(_one_of("year", year, [str(y) for y in store.years]))
    policies = policy_columns(store)
    if variable == "did" and store.did_column:
        variable = store.did_column
    variable = _one_of("variable", variable, list(dict.fromkeys([*store.variables, *policies])))
    if variable in policies:
        return trace_policy(store, target, city_id, known_year, variable)
    return trace_cell(store, target, city_id, known_year, variable)


def _descriptive(store: Store, target: str, table: str, variable: str, statistic: str, rows: str = "sample") -> Trace:
    variable = _one_of(f"variable in {table}", variable, store.descriptive_variables(table))
    statistic = _one_of("statistic", statistic, list(STATISTICS))
    _one_of("rows", rows, list(ROWS))
    return trace_statistic(store, target, table, variable, statistic, rows)


def _coefficient(store: Store, target: str, table: str, column: str, term: str) -> Trace:
    rows = store.estimates()
    if not rows:
        raise UsageError(f"'{target}' is a coefficient, and this home holds no release with estimates. Run 'citycarbon run'.")
    descriptive = [n for n in store.study_spec.get("tables", {}) if store.descriptive_variables(n)]
    _one_of("table", table, [*sorted({r["table"] for r in rows}), *descriptive, "panel"])
    rows = [r for r in rows if r["table"] == table]
    _one_of("column", column, list(dict.fromkeys(r["column"] for r in rows)))
    rows = [r for r in rows if r["column"] == column]
    term = _one_of("term", term, [r["term"] for r in rows])
    return trace_coefficient(store, target, next(r for r in rows if r["term"] == term), rows)


def _known_city(store: Store, city: str) -> str:
    """A city's id, given as its id or its full name."""
    by_name = {name: key for key, name in store.cities.items()}
    if city in store.cities or city in by_name:
        return by_name.get(city, city)
    if moved := whereabouts(city):
        raise UsageError(f"found no city '{city}': {moved}. A city is named by its six-digit code at year-end 2021.")
    close = difflib.get_close_matches(city, [*store.cities, *by_name], n=5, cutoff=0.5) or sorted(store.cities)[:5]
    shown = ", ".join(f"{by_name.get(c, c)} {store.cities[by_name.get(c, c)]}" for c in close)
    raise UsageError(f"found no city '{city}'; closest: {shown}. A city is named by its six-digit code at year-end 2021.")


def _one_of(what: str, given: str, allowed: list[str]) -> str:
    if given in allowed:
        return given
    printed = [a for a in allowed if a.lower() == given.lower()]  # tables print EDU, the panel says edu
    if len(printed) == 1:
        return printed[0]
    close = difflib.get_close_matches(given, allowed, n=3, cutoff=0.5)
    hint = f"closest: {', '.join(close)}; " if close else ""
    raise UsageError(f"found no {what} '{given}'; {hint}expected one of {', '.join(allowed)}.")
