"""The public bundle: no value of a closed source leaves, not even through a formula; hashes and places stay."""

import math

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_home import CELLS

from citycarbon.provenance.trace import trace
from citycarbon.release import verify
from citycarbon.release.pointers import latest_release
from citycarbon.release.withhold import withhold_cells, withhold_lists, withhold_panel


@pytest.fixture
def bundle(public):
    return (public.home.releases / "public-ai_pilot").resolve()


def test_values_of_the_closed_source_are_gone_and_places_stay(bundle):
    raw = pq.read_table(bundle / "lineage/raw_rows.parquet").to_pandas()
    closed = raw[raw["source"] == "chen_county"]
    assert len(closed) and closed["withheld"].all() and (closed["text"] == "").all() and closed["value"].isna().all()
    assert closed["cell"].notna().all() and closed["file_sha256"].str.len().eq(64).all()
    open_rows = raw[raw["source"] == "compiled_city"]
    assert not open_rows["withheld"].any() and open_rows["value"].notna().all()


def test_the_panel_and_its_cells_lose_what_rests_on_it_through_every_formula(bundle):
    panel = pd.read_parquet(bundle / "panel.parquet")
    assert panel["co2_mt"].isna().all() and panel["lnco2"].isna().all()
    assert panel["lnpgdp"].notna().all() and panel["did_ai_pilot"].sum() == 7 and panel["in_sample"].sum() == 111
    cells = pq.read_table(bundle / "panel_cells.parquet").to_pylist()
    derived = [c for c in cells if c["variable"] == "lnco2"]
    assert all(c["value"] is None and c["inputs"][0]["value"] is None for c in derived)
    county = next(c for c in cells if c["variable"] == "co2_mt")
    assert county["inputs"][0]["raw_ids"]


def test_no_byte_of_a_closed_value_is_in_the_bundle(public, bundle):
    values = pd.read_parquet(public.home.marts("ai_pilot") / "city_panel.parquet")["lnco2"]
    # Extremes are aggregates of Table 1; every other single value must be gone.
    inner = [repr(v) for v in values if v not in (values.min(), values.max())]
    texts = [f.read_text(encoding="utf-8") for f in bundle.rglob("*") if f.suffix in (".csv", ".json", ".html", ".md", ".tex")]
    assert not [v for v in inner if any(v in t for t in texts)]


def test_a_public_bundle_leaves_the_latest_release_in_place(public, bundle):
    assert latest_release(public.home, "ai_pilot") is None and latest_release(public.home, "ai_pilot", public=True) == bundle


def test_a_public_bundle_verifies_and_says_what_it_cannot_compute_again(bundle):
    report = verify(bundle)
    assert report.ok
    assert not report.reestimated
    assert any("withheld" in why for _, why in report.not_reestimated)


def test_the_page_and_the_trace_say_that_values_are_withheld(public, bundle):
    page = (bundle / "report/index.html").read_text(encoding="utf-8")
    assert "PUBLIC BUNDLE" in page and "chen_county" in page
    found = trace("panel:370100:2015:lnco2", public.home, bundle)
    assert found.value is None
    assert all(c.text is None and c.sha256 and c.cell for i in found.inputs for c in i.raw)
    assert "may not be passed on" in found.to_text()


def test_a_number_without_cells_is_left_out_whole():
    panel = pa.table({"city_id": ["1"], "year": [2000], "mystery": [1.5], "did_p": [1], "x_flag": ["f"]})
    assert withhold_panel(panel, set(), set()).to_pylist() == [
        {"city_id": "1", "year": 2000, "mystery": None, "did_p": 1, "x_flag": "f"}
    ]


@given(st.data())
def test_no_open_cell_rests_on_a_closed_raw_row(data):
    names = [f"v{i}" for i in range(6)]
    ids = ["open1", "open2", "closed"]
    rows = []
    for n, name in enumerate(names):
        picked = data.draw(st.lists(st.sampled_from([*ids, *names[:n]]), min_size=1, max_size=3, unique=True))
        given_ = [{"variable": p, "value": 1.0, "raw_ids": [p] if p in ids else []} for p in picked]
        rows.append(
            {
                "city_id": "1",
                "year": 2000,
                "variable": name,
                "value": 1.0,
                "unit": "",
                "formula": "",
                "flag": None,
                "inputs": given_,
            }
        )
    cells = pa.Table.from_pylist(rows, schema=CELLS)
    raw = pa.table({"raw_id": ids, "withheld": [False, False, True]})
    out, keys = withhold_cells(cells, raw)

    def rests(name):
        row = next(r for r in rows if r["variable"] == name)
        return any("closed" in i["raw_ids"] or i["variable"] in names and rests(i["variable"]) for i in row["inputs"])

    assert {k[2] for k in keys} == {n for n in names if rests(n)}
    values = {r["variable"]: r["value"] for r in out.to_pylist()}
    assert all((values[n] is None) == rests(n) for n in names)
    assert all(v is None or math.isfinite(v) for v in values.values())


def test_a_policy_list_that_may_not_be_passed_on_leaves_neither_its_cities_nor_its_gaps():
    cells = pa.table(
        {
            "city_id": ["1", "2", "1"],
            "year": [2010, 2010, 2010],
            "variable": ["did_p__found", "did_p__found", "did_p"],
            "value": [1.0, 0.0, 1.0],
            "formula": ["1 from 2010 on", "not on the list", "1 from 2009 on"],
            "flag": [None, "not on the list", None],
            "inputs": [[{"variable": "pilot_year", "value": 2010.0, "raw_ids": ["r1"]}], [], []],
        }
    )
    raw = pa.table({"raw_id": ["r1"], "withheld": [True]})
    left, keys = withhold_cells(cells, raw)
    assert [r["value"] for r in left.to_pylist()] == [None, None, 1.0]
    assert all("2010" not in r["formula"] and r["flag"] is None for r in left.to_pylist()[:2])
    panel = pa.table(
        {"city_id": ["1", "2"], "year": [2010, 2010], "did_p__found": [1, 0], "did_p": [1, 0], "first_year_p__x": [1, 2]}
    )
    shown = withhold_panel(panel, keys, {"did_p__found", "did_p"}).to_pylist()
    assert [r["did_p__found"] for r in shown] == [None, None] and [r["did_p"] for r in shown] == [1, 0]
    assert [r["first_year_p__x"] for r in shown] == [None, None]  # of a list, and nobody can show where it came from


def test_a_column_that_never_had_a_gap_can_be_written_with_one(tmp_path):
    schema = pa.schema([("city_id", pa.string()), ("year", pa.int32()), pa.field("mystery", pa.int32(), nullable=False)])
    panel = pa.table({"city_id": ["1"], "year": [2000], "mystery": [1]}, schema=schema)
    pq.write_table(withhold_panel(panel, set(), set()), tmp_path / "panel.parquet")
    assert pq.read_table(tmp_path / "panel.parquet")["mystery"].to_pylist() == [None]


def test_the_comparison_of_a_closed_list_keeps_what_it_does_to_the_estimate_only(tmp_path):
    (tmp_path / "policy_lists.csv").write_text("list,edition,city_id\na,closed,1\nb,open,2\n", encoding="utf-8")
    (tmp_path / "policy_list_effects.csv").write_text("list,switch,city_id\na,list,\na,city,1\nb,city,2\n", encoding="utf-8")
    (tmp_path / "policy_lists.md").write_text("names", encoding="utf-8")
    withhold_lists(tmp_path, {("policy_list", "closed")})
    assert (tmp_path / "policy_lists.csv").read_text(encoding="utf-8") == "list,edition,city_id\nb,open,2\n"
    assert (tmp_path / "policy_list_effects.csv").read_text(encoding="utf-8") == "list,switch,city_id\na,list,\nb,city,2\n"
    assert not (tmp_path / "policy_lists.md").exists()
    withhold_lists(tmp_path / "nothing", {("policy_list", "closed")})
