"""One table, four formats: csv and md here, tex and html in modules of their own; and the files. No statistics here."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from citycarbon.report.layout import SYNTHETIC, Cell, Head, Row, Table, count, decimals_for, fixed, listed, table_name
from citycarbon.report.tex import tex_escape, to_tex
from citycarbon.report.web import TABLE_CSS, html_fragment, to_html

__all__ = [
    "SYNTHETIC", "TABLE_CSS", "Cell", "Head", "Row", "Table", "count", "decimals_for", "fixed", "html_fragment", "listed",
    "table_name", "tex_escape", "to_csv", "to_html", "to_md", "to_tex", "write_table",
]  # fmt: skip


def to_csv(table: Table) -> str:
    """The printed table, without thousands separators and notes; the last column says whether the data are synthetic."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*table.stub, *table.flat_header(), "data"])
    kind = "synthetic" if table.synthetic else "supplied"
    for row in table.body:
        texts = (row.name, *row.texts[1:]) if row.name else row.texts
        writer.writerow([*texts, *(c.text.replace(",", "") for c in row.cells), kind])
    return out.getvalue()


def to_md(table: Table) -> str:
    """GitHub markdown: bold title, banner, one header line, notes below."""
    lines = [f"**{_md(table.title)}**", ""]
    if table.synthetic:
        lines += [f"> **{SYNTHETIC}**", ""]
    lines.append(_md_row([_md(t) for t in (*table.stub, *(h.replace(" | ", ", ") for h in table.flat_header()))]))
    lines.append(_md_row(["---"] * len(table.stub) + ["---:"] * table.width))
    lines += [_md_row([_md(t) for t in (*row.texts, *(c.text for c in row.cells))]) for row in table.body]
    lines += [""] + [f"{_md(note)}  " for note in table.notes]
    return "\n".join(lines).rstrip() + "\n"


def _md(text: str) -> str:
    return re.sub(r"([\\`*_|<>#])", r"\\\1", text)


def _md_row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def write_table(table: Table, out_dir: Path, stem: str) -> list[Path]:
    """Write ``stem``.csv, .md, .tex and .html into ``out_dir``; the same table gives the same bytes. Returns the four paths."""
    out_dir.mkdir(parents=True, exist_ok=True)
    paths = []
    for kind, render in (("csv", to_csv), ("md", to_md), ("tex", to_tex), ("html", to_html)):
        path = out_dir / f"{stem}.{kind}"
        path.write_text(render(table), encoding="utf-8", newline="\n")
        paths.append(path)
    return paths
