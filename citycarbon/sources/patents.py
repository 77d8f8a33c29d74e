"""CNRDS patents by city: the Green Patent Research Database (``green_patents``) and all classes (``patents``), one layout.

A workbook whose first three rows are field codes, Chinese labels and descriptions (or units), with city and year first:
``当年申请的绿色发明数量`` (applications of the year), ``当年获得的绿色发明数量`` (grants of the year), the same for utility
models, each also as independent (独立) and joint (联合) counts. Applications and grants of a year are different patents, and a
joint patent counts in every applicant's city: nothing is added up here. ``indicator_label`` is the Chinese label as printed.
"""

from __future__ import annotations

from pathlib import Path

from citycarbon.errors import UnusableInput
from citycarbon.sources.coded_fields import CodedTable, coded_table, read_values
from citycarbon.sources.rawrows import ReadResult
from citycarbon.sources.records import SourceRecord
from citycarbon.sources.tables import collector, finish
from citycarbon.sources.workbook import Sheet, open_workbook

READER_VERSION = "1"

# One of these stands in every label of a patent count; a green count says so in its label.
_COUNTED = ("专利", "发明", "实用新型", "外观设计")
_GREEN = "绿色"


def read(path: Path, record: SourceRecord, file_sha256: str) -> ReadResult:
    """All counts of the workbook's data sheets, with the city's province and code where the table gives them.

    Raises UnusableInput for a file that is no workbook, a sheet without a year or a city column, a table that counts no
    patents (or, as ``green_patents``, no green ones), or too many unreadable cells.
    """
    out = collector(path, record, file_sha256)
    with open_workbook(path) as book:
        sheets = [s for s in book.sheets if any(c.kind == "number" for row in s.rows for c in row)] or book.sheets[:1]
        for sheet in sheets:
            table = coded_table(sheet)
            _require_counts(sheet, table, green=record.source == "green_patents")
            read_values(out, table, indicator=lambda f: f.label, footnote=lambda f: f.note or None)
        out.warnings += [
            f"{path.name}: sheet '{s.name}' holds no table and was not read." for s in book.sheets if s not in sheets and s.rows
        ]
    return finish(out, path)


def _require_counts(sheet: Sheet, table: CodedTable, *, green: bool) -> None:
    labels = [f.label for f in table.fields if f.role is None]
    counts = [label for label in labels if any(word in label for word in _COUNTED)]
    if green:
        counts = [label for label in counts if _GREEN in label]
    if not counts:
        raise UnusableInput(
            sheet.path,
            sheet=sheet.name,
            cell="A1",
            found="the columns " + (", ".join(f"'{label}'" for label in labels[:10]) or "(none)"),
            expected="counts such as '当年申请的绿色发明数量'" if green else "counts such as '当年获得的发明专利数量'",
            remedy="Check that this is the right table; a renamed header must get its name back.",
        )
