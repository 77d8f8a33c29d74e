"""The section ``extensions.inference`` of a study file: its defaults, what it resolves to, and faults told with their line."""

from __future__ import annotations

import pytest
import yaml
from section_faults import assert_told_in_extensions

from citycarbon import yaml_text
from citycarbon.errors import UsageError
from citycarbon.paths import STUDIES
from citycarbon.study import load_study

SIZE = {"id": "size", "label": "thirds", "variable": "population_persons", "year": 2019}
OUTCOMES = {"id": "f", "label": "outcomes", "columns": [{"table": "table3", "column": c} for c in "123"]}
SPLITS = {"id": "g", "label": "splits", "splits": [{"table": t, "column": "1"} for t in ("table5", "table6")]}


def loaded(tmp_path, **section):
    text = yaml_text.load((STUDIES / "ai_pilot" / "study.yaml").read_text(encoding="utf-8"))
    text["extensions"] = {"inference": section}
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(text, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return load_study(path)


def test_a_study_that_says_nothing_has_provinces_and_families_that_follow_from_its_tables(tmp_path):
    asked = loaded(tmp_path).inference
    assert [s.variable for s in asked.strata] == ["province_id"] and asked.families is None and asked.draws is None
    assert load_study("ai_pilot").model_copy(update={"extensions": None}).inference == asked


def test_what_is_declared_is_what_is_asked(tmp_path):
    asked = loaded(tmp_path, strata=[SIZE], families=[OUTCOMES, SPLITS], draws=99).inference
    assert (asked.strata[0].classes, asked.draws, [f.id for f in asked.families]) == (3, 99, ["f", "g"])
    assert loaded(tmp_path, strata=[], families=[]).inference.families == []


@pytest.mark.parametrize("study", ["ai_pilot", "ai_pilot_edgar", "low_carbon_edgar"])
def test_the_shipped_studies_redraw_within_provinces_and_sizes(study):
    assert [s.id for s in load_study(study).inference.strata] == ["province", "size"]


def changed(entry, **change):
    return {**entry, **change}


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"strata": [SIZE, SIZE]}, "the id 'size' stands 2 times"),
        ({"strata": [changed(SIZE, id="cohorts")]}, "'cohorts' is the name of a scheme that there is already"),
        ({"strata": [changed(SIZE, variable="population_person")]}, "did you mean 'population_persons'?"),
        ({"strata": [changed(SIZE, year=None)]}, "Without the key 'year' allowed are province_id"),
        ({"strata": [changed(SIZE, variable="province_id")]}, "no variable 'province_id'"),
        ({"strata": [changed(SIZE, year=2003)]}, "found 2003, allowed are years inside the window after its first"),
        ({"strata": [changed(SIZE, classes=1)]}, "greater than or equal to 2"),
        ({"families": [OUTCOMES, OUTCOMES]}, "the id 'f' stands 2 times"),
        ({"families": [changed(OUTCOMES, columns=[])]}, "a family names either 'columns' or 'splits'"),
        ({"families": [changed(OUTCOMES, splits=SPLITS["splits"])]}, "a family names either 'columns' or 'splits'"),
        ({"families": [changed(OUTCOMES, columns=[{"table": "tabel3", "column": "1"}])]}, "did you mean 'table3'?"),
        ({"families": [changed(OUTCOMES, columns=[{"table": "table2_variants", "column": "2_ever"}])]}, "no headline table"),
        ({"families": [changed(OUTCOMES, columns=[{"table": "table3", "column": "9"}])]}, "no column '9' in table3"),
        ({"families": [changed(OUTCOMES, columns=[{"table": "table3", "column": "1"}] * 2)]}, "'table3:1' stands 2 times"),
        (
            {"families": [changed(OUTCOMES, columns=[{"table": t, "column": "2"} for t in ("table3", "table4")])]},
            "'treatment' differs from that of the first member: one draw cannot date both",
        ),
        ({"families": [changed(SPLITS, splits=[{"table": "table3", "column": "1"}])]}, "the other half of column '1'"),
        (
            {"families": [changed(SPLITS, splits=[{"table": "table5", "column": c} for c in "12"])]},
            "the member 'table5:1/2' stands 2 times",
        ),
        ({"draws": 0}, "greater than 0"),
        ({"seed": 1}, "unknown key"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_line(tmp_path, section, words):
    with pytest.raises(UsageError) as caught:
        loaded(tmp_path, **section)
    assert_told_in_extensions(str(caught.value), tmp_path / "study.yaml", words)
