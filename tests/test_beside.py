"""The second process: same results in the same order, errors come back, and its end costs nothing but time."""

import operator
import os
import time

import pytest

from citycarbon import beside
from citycarbon.beside import Ended, Helper, Shared, spread


@pytest.fixture(scope="module")
def helper():
    one = Helper()
    yield one
    one.end()


@pytest.fixture
def shared_helper(helper, monkeypatch):
    monkeypatch.setattr(beside, "_helper", helper)
    return helper


def test_a_call_is_computed_in_another_process(helper):
    assert helper.call(os.getpid) not in (os.getpid(), os.getppid())
    assert helper.call(divmod, 17, 5) == (3, 2)


def test_what_it_prints_does_not_get_between_the_answers(helper):
    assert helper.call(print, "noise") is None
    assert helper.call(operator.add, 1, 2) == 3


def test_its_errors_are_raised_here_and_it_goes_on(helper):
    with pytest.raises(ZeroDivisionError, match="by zero"):
        helper.call(operator.floordiv, 1, 0)
    assert helper.call(operator.floordiv, 4, 2) == 2


@pytest.mark.parametrize("workers", [1, 2])
def test_results_keep_the_order_of_the_calls(shared_helper, workers):
    assert spread(pow, [(i, 2) for i in range(50)], workers=workers) == [i * i for i in range(50)]


def test_both_processes_take_part(shared_helper):
    where = "__import__('time').sleep(0.01) or __import__('os').getpid()"
    found = set(spread(eval, [(where,) for _ in range(40)], workers=2))
    assert len(found) == 2 and os.getpid() in found


def test_what_it_cannot_import_is_an_error_and_not_its_end(helper):
    with pytest.raises(ModuleNotFoundError, match="test_beside"):
        helper.call(test_results_keep_the_order_of_the_calls)
    assert helper.call(abs, -1) == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_the_first_error_in_order_is_raised(shared_helper, workers):
    with pytest.raises(ZeroDivisionError):
        spread(operator.floordiv, [(4, 2), (1, 0), (3, "x")], workers=workers)


def test_what_it_leaves_behind_when_it_ends_is_computed_here(monkeypatch):
    gone = Helper()
    monkeypatch.setattr(beside, "_helper", gone)
    gone.end()
    assert spread(abs, [(-i,) for i in range(20)], workers=2) == list(range(20))
    with pytest.raises(Ended):
        gone.call(abs, -1)


def test_an_error_in_the_block_drops_what_waits(shared_helper):
    with pytest.raises(RuntimeError, match="stop"), Shared(time.sleep, beside=True) as shared:
        futures = [shared.add(0.05) for _ in range(5)]
        raise RuntimeError("stop")
    assert not all(future.done() for future in futures)


@pytest.mark.parametrize("calls", [1, 100])
def test_no_more_than_a_few_calls_ever_wait(shared_helper, calls):
    with Shared(time.sleep, beside=True) as shared:
        for _ in range(calls):
            shared.add(0.001)
            assert shared._waiting.qsize() <= beside.BACKLOG
    with Shared(abs, beside=False) as alone:
        assert alone.add(-1).result() == 1  # made at once


def test_one_core_needs_no_second_process(monkeypatch):
    monkeypatch.setattr(beside, "_helper", None)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert beside.start() is None
    assert spread(abs, [(-3,)], workers=2) == [3]
