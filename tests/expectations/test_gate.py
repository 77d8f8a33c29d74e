"""The gate as a whole: registry, engine adapter, missing and empty input, scope of a study, words for people."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from citycarbon.checks import CheckResult, write_checks
from citycarbon.gate.scope import scope_of
from citycarbon.paths import Home
from citycarbon.sources.rawrows import RowCollector
from citycarbon.study import load_study
from expectations.engine import Batch, validate
from expectations.raw_suites import check_raw
from expectations.rule import between
from expectations.rules import DECLARED, RULES
from expectations.summary import describe

ROOT = Path(__file__).resolve().parents[2]
JINAN = "370100"


# --- the registry -----------------------------------------------------------------------------------------------------------


def test_every_check_of_the_architecture_is_a_rule_with_the_severity_it_states():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    start = text.index("The gate reads the marts above. Its ids:")
    listed = text[start : text.index("###", start)].replace("\n", " ").split("Its ids:")[1]
    rules = {rule.id: rule for rule in RULES}
    entries = [entry.strip() for entry in listed.split(",")]
    ids = {entry.split("`")[1] for entry in entries if "`" in entry}
    assert len(ids) >= 24 and ids <= set(rules)
    for entry in entries:
        rule = rules[entry.split("`")[1]]
        assert rule.severity == ("warning" if "(warning)" in entry else "blocking"), rule.id


def test_ids_are_unique_and_every_rule_says_what_why_and_what_to_do():
    assert len({rule.id for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert min(len(t) for t in (rule.title, rule.reason, rule.expected, rule.remedy)) > 10, rule.id


def test_a_twin_is_a_warning_with_its_reason():
    for rule in RULES:
        if rule.id.endswith("_unused"):
            assert rule.severity == "warning" and "does not use" in rule.reason and rule.rows == "unused"
    assert sum(rule.rows == "unused" for rule in RULES) == sum(rule.rows == "used" for rule in DECLARED)


def test_the_page_on_the_gate_is_written_from_the_registry():
    assert (ROOT / "docs" / "gate.md").read_text(encoding="utf-8") == describe(), "run python -m expectations.summary"


# --- the engine -------------------------------------------------------------------------------------------------------------


def test_verdicts_are_found_by_id_whatever_the_order():
    frame = pd.DataFrame({"a": [1.0, 5.0, None], "b": [1.0, 1.0, 1.0]})
    batch = Batch("t", frame, {"wide": between("a", 0, 9), "tight": between("a", 0, 2), "flat": between("b", 1, 1)})
    found = validate([batch])
    assert found["t", "wide"].passed and found["t", "flat"].passed
    assert found["t", "tight"].rows == [1] and not found["t", "tight"].passed


def test_a_column_that_is_not_there_is_an_error_with_a_message_and_not_an_empty_result():
    found = validate([Batch("t", pd.DataFrame({"a": [1.0]}), {"gone": between("nowhere", 0, 1), "there": between("a", 0, 1)})])
    assert not found["t", "gone"].passed and "nowhere" in found["t", "gone"].error
    assert found["t", "there"].passed


def test_the_engine_writes_nothing_to_the_terminal(capfd):
    validate([Batch("t", pd.DataFrame({"a": [1.0, 3.0]}), {"x": between("a", 0, 2)})])
    out, err = capfd.readouterr()
    assert out == "" and err == ""


# --- missing and empty input ------------------------------------------------------------------------------------------------


def test_a_clean_world_passes_every_rule_with_one_result_for_each_in_order(world):
    found = world.gate()
    assert list(found) == [rule.id for rule in RULES]
    assert [r.id for r in found.values() if not r.passed] == []


@pytest.mark.parametrize(
    ("column", "rule"),
    [("co2_mt", "co2_jump_blocking"), ("did_ai_pilot", "treatment_equals_policy"), ("in_sample", "treatment_support")],
)
def test_a_missing_column_fails_the_rules_that_need_it_and_says_so(world, column, rule):
    world.panel = world.panel.drop(columns=column)
    result = world.gate(rule)[rule]
    assert result.refuses and column in result.observed and "city_panel" in result.observed


def test_a_used_variable_that_the_panel_lacks_fails(world):
    world.panel = world.panel.drop(columns="edu")
    assert world.gate("shares_in_unit_interval")["shares_in_unit_interval"].refuses


def test_a_missing_mart_fails_the_rules_that_need_it_and_no_other(world, tmp_path):
    inputs = world.inputs()
    (inputs.marts / "observations.parquet").unlink()
    from expectations.gate import judge

    found = {r.id: r for r in judge(inputs, RULES)}
    assert not found["values_in_range"].passed and "does not exist" in found["values_in_range"].observed
    assert found["keys_unique"].passed and found["treatment_support"].passed


def test_an_empty_panel_refuses(world):
    world.panel = world.panel.head(0)
    found = world.gate("keys_unique", "calendar_complete", "treatment_equals_policy")
    assert found["calendar_complete"].refuses and len(found["calendar_complete"].failing) == 3370


def test_empty_observations_break_nothing(world):
    world.observations = world.observations.head(0)
    world.counties = world.counties.head(0)
    refused = {r.id for r in world.gate().values() if r.refuses}
    assert refused == set()


# --- a study's scope --------------------------------------------------------------------------------------------------------


def test_the_scope_of_a_study_holds_every_column_it_names():
    scope = scope_of(load_study("ai_pilot"))
    assert {"lnco2", "lnpgdp", "edu", "lngreen", "er", "patents_granted", "market_index", "loans_yuan"} <= scope.variables
    others = {"broadband", "low_carbon", "smart_city", "ets", "ai_innovation_zone_most"}  # by a split or a column of Table 4
    assert "did" not in scope.variables and scope.policies == {"ai_pilot", *others} and scope.series == {"chen_county"}


def test_a_study_of_another_series_uses_that_series_only():
    scope = scope_of(load_study("ai_pilot_edgar"))
    assert scope.series == {"edgar_city"} and {"lnco2", "sec_share", "loans_gdp", "lnpop"} <= scope.variables


# --- words ------------------------------------------------------------------------------------------------------------------


def test_results_travel_through_json(world, tmp_path):
    world.scale(10.0, "loans_yuan", city=JINAN, years=2015)
    write_checks(list(world.gate("magnitude_neighbours").values()), tmp_path / "checks.json")
    body = json.loads((tmp_path / "checks.json").read_text(encoding="utf-8"))
    assert body["checks"][0]["failing"] == [[JINAN, 2015]] and body["checks"][0]["passed"] is False


# --- raw suites -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def raw_home(tmp_path):
    """A home with one raw source of three cells; ``put(rows)`` writes it."""
    home = Home(tmp_path)

    def put(source: str = "edgar_city", **changes):
        out = RowCollector(source=source, edition="2023", edition_year=2023, file_name="f.xlsx", file_sha256="a" * 64)
        for i, year in enumerate((2019, 2020, 2021)):
            row = {"text": "1", "value": 1.0, "indicator_label": "x", "place_label": "济南市", "data_year": year, "unit": "吨"}
            out.add(sheet="S", cell=f"B{i + 2}", **(row | (changes if i == 1 else {})))
        home.raw.mkdir(exist_ok=True)
        pq.write_table(out.result().rows, home.raw / f"{source}.parquet")
        return home

    return put


def found(home: Home, source: str = "edgar_city") -> dict[str, CheckResult]:
    return {r.id.removeprefix(f"raw_{source}_"): r for r in check_raw(source, home)}


def test_a_sound_source_passes(raw_home):
    assert all(r.passed for r in found(raw_home()).values())


@pytest.mark.parametrize(
    ("changes", "rule", "refuses"),
    [
        ({"value": float("inf")}, "values_finite", True),
        ({"value": None}, "values_finite", True),
        ({"data_year": 1020}, "years_plausible", True),
        ({"unit": ""}, "unit_present", False),
    ],
)
def test_a_fault_of_a_raw_row_is_named(raw_home, changes, rule, refuses):
    result = found(raw_home(**changes))[rule]
    assert not result.passed and result.refuses is refuses
    assert result.failing == [("济南市", changes.get("data_year", 2020))] and "B3" in result.observed


def test_an_address_used_twice_is_named(raw_home):
    home = raw_home()
    path = home.raw / "edgar_city.parquet"
    table = pq.read_table(path)
    pq.write_table(pa.concat_tables([table, table.slice(0, 1)]), path)
    assert found(home)["raw_id_unique"].failing == [("济南市", 2019)]


def test_lists_and_counts_need_no_unit_and_an_entry_needs_no_number(raw_home):
    rules = found(raw_home("policy_list", value=None, unit=""), "policy_list")
    assert all(r.passed for r in rules.values()) and "unit_present" not in rules and "values_finite" not in rules


def test_a_source_never_supplied_passes_and_says_so(tmp_path):
    result = found(Home(tmp_path))["not_empty"]
    assert result.passed and result.observed == "not supplied"


def test_a_source_of_which_everything_was_set_aside_refuses(raw_home):
    home = raw_home()
    path = home.raw / "edgar_city.parquet"
    pq.write_table(pq.read_table(path).slice(0, 0), path)
    out = RowCollector(source="edgar_city", edition="2023", edition_year=2023, file_name="f.xlsx", file_sha256="a" * 64)
    out.refuse("text_in_number_cell", "A word stands in a number cell.")
    (home.raw / "quarantine").mkdir()
    pq.write_table(out.result().quarantine, home.raw / "quarantine" / "edgar_city.parquet")
    assert found(home)["not_empty"].refuses
