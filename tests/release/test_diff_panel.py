"""Planted changes of the panel are counted by what they are, and the largest stands with its city, year and values."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from altered import alter_panel, set_cells, state
from hypothesis import given, settings
from hypothesis import strategies as st
from tries import up_to

from citycarbon.release.diff_bundle import open_bundle
from citycarbon.release.diff_panel import compare_cells, compare_panel

JINAN, QINGDAO = "370100", "370200"


def panel(release, new):
    body = compare_panel(open_bundle(release), open_bundle(new))
    return body, {v["variable"]: v for v in body["variables"]}


def value(release, city, year, variable):
    return pd.read_parquet(release / "panel.parquet").set_index(["city_id", "year"]).loc[(city, year), variable]


def test_the_same_panel_has_no_difference(release, new):
    body, variables = panel(release, new)
    assert all(v["changed"] == v["added"] == v["removed"] == v["withheld"] == v["rounding"] == 0 for v in variables.values())
    assert {"lnco2", "gov", "did_ai_pilot", "city_name"} <= variables.keys()
    assert body["rows"] == {"old": 112, "new": 112, "added": [], "removed": []}
    assert not body["sample"]["gained"] and not body["sample"]["lost"] and body["sample"]["new"] == 111


def test_cells_added_removed_changed_and_rounded_are_told_apart(release, new):
    er = value(release, JINAN, 2016, "er")
    cells = {(JINAN, 2015, "er"): None, (JINAN, 2016, "er"): er * (1 + 1e-12), (JINAN, 2017, "er"): 50.0}
    alter_panel(new, set_cells({**cells, ("314100", 2014, "gov"): 1.0}))
    _, variables = panel(release, new)
    assert [variables["er"][k] for k in ("added", "removed", "changed", "rounding", "same")] == [0, 1, 1, 1, 109]
    assert [variables["gov"][k] for k in ("added", "removed", "changed")] == [1, 0, 0]
    (largest,) = variables["er"]["largest"]
    old = value(release, JINAN, 2017, "er")
    assert largest == {
        "city_id": JINAN,
        "city_name": "济南市",
        "year": 2017,
        "old": old,
        "new": 50.0,
        "relative": (50.0 - old) / old,
    }


def test_the_largest_changes_come_first_by_their_relative_size(release, new):
    for bundle in (release, new):
        alter_panel(bundle, lambda f: f.assign(er=10.0))
    planted = {2014: 11.0, 2015: 1.0, 2016: 100.5, 2017: 0.0, 2018: -1.0, 2019: 10.1}
    alter_panel(new, set_cells({(QINGDAO, y, "er"): v for y, v in planted.items()}))
    er = panel(release, new)[1]["er"]
    assert er["changed"] == 6
    assert [c["year"] for c in er["largest"]] == [2018, 2017, 2016, 2015, 2014]  # a change of sign or to zero has no bound
    assert er["largest"][2]["relative"] == pytest.approx(9.05)


def test_a_change_of_a_logarithm_is_relative_to_what_is_inside(release, new):
    alter_panel(new, set_cells({(JINAN, 2015, "lnco2"): value(release, JINAN, 2015, "lnco2") + math.log(2)}))
    assert panel(release, new)[1]["lnco2"]["largest"][0]["relative"] == pytest.approx(1.0)


def test_a_change_from_zero_has_no_relative_size(release, new):
    alter_panel(release, set_cells({(JINAN, 2015, "er"): 0.0}))
    alter_panel(new, set_cells({(JINAN, 2015, "er"): 1.0}))
    assert panel(release, new)[1]["er"]["largest"][0]["relative"] is None


def test_rows_that_come_and_go_and_columns_are_named(release, new):
    alter_panel(new, lambda f: f.drop(index=(JINAN, 2021)).drop(columns="edu").assign(coal=1.0))
    body, variables = panel(release, new)
    assert body["rows"]["removed"] == ["370100:2021"] and body["rows"]["new"] == 111
    assert (body["columns_added"], body["columns_removed"]) == (["coal"], ["edu"])
    assert variables["er"]["removed"] == 1
    (lost,) = body["sample"]["lost"]
    assert (lost["reason"], lost["rows"], lost["treated"], lost["keys"]) == ("not in the newer panel", 1, 1, ["370100:2021"])


def test_the_sample_gains_and_loses_rows_with_the_reason_of_the_side_without_them(release, new):
    cells = {("314100", 2014, "in_sample"): True, ("314100", 2014, "drop_reason"): None}
    cells |= {(QINGDAO, y, k): v for y in (2018, 2019) for k, v in (("in_sample", False), ("drop_reason", "er is missing"))}
    alter_panel(new, set_cells(cells))
    sample = panel(release, new)[0]["sample"]
    assert (sample["old"], sample["new"]) == (111, 110)
    assert sample["gained"] == [{"reason": "gov is missing", "rows": 1, "treated": 0, "keys": ["314100:2014"]}]
    assert sample["lost"] == [{"reason": "er is missing", "rows": 2, "treated": 1, "keys": ["370200:2018", "370200:2019"]}]
    assert sample["reasons"] == [
        {"reason": "er is missing", "old": 0, "new": 2},
        {"reason": "gov is missing", "old": 1, "new": 0},
    ]


def test_a_changed_policy_list_shows_in_its_columns(release, new):
    cells = {("304100", y, "did_ai_pilot"): 1 for y in (2020, 2021)}
    alter_panel(new, set_cells(cells | {("304100", y, "first_year_ai_pilot"): 2020 for y in range(2014, 2022)}))
    _, variables = panel(release, new)
    assert variables["did_ai_pilot"]["changed"] == 2 and variables["did_ai_pilot"]["largest"][0]["new"] == 1
    assert variables["first_year_ai_pilot"]["added"] == 8


def test_flags_are_counted_by_kind(release, new):
    alter_panel(new, set_cells({(JINAN, 2018, "gov_flag"): None, (JINAN, 2019, "gov_flag"): "chained; merged_sum"}))
    (flag,) = panel(release, new)[0]["flags"]
    assert flag == {
        "variable": "gov",
        "changed": 2,
        "kinds": [{"kind": "chained", "old": 56, "new": 55}, {"kind": "merged_sum", "old": 0, "new": 1}],
    }


def test_text_and_names_are_compared_too(release, new):
    alter_panel(new, set_cells({(JINAN, 2015, "unit_kind"): "municipality"}))
    kind = panel(release, new)[1]["unit_kind"]
    assert (kind["kind"], kind["changed"], kind["largest"][0]["old"]) == ("text", 1, "prefecture_city")


def test_units_and_formulas_come_from_the_cells(release, new):
    cells = pq.read_table(release / "panel_cells.parquet").to_pylist()
    for row in cells:
        if row["variable"] == "co2_mt":
            row["unit"] = "kt"
        if row["variable"] == "lnco2" and row["year"] == 2015:
            row["formula"] = "log10(co2_mt)"
    pq.write_table(pa.Table.from_pylist(cells), new / "panel_cells.parquet")
    state(new)
    found = compare_cells(open_bundle(release), open_bundle(new))
    assert found["units"] == [{"variable": "co2_mt", "old": "Mt", "new": "kt"}]
    assert found["formulas"] == [
        {"variable": "lnco2", "formula": "ln(co2_mt)", "old": 112, "new": 98},
        {"variable": "lnco2", "formula": "log10(co2_mt)", "old": 0, "new": 14},
    ]


class _Panel:
    """A bundle that is nothing but a panel of one variable, in any order of rows."""

    public = False
    id = "x"

    def __init__(self, values):
        frame = pd.DataFrame([(c, y, v) for (c, y), v in values.items()], columns=["city_id", "year", "x"])
        self._table = pa.Table.from_pandas(frame.astype({"x": float, "year": int, "city_id": str}), preserve_index=False)

    def table(self, name, needed=(), only=False):
        return self._table


values = st.dictionaries(
    st.tuples(st.sampled_from(["1", "2", "3"]), st.integers(2000, 2002)),
    st.one_of(st.none(), st.floats(-1e6, 1e6, allow_nan=False)),
    max_size=9,
)


@settings(max_examples=up_to(20))
@given(values, values)
def test_every_cell_of_two_panels_is_counted_once_and_the_other_way_round_mirrors_it(old, new):
    (there,) = compare_panel(_Panel(old), _Panel(new))["variables"] or [None]
    (back,) = compare_panel(_Panel(new), _Panel(old))["variables"] or [None]
    counts = [there[k] for k in ("added", "removed", "changed", "rounding", "same")]
    filled = {k for side in (old, new) for k, v in side.items() if v is not None}
    assert sum(counts) == len(filled)
    assert counts == [back[k] for k in ("removed", "added", "changed", "rounding", "same")]
    assert len(there["largest"]) == min(5, there["changed"])
    for change in there["largest"]:
        assert change["old"] == old[change["city_id"], change["year"]]
        assert change["new"] == new[change["city_id"], change["year"]]
        assert np.isfinite(change["new"])
