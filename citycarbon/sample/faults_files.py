"""Faults of whole files and drops: cut, empty, of another type, garbled, half delivered. Most of them end with exit code 2."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

from citycarbon.sample.fault_tools import Drops, book, county_grid, mangle, only_file, sheet, yearbook
from citycarbon.sample.files import Book, Text
from citycarbon.sample.landing import Drop
from citycarbon.sample.world import World


def truncated_workbook(drops: Drops, world: World) -> None:
    mangle(drops["chen_county/2021"], lambda raw: raw[: len(raw) * 3 // 5])


def empty_file(drops: Drops, world: World) -> None:
    mangle(drops["patents/2023"], lambda raw: b"")


def csv_named_xlsx(drops: Drops, world: World) -> None:
    drop = yearbook(drops, 2019)
    rows = sheet(drop, "2-2").rows
    text = "\n".join(",".join("" if c is None else str(c) for c in row) for row in rows)
    drop.files[only_file(drop)] = Text(text, "utf-8-sig")


def pdf_named_xlsx(drops: Drops, world: World) -> None:
    mangle(drops["market_index/2023"], lambda raw: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + raw[:2000])


def missing_sheet(drops: Drops, world: World) -> None:
    book(drops["ceads_city/2022"]).sheet("emission matrix").name = "Sheet3"


def renamed_header(drops: Drops, world: World) -> None:
    grid = book(drops["green_patents/2023"]).sheets[0]
    for row, text in zip(grid.rows[:3], ("Period", "时点", "没有单位"), strict=True):
        row[0] = text


def headless_yearbook(drops: Drops, world: World) -> None:
    grid = sheet(yearbook(drops, 2018), "2-5")
    next(row for row in grid.rows if row and row[0] == "城市")[0] = None


def mojibake(drops: Drops, world: World) -> None:
    """GBK bytes taken for Latin-1 and saved as UTF-8, as a spreadsheet program does with an unmarked file."""
    mangle(drops["policy_list/low-carbon-a-2022"], lambda raw: raw.decode("latin-1").encode("utf-8"))


def report_in_utf16(drops: Drops, world: World) -> None:
    drop = drops["gov_reports/2022"]
    name = sorted(drop.files)[100]
    text = drop.files[name]
    assert isinstance(text, Text)
    drop.files[name] = Text(text.content, "utf-16")


def description_conflict(drops: Drops, world: World) -> None:
    drop = drops["csmar/2022"]
    text = drop.files["CRE_Gdpct[DES][csv].txt"]
    assert isinstance(text, Text)
    lines = text.content.splitlines()
    other = lines[6].replace("亿元", "万元")
    lines[6:7] = ["<<<<<<< HEAD", lines[6], "=======", other, ">>>>>>> update"]
    text.content = "\n".join(lines) + "\n"


def description_missing(drops: Drops, world: World) -> None:
    del drops["csmar/2022"].files["CRE_Gdpct[DES][csv].txt"]


def cut_csv(drops: Drops, world: World) -> None:
    mangle(drops["csmar/2022"], lambda raw: raw[: raw.rindex(b'","') - 20], ".csv")


def unreadable_cells(drops: Drops, world: World) -> None:
    """Every fiftieth emission replaced by a word: 2 % of the cells."""
    rows = book(drops["edgar_city/2023"]).sheets[0].rows
    for row in rows[10::50]:
        row[6] = "待核实"


def unreadable_names(drops: Drops, world: World) -> None:
    """A reader that gives up on a rare character leaves question marks: 3 % of the city names."""
    rows = book(drops["patents/2023"]).sheets[0].rows
    for row in rows[3::33]:
        row[1] = "??市"


def checksum_mismatch(drops: Drops, world: World) -> None:
    def flip(folder: Path) -> None:
        path = folder / only_file(drops["edgar_city/2023"])
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 0xFF
        path.write_bytes(bytes(raw))

    drops["edgar_city/2023"].after.append(flip)


def file_not_delivered(drops: Drops, world: World) -> None:
    drop = drops["ceads_province/2017"]
    drop.after.append(lambda folder: (folder / only_file(drop)).unlink())


def record_without_licence(drops: Drops, world: World) -> None:
    def strip(folder: Path) -> None:
        path = folder / "source.yaml"
        lines = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join(line for line in lines if not line.startswith("licence:")) + "\n", encoding="utf-8")

    drops["market_index/2023"].after.append(strip)


def half_written_drop(drops: Drops, world: World) -> None:
    """A newer edition still being copied: its workbook is cut and the marker is not there yet."""
    clean = drops["chen_county/2021"]
    half = Drop("chen_county", "2022", 2022, clean.title, deepcopy(clean.files), clean.unit_notes, has_marker=False)
    mangle(half, lambda raw: raw[: len(raw) // 3])
    drops[half.key] = half


def newer_edition_extra_column(drops: Drops, world: World) -> None:
    """A newer edition of the county workbook that repeats all values and adds a column nobody knows."""
    clean = drops["chen_county/2021"]
    grid = deepcopy(county_grid(drops))
    grid.rows[0].append("备注")
    grid.rows[5].append("初步核算")
    newer = Drop("chen_county", "2022", 2022, clean.title, {"co2.xlsx": Book([grid])}, clean.unit_notes)
    drops[newer.key] = newer
