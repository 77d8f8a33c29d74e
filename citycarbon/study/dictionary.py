"""The variables a study may name, with unit and transform: the one declared list that study files are judged against.

A new panel variable is one line here and its formula in the mart. Prose for readers stands in ``docs/data-dictionary.md``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from citycarbon.errors import UsageError
from citycarbon.paths import DBT_PROJECT

CALENDAR = (2003, 2021)  # years for which the city codes, and so the panel's keys, are known
EMISSION_SERIES = ("chen_county", "ceads_city", "edgar_city", "spliced")
UNIT_KINDS = ("municipality", "prefecture_city", "other_prefecture")
POLICY_LIST = DBT_PROJECT / "seeds" / "policy_adoptions.csv"


@dataclass(frozen=True)
class Variable:
    """One column of the panel. ``unit`` is that of the argument of ``transform``; shares and ratios are unit-free."""

    name: str
    label: str
    unit: str
    transform: str = "none"
    meaning: str = ""


_VARIABLES = (
    Variable("co2_mt", "CO2 emissions", "Mt", meaning="of the emission series that the study names"),
    Variable("lnco2", "CO2", "Mt", "ln", "natural log of co2_mt"),
    Variable("co2_mt_chen_county", "CO2 emissions, county sums", "Mt", meaning="Chen et al. 2020 counties, summed"),
    Variable("co2_mt_ceads_city", "CO2 emissions, CEADS cities", "Mt"),
    Variable("co2_mt_edgar", "CO2 emissions, EDGAR cities", "Mt"),
    Variable("green", "Green patent applications", "applications", meaning="invention + utility model, WIPO green list"),
    Variable("lngreen", "Green", "applications", "ln(1+x)", "ln(1 + green)"),
    Variable("er", "er", "share of words", meaning="environmental words / all words of the government work report"),
    Variable("er_chars", "er, characters", "share of characters"),
    Variable("did", "did", "0/1", meaning="1 from the first treated year of the study's policy"),
    Variable("lnpgdp", "lnpgdp", "yuan per head, base-year prices", "ln", "log of real GDP per head"),
    Variable("lnpgdp_nominal", "lnpgdp, nominal", "yuan per head, current prices", "ln"),
    Variable("internet", "internet", "households", "ln", "log of the number of internet users"),
    Variable("internet_per100", "internet per 100", "users per 100 persons"),
    Variable("gov", "gov", "ratio", meaning="fixed asset investment / budget expenditure"),
    Variable("budget_gdp", "budget / GDP", "ratio"),
    Variable("market", "market", "ratio", meaning="retail sales / GDP"),
    Variable("edu", "EDU", "share", meaning="education expenditure / budget expenditure"),
    Variable("industry", "industry", "share", meaning="industrial value added / GDP"),
    Variable("loans_yuan", "Loans outstanding", "yuan"),
    Variable("loans_gdp", "loans / GDP", "ratio"),
    Variable("sec_share", "secondary share", "share"),
    Variable("lnpop", "population, log", "persons", "ln"),
    Variable("population_persons", "Population", "persons"),
    Variable("market_index", "Marketization index", "index", meaning="of the province"),
    Variable("patents_granted", "Patents granted", "patents"),
    Variable("patents_per10k", "Patents granted per head", "patents per 10 000 persons"),
    Variable("fdi_usd", "Foreign investment", "US dollars", meaning="actually used; in no baseline column"),
    Variable("area_km2", "Area", "km2"),
)
VARIABLES: dict[str, Variable] = {v.name: v for v in _VARIABLES}

# What a sample filter may name besides the variables.
KEYS = ("city_id", "province_id", "unit_kind", "year")


def suggestion(name: str, allowed: Iterable[str]) -> str:
    """``; did you mean 'x'?`` where one of ``allowed`` is close to ``name``, else an empty text."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(allowed), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def policies_with_a_list(path: Path = POLICY_LIST) -> list[str]:
    """Policies that have at least one adopting unit in the policy list, sorted. Raises UsageError where the list is missing."""
    if not path.is_file():
        raise UsageError(
            f"the policy list {path.name} is missing from {path.parent.name}/: no study can be resolved without it"
        )
    with path.open(encoding="utf-8", newline="") as handle:
        return sorted({row["policy"] for row in csv.DictReader(handle) if row["policy"] and row["city_id"]})


def first_adoption(policy: str, year_rule: str, path: Path = POLICY_LIST) -> int | None:
    """The first year in which any city of the policy list is treated under ``announcement`` or ``first_full_year``; None for a
    policy without dates."""
    column = {"announcement": "year_announcement", "first_full_year": "year_first_full"}[year_rule]
    with path.open(encoding="utf-8", newline="") as handle:
        years = [row[column] for row in csv.DictReader(handle) if row["policy"] == policy and row["city_id"] and row[column]]
    return min(map(int, years), default=None)
