"""A table as html: a fragment for the page of a release, or a page of its own. No script, no outside file."""

from __future__ import annotations

import html

from citycarbon.report.layout import SYNTHETIC, Row, Table

_FIGURE_SPACE, _POINT_SPACE = "\u2007", "\u2008"  # as wide as a digit and as a point

# The first column stays in view while the numbers scroll under it; on a phone its labels break into lines.
TABLE_CSS = """
.cc-table { font: 15px/1.45 Georgia, "Times New Roman", serif; color: #1a1a1a; margin: 1.5rem 0; }
.cc-scroll { overflow-x: auto; }
.cc-table table { border-collapse: separate; border-spacing: 0; border: solid #1a1a1a; border-width: 2px 0; }
.cc-table caption { caption-side: top; text-align: left; font-weight: bold; padding-bottom: .5rem; }
.cc-table th, .cc-table td { padding: .2rem .55rem; font-weight: normal; vertical-align: baseline; }
.cc-table thead th { text-align: center; vertical-align: bottom; max-width: 11em; }
.cc-table thead th.stub, .cc-table tbody th, .cc-table td.text { text-align: left; white-space: nowrap; max-width: none; }
.cc-table thead tr > :first-child, .cc-table tbody th { position: sticky; left: 0; background: #fff; padding-left: 0; }
.cc-table thead th.group { border-bottom: 1px solid #1a1a1a; max-width: none; }
.cc-table thead tr:last-child > * { border-bottom: 1px solid #1a1a1a; }
.cc-table td.n { text-align: right; padding-right: 0; font-variant-numeric: tabular-nums lining-nums; white-space: nowrap; }
.cc-table td.m { text-align: left; padding-left: 0; white-space: nowrap; }
.cc-table td.m small { font-size: .68em; vertical-align: .25em; padding-left: .25em; color: #555; }
.cc-table tr.rule > * { border-top: 1px solid #999; }
.cc-table .notes { font-size: .85em; max-width: 62rem; margin: .6rem 0 0; color: #333; overflow-wrap: anywhere; }
.cc-table .notes p { margin: .15rem 0; max-width: none; }
.cc-table .synthetic { background: #fff3cd; border: 2px solid #b58900; padding: .5rem; font-weight: bold; max-width: 60rem; }
.cc-table .said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
@media (max-width: 40rem) {
  .cc-table tbody th, .cc-table thead th.stub { white-space: normal; min-width: 6.2em; max-width: 8em; line-height: 1.25; }
  .cc-table th, .cc-table td { padding-top: .15rem; padding-bottom: .15rem; }
}
@media print { .cc-scroll { overflow: visible; } .cc-table thead tr > :first-child, .cc-table tbody th { position: static; } }
""".strip()


def html_fragment(table: Table) -> str:
    """The table for embedding; the page supplies ``TABLE_CSS`` once."""
    title = html.escape(table.title)
    lines = ['<div class="cc-table">']
    if table.synthetic:
        lines.append(f'<p class="synthetic">{html.escape(SYNTHETIC)}</p>')
    lines.append(f'<div class="cc-scroll" role="region" tabindex="0" aria-label="{title}">')
    lines += ["<table>", f"<caption>{title}</caption>", "<thead>"]
    for i, line in enumerate(table.header):
        stub = table.stub if i == len(table.header) - 1 else [""] * len(table.stub)
        cells = [f'<th class="stub" scope="col">{html.escape(t)}</th>' if t else '<td class="text"></td>' for t in stub]
        for head in line:
            kind = ' class="group"' if head.span > 1 and head.text else ""
            cells.append(f'<th{kind} colspan="{2 * head.span}" scope="col">{_breakable(head.text)}</th>')
        lines.append("<tr>" + "".join(cells) + "</tr>")
    lines += ["</thead>", "<tbody>", *(_html_row(row) for row in table.body), "</tbody>", "</table>", "</div>"]
    if table.notes:
        lines += ['<div class="notes">', *(f"<p>{html.escape(n)}</p>" for n in table.notes), "</div>"]
    return "\n".join([*lines, "</div>"]) + "\n"


def _breakable(text: str) -> str:
    """Escaped text that may end a line after an underscore: long ids stand in narrow columns."""
    return html.escape(text).replace("_", "_<wbr>")


def _html_row(row: Row) -> str:
    first, *rest = row.texts
    # A row whose label is blank for the eye (a standard error) still has one for who cannot see the row above it.
    label = html.escape(first) or (f'<span class="said">{html.escape(row.name)}</span>' if row.name else "")
    cells = [f'<th scope="row">{label}</th>', *(f'<td class="text">{html.escape(t)}</td>' for t in rest)]
    for cell in row.cells:
        pad = ("" if cell.point else _POINT_SPACE) + _FIGURE_SPACE * cell.pad if cell.pad else ""
        mark = f"<small>{html.escape(cell.mark)}</small>" if cell.mark[:1].isalpha() else html.escape(cell.mark)
        cells.append(f'<td class="n">{html.escape(cell.number)}{pad}</td><td class="m">{mark}</td>')
    return ('<tr class="rule">' if row.rule else "<tr>") + "".join(cells) + "</tr>"


def to_html(table: Table) -> str:
    """A page of its own."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(table.title)}</title>\n"
        f"<style>\nbody {{ margin: 1.5rem; background: #fff; }}\n{TABLE_CSS}\n</style>\n"
        f"</head>\n<body>\n{html_fragment(table)}</body>\n</html>\n"
    )
