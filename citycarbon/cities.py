"""The roster of prefecture-level units by year, read from the project's seeds: names, codes, provinces, kinds.

For Python that needs a place; what a source's spelling means in the panel is decided in dbt by the same seeds.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from citycarbon.errors import UsageError
from citycarbon.paths import DBT_PROJECT

SEEDS = DBT_PROJECT / "seeds"
FIRST_YEAR, LAST_YEAR = 2003, 2021
UnitKind = Literal["municipality", "prefecture_city", "other_prefecture"]


@dataclass(frozen=True)
class City:
    """A prefecture-level unit under the name and code of one year-end.

    ``city_id`` is the code at year-end 2021 of the unit that holds its territory, None where it was split among several (巢湖).
    """

    adcode: str
    name: str
    short_name: str
    province_id: str
    province: str
    city_id: str | None
    unit_kind: UnitKind


def roster(year: int = LAST_YEAR) -> tuple[City, ...]:
    """The units at the end of ``year`` in order of code (337 in 2021). Raises UsageError outside 2003-2021."""
    if year not in _rosters():
        raise UsageError(f"the roster of cities covers {FIRST_YEAR} to {LAST_YEAR}, not {year}")
    return _rosters()[year]


def city(city_id: str) -> City:
    """The unit of 2021 with this code. Raises UsageError where there is none."""
    found = _by_id().get(city_id)
    if found is None:
        raise UsageError(f"no prefecture-level unit has the code '{city_id}' at year-end {LAST_YEAR}")
    return found


def find(text: str, province: str | None = None) -> City | None:
    """The unit of 2021 that a code or spelling of any year means; None where unknown, ambiguous, split or not prefecture-level.

    ``province`` (full or short name) decides where a spelling is also a province's (吉林, 海南).
    """
    key = "".join(text.split())
    by_code = _codes().get(key)
    if by_code is not None:
        return _by_id().get(by_code)
    alias = _aliases().get(key)
    if alias is None:
        return None
    wanted = _province_ids().get(province) if province else None
    if (alias["needs_province"] == "true" or province) and wanted != alias["province_id"]:
        return None
    return _by_id().get(alias["city_id"])


def whereabouts(code: str) -> str:
    """Where the territory of an abolished code is now: ``371200 was 莱芜市 until 2018: its territory is in 370100 济南市``.

    From the events of city_lineage, and from the code list where only the code changed; '' for a code that stands or is
    unknown. The year is that of the event.
    """
    if code in _by_id():
        return ""
    events = [r for r in _rows("city_lineage") if r["from_code"] == code]
    units = [c for year in _rosters() for c in _rosters()[year] if c.adcode == code]
    holders = sorted({r["city_id"] for r in events} or {c.city_id for c in units if c.city_id})
    if not holders:
        return ""
    name = events[-1]["from_name"] if events else units[-1].name
    until = max((int(r["event_year"]) for r in events), default=0) or 1 + max(
        y for y, us in _rosters().items() if units[-1] in us
    )
    return f"{code} was {name} until {until}: its territory is in {', '.join(f'{h} {_by_id()[h].name}' for h in holders)}"


def _rows(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@lru_cache(maxsize=1)
def _rosters() -> dict[int, tuple[City, ...]]:
    years: dict[int, list[City]] = {}
    for r in _rows("city_codes"):
        unit = City(
            r["adcode"], r["name"], r["short_name"], r["province_id"], r["province_name"], r["city_id"] or None, r["unit_kind"]
        )
        years.setdefault(int(r["year"]), []).append(unit)
    return {year: tuple(sorted(units, key=lambda c: c.adcode)) for year, units in years.items()}


@lru_cache(maxsize=1)
def _by_id() -> dict[str, City]:
    return {c.adcode: c for c in _rosters()[LAST_YEAR]}


@lru_cache(maxsize=1)
def _codes() -> dict[str, str]:
    return {c.adcode: c.city_id for units in _rosters().values() for c in units if c.city_id}


@lru_cache(maxsize=1)
def _aliases() -> dict[str, dict[str, str]]:
    return {r["alias"]: r for r in _rows("city_aliases")}


@lru_cache(maxsize=1)
def _province_ids() -> dict[str, str]:
    return {name: r["province_id"] for r in _rows("provinces") for name in (r["name"], r["short"])}
