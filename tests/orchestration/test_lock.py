import json
import subprocess
import sys

import pytest

from citycarbon.errors import UsageError
from citycarbon.paths import Home
from orchestration import lock
from orchestration.lock import home_lock, is_locked, read_holder

HOLD = """
import sys, time
from pathlib import Path
from citycarbon.paths import Home
from orchestration.lock import home_lock
with home_lock(Home(Path(sys.argv[1])), "citycarbon run --study other"):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def another_process(home, seconds):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(home.root), str(seconds)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def test_second_writer_is_told_who_holds_the_home(home):
    process = another_process(home, 30)
    try:
        with (
            pytest.raises(UsageError, match=rf"'citycarbon run --study other' \(process {process.pid}") as refusal,
            home_lock(home, "me"),
        ):
            pass
        assert refusal.value.exit_code == 2
        assert is_locked(home)
    finally:
        process.terminate()
        process.wait()
    assert not is_locked(home)  # a process that is killed lets go


def test_patient_writer_gets_the_home_when_it_is_free(home):
    process = another_process(home, 1)
    with home_lock(home, "me", wait_seconds=20):
        assert read_holder(home.lock).doing == "me"
    assert process.wait() == 0


def test_same_process_enters_twice_and_lets_go_once(home):
    with home_lock(home, "outer"):
        with home_lock(home, "inner"):
            assert read_holder(home.lock).doing == "outer"
        assert is_locked(home)
    assert not is_locked(home)
    assert read_holder(home.lock) is None


def test_lock_is_free_after_an_error(home):
    with pytest.raises(ZeroDivisionError), home_lock(home, "me"):
        raise ZeroDivisionError
    with home_lock(home, "again"):
        assert json.loads(home.lock.read_text())["doing"] == "again"


def test_refusal_comes_at_once(home, monkeypatch):
    process = another_process(home, 30)
    waits = []
    monkeypatch.setattr(lock.time, "sleep", waits.append)
    try:
        with pytest.raises(UsageError), home_lock(home, "me"):
            pass
    finally:
        process.kill()
        process.wait()
    assert waits == []


def test_home_that_cannot_be_made_is_bad_usage_not_a_bug(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="--home"), home_lock(Home(tmp_path / "file"), "me"):
        pass
