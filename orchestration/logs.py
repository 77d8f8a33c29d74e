"""Dagster's logger for runs started from the command line: everything to a file, nothing to the terminal.

The same handler tells whoever listens which step and asset a run has reached; the progress display is such a listener.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

Listener = Callable[[dg.DagsterEvent], None]
_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener | None) -> Iterator[None]:
    """Call ``listener`` with every Dagster event of runs in this process while the block lasts."""
    if listener is None:
        yield
        return
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


class _RunLog(logging.FileHandler):
    def emit(self, record: logging.LogRecord) -> None:
        super().emit(record)
        event = getattr(record, "dagster_meta", {}).get("dagster_event")
        if event is not None:
            for listener in _listeners:
                listener(event)


@dg.logger(config_schema={"path": dg.Field(str, description="the log file; its folder is made")}, description=__doc__)
def file_logger(init_context: dg.InitLoggerContext) -> logging.Logger:
    path = Path(init_context.logger_config["path"])
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = _RunLog(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.Logger("citycarbon.run", level=logging.DEBUG)
    logger.addHandler(handler)
    return logger


def quiet_terminal() -> None:
    """Dagster, dbt and Great Expectations speak to the terminal from warnings up."""
    for name in ("dagster", "dagster_dbt", "dbt", "great_expectations", "py.warnings"):
        logging.getLogger(name).setLevel(logging.WARNING)
