"""Dagster's event files held open: fewer openings, the same events, for every reader, at once and afterwards."""

from __future__ import annotations

import pytest

from citycarbon.paths import Home
from orchestration.event_store import held_open
from orchestration.pipeline import open_instance, prepare_dagster_home


@pytest.fixture
def some_asset():
    import dagster as dg

    @dg.asset
    def some_asset():
        return dg.MaterializeResult(metadata={"rows": 3}, data_version=dg.DataVersion("abc"))

    return some_asset


@pytest.fixture
def made_engines(monkeypatch):
    """One entry for each engine that Dagster's own store makes."""
    from dagster._core.storage.event_log.sqlite import sqlite_event_log

    made = []
    own = sqlite_event_log.create_engine
    monkeypatch.setattr(sqlite_event_log, "create_engine", lambda *a, **k: made.append(a) or own(*a, **k))
    return made


def events_of(home: Home, run: str) -> list[str]:
    """Types of the events of a run as another process reads them."""
    import dagster as dg

    with dg.DagsterInstance.from_config(str(home.dagster_home)) as instance:
        return [entry.dagster_event.event_type_value for entry in instance.all_logs(run) if entry.is_dagster_event]


def test_a_run_opens_no_file_for_each_event_and_every_reader_sees_each_event_at_once(tmp_path, some_asset, made_engines):
    import dagster as dg

    home = Home(tmp_path)
    with open_instance(home) as instance:
        made_engines.clear()
        result = dg.materialize([some_asset], instance=instance)
        assert len(made_engines) < 3 < len(result.all_events)
        meanwhile = events_of(home, result.run_id)
    assert events_of(home, result.run_id) == meanwhile
    assert set(meanwhile) > {e.event_type_value for e in result.all_events} > {"ASSET_MATERIALIZATION"}
    with open_instance(home) as instance:
        found = instance.get_latest_materialization_event(dg.AssetKey("some_asset"))
        assert found.asset_materialization.metadata["rows"].value == 3
        assert found.run_id == result.run_id
    assert not list(home.dagster_home.rglob("*.db-wal"))


def test_the_store_is_dagsters_own_again_afterwards_even_after_a_failure(tmp_path):
    import dagster as dg

    with dg.DagsterInstance.from_config(str(prepare_dagster_home(Home(tmp_path)))) as instance:
        storage = instance.event_log_storage
        with pytest.raises(RuntimeError, match="stop"), held_open(storage):
            assert "_connect" in vars(storage)
            raise RuntimeError("stop")
        assert "_connect" not in vars(storage)
        assert storage._connect.__func__ is type(storage)._connect


def test_a_store_that_is_no_sqlite_one_is_left_alone(some_asset):
    import dagster as dg

    with dg.DagsterInstance.ephemeral() as instance, held_open(instance.event_log_storage):
        assert dg.materialize([some_asset], instance=instance).success
