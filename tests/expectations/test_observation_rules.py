"""Rules on observations: each reproduces, with invented numbers, a fault that real files have."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citycarbon.gate.levels import lasting_shift, neighbour_log
from citycarbon.gate.series import matrix

JINAN, ORDOS, HAINAN_PREFECTURE, JILIN_CITY, SANSHA = "370100", "150600", "632500", "220200", "460300"


def drop(world, mask: pd.Series) -> None:
    assert mask.any()
    world.observations = world.observations[~mask].reset_index(drop=True)


def test_a_decimal_slip_of_one_or_two_years_is_named(world):
    slips = [(by, years) for by in (10.0, 0.1) for years in ([2015], [2015, 2016], [2020, 2021], [2021], [2012])]
    places = world.observations.loc[world.observations["indicator_id"].eq("loans_yuan"), "place_id"]
    by_city = dict(zip(sorted(places.unique()), slips, strict=False))  # each in a city of its own
    for city, (by, years) in by_city.items():
        world.scale(by, "loans_yuan", city=city, years=years)
    result = world.gate("magnitude_neighbours")["magnitude_neighbours"]
    assert result.refuses and "loans_yuan" in result.observed
    assert {c for c, _ in result.failing} == set(by_city) and len(by_city) == 10
    assert set(result.failing) <= {(city, y) for city, (_, years) in by_city.items() for y in years}


def test_a_lasting_shift_is_named_at_its_first_year(world):
    world.scale(10.0, "loans_yuan", city=JINAN, years=range(2016, 2022))
    assert world.gate("magnitude_neighbours")["magnitude_neighbours"].failing == [(JINAN, 2016)]


def test_a_slip_in_a_table_or_indicator_not_used_only_warns(world):
    world.scale(10.0, "gdp_yuan", "compiled_city", city=JINAN, years=2015)
    world.scale(100.0, "fdi_usd", city=ORDOS, years=2016)
    found = world.gate("magnitude_neighbours", "magnitude_neighbours_unused")
    assert found["magnitude_neighbours"].passed
    unused = found["magnitude_neighbours_unused"]
    assert unused.failing == [(ORDOS, 2016), (JINAN, 2015)] and not unused.refuses


def test_a_change_of_scope_is_listed(world):
    world.scale(3.3, "loans_yuan", city=JINAN, years=range(2016, 2022))
    found = world.gate("level_jump_listed", "magnitude_neighbours")
    assert found["level_jump_listed"].failing == [(JINAN, 2016)] and not found["level_jump_listed"].refuses
    assert found["magnitude_neighbours"].passed


def test_a_tiny_unit_is_listed(world):
    world.scale(1e-3, "area_km2", city=SANSHA)
    listed = world.gate("far_from_median_listed_unused")["far_from_median_listed_unused"]
    assert {c for c, _ in listed.failing} == {SANSHA} and len(listed.failing) == 10


def test_a_city_with_its_provinces_total_is_named(world):
    o = world.observations
    province = set(world.inputs().units.query("province_id == '150000'")["city_id"])
    whole = (
        o["indicator_id"].eq("gdp_yuan") & o["source"].eq("city_yearbook") & o["year"].eq(2020) & o["place_id"].isin(province)
    )
    world.observations.loc[world.at(ORDOS, 2020, "gdp_yuan"), "value"] = o.loc[whole, "value"].sum()
    result = world.gate("city_at_most_province")["city_at_most_province"]
    assert result.refuses and result.failing == [(ORDOS, 2020)]


def test_a_city_above_the_printed_total_of_its_province_is_named(world):
    printed = world.observations[world.at(ORDOS, 2020, "gdp_yuan")].assign(level="province", place_id="150000", value=1e9)
    world.observations = pd.concat([world.observations, printed], ignore_index=True)
    failing = world.gate("city_at_most_province")["city_at_most_province"].failing
    assert (ORDOS, 2020) in failing and {y for _, y in failing} == {2020}


def test_a_capital_that_dominates_its_province_is_fine(world):
    world.scale(40.0, "gdp_yuan", city="640100")  # Yinchuan in Ningxia, every year
    assert world.gate("city_at_most_province")["city_at_most_province"].passed


def test_a_prefecture_with_the_numbers_of_the_province_of_its_name_is_named_in_every_year(world):
    o = world.observations
    base = o["indicator_id"].eq("gdp_yuan") & o["source"].eq("city_yearbook")
    hainan = set(world.inputs().units.query("province_id == '460000'")["city_id"])
    sums = o[base & o["place_id"].isin(hainan)].groupby("year")["value"].sum()
    hit = base & o["place_id"].eq(HAINAN_PREFECTURE)
    world.observations.loc[hit, "value"] = o.loc[hit, "year"].map(sums)
    result = world.gate("same_name_province")["same_name_province"]
    assert result.refuses and result.failing == [(HAINAN_PREFECTURE, y) for y in range(2012, 2022)]


def test_jilin_city_with_the_total_of_jilin_province_is_named(world):
    printed = world.observations[world.at(JILIN_CITY, 2018, "gdp_yuan")].assign(level="province", place_id="220000")
    world.observations = pd.concat([world.observations, printed], ignore_index=True)
    assert world.gate("same_name_province")["same_name_province"].failing == [(JILIN_CITY, 2018)]


def test_an_area_jump_without_an_event_is_named_and_one_with_an_event_is_not(world):
    world.scale(1.5, "area_km2", city=JINAN, years=range(2014, 2022))  # no event of Jinan near 2014
    world.scale(2.1, "area_km2", city="340400", years=range(2016, 2022))  # Huainan took Shou county in 2015/16
    result = world.gate("area_jump_without_event")["area_jump_without_event"]
    assert result.refuses and result.failing == [(JINAN, 2014)]


def test_a_change_of_area_into_the_first_year_of_the_window_touches_no_row_of_the_study(world, using):
    world.scope = using(first_year=2014)
    world.scale(1.5, "area_km2", city=JINAN, years=range(2014, 2022))
    found = world.gate("area_jump_without_event", "area_jump_without_event_unused")
    assert found["area_jump_without_event"].passed
    assert found["area_jump_without_event_unused"].failing == [(JINAN, 2014)]


def test_the_area_of_a_source_that_feeds_nothing_only_warns(world, using):
    world.scope = using(variables=frozenset({"lnco2"}))
    world.scale(1.5, "area_km2", city=JINAN, years=range(2014, 2022))
    found = world.gate("area_jump_without_event", "area_jump_without_event_unused")
    assert found["area_jump_without_event"].passed
    assert found["area_jump_without_event_unused"].failing == [(JINAN, 2014)]


@pytest.mark.parametrize("by", [1e4, 1e-4])
def test_an_edition_in_another_unit_is_named(world, by):
    world.scale(by, "loans_yuan", years=2018)
    result = world.gate("units_consistent")["units_consistent"]
    assert result.refuses and (None, 2018) in result.failing and "loans_yuan" in result.observed


def test_a_source_in_another_unit_is_seen_against_the_other_source(world):
    world.scale(1000.0, "co2_mt", "edgar_city")
    result = world.gate("units_consistent")["units_consistent"]
    assert result.refuses and "chen_county/2022 against edgar_city" in result.observed


def test_an_impossible_value_is_named(world):
    impossible = {(ORDOS, 2016): -5.0, (JILIN_CITY, 2014): 1e16, (JINAN, 2015): np.inf}
    for (city, year), value in impossible.items():
        world.observations.loc[world.at(city, year, "gdp_yuan"), "value"] = value
    result = world.gate("values_in_range")["values_in_range"]
    assert result.refuses and result.failing == sorted(impossible)


def newer_edition(world, share: float) -> pd.DataFrame:
    """A 2023 edition of the county source that keeps a share of the cities."""
    old = world.observations[world.observations["source"].eq("chen_county")]
    cities = sorted(old["place_id"].unique())
    keep = cities[: int(len(cities) * share)]
    world.observations.loc[old.index, "is_current"] = ~old["place_id"].isin(keep)
    new = old[old["place_id"].isin(keep)].assign(edition="2023", edition_year=2023)
    world.observations = pd.concat([world.observations, new], ignore_index=True)
    return old[~old["place_id"].isin(keep)]


def test_a_new_edition_that_lost_cities_is_named(world):
    lost = newer_edition(world, 0.9)
    result = world.gate("coverage_previous_edition")["coverage_previous_edition"]
    assert result.refuses and set(result.failing) == set(zip(lost["place_id"], lost["year"], strict=True))


def test_a_new_edition_that_lost_a_few_cities_passes(world):
    newer_edition(world, 0.97)
    assert world.gate("coverage_previous_edition")["coverage_previous_edition"].passed


def test_yearbooks_of_different_years_replace_nothing(world):
    result = world.gate("coverage_previous_edition")["coverage_previous_edition"]
    assert result.passed and result.observed == "nothing to judge"


def test_a_place_twice_in_one_edition_is_named(world):
    extra = world.observations[world.at(JINAN, 2015, "gdp_yuan")]
    world.observations = pd.concat([world.observations, extra.assign(value=extra["value"] * 1.1)], ignore_index=True)
    result = world.gate("duplicate_observations")["duplicate_observations"]
    assert result.refuses and result.failing == [(JINAN, 2015)]


def test_tables_that_differ_by_more_than_ten_percent_are_listed(world):
    world.scale(1.2, "gdp_yuan", "compiled_city", city=JINAN, years=2015)
    world.scale(1.05, "gdp_yuan", "compiled_city", city=JINAN, years=2016)
    result = world.gate("sources_agree")["sources_agree"]
    assert result.failing == [(JINAN, 2015)] and not result.refuses


def test_an_unknown_place_is_listed_by_its_printed_name(world):
    row = {"source": "compiled_city", "place_label": "更多数据", "indicator_label": "gdp", "reason_code": "unknown_place"}
    world.quarantine = pd.DataFrame([row])
    result = world.gate("labels_known")["labels_known"]
    assert result.failing == [("更多数据", None)] and not result.refuses and "更多数据" in result.observed


CORRECTION = {
    "correction_id": "loans-jinan-2015",
    "source": "city_yearbook",
    "edition": "table",
    "place": JINAN,
    "data_year": "2015",
    "indicator_id": "loans_yuan",
    "status": "active",
    "guard_place": None,
    "guard_years": "2014|2016",
    "guard_low": "7",
    "guard_high": "14",
}


@pytest.mark.parametrize(("by", "passes"), [(10.0, True), (1.0, False)], ids=["fault is there", "source mended"])
def test_a_guard_fails_once_the_source_is_mended(world, by, passes):
    world.observations["edition"] = world.observations["edition"].where(
        world.observations["source"].ne("city_yearbook"), "table"
    )
    o = world.observations[world.observations["source"].eq("city_yearbook")]
    raw = pd.DataFrame({"raw_id": o["raw_ids"].str[0], "edition": "table", "value": o["value"] / 1e4})
    raw.loc[raw["raw_id"].eq(f"city_yearbook|loans_yuan|{JINAN}|2015"), "value"] *= by
    world.raw["city_yearbook"] = raw
    world.seeds["corrections"] = pd.DataFrame([CORRECTION])
    world.observations.loc[world.at(JINAN, 2015, "loans_yuan"), "value"] = np.nan  # what the staging made of it is not judged
    result = world.gate("correction_guards")["correction_guards"]
    assert result.passed is passes and result.failing == ([] if passes else [(JINAN, 2015)])
    assert result.refuses is not passes


def test_a_guard_of_a_source_that_is_not_here_is_not_judged(world):
    result = world.gate("correction_guards")["correction_guards"]
    assert result.passed and "not here: compiled_city/finance-2023" in result.observed


# --- properties -------------------------------------------------------------------------------------------------------------


@given(st.lists(st.one_of(st.none(), st.floats(1e-3, 1e12)), min_size=3, max_size=12), st.sampled_from([1e-4, 1e4, 2.5]))
def test_comparisons_with_neighbours_do_not_depend_on_the_unit(values, unit):
    table = pd.DataFrame({"s": "s", "year": range(2003, 2003 + len(values)), "value": values}).astype({"value": float})
    one, other = (matrix(t, "s") for t in (table, table.assign(value=table["value"] * unit)))
    for measure in (lambda g: g.log - neighbour_log(g), lasting_shift):
        np.testing.assert_allclose(measure(one), measure(other), atol=1e-9)


@given(st.floats(-0.3, 0.3), st.integers(4, 15), st.floats(0.01, 1e9))
def test_steady_growth_is_never_a_slip(growth, years, start):
    table = pd.DataFrame({"s": "s", "year": range(years), "value": [start * (1 + growth) ** y for y in range(years)]})
    grid = matrix(table, "s")
    assert np.nanmax(np.abs(grid.log - neighbour_log(grid))) < np.log(5)
    assert np.nanmax(np.abs(lasting_shift(grid))) < np.log(2)
