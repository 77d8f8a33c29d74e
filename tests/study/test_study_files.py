"""The shipped studies resolve; a faulty study file is refused with its path, line and what is allowed."""

import csv
import json
from pathlib import Path

import pytest
import yaml

from citycarbon import yaml_text
from citycarbon.errors import UsageError
from citycarbon.paths import STUDIES, resolve_home
from citycarbon.study import list_studies, load_all, load_study
from citycarbon.study.dictionary import EMISSION_SERIES, POLICY_LIST, UNIT_KINDS, VARIABLES, policies_with_a_list

AI_PILOT = STUDIES / "ai_pilot" / "study.yaml"


def line_of(text: str, needle: str) -> int:
    return next(i for i, line in enumerate(text.splitlines(), 1) if needle in line)


@pytest.fixture
def changed(tmp_path):
    """Write ai_pilot's file with one replacement and load it; gives the message and the expected line of ``at``."""

    def load(old: str, new: str, at: str) -> tuple[str, str]:
        text = AI_PILOT.read_text(encoding="utf-8")
        assert text.count(old) >= 1, old
        path = tmp_path / "study.yaml"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(UsageError) as caught:
            load_study(path)
        assert caught.value.exit_code == 2
        return str(caught.value), f"{path}, line {line_of(path.read_text(encoding='utf-8'), at)}:"

    return load


def test_a_broken_study_is_told_beside_those_that_load(tmp_path):
    for name, text in {
        "ai_pilot": AI_PILOT.read_text(encoding="utf-8"),
        "broken": "study: broken\n",
        "torn": "a: [1\n",
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "study.yaml").write_text(text, encoding="utf-8")
    for file in ("published.csv", "published_descriptives.csv", "published.design.yaml", "claims.yaml"):
        (tmp_path / "ai_pilot" / file).write_text("")
    good, bad = load_all(tmp_path)
    assert [s.study for s in good] == ["ai_pilot"]
    assert list(bad) == ["broken", "torn"]
    assert all("study.yaml, line" in str(error) and error.exit_code == 2 for error in bad.values())


def test_the_shipped_studies_load_by_name_folder_and_file():
    assert list_studies() == sorted(p.name for p in STUDIES.iterdir() if (p / "study.yaml").is_file())
    for name in list_studies():
        by_name = load_study(name)
        assert by_name.study == name and by_name.path == (STUDIES / name / "study.yaml").resolve()
        assert load_study(STUDIES / name) == by_name == load_study(STUDIES / name / "study.yaml")


def test_ai_pilot_shows_both_readings_of_the_fixed_effects():
    table = load_study("ai_pilot").regression_tables()["table2"]
    assert [(c.id, c.fixed_effects, len(c.controls)) for c in table.columns] == [
        ("1", ("city", "year"), 0),
        ("2", ("city", "year"), 6),
        ("1p", ("province", "year"), 0),
        ("2p", ("province", "year"), 6),
        ("2_nogov", ("city", "year"), 5),
    ]


def test_table1_has_the_papers_variables_in_the_papers_order():
    study = load_study("ai_pilot")
    with (AI_PILOT.parent / "published_descriptives.csv").open(encoding="utf-8") as handle:
        printed = [row["variable"] for row in csv.DictReader(handle)]
    assert [study.variable(v).label for v in study.tables["table1"].variables] == printed


def test_dbt_vars_are_the_contract(tmp_path):
    home = resolve_home(tmp_path)
    values = load_study("ai_pilot_edgar").dbt_vars(home)
    contract = Path(__file__).parents[2] / "docs" / "architecture.md"
    section = contract.read_text(encoding="utf-8").split("### dbt vars")[1].split("###")[0]
    assert all(f"`{name}`" in section for name in values)
    assert values["marts_dir"] == str(home.marts("ai_pilot_edgar")) and Path(values["raw_dir"]).is_absolute()
    assert (values["emission_series"], values["window_start"], values["window_end"]) == ("edgar_city", 2003, 2021)
    assert values["unit_kinds"] == list(UNIT_KINDS) and values["sample_variables"] == [
        "lnco2",
        "lnpgdp",
        "sec_share",
        "loans_gdp",
        "lnpop",
    ]
    assert values["policy_lists"] == []
    dated = load_study("low_carbon_edgar").dbt_vars(home)["policy_lists"]
    assert {"name": "low_carbon__list_of_92", "edition": "list-of-92"} in dated and len(dated) == 3
    json.dumps(values)


def test_spec_id_follows_the_estimate_and_not_the_wording(tmp_path):
    text = AI_PILOT.read_text(encoding="utf-8")
    study = load_study("ai_pilot")
    ids = [study.spec_id("table2", c) for c in ("1", "2", "1p", "2p")]
    assert len(set(ids)) == 4 and all(len(i) == 16 for i in ids)

    def variant(old, new):
        path = tmp_path / "v.yaml"
        path.write_text(text.replace(old, new), encoding="utf-8")
        return load_study(path).spec_id("table2", "2")

    assert variant("label: with controls", "label: full model") == ids[1]
    assert variant("title: Baseline regression results", "title: Results") == ids[1]
    assert variant("year_rule: announcement", "year_rule: first_full_year") != ids[1]
    assert variant("first: 2003, last: 2021", "first: 2004, last: 2021") != ids[1]
    assert variant("series: chen_county", "series: ceads_city") != ids[1]


@pytest.mark.parametrize(
    ("old", "new", "at", "words"),
    [
        ("&six [lnpgdp, internet", "&six [lnpgpd, internet", "lnpgpd", ["unknown variable", "did you mean 'lnpgdp'"]),
        ("      - id: 2p", "      - id: 1p  # again", "# again", ["column id '1p' stands 2 times"]),
        ("first: 2003, last: 2021", "first: 1999, last: 2021", "1999", ["found 1999", "2003 to 2021"]),
        ("first: 2003, last: 2021", "first: 2021, last: 2003", "first: 2021", ["must end after it begins"]),
        ("policy: ai_pilot", "policy: ai_pilots", "ai_pilots", ["no list of adopting cities", "mean 'ai_pilot'", "low_carbon"]),
        ("draws: 999, covariate: lnpgdp", "draws: 999, covariate: lnpgpd", "lnpgpd}", ["mean 'lnpgdp'"]),
        ('{table: table2, column: "2"}, draws', "{table: table2, column: 2p}, draws", "2p}, d", ["city and year"]),
        ("{id: without_gov, label", "{id: six, label", "{id: six, label: without", ["'six' stands 2 times"]),
        (", second: edgar_city, year: 2020}", ", year: 2020}", "ceads_city, year: 2020", ["a splice needs both"]),
        ("municipalities, filter: [{variable: unit_kind", "x, filter: [{variable: unit_kinds", "kinds, op", ["'unit_kind'"]),
        ("cluster: city", "clusters: city", "clusters: city", ["unknown key"]),
        ("year_rule: announcement", "year_rule: approval", "approval", ["'announcement' or 'first_full_year'"]),
        ("    kind: attrition", "    kind: attritions", "attritions", ["'regression', 'descriptives', 'attrition'"]),
        ('      - id: "1"', "      - id: 1", "- id: 1", ["expected text, found 1", "quotes"]),
        ("  unit: Mt", "  unit: t", "unit: t", ["lnco2 is declared as 'Mt'"]),
        ('column: "2"', 'column: "9"', 'column: "9"', ["must name a regression table"]),
        ("fixed_effects: [city, year]", "fixed_effects: [county, year]", "[county", ["'city' or 'province'"]),
        ("gdp_base_year: 2003", "gdp_base_year: 2000", "2000", ["2003 to 2021"]),
        ("series: chen_county", "series: spliced", "spliced", ["go together"]),
        ("variables: [lnco2, lnpgdp", "variables: [lnco2", "controls: &six [lnpgdp", ["must be among sample_variables"]),
        ("policies: [broadband]", "policies: [metro]", "metro", ["no list of adopting cities for policy 'metro'"]),
        ("base: -1", "base: 5", "base: 5", ["must lie between"]),
        ("title: AI innovation", "title: AI: innovation", "title: AI: innovation", ["not valid YAML"]),
        ("cluster: city", "cluster: city\ncluster: city", "cluster: city", ["stands twice"]),
        ("&six [lnpgdp, internet, gov", "&six [lnpgdp, internet, market", "market, market", ["stands 2 times"]),
        ("first: 2003, last: 2021", "first: 2003, last: 2012", "last: 2012", ["no city is treated by then", "begins in 2019"]),
        ("op: ne, value: municipality", "op: eq, value: village", "value: village", ["no unit kind", "prefecture_city"]),
        ("map_year: 2019", "map_year: 2030", "map_year: 2030", ["allowed are the years of the window"]),
        ("split: technology,", "split: technologie,", "technologie", ["mean 'technology'", "market"]),
        ("did_low_carbon,", "did_low_carb,", "did_low_carb,", ["no list of adopting cities for policy 'low_carb'"]),
        ("first_year_ets, op: is_missing", "first_year_ets, op: eq", "first_year_ets, op: eq", ["needs the key 'value'"]),
        ("literal_after: 2019", "literal_after: ~", "2_literal,", ["did_literal needs the key treatment.literal_after"]),
        ("criterion: median, variable: patents_granted", "criterion: median", "id: technology,", ["needs the key 'variable'"]),
    ],
)  # fmt: skip
def test_a_fault_names_its_line_and_what_is_allowed(changed, old, new, at, words):
    message, place = changed(old, new, at)
    if "stands twice" in message:  # the second of the two equal lines
        place = place.rsplit(" ", 1)[0] + f" {int(place.rsplit(' ', 1)[1][:-1]) + 1}:"
    assert place in message, message
    for word in words:
        assert word in message, message


def test_every_fault_is_listed_at_once(changed):
    message, _ = changed("year_rule: announcement", "year_rule: x\n  colour: red", "colour")
    assert len(message.splitlines()) == 2


def test_a_missing_key_is_named(tmp_path):
    data = yaml_text.load(AI_PILOT.read_text(encoding="utf-8"))
    del data["treatment"]["policy"]
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(UsageError, match=r"treatment\.policy: this key is required and missing"):
        load_study(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "nothing of the kind"),
        (b"- a\n- b\n", "nothing of the kind"),
        ("title: 试点".encode("gbk"), "not UTF-8"),
        (b"a: &x\n  b: *x\n", "contains itself"),
    ],
)
def test_a_file_that_is_no_study(tmp_path, content, words):
    path = tmp_path / "study.yaml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=words):
        load_study(path)


def test_an_unknown_study_names_the_known_ones():
    with pytest.raises(UsageError, match=r"did you mean 'ai_pilot'\?.*ai_pilot_edgar"):
        load_study("ai_pilo")


def test_the_folder_names_the_study(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "study.yaml").write_text(AI_PILOT.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(UsageError, match=r"line 2: study: found 'ai_pilot', must be the name of its folder, 'other'"):
        load_study("other", root=tmp_path)


def test_a_spliced_series_needs_a_year_inside_the_window(tmp_path):
    data = yaml_text.load(AI_PILOT.read_text(encoding="utf-8"))
    data["outcome"] |= {"series": "spliced", "splice": {"first": "chen_county", "second": "ceads_city", "year": 2018}}
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    values = load_study(path).dbt_vars(resolve_home(tmp_path))
    assert (values["splice_first"], values["splice_second"], values["splice_year"]) == ("chen_county", "ceads_city", 2018)
    data["outcome"]["splice"]["year"] = 2003
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(UsageError, match=r"outcome\.splice\.year: found 2003"):
        load_study(path)


def test_the_dictionary_is_consistent():
    assert len({v.name for v in VARIABLES.values()}) == len(VARIABLES)
    assert {v.transform for v in VARIABLES.values()} == {"none", "ln", "ln(1+x)"}
    assert "spliced" in EMISSION_SERIES
    assert {"ai_pilot", "low_carbon", "broadband", "smart_city"} <= set(policies_with_a_list())


def test_a_missing_policy_list_is_said(tmp_path):
    with pytest.raises(UsageError, match=POLICY_LIST.name):
        policies_with_a_list(tmp_path / POLICY_LIST.name)


def test_a_missing_companion_is_told_with_its_line(tmp_path):
    (tmp_path / "ai_pilot").mkdir()
    file = tmp_path / "ai_pilot" / "study.yaml"
    file.write_text(AI_PILOT.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_study("ai_pilot", tmp_path)
    line = line_of(file.read_text(encoding="utf-8"), "claims: claims.yaml")
    assert f"line {line}: published.claims: found no file 'claims.yaml'" in str(caught.value)
