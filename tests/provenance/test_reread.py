"""Reading a cell again: from xlsx, xls and text in either encoding, with None where there is no single cell to read."""

import openpyxl
import pytest
import xlwt

from citycarbon.provenance.reread import reread
from citycarbon.sources.gov_reports import count_report


def _row(**given):
    return {"raw_id": "r", "source": "s", "file_sha256": "f", "sheet": None, "cell": None, "line": None, "text": "", **given}


def _xlsx(path):
    book = openpyxl.Workbook()
    book.active.title = "s"
    book.active["B3"], book.active["C3"] = 12.5, "1,234"
    with path.open("wb") as handle:
        book.save(handle)


def _xls(path):
    book = xlwt.Workbook()
    sheet = book.add_sheet("s")
    sheet.write(2, 1, 12.5)
    sheet.write(2, 2, "1,234")
    with path.open("wb") as handle:
        book.save(handle)


@pytest.mark.parametrize("write", [_xlsx, _xls])
@pytest.mark.parametrize(
    ("cell", "text", "expected"),
    [("B3", "12.5", True), ("B3", "12.50", True), ("C3", "1,234", True), ("B3", "12.6", False), ("Z99", "1", None)],
)
def test_a_workbooks_cell(tmp_path, write, cell, text, expected):
    write(tmp_path / "f")
    assert reread([_row(sheet="s", cell=cell, text=text)], tmp_path) == {"r": expected}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_line_of_text(tmp_path, encoding):
    (tmp_path / "f").write_bytes("城市,值\n济南市,12.5\n".encode(encoding))
    assert reread([_row(line=2, text="12.5")], tmp_path) == {"r": True}
    assert reread([_row(line=2, text="99")], tmp_path) == {"r": False}
    assert reread([_row(line=2, text="2")], tmp_path) == {"r": False}  # part of another number
    assert reread([_row(line=9, text="12.5")], tmp_path) == {"r": None}


def test_what_has_no_single_place_or_no_file_cannot_be_read_again(tmp_path):
    (tmp_path / "f").write_text("a\n", encoding="utf-8")
    assert reread([_row(text="7")], tmp_path) == {"r": None}
    assert reread([_row(text="7", line=1, file_sha256="absent")], tmp_path) == {"r": None}


def test_the_words_of_a_report_are_counted_again(tmp_path):
    text = "政府工作报告\n今年我们加强环境保护，推进节能减排，改善生态环境。\n"
    (tmp_path / "f").write_text(text, encoding="utf-8")
    counts = count_report(text)
    row = {"source": "gov_reports", "indicator_label": "total_words", "line": 1}
    assert reread([_row(**row, text=str(counts.total_words))], tmp_path) == {"r": True}
    assert reread([_row(**row, text=str(counts.total_words + 1))], tmp_path) == {"r": False}
    assert reread([_row(**row, text="1") | {"file_sha256": "absent"}], tmp_path) == {"r": None}
