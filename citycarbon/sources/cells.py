"""What a cell is, and what number or year its text spells. No file is opened here."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Literal, NamedTuple

Kind = Literal["blank", "number", "text", "date", "bool", "error", "formula"]

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
_INVISIBLE = "\u00ad\u200b-\u200f\u2060\ufeff"
_LETTERS: dict[int, str] = {}


class Cell(NamedTuple):
    """One stored cell. ``row`` and ``column`` count from 1.

    kind: ``number`` (value float or int), ``text`` (str), ``date`` (datetime, date or time), ``bool``, ``error`` (``#DIV/0!``),
    ``blank`` (None), ``formula`` = a formula that was saved without a result (None). A formula with a result has the
    result's kind and the formula itself in ``formula``. ``text`` is the stored value, display format apart.
    """

    row: int
    column: int
    kind: Kind
    text: str
    value: Any
    formula: str | None = None

    @property
    def address(self) -> str:
        """A1 address, e.g. ``AB12``."""
        return f"{column_letter(self.column)}{self.row}"


@dataclass(slots=True)
class Row:
    """The stored cells of one sheet row, by column number."""

    number: int
    cells: dict[int, Cell]

    def get(self, column: int | None) -> Cell:
        """The cell in ``column`` (from 1); a blank one where nothing is stored or the table has no such column."""
        found = self.cells.get(column) if column is not None else None
        return found if found is not None else Cell(self.number, column or 0, "blank", "", None)

    def __iter__(self) -> Iterator[Cell]:
        return iter(self.cells.values())


def column_letter(column: int) -> str:
    """1 -> A, 27 -> AA."""
    letters = _LETTERS.get(column)
    if letters is None:
        letters, n = "", column
        while n > 0:
            n, rest = divmod(n - 1, 26)
            letters = chr(65 + rest) + letters
        _LETTERS[column] = letters
    return letters


def norm(text: str) -> str:
    """A label for comparison: full-width forms folded, lower case, no white space."""
    return re.sub(rf"[\s{_INVISIBLE}]+", "", unicodedata.normalize("NFKC", text)).casefold()


def printed(text: str) -> str:
    """A label as it looks in print: outer spaces and characters without width (哈密 with two U+200B behind it) taken off."""
    return re.sub(f"[{_INVISIBLE}]", "", text).strip()


# Marks for "not available" as yearbooks and compilations print them; compared by ``norm``.
MISSING_MARKS = frozenset(
    norm(m) for m in ["-", "--", "---", "—", "——", "…", "……", ".", "/", "n/a", "na", "n.a.", "nan", "null"]
)


def parse_number(text: str) -> float | None:
    """The number a text spells (full-width digits and thousands commas understood), or None; never nan or infinity.

    A digit that is a footnote mark (12①, 5²) is no part of a number: such a text spells none.
    """
    if any(unicodedata.category(c) == "No" for c in text):
        return None
    plain = printed(unicodedata.normalize("NFKC", text))
    if _THOUSANDS.fullmatch(plain):
        plain = plain.replace(",", "")
    number = float(plain) if _NUMBER.fullmatch(plain) else math.inf
    return number if math.isfinite(number) else None


def parse_year(cell: Cell) -> int | None:
    """The calendar year in a cell: 2017, '2017', '2017年', 'C2017', a date; None where it spells none in 1900..2100."""
    if cell.kind == "date":
        if isinstance(cell.value, time):
            return None
        year = cell.value.year
        # A year number shown with a date format: 2017 days after the epoch lie in 1905.
        return (cell.value - datetime(1899, 12, 30)).days if year < 1910 and isinstance(cell.value, datetime) else year
    if cell.kind not in ("number", "text"):
        return None
    found = re.fullmatch(r"\s*C?(\d{4})(\.0+)?\s*年?度?\s*", printed(unicodedata.normalize("NFKC", cell.text)))
    year = int(found.group(1)) if found else 0
    return year if 1900 <= year <= 2100 else None


_CJK = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_NAME = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\s\d·•・()（）\[\]〔〕【】、,，\-—－/*①-⑳]+")
_GARBLED = re.compile(r"[\ufffd\u0080-\u00b6\u00b8-\u02af\ue000-\uf8ff]")


def has_cjk(text: str) -> bool:
    """True where the text holds at least one Chinese character."""
    return bool(_CJK.search(text))


def is_name(text: str) -> bool:
    """True for Chinese characters, with digits, brackets and footnote marks at most; no Latin letter, no ``?``."""
    return has_cjk(text) and bool(_NAME.fullmatch(printed(text)))


def is_mojibake(text: str) -> bool:
    """True for a Chinese name that was decoded with the wrong encoding.

    Three traces: replacement or private-use characters, accented Latin letters (UTF-8 read as Latin-1), and Chinese characters
    whose GB18030 bytes are themselves valid UTF-8 Chinese (UTF-8 read as GBK: 鍖椾含 for 北京).
    """
    if _GARBLED.search(printed(text)):
        return True
    raw = text.encode("gb18030", errors="ignore")
    # A byte left over at the end is what remains of a character that was cut in the middle.
    for end in (len(raw), len(raw) - 1, len(raw) - 2):
        try:
            return len(_CJK.findall(raw[:end].decode("utf-8"))) >= 2
        except UnicodeDecodeError:
            continue
    return False
