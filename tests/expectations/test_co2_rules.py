"""Rules on emissions: jumps, powers of ten, many jumps at once, splice, county sums; and what the measures do not see."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citycarbon.gate import jumps

JINAN, HANGZHOU = "370100", "330100"
LAST = 2021  # of the small world
CO2_RULES = ("co2_jump_listed", "co2_jump_blocking", "co2_power_of_ten")


def co2(world, by: float, city: str = JINAN, years=2015, source: str = "chen_county") -> None:
    """A fault in one emission series; the panel's own column follows the study's series."""
    world.scale(by, "co2_mt", source, city=city, years=years)
    if source == world.scope.emission_series:
        hit = world.panel["city_id"].eq(city) & world.panel["year"].isin(years if isinstance(years, range) else [years])
        world.panel.loc[hit, "co2_mt"] *= by


def test_a_jump_over_100_percent_is_listed_and_refuses_nothing(world):
    co2(world, 2.5)
    found = world.gate(*CO2_RULES)
    assert found["co2_jump_listed"].failing == [(JINAN, 2015)] and not found["co2_jump_listed"].refuses
    assert found["co2_jump_blocking"].passed and found["co2_power_of_ten"].passed


def test_a_factor_of_eight_refuses_in_both_directions(world):
    co2(world, 8.5)
    co2(world, 1 / 8.5, city=HANGZHOU, years=2017)
    result = world.gate("co2_jump_blocking")["co2_jump_blocking"]
    assert result.refuses and result.failing == [(HANGZHOU, 2017), (JINAN, 2015)]


def test_a_power_of_ten_is_named_at_its_year(world):
    slips = [(by, years) for by in (10.0, 1000.0, 0.1, 0.001) for years in (2015, range(2015, LAST + 1))]
    cities = sorted(world.panel["city_id"].unique())[: len(slips)]  # each in a city of its own
    for city, (by, years) in zip(cities, slips, strict=True):
        co2(world, by, city=city, years=years)
    result = world.gate("co2_power_of_ten")["co2_power_of_ten"]
    assert result.refuses and result.failing == [(city, 2015) for city in cities]


def test_a_power_of_ten_across_a_gap_is_named(world):
    world.panel = world.panel.astype({"co2_mt": float})
    for year in (2014, 2015):
        world.panel.loc[world.panel["city_id"].eq(JINAN) & world.panel["year"].eq(year), "co2_mt"] = np.nan
    world.observations = world.observations[
        ~world.at(JINAN, 2014, "co2_mt", "chen_county") & ~world.at(JINAN, 2015, "co2_mt", "chen_county")
    ]
    co2(world, 10.0, years=range(2016, LAST + 1))
    assert world.gate("co2_power_of_ten")["co2_power_of_ten"].failing == [(JINAN, 2016)]


def test_a_series_that_the_study_does_not_use_only_warns(world):
    co2(world, 10.0, source="edgar_city")
    found = world.gate("co2_power_of_ten", "co2_power_of_ten_unused", "co2_jump_blocking_unused")
    assert found["co2_power_of_ten"].passed
    for rule in ("co2_power_of_ten_unused", "co2_jump_blocking_unused"):
        assert found[rule].failing == [(JINAN, 2015)] and not found[rule].refuses


def test_many_jumps_in_one_year_refuse_and_few_do_not(world):
    cities = sorted(world.panel["city_id"].unique())
    for city in cities[:4]:
        co2(world, 0.4, city=city, years=range(2016, LAST + 1))
    assert world.gate("co2_jump_share")["co2_jump_share"].passed
    for city in cities[4:12]:
        co2(world, 2.2, city=city, years=range(2016, LAST + 1))
    result = world.gate("co2_jump_share")["co2_jump_share"]
    assert result.refuses and result.failing == [(c, 2016) for c in cities[:12]]


def splice(world, using):
    world.scope = using(emission_series="spliced", splice=("chen_county", "edgar_city", 2018))


def test_series_of_one_level_may_be_spliced(world, using):
    splice(world, using)
    assert world.gate("splice_break")["splice_break"].passed


def test_a_splice_of_two_levels_refuses_and_names_the_cities(world, using):
    splice(world, using)
    cities = sorted(world.panel["city_id"].unique())[:50]
    for city in cities:
        world.scale(4.0, "co2_mt", "edgar_city", city=city)
    result = world.gate("splice_break")["splice_break"]
    assert result.refuses and result.failing == [(c, 2018) for c in cities]


def test_a_few_cities_of_another_level_do_not_break_a_splice(world, using):
    splice(world, using)
    world.scale(4.0, "co2_mt", "edgar_city", city=JINAN)
    assert world.gate("splice_break")["splice_break"].passed


def test_a_county_left_out_of_its_city_is_named(world):
    world.scale(0.5, "co2_mt", "chen_county", city=JINAN, years=2015)
    result = world.gate("county_sums_equal_city")["county_sums_equal_city"]
    assert result.refuses and result.failing == [(JINAN, 2015)]


def test_a_county_in_two_cities_is_named_in_both(world):
    at = {c: world.observations.index[world.at(c, 2015, "co2_mt", "chen_county")][0] for c in (JINAN, HANGZHOU)}
    shared = world.observations.at[at[JINAN], "raw_ids"][0]
    world.observations.at[at[HANGZHOU], "raw_ids"] = [shared, world.observations.at[at[HANGZHOU], "raw_ids"][1]]
    result = world.gate("county_sums_equal_city")["county_sums_equal_city"]
    assert set(result.failing) == {(JINAN, 2015), (HANGZHOU, 2015)} and "also feed another city" in result.observed


def test_a_county_row_that_does_not_exist_is_named(world):
    at = world.observations.index[world.at(JINAN, 2015, "co2_mt", "chen_county")][0]
    world.observations.at[at, "raw_ids"] = ["nowhere", world.observations.at[at, "raw_ids"][1]]
    result = world.gate("county_sums_equal_city")["county_sums_equal_city"]
    assert result.failing == [(JINAN, 2015)] and "do not exist" in result.observed


def test_a_county_that_stands_twice_is_named(world):
    at = world.observations.index[world.at(JINAN, 2015, "co2_mt", "chen_county")][0]
    ids = world.observations.at[at, "raw_ids"]
    codes = world.counties["raw_id"].where(~world.counties["raw_id"].isin(ids), "370102")
    world.counties = world.counties.assign(place_code=codes)
    result = world.gate("county_sums_equal_city")["county_sums_equal_city"]
    assert result.refuses and result.failing == [(JINAN, 2015)] and "repeat a county" in result.observed


# --- properties of the measures ---------------------------------------------------------------------------------------------

series = st.lists(st.one_of(st.none(), st.floats(0.01, 1e6)), min_size=2, max_size=12)


def long(values: list[float | None]) -> pd.DataFrame:
    table = pd.DataFrame({"key": 0, "city_id": "c", "year": range(2003, 2003 + len(values)), "value": values})
    return table[table["value"].notna()].astype({"value": float}).reset_index(drop=True)


@given(series, st.sampled_from([1e-6, 0.01, 1e4, 3.7]))
def test_factors_do_not_depend_on_the_unit_of_a_series(values, unit):
    table = long(values)
    one, other = jumps.steps(table), jumps.steps(table.assign(value=table["value"] * unit))
    for column in ("ratio", "gap", "spike"):
        np.testing.assert_allclose(one[column], other[column], rtol=1e-9)


@given(series, st.randoms(use_true_random=False))
def test_factors_do_not_depend_on_the_order_of_rows(values, random):
    table = long(values)
    shuffled = table.sample(frac=1, random_state=random.randint(0, 10**6)) if len(table) else table
    back = jumps.steps(shuffled).sort_values("year")
    np.testing.assert_array_equal(jumps.steps(table)["ratio"], back["ratio"])


@given(st.floats(1.0001, 1e8))
def test_distance_from_a_power_of_ten_is_the_same_up_and_down(ratio):
    up, down = jumps.off_power_of_ten(np.array([ratio, 1 / ratio]))
    assert up == pytest.approx(down, rel=1e-9, abs=1e-12)


@given(st.integers(1, 6), st.floats(0.91, 1.09))
def test_factors_near_a_power_of_ten_are_within_the_band_and_ordinary_ones_are_not(power, near):
    off = jumps.off_power_of_ten(np.array([10.0**power * near, 2.0, 4.6, 0.5, 30.0]))
    assert off[0] <= 0.1 and (off[1:] > 0.1).all()
