"""The UI as an analyst uses it: a real web server and daemon, driven through the GraphQL that the pages themselves use."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.ui

START_SECONDS, RUN_SECONDS, STOP_SECONDS = 240, 420, 60
LOCATION = {"repositoryLocationName": "citycarbon", "repositoryName": "__repository__"}
LAUNCH = """
mutation($p: ExecutionParams!) { launchRun(executionParams: $p) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  ... on RunConfigValidationInvalid { errors { message } } } }
"""
RUN = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
ASSETS = """
query { assetNodes { assetKey { path } groupName kinds owners { ... on TeamAssetOwner { team } } description
  opNames pools hasMaterializePermission
  assetMaterializations(limit: 1) { runId metadataEntries { __typename label
    ... on MarkdownMetadataEntry { mdStr } ... on IntMetadataEntry { intValue } } tags { key value } } } }
"""
CHECKS = """
query { assetNodeOrError(assetKey: {path: ["city_panel"]}) { ... on AssetNode {
  assetChecksOrError { ... on AssetChecks { checks { name blocking executionForLatestMaterialization { status } } } } } } }
"""
TICKS = """
query($s: SensorSelector!) { sensorOrError(sensorSelector: $s) { ... on Sensor { sensorState { id status
  ticks(limit: 5) { status skipReason error { message } runIds } } } } }
"""


@dataclass
class Server:
    """One ``make ui``: its address, and questions to it."""

    url: str
    home: Path

    def ask(self, query: str, **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            said = json.load(answer)
        assert "errors" not in said, said["errors"]
        return said["data"]

    def launch(self, job: str, assets: list[list[str]] | None = None) -> str:
        """Launch as the button does; the run's id."""
        selector: dict[str, Any] = {**LOCATION, "jobName": job}
        if assets is not None:
            selector |= {"assetSelection": [{"path": path} for path in assets], "assetCheckSelection": []}
        answer = self.ask(LAUNCH, p={"selector": selector, "runConfigData": {}, "mode": "default"})["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return answer["run"]["runId"]

    def finish(self, run: str) -> str:
        def status() -> str | None:
            found = self.ask(RUN, id=run)["runOrError"]["status"]
            return found if found in ("SUCCESS", "FAILURE", "CANCELED") else None

        return wait_for(status, RUN_SECONDS)


def wait_for(look: Callable[[], Any], seconds: float) -> Any:
    """The first true answer of ``look`` within ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(1)
    raise AssertionError(f"nothing within {seconds} s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, sample_landing: Path) -> Iterator[Server]:
    """``make ui`` on a fresh home whose landing folder holds the sample."""
    home = tmp_path_factory.mktemp("ui-home")
    (home / "landing").symlink_to(sample_landing, target_is_directory=True)
    port = free_port()
    log = (home / "ui.log").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestration.ui", "--home", str(home), "--port", str(port)],
        cwd=ROOT,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # a group of its own: the interrupt below reaches every server that it started
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, (home / "ui.log").read_text()
        try:
            with urllib.request.urlopen(f"{url}/server_info", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    try:
        wait_for(answers, START_SECONDS)
        yield Server(url, home)
    finally:
        stop(process)
        log.close()


def stop(process: subprocess.Popen) -> None:
    """Interrupt as Ctrl-C does; what does not end in time is killed, so that no daemon survives the test."""
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_SECONDS)


def test_an_analyst_materialises_everything_and_sees_tables_and_checks(server):
    nodes = {"/".join(n["assetKey"]["path"]): n for n in server.ask(ASSETS)["assetNodes"]}
    assert {
        "raw/chen_county",
        "city_panel",
        "table1",
        "table2",
        "sample_attrition_table",
        "estimates",
        "release",
    } <= nodes.keys()
    run = server.launch("study_ai_pilot")
    assert server.finish(run) == "SUCCESS"

    nodes = {"/".join(n["assetKey"]["path"]): n for n in server.ask(ASSETS)["assetNodes"]}
    for key, node in nodes.items():
        assert node["groupName"] != "default" and node["kinds"] and node["description"], key
        assert [o["team"] for o in node["owners"]] == ["citycarbon"], key
        assert node["pools"] == ["lake_writer"], key
        (made,) = node["assetMaterializations"]
        assert made["runId"] == run, key
        assert {t["key"] for t in made["tags"]} >= {"dagster/data_version"}, key
    for key in ("table1", "table2", "sample_attrition_table"):  # inline what is short, the whole table one click away
        entries = {e["label"]: e for e in nodes[key]["assetMaterializations"][0]["metadataEntries"]}
        for label in ("at a glance", "table"):
            assert "|" in entries[label]["mdStr"] and "SYNTHETIC" in entries[label]["mdStr"], key
        assert len(entries["at a glance"]["mdStr"]) < 1000, key
    checks = server.ask(CHECKS)["assetNodeOrError"]["assetChecksOrError"]["checks"]
    judged = {c["name"]: c for c in checks}
    assert judged["keys_unique"]["blocking"] and not judged["sources_agree"]["blocking"]
    assert all(c["executionForLatestMaterialization"]["status"] == "SUCCEEDED" for c in checks if c["blocking"])
    pointer = server.home / "releases" / "latest-ai_pilot"
    assert json.loads((pointer / "manifest.json").read_text(encoding="utf-8"))["run"]["run_id"] == run


def test_one_table_alone_materialises_from_the_graph(server):
    run = server.launch("__ASSET_JOB", [["table1"]])
    assert server.finish(run) == "SUCCESS"


def test_the_sensor_says_why_nothing_is_due(server):
    sensor = {**LOCATION, "sensorName": "landing_sensor"}
    state = server.ask(TICKS, s=sensor)["sensorOrError"]["sensorState"]
    assert state["status"] == "STOPPED"  # off until someone switches it on
    start = "mutation($s: SensorSelector!) { startSensor(sensorSelector: $s) { __typename } }"
    assert server.ask(start, s=sensor)["startSensor"]["__typename"] == "Sensor"

    def tick() -> dict[str, Any] | None:
        ticks = server.ask(TICKS, s=sensor)["sensorOrError"]["sensorState"]["ticks"]
        return next((t for t in ticks if t["status"] not in ("STARTED",)), None)

    found = wait_for(tick, 120)
    assert found["status"] == "SKIPPED", found
    assert "up to date" in found["skipReason"]
