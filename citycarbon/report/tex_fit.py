"""What fits on a LaTeX page: widths and heights of a table's parts, and where it is cut. In points, at footnote size (8 pt).

Letters are reckoned from Computer Modern, on the wide side; the page is that of LaTeX's article class at 10 pt, the narrowest
in use.
"""

from __future__ import annotations

import math
import re

from citycarbon.report.layout import Head, Row, Table

TEXT_WIDTH, TEXT_HEIGHT = 345.0, 550.0
MOST_COLUMNS = 9  # number columns of a panel
STUB = 112.0  # widest label column; longer labels break
GAP = 5.0  # two \tabcolsep of 2.5 pt
CHINESE = 0x2E80  # from here on characters as wide as they are high
_LEAST = 36.0  # narrowest number column
STRETCH = 0.86  # of the lines of a table: a page holds the coefficients, the counts and most notes
_LINE, _RULE, _NOTE_LINE = 9.5, 4.5, 8.0  # line of text, extra of a rule, line of the notes
_NOTE_LETTERS = 100  # of a note in one line
_NARROW, _WIDE = frozenset(" .,;:'|!()[]ijl"), frozenset("-+=mMW%\N{MINUS SIGN}")


def length(text: str) -> float:
    """Width of a text."""
    return sum(_letter(c) for c in text)


def _letter(c: str) -> float:
    if c in _NARROW:
        return 2.6
    return 8.6 if ord(c) >= CHINESE else 6.6 if c in _WIDE or c.isupper() else 4.35


def words(text: str) -> list[str]:
    """The parts of a text that no line end may divide: it may stand after a space or an underscore, or between Chinese."""
    return re.findall(r"[⺀-\U0010ffff]|[^\s_⺀-\U0010ffff]+_?|_", text)


def column_widths(table: Table) -> list[float]:
    """Width of each number column: its longest cell, and the longest word of its own heads."""
    out = []
    for i in range(table.width):
        cells = max((length(row.cells[i].text) for row in table.body), default=0.0)
        heads = [_head_at(line, i) for line in table.header]
        longest = [length(w) for head in heads if head.span == 1 for w in words(head.text)]
        out.append(max([cells, *longest, _LEAST]))
    return out


def _head_at(line: tuple[Head, ...], column: int) -> Head:
    start = 0
    for head in line:
        start += head.span
        if column < start:
            return head
    raise IndexError(column)


def stub_width(table: Table) -> float:
    """Width of the text columns on the left, gaps included."""
    first = min(STUB, max((length(r.texts[0]) for r in table.body), default=0.0))
    rest = [max((length(r.texts[k]) for r in table.body), default=0.0) for k in range(1, len(table.stub))]
    return first + sum(min(STUB / 2, w) + GAP for w in rest) + GAP


# --- panels: where a table is too wide ---------------------------------------------------------------------------------------


def panels(table: Table) -> list[list[int]]:
    """Number columns by panel: as many as fit beside the labels, whole groups of the first header line where they fit."""
    widths, room = column_widths(table), TEXT_WIDTH - stub_width(table)
    out: list[list[int]] = []
    for group in _groups(table):
        if out and _fits([*out[-1], *group], widths, room):
            out[-1] += group
            continue
        while group and not _fits(group, widths, room):
            cut = _even_share(group, widths, room)
            out.append(group[:cut])
            group = group[cut:]
        out.append(group)
    return [g for g in out if g]


def _groups(table: Table) -> list[list[int]]:
    if len(table.header) == 1:
        return [list(range(table.width))]
    groups, start = [], 0
    for head in table.header[0]:
        groups.append(list(range(start, start + head.span)))
        start += head.span
    return groups


def _fits(columns: list[int], widths: list[float], room: float) -> bool:
    return len(columns) <= MOST_COLUMNS and sum(widths[c] + GAP for c in columns) <= room


def _even_share(columns: list[int], widths: list[float], room: float) -> int:
    """Number of leading columns for the next panel: an even share of all that are left, and never more than fit."""
    most = next((n for n in range(len(columns), 0, -1) if _fits(columns[:n], widths, room)), 1)
    return math.ceil(len(columns) / math.ceil(len(columns) / most))


# --- heights: where it is too long -------------------------------------------------------------------------------------------


def by_height(table: Table) -> list[Table]:
    """The table cut between rows (never between a coefficient and its error) where it is higher than a page."""
    room = TEXT_HEIGHT - _above(table)
    total = sum(_row_height(r) for r in table.body)
    if total <= room:
        return [table.rows_only(list(table.body))]
    share = total / math.ceil(total / (0.95 * room))
    parts, height = [[]], 0.0
    for row in table.body:
        if height + _row_height(row) / 2 > share and row.texts[0]:
            parts.append([])
            height = 0.0
        parts[-1].append(row)
        height += _row_height(row)
    return [table.rows_only(part) for part in parts]


def has_room_for_notes(table: Table, notes: tuple[str, ...]) -> bool:
    """Whether the notes fit under this part on one page."""
    body = sum(_row_height(r) for r in table.body)
    return _above(table) + body + 10 + notes_height(notes) <= TEXT_HEIGHT


def notes_height(notes: tuple[str, ...]) -> float:
    return sum(math.ceil(len(n) / _NOTE_LETTERS) * _NOTE_LINE for n in notes)


def notes_by_height(notes: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The notes cut between notes into parts that each fit on a page."""
    parts: list[list[str]] = [[]]
    for note in notes:
        if parts[-1] and notes_height((*parts[-1], note)) > TEXT_HEIGHT - 30:
            parts.append([])
        parts[-1].append(note)
    return [tuple(p) for p in parts]


def _row_height(row: Row) -> float:
    limits = [STUB] + [STUB / 2] * (len(row.texts) - 1)
    lines = max(_lines(t, limit) for t, limit in zip(row.texts, limits, strict=True))
    return (lines * _LINE if lines > 1 else STRETCH * _LINE) + _RULE * row.rule


def _above(table: Table) -> float:
    """Caption, mark of synthetic data, header and the three rules."""
    widths, lines = column_widths(table), 0.0
    for line in table.header:
        start, most = 0, 1
        for head in line:
            room = sum(widths[start : start + head.span]) + GAP * (head.span - 1)
            most = max(most, _lines(head.text, room))
            start += head.span
        lines += most
    return 24 + lines * _LINE + 3 * _RULE + (30 if table.synthetic else 0)


def _lines(text: str, room: float) -> int:
    """Lines that a text takes in a box of this width, filled word by word."""
    lines, filled = 1, 0.0
    for word in words(text):
        width = length(word) + 2.6
        if filled and filled + width > room:
            lines, filled = lines + 1, 0.0
        filled += width
    return lines
