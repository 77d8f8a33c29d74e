"""Refresh on a home that holds a release: what gives a new one, what gives none, and what a failure leaves behind."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from citycarbon.errors import CityCarbonError
from citycarbon.paths import Home
from citycarbon.release.pointers import latest_release, list_releases
from citycarbon.sources.landing import add
from orchestration import pipeline as functions
from orchestration.refreshing import MAX_ATTEMPTS

pytestmark = pytest.mark.pipeline


@pytest.fixture
def released(pipeline, tmp_path):
    """A copy of the session's pipeline whose landing folder may be changed."""
    home = Home(tmp_path / "home")
    shutil.copytree(pipeline.home.root, home.root, symlinks=True)
    shutil.copytree(pipeline.landing, home.landing)
    return replace(pipeline, home=home)


def refresh(released):
    return functions.refresh(released.home, released.study, released.home.landing)


def policy_list(folder: Path, *cities: str) -> Path:
    file = folder / "list.csv"
    file.write_text("city,year\n" + "".join(f"{city},2019\n" for city in cities), encoding="utf-8")
    return file


def test_same_bytes_give_no_release_and_touch_nothing(released):
    before = {p: p.stat().st_mtime_ns for p in released.home.root.rglob("*") if p.name != ".lock"}
    for drop in released.home.landing.glob("*/*/*"):
        drop.touch()
    report = refresh(released)
    assert report.run is None and "up to date" in report.decision.sentence
    after = {p: p.stat().st_mtime_ns for p in released.home.root.rglob("*") if p.name != ".lock"}
    changed = {p for p in before.keys() | after.keys() if before.get(p) != after.get(p)}
    assert not [p for p in changed if released.home.landing not in p.parents and p != released.home.root]


def test_half_written_drop_gives_no_release(released, tmp_path):
    half = released.home.landing / "policy_list" / "2030"
    half.mkdir()
    shutil.copy(policy_list(tmp_path, "北京市"), half)
    assert refresh(released).run is None


def test_new_edition_gives_a_new_release_and_keeps_the_old(released, tmp_path):
    old = latest_release(released.home, released.study)
    add("policy_list", [policy_list(tmp_path, "北京市", "上海市")], "2030", released.home.landing, synthetic=True)
    report = refresh(released)
    assert report.run is not None and report.run.is_new
    new = latest_release(released.home, released.study)
    assert new != old and {old, new} <= set(list_releases(released.home))
    assert latest_release(released.home) == new
    manifest = json.loads((new / "manifest.json").read_text(encoding="utf-8"))
    assert ("policy_list", "2030") in {(i["source"], i["edition"]) for i in manifest["inputs"]}
    assert manifest["predecessor"] == old.name
    diff = json.loads((new / "diff.json").read_text(encoding="utf-8"))
    assert [(f["source"], f["edition"]) for f in diff["inputs"]["added"]] == [("policy_list", "2030")]
    assert diff["coefficients"]["headline"]["status"] == "same" and not diff["notes"]
    assert refresh(released).run is None


def test_failed_run_is_tried_a_bounded_number_of_times_and_the_release_stays(released, tmp_path):
    old = latest_release(released.home, released.study)
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04 cut short")
    drop = add("chen_county", [tmp_path / "broken.xlsx"], "2030", released.home.landing, synthetic=True)
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(CityCarbonError, match="broken.xlsx") as failure:
            refresh(released)
        assert failure.value.exit_code == 2
    given_up = refresh(released)
    assert given_up.run is None and given_up.decision.is_given_up
    assert latest_release(released.home, released.study) == old
    assert drop.is_dir() and (drop / "broken.xlsx").read_bytes().startswith(b"PK")
    shutil.rmtree(drop)  # the fault mended, the home is as it was
    assert not refresh(released).decision.is_given_up
