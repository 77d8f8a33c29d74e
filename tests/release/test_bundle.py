"""The bundle: complete, byte-identical for one id, and in place whole or not at all."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from citycarbon.checks import CheckResult
from citycarbon.errors import GateRefused, UsageError
from citycarbon.release import content, find_release, latest_release, verify
from citycarbon.release.content import IncompleteRun
from citycarbon.release.diff import compare
from citycarbon.release.identity import file_sha256
from citycarbon.release.manifest import may_differ, read_manifest
from citycarbon.study import load_study
from citycarbon.study.other_policies import policy_label

CONTRACT = [
    "manifest.json",
    "datapackage.json",
    "panel.parquet",
    "panel_cells.parquet",
    "sample_attrition.csv",
    "quarantine.csv",
    "corrections.csv",
    "estimates.csv",
    "estimates.parquet",
    "tables/table1.csv",
    "tables/table2.tex",
    "checks.json",
    "study.yaml",
    "other_policies.yaml",
    "lineage/lineage.json",
    "lineage/prov.json",
    "lineage/openlineage.ndjson",
    "lineage/raw_rows.parquet",
    "ro-crate-metadata.json",
    "diff.json",
    "diff.md",
    "report/index.html",
]


def test_the_bundle_holds_the_contract_and_the_pointers_name_it(released, release):
    assert [name for name in CONTRACT if not (release / name).is_file()] == []
    for pointer in ("latest", "latest-ai_pilot"):
        assert (released.home.releases / pointer).readlink() == Path(release.name)


def test_the_bundles_study_calls_other_policies_as_the_tables_do(release):
    """``verify`` prints the tables again from the bundle alone."""
    shipped, own = load_study("ai_pilot"), load_study(release / "study.yaml")
    for policy in ("low_carbon", "ets"):
        assert policy_label(own, policy) == policy_label(shipped, policy) != policy.replace("_", " ")


def test_the_manifest_states_inputs_rows_and_the_hash_of_every_other_file(release):
    body = json.loads((release / "manifest.json").read_text(encoding="utf-8"))
    files = {f.relative_to(release).as_posix(): file_sha256(f) for f in release.rglob("*") if f.is_file()}
    files.pop("manifest.json")
    assert {name: said["sha256"] for name, said in body["files"].items()} == files
    assert {(i["source"], i["edition"], i["file"]) for i in body["inputs"]} == {
        ("chen_county", "2022", "county.xlsx"),
        ("compiled_city", "2023", "controls.csv"),
    }
    assert all(i["sha256"] and i["licence"] and i["citation"] for i in body["inputs"])
    assert body["row_counts"]["panel.parquet"] == 112
    assert body["packages"]["pandas"] == pd.__version__
    assert body["id"] == release.name


def test_the_same_id_gives_the_same_bytes_where_the_contract_says_so(tiny, tmp_path):
    first = tiny.build()
    first.rename(tmp_path / "first")
    later = {**tiny.arguments["run_info"], "run_id": "run-2", "finished_at": "2025-01-01T00:00:00+00:00"}
    second = tiny.build(run_info=later)
    names = sorted(f.relative_to(second).as_posix() for f in second.rglob("*") if f.is_file())
    assert names == sorted(f.relative_to(tmp_path / "first").as_posix() for f in (tmp_path / "first").rglob("*") if f.is_file())
    differing = [n for n in names if (second / n).read_bytes() != (tmp_path / "first" / n).read_bytes()]
    assert "manifest.json" in differing
    assert [n for n in differing if not may_differ(n)] == []


def test_tables_have_a_fixed_order_whatever_the_marts_had(release):
    panel = pq.read_table(release / "panel.parquet").to_pandas()
    assert panel[["city_id", "year"]].equals(panel[["city_id", "year"]].sort_values(["city_id", "year"], ignore_index=True))
    raw = pq.read_table(release / "lineage/raw_rows.parquet")
    assert raw.num_rows == 14 * 8 * 2 + 14 * 8 * 8 - 1  # two counties a city-year, eight variables, one cell missing
    assert not any(raw["withheld"].to_pylist())


def test_a_whole_release_is_kept_and_a_damaged_one_set_aside(released, release):
    before = (release / "manifest.json").stat().st_mtime_ns
    assert released.build() == release
    assert (release / "manifest.json").stat().st_mtime_ns == before
    (release / "panel.parquet").write_bytes(b"broken")
    assert released.build() == release
    assert verify(release).ok
    assert (released.home.releases / f".damaged-{release.name}-1" / "panel.parquet").read_bytes() == b"broken"


@pytest.mark.slow
def test_a_process_killed_before_the_rename_leaves_the_last_release(released, release):
    here = str(Path(__file__).parent)
    code = f"""
import os, signal, sys
sys.path[:0] = [{here!r}, {str(Path(here).parent)!r}]
from pathlib import Path
from tiny_fixtures import at
from citycarbon.release import bundle
bundle._settle = lambda *given: os.kill(os.getpid(), signal.SIGKILL)
at(Path({str(released.landing.parent)!r})).build(run_info={{"seed_info": {{"n": 2}}}})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert list(released.home.releases.glob(".building-*"))
    assert latest_release(released.home, "ai_pilot") == release == latest_release(released.home)
    assert verify(release).ok
    other = released.build(run_info={"seed_info": {"n": 2}})
    assert other != release
    assert latest_release(released.home) == other
    assert not list(released.home.releases.glob(".building-*"))
    assert verify(release).ok


def test_a_failure_while_assembling_leaves_nothing_behind(released, release, monkeypatch):
    (released.home.results("ai_pilot") / "estimates.csv").unlink()
    with pytest.raises(IncompleteRun, match=r"estimates\.csv"):
        released.build(run_info={"seed_info": {"n": 2}})
    assert latest_release(released.home) == release
    assert sorted(p.name for p in released.home.releases.iterdir()) == sorted([release.name, "latest", "latest-ai_pilot"])


def test_a_failed_blocking_check_releases_nothing(tiny):
    refused = CheckResult("keys_unique", "blocking", False, "2 rows of one key", "one", failing=[("370100", 2015)])
    with pytest.raises(GateRefused, match="keys_unique"):
        tiny.build(checks=[refused])
    assert latest_release(tiny.home) is None


def test_inputs_that_change_during_the_run_release_nothing(tiny):
    with pytest.raises(UsageError, match="inputs changed during the run"):
        tiny.build(run_info={"release_id": "0" * 16})
    for file in (tiny.landing / "compiled_city" / "2023").iterdir():
        file.unlink()
    with pytest.raises(UsageError, match="no complete drop"):
        tiny.build()
    assert latest_release(tiny.home) is None


def test_a_release_is_found_by_path_id_start_pointer_and_study(released, release):
    for name in (None, release, release.name, release.name[:6], "latest", "latest-ai_pilot", "ai_pilot"):
        assert find_release(released.home, name) == release
    with pytest.raises(UsageError, match=f"'nosuch'.*{release.name}"):
        find_release(released.home, "nosuch")


def test_a_home_without_releases_says_how_to_make_one(tiny):
    with pytest.raises(UsageError, match="citycarbon run"):
        find_release(tiny.home)


def test_the_datapackage_describes_every_table_with_units_and_hashes(release):
    body = json.loads((release / "datapackage.json").read_text(encoding="utf-8"))
    resources = {r["path"]: r for r in body["resources"]}
    tables = {f.relative_to(release).as_posix() for f in release.rglob("*") if f.suffix in (".csv", ".parquet")}
    assert set(resources) == tables
    assert len({r["name"] for r in body["resources"]}) == len(tables)
    assert resources["panel.parquet"]["hash"] == f"sha256:{file_sha256(release / 'panel.parquet')}"
    fields = {f["name"]: f for f in resources["panel.parquet"]["schema"]["fields"]}
    assert fields["co2_mt"] == {"name": "co2_mt", "type": "number", "unit": "Mt"} | fields["co2_mt"]
    assert (
        fields["city_id"]["type"]
        == "string"
        == {f["name"]: f for f in _fields(resources, "sample_attrition.csv")}["city_id"]["type"]
    )
    assert body["sources"][0]["title"] and body["licenses"] and body["$schema"]


def _fields(resources, path):
    return resources[path]["schema"]["fields"]


def test_a_run_without_extensions_takes_nothing_that_an_earlier_one_left(released, monkeypatch):
    """A file of the group lies in the results: the whole release has it, the shorter one says what it is without."""
    monkeypatch.setattr(content, "EXTENSION_TABLES", ("staggered",))
    monkeypatch.setattr(content, "RESULT_TABLES", (*content.RESULT_TABLES, "staggered"))
    (released.home.results("ai_pilot") / "staggered.csv").write_text("estimator\n", encoding="utf-8")
    whole = released.build(run_info={**released.arguments["run_info"], "seed_info": {"again": 1}})
    shorter = released.build(left_out=["extensions"])
    assert (whole / "staggered.csv").is_file() and not (shorter / "staggered.csv").exists()
    assert read_manifest(shorter)["left_out"] == ["extensions"] and read_manifest(whole)["left_out"] == []
    assert "WITHOUT EXTENSIONS" in (shorter / "report" / "index.html").read_text(encoding="utf-8")
    assert any("without the group extensions" in note for note in compare(whole, shorter)["notes"])
