"""The code location: two jobs a study, jobs that select what they say, resources that tests can swap."""

from __future__ import annotations

import uuid

import pytest

from citycarbon.paths import Home
from citycarbon.study import list_studies


def test_definitions_are_loadable(defs):
    import dagster as dg

    dg.Definitions.validate_loadable(defs)


def test_two_jobs_a_study_and_each_job_says_what_it_does(defs):
    names = {job.name for job in defs.resolve_all_job_defs() if not job.name.startswith("__")}
    desk = {"add", "sources", "trace", "diff", "verify", "doctor"}
    assert names == {*(f"{kind}_{s}" for s in list_studies() for kind in ("study", "tables")), "refresh", "check", *desk}
    assert all(defs.resolve_job_def(name).description for name in names)


def test_check_job_estimates_nothing(defs):
    keys = {k.to_user_string() for k in defs.resolve_job_def("check").asset_layer.selected_asset_keys}
    assert "city_panel" in keys and "raw/chen_county" in keys
    assert not keys & {"estimates", "table1", "table2", "release"}


def test_the_shorter_job_of_a_study_leaves_out_what_it_asks_beyond_its_tables(defs):
    from assets.release import WITHOUT_TAG

    graph = defs.resolve_asset_graph()
    whole, shorter = (defs.resolve_job_def(f"{kind}_ai_pilot") for kind in ("study", "tables"))
    left_out = whole.asset_layer.selected_asset_keys - shorter.asset_layer.selected_asset_keys
    assert left_out == {k for k in graph.materializable_asset_keys if graph.get(k).group_name == "extensions"}
    assert shorter.tags[WITHOUT_TAG] == "extensions" and WITHOUT_TAG not in whole.tags


def test_sensor_and_schedule_are_off_until_someone_decides(defs):
    import dagster as dg

    assert defs.resolve_sensor_def("landing_sensor").default_status == dg.DefaultSensorStatus.STOPPED
    schedule = defs.resolve_schedule_def("monthly_refresh")
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
    assert schedule.cron_schedule == "0 3 1 * *"


def test_resources_can_be_swapped_without_patching(manifest, tmp_path):
    import dagster as dg

    from orchestration.definitions import build_defs

    seen = []

    @dg.asset(required_resource_keys={"home"})
    def probe(context):
        seen.append(context.resources.home)

    jobs = [dg.define_asset_job("probing")]
    defs = build_defs(resources={"home": Home(tmp_path)}, assets=[probe], asset_checks=[], jobs=jobs)
    assert defs.resolve_job_def("probing").execute_in_process().success
    assert seen == [Home(tmp_path)]


@pytest.mark.parametrize(("setting", "expected"), [(None, "in_process"), ("multiprocess", "multiprocess")])
def test_executor_follows_the_environment(manifest, monkeypatch, setting, expected):
    from orchestration.jobs import executor

    if setting:
        monkeypatch.setenv("CITYCARBON_EXECUTOR", setting)
    assert executor().name == expected


def test_refresh_request_asks_the_same_function_as_the_command(manifest, monkeypatch, tmp_path):
    import dagster as dg

    from orchestration.sensors import refresh_request

    monkeypatch.setenv("CITYCARBON_HOME", str(tmp_path))
    with dg.DagsterInstance.ephemeral() as instance:
        assert isinstance(refresh_request(instance), dg.SkipReason)
        file = tmp_path / "list.csv"
        file.write_text("city,year\n甲市,2019\n", encoding="utf-8")
        from citycarbon.sources.landing import add

        add("policy_list", [file], "2024", Home(tmp_path).landing)
        first = refresh_request(instance)
        assert first.run_key.endswith(":1")
        _fail(instance, first.tags)
        assert refresh_request(instance).run_key == first.run_key.removesuffix("1") + "2"
        _fail(instance, first.tags)
        _fail(instance, first.tags)
        assert "given up after 3" in refresh_request(instance).skip_message


def _fail(instance, tags):
    import dagster as dg

    failed = dg.DagsterRun(job_name="refresh", run_id=str(uuid.uuid4()), status=dg.DagsterRunStatus.FAILURE, tags=tags)
    instance.add_run(failed)
