"""Is a refresh due? Decided from content, against the last release that succeeded, with a bounded number of attempts.

A run key that moves on request would lose an edition whose run fails; the version here moves only when a release stands.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from citycarbon.errors import CityCarbonError
from citycarbon.paths import Home

if TYPE_CHECKING:
    import dagster as dg

MAX_ATTEMPTS = 3
REFRESH_TAG = "citycarbon/refresh"  # on every run started by a refresh; its value is the version


@dataclass(frozen=True)
class Decision:
    """What to do about ``version``, the id of the release that the landing folder would give."""

    version: str | None
    attempt: int  # the one to make now, counted from 1; 0 where none is due
    sentence: str

    @property
    def is_due(self) -> bool:
        return self.attempt > 0

    @property
    def is_given_up(self) -> bool:
        return self.version is not None and self.attempt < 0

    @property
    def run_key(self) -> str:
        return f"{self.version}:{self.attempt}"


def next_refresh(version: str | None, last_success: str | None, attempts: Callable[[str], int]) -> Decision:
    """Decide from the version that the landing folder would give, the last released one, and the attempts made so far.

    ``version`` is None where the landing folder holds no complete drop. ``attempts`` is asked only where it matters.
    """
    if version is None:
        return Decision(None, 0, "no complete drop in the landing folder")
    if version == last_success:
        return Decision(version, 0, f"release {version} is up to date: same files, study, code and lock")
    made = attempts(version)
    if made >= MAX_ATTEMPTS:
        return Decision(version, -1, f"{version}: given up after {made} failed attempts; the last release stays in place")
    return Decision(version, made + 1, f"{version}: attempt {made + 1} of {MAX_ATTEMPTS}")


def landed_version(landing: Path, study: str, *, public: bool = False, left_out: Sequence[str] = ()) -> str | None:
    """The id of the release that the complete drops of ``landing`` would give; None where there is none.

    Raises UnusableInput for a drop that is marked as finished and is not what its checksums say.
    """
    from citycarbon.release.identity import release_id
    from citycarbon.sources.landing import scan

    drops = scan(landing)
    for drop in drops:
        if not (drop.is_complete or drop.is_ignored):
            raise drop.refuse()
    return release_id(landing, study, public=public, left_out=left_out) if any(d.is_complete for d in drops) else None


def released_version(home: Home, study: str, *, public: bool = False) -> str | None:
    """The id of the study's last good release (or public bundle), which every failed run leaves in place."""
    from citycarbon.release.pointers import latest_release

    latest = latest_release(home, study, public)
    return latest.name if latest else None


def decide(home: Home, study: str, landing: Path, instance: dg.DagsterInstance) -> Decision:
    """``next_refresh`` on a home: versions from files, attempts from the runs that Dagster recorded."""
    return next_refresh(landed_version(landing, study), released_version(home, study), lambda v: count_attempts(v, instance))


def count_attempts(version: str, instance: dg.DagsterInstance) -> int:
    """Runs that a refresh started for ``version``, whatever ended them. One that succeeded has moved the last release."""
    from dagster import RunsFilter

    return instance.get_runs_count(RunsFilter(tags={REFRESH_TAG: version}))


def is_under_way(home: Home, version: str, instance: dg.DagsterInstance) -> bool:
    """True where a run for ``version`` waits or works. A run that is recorded as started and holds no lock has died."""
    from dagster import DagsterRunStatus, RunsFilter

    from orchestration.lock import is_locked

    waiting = [DagsterRunStatus.QUEUED, DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING]
    working = [DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
    tags = {REFRESH_TAG: version}
    if instance.get_runs_count(RunsFilter(tags=tags, statuses=waiting)):
        return True
    return bool(instance.get_runs_count(RunsFilter(tags=tags, statuses=working))) and is_locked(home)


def watch(look: Callable[[], int], interval: float, sleep: Callable[[float], None] = time.sleep) -> int:
    """Call ``look`` every ``interval`` seconds until interrupted; what a user must know is printed and the watch goes on."""
    said = ""
    while True:
        try:
            look()
        except CityCarbonError as error:
            if str(error) != said:
                print(error, file=sys.stderr, flush=True)
            said = str(error)
        sleep(interval)
