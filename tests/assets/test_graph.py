"""The asset graph: keys and dependencies as a snapshot, and what every asset must say of itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SNAPSHOT = Path(__file__).with_name("graph.json")


@pytest.fixture(scope="module")
def graph(defs):
    return defs.resolve_asset_graph()


@pytest.fixture(scope="module")
def panel():
    from dagster import AssetKey

    return AssetKey("city_panel")


def test_graph_is_the_one_that_was_agreed(graph):
    """After an intended change: ``python -m tests.assets.test_graph`` writes the snapshot anew."""
    assert drawn(graph) == json.loads(SNAPSHOT.read_text(encoding="utf-8"))


def drawn(graph) -> dict[str, list[str]]:
    return {
        key.to_user_string(): sorted(p.to_user_string() for p in graph.get(key).parent_keys)
        for key in sorted(graph.get_all_asset_keys())
    }


def test_every_asset_says_what_it_is(graph):
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        assert node.group_name != "default", key
        assert node.kinds and node.owners == ["team:citycarbon"] and node.description and node.code_version, key
        assert node.pools == {"lake_writer"}, key


def test_nothing_is_estimated_above_the_gate(graph, panel):
    """Everything that Python makes of the panel lies below a blocking check of it."""
    panel_checks = {c.name: graph.get_check_spec(c).blocking for c in graph.asset_check_keys if c.asset_key == panel}
    assert panel_checks["keys_unique"] and panel_checks["co2_jump_blocking"]
    below = graph.get_all_asset_keys() - _upstream(graph, panel)
    groups = ("descriptives", "estimates", "robustness", "heterogeneity", "figures", "tables", "paper", "release")
    computed = {k for k in below if graph.get(k).group_name in groups}
    named = {"table1", "estimates", "event_study", "splits", "figure1", "table8", "comparison", "forensics", "release"}
    assert named <= {key.to_user_string() for key in computed}
    assert all(panel in _upstream(graph, key) for key in computed)


def _upstream(graph, key):
    found = set(graph.get(key).parent_keys)
    return found.union(*(_upstream(graph, parent) for parent in found))


def test_raw_assets_are_the_registered_sources(graph):
    from citycarbon.sources.registry import load_registry

    raw = {k.path[1] for k in graph.materializable_asset_keys if k.path[0] == "raw"}
    assert raw == set(load_registry().sources)


def test_every_rule_of_the_gate_is_a_check_with_its_severity(graph, panel):
    from expectations.rules import RULES

    specs = {c.name: graph.get_check_spec(c) for c in graph.asset_check_keys if c.asset_key == panel}
    for rule in RULES:
        assert specs[rule.id].blocking == (rule.severity == "blocking"), rule.id


def test_code_versions_follow_the_source(manifest):
    from assets.reporting import code_version

    assert code_version("citycarbon/econometrics") != code_version("citycarbon/report")
    with pytest.raises(FileNotFoundError):
        code_version("citycarbon/no_such_folder")


if __name__ == "__main__":
    from orchestration.manifest import prepare_manifest

    prepare_manifest()
    from orchestration.definitions import defs as definitions

    text = json.dumps(drawn(definitions.resolve_asset_graph()), indent=1)
    SNAPSHOT.write_text(text + "\n", encoding="utf-8")
