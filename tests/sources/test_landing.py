"""Drops appear whole or not at all; what is wrong with one is said in a sentence; a look changes nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from citycarbon.errors import UnusableInput, UsageError
from citycarbon.sources import landing as landing_module
from citycarbon.sources.landing import MARKER, RECORD, SUMS, NothingToAdd, add, content_id, scan, sha256_of
from citycarbon.sources.records import SourceRecord


@pytest.fixture
def landing(tmp_path) -> Path:
    return tmp_path / "landing"


@pytest.fixture
def workbook(tmp_path) -> Path:
    """A file with the right suffix; what is in it is no concern of the landing."""
    path = tmp_path / "co2.xlsx"
    path.write_bytes(b"county values")
    return path


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {str(p.relative_to(folder)): (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()}


def only(landing: Path):
    drops = scan(landing)
    assert len(drops) == 1
    return drops[0]


# --- add --------------------------------------------------------------------------------------------------------------------


def test_add_writes_file_record_checksums_and_marker(landing, workbook):
    folder = add("chen_county", [workbook], "2020", landing, access_date="2024-05-01")
    assert folder == landing / "chen_county" / "2020"
    assert {p.name for p in folder.iterdir()} == {"co2.xlsx", RECORD, SUMS, MARKER}
    assert (folder / "co2.xlsx").read_bytes() == b"county values"
    assert (folder / SUMS).read_text() == hashlib.sha256(b"county values").hexdigest() + "  co2.xlsx\n"
    record = SourceRecord.load(folder / RECORD)
    assert (record.edition_year, record.redistributable) == (2020, "no")
    assert "Chen" in record.citation
    assert record.access_date.isoformat() == "2024-05-01"
    assert only(landing).state == "complete"


def test_the_marker_is_written_last_and_the_drop_appears_by_one_rename(landing, workbook, monkeypatch):
    seen = []
    rename = Path.rename

    def watched(self, target):
        seen.append((self.parent.name, (self / MARKER).is_file(), Path(target).exists(), scan(landing)))
        return rename(self, target)

    touch = Path.touch
    monkeypatch.setattr(Path, "rename", watched)
    monkeypatch.setattr(
        Path, "touch", lambda self, *a, **k: (seen.append(sorted(p.name for p in self.parent.iterdir())), touch(self))
    )
    add("chen_county", [workbook], "2020", landing)
    before_marker, at_rename = seen
    assert before_marker == [SUMS, "co2.xlsx", RECORD]
    assert at_rename == (".incoming", True, False, [])


def test_a_failed_add_leaves_no_trace_that_counts(landing, workbook, monkeypatch):
    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(landing_module.shutil, "copyfile", full_disk)
    with pytest.raises(UsageError, match="No space left"):
        add("chen_county", [workbook], "2020", landing)
    assert scan(landing) == []
    assert not any((landing / ".incoming").iterdir())


def test_the_same_bytes_twice_add_nothing_and_other_bytes_need_another_edition(landing, workbook):
    add("chen_county", [workbook], "2020", landing, access_date="2024-05-01")
    before = tree(landing)
    with pytest.raises(NothingToAdd, match="same bytes.*nothing was added"):
        add("chen_county", [workbook], "2020", landing, access_date="2025-01-01")
    workbook.write_bytes(b"revised values")
    with pytest.raises(UsageError, match=r"other bytes.*2020-v2") as refused:
        add("chen_county", [workbook], "2020", landing)
    assert not isinstance(refused.value, NothingToAdd)
    assert tree(landing) == before
    add("chen_county", [workbook], "2020-v2", landing)
    assert [d.edition for d in scan(landing)] == ["2020", "2020-v2"]


def test_the_same_bytes_under_another_record_are_refused_with_both(landing, workbook):
    add("chen_county", [workbook], "2020", landing, licence="CC BY 4.0")
    with pytest.raises(UsageError, match=r"licence 'CC BY 4.0', given 'CC0'.*2020-v2") as refused:
        add("chen_county", [workbook], "2020", landing, licence="CC0")
    assert not isinstance(refused.value, NothingToAdd)
    with pytest.raises(NothingToAdd):
        add("chen_county", [workbook], "2020", landing, licence="CC BY 4.0")


@pytest.mark.parametrize("harm", [lambda f: (f / MARKER).unlink(), lambda f: (f / "co2.xlsx").write_bytes(b"County values")])
def test_the_same_bytes_as_a_drop_that_is_not_in_order_are_no_success(landing, workbook, harm):
    harm(add("chen_county", [workbook], "2020", landing))
    with pytest.raises(UsageError, match="chen_county/2020 .*not in order") as refused:
        add("chen_county", [workbook], "2020", landing)
    assert not isinstance(refused.value, NothingToAdd)


def test_two_writers_of_one_edition_cannot_both_win(landing, workbook, monkeypatch):
    exists = Path.exists
    # Both look before either renames: the first look of the second writer still finds nothing.
    looks = iter([False])
    add("chen_county", [workbook], "2020", landing)
    target = landing / "chen_county" / "2020"
    monkeypatch.setattr(Path, "exists", lambda self: next(looks, True) if self == target else exists(self))
    workbook.write_bytes(b"the other writer's bytes")
    with pytest.raises(UsageError, match="never overwritten"):
        add("chen_county", [workbook], "2020", landing)
    monkeypatch.undo()
    assert (target / "co2.xlsx").read_bytes() == b"county values"
    assert only(landing).state == "complete"


def test_a_folder_is_taken_with_its_subfolders(landing, tmp_path):
    reports = tmp_path / "reports"
    for year in ("2015", "2016"):
        (reports / year).mkdir(parents=True)
        (reports / year / f"370100_济南市_{year}.txt").write_text("报告", encoding="utf-8")
    (reports / ".DS_Store").write_bytes(b"x")
    add("gov_reports", [reports], "2016", landing)
    assert [f.name for f in only(landing).files] == ["2015/370100_济南市_2015.txt", "2016/370100_济南市_2016.txt"]


@pytest.mark.parametrize(
    ("source", "edition", "record", "says"),
    [
        ("chen", "2020", {}, "not a registered source"),
        ("chen_county", "../2020", {}, "cannot name an edition"),
        ("chen_county", ".hidden", {}, "cannot name an edition"),
        ("chen_county", "2020", {"redistributable": "maybe"}, "redistributable"),
        ("chen_county", "2020", {"licenze": "x"}, "licenze"),
        ("gov_reports", "2020", {}, r"expected \*\.txt, got co2\.xlsx"),
    ],
)
def test_bad_usage_is_said_in_one_sentence_and_writes_nothing(landing, workbook, source, edition, record, says):
    with pytest.raises(UsageError, match=says):
        add(source, [workbook], edition, landing, **record)
    assert not landing.exists() or scan(landing) == []


def test_a_missing_file_and_two_files_of_one_name_are_refused(landing, workbook, tmp_path):
    with pytest.raises(UsageError, match=r"no file .*absent\.xlsx"):
        add("chen_county", [tmp_path / "absent.xlsx"], "2020", landing)
    twin = tmp_path / "twin" / "co2.xlsx"
    twin.parent.mkdir()
    twin.write_bytes(b"x")
    with pytest.raises(UsageError, match="both be called co2.xlsx"):
        add("chen_county", [workbook, twin], "2020", landing)


# --- scan -------------------------------------------------------------------------------------------------------------------


def test_no_landing_folder_holds_no_drop(landing):
    assert scan(landing) == []
    assert len(content_id(landing)) == 64


def test_a_look_changes_nothing(landing, workbook):
    add("chen_county", [workbook], "2020", landing)
    before = tree(landing)
    scan(landing)
    content_id(landing)
    assert tree(landing) == before


def _no_marker(folder):
    (folder / MARKER).unlink()


def _tampered(folder):
    (folder / "co2.xlsx").write_bytes(b"county valuez")


def _missing_file(folder):
    (folder / "co2.xlsx").unlink()


def _unlisted(folder):
    (folder / "more.xlsx").write_bytes(b"x")


def _no_record(folder):
    (folder / RECORD).unlink()


def _bad_record(folder):
    (folder / RECORD).write_text("source: chen_county\nedition: '2020'\n")


def _wrong_place(folder):
    record = SourceRecord.load(folder / RECORD)
    record.model_copy(update={"edition": "2021"}).dump(folder / RECORD)


def _no_sums(folder):
    (folder / SUMS).unlink()


def _garbled_sums(folder):
    (folder / SUMS).write_text("what\n")


def _wrong_type(folder):
    (folder / "co2.xlsx").rename(folder / "co2.pdf")
    (folder / SUMS).write_text((folder / SUMS).read_text().replace("co2.xlsx", "co2.pdf"))


@pytest.mark.parametrize(
    ("harm", "state", "says"),
    [
        (_no_marker, "no_marker", "ignored"),
        (_tampered, "checksum_mismatch", r"co2\.xlsx with sha256 .*bytes were changed"),
        (_missing_file, "missing_file", r"co2\.xlsx is listed"),
        (_unlisted, "unlisted_file", r"more\.xlsx"),
        (_no_record, "missing_record", r"source\.yaml"),
        (_bad_record, "bad_record", "producer"),
        (_wrong_place, "bad_record", "chen_county/2021"),
        (_no_sums, "missing_checksums", SUMS),
        (_garbled_sums, "missing_checksums", "no checksums"),
        (_wrong_type, "no_data_file", r"co2\.pdf.*\*\.xlsx"),
    ],
)
def test_what_is_wrong_with_a_drop_is_told(landing, workbook, harm, state, says):
    folder = add("chen_county", [workbook], "2020", landing)
    harm(folder)
    drop = only(landing)
    assert drop.state == state
    assert not drop.is_complete
    assert drop.is_ignored == (state == "no_marker")
    with pytest.raises(UnusableInput, match=says):
        raise drop.refuse()


def test_a_change_that_keeps_size_and_time_is_still_seen(landing, workbook):
    folder = add("chen_county", [workbook], "2020", landing)
    path = folder / "co2.xlsx"
    os.utime(path, (1, 1))
    assert only(landing).is_complete
    path.write_bytes(b"County values")
    os.utime(path, (1, 1))
    assert only(landing).state == "checksum_mismatch"


def test_hidden_folders_loose_files_and_unregistered_folders_are_passed_by(landing, workbook):
    add("chen_county", [workbook], "2020", landing)
    shutil.copytree(landing / "chen_county" / "2020", landing / ".incoming" / "half")
    shutil.copytree(landing / "chen_county" / "2020", landing / "chen_county" / ".2021")
    shutil.copytree(landing / "chen_county" / "2020", landing / "chen_countie" / "2020")
    (landing / "chen_county" / "loose.xlsx").write_bytes(b"x")
    (landing / "README.txt").write_text("x")
    states = {(d.source, d.edition): d.state for d in scan(landing)}
    assert states == {
        ("chen_county", "2020"): "complete",
        ("chen_county", "loose.xlsx"): "not_an_edition",
        ("chen_countie", "2020"): "unknown_source",
    }


def test_a_listing_made_by_hand_may_name_itself_and_the_record(landing, workbook):
    folder = add("chen_county", [workbook], "2020", landing)
    lines = [f"{sha256_of(folder / n)} *./{n}\n" for n in ("co2.xlsx", RECORD)]
    (folder / SUMS).write_text("".join(lines) + f"{hashlib.sha256(b'').hexdigest()}  {SUMS}\n")
    assert only(landing).is_complete
    assert [f.name for f in only(landing).files] == ["co2.xlsx"]


def test_editions_come_in_order_of_year_then_name(landing, workbook):
    for edition, year in (("late", 2022), ("b", 2020), ("a", 2020), ("old", None)):
        workbook.write_bytes(edition.encode())
        add("chen_county", [workbook], edition, landing, edition_year=year)
    assert [d.edition for d in scan(landing)] == ["old", "a", "b", "late"]


# --- content id -------------------------------------------------------------------------------------------------------------


def test_content_id_follows_bytes_and_record_and_nothing_else(landing, workbook, tmp_path):
    folder = add("chen_county", [workbook], "2020", landing)
    first = content_id(landing)
    os.utime(folder, (1, 1))
    os.utime(folder / "co2.xlsx", (1, 1))
    half = shutil.copytree(folder, landing / "chen_county" / "2021")
    (half / MARKER).unlink()
    assert content_id(landing) == first

    other = tmp_path / "other"
    add("chen_county", [workbook], "2020", other)
    assert content_id(other) == first

    record = SourceRecord.load(folder / RECORD)
    record.model_copy(update={"licence": "CC BY 4.0"}).dump(folder / RECORD)
    changed = content_id(landing)
    assert changed != first
    workbook.write_bytes(b"new edition")
    add("chen_county", [workbook], "2022", landing)
    assert content_id(landing) not in (first, changed)
