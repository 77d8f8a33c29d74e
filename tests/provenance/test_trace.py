"""The trace: the contract's json, the readable text, and what a user hears about a target that does not exist."""

import json
import math
import shutil
from pathlib import Path

import openpyxl
import pytest

from citycarbon.errors import UsageError
from citycarbon.provenance.trace import trace
from citycarbon.release import latest_release
from citycarbon.sources.landing import sha256_of

RAW_KEYS = {"source", "edition", "data_year", "path", "sha256", "sheet", "cell", "line", "text", "unit", "scope"}


def test_the_json_form_is_the_contracts(released):
    body = json.loads(trace("panel:370100:2019:lnco2", released.home).to_json())
    assert list(body) == ["target", "value", "unit", "formula", "inputs"]
    assert [set(i) for i in body["inputs"]] == [{"variable", "value", "raw"}]
    assert all(set(r) == RAW_KEYS for r in body["inputs"][0]["raw"])


def test_a_derived_value_is_followed_through_its_inputs_to_the_cells_of_the_file(released):
    found = trace("panel:370100:2019:lnco2", released.home)
    (given,) = found.inputs
    assert given.variable == "co2_mt"
    assert found.formula == "ln(co2_mt)" and found.unit == "ln(Mt)"
    assert math.exp(found.value) == pytest.approx(given.value)
    assert [(r.source, r.edition, r.sheet, r.cell, r.data_year, r.unit) for r in given.raw] == [
        ("chen_county", "2022", "county", "G2", 2019, "Mt"),
        ("chen_county", "2022", "county", "G3", 2019, "Mt"),
    ]
    assert sum(float(r.text) for r in given.raw) == pytest.approx(given.value)


def test_the_path_opens_the_snapshot_whose_hash_and_cell_are_stated(released):
    raw = trace("panel:370100:2019:co2_mt", released.home).inputs[0].raw[0]
    assert sha256_of(Path(raw.path)) == raw.sha256
    with Path(raw.path).open("rb") as handle:
        assert str(openpyxl.load_workbook(handle)[raw.sheet][raw.cell].value) == raw.text


def test_the_text_form_says_value_formula_place_and_that_the_cell_was_read_again(released):
    text = trace("panel:370100:2019:lnco2", released.home).to_text()
    for part in (
        "ln(co2_mt)",
        "济南市",
        "chen_county, edition 2022, data year 2019: county.xlsx, sheet 'county', cell G2",
        "reread: true",
    ):
        assert part in text
    assert "FALSE" not in text


def test_a_snapshot_that_says_something_else_is_shouted(released):
    raw = trace("panel:370100:2019:gov", released.home).inputs[0].raw[0]
    Path(raw.path).write_text("city,year,indicator,value\n" + "x\n" * 2000, encoding="utf-8")
    assert "reread: FALSE" in trace("panel:370100:2019:gov", released.home).to_text()


def test_without_its_snapshots_a_release_still_gives_place_hash_and_text(released):
    shutil.rmtree(released.home.snapshots)
    found = trace("panel:370100:2019:gov", released.home)
    raw = found.inputs[0].raw[0]
    assert raw.path is None and raw.line and raw.text and len(raw.sha256) == 64
    assert "no copy in this home" in found.to_text()


def test_a_correction_and_a_flag_are_told(released):
    assert "corrected by declaration c1: a decimal slip" in trace("panel:304100:2016:gov", released.home).to_text()
    assert "flag: chained" in trace("panel:370100:2019:gov", released.home).to_text()
    assert "corrected" not in trace("panel:370100:2016:gov", released.home).to_text()


def test_a_missing_value_is_traced_to_its_reason(released):
    found = trace("panel:314100:2014:gov", released.home)
    assert found.value is None and found.inputs == []
    assert "gov is missing" in found.to_text()
    json.loads(found.to_json())


def test_a_treatment_leads_to_the_line_of_the_policy_list(released):
    for target in ("panel:370100:2019:did_ai_pilot", "panel:370100:2019:did"):
        found = trace(target, released.home)
        assert found.value == 1 and found.inputs[0].value == 2019
        (raw,) = found.inputs[0].raw
        line = Path(raw.path).read_text(encoding="utf-8-sig").splitlines()[raw.line - 1]
        assert line.startswith("ai_pilot") and "370100" in line
    assert trace("panel:304100:2019:did_ai_pilot", released.home).value == 0


def test_an_estimate_gives_error_spec_sample_checks_code_and_the_files_behind_each_variable(released):
    found = trace("table2:2:did", released.home)
    facts = {i.variable: i.value for i in found.inputs}
    assert found.value is not None and facts["std_error"] > 0
    assert facts["n_obs (panel rows)"] == 111 and facts["n_treated_cells"] == 7
    assert facts["checks passed"] == "1 of 2; warnings: co2_jump_listed"
    assert len(facts["code version"]) == 64 and len(facts["spec_id"]) == 16
    files = {i.variable: [r.sha256 for r in i.raw] for i in found.inputs if i.raw}
    assert set(files) == {"lnco2", "did_ai_pilot", "lnpgdp", "internet", "gov", "market", "edu", "industry"}
    assert files["lnco2"] == [sha256_of(released.landing / "chen_county/2022/county.xlsx")]
    text = found.to_text()
    assert "RI pending" in text and "cluster:city" in text and "city (14 levels)" in text


def test_a_statistic_is_that_of_the_printed_table(released):
    found = trace("table1:lnco2:mean", released.home)
    printed = (latest_release(released.home) / "tables/table1.csv").read_text(encoding="utf-8")
    assert f"{found.value:.3f}" in printed
    assert trace("table1:lnco2:n", released.home).value == 111
    assert trace("table1:lnco2:n:all", released.home).value == 112


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("nonsense", "panel:<city_id>:<year>:<variable>"),
        ("panel:370101:2019:lnco2", "370100 济南市"),
        ("panel:371200:2015:lnco2", "371200 was 莱芜市 until 2018: its territory is in 370100 济南市"),
        ("panel:370100:1999:lnco2", "2014, 2015"),
        ("panel:370100:2019:lnco3", "closest: lnco2"),
        ("table2:9:did", "found no column '9'"),
        ("table2:2:dit", "closest: did"),
        ("table9:2:did", "table2"),
        ("table1:lnco2:median", "mean"),
        ("table2:2:did:all", "expected panel"),
    ],
)
def test_an_unknown_target_is_answered_with_what_there_is(released, target, said):
    with pytest.raises(UsageError, match="found") as caught:
        trace(target, released.home)
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


def test_before_any_release_the_marts_are_traced_and_the_text_says_so(tiny):
    found = trace("panel:济南市:2019:lnco2", tiny.home)
    assert len(found.inputs[0].raw) == 2
    assert "which no gate has passed" in found.to_text()
    with pytest.raises(UsageError, match="holds no release"):
        trace("table2:2:did", tiny.home)


def test_a_raw_row_that_is_not_there_is_no_silent_gap(released):
    import pyarrow.parquet as pq

    raw = latest_release(released.home) / "lineage/raw_rows.parquet"
    pq.write_table(pq.read_table(raw).slice(0, 0), raw)
    with pytest.raises(UsageError, match="2 of 2 raw rows"):
        trace("panel:370100:2019:lnco2", released.home)
