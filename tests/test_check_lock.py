"""The check of the locks finds what is not pinned, has no hash or is out of range, and passes what is in step."""

from __future__ import annotations

import importlib.util

import pytest

from citycarbon.paths import PROJECT_ROOT

SCRIPT = PROJECT_ROOT / "scripts" / "check_lock.py"
LOCK = "a==1.5 \\\n    --hash=sha256:00\nb[x]==2.0 ; python_version < '3.12' \\\n    --hash=sha256:11\n"


@pytest.fixture(scope="module")
def check_lock():
    spec = importlib.util.spec_from_file_location("check_lock", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("wanted", "lock", "sentence"),
    [
        (["a>=1"], LOCK, None),
        (["a>=2"], LOCK, "a>=2 is not met by 1.5 in the lock"),
        (["c"], LOCK, "c is in pyproject.toml and not in the lock"),
        (["a"], LOCK.replace(" \\\n    --hash=sha256:00", ""), "a is pinned without a hash"),
    ],
)
def test_what_is_out_of_step_is_named(check_lock, wanted, lock, sentence):
    assert check_lock.problems(wanted, lock) == ([sentence] if sentence else [])


def test_each_optional_extra_has_a_lock_of_its_own(check_lock):
    project = {"dependencies": ["a"], "optional-dependencies": {"dev": ["b"], "map": ["m==1"], "spark": ["s"], "bench": ["p"]}}
    assert check_lock.requirements_by_lock(project) == {
        "requirements.lock": ["a", "b"],
        "requirements-map.lock": ["m==1"],
        "requirements-spark.lock": ["s"],
        "requirements-bench.lock": ["p"],
    }
    assert "m==1" in check_lock.remedy("requirements-map.lock", ["m==1"])


def test_the_locks_that_are_shipped_are_in_step(check_lock):
    assert check_lock.main() == 0
