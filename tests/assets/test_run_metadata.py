"""What a finished run left in Dagster: the same facts that the UI shows and that a release's lineage is written from."""

from __future__ import annotations

import json

import pytest

from orchestration.pipeline import open_instance

pytestmark = pytest.mark.pipeline

MARTS = ("city_panel", "city_panel_cells", "sample_attrition", "observations", "corrections_applied", "stage_quarantine")


@pytest.fixture(scope="module")
def made(pipeline):
    """Asset key -> its materialization."""
    from orchestration.definitions import defs

    with open_instance(pipeline.home) as instance:
        events = {k: instance.get_latest_materialization_event(k) for k in defs.resolve_asset_graph().materializable_asset_keys}
    return {key.to_user_string(): event.asset_materialization for key, event in events.items() if event}


def test_every_asset_was_made_with_rows_schema_and_a_content_version(made):
    for key, event in made.items():
        assert len(event.tags["dagster/data_version"]) in (16, 64), key
        if key != "release":
            assert event.metadata["dagster/row_count"].value >= 0, key
            assert event.metadata["dagster/column_schema"].schema.columns, key


def test_versions_of_marts_and_raw_tables_are_the_hashes_of_their_files(made, pipeline):
    from assets.reporting import sha256

    files = {name: pipeline.home.marts(pipeline.study) / f"{name}.parquet" for name in MARTS}
    files["raw/chen_county"] = pipeline.home.raw / "chen_county.parquet"
    for key, path in files.items():
        assert made[key].tags["dagster/data_version"] == sha256(path), key


def test_every_staging_and_mart_column_is_traced_to_the_columns_above_it(made):
    import dagster as dg

    staged = {key: event for key, event in made.items() if key.startswith("stg_") or key in MARTS}
    assert len(staged) > len(MARTS)
    for key, event in staged.items():
        deps = event.metadata["dagster/column_lineage"].value.deps_by_column
        columns = {c.name for c in event.metadata["dagster/column_schema"].schema.columns}
        assert deps.keys() == columns, key
        # A constant column rests on nothing; most columns rest on something.
        assert sum(bool(found) for found in deps.values()) > 0.6 * len(columns), key
    value = made["stg_chen_county"].metadata["dagster/column_lineage"].value.deps_by_column["value"]
    assert dg.TableColumnDep(dg.AssetKey(["raw", "chen_county"]), "value") in value


def test_estimates_name_the_panel_columns_they_rest_on(made):
    deps = made["estimates"].metadata["dagster/column_lineage"].value.deps_by_column["estimate"]
    names = {d.column_name for d in deps}
    assert {"lnco2", "did_ai_pilot", "in_sample", "gov"} <= names
    panel = {c.name for c in made["city_panel"].metadata["dagster/column_schema"].schema.columns}
    assert names <= panel


def test_release_keeps_the_lineage_of_its_run(pipeline):
    lineage = json.loads((pipeline.release / "lineage" / "lineage.json").read_text(encoding="utf-8"))
    text = json.dumps(lineage)
    manifest = json.loads((pipeline.release / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["run"]["run_id"] in text
    for name in ("raw/chen_county", "city_panel", "estimates", "keys_unique"):
        assert name in text


def test_checks_of_every_engine_stand_in_the_release(pipeline):
    engines = {c.engine for c in pipeline.report.checks}
    assert engines == {"dbt", "great_expectations", "asset_check"}
    recovered = next(c for c in pipeline.report.checks if c.id == "planted_effect_recovered")
    assert recovered.passed and "coefficients" in recovered.observed
    assert not [c.id for c in pipeline.report.checks if c.refuses]


def test_terminal_stays_quiet_and_the_log_does_not(pipeline):
    text = next((pipeline.home.root / "logs").glob("*-study_ai_pilot.log")).read_text(encoding="utf-8")
    assert "STEP_SUCCESS" in text and "city_panel" in text and "dbt=" in text
