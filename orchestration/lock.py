"""The lock on a home: one writer at a time, and a message that says who it is. Nothing else writes or reads ``.lock``."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from citycarbon.errors import UsageError
from citycarbon.paths import Home

_POLL_SECONDS = 0.5
# The kernel's lock belongs to an open file; a second opening by this process would wait for itself. Hence the count.
_held_here: dict[Path, int] = {}


@dataclass(frozen=True)
class Holder:
    """Who wrote the lock file last: process id, what it does, since when (local time, ISO)."""

    pid: int
    doing: str
    since: str

    def __str__(self) -> str:
        return f"'{self.doing}' (process {self.pid}, since {self.since})"


def read_holder(path: Path) -> Holder | None:
    """The holder that the lock file names; None where it names none (nobody holds it, or it is being written)."""
    try:
        return Holder(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, json.JSONDecodeError, TypeError):
        return None


def is_locked(home: Home) -> bool:
    """True where a living process holds the lock (this one included)."""
    if not home.lock.exists():
        return False
    with home.lock.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


@contextmanager
def home_lock(home: Home, doing: str, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold the home for the length of the block; a second entry by the same process is free.

    Raises UsageError (exit code 2) naming the holder where it is not free within ``wait_seconds``.
    """
    path = home.lock
    if _held_here.get(path):
        _held_here[path] += 1
        try:
            yield
        finally:
            _held_here[path] -= 1
        return
    with _open(path) as handle:
        _acquire(handle, path, wait_seconds)
        _held_here[path] = 1
        _sign(handle, Holder(os.getpid(), doing, datetime.now().isoformat(timespec="seconds")))
        try:
            yield
        finally:
            del _held_here[path]
            handle.truncate(0)
            fcntl.flock(handle, fcntl.LOCK_UN)


def _open(path: Path) -> IO[str]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+")
    except OSError as error:
        raise UsageError(f"{path.parent} cannot be written ({error.strerror}). Name another home with --home.") from None


def _acquire(handle: IO[str], path: Path, wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                holder = read_holder(path) or "another process"
                raise UsageError(
                    f"{path.parent} is in use by {holder}. Wait until it has finished, or name another home with --home."
                ) from None
        time.sleep(_POLL_SECONDS)


def _sign(handle: IO[str], holder: Holder) -> None:
    handle.seek(0)
    handle.truncate(0)
    json.dump(holder.__dict__, handle)
    handle.flush()
