"""A place's printed name is held against the years in which it bore it."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from citycarbon.gate.inputs import GateInputs
from citycarbon.gate.names import judge_names
from citycarbon.gate.scope import scope_of
from citycarbon.sources.rawrows import RowCollector
from citycarbon.study import load_study

PRINTED = [
    ("吐鲁番地区", 2019, [("650400", 2019)]),  # a city since 2015
    ("吐鲁番地区", 2014, []),
    ("吐鲁番地区", 2015, []),  # the year of the change, whichever date the source goes by
    ("襄樊市", 2016, [("420600", 2016)]),
    ("襄 阳 市", 2016, []),
    ("襄阳市", 2005, []),  # back-cast, as vendors print long tables
    ("更多数据", 2016, []),  # no name at all: labels_known says so
]


@pytest.fixture(scope="module")
def names_off(tmp_path_factory) -> set[tuple[str, int]]:
    """City and year of every name of ``PRINTED`` that is outside its years, all of them read from one file."""
    folder = tmp_path_factory.mktemp("names")
    out = RowCollector(source="compiled_city", edition="e", edition_year=2021, file_name="t.xlsx", file_sha256="0" * 64)
    for n, (name, year, _) in enumerate(PRINTED, start=1):
        out.add(text="1", value=1.0, indicator_label="GDP", place_label=name, data_year=year, cell=f"A{n}", sheet="s")
    pq.write_table(out.result().rows, folder / "compiled_city.parquet")
    found = judge_names(GateInputs(scope=scope_of(load_study("ai_pilot")), marts=folder, raw=folder)).frame
    return {(str(r.city_id), int(r.year)) for r in found[found["off"] == 1].itertuples()}


def test_names_outside_their_years_are_listed_and_no_others(names_off):
    assert names_off == {key for _, _, expected in PRINTED for key in expected}
