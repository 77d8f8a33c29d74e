"""The seeds against a second source of names and events, and against the county workbook, where the real files are present."""

import csv
from collections import defaultdict
from pathlib import Path

import openpyxl
import pytest

from citycarbon.cities import find, roster
from citycarbon.paths import DBT_PROJECT

pytestmark = pytest.mark.real


def rows(path):
    with Path(path).open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))


def test_names_at_every_year_end_agree_with_the_crosswalk(realdata):
    """Prefecture-level units only; the known differences are 那曲 in 2017 and 莱芜 in 2018."""
    theirs = defaultdict(set)
    for r in rows(realdata / "crosswalk" / "legal_roster_year_end_1987_2026.csv"):
        if r["status"] == "active" and 2003 <= int(r["year"]) <= 2021:
            theirs[int(r["year"])].add(r["legal_name_zh"])
    different = {}
    for year, names in theirs.items():
        ours = {c.name for c in roster(year)}
        if ours ^ names:
            different[year] = ours ^ names
    assert different == {2017: {"那曲市", "那曲地区"}, 2018: {"莱芜市"}}


def test_county_workbook_codes_are_all_known(realdata):
    book = openpyxl.load_workbook(realdata / "chen2020_county" / "co2.xlsx", read_only=True)
    sheet = book.worksheets[0].iter_rows(min_row=2, max_col=7, values_only=True)
    listed = [(str(r[0]).strip(), r[3], r[5]) for r in sheet if r[3]]
    assert len(listed) == 2735 == len({code for code, _, _ in listed})
    with (DBT_PROJECT / "seeds" / "county_codes.csv").open(encoding="utf-8", newline="") as handle:
        seed = {r["county_code"]: r for r in csv.DictReader(handle)}
    assert [code for code, _, _ in listed if code not in seed] == []
    assert [(c, city) for c, city, _ in listed if seed[c]["city_label"] != city] == []
    by_province = {city for c, city, _ in listed if seed[c]["note"] == "run by the province"}
    assert len(by_province) == 23 and "儋州市" in by_province


def test_ceads_labels_are_all_known(realdata):
    book = openpyxl.load_workbook(next((realdata / "ceads").glob("*cities*.xlsx")), read_only=True)
    labels = {r[1] for r in book["emission vector"].iter_rows(min_row=2, max_col=2, values_only=True) if r[1]}
    assert len(labels) == 290
    unknown = {x for x in labels if find(x) is None}
    # 巢湖 was split; the others are run by a province
    assert unknown == {"安徽巢湖", "河南济源", "湖北仙桃", "湖北潜江", "新疆石河子"}


def test_splits_and_transfers_of_the_crosswalk_are_in_the_lineage(realdata):
    ours = {(r["from_name"], find(r["city_id"]).name) for r in rows(DBT_PROJECT / "seeds" / "city_lineage.csv")}
    major = rows(realdata / "crosswalk" / "major_lineage_relations.csv")
    theirs = {(r["from_name"], r["to_name"]) for r in major if 2002 <= int(r["year"]) <= 2021}
    assert theirs <= ours
