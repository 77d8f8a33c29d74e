"""A second process that computes what it is sent, so that Python's own work too uses a second core. Knows no subject.

It is a command of its own (``python -m citycarbon.beside``), neither forked nor started from the caller's main module: any
script may use it, with threads or without. Same interpreter, same environment, same machine: the numbers are the same wherever
a call is computed, and :class:`Shared` gives them back in order. Without a second core, or if the process ends, all is computed
here. Pickles go through a pipe between the two and nowhere else.
"""

from __future__ import annotations

import atexit
import importlib
import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import IO, Any

from citycarbon.paths import PROJECT_ROOT

BACKLOG = 6  # calls that may wait
# Loaded when the process starts: what estimation takes seconds to import.
MODULES = ("pandas", "scipy.stats", "citycarbon.econometrics.placebo")


class Ended(Exception):
    """The other process is not there any more."""


class Helper:
    """The other process. One call at a time; started without waiting for it."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "citycarbon.beside"], cwd=PROJECT_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What ``function`` returns or raises there. It must be importable by name. Raises Ended."""
        with self._one_at_a_time:
            try:
                _send((function, arguments), self._process.stdin)
                done, value = pickle.loads(pickle.load(self._process.stdout))
            except (EOFError, OSError, ValueError) as gone:  # ValueError: a pipe that is closed
                raise Ended from gone
        if not done:
            raise value
        return value

    def end(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()


_helper: Helper | None = None


def start() -> Helper | None:
    """The process of this one, started where it is not there yet; None where there is no second core for it."""
    global _helper
    if _helper is None and (os.cpu_count() or 1) > 1:
        _helper = Helper()
        atexit.register(_helper.end)
    return _helper


class Shared:
    """Calls of one function, worked off here and beside; a context manager.

    :meth:`add` hands a call over; :meth:`finish` works here until none is left. Futures have the results.
    ``function`` must depend on its arguments alone.
    """

    def __init__(self, function: Callable[..., Any], *, beside: bool) -> None:
        self._function = function
        self._waiting: queue.SimpleQueue[tuple[Future, tuple] | None] = queue.SimpleQueue()
        self._feeder = None
        helper = start() if beside else None
        if helper is not None:
            self._feeder = threading.Thread(target=self._feed, args=(helper,), daemon=True)
            self._feeder.start()

    def __enter__(self) -> Shared:
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is not None:
            self._empty()
        self.finish()

    def add(self, *arguments: Any) -> Future:
        """A call to be made; its result comes in the future. Where many wait already, or nobody else is there, one is made now:
        what waits takes memory."""
        future: Future = Future()
        self._waiting.put((future, arguments))
        if self._feeder is None or self._waiting.qsize() > BACKLOG:
            self._work_one()
        return future

    def finish(self) -> None:
        """Work here on what waits until nothing does, then wait for what is computed beside."""
        while self._work_one():
            pass
        if self._feeder is not None:
            self._waiting.put(None)
            self._feeder.join()
            self._feeder = None
            self.finish()  # what the other process left behind when it ended

    def _work_one(self) -> bool:
        item = self._next()
        if item is not None:
            _settle(item[0], self._function, item[1])
        return item is not None

    def _next(self) -> tuple[Future, tuple] | None:
        try:
            return self._waiting.get_nowait()
        except queue.Empty:
            return None

    def _empty(self) -> None:
        while self._next() is not None:
            pass

    def _feed(self, helper: Helper) -> None:
        while (item := self._waiting.get()) is not None:
            future, arguments = item
            try:
                future.set_result(helper.call(self._function, *arguments))
            except Ended:
                self._waiting.put(item)
                return
            except Exception as error:
                future.set_exception(error)


def spread(function: Callable[..., Any], calls: Iterable[tuple], *, workers: int) -> list[Any]:
    """The results of calls, in their order; with two ``workers`` the other process takes part."""
    with Shared(function, beside=workers > 1) as shared:
        futures = [shared.add(*arguments) for arguments in calls]
    return [future.result() for future in futures]


def _settle(future: Future, function: Callable[..., Any], arguments: tuple) -> None:
    try:
        future.set_result(function(*arguments))
    except Exception as error:
        future.set_exception(error)


def serve(source: IO[bytes], sink: IO[bytes]) -> None:
    """Answer calls until the source ends: (True, result) or (False, error)."""
    while True:
        try:
            asked = pickle.load(source)
        except EOFError:
            return
        try:
            function, arguments = pickle.loads(asked)
            _send((True, function(*arguments)), sink)
        except Exception as error:
            _send((False, error), sink)


def _send(what: object, sink: IO[bytes]) -> None:
    """A pickle in a pickle: what cannot be read or written as an object is told apart from a pipe that is broken."""
    pickle.dump(pickle.dumps(what, pickle.HIGHEST_PROTOCOL), sink)
    sink.flush()


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what a library prints must not get between the answers
        for name in MODULES:
            importlib.import_module(name)
        serve(sys.stdin.buffer, answers)
