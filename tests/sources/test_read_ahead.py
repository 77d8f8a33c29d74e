"""Reading ahead fills the cache, changes nothing else, and leaves a bad file for the run to speak of."""

from __future__ import annotations

from citycarbon.paths import Home
from citycarbon.sources.intake import take_in
from citycarbon.sources.landing import add
from citycarbon.sources.read_ahead import main

GOOD = "城市,试点年份,批次\n保定市,2010,第一批\n南昌市,2010,第一批\n"


def test_a_run_finds_what_was_read_ahead(tmp_path):
    (tmp_path / "list.csv").write_text(GOOD, encoding="utf-8")
    landing = tmp_path / "landing"
    add("policy_list", [tmp_path / "list.csv"], "2010", landing)
    ahead, plain = Home(tmp_path / "ahead"), Home(tmp_path / "plain")
    main(landing, ahead)
    assert not (ahead.raw / "policy_list.parquet").exists() and not ahead.snapshots.exists()
    found, expected = take_in("policy_list", landing, ahead), take_in("policy_list", landing, plain)
    assert (found.read_now, expected.read_now) == (0, 1)
    assert (found.sha256, found.quarantine_sha256) == (expected.sha256, expected.quarantine_sha256)


def test_a_file_that_cannot_be_read_stops_no_other_source(tmp_path):
    (tmp_path / "list.csv").write_text(GOOD, encoding="utf-8")
    (tmp_path / "co2.xlsx").write_bytes(b"no workbook")
    landing = tmp_path / "landing"
    add("chen_county", [tmp_path / "co2.xlsx"], "2020", landing)
    add("policy_list", [tmp_path / "list.csv"], "2010", landing)
    home = Home(tmp_path / "home")
    main(landing, home)
    assert take_in("policy_list", landing, home).read_now == 0
