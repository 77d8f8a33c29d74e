"""The section ``extensions.sensitivity`` of a study file: what it resolves to, and faults told with their line."""

from __future__ import annotations

import pytest
import yaml
from section_faults import assert_told_in_extensions

from citycarbon import yaml_text
from citycarbon.errors import UsageError
from citycarbon.paths import STUDIES
from citycarbon.study import load_study

COLUMN = {"table": "table2", "column": "2"}


def loaded(tmp_path, **section):
    text = yaml_text.load((STUDIES / "ai_pilot" / "study.yaml").read_text(encoding="utf-8"))
    text["extensions"] = {"sensitivity": {"column": COLUMN, **section}}
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(text, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return load_study(path)


def test_a_column_is_enough(tmp_path):
    asked = loaded(tmp_path).extensions.sensitivity
    assert (asked.distances_km, asked.conley_km) == ([50, 100, 200], [100, 300, 500])
    assert asked.without_years == [] and asked.draws > asked.draws_remade > 0


@pytest.mark.parametrize("study", ["ai_pilot", "ai_pilot_edgar", "low_carbon_edgar"])
def test_the_shipped_studies_ask_for_their_headline_column(study):
    asked = load_study(study).extensions.sensitivity.column
    assert (asked.table, asked.column) == ("table2", "2")


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"column": {"table": "tabel2", "column": "2"}}, "no regression table 'tabel2'; did you mean 'table2'?"),
        ({"column": {"table": "table1", "column": "2"}}, "no regression table 'table1'"),
        ({"column": {"table": "table2", "column": "9"}}, "no column '9' in table2. Allowed: 1, 2"),
        ({"column": {"table": "table4", "column": "2"}}, "column '2' has its own treatment"),
        ({"column": {"table": "table4", "column": "1"}}, "column '1' has its own matching"),
        ({"column": {"table": "table4_matching", "column": "1_dr"}}, "column '1_dr' has its own estimator"),
        ({"column": {"table": "table2_variants", "column": "2_winsor"}}, "column '2_winsor' has its own winsorise"),
        ({"without_years": [2020, 1999]}, "found 1999, allowed are the years of the window"),
        ({"distances_km": [50, 50]}, "the entry '50' stands 2 times"),
        ({"distances_km": [0]}, "greater than 0"),
        ({"conley_kernels": ["box"]}, "'bartlett' or 'uniform'"),
        ({"draws": 0}, "greater than 0"),
        ({"radius_km": 50}, "unknown key"),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path, section, words):
    with pytest.raises(UsageError) as caught:
        loaded(tmp_path, **section)
    assert_told_in_extensions(str(caught.value), tmp_path / "study.yaml", words)
