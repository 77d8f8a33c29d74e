"""Rules on the panel's keys, calendar, treatment and transforms: each with a fault that names its key."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

JINAN, HANGZHOU, BAODING = "370100", "330100", "130600"


def put(world, city: str, year: int, column: str, value: float) -> None:
    hit = world.panel["city_id"].eq(city) & world.panel["year"].eq(year)
    assert hit.any()
    world.panel.loc[hit, column] = value


def test_a_doubled_row_is_named(world):
    extra = world.panel[world.panel["city_id"].eq(JINAN) & world.panel["year"].eq(2015)]
    world.panel = pd.concat([world.panel, extra])
    result = world.gate("keys_unique")["keys_unique"]
    assert result.refuses and result.failing == [(JINAN, 2015)]


def test_a_missing_row_is_named(world):
    world.panel = world.panel[~(world.panel["city_id"].eq(JINAN) & world.panel["year"].eq(2015))]
    result = world.gate("calendar_complete")["calendar_complete"]
    assert result.refuses and result.failing == [(JINAN, 2015)] and "missing" in result.observed


def test_a_row_of_no_unit_or_without_a_key_is_outside_the_calendar(world):
    strange = world.panel.head(2).assign(city_id=["999900", None])
    world.panel = pd.concat([world.panel, strange])
    result = world.gate("calendar_complete")["calendar_complete"]
    assert {c for c, _ in result.failing} == {"999900", None}


def test_treatment_that_ends_is_named(world):
    put(world, JINAN, 2021, "did_ai_pilot", 0)
    found = world.gate("treatment_absorbing", "treatment_equals_policy")
    assert found["treatment_absorbing"].failing == [(JINAN, 2021)]
    assert found["treatment_equals_policy"].failing == [(JINAN, 2021)]


def test_treatment_unlike_the_list_is_named_and_an_unused_policy_only_warns(world):
    put(world, BAODING, 2020, "did_ai_pilot", 1)
    put(world, BAODING, 2021, "did_ai_pilot", 1)
    put(world, JINAN, 2012, "did_low_carbon", 1)
    found = world.gate("treatment_equals_policy", "treatment_equals_policy_unused")
    assert found["treatment_equals_policy"].failing == [(BAODING, 2020), (BAODING, 2021)]
    unused = found["treatment_equals_policy_unused"]
    assert unused.failing == [(JINAN, 2012)] and unused.severity == "warning" and "does not use" in unused.reason


def test_what_a_published_list_dates_is_not_judged_by_the_sourced_one(world):
    world.panel["did_ai_pilot__found"] = world.panel["city_id"].eq(BAODING).astype(float)
    world.panel.loc[world.panel["city_id"].eq(JINAN), "did_ai_pilot__found"] = np.nan
    found = world.gate("treatment_equals_policy", "treatment_equals_policy_unused", "treatment_absorbing")
    assert all(result.passed for result in found.values())


def test_a_missing_treatment_value_is_no_zero(world):
    world.panel["did_ai_pilot"] = world.panel["did_ai_pilot"].astype(float)
    put(world, BAODING, 2013, "did_ai_pilot", np.nan)
    assert world.gate("treatment_equals_policy")["treatment_equals_policy"].failing == [(BAODING, 2013)]


@pytest.mark.parametrize(("rule", "cities"), [("first_full_year", {"310000", "370100", "370200", "440300"})])
def test_the_year_rule_moves_the_implied_treatment(world, using, rule, cities):
    world.scope = using(year_rule=rule)
    failing = world.gate("treatment_equals_policy")["treatment_equals_policy"].failing
    assert cities <= {c for c, y in failing if y == 2019}


def test_without_sub_city_pilots_shanghai_is_not_treated(world, using):
    world.scope = using(subcity_rule="never")
    failing = world.gate("treatment_equals_policy")["treatment_equals_policy"].failing
    assert ("310000", 2019) in failing and (JINAN, 2019) not in failing


def test_cities_with_only_a_pilot_in_a_part_are_not_judged_where_they_are_excluded(world, using):
    world.scope = using(subcity_rule="exclude")
    failing = world.gate("treatment_equals_policy")["treatment_equals_policy"].failing
    assert "310000" not in {c for c, _ in failing}


def test_a_cohort_without_treated_rows_in_the_sample_is_named(world):
    world.panel.loc[world.panel["year"].eq(2021), "in_sample"] = False
    result = world.gate("treatment_support")["treatment_support"]
    assert result.refuses and {y for _, y in result.failing} == {2021}
    assert (HANGZHOU, 2021) in result.failing and "cohort 2021: 0 treated rows" in result.observed


def test_more_treated_rows_than_the_rule_allows_are_named(world):
    put(world, JINAN, 2018, "did_ai_pilot", 1)
    result = world.gate("treatment_support")["treatment_support"]
    assert result.refuses and (JINAN, 2019) in result.failing and "at most 12" in result.observed


def test_a_share_above_one_is_named(world):
    put(world, JINAN, 2015, "edu", 1.2)
    assert world.gate("shares_in_unit_interval")["shares_in_unit_interval"].failing == [(JINAN, 2015)]


def test_a_share_the_study_does_not_use_only_warns(world):
    world.panel["er"] = 0.01
    put(world, JINAN, 2015, "er", 1.2)
    found = world.gate("shares_in_unit_interval", "shares_in_unit_interval_unused")
    assert found["shares_in_unit_interval"].passed
    assert found["shares_in_unit_interval_unused"].failing == [(JINAN, 2015)]
    assert not found["shares_in_unit_interval_unused"].refuses


@pytest.mark.parametrize(
    ("column", "value", "word"),
    [
        ("lnpgdp", 52.21, "too large"),
        ("lnpgdp", 0.023, "no logarithm of a count"),
        ("edu", 0.0, "never zero"),
        ("lnco2", 2.0, "not the logarithm of its column"),
        ("lnpgdp", np.inf, "not finite"),
    ],
)
def test_an_implausible_transform_is_named(world, column, value, word):
    put(world, JINAN, 2015, column, value)
    result = world.gate("transform_plausible")["transform_plausible"]
    assert result.refuses and result.failing == [(JINAN, 2015)] and word in result.observed


def test_a_log_of_small_emissions_near_zero_is_fine(world):
    put(world, JINAN, 2015, "co2_mt", 1.03)
    put(world, JINAN, 2015, "lnco2", np.log(1.03))
    assert world.gate("transform_plausible")["transform_plausible"].passed
