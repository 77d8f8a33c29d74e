"""The section ``extensions.large_tables`` of a study file: what it resolves to, and faults told with their line."""

from __future__ import annotations

import pytest
import yaml
from section_faults import assert_told_in_extensions

from citycarbon import yaml_text
from citycarbon.errors import UsageError
from citycarbon.paths import STUDIES
from citycarbon.study import load_study

TABLE = {
    "id": "sectors",
    "label": "by sector",
    "edition": "2024",
    "outcome": "y",
    "unit": ["county", "sector"],
    "time": ["month"],
}


def loaded(tmp_path, *tables):
    text = yaml_text.load((STUDIES / "ai_pilot" / "study.yaml").read_text(encoding="utf-8"))
    text["extensions"] = {"large_tables": [dict(t) for t in tables]}
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(text, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return load_study(path), path


def test_a_table_is_dated_and_clustered_by_city_unless_it_says_otherwise(tmp_path):
    study, _ = loaded(tmp_path, TABLE)
    table = study.extensions.large_tables[0]
    assert (table.source, table.city, table.cluster, table.year) == ("large_table", "city_id", "city_id", "year")
    assert (table.controls, table.weights, table.memory_gib) == ([], None, 1.0)


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ([TABLE, TABLE], "the id 'sectors' stands 2 times"),
        ([{**TABLE, "source": "csmar"}], "no source 'csmar' that holds tables. Allowed: large_table"),
        ([{**TABLE, "controls": ["x", "y"]}], "the column 'y' stands 2 times"),
        ([{**TABLE, "controls": ["sector"]}], "the column 'sector' says where or when a row is"),
        ([{**TABLE, "unit": []}], "at least 1 item"),
        ([{**TABLE, "memory_gib": 0}], "greater than 0"),
        ([{k: v for k, v in TABLE.items() if k != "edition"}], "this key is required and missing"),
        ([{**TABLE, "treated": "x"}], "unknown key"),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path, tables, words):
    with pytest.raises(UsageError) as caught:
        loaded(tmp_path, *tables)
    assert_told_in_extensions(str(caught.value), tmp_path / "study.yaml", words)
