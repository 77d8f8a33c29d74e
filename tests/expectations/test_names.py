"""A place's printed name is held against the years in which it bore it."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from citycarbon.gate.inputs import GateInputs
from citycarbon.gate.names import judge_names
from citycarbon.gate.scope import Scope, scope_of
from citycarbon.sources.rawrows import RowCollector
from citycarbon.study import load_study


@pytest.fixture(scope="module")
def scope() -> Scope:
    return scope_of(load_study("ai_pilot"))


def names_off(scope: Scope, tmp_path, name: str, year: int) -> list[tuple[str, int]]:
    out = RowCollector(source="compiled_city", edition="e", edition_year=2021, file_name="t.xlsx", file_sha256="0" * 64)
    out.add(text="1", value=1.0, indicator_label="GDP", place_label=name, data_year=year, cell="A1", sheet="s")

    pq.write_table(out.result().rows, tmp_path / "compiled_city.parquet")
    found = judge_names(GateInputs(scope=scope, marts=tmp_path, raw=tmp_path)).frame
    return [(str(r.city_id), int(r.year)) for r in found[found["off"] == 1].itertuples()]


@pytest.mark.parametrize(
    ("name", "year", "expected"),
    [
        ("吐鲁番地区", 2019, [("650400", 2019)]),  # a city since 2015
        ("吐鲁番地区", 2014, []),
        ("吐鲁番地区", 2015, []),  # the year of the change, whichever date the source goes by
        ("襄樊市", 2016, [("420600", 2016)]),
        ("襄 阳 市", 2016, []),
        ("襄阳市", 2005, []),  # back-cast, as vendors print long tables
        ("更多数据", 2016, []),  # no name at all: labels_known says so
    ],
)
def test_a_name_outside_its_years_is_listed(scope, tmp_path, name, year, expected):
    assert names_off(scope, tmp_path, name, year) == expected
