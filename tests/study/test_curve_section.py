"""The section ``extensions.spec_curve`` of a study file: what the shipped studies ask for, and faults told with their line."""

from __future__ import annotations

import pytest
import yaml

from citycarbon import yaml_text
from citycarbon.econometrics.curve_choices import headline_specification, specifications
from citycarbon.errors import UsageError
from citycarbon.paths import STUDIES
from citycarbon.study import load_study


def loaded(tmp_path, **changed):
    text = yaml_text.load((STUDIES / "ai_pilot" / "study.yaml").read_text(encoding="utf-8"))
    text["extensions"] = {"spec_curve": {**text["extensions"]["spec_curve"], **changed}}
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(text, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return load_study(path)


@pytest.mark.parametrize(("study", "at_least"), [("ai_pilot", 1000), ("ai_pilot_edgar", 200), ("low_carbon_edgar", 200)])
def test_the_shipped_studies_cross_their_readings_and_hold_their_own_column(study, at_least):
    asked = load_study(study)
    crossed = specifications(asked.extensions.spec_curve)
    assert len(set(crossed)) == len(crossed) >= at_least
    assert headline_specification(asked, asked.extensions.spec_curve) in crossed
    assert asked.extensions.spec_curve.draws >= 999


def rule(**condition):
    return [{"id": "all", "label": "all", "filter": [condition]}]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"effects": ["city", "city"]}, "the choice 'city' stands 2 times"),
        ({"winsorise": [0, 0.01, 0.0]}, "the choice '0.0' stands 2 times"),
        ({"scales": []}, "at least 1 item"),
        ({"scales": ["log"]}, "'ln'"),
        ({"winsorise": [0.5]}, "less than 0.5"),
        ({"series": ["chen_county", "chen_county"]}, "the id 'chen_county' stands 2 times"),
        ({"series": [{"first": "chen_county", "second": "edgar_city"}]}, "a splice needs both 'second' and 'year'"),
        (
            {"controls": [{"id": "a", "label": "a", "variables": ["markte"]}]},
            "unknown variable 'markte'; did you mean 'market'?",
        ),
        ({"controls": [{"id": "a", "label": "a", "variables": ["gov", "gov"]}]}, "the control 'gov' stands 2 times"),
        ({"controls": [{"id": "a", "label": "a", "variables": ["lnco2"]}]}, "'lnco2' is the outcome, not a control"),
        ({"samples": rule(variable="yaer", op="lt", value=2020)}, "unknown column 'yaer'"),
        ({"samples": rule(variable="year", op="in", value=2020)}, "a list goes with 'in' and 'not_in'"),
        ({"samples": rule(variable="year", op="lt")}, "operator 'lt' needs the key 'value'"),
        ({"samples": rule(variable="unit_kind", op="ne", value="municipalty")}, "no unit kind 'municipalty'"),
        ({"year_rule": ["announcement"]}, "unknown key"),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path, changed, words):
    with pytest.raises(UsageError) as caught:
        loaded(tmp_path, **changed)
    text = (tmp_path / "study.yaml").read_text(encoding="utf-8").splitlines()
    first = next(i for i, line in enumerate(text, 1) if line.startswith("extensions"))
    assert words in str(caught.value)
    assert int(str(caught.value).split("study.yaml, line ")[1].split(":")[0]) >= first
