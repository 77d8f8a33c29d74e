"""Where the results of checks wait until a release takes them in: ``<home>/checks/<study>/<engine>.json``."""

from __future__ import annotations

from pathlib import Path

from citycarbon.checks import CheckResult, read_checks, write_checks
from citycarbon.paths import Home

ENGINES = ("dbt", "gate", "estimates", "splits")


def check_file(home: Home, study: str, engine: str) -> Path:
    return home.root / "checks" / study / f"{engine}.json"


def keep(results: list[CheckResult], home: Home, study: str, engine: str) -> None:
    write_checks(results, check_file(home, study, engine))


def kept(home: Home, study: str, engines: tuple[str, ...] = ENGINES) -> list[CheckResult]:
    """All results of the run in progress, engine by engine; an engine that has not judged yet adds none."""
    files = [check_file(home, study, engine) for engine in engines]
    return [result for file in files if file.is_file() for result in read_checks(file)]


def forget(home: Home, study: str) -> None:
    """Before a run: one that stops early must not be explained by the checks of the run before it."""
    for engine in ENGINES:
        check_file(home, study, engine).unlink(missing_ok=True)
