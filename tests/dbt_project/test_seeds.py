"""The seeds: keys that hold, one meaning a spelling, units that convert, rules that agree with the registry of sources."""

import csv
import hashlib
import re

import pytest

from citycarbon.cities import city, find, roster, whereabouts
from citycarbon.errors import UsageError
from citycarbon.paths import DBT_PROJECT, PROJECT_ROOT
from citycarbon.sources.registry import load_registry
from citycarbon.study.dictionary import VARIABLES


def seed(name):
    with (DBT_PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_the_roster_of_2021_has_337_units_of_three_kinds():
    kinds = [c.unit_kind for c in roster()]
    assert (len(kinds), kinds.count("municipality"), kinds.count("prefecture_city")) == (337, 4, 293)
    assert all(c.city_id == c.adcode for c in roster())


def test_units_keep_their_id_through_renames_and_new_codes():
    for old, now in {
        "522400": "520500",
        "522200": "520600",
        "632100": "630200",
        "542400": "540600",
        "371200": "370100",
    }.items():
        assert find(old).city_id == now
    assert find("襄樊").city_id == find("襄阳市").city_id == "420600"
    assert find("思茅市").city_id == "530800" and find("石 家 庄 市").city_id == "130100"
    assert find("巢湖市") is None and find("济源") is None


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("371200", "371200 was 莱芜市 until 2018: its territory is in 370100 济南市"),
        ("341400", "341400 was 巢湖市 until 2011: its territory is in 340100 合肥市, 340200 芜湖市, 340500 马鞍山市"),
        ("452100", "452100 was 南宁地区 until 2002: its territory is in 450100 南宁市, 451400 崇左市"),
        ("522400", "522400 was 毕节地区 until 2011: its territory is in 520500 毕节市"),
        (
            "542100",
            "542100 was 昌都地区 until 2014: its territory is in 540300 昌都市",
        ),  # by the code list: no boundary changed
        ("370100", ""),  # stands
        ("420600", ""),  # was renamed and stands
        ("999900", ""),
        ("济南", ""),
    ],
)
def test_a_code_that_is_no_more_leads_to_the_units_that_hold_its_territory(code, said):
    assert whereabouts(code) == said


def test_spellings_shared_with_a_province_need_the_province():
    assert find("吉林") is None and find("海南") is None
    assert find("吉林", "吉林省").city_id == "220200" and find("海南", "青海").city_id == "632500"
    assert find("海南", "海南省") is None


def test_rosters_and_cities_refuse_what_they_do_not_know():
    with pytest.raises(UsageError, match="2003 to 2021"):
        roster(1999)
    with pytest.raises(UsageError, match="371200"):
        city("371200")


def test_a_name_stands_for_one_unit_and_a_code_for_one_unit():
    codes = seed("city_codes")
    for key in ("adcode", "name"):
        meant = {}
        for r in codes:
            meant.setdefault(r[key], set()).add(r["unit_id"])
        assert [k for k, units in meant.items() if len(units) > 1] == []
    aliases = [r["alias"] for r in seed("city_aliases")]
    assert len(aliases) == len(set(aliases))


def test_abolished_units_point_to_the_unit_that_holds_the_territory():
    last = {r["adcode"]: r["city_id"] for r in seed("city_codes") if r["adcode"] in {"371200", "341400"}}
    assert last == {"371200": "370100", "341400": ""}


def test_counties_of_2010_lie_in_the_city_of_2021():
    counties = {r["county_code"]: r["city_id"] for r in seed("county_codes")}
    moved = {
        "341402": "340100", "341421": "340100", "341422": "340200", "341423": "340500", "341424": "340500",  # 巢湖
        "341521": "340400", "340823": "340700", "512081": "510100", "220381": "220100",  # 寿县, 枞阳, 简阳, 公主岭
        "371202": "370100", "371203": "370100", "469003": "460400", "110228": "110000",
    }  # fmt: skip
    assert {k: counties[k] for k in moved} == moved
    assert [counties[k] for k in ("320211（2）", "320506（2）", "321112（2）")] == ["320200", "320500", "321100"]
    assert counties["419001"] == counties["659001"] == ""
    units = {c.adcode for c in roster()}
    assert set(counties.values()) - {""} <= units and units - set(counties.values()) == {"460300"}  # 三沙 has no county


def test_lineage_has_one_rule_a_relation_and_known_cities():
    units = {c.adcode for c in roster()}
    rules = {"merge": "sum", "split": "county_sum", "transfer": "county_sum", "rename": "own_value"}
    for r in seed("city_lineage"):
        assert r["city_id"] in units and r["rule"] == rules[r["relation"]] and r["source"]
        assert int(r["effective_year"]) - int(r["event_year"]) in (0, 1)
    laiwu = next(r for r in seed("city_lineage") if r["from_code"] == "371200")
    assert (laiwu["event_year"], laiwu["effective_year"]) == ("2018", "2019")


def test_policies_name_units_and_sources():
    units = {c.adcode for c in roster()}
    rows = seed("policy_adoptions")
    assert {r["city_id"] for r in rows} - {""} <= units
    assert all(r["source"] and r["source_status"] in {"sourced", "derived", "third_party", "memory"} for r in rows)
    pilots = {(r["city_id"], r["year_announcement"]) for r in rows if r["policy"] == "ai_pilot"}
    assert len(pilots) == 12 and {y for _, y in pilots} == {"2019", "2021", "2022"}
    carbon = {r["city_id"] for r in rows if r["policy"] == "low_carbon" and r["is_subcity"] == "false"} - {""}
    assert len(carbon) == 135  # 136 with 济源, which the province runs
    late = [r for r in rows if r["policy"] == "low_carbon" and r["batch"] == "2"]
    assert {(r["year_announcement"], r["year_first_full"]) for r in late} == {("2012", "2013")}


def test_labels_units_and_rules_fit_together():
    catalogue = {r["indicator_id"]: r for r in seed("indicator_catalogue")}
    factors = {r["unit"]: r for r in seed("unit_factors")}
    assert len(factors) == len(seed("unit_factors"))
    labels = seed("indicator_labels")
    assert len({(r["source"], r["label"]) for r in labels}) == len(labels)
    for r in labels:
        if r["indicator_id"]:
            canonical = catalogue[r["indicator_id"]]["canonical_unit"]
            assert r["default_unit"] == "" or factors[r["default_unit"]]["canonical_unit"] == canonical, r
    for r in catalogue.values():
        assert float(r["low"]) < float(r["high"]) and r["is_additive"] in {"true", "false"}


def test_source_rules_repeat_the_registry():
    registry = load_registry().numbers
    assert {r["source"]: r["boundary_basis"] for r in seed("source_rules")} == {
        k: e.boundary_basis for k, e in registry.items()
    }
    assert {r["source"] for r in seed("source_priority")} <= set(registry)


def test_every_declared_variable_is_made_and_described():
    made = set(re.findall(r"v\.append\(\['(\w+)'", (DBT_PROJECT / "macros" / "panel.sql").read_text(encoding="utf-8")))
    assert made == set(VARIABLES) - {"did"}
    pages = (PROJECT_ROOT / "docs" / "data-dictionary.md").read_text(encoding="utf-8")
    assert [v for v in VARIABLES if f"`{v}`" not in pages] == []


def test_centroids_lie_in_the_country_and_every_unit_has_one():
    rows = {r["city_id"]: (float(r["lon"]), float(r["lat"])) for r in seed("city_centroids")}
    assert set(rows) == {c.adcode for c in roster()}
    assert all(73 < lon < 136 and 3 < lat < 54 for lon, lat in rows.values())


def test_green_classes_name_topic_and_symbol():
    rows = seed("wipo_green_ipc")
    assert len({r["topic"] for r in rows}) == 7
    assert all(re.match(r"[A-H]\d{2}", r["ipc"]) and "WIPO" in r["source"] for r in rows)


def test_scripts_record_the_package_that_they_read():
    for name in ("derive_admin_codes.py", "derive_centroids.py"):
        text = (PROJECT_ROOT / "scripts" / name).read_text(encoding="utf-8")
        digest = re.search(r'WHEEL_SHA256 = "([0-9a-f]{64})"', text).group(1)
        assert text.count(digest) == 2 and len(digest) == len(hashlib.sha256(b"").hexdigest())
