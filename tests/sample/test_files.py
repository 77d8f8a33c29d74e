"""The written folder: the same bytes for a seed, complete drops, and every file read by its reader without a refused cell."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from citycarbon.errors import UsageError
from citycarbon.sample import emissions, lists, vendor, write_sample
from citycarbon.sample.build import make_drops
from citycarbon.sample.design import LAST_HOUSEHOLDS_YEAR
from citycarbon.sample.files import Book, Formula, Grid
from citycarbon.sample.landing import Drop
from citycarbon.sample.reports import LONGEST
from citycarbon.sample.world import World, build_world
from citycarbon.sources.landing import scan
from citycarbon.sources.rawrows import ReadResult
from citycarbon.sources.registry import load_registry

# Every layout once; the large files are left to the slow tests.
SLOW = [
    "chen_county/2021",
    "ceads_province/2017",
    "edgar_city/2023",
    "compiled_city/synthetic-2022",
    "green_patents/2023",
    "patents/2023",
]
READ = [
    "ceads_city/2020",
    "city_yearbook/2006",
    "city_yearbook/2019",
    "csmar/2022",
    "market_index/2023",
    "policy_list/low-carbon-a-2022",
    "policy_list/low-carbon-b-2023",
    *(pytest.param(key, marks=pytest.mark.slow) for key in SLOW),
]


Record = Callable[[str, object], None]


def digests(folder: Path) -> dict[str, str]:
    paths = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


def small_drops(world: World) -> dict[str, Drop]:
    return {d.key: d for d in (*emissions.ceads_city(world), vendor.csmar(world), lists.market_index(world))}


@pytest.mark.parametrize(
    ("make", "keys"),
    [
        pytest.param(small_drops, ("ceads_city/2020", "csmar/2022", "market_index/2023"), id="small"),
        pytest.param(make_drops, ("city_yearbook/2006", "city_yearbook/2019"), id="yearbooks", marks=pytest.mark.slow),
    ],
)
def test_a_seed_gives_the_same_bytes_and_another_seed_others(
    make: Callable[[World], dict[str, Drop]], keys: tuple[str, ...], clean_drops: dict[str, Drop]
) -> None:
    again, other = make(build_world(1, -0.30)), make(build_world(2, -0.30))
    for key in keys:
        for name, content in clean_drops[key].files.items():
            raw = content.to_bytes()
            assert again[key].files[name].to_bytes() == raw
            if "DES" not in name:
                assert other[key].files.get(name) is None or other[key].files[name].to_bytes() != raw


@pytest.mark.pipeline
def test_the_whole_folder_has_the_same_bytes(sample_landing: Path, tmp_path: Path, record_property: Record) -> None:
    began = time.perf_counter()
    report = write_sample(tmp_path / "again", seed=1)
    record_property("seconds_to_write", round(time.perf_counter() - began, 2))
    first = digests(sample_landing)
    assert first == digests(tmp_path / "again")
    own = ("source.yaml", "SHA256SUMS", "_SUCCESS")
    assert report.files == sum(p.count("/") == 2 and not p.endswith(own) for p in first)


@pytest.mark.pipeline
def test_every_drop_is_complete_and_says_synthetic(sample_landing: Path) -> None:
    drops = scan(sample_landing)
    assert {d.source for d in drops} == set(load_registry().numbers)
    for drop in drops:
        assert drop.is_complete, drop.sentence
        assert drop.record.synthetic and drop.record.title.startswith("SYNTHETIC")
        assert (drop.record.licence, drop.record.redistributable) == ("CC0-1.0", "yes")
    assert "SYNTHETIC" in json.loads((sample_landing / "truth.json").read_text(encoding="utf-8"))["note"]


def test_records_say_what_is_synthetic(clean_drops: dict[str, Drop]) -> None:
    for drop in clean_drops.values():
        record = drop.record()
        assert record.synthetic and record.title.startswith("SYNTHETIC:") and record.licence == "CC0-1.0"
    assert "ends in 2017" in clean_drops["chen_county/2021"].unit_notes


def read(drop: Drop, folder: Path) -> list[ReadResult]:
    drop.write(folder)
    (found,) = (d for d in scan(folder, drop.source) if d.edition == drop.edition)
    entry = load_registry().get(drop.source)
    module, data = entry.reader_module(), [f for f in found.files if entry.is_data(f.name)]
    others = [f.path for f in found.files if entry.is_companion(f.name)]
    extra = [others] if entry.companions else []
    return [module.read(f.path, found.record, f.sha256, *extra) for f in data]


@pytest.mark.parametrize("key", READ)
def test_every_format_is_read_without_a_refused_cell(key: str, clean_drops: dict[str, Drop], tmp_path: Path) -> None:
    for result in read(clean_drops[key], tmp_path):
        refused = result.quarantine.to_pylist()
        assert not [r for r in refused if r["is_required"]]
        assert {r["reason_code"] for r in refused} <= {"footer", "remark", "note_sheet", "category_column"}
        assert result.rows.num_rows > 100
        assert not [w for w in result.warnings if "quarantined" not in w]


def test_reports_are_counted_as_planted_and_capped(world: World, clean_drops: dict[str, Drop]) -> None:
    from citycarbon.sample.places import YEARS
    from citycarbon.sources.gov_reports import count_report

    files = clean_drops["gov_reports/2022"].files
    assert len(files) > 5000
    assert max(len(f.content) for f in files.values()) <= LONGEST
    for name in sorted(files)[::97]:
        code, _, year = name.removesuffix(".txt").split("_")
        cell = world.places.index[code], YEARS.index(int(year))
        counts = count_report(files[name].content)
        assert counts.env_words == world.published.env_words[cell]
        assert counts.env_words / counts.total_words == pytest.approx(world.view["er"][cell], abs=1e-12)


def test_county_workbook_has_the_producers_layout(clean_drops: dict[str, Drop]) -> None:
    (grid,) = clean_drops["chen_county/2021"].files["co2.xlsx"].sheets
    assert grid.name == "Unit (Million tons)"
    assert grid.rows[0][1:7] == ["County Name", "County Name", "City Name", "City Name", "Province Name", "Province Name"]
    assert (grid.rows[0][7], grid.rows[0][-1]) == ("C2003", "C2021")
    marked = [row[0] for row in grid.rows[1:] if row and isinstance(row[0], str) and row[0][0].isdigit()]
    assert marked == ["320211（2）", "320506（2）", "321112（2）"]
    plain = {row[0] for row in grid.rows[1:] if row and isinstance(row[0], int)}
    assert {320211, 320506, 321112} <= plain, "without their mark they would collide"
    assert grid.rows[-2] == [] and grid.rows[-1][0].startswith("Note:")


def test_renamed_indicators_change_their_unit(clean_drops: dict[str, Drop]) -> None:
    def printed(year: int) -> set[str]:
        book = next(iter(clean_drops[f"city_yearbook/{year + 1}"].files.values()))
        return {str(c) for s in book.sheets for row in s.rows for c in row if isinstance(c, str)}

    old, new = printed(LAST_HOUSEHOLDS_YEAR), printed(LAST_HOUSEHOLDS_YEAR + 1)
    assert {"国际互联网用户数", "单位：户"} <= old and {"互联网宽带接入用户数", "单位：万户"} <= new
    assert "固定资产投资总额" in printed(2017) and "固定资产投资增长率" in printed(2018)


def test_sample_goes_into_an_empty_folder_only(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept", encoding="utf-8")
    with pytest.raises(UsageError, match="not empty"):
        write_sample(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(UsageError, match="Did you mean 'co2_tenfold'"):
        write_sample(tmp_path / "new", trap="co2_tenfolt")
    assert not (tmp_path / "new").exists()


def test_workbooks_do_not_depend_on_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = Grid("表", [["城市", None], ["甲市", 1.5], [Formula("=B2*2", 3.0), "x"]], merges=[(0, 0, 0, 1)])
    for kind in ("xlsx", "xls"):
        now = Book([grid], kind).to_bytes()
        monkeypatch.setattr(time, "time", lambda: 4e9)
        monkeypatch.setattr(time, "localtime", lambda *a: time.gmtime(3e9))
        assert Book([grid], kind).to_bytes() == now
        monkeypatch.undo()
