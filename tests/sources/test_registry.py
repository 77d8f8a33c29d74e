"""The registry states what a reader of the results must know of each source (LEDGER rows L05-L08, L46, L82)."""

from __future__ import annotations

import csv

import pytest
from pydantic import ValidationError

from citycarbon.errors import UsageError
from citycarbon.paths import DBT_PROJECT
from citycarbon.sources.registry import Registry, load_registry

IDS = [
    "chen_county",
    "ceads_city",
    "ceads_province",
    "edgar_city",
    "city_yearbook",
    "csmar",
    "green_patents",
    "patents",
    "gov_reports",
    "market_index",
    "policy_list",
    "compiled_city",
    "large_table",
]


def test_every_source_of_the_architecture_is_registered_once_and_in_order():
    assert list(load_registry().sources) == IDS


@pytest.mark.parametrize("source", IDS)
def test_a_source_has_a_reader_with_a_version_and_says_who_made_it_and_under_which_licence(source):
    entry = load_registry().get(source)
    module = entry.reader_module()
    assert module.READER_VERSION
    assert callable(module.read)
    assert callable(getattr(module, "read_batch", None)) == entry.one_batch
    assert all([entry.title, entry.producer, entry.citation, entry.licence, entry.coverage.note, entry.ledger])


def test_unknown_source_names_the_nearest_and_all_registered():
    with pytest.raises(UsageError, match=r"Did you mean 'csmar'.*compiled_city") as caught:
        load_registry().get("csmr")
    assert caught.value.exit_code == 2


def test_l82_county_data_end_before_the_first_ai_pilot_and_the_registry_says_so():
    coverage = load_registry().get("chen_county").coverage
    assert coverage.covers(2017)
    assert not coverage.covers(2019)
    assert "2017" in coverage.note
    assert load_registry().get("ceads_city").coverage.last_year == 2019


def test_l06_licensed_sources_are_slots_that_the_user_fills():
    slots = {s for s, entry in load_registry().sources.items() if entry.is_slot}
    assert slots >= {"city_yearbook", "csmar", "green_patents", "patents", "market_index"}
    assert not slots & {"chen_county", "ceads_city", "ceads_province"}
    assert all(load_registry().get(s).redistributable == "no" for s in slots)


def test_l05_unused_variables_are_indicators_of_the_catalogue():
    with (DBT_PROJECT / "seeds" / "indicator_catalogue.csv").open(encoding="utf-8-sig", newline="") as handle:
        known = {row["indicator_id"] for row in csv.DictReader(handle)}
    unused = {i for entry in load_registry().sources.values() for i in entry.unused_in_baseline}
    assert {"population_persons", "fdi_usd"} <= unused
    assert unused <= known


def test_l08_the_two_ministries_programmes_are_told_apart():
    note = load_registry().get("policy_list").coverage.note
    assert "never merged" in note


def test_l46_policies_that_are_only_named_are_listed_and_off():
    named = load_registry().named_only
    policies = {n.id for n in named if n.kind == "policy"}
    assert policies == {
        "pollutant_total_control",
        "energy_conservation_law",
        "coal_to_gas",
        "competitive_corporate_policies",
    }
    assert not any(n.enabled for n in named)
    assert not {n.id for n in named} & set(IDS)


def test_l46_nothing_that_is_only_named_can_be_switched_on_in_the_file():
    with pytest.raises(ValidationError, match="enabled"):
        Registry.model_validate(
            {
                "sources": {},
                "named_only": [{"id": "x", "kind": "policy", "title": "x", "how_to_supply": "x", "enabled": True}],
            }
        )


def test_a_misspelt_field_of_an_entry_is_refused():
    entry = load_registry().get("csmar").model_dump() | {"boundry_basis": "fixed"}
    with pytest.raises(ValidationError, match="boundry_basis"):
        Registry.model_validate({"sources": {"csmar": entry}})


def test_files_are_told_from_companions_without_regard_to_case_or_folder():
    entry = load_registry().get("csmar")
    assert entry.is_data("CRE_Gdpct.CSV")
    assert entry.is_companion("CRE_Gdpct[DES][csv].txt")
    assert not entry.is_data("CRE_Gdpct[DES][csv].txt")
    assert not entry.is_data("Copyright notice.pdf")
    assert load_registry().get("gov_reports").is_data("2015/370100_济南市_2015.txt")
