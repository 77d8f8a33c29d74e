"""Dagster's event files held open for as long as this process has the instance. Knows no job and no asset.

Dagster's sqlite store makes an engine, opens its file and closes it for each of the thousand events of a run: a tenth of the
time of the whole job. Here one connection a file serves them all; what is written is the same, and stands in the files (or
their write-ahead logs, which every reader sees) as soon as an event is stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster._core.storage.event_log.base import EventLogStorage
    from sqlalchemy import Connection, Engine


@contextmanager
def held_open(storage: EventLogStorage) -> Iterator[None]:
    """Let ``storage`` keep its connections while the block lasts. A store that is no sqlite one is left as it is."""
    from dagster._core.storage.event_log import SqliteEventLogStorage

    if not isinstance(storage, SqliteEventLogStorage):
        yield
        return
    engines: dict[str, Engine] = {}

    @contextmanager
    def connect(shard: str) -> Iterator[Connection]:
        with storage._db_lock:  # one at a time, as Dagster has it
            if shard not in engines:
                engines[shard] = _engine(storage.conn_string_for_shard(shard))
            if shard not in storage._initialized_dbs:
                storage._initdb(engines[shard])
                storage._initialized_dbs.add(shard)
            with engines[shard].begin() as connection:
                yield connection

    storage._connect = connect
    try:
        yield
    finally:
        del storage._connect
        for engine in engines.values():
            engine.dispose()


def _engine(url: str) -> Engine:
    from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
    from sqlalchemy import create_engine

    return create_engine(url, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})
