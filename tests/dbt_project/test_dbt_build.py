"""The project as a whole: documented, traced by column, the same bytes whatever the order of rows, and led by its vars."""

import hashlib
import json
import shutil

import pytest
from tiny_raw import write_tiny_raw

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("dbt")]

MARTS = ("city_panel", "city_panel_cells", "sample_attrition", "observations", "corrections_applied", "stage_quarantine")


def digest(warehouse, name):
    return hashlib.sha256((warehouse.marts / f"{name}.parquet").read_bytes()).hexdigest()


def manifest(tiny):
    return json.loads((tiny.target / "manifest.json").read_text(encoding="utf-8"))


def models(tiny):
    return {n["name"]: n for n in manifest(tiny)["nodes"].values() if n["resource_type"] == "model"}


def test_every_model_and_every_column_is_described(tiny):
    for name, node in models(tiny).items():
        assert node["description"], name
        built = set(tiny.query(f"describe {name}")["column_name"])
        described = {c for c, said in node["columns"].items() if said["description"]}
        assert built == described, (name, built ^ described)


def test_every_model_has_a_test(tiny):
    tested = {n["attached_node"] for n in manifest(tiny)["nodes"].values() if n["resource_type"] == "test"}
    assert {n["unique_id"] for n in models(tiny).values()} <= tested


def test_every_staging_column_has_lineage(tiny):
    from assets.built_models import read_built_models

    built = read_built_models(tiny.target, tiny.database)
    staging = [n for n in models(tiny) if n.startswith("stg_")]
    assert len(staging) == 12
    for name in staging:
        without = [c for c in built[name].columns if not built[name].lineage.get(c)]
        assert without == [], (name, without)
        assert any(key.path == ["raw", name.removeprefix("stg_")] for key, _ in built[name].lineage["value"])


def test_rows_in_another_order_give_the_same_bytes(tiny, tmp_path):
    other = type(tiny)(tmp_path)
    write_tiny_raw(other.root / "raw", shuffle=7)
    other.dbt("build", "--exclude-resource-type", "test")
    assert {m: digest(other, m) for m in MARTS} == {m: digest(tiny, m) for m in MARTS}


def test_vars_choose_series_year_rule_and_subcity_rule(tiny, tmp_path):
    other = type(tiny)(tmp_path)
    shutil.copy(tiny.database, other.database)  # staging does not depend on the study
    other.dbt(
        *("run", "--select", "int_inputs", "int_policies", "city_panel_cells", "city_panel"),
        emission_series="spliced",
        splice_first="chen_county",
        splice_second="edgar_city",
        splice_year=2010,
        year_rule="first_full_year",
        subcity_rule="exclude",
        sample_variables=["lnco2"],
        unit_kinds=["municipality", "prefecture_city", "other_prefecture"],
    )
    assert other.cell("370100", 2009, "co2_mt")["value"] == 12.0
    assert other.cell("370100", 2010, "co2_mt")["value"] == pytest.approx(2.5)
    panel = other.mart("city_panel").set_index(["city_id", "year"])
    assert panel.loc[("370100", 2019), "did_ai_pilot"] == 0 and panel.loc[("370100", 2020), "did_ai_pilot"] == 1
    assert panel.loc[("310000", 2005), "drop_reason"] == "subcity_pilot_excluded"  # 浦东 only
    assert panel.loc[("310000", 2021), "did_ai_pilot"] == 0
    assert panel.loc[("632500", 2010), "in_sample"]


def test_a_published_list_dates_the_policy_once_more_and_an_absent_one_nothing(tiny, tmp_path):
    other = type(tiny)(tmp_path)
    shutil.copy(tiny.database, other.database)
    other.dbt(
        *("run", "--select", "int_policies", "city_panel_cells", "city_panel"),
        policy_lists=[
            {"name": "low_carbon__tiny", "edition": "tiny-list"},
            {"name": "low_carbon__absent", "edition": "absent"},
        ],
    )
    panel = other.mart("city_panel").set_index(["city_id", "year"])
    first = panel["first_year_low_carbon__tiny"].groupby("city_id").first().dropna()
    assert first.to_dict() == {"370100": 2011, "420600": 2010}  # the first year wins, the old name leads to the city
    by_list = panel["did_low_carbon__tiny"]
    assert by_list.loc[("370100", 2010)] == 0 and by_list.loc[("370100", 2011)] == 1 and by_list.loc[("320500", 2021)] == 0
    assert panel["did_low_carbon"].loc[("420600", 2010)] == 1  # the sourced list is what it was
    assert panel[["did_low_carbon__absent", "first_year_low_carbon__absent"]].isna().all().all()
    cell = other.cell("370100", 2012, "did_low_carbon__tiny")
    assert cell["value"] == 1 and cell["formula"] == "1 from 2011 on (policy_list tiny-list, as printed)"
    assert len(cell["inputs"][0]["raw_ids"]) == 2
    assert other.cell("370100", 2012, "first_year_low_carbon__tiny")["value"] == 2011
    assert other.cell("320500", 2012, "first_year_low_carbon__tiny")["flag"] == "not on the list"
    assert other.cell("320500", 2012, "did_low_carbon__absent")["flag"] == "not supplied: policy_list absent"
