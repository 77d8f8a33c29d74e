"""The plain functions behind the command line, the sensor and the schedule: ``run``, ``check``, ``refresh``.

Each holds the home's lock, decides from hashes whether there is anything to do before Dagster is imported, executes the job in
this process and turns a failure into one error with its exit code.
"""

from __future__ import annotations

import importlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from citycarbon import beside
from citycarbon.checks import CheckResult, read_checks
from citycarbon.errors import CityCarbonError, GateRefused
from citycarbon.paths import PROJECT_ROOT, Home
from citycarbon.release.identity import EXTENSIONS
from citycarbon.study import load_study
from orchestration.ahead import working_ahead
from orchestration.inputs import DEFAULT_SEED, choose_landing, note_landing
from orchestration.lock import home_lock
from orchestration.names import CHECK_JOB, study_job_name
from orchestration.refreshing import (
    REFRESH_TAG,
    Decision,
    count_attempts,
    landed_version,
    next_refresh,
    released_version,
)

if TYPE_CHECKING:
    import dagster as dg

    from orchestration.logs import Listener

Progress = Callable[[str, int], "Listener"]  # (what is done, number of assets) -> listener


@dataclass(frozen=True)
class RunReport:
    """What a run left behind. ``release`` is the bundle's folder; ``is_new`` is False where nothing had to be done."""

    study: str
    release: Path
    is_new: bool
    landing: Path
    is_synthetic: bool
    seconds: float
    checks: list[CheckResult] = field(default_factory=list)
    log: Path | None = None


@dataclass(frozen=True)
class CheckReport:
    """What ``check`` found: every rule's result, blocking or not; nothing was estimated."""

    study: str
    checks: list[CheckResult]
    landing: Path
    is_synthetic: bool
    log: Path | None = None

    @property
    def refuses(self) -> bool:
        return any(c.refuses for c in self.checks)


@dataclass(frozen=True)
class RefreshReport:
    decision: Decision
    run: RunReport | None = None


@dataclass(frozen=True)
class _Execution:
    error: CityCarbonError | None
    checks: list[CheckResult]
    log: Path


def run(
    home: Home,
    study: str,
    landing: Path | None = None,
    *,
    sample: bool = False,
    seed: int = DEFAULT_SEED,
    public: bool = False,
    extensions: bool = True,
    progress: Any | None = None,
    tags: Mapping[str, str] | None = None,
) -> RunReport:
    """Sources to release for one study; with ``public`` to a bundle that leaves out what may not be passed on;
    without ``extensions`` all tables and figures, and nothing of what the study asks for beyond them.

    Raises UsageError or an error of exit code 2 for input that cannot be used, GateRefused for a panel that fails its gate;
    the last release stays in place in both cases.
    """
    began = time.monotonic()
    load_study(study)  # a fault in the study is told before anything is written
    with home_lock(home, f"citycarbon run --study {study}"):
        chosen = choose_landing(home, landing, sample=sample, seed=seed, meanwhile=load_jobs)
        note_landing(home, chosen.path)
        wanted = landed_version(chosen.path, study, public=public, left_out=() if extensions else (EXTENSIONS,))
        is_new = wanted != released_version(home, study, public=public)
        log = None
        if is_new:
            job = study_job_name(study, extensions)
            done = execute(home, study, chosen.path, job, version=wanted, progress=progress, tags=tags, public=public)
            if done.error is not None:
                raise done.error
            log = done.log
        release = home.releases / str(wanted)
        return RunReport(
            study=study,
            release=release,
            is_new=is_new,
            landing=chosen.path,
            is_synthetic=chosen.is_synthetic,
            seconds=time.monotonic() - began,
            checks=read_checks(release / "checks.json"),
            log=log,
        )


def check(
    home: Home,
    study: str,
    landing: Path | None = None,
    *,
    sample: bool = False,
    seed: int = DEFAULT_SEED,
    progress: Any | None = None,
) -> CheckReport:
    """Read, stage and judge; a refusal is part of the report. Raises for unusable input."""
    load_study(study)
    with home_lock(home, f"citycarbon check --study {study}"):
        chosen = choose_landing(home, landing, sample=sample, seed=seed, meanwhile=load_jobs)
        note_landing(home, chosen.path)
        done = execute(home, study, chosen.path, CHECK_JOB, progress=progress)
        if done.error is not None and not isinstance(done.error, GateRefused):
            raise done.error
        return CheckReport(study, done.checks, chosen.path, chosen.is_synthetic, done.log)


def refresh(home: Home, study: str, landing: Path, *, progress: Any | None = None) -> RefreshReport:
    """Release what is new in ``landing``, if anything is; at most ``MAX_ATTEMPTS`` failed attempts a version.

    Raises what ``run`` raises; the attempt is then counted.
    """
    with home_lock(home, f"citycarbon refresh --study {study}"):
        version, released = landed_version(landing, study), released_version(home, study)
        decision = next_refresh(version, released, lambda v: _attempts(home, v))
        if not decision.is_due:
            return RefreshReport(decision)
        report = run(home, study, landing, progress=progress, tags={REFRESH_TAG: str(version)})
        return RefreshReport(decision, report)


def _attempts(home: Home, version: str) -> int:
    with open_instance(home) as instance:
        return count_attempts(version, instance)


# --- Dagster ----------------------------------------------------------------------------------------------------------------


def prepare_dagster_home(home: Home) -> Path:
    """Make DAGSTER_HOME with the project's template, unless it has a dagster.yaml of its own."""
    folder = home.dagster_home
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "dagster.yaml").exists():
        shutil.copyfile(PROJECT_ROOT / "dagster.yaml", folder / "dagster.yaml")
    return folder


@contextmanager
def open_instance(home: Home) -> Iterator[dg.DagsterInstance]:
    """The Dagster instance of a home."""
    from dagster import DagsterInstance

    from orchestration.event_store import held_open

    with DagsterInstance.from_config(str(prepare_dagster_home(home))) as instance, held_open(instance.event_log_storage):
        yield instance


def load_jobs() -> None:
    """Import Dagster and the definitions, which takes seconds: for while something else is being waited for."""
    from orchestration.manifest import prepare_manifest

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    prepare_manifest()
    importlib.import_module("orchestration.definitions")


def execute(
    home: Home,
    study: str,
    landing: Path,
    job: str,
    *,
    version: str | None = None,
    public: bool = False,
    progress: Any | None = None,
    tags: Mapping[str, str] | None = None,
) -> _Execution:
    """Execute one job in this process: log to a file, speak to ``progress``, explain a failure.

    ``version`` is the release id that was asked for: the release step refuses where its inputs changed meanwhile.
    """
    from orchestration.manifest import prepare_manifest

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    prepare_manifest()
    with working_ahead(home, load_study(study), landing):
        return _execute_job(home, study, landing, job, version, public, progress, tags)


def _execute_job(
    home: Home,
    study: str,
    landing: Path,
    job: str,
    version: str | None,
    public: bool,
    progress: Any | None,
    tags: Mapping[str, str] | None,
) -> _Execution:
    from assets.check_files import forget, kept
    from assets.release import PUBLIC_TAG, VERSION_TAG
    from orchestration.definitions import defs
    from orchestration.failures import explain, was_interrupted
    from orchestration.logs import listening, quiet_terminal

    quiet_terminal()
    forget(home, study)
    log = home.root / "logs" / f"{time.strftime('%Y%m%d-%H%M%S')}-{job}.log"
    definition = defs.resolve_job_def(job)
    listener = progress(len(definition.nodes), len(definition.asset_layer.selected_asset_keys)) if progress else None
    # dbt and libraries print as they please; standard output belongs to the command that asked.
    ahead = None if job == CHECK_JOB else _start_second_process
    with open_instance(home) as instance, listening(listener), listening(ahead), _output_to(log):
        result = definition.execute_in_process(
            run_config=_run_config(home, study, landing, log),
            instance=instance,
            raise_on_error=False,
            tags={**(tags or {}), **({VERSION_TAG: version} if version else {}), **({PUBLIC_TAG: "yes"} if public else {})},
        )
    if not result.success and was_interrupted(result):
        raise KeyboardInterrupt
    checks = kept(home, study)
    error = None if result.success else explain(result, checks, log)
    return _Execution(error, checks, log)


def _start_second_process(event: dg.DagsterEvent) -> None:
    """Once dbt is done: the process loads what estimation needs while the gate uses one core."""
    if event.is_step_success and event.step_key == "warehouse":
        beside.start()


@contextmanager
def _output_to(log: Path) -> Iterator[None]:
    """Append what is printed meanwhile to the log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as handle, redirect_stdout(handle):
        yield


def _run_config(home: Home, study: str, landing: Path, log: Path) -> dict[str, Any]:
    return {
        "resources": {
            "home": {"config": {"root": str(home.root)}},
            "landing": {"config": {"path": str(landing)}},
            "study": {"config": {"name": study}},
        },
        "loggers": {"file": {"config": {"path": str(log)}}},
    }
