import hashlib
import json
import sys

import pytest

import citycarbon.study
from citycarbon.errors import UsageError
from citycarbon.paths import PROJECT_ROOT, Home
from citycarbon.sources.landing import add
from orchestration import doctor
from orchestration.cli import main
from orchestration.doctor import examine


def findings(home):
    return {f.what: f for f in examine(home)}


def test_a_fresh_home_has_no_finding(tmp_path, lock_in_step):
    assert [str(f) for f in examine(Home(tmp_path / "home")) if not f.is_fine] == []


def test_an_environment_of_another_lock_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(doctor, "_pins", lambda: {"pytest": pytest.__version__})
    stamp = tmp_path / ".citycarbon-lock"
    stamp.write_text("0" * 64, encoding="utf-8")
    found = doctor._lock_installed(Home(tmp_path))
    assert not found.is_fine and "another lock" in found.seen and "make run" in found.remedy
    stamp.write_bytes(b"".join((PROJECT_ROOT / name).read_bytes() for name in ("requirements.lock", "pyproject.toml")))
    stamp.write_text(hashlib.sha256(stamp.read_bytes()).hexdigest(), encoding="utf-8")
    assert doctor._lock_installed(Home(tmp_path)).is_fine
    monkeypatch.setattr(doctor, "_pins", lambda: {"pytest": "0.1"})
    assert "(lock: 0.1)" in doctor._lock_installed(Home(tmp_path)).seen


def test_a_broken_drop_is_found_with_what_to_do(tmp_path):
    home = Home(tmp_path)
    file = tmp_path / "list.csv"
    file.write_text("city,year\n甲市,2019\n", encoding="utf-8")
    drop = add("policy_list", [file], "2024", home.landing)
    (drop / "list.csv").write_text("changed", encoding="utf-8")
    found = findings(home)["landing"]
    assert not found.is_fine
    assert "policy_list/2024" in str(found) and "citycarbon add" in str(found)


def test_a_signature_that_nobody_holds_is_found(tmp_path):
    home = Home(tmp_path)
    home.lock.write_text(json.dumps({"pid": 1, "doing": "citycarbon run", "since": "2026-01-01T00:00:00"}))
    found = findings(home)["lock of the home"]
    assert not found.is_fine and str(home.lock) in found.remedy


def test_a_pointer_to_a_release_that_is_gone_is_found(tmp_path):
    home = Home(tmp_path)
    home.releases.mkdir()
    (home.releases / "latest-ai_pilot").symlink_to("0123456789abcdef")
    assert "latest-ai_pilot" in str(findings(home)["releases"])


def test_a_home_that_is_a_file_is_found(tmp_path):
    (tmp_path / "file").write_text("")
    assert not findings(Home(tmp_path / "file"))["home"].is_fine


@pytest.fixture
def broken_study(monkeypatch):
    """One study of two cannot be used."""
    good, _ = citycarbon.study.load_all()
    fault = UsageError("studies/mine/study.yaml, line 3: outcome: found 'x'\nstudies/mine/study.yaml, line 9: window: found 1")
    monkeypatch.setattr(citycarbon.study, "load_all", lambda: (good[:1], {"mine": fault}))
    return good[0].study


def test_a_broken_study_is_a_finding(tmp_path, broken_study):
    found = findings(Home(tmp_path))["studies"]
    assert not found.is_fine
    assert "line 3: outcome" in found.seen and "1 more fault" in found.seen and "studies/mine/study.yaml" in found.remedy


def test_studies_lists_the_good_ones_and_ends_with_2_naming_the_broken_one(tmp_path, broken_study, capsys):
    assert main(["--home", str(tmp_path), "studies"]) == 2
    said = capsys.readouterr()
    assert any(line.startswith(broken_study) for line in said.out.splitlines())
    assert "mine cannot be used" in said.err and "line 3" in said.err and "line 9" in said.err
