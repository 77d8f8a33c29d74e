"""``make real`` as a whole: the real files through readers, gate and the studies that they can carry."""

from __future__ import annotations

import re

import pytest

from citycarbon.paths import Home
from orchestration.real import STUDIES, as_text, run_real
from orchestration.real_docs import DOCUMENT, as_markdown, tables_in

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("real-run")]  # one worker: the run is made once

# study, table:column -> did, standard error, N, cities, treated cities, treated city-years; to 1e-4
HEADLINES = {
    ("ai_pilot_edgar", "table2_variants:1_all"): (-0.13398, 0.02746, 5_605, 295, 9, 17),
    ("ai_pilot_edgar", "table2_variants:1p_all"): (0.18762, 0.15758, 5_605, 295, 9, 17),
    ("ai_pilot_edgar", "table2:1"): (-0.12192, 0.03182, 4_928, 294, 9, 17),
    ("ai_pilot_edgar", "table2:2"): (-0.11361, 0.04524, 4_928, 294, 9, 17),
    ("ai_pilot_edgar", "table2:1p"): (0.19111, 0.16274, 4_928, 294, 9, 17),
    ("ai_pilot_edgar", "table2:2p"): (-0.36064, 0.21063, 4_928, 294, 9, 17),
    ("ai_pilot_edgar", "table4:2"): (-0.08818, 0.04431, 4_928, 294, 4, 8),
    ("ai_pilot_edgar", "table4:3"): (-0.08701, 0.03236, 4_928, 294, 9, 17),
    ("ai_pilot_edgar", "table4:4"): (-0.16030, 0.05331, 4_852, 290, 6, 12),
    ("low_carbon_edgar", "table2:1"): (0.06059, 0.03040, 4_872, 291, 124, 1_234),
    ("low_carbon_edgar", "table2:2"): (0.05175, 0.02889, 4_872, 291, 124, 1_234),
    ("low_carbon_edgar", "table2:1p"): (0.18372, 0.07269, 4_872, 291, 124, 1_234),
    ("low_carbon_edgar", "table2:2p"): (-0.02112, 0.05638, 4_872, 291, 124, 1_234),
    ("low_carbon_edgar", "table2_variants:1_all"): (0.03502, 0.02879, 5_548, 292, 124, 1_244),
    ("low_carbon_edgar", "table2_variants:2_no_provinces"): (-0.00713, 0.02883, 3_743, 224, 57, 434),
    ("low_carbon_edgar", "table2_lists:2_gbk_csv"): (0.04968, 0.02796, 4_872, 291, 128, 1_227),
    ("low_carbon_edgar", "table2_lists:2_list_xlsx"): (0.05365, 0.02903, 4_872, 291, 123, 1_229),
    ("low_carbon_edgar", "table2_lists:2_list_of_92"): (0.06838, 0.03335, 4_872, 291, 92, 844),
    ("low_carbon_edgar", "table4:3"): (0.03042, 0.02478, 4_872, 291, 124, 1_234),
    ("low_carbon_edgar", "table4:4"): (0.05436, 0.02963, 4_796, 287, 120, 1_190),
}
# list -> rows, cities that agree in the year, differences by kind
LISTS = {
    "gbk_csv": (
        147,
        107,
        {"other_year_rule": 25, "other_year": 1, "missing": 2, "extra": 7, "part_named": 6, "name_error": 1},
    ),
    "list_xlsx": (
        135,
        133,
        {"missing": 1, "missing_of_province": 1, "whole_for_part": 1, "old_name": 1, "part_named": 1},
    ),
    "list_of_92": (92, 66, {"other_year_rule": 19, "later_batch": 7, "missing": 10, "missing_of_province": 33}),
}


@pytest.fixture(scope="module")
def found(realdata, tmp_path_factory):
    return run_real(realdata, Home(tmp_path_factory.mktemp("real-home")))


def did(found, study):
    return {f"{row['table']}:{row['column']}": row for row in found["studies"][study]["did"]}


def test_the_readers_lose_nothing(found):
    counts = {name: (n["values"], n["places"]) for name, n in found["readers"].items()}
    assert counts["chen_county/2020"] == (57_435, 2_735)  # the three footnoted codes apart from those they would collide with
    assert counts["ceads_city/2022"][0] == 3_929
    assert counts["edgar_city/edgar-v8"] == (295 * 24, 295)
    assert counts["policy_list/gbk-csv"][0] == 147


@pytest.mark.parametrize("at", HEADLINES, ids=lambda at: f"{at[0]}-{at[1]}")
def test_a_headline_column_gives_the_known_estimate(found, at):
    row, (estimate, error, *counts) = did(found, at[0])[at[1]], HEADLINES[at]
    assert row["estimate"] == pytest.approx(estimate, abs=1e-4) and row["std_error"] == pytest.approx(error, abs=1e-4)
    keys = ("n_obs", "n_clusters", "n_treated_units", "n_treated_cells")
    assert [row[k] for k in keys] == counts


def test_the_known_estimate_of_the_edgar_table_stays_reproducible(found):
    row = did(found, "ai_pilot_edgar")["table2_variants:1_all"]
    assert row["estimate"] == pytest.approx(-0.13398, abs=5e-6) and row["std_error"] == pytest.approx(0.02746, abs=5e-6)


def test_the_treatment_of_every_column_that_can_be_redrawn_has_its_p_values(found):
    for study in STUDIES:
        rows = did(found, study)
        redrawn = {at: r for at, r in rows.items() if r["estimate"] is not None and not at.endswith("1_dr")}
        assert len(redrawn) > 25 and all(0 < r["p_ri_t"] <= 1 and 0 < r["p_ri_beta"] <= 1 for r in redrawn.values())


def test_what_no_file_supplies_is_said_column_by_column(found):
    mechanisms = {"table3:2": "lngreen (green_inv_app, green_um_app)", "table3:3": "er (env_words, total_words)"}
    expected = {
        "ai_pilot_edgar": mechanisms
        | {f"table3:{c}p": mechanisms[f"table3:{c}"] for c in "23"}
        | {f"table5:{c}": "patents_granted" for c in ("1", "2", "1p", "2p")}
        | {f"table6:{c}": "market_index" for c in ("1", "2", "1p", "2p")},
        "low_carbon_edgar": mechanisms
        | {f"table3:{c}p": mechanisms[f"table3:{c}"] for c in "23"}
        | {f"table5:{c}": "patents_granted" for c in "12"}
        | {f"table6:{c}": "market_index" for c in "12"}
        | {f"table8:{c}": "internet_per100 (internet_users)" for c in "12"},
    }
    assert {study: found["studies"][study]["not_supplied"] for study in STUDIES} == expected


@pytest.mark.parametrize("name", LISTS)
def test_each_published_list_differs_in_the_rows_that_are_known(found, name):
    rows, agree, kinds = LISTS[name]
    one = found["policy_lists"][name]
    assert (one["rows"], one["agree"], one["kinds"]) == (rows, agree, kinds)


def test_the_errors_of_the_lists_are_named(found):
    def named(name, kind):
        return {d["city_name"] or d["place_label"] for d in found["policy_lists"][name]["differences"] if d["kind"] == kind}

    assert named("gbk_csv", "extra") == {"长治市", "徐州市", "铜陵市", "泉州市", "郑州市", "焦作市", "儋州市"}
    assert named("gbk_csv", "missing") == {"拉萨市", "吴忠市"} and named("gbk_csv", "other_year") == {"桂林市"}
    assert named("gbk_csv", "name_error") == {"宜城市"}
    note = next(d["note"] for d in found["policy_lists"]["gbk_csv"]["differences"] if d["kind"] == "name_error")
    assert note == "one character from 宣城市, which the list has too"
    assert named("list_xlsx", "old_name") == {"襄阳市"} and named("list_xlsx", "whole_for_part") == {"昌吉回族自治州"}
    assert named("list_xlsx", "missing") | named("list_xlsx", "missing_of_province") == {"拉萨市", "三沙市"}
    late = {"武汉市", "广州市", "中山市", "三亚市", "昆明市", "玉溪市", "延安市"}
    assert named("list_of_92", "later_batch") == late


def test_the_report_says_which_rows_cause_the_difference(found):
    one = found["policy_lists"]["list_of_92"]
    change = {r["kind"]: r["change"] for r in one["by_kind"]}
    total = next(r["change"] for r in one["estimates"] if r["column"] == one["headline"] == "2" and r["switch"] == "list")
    assert total == pytest.approx(0.06838 - 0.05175, abs=1e-4)
    assert sum(change.values()) + one["rest"][0]["change"] == pytest.approx(total, abs=1e-9)
    assert max(change, key=lambda k: abs(change[k])) == "later_batch" and change["later_batch"] == pytest.approx(
        0.0081, abs=1e-4
    )
    assert one["by_city"][0]["city_name"] == "中山市" and one["by_city"][0]["change"] == pytest.approx(0.0067, abs=1e-4)


def test_every_known_error_is_caught_by_its_check(found):
    assert {e["id"]: e["caught"] for e in found["errors"]} == {e["id"]: True for e in found["errors"]}


def test_errors_are_corrected_only_by_declaration(found):
    gone = {e["id"] for e in found["errors"] if "named_by" in e and not e["named_after_corrections"]}
    assert gone == {
        *("hainan-prefecture", "ordos", "gdp-qitaihe", "deposits-siping", "secondary-danzhou"),
        *("loans-yuncheng", "loans-lvliang", "loans-huaian"),
    }
    area = {e["id"]: e["named_after_corrections"] for e in found["errors"] if e["expected"] == "area_jump_without_event"}
    assert len(area) == 2 and all("area_jump_without_event" not in after for after in area.values())
    applied = set(found["corrections_applied"])
    assert {"gdp-ordos-2022", "loans-yuncheng-2014", "deposits-siping-2019", "area-tongchuan-2006"} <= applied


def test_sixteen_jumps_of_edgar_are_listed_and_stop_nothing(found):
    for checks in found["checks"].values():
        assert all(c["severity"] == "warning" for c in checks["failed"])
        assert {"id": "co2_jump_listed", "severity": "warning", "failing": 16} in checks["failed"]


def test_the_findings_read_as_text(found):
    text = as_text(found)
    assert "did = -0.13398 (0.02746)" in text and "MISSED" not in text and "not supplied: lngreen" in text
    assert "宜城市" not in text.split("Known errors")[0] and "宜城市, a county, stands beside 宣城市" in text
    assert not re.search(r"\b(nan|None)\b", text)


def test_the_document_shows_what_was_found(found):
    assert tables_in(DOCUMENT.read_text(encoding="utf-8")) == as_markdown(found)
