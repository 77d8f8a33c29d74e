from types import SimpleNamespace

import pytest

from citycarbon.dbt_runner import DbtRun, to_check


def node(name="unique_city_id", severity="error", **more):
    return {"name": name, "config": {"severity": severity}, "column_name": "city_id", **more}


@pytest.mark.parametrize(
    ("severity", "status", "refuses", "passed"),
    [
        ("error", "pass", False, True),
        ("error", "fail", True, False),
        ("warn", "warn", False, False),
        ("ERROR", "fail", True, False),
    ],
)
def test_a_failed_test_of_severity_error_refuses(severity, status, refuses, passed):
    result = to_check(node(severity=severity), {"status": status, "failures": 0 if passed else 4})
    assert (result.refuses, result.passed, result.engine) == (refuses, passed, "dbt")
    assert result.observed == f"{0 if passed else 4} failing rows"


def test_a_test_that_could_not_run_is_no_verdict_but_a_failure():
    nodes = {"model.c.m": {"name": "m"}, "test.c.t": node("t"), "test.c.u": node("u")}
    results = {
        "model.c.m": {"status": "error", "message": "Catalog Error: no such table"},
        "test.c.t": {"status": "skipped", "message": None},
        "test.c.u": {"status": "pass", "failures": 0, "message": None},
    }
    run = DbtRun(results, nodes, False, "")
    assert [c.id for c in run.tests()] == ["u"]
    assert str(run.failure()) == "model.c.m: Catalog Error: no such table"


def test_a_dbt_that_ends_early_is_explained_by_its_last_words():
    assert "Runtime Error in profiles.yml" in str(DbtRun({}, {}, False, "Runtime Error in profiles.yml").failure())


def test_arguments_carry_the_studys_vars_and_only_a_part_is_selected(manifest, tmp_path):
    from assets.warehouse import build_arguments

    study = SimpleNamespace(dbt_vars=lambda home: {"raw_dir": str(home), "splice_year": 0})
    assert build_arguments(study, tmp_path) == ["build", "--vars", f'{{"raw_dir": "{tmp_path}", "splice_year": 0}}']
    assert build_arguments(study, tmp_path, ["b", "a"])[:4] == ["build", "--select", "a", "b"]


def test_selection_is_empty_where_everything_is_asked_for(manifest):
    import dagster as dg

    from assets.warehouse import selected_models

    keys = {dg.AssetKey("a"), dg.AssetKey("b")}
    everything = SimpleNamespace(
        selected_asset_keys=keys, selected_asset_check_keys=set(), assets_def=SimpleNamespace(keys=keys)
    )
    assert selected_models(everything) == []
    everything.selected_asset_keys = {dg.AssetKey("b")}
    assert selected_models(everything) == ["b"]


@pytest.mark.parametrize(
    ("props", "layer"),
    [
        ({"resource_type": "seed", "fqn": ["citycarbon", "city_codes"]}, "seeds"),
        ({"resource_type": "source", "fqn": ["citycarbon", "staging", "raw", "csmar"]}, "sources"),
        ({"resource_type": "model", "fqn": ["citycarbon", "staging", "stg_csmar"]}, "staging"),
        ({"resource_type": "model", "fqn": ["citycarbon", "marts", "city_panel"]}, "marts"),
    ],
)
def test_groups_are_the_layers_of_the_project(manifest, props, layer):
    from assets.warehouse import layer_of

    assert layer_of(props) == layer
