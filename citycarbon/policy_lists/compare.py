"""Each published list beside the sourced one, city by city: the year by either, whether they agree, and the kind of difference.

The sourced list is ``policy_adoptions.csv`` under the study's rules, as the panel has it; its other rows (later batches, parts
of cities, the other year rule) explain what a list may have done.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from citycarbon.econometrics.event_study import headline_column
from citycarbon.econometrics.sample import estimation_sample
from citycarbon.study.dictionary import POLICY_LIST
from citycarbon.study.spec import POLICY_YEAR, Study

if TYPE_CHECKING:
    import pandas as pd

# Column of ``policy_lists.csv`` -> type, in its order. One row per list and city that either names, and per row of a list that
# names no prefecture-level unit.
LIST_COLUMNS: dict[str, type] = {
    "study": str, "list": str, "label": str, "edition": str, "city_id": str, "city_name": str, "place_label": str,
    "list_year": int, "sourced_year": int, "agrees": bool, "kind": str, "in_sample": bool, "file": str, "cell": str,
    "note": str,
}  # fmt: skip
AGREES = "agrees"
# Kind of a difference -> in words. The order is that of the files and of the decomposition.
KINDS: dict[str, str] = {
    "other_year_rule": "dated by the other year rule",
    "later_batch": "dated by a later batch",
    "other_year": "dated in another year",
    "missing": "missing",
    "missing_of_province": "missing, of a pilot province",
    "extra": "extra",
    "whole_for_part": "the whole city for a pilot in a part of it",
    "old_name": "under another name",
    "part_named": "naming a county or another unit that is no city of the panel",
    "name_error": "a name in error",
    "no_city": "no city of the panel and not in the sourced list",
}
SWITCHED = ("other_year_rule", "later_batch", "other_year", "missing", "missing_of_province", "extra", "whole_for_part")
_PANDAS = {str: "object", float: "float64", int: "Int64", bool: "boolean"}


@dataclass(frozen=True)
class Sourced:
    """What the sourced list says of one city: its rows under the study's year rule and under the other one."""

    years: tuple[int, ...]  # by the study's rule, every row of the whole city, sorted
    other_rule: tuple[int, ...]
    province: str = ""  # the pilot province that spells the city out, where its first row does
    parts: tuple[str, ...] = ()  # pilots that cover a part of the city


@dataclass(frozen=True)
class SourcedList:
    cities: dict[str, Sourced]
    names: dict[str, str] = field(default_factory=dict)  # every name that the list prints -> city_id, '' where it has none


def read_sourced(study: Study, path: Path = POLICY_LIST) -> SourcedList:
    """The rows of the study's policy in ``policy_adoptions.csv``."""
    own, other = ("year_announcement", "year_first_full")
    if study.treatment.year_rule == "first_full_year":
        own, other = other, own
    rows: dict[str, list[dict[str, str]]] = {}
    names: dict[str, str] = {}
    with path.open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            if row["policy"] != study.treatment.policy:
                continue
            names[row["raw_name"] if row["row_type"] == "announced" else row["city_zh"]] = row["city_id"]
            if row["city_id"]:
                rows.setdefault(row["city_id"], []).append(row)
    return SourcedList({city: _sourced(found, own, other, study) for city, found in rows.items()}, names)


def _sourced(rows: list[dict[str, str]], own: str, other: str, study: Study) -> Sourced:
    treats = study.treatment.subcity_rule == "treat"
    whole = sorted((r for r in rows if treats or r["is_subcity"] != "true"), key=lambda r: (r[own], r["row_type"]))
    province = whole[0]["raw_name"] if whole and whole[0]["row_type"] == "expanded" else ""
    parts = tuple(r["raw_name"] for r in rows if r["is_subcity"] == "true")
    return Sourced(tuple(int(r[own]) for r in whole), tuple(sorted(int(r[other]) for r in whole)), province, parts)


def compare_lists(listed: pd.DataFrame, panel: pd.DataFrame, study: Study, adoptions: Path = POLICY_LIST) -> pd.DataFrame:
    """``policy_lists.csv`` (``LIST_COLUMNS``). ``listed``: as of ``listed_rows``; ``panel``: the mart ``city_panel``.

    ``sourced_year``: first treated year by the sourced list under the study's rules. ``agrees``: same year, whatever the name.
    ``in_sample``: the city has rows in the study's headline column, so that its dating can move an estimate. Rows are sorted
    by list (in the study's order), kind and city. A list that is not supplied has no rows.
    """
    import pandas as pd

    by_city = panel.groupby("city_id", sort=True)
    facts = _Facts(
        sourced=read_sourced(study, adoptions),
        first=by_city[POLICY_YEAR + study.treatment.policy].first().dropna().astype(int).to_dict(),
        names=by_city["city_name"].first().to_dict(),
        sample=set(estimation_sample(panel, study, headline_column(study)).rows["city_id"]),
    )
    rows: list[dict[str, Any]] = []
    for found in study.treatment.lists:
        mine = listed[listed["list"] == found.id]
        shared = {"study": study.study, "list": found.id, "label": found.label, "edition": found.edition}
        rows += sorted(({**shared, **row} for row in _rows(mine, facts) if len(mine)), key=_order)
    frame = pd.DataFrame(rows, columns=list(LIST_COLUMNS))
    return frame.astype({name: _PANDAS[kind] for name, kind in LIST_COLUMNS.items()})


@dataclass(frozen=True)
class _Facts:
    """``first``: city -> first treated year by the sourced list; ``sample``: cities of the headline column."""

    sourced: SourcedList
    first: Mapping[str, int]
    names: Mapping[str, str]
    sample: set[str]


def _order(row: dict[str, Any]) -> tuple[int, str, str]:
    kinds = [AGREES, *KINDS]
    return kinds.index(row["kind"]), row["city_id"], row["place_label"]


def _rows(listed: pd.DataFrame, facts: _Facts) -> Iterator[dict[str, Any]]:
    """Every city that either list dates, then the rows of the published one that name none."""
    placed = listed[listed["city_id"] != ""].sort_values(["city_id", "list_year"], kind="stable")
    first = placed.groupby("city_id", sort=True).first()
    for city in sorted({*first.index, *facts.first}):
        yield _city_row(city, first.loc[city].to_dict() if city in first.index else None, facts)
    for row in listed[listed["city_id"] == ""].to_dict("records"):
        yield _unplaced_row(row, facts, set(placed["place_label"]))


def _city_row(city: str, row: dict[str, Any] | None, facts: _Facts) -> dict[str, Any]:
    year = int(row["list_year"]) if row else None
    sourced, said = facts.first.get(city), facts.sourced.cities.get(city, Sourced((), ()))
    kind, note = _kind(year, sourced, said)
    name = facts.names.get(city, "")
    if kind == AGREES and row and row["place_label"] != name:
        kind, note = "old_name", f"printed as {row['place_label']}"
    return {
        "city_id": city,
        "city_name": name,
        "place_label": row["place_label"] if row else "",
        "list_year": year,
        "sourced_year": sourced,
        "agrees": year == sourced,
        "kind": kind,
        "in_sample": city in facts.sample,
        "file": row["file"] if row else "",
        "cell": row["cell"] if row else "",
        "note": note,
    }


def _kind(year: int | None, sourced: int | None, said: Sourced) -> tuple[str, str]:
    """Kind of a difference and what explains it, for one city."""
    if year == sourced:
        return AGREES, ""
    if year is None:
        return ("missing_of_province", f"of the pilot province {said.province}") if said.province else ("missing", "")
    if sourced is None:
        if said.parts:
            return "whole_for_part", f"the pilot is {', '.join(said.parts)}, a part of the city"
        return "extra", ""
    if said.other_rule and year == said.other_rule[0]:
        return "other_year_rule", ""
    if year in said.years[1:] or year in said.other_rule[1:]:
        return "later_batch", "the city is in a later batch too; the first one counts"
    return "other_year", ""


def _unplaced_row(row: dict[str, Any], facts: _Facts, placed: set[str]) -> dict[str, Any]:
    label = row["place_label"]
    kind, note = "no_city", row["reason"]
    if label in facts.sourced.names:
        city = facts.sourced.names[label]
        kind = "part_named"
        note = (
            f"a part of {facts.names[city]} in the sourced list" if city in facts.names else "run by the province or the army"
        )
    elif near := _one_character_away(label, _names_of(facts, int(row["list_year"]))):
        there = "which the list has too" if near in placed else "which the list lacks"
        kind, note = "name_error", f"one character from {near}, {there}"
    return {
        "city_id": "", "city_name": "", "place_label": label, "list_year": int(row["list_year"]), "sourced_year": None,
        "agrees": False, "kind": kind, "in_sample": False, "file": row["file"], "cell": row["cell"], "note": note,
    }  # fmt: skip


def _names_of(facts: _Facts, year: int) -> list[str]:
    """Names of the cities that the sourced list dates in ``year``."""
    return [name for name, city in facts.sourced.names.items() if facts.first.get(city) == year]


def _one_character_away(label: str, names: list[str]) -> str:
    """The first name that differs from ``label`` in one character; '' where there is none."""
    same = (n for n in names if len(n) == len(label) and sum(a != b for a, b in zip(n, label, strict=True)) == 1)
    return min(same, default="")
