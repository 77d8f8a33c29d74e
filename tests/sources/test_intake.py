"""Raw tables follow from received bytes, records and readers alone: cache, order, reruns and bad editions change nothing."""

from __future__ import annotations

import stat
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from citycarbon.errors import UnusableInput, UsageError
from citycarbon.paths import Home
from citycarbon.sources import intake, patents
from citycarbon.sources.intake import code_hash, describe_sources, receive, take_in, take_in_all
from citycarbon.sources.landing import MARKER, add, scan, sha256_of
from citycarbon.sources.rawrows import QUARANTINE_SCHEMA, RAW_SCHEMA
from citycarbon.sources.registry import load_registry

HEADER = [
    ["Year", "City", "GrnInvApp", "GrnUmApp"],
    ["年份", "城市", "当年申请的绿色发明数量", "当年申请的绿色实用新型数量"],
    ["没有单位", "没有单位", "件", "件"],
]


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def landing(tmp_path) -> Path:
    return tmp_path / "landing"


@pytest.fixture
def drop(make_book, landing):
    """Add an edition of green patents with a few rows."""

    def make(edition: str, rows, where: Path | None = None) -> Path:
        book = make_book({"Sheet1": HEADER + rows}, f"green{edition}.xlsx")
        return add("green_patents", [book], edition, where or landing)

    return make


OLD = [[2019, "济南市", 10, 20], [2020, "济南市", 11, 21]]
NEW = [[2019, "济南市", 12, 22], [2020, "济南市", 13, 23], [2021, "济南市", 14, None]]


def test_all_editions_are_read_in_order_and_snapshots_are_read_only_copies(drop, landing, home):
    drop("2022", NEW)
    drop("2021", OLD)
    report = take_in("green_patents", landing, home)
    table = pq.read_table(report.path)
    assert report.editions == ("2021", "2022")
    assert report.rows == table.num_rows == 9
    assert table["edition"].to_pylist() == ["2021"] * 4 + ["2022"] * 5
    assert table["value"].to_pylist() == [10, 20, 11, 21, 12, 22, 13, 23, 14]
    assert report.sha256 == sha256_of(report.path)
    for file in report.files:
        copy = home.snapshots / file.sha256
        assert copy.read_bytes() == file.path.read_bytes()
        assert copy.stat().st_nlink == 1
        assert not copy.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)


def test_every_row_leads_back_to_the_stored_cell(drop, landing, home):
    import openpyxl

    drop("2022", NEW)
    report = take_in("green_patents", landing, home)
    for row in pq.read_table(report.path).to_pylist():
        snapshot = home.snapshots / row["file_sha256"]
        with snapshot.open("rb") as handle:
            stored = openpyxl.load_workbook(handle)[row["sheet"]][row["cell"]].value
        assert str(stored) == row["text"]
        assert float(stored) == row["value"]


def test_a_cache_hit_gives_identical_bytes_and_touches_nothing(drop, landing, home):
    drop("2022", NEW)
    first = take_in("green_patents", landing, home)
    time = first.path.stat().st_mtime_ns
    again = take_in("green_patents", landing, home)
    assert (first.read_now, again.read_now) == (1, 0)
    assert again.sha256 == first.sha256
    assert again.quarantine_sha256 == first.quarantine_sha256
    assert again.warnings == first.warnings
    assert first.path.stat().st_mtime_ns == time


def test_only_what_is_new_is_read(drop, landing, home):
    drop("2021", OLD)
    take_in("green_patents", landing, home)
    drop("2022", NEW)
    assert take_in("green_patents", landing, home).read_now == 1


def test_bytes_depend_on_content_alone(drop, landing, home, tmp_path):
    drop("2021", OLD)
    take_in("green_patents", landing, home)
    drop("2022", NEW)
    stepwise = take_in("green_patents", landing, home)
    other = tmp_path / "other landing"
    drop("2022", NEW, other)
    drop("2021", OLD, other)
    # A workbook carries its time of creation: take the very files.
    for edition in ("2021", "2022"):
        source = landing / "green_patents" / edition
        for file in source.iterdir():
            (other / "green_patents" / edition / file.name).write_bytes(file.read_bytes())
    at_once = take_in("green_patents", other, Home(tmp_path / "other home"))
    assert at_once.sha256 == stepwise.sha256
    assert at_once.quarantine_sha256 == stepwise.quarantine_sha256


def test_a_damaged_cache_entry_is_read_again(drop, landing, home):
    drop("2022", NEW)
    first = take_in("green_patents", landing, home)
    entry = next(p for p in (home.raw / "files").iterdir() if "quarantine" not in p.name)
    entry.write_bytes(entry.read_bytes()[:100])
    again = take_in("green_patents", landing, home)
    assert (again.read_now, again.sha256) == (1, first.sha256)


def test_a_new_reader_version_reads_again(drop, landing, home, monkeypatch):
    drop("2022", NEW)
    take_in("green_patents", landing, home)
    monkeypatch.setattr(patents, "READER_VERSION", "2")
    assert take_in("green_patents", landing, home).read_now == 1


def test_the_code_hash_covers_the_helpers_that_a_reader_imports(tmp_path, monkeypatch):
    before = code_hash("citycarbon.sources.patents")
    for module in intake._SOURCES_FOLDER.glob("*.py"):
        (tmp_path / module.name).write_bytes(module.read_bytes())
    monkeypatch.setattr(intake, "_SOURCES_FOLDER", tmp_path)
    assert code_hash.__wrapped__("citycarbon.sources.patents") == before
    helper = tmp_path / "cells.py"
    helper.write_text(helper.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    assert code_hash.__wrapped__("citycarbon.sources.patents") != before


def test_the_code_hash_covers_the_word_list(tmp_path, monkeypatch):
    from citycarbon.sources import gov_reports

    before = code_hash.__wrapped__("citycarbon.sources.gov_reports")
    longer = tmp_path / "words.csv"
    longer.write_text(gov_reports.ENVIRONMENT_WORDS.read_text(encoding="utf-8") + "蓝藻,water,x,x\n", encoding="utf-8")
    monkeypatch.setattr(gov_reports, "READER_INPUTS", (longer,))
    assert code_hash.__wrapped__("citycarbon.sources.gov_reports") != before


def test_a_bad_new_edition_leaves_the_last_raw_tables(drop, landing, home):
    drop("2021", OLD)
    first = take_in("green_patents", landing, home)
    kept = (first.path.read_bytes(), first.quarantine_path.read_bytes())
    folder = drop("2022", [[2021, "济南市", "x", "y"], [2021, "青岛市", "z", 1]])
    with pytest.raises(UnusableInput, match=r"2022/green2022\.xlsx, sheet 'Sheet1', cell C4"):
        take_in("green_patents", landing, home)
    assert (first.path.read_bytes(), first.quarantine_path.read_bytes()) == kept
    # Setting the marker aside sets the drop aside.
    (folder / MARKER).unlink()
    report = take_in("green_patents", landing, home)
    assert report.sha256 == first.sha256
    assert "2022" in report.notes[0]


def test_a_tampered_file_is_named_and_nothing_is_written(drop, landing, home):
    folder = drop("2022", NEW)
    (folder / "green2022.xlsx").write_bytes(b"PK something else")
    with pytest.raises(UnusableInput, match=r"2022/green2022\.xlsx.*bytes were changed.*citycarbon add") as caught:
        take_in("green_patents", landing, home)
    assert caught.value.exit_code == 2
    assert not home.raw.exists()


def test_an_absent_source_gives_empty_tables_with_the_schemas(landing, home):
    report = take_in("csmar", landing, home)
    assert report.is_absent
    assert pq.read_table(report.path).schema.equals(RAW_SCHEMA)
    assert pq.read_table(report.quarantine_path).schema.equals(QUARANTINE_SCHEMA)
    assert pq.read_table(report.path).num_rows == 0


def test_take_in_all_writes_every_registered_source_and_tells_progress(drop, landing, home):
    drop("2022", NEW)
    told: list[str] = []
    reports = take_in_all(landing, home, lambda r: told.append(r.source))
    assert told == list(reports) == list(load_registry().sources)
    assert [s for s, r in reports.items() if not r.is_absent] == ["green_patents"]
    assert {p.stem for p in home.raw.glob("*.parquet")} == set(reports)
    assert not list(home.raw.rglob("*.tmp"))


def test_files_that_no_reader_takes_are_kept_and_named(make_book, tmp_path, landing, home):
    book = make_book({"Sheet1": HEADER + OLD}, "green.xlsx")
    notice = tmp_path / "Copyright notice.pdf"
    notice.write_bytes(b"%PDF-1.4")
    add("green_patents", [book, notice], "2021", landing)
    report = take_in("green_patents", landing, home)
    assert any("Copyright notice.pdf is kept and not read" in w for w in report.warnings)
    assert (home.snapshots / sha256_of(notice)).is_file()


def test_describe_sources_lists_registered_found_and_stray(drop, landing):
    drop("2022", NEW)
    folder = drop("2021", OLD)
    (folder / MARKER).unlink()
    (landing / "green_patent" / "2022").mkdir(parents=True)
    states = [(s.source, s.edition, s.state) for s in describe_sources(landing)]
    assert ("green_patents", "2021", "no_marker") in states
    assert ("green_patents", "2022", "complete") in states
    assert ("chen_county", None, "absent") in states
    assert states[-1] == ("green_patent", "2022", "unknown_source")
    by_source = {s.source: s for s in describe_sources(landing)}
    assert "licensed" in by_source["csmar"].sentence
    assert by_source["chen_county"].boundary_basis == "county_2010"


# --- receiving --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def broken(tmp_path) -> Path:
    """A text that calls itself a workbook: a download that went wrong."""
    file = tmp_path / "green.xlsx"
    file.write_text("<html>404</html>", encoding="utf-8")
    return file


def test_a_file_that_its_reader_refuses_is_not_taken_in_and_the_words_are_those_of_the_run(broken, landing, home, tmp_path):
    with pytest.raises(UnusableInput) as at_once:
        receive("green_patents", [broken], "2022", landing, home)
    assert [p for p in landing.rglob("*") if p.is_file()] == [] and scan(landing) == []
    add("green_patents", [broken], "2022", tmp_path / "other")
    with pytest.raises(UnusableInput) as in_the_run:
        take_in("green_patents", tmp_path / "other", home)
    assert str(at_once.value) == str(in_the_run.value)
    assert str(at_once.value).startswith("green_patents/2022/green.xlsx: found an HTML") and at_once.value.exit_code == 2


def test_one_bad_file_of_several_keeps_all_of_them_out(make_book, broken, landing, home):
    good = make_book({"Sheet1": HEADER + OLD}, "good.xlsx")
    with pytest.raises(UnusableInput, match=r"green_patents/2022/green\.xlsx"):
        receive("green_patents", [good, broken], "2022", landing, home)
    assert scan(landing) == []


def test_what_was_received_is_read_and_the_run_finds_it_read(make_book, landing, home):
    book = make_book({"Sheet1": HEADER + OLD}, "green.xlsx")
    folder = receive("green_patents", [book], "2022", landing, home, licence="CC0")
    assert folder == landing / "green_patents" / "2022" and scan(landing)[0].is_complete
    report = take_in("green_patents", landing, home)
    assert (report.read_now, report.rows, report.records[0].licence) == (0, 4, "CC0")


def test_an_edition_of_many_small_files_is_read_as_one(landing, home, tmp_path):
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / "370100_济南市_2015.txt").write_bytes(b"")
    with pytest.raises(UnusableInput, match=r"370100_济南市_2015\.txt: found an empty file"):
        receive("gov_reports", [reports], "2015", landing, home)
    assert scan(landing) == []


def test_a_fault_of_the_edition_is_told_before_anything_is_read(broken, landing, home):
    with pytest.raises(UsageError, match="cannot name an edition"):
        receive("green_patents", [broken], "../x", landing, home)
