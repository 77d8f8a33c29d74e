"""Fixtures that several folders share: the one pipeline built per session, the real files, a home that is not the user's.

A test that uses a slow fixture carries its marker, so that ``make fast`` stays fast; the collection hook refuses others.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from citycarbon.paths import Home

if TYPE_CHECKING:
    from orchestration.pipeline import RunReport

# Fixture -> the marker that its users must carry. Fixtures that build on these are covered: the closure is looked at.
SLOW_FIXTURES = {"pipeline": "pipeline", "realdata": "real"}
STUDY = "ai_pilot"

# Tests that load a framework, or read something that takes seconds to make, run on one worker: the other need not as well.
FAMILIES = {
    "dagster": (
        "tests/assets/",
        "tests/test_dbt_runner.py",
        "tests/orchestration/test_definitions.py",
        "tests/orchestration/test_desk.py",
        "tests/orchestration/test_event_store.py",
    ),
    "great_expectations": ("tests/expectations/",),
    "matplotlib": ("tests/figures/",),
    "the small release": (
        "tests/release/",
        "tests/provenance/",
        "tests/report/test_page.py",
        "tests/report/test_page_results.py",
    ),
    "the synthetic world": tuple(f"tests/sample/test_{name}.py" for name in ("files", "panels", "traps", "truth", "world")),
}

# Properties have no deadline: a busy machine is no fault. ``make fast`` tries a quarter of the examples of those that do not
# say how many they need (--hypothesis-profile fast).
settings.register_profile("full", deadline=None)
settings.register_profile("fast", settings.get_profile("full"), max_examples=25)
settings.load_profile("full")


@dataclass(frozen=True)
class Pipeline:
    """One sample run from sources to release. Tests read it; a test that writes makes a home of its own."""

    home: Home
    report: RunReport
    shared: Path
    study: str = STUDY

    def alone(self) -> AbstractContextManager[None]:
        """For a test whose command takes the home's lock, which another worker may hold for a moment."""
        return only_one(self.shared, "pipeline")

    @property
    def landing(self) -> Path:
        return self.report.landing

    @property
    def release(self) -> Path:
        return self.report.release


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Files go to the workers as ``--dist loadfile`` says, except that those of one family stay together."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class ByFamily(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return next((name for name, parts in FAMILIES.items() if file.startswith(parts)), file)

    return ByFamily(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse slow fixtures without their marker."""
    leaks = [
        f"{item.nodeid} uses '{fixture}' without @pytest.mark.{marker}"
        for item in items
        for fixture, marker in SLOW_FIXTURES.items()
        if fixture in getattr(item, "fixturenames", ()) and item.get_closest_marker(marker) is None
    ]
    if leaks:
        raise pytest.UsageError("slow tests in the fast tier:\n  " + "\n  ".join(leaks))


@pytest.fixture(scope="session", autouse=True)
def _never_the_users_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes ./data, whatever the environment of the caller says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CITYCARBON_HOME", str(tmp_path_factory.mktemp("default-home")))
        patch.setenv("OMP_NUM_THREADS", "1")
        for name in ("CITYCARBON_LANDING", "CITYCARBON_STUDY", "CITYCARBON_EXECUTOR", "DAGSTER_HOME"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this session see; whoever makes something in it holds the lock of ``only_one``."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@contextmanager
def only_one(shared: Path, what: str) -> Iterator[None]:
    """One worker at a time; the others wait and then find what the first made."""
    with (shared / f"{what}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def sample_landing(shared: Path) -> Path:
    """The synthetic sources of seed 1, once a session. Copy before changing anything."""
    from citycarbon.sample import write_sample

    folder = shared / "sample"
    with only_one(shared, "sample"):
        if not folder.exists():
            write_sample(folder, seed=1)
    return folder


@pytest.fixture(scope="session")
def manifest() -> None:
    """dbt's manifest, without which ``assets`` cannot be imported: a test that imports it asks for this first."""
    from orchestration.manifest import prepare_manifest

    prepare_manifest()


@pytest.fixture(scope="session")
def defs(manifest: None) -> Any:
    """The code location as it ships, once a session."""
    from orchestration.definitions import build_defs

    return build_defs()


@pytest.fixture(scope="session")
def pipeline(shared: Path, sample_landing: Path) -> Pipeline:
    """The whole job on the sample: marker ``pipeline``. A second worker finds the first one's release: nothing is new."""
    from orchestration.pipeline import run

    home = Home(shared / "home")
    with only_one(shared, "pipeline"):
        return Pipeline(home, run(home, STUDY, sample_landing), shared)


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of real source files: marker ``real``. Absent only where CITYCARBON_REALDATA is not set."""
    given = os.environ.get("CITYCARBON_REALDATA")
    if not given:
        pytest.skip("CITYCARBON_REALDATA is not set")
    folder = Path(given)
    assert folder.is_dir(), f"CITYCARBON_REALDATA names {folder}, which is no folder"
    return folder
