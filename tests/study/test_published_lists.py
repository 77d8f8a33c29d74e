"""Published lists of a policy as data of a study: what may be declared, and what a column may be dated by."""

from copy import deepcopy

import pytest
import yaml

from citycarbon import yaml_text
from citycarbon.errors import UsageError
from citycarbon.paths import STUDIES
from citycarbon.study import load_study
from citycarbon.study.spec import is_of_a_list, listed_policy


@pytest.fixture(scope="module")
def shipped():
    return yaml_text.load((STUDIES / "low_carbon_edgar" / "study.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def changed(tmp_path, shipped):
    def load(change):
        data = deepcopy(shipped)
        change(data)
        path = tmp_path / "study.yaml"
        path.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")
        return load_study(path)

    return load


def test_a_list_has_panel_columns_of_its_own():
    study = load_study("low_carbon_edgar")
    by_list = study.column("table2_lists", "2_gbk_csv")
    assert study.policy_of(by_list) == "low_carbon__gbk_csv" == listed_policy("low_carbon", "gbk_csv")
    assert study.policy_of(study.column("table2", "2")) == "low_carbon"
    assert is_of_a_list("did_low_carbon__gbk_csv") and not is_of_a_list("did_low_carbon") and not is_of_a_list("x__y")
    assert study.spec_id("table2_lists", "2_gbk_csv") != study.spec_id("table2_lists", "2_list_xlsx")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda d: d["tables"]["table2_lists"]["columns"][0].update(dated_by="gbk_cvs"),
            ["dated_by", "no list 'gbk_cvs' in this study; did you mean 'gbk_csv'?", "list_of_92"],
        ),
        (lambda d: d["treatment"].pop("lists"), ["Allowed: none; declare it in treatment.lists"]),
        (lambda d: d["treatment"]["lists"][1].update(id="gbk_csv"), ["the list id 'gbk_csv' stands 2 times"]),
        (lambda d: d["treatment"]["lists"][1].update(edition="gbk-csv"), ["the list edition 'gbk-csv' stands 2 times"]),
        (lambda d: d["treatment"]["lists"][0].update(id="gbk__csv"), ["treatment.lists.0.id"]),
        (lambda d: d["treatment"]["lists"][0].pop("label"), ["treatment.lists.0.label: this key is required and missing"]),
        (lambda d: d["tables"]["table2"]["columns"][0].update(rows="every"), ["'study' or 'own'"]),
    ],
)
def test_a_fault_is_refused_with_what_is_allowed(changed, change, words):
    with pytest.raises(UsageError) as caught:
        changed(change)
    assert caught.value.exit_code == 2 and ", line " in str(caught.value)
    for word in words:
        assert word in str(caught.value), str(caught.value)


def test_the_list_is_part_of_what_the_warehouse_builds(changed, tmp_path):
    from citycarbon.paths import resolve_home

    study = changed(lambda d: d["treatment"]["lists"].pop(0) and d["tables"].pop("table2_lists"))
    assert [x["name"] for x in study.dbt_vars(resolve_home(tmp_path))["policy_lists"]] == [
        "low_carbon__list_xlsx",
        "low_carbon__list_of_92",
    ]
