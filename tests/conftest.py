"""Fixtures that several folders share: the one pipeline built per session, the real files, a home that is not the user's.

A test that uses a slow fixture carries its marker, so that ``make fast`` stays fast; the collection hook refuses others.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from citycarbon.paths import Home

if TYPE_CHECKING:
    from orchestration.pipeline import RunReport

# Fixture -> the marker that its users must carry. Fixtures that build on these are covered: the closure is looked at.
SLOW_FIXTURES = {"pipeline": "pipeline", "realdata": "real"}
STUDY = "ai_pilot"


@dataclass(frozen=True)
class Pipeline:
    """One sample run from sources to release. Tests read it; a test that writes makes a home of its own."""

    home: Home
    report: RunReport
    study: str = STUDY

    @property
    def landing(self) -> Path:
        return self.report.landing

    @property
    def release(self) -> Path:
        return self.report.release


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse slow fixtures without their marker; keep users of the session's pipeline in one worker, where it is built once."""
    leaks = []
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        leaks += [
            f"{item.nodeid} uses '{fixture}' without @pytest.mark.{marker}"
            for fixture, marker in SLOW_FIXTURES.items()
            if fixture in fixtures and item.get_closest_marker(marker) is None
        ]
        if "pipeline" in fixtures:
            item.add_marker(pytest.mark.xdist_group("pipeline"))
        elif item.get_closest_marker("ui") is not None:
            item.add_marker(pytest.mark.xdist_group("ui"))
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
def sample_landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The synthetic sources of seed 1, once a session. Copy before changing anything."""
    from citycarbon.sample import write_sample

    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, seed=1)
    return folder


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory, sample_landing: Path) -> Pipeline:
    """The whole job on the sample: marker ``pipeline``."""
    from orchestration.pipeline import run

    home = Home(tmp_path_factory.mktemp("pipeline-home"))
    return Pipeline(home, run(home, STUDY, sample_landing))


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of real source files: marker ``real``. Absent only where CITYCARBON_REALDATA is not set."""
    given = os.environ.get("CITYCARBON_REALDATA")
    if not given:
        pytest.skip("CITYCARBON_REALDATA is not set")
    folder = Path(given)
    assert folder.is_dir(), f"CITYCARBON_REALDATA names {folder}, which is no folder"
    return folder
