"""Real names, codes and dates of the sample, read from the project's own seeds. No number of the sample is made here."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from citycarbon.paths import DBT_PROJECT

SEEDS = DBT_PROJECT / "seeds"
FIRST_YEAR, LAST_YEAR = 2003, 2021
YEARS = list(range(FIRST_YEAR, LAST_YEAR + 1))
CITY_KINDS = ("municipality", "prefecture_city")
TIBET = "540000"


@dataclass(frozen=True)
class City:
    """A unit under the name and code of one year. ``city_id`` is None where the unit was split among others (巢湖)."""

    adcode: str
    name: str
    short: str
    province_id: str
    province: str
    province_short: str
    city_id: str | None
    kind: str


@dataclass(frozen=True)
class County:
    """A county of the 2010 division; ``code`` as the workbook prints it, footnote marks included."""

    code: str
    name: str
    city_label: str
    province: str
    city_id: str | None


@dataclass(frozen=True)
class Places:
    """Rosters by year, counties of 2010 and adoption years."""

    by_year: dict[int, list[City]]
    counties: list[County]
    provinces: list[dict[str, str]]
    first_year: dict[str, dict[str, int]]  # policy -> unit as listed -> first year
    covered_from: dict[str, dict[str, int]]  # policy -> city_id -> first year in which the city or a part of it is listed
    comparable_from: dict[str, int]  # city_id -> first year with today's borders, where parts were moved

    @cached_property
    def panel(self) -> list[City]:
        """The 297 municipalities and prefecture-level cities at year-end 2021, in order of code."""
        return [c for c in self.by_year[LAST_YEAR] if c.kind in CITY_KINDS]

    @cached_property
    def others(self) -> list[City]:
        """Prefectures, leagues and autonomous prefectures at year-end 2021."""
        return [c for c in self.by_year[LAST_YEAR] if c.kind not in CITY_KINDS]

    @cached_property
    def index(self) -> dict[str, int]:
        """city_id -> row of the panel arrays."""
        return {c.adcode: i for i, c in enumerate(self.panel)}

    def listed(self, year: int) -> list[City]:
        """The cities that a yearbook of ``year`` lists: municipalities and prefecture-level cities of that year.

        莱芜 was merged on 2018-12-26 and is still reported for data year 2018.
        """
        cities = [c for c in self.by_year[year] if c.kind in CITY_KINDS]
        if year == 2018 and not any(c.adcode == "371200" for c in cities):
            cities = sorted([*cities, next(c for c in self.by_year[2017] if c.adcode == "371200")], key=lambda c: c.adcode)
        return cities


def _rows(name: str, seeds: Path) -> list[dict[str, str]]:
    with (seeds / name).open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))


@lru_cache(maxsize=2)
def load_places(seeds: Path = SEEDS) -> Places:
    """Read the seeds once. Raises FileNotFoundError where the checkout has none."""
    by_year: dict[int, list[City]] = {y: [] for y in YEARS}
    for r in _rows("city_codes.csv", seeds):
        if int(r["year"]) in by_year:
            by_year[int(r["year"])].append(
                City(
                    r["adcode"],
                    r["name"],
                    r["short_name"],
                    r["province_id"],
                    r["province_name"],
                    r["province_short"],
                    r["city_id"] or None,
                    r["unit_kind"],
                )
            )
    for cities in by_year.values():
        cities.sort(key=lambda c: c.adcode)
    counties = [
        County(r["county_code"], r["county_name"], r["city_label"], r["province_name"], r["city_id"] or None)
        for r in _rows("county_codes.csv", seeds)
        if r["province_name"] != "西藏自治区"  # the county series does not cover Tibet
    ]
    listed, covered = (_adoptions(seeds, unit) for unit in ("adcode", "city_id"))
    return Places(by_year, counties, _rows("provinces.csv", seeds), listed, covered, _comparable(seeds))


def _comparable(seeds: Path) -> dict[str, int]:
    """First comparable year of cities that gave or took part of their land: city-level sums do not exist before it."""
    years: dict[str, int] = {}
    for r in _rows("city_lineage.csv", seeds):
        if r["rule"] == "county_sum":
            for code in (r["city_id"], r["from_code"]):
                years[code] = max(int(r["effective_year"]), years.get(code, 0))
    return years


def _adoptions(seeds: Path, column: str) -> dict[str, dict[str, int]]:
    """First announcement year (the baseline year rule) by policy and the unit that stands in ``column``."""
    first: dict[str, dict[str, int]] = {}
    for r in _rows("policy_adoptions.csv", seeds):
        years, unit, year = first.setdefault(r["policy"], {}), r[column], int(r["year"])
        years[unit] = min(year, years.get(unit, year))
    return first
