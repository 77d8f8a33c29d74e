import json

from citycarbon.paths import Home
from citycarbon.sources.landing import add
from orchestration.doctor import examine


def findings(home):
    return {f.what: f for f in examine(home)}


def test_a_fresh_home_has_no_finding(tmp_path):
    assert [str(f) for f in examine(Home(tmp_path / "home")) if not f.is_fine] == []


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
