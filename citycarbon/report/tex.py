"""A table for LaTeX: booktabs and nothing else. Where it is cut to fit a page is decided in ``tex_fit``."""

from __future__ import annotations

import re

from citycarbon.report.layout import SYNTHETIC, Cell, Head, Row, Table
from citycarbon.report.tex_fit import (
    CHINESE,
    GAP,
    STRETCH,
    STUB,
    by_height,
    column_widths,
    has_room_for_notes,
    length,
    notes_by_height,
    panels,
)

_TEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "\N{MINUS SIGN}": "$-$",
    "\N{EN DASH}": "--",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{GREATER-THAN OR EQUAL TO}": r"$\geq$",
    "\N{LESS-THAN OR EQUAL TO}": r"$\leq$",
    "\N{INFINITY}": r"$\infty$",
    "\N{SUPERSCRIPT TWO}": r"\textsuperscript{2}",
}
_TEX |= {c: "\\" + c for c in "&%$#_{}"}


def tex_escape(text: str) -> str:
    """Text for LaTeX: special characters escaped, a leading minus of a number set as one."""
    escaped = "".join(_TEX.get(c, c) for c in text)
    return re.sub(r"(?<![\w-])-(?=\d)", "$-$", escaped)


def to_tex(table: Table) -> str:
    """Floating tables for ``\\input`` into a document that loads booktabs: one, or several under the same number.

    A table that is too wide goes on in panels, one that is too high in further rows; notes without room under the last part
    stand in a float of their own.
    """
    lines = [r"% needs \usepackage{booktabs}"]
    if any(ord(c) >= CHINESE for c in _all_text(table)):
        lines.append(r"% holds Chinese characters: needs xelatex and \usepackage{ctex} as well")
    parts = _parts(table)
    *_, (last, _) = parts
    together = has_room_for_notes(last, table.notes)
    for i, (part, name) in enumerate(parts):
        notes = table.notes if together and part is last else ()
        lines += _float(part, name, again=i > 0, notes=notes)
    for notes in notes_by_height(table.notes) if not together else []:
        lines += [
            r"\begin{table}[htbp]",
            *_number(table),
            *_notes(notes, r"\textit{Notes to Table~\thetable.}\par "),
            r"\end{table}",
        ]
    return "\n".join(lines) + "\n"


def _parts(table: Table) -> list[tuple[Table, str]]:
    """Each float's share of the table and what its caption adds to the title."""
    groups = panels(table)
    out = []
    for i, group in enumerate(groups):
        panel = f", panel {chr(ord('A') + i)}" if len(groups) > 1 else ""
        cut = table.columns_only(group) if panel else table
        out += [(part, panel + (" (continued)" if k else "")) for k, part in enumerate(by_height(cut))]
    return out


def _float(table: Table, name: str, again: bool, notes: tuple[str, ...]) -> list[str]:
    style = rf"\centering\footnotesize\setlength{{\tabcolsep}}{{{GAP / 2}pt}}\renewcommand{{\arraystretch}}{{{STRETCH}}}"
    lines = [r"\begin{table}[htbp]", style]
    lines += _number(table)
    if again:
        lines.append(r"\addtocounter{table}{-1}")  # LaTeX numbers its tables itself; a part shares its table's number
    title = re.sub(r"^Table [^.]+[.] ", "", table.title)
    lines.append(rf"\caption{{{tex_escape(title + name)}}}")
    if table.synthetic:
        lines.append(rf"\parbox{{\linewidth}}{{\centering\bfseries {tex_escape(SYNTHETIC)}}}\\[4pt]")
    columns = "l" * len(table.stub) + "r@{}l" * table.width
    lines += [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", *_header(table), r"\midrule"]
    for i, row in enumerate(table.body):
        lines += [r"\midrule"] * (row.rule and i > 0)
        lines.append(" & ".join([*_stub_cells(row), *(_cell(c) for c in row.cells)]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    return [*lines, *([r"\par\medskip", *_notes(notes)] if notes else []), r"\end{table}"]


def _number(table: Table) -> list[str]:
    """The number of the printed title, ``5`` or ``5 variants``, for the float it stands in; without one LaTeX numbers."""
    found = re.match(r"Table (\d+)(?:, ([^.]+))?[.] ", table.title)
    return [rf"\renewcommand{{\thetable}}{{{tex_escape(' '.join(filter(None, found.groups())))}}}"] if found else []


def _notes(notes: tuple[str, ...], opening: str = "") -> list[str]:
    text = opening + r"\par ".join(_breakable(n) for n in notes)
    return [rf"\parbox{{\linewidth}}{{\raggedright\scriptsize {text}}}"]


def _breakable(text: str) -> str:
    """Escaped text that may end a line after an underscore."""
    return tex_escape(text).replace(r"\_", r"\_\allowbreak{}")


def _stub_cells(row: Row) -> list[str]:
    first, *rest = row.texts
    return [_boxed(first, STUB, "t", r"\raggedright"), *(_boxed(t, STUB / 2, "t", r"\raggedright") for t in rest)]


def _boxed(text: str, width: float, where: str, how: str) -> str:
    """Text as it is where it fits, else broken in a box of ``width`` points."""
    if length(text) <= width:
        return tex_escape(text)
    return rf"\parbox[{where}]{{{width:.0f}pt}}{{{how}\strut {_breakable(text)}\strut}}"


def _header(table: Table) -> list[str]:
    lines, widths = [], column_widths(table)
    for i, line in enumerate(table.header):
        last = i == len(table.header) - 1
        cells, start = [tex_escape(t) for t in table.stub] if last else [""] * len(table.stub), 0
        for head in line:
            room = sum(widths[start : start + head.span]) + GAP * (head.span - 1)
            boxed = _boxed(head.text, room, "b", r"\centering")
            cells.append(rf"\multicolumn{{{2 * head.span}}}{{c}}{{{boxed}}}")
            start += head.span
        lines.append(" & ".join(cells) + r" \\")
        if not last and (rules := _rules(table, line)):
            lines.append(rules)
    return lines


def _rules(table: Table, line: tuple[Head, ...]) -> str:
    start, rules = len(table.stub) + 1, []
    for head in line:
        if head.text and head.span > 1:
            rules.append(rf"\cmidrule(lr){{{start}-{start + 2 * head.span - 1}}}")
        start += 2 * head.span
    return " ".join(rules)


def _cell(cell: Cell) -> str:
    pad = rf"\phantom{{{'0' * cell.pad if cell.point else '.' + '0' * cell.pad}}}" if cell.pad else ""
    mark = rf"\,{{\tiny {tex_escape(cell.mark)}}}" if cell.mark[:1].isalpha() else tex_escape(cell.mark)
    return f"{tex_escape(cell.number)}{pad} & {mark}"


def _all_text(table: Table) -> str:
    heads = [h.text for line in table.header for h in line]
    return "".join([table.title, *table.stub, *heads, *table.notes, *(t for r in table.body for t in r.texts)])
