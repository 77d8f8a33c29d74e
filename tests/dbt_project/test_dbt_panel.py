"""Staging, boundaries, chains, corrections and the sample, on the tiny raw tables."""

import math

import pandas as pd
import pytest

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("dbt")]

JINAN, HEFEI, CHENGDU, WUXI, SHANGHAI = "370100", "340100", "510100", "320200", "310000"


def staged(tiny, source):
    return tiny.query(f"select * from stg_{source}")


def rejects(tiny, source):
    table = staged(tiny, source)
    return table[table["reject_code"].notna()].set_index("place_label")["reject_code"]


def test_every_raw_row_is_staged_once_and_quarantined_rows_say_why(tiny):
    raw = len(pd.read_parquet(tiny.root / "raw" / "compiled_city.parquet"))
    table = staged(tiny, "compiled_city")
    assert len(table) == raw == table["raw_id"].nunique()
    found = dict(zip(zip(table["place_label"], table["raw_unit"], strict=True), table["reject_code"], strict=True))
    assert found[("吉林", "亿元")] == "ambiguous_place"
    assert found[("巢湖市", "亿元")] == "unit_not_in_year"
    assert found[("昆山", "亿元")] == "not_prefecture_level"
    assert found[("运城市", "平方公里")] == "unit_mismatch"
    assert found[("运城市", "斛")] == "unknown_unit"
    assert "place_conflict" in set(table["reject_code"])  # 运城市 under the code of 晋中
    quarantine = tiny.mart("stage_quarantine")
    assert set(quarantine.loc[quarantine["indicator_label"] == "神秘指标", "reason_code"]) == {"unknown_label"}
    assert quarantine["reason"].notna().all()
    assert "斛" in quarantine.loc[quarantine["reason_code"] == "unknown_unit", "reason"].item()


def test_a_place_that_is_no_more_leads_to_those_that_hold_its_territory(tiny):
    reasons = tiny.mart("stage_quarantine").set_index("place_label")["reason"]
    assert reasons["某地区"].startswith("The place is in no seed of codes and spellings. Code 452100 was 南宁地区 until 2002")
    assert reasons["某地区"].endswith("its territory is in 450100 南宁市, 451400 崇左市.")
    assert "Code 341400 was 巢湖市 until 2011" in reasons["巢湖市"] and "340500 马鞍山市" in reasons["巢湖市"]
    assert reasons["某市"] == "The place is in no seed of codes and spellings."


def test_spellings_and_codes_lead_to_the_unit(tiny):
    ceads = staged(tiny, "ceads_city").drop_duplicates("place_label").set_index("place_label")
    assert ceads.loc["吉林吉林", "place_id"] == "220200"
    assert ceads.loc["安徽巢湖", "place_id"] == "341400" and pd.isna(ceads.loc["安徽巢湖", "city_id"])
    assert ceads.loc["山东莱芜", ["place_id", "city_id"]].tolist() == ["371200", JINAN]
    assert rejects(tiny, "ceads_city").to_dict() == {"湖北仙桃": "not_prefecture_level"}


def test_footnoted_county_codes_are_kept_apart_and_municipal_districts_reach_the_municipality(tiny):
    assert tiny.cell(WUXI, 2010, "co2_mt_chen_county")["value"] == 48.0
    assert tiny.cell(SHANGHAI, 2010, "co2_mt_chen_county")["value"] == 3.0
    counties = staged(tiny, "chen_county")
    assert counties[counties["place_id"] == "659001"]["city_id"].isna().all()


def test_counties_follow_the_borders_of_2021_in_all_years(tiny):
    assert tiny.cell(HEFEI, 2005, "co2_mt_chen_county")["value"] == 3.0  # 庐江 belonged to 巢湖 then
    assert tiny.cell(JINAN, 2005, "co2_mt_chen_county")["value"] == 12.0
    missing = tiny.cell(JINAN, 2012, "co2_mt_chen_county")
    assert pd.isna(missing["value"]) and "part_missing" in missing["flag"]
    assert len(tiny.cell(JINAN, 2005, "co2_mt_chen_county")["inputs"][0]["raw_ids"]) == 2


def test_a_merger_is_summed_and_a_missing_part_makes_it_missing(tiny):
    summed = tiny.cell(JINAN, 2010, "co2_mt_ceads_city")
    assert summed["value"] == 121.0 and summed["flag"] == "merged_sum" and len(summed["inputs"][0]["raw_ids"]) == 2
    late = tiny.cell(JINAN, 2018, "co2_mt_ceads_city")
    assert pd.isna(late["value"]) and "part_missing" in late["flag"]
    assert tiny.cell(JINAN, 2019, "co2_mt_ceads_city")["value"] == 110.0


def test_a_city_whose_borders_moved_is_missing_before_the_event_unless_the_source_is_fixed(tiny):
    before = tiny.cell(HEFEI, 2010, "co2_mt_ceads_city")
    assert pd.isna(before["value"]) and "boundary_break" in before["flag"]
    assert tiny.cell(HEFEI, 2011, "co2_mt_ceads_city")["value"] == 30.0
    assert tiny.cell(HEFEI, 2005, "co2_mt_edgar")["value"] == pytest.approx(2.5)
    assert tiny.cell(JINAN, 2005, "co2_mt_edgar")["value"] == pytest.approx(2.5)


def test_ratios_are_made_of_summed_numerators_and_denominators(tiny):
    cell = tiny.cell(JINAN, 2010, "edu")
    assert cell["value"] == pytest.approx(0.2) and cell["flag"] == "merged_sum"
    assert [len(i["raw_ids"]) for i in cell["inputs"]] == [2, 2]
    assert cell["inputs"][0]["value"] == pytest.approx(4e9)


def test_own_values_are_kept_and_flagged(tiny):
    cell = tiny.cell(JINAN, 2010, "er")
    assert cell["value"] == pytest.approx(0.003) and cell["flag"] == "own_value"
    assert tiny.cell(JINAN, 2010, "er_chars")["value"] == pytest.approx(0.003)


def test_the_later_edition_wins_and_the_earlier_one_is_kept(tiny):
    seen = tiny.mart("observations")
    gdp = seen[(seen["place_id"] == SHANGHAI) & (seen["year"] == 2005) & (seen["indicator_id"] == "gdp_yuan")].set_index(
        "edition"
    )
    assert gdp.loc["2006r", "is_current"] and gdp.loc["2006r", "is_used"] and not gdp.loc["2006", "is_current"]
    ceads = seen[seen["source"] == "ceads_city"]
    assert set(ceads.loc[ceads["is_current"], "edition"]) == {"2022"}  # a series is never mixed of two editions
    assert pd.isna(tiny.cell(SHANGHAI, 2004, "co2_mt_ceads_city")["value"])


def test_district_values_and_interpolated_values_never_feed_the_panel(tiny):
    seen = tiny.mart("observations")
    assert not seen.loc[seen["scope"] == "市辖区", "is_used"].any()
    assert seen["is_interpolated"].any() and not seen.loc[seen["is_interpolated"], "is_used"].any()


def test_a_renamed_indicator_with_another_unit_stays_one_series(tiny):
    assert tiny.cell(WUXI, 2010, "internet")["value"] == pytest.approx(math.log(400_000))
    assert tiny.cell(WUXI, 2011, "internet")["value"] == pytest.approx(math.log(400_000))
    assert tiny.cell(WUXI, 2011, "internet_per100")["value"] == pytest.approx(8.0)


def test_investment_is_chained_after_the_last_published_level(tiny):
    cell = tiny.cell(WUXI, 2018, "gov")
    assert cell["value"] == pytest.approx(3.0 * 1.1) and cell["flag"] == "chained"
    assert [i["variable"] for i in cell["inputs"]] == ["fai_yuan[2017]", "fai_growth_pct[2018]", "budget_expenditure_yuan"]
    broken = tiny.cell(WUXI, 2020, "gov")
    assert pd.isna(broken["value"]) and "chain broken" in broken["flag"]
    assert pd.isna(tiny.cell(WUXI, 2017, "gov")["flag"])


def test_real_gdp_is_chained_from_the_base_year(tiny):
    expected = math.log(1e11 * 1.05**7 / 5e6)
    assert tiny.cell(WUXI, 2010, "lnpgdp")["value"] == pytest.approx(expected)
    assert tiny.cell(JINAN, 2010, "lnpgdp")["value"] == pytest.approx(expected)  # both parts, per head of both
    assert len(tiny.cell(WUXI, 2010, "lnpgdp")["inputs"]) == 9  # base year, seven indices, population


def test_real_gdp_of_a_city_with_new_borders_starts_at_its_first_comparable_year(tiny):
    assert "boundary_break" in tiny.cell(CHENGDU, 2015, "lnpgdp")["flag"]
    cell = tiny.cell(CHENGDU, 2018, "lnpgdp")
    deflator = 1.1**12 / 1.05**12  # own prices up to 2015
    expected = 1.2e11 * 1.1**13 / deflator * 1.05**2 / 6e6
    assert cell["value"] == pytest.approx(math.log(expected)) and "rebased" in cell["flag"]
    assert all(len(i["raw_ids"]) == 1 for i in cell["inputs"])


def test_a_correction_is_applied_while_its_guard_holds(tiny):
    table = tiny.mart("corrections_applied").set_index("correction_id")
    mended = table.loc["loans-yuncheng-2014"]
    assert (
        mended["guard_holds"] and mended["value_after"] == pytest.approx(52e8) and mended["guard_ratio"] == pytest.approx(10.0)
    )
    assert tiny.cell("140800", 2014, "loans_yuan")["value"] == pytest.approx(52e8)
    assert tiny.cell("140800", 2014, "loans_yuan")["flag"] == "corrected"
    stale = table.loc["deposits-siping-2019"]
    assert not stale["guard_holds"] and stale["value_after"] == stale["value_before"]


def test_a_province_value_stands_for_its_cities(tiny):
    cell = tiny.cell("370200", 2010, "market_index")
    assert cell["value"] == 7.5 and cell["flag"] == "province_value"


def test_what_no_source_gives_is_said_to_be_not_supplied(tiny):
    cell = tiny.cell(WUXI, 2010, "patents_granted")
    assert pd.isna(cell["value"]) and cell["flag"] == "not supplied: patents_granted"
    assert tiny.cell(WUXI, 2010, "lngreen")["value"] == pytest.approx(math.log(8))


def test_the_panel_is_the_pivot_of_the_cells(tiny):
    panel, cells = tiny.mart("city_panel"), tiny.mart("city_panel_cells")
    assert len(panel) == 337 * 19 and not panel.duplicated(["city_id", "year"]).any()
    for variable, rows in cells.groupby("variable"):
        wide = panel.set_index(["city_id", "year"])[variable].astype(float)
        long = rows.set_index(["city_id", "year"])["value"].reindex(wide.index)
        pd.testing.assert_series_equal(wide, long, check_names=False)


def test_every_row_out_of_the_sample_has_a_reason(tiny):
    panel, attrition = tiny.mart("city_panel"), tiny.mart("sample_attrition")
    assert (panel["in_sample"] == panel["drop_reason"].isna()).all()
    complete = panel["lnco2"].notna() & panel["gov"].notna() & panel["unit_kind"].ne("other_prefecture")
    assert (panel["in_sample"] == complete).all() and complete.any()
    merged = panel.merge(attrition, on=["city_id", "year"], suffixes=("", "_a"))
    assert len(merged) == len(panel) and (merged["in_sample"] == merged["in_sample_a"]).all()
    reason = panel.set_index(["city_id", "year"])["drop_reason"]
    assert reason[("632500", 2010)] == "not_prefecture_city"
    assert reason[(JINAN, 2018)] == "outcome missing: co2_mt (part_missing)"


def test_treatment_follows_the_policy_table(tiny):
    panel = tiny.mart("city_panel").set_index(["city_id", "year"])
    assert panel.loc[(SHANGHAI, 2018), "did_ai_pilot"] == 0 and panel.loc[(SHANGHAI, 2019), "did_ai_pilot"] == 1
    assert panel.loc[(JINAN, 2021), "first_year_ai_pilot"] == 2019
    first = panel.groupby(level=0)["first_year_low_carbon"].first().value_counts()
    assert first.loc[2010] == 81


def test_a_cell_of_the_policy_names_the_document(tiny):
    cell = tiny.cell(SHANGHAI, 2020, "did_ai_pilot")
    assert cell["value"] == 1 and cell["formula"].startswith("1 from 2019 on (policy_adoptions, sourced")
