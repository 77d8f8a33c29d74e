"""Runs dbt in a process of its own and reads what it said: run_results.json and the manifest beside it. Knows no Dagster.

The integration's own runner asks dbt for its version and loads its adapter into this process before each build, which costs as
much time as the build; what is needed from it here (which node is which asset or check) stands in the asset specs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from citycarbon.checks import CheckResult
from citycarbon.paths import DBT_PROJECT, Home

DBT = Path(sys.executable).with_name("dbt")
DATABASE = "scratch.duckdb"
_PARSING: dict[Path, subprocess.Popen] = {}  # one a target folder, from parse_ahead to the build
_JUDGED = ("pass", "fail", "warn")


class DbtFailed(RuntimeError):
    """dbt did not build what it was asked to; the message holds what it said of each node."""


def put_tools_on_path() -> None:
    """dagster-dbt looks for ``dbt`` on PATH while definitions load; a venv that is not activated is not on it."""
    folder = str(DBT.parent)
    if folder not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = folder + os.pathsep + os.environ.get("PATH", "")


@dataclass(frozen=True)
class DbtRun:
    """One finished build: unique_id -> result and node, and whether dbt ended well."""

    results: Mapping[str, Mapping[str, Any]]
    nodes: Mapping[str, Mapping[str, Any]]
    succeeded: bool
    output: str

    def status(self, unique_id: str) -> str | None:
        """dbt's word: success, error, skipped of a model; pass, fail, warn, error, skipped of a test; None: it never ran."""
        return self.results[unique_id]["status"] if unique_id in self.results else None

    def tests(self) -> list[CheckResult]:
        """One result for each test that was judged. One that dbt could not run is no verdict: ``failure`` speaks of it."""
        ran = ((self.nodes[key], found) for key, found in self.results.items() if key.startswith("test."))
        return [to_check(node, found) for node, found in ran if found["status"] in _JUDGED]

    def failure(self) -> DbtFailed:
        """Why the build did not succeed."""
        said = [f"{key}: {found['message']}" for key, found in self.results.items() if found["status"] in ("error", "fail")]
        return DbtFailed("\n".join(said) or f"dbt ended before it built anything:\n{self.output[-4000:]}")


def prepare_scratch(home: Home, study: str) -> Path:
    """dbt's target folder, made with the folder of the marts. One a study: with unchanged vars dbt reuses its parse."""
    target = home.dbt_state / study
    for folder in (target, home.marts(study)):
        folder.mkdir(parents=True, exist_ok=True)
    return target


def vars_argument(values: Mapping[str, Any]) -> list[str]:
    """``--vars`` as dbt takes it. dbt reuses a parse only where these are the same to the letter."""
    return ["--vars", json.dumps(values, ensure_ascii=False)]


def parse_ahead(values: Mapping[str, Any], target: Path) -> None:
    """Let dbt read its project with these vars in a process of its own; the build that follows waits and starts faster."""
    arguments = [str(DBT), "--quiet", "parse", *vars_argument(values)]
    env = _environment(target, target / DATABASE)
    _PARSING[target] = subprocess.Popen(
        arguments, cwd=DBT_PROJECT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def end_parse(target: Path, *, at_once: bool = False) -> None:
    """Wait for the parse that runs ahead in ``target``, if one does, or end it. A failed one is no error: the build parses."""
    process = _PARSING.pop(target, None)
    if process is None:
        return
    if at_once:
        process.terminate()
    process.wait()


def run_dbt(arguments: Sequence[str], target: Path, database: Path) -> DbtRun:
    """Run dbt with its scratch in ``target``; every line it prints is passed on to standard output."""
    end_parse(target)
    (target / "run_results.json").unlink(missing_ok=True)
    process = subprocess.Popen(
        [str(DBT), *arguments],
        cwd=DBT_PROJECT,
        env=_environment(target, database),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    lines = []
    for line in process.stdout or ():
        lines.append(line)
        print(line, end="", flush=True)
    return _read(target, process.wait() == 0, "".join(lines))


def _environment(target: Path, database: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(target),
        "DBT_PROFILES_DIR": str(DBT_PROJECT),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "CITYCARBON_DBT_DB": str(database),  # read by profiles.yml
    }


def _read(target: Path, succeeded: bool, output: str) -> DbtRun:
    results, manifest = target / "run_results.json", target / "manifest.json"
    if not (results.is_file() and manifest.is_file()):
        return DbtRun({}, {}, False, output)
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"]
    body = json.loads(results.read_text(encoding="utf-8"))["results"]
    return DbtRun({r["unique_id"]: r for r in body if r["unique_id"] in nodes}, nodes, succeeded, output)


def to_check(node: Mapping[str, Any], result: Mapping[str, Any]) -> CheckResult:
    """A dbt test as our own result. One of severity error is blocking: dbt builds nothing on a model that failed it."""
    severity = "blocking" if str(node["config"].get("severity", "error")).lower() == "error" else "warning"
    return CheckResult(
        id=node["name"],
        severity=severity,
        passed=result["status"] == "pass",
        observed=f"{result.get('failures') or 0} failing rows",
        expected="no failing row",
        title=node.get("description") or node["name"].replace("_", " "),
        reason="staging keeps what it promises: keys, relationships, accepted values, units",
        engine="dbt",
        columns=[node["column_name"]] if node.get("column_name") else [],
    )
