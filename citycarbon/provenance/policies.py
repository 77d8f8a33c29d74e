"""The trace of a policy's columns (``did_<policy>``, ``first_year_<policy>``) to the row of the policy list that dates it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from citycarbon.paths import DBT_PROJECT
from citycarbon.provenance.model import RawCell, Trace, TraceInput, number
from citycarbon.provenance.panel import place_notes
from citycarbon.provenance.store import Store
from citycarbon.study.spec import is_of_a_list

POLICY_LIST = "policy_adoptions.csv"
PREFIXES = ("first_year_", "did_")


def policy_columns(store: Store) -> list[str]:
    """The policy columns of the panel: they come from the sourced list, and not from cells of sources as a published one."""
    return [c for c in store.columns if c.startswith(PREFIXES) and not is_of_a_list(c)]


def trace_policy(store: Store, target: str, city_id: str, year: int, column: str) -> Trace:
    """A treatment dummy or first year, with the lines of the policy list that name the city."""
    row = store.panel_row(city_id, year)
    policy = column.removeprefix("first_year_").removeprefix("did_")
    lines = policy_lines(store, policy, city_id)
    first = number(row.get(f"first_year_{policy}"))
    notes = place_notes(store, row)
    notes += [f"{c.text}: {source}" for c, source in lines] or ["no line of the policy list names this city: never treated"]
    treatment = store.study_spec.get("treatment", {})
    notes.append(f"year rule {treatment.get('year_rule')}, rule for zones in a part of a city {treatment.get('subcity_rule')}")
    inputs = [TraceInput(f"first_year_{policy}", first, [c for c, _ in lines])]
    if column.startswith("did_"):
        unit, formula = "0/1", f"1 where year >= first_year_{policy}, else 0"
    else:
        unit, formula = "year", "earliest year of the policy list under the study's year rule"
    said = store.cells_of(city_id, year).get(column, {}).get("formula")
    return Trace(target, number(row.get(column)), unit, said or formula, inputs, notes)


def policy_lines(store: Store, policy: str, city_id: str | None = None) -> list[tuple[RawCell, str]]:
    """The lines of the policy list for ``policy`` (and one city), each with the source that the list states."""
    path = policy_list(store)
    sha = file_sha256_of(path)
    with path.open(encoding="utf-8-sig", newline="") as handle:
        reader = csv.DictReader(handle)
        return [
            (_cell(row, path, sha, reader.line_num), row.get("source", ""))
            for row in reader
            if row["policy"] == policy and city_id in (None, row.get("city_id") or row.get("adcode"))
        ]


def policy_list(store: Store) -> Path:
    """The policy list that the release carries; the project's own where there is no release."""
    if store.release is not None and (store.release / "seeds" / POLICY_LIST).is_file():
        return store.release / "seeds" / POLICY_LIST
    return DBT_PROJECT / "seeds" / POLICY_LIST


def file_sha256_of(path: Path) -> str:
    from citycarbon.release.identity import file_sha256

    return file_sha256(path)


def _cell(row: dict[str, Any], path: Path, sha: str, line: int) -> RawCell:
    year = row.get("year", "")
    return RawCell(
        source="seed policy_adoptions",
        edition="",
        data_year=int(year) if year.isdigit() else None,
        path=str(path),
        sha256=sha,
        sheet=None,
        cell=None,
        line=line,
        text=f"{row['raw_name']}, {row.get('date') or year} ({row['row_type']})",
        unit="year",
        scope=row.get("unit_level", ""),
    )
