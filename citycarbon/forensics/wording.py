"""How numbers, columns and lists read in a sentence of a finding. No rule decides anything here."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from citycarbon.forensics.intervals import Interval


def plain(value: float, digits: int = 4) -> str:
    """A number with ``digits`` significant digits, without an exponent where it can be read without one."""
    if math.isinf(value):
        return "unbounded"
    if value == round(value) and abs(value) < 1e9:
        return str(round(value))
    magnitude = math.floor(math.log10(abs(value)))
    if not -6 < magnitude < 9:
        return f"{value:.{digits - 1}e}"
    return f"{value:.{max(digits - 1 - magnitude, 0)}f}"


def span(value: Interval) -> str:
    """``2.768 [2.754, 2.781]``: the value at the printed digits and what rounding allows; exact values stand alone."""
    if value.width <= 1e-7 * max(abs(value.at), 1e-300):
        return plain(value.at)
    return f"{fixed(value.at, value)} {ends(value)}"


def ends(value: Interval) -> str:
    """``[2.754, 2.781]``."""
    low, high = ("unbounded" if math.isinf(v) else fixed(v, value) for v in (value.lo, value.hi))
    return f"[{low}, {high}]"


def fixed(number: float, scale: Interval) -> str:
    """``number`` with as many decimals as the width of ``scale`` lets one tell apart."""
    if not math.isfinite(number):
        return "unbounded"
    if not math.isfinite(scale.width) or scale.width <= 0:
        return plain(number)
    if scale.width < 1e-7 * abs(scale.at):
        return plain(number, 5)
    places = max(0, 1 - math.floor(math.log10(scale.width * 1.001)))  # a width of one unit may fall short in binary
    if abs(scale.hi) < 100:
        places = max(places, 2)
    text = f"{number:.{min(places, 12)}f}"
    return text.lstrip("-") if float(text) == 0 else text


def table_name(table: str) -> str:
    """``2`` and ``table2`` read Table 2, ``table4_variants`` Table 4 variants, any other name itself."""
    number = _number(table)
    return f"Table {number.replace('_', ' ')}" if number else table.replace("_", " ")


def table_code(table: str) -> str:
    """The short form for the scope of a finding: ``T2``."""
    number = _number(table)
    return f"T{number}" if number else table


def column_code(table: str, number: str) -> str:
    """``T2c1``; where the table's code is more than a number, ``T4_variants:2``."""
    code = table_code(table)
    return f"{code}{'c' if re.fullmatch(r'T[A-Z]?[0-9]+', code) else ':'}{number}"


def _number(table: str) -> str:
    """``2``, ``A1``, ``4_variants``: what follows the word table, or the whole where it begins with a digit; else nothing."""
    found = re.fullmatch(r"(?:tab(?:le)?[ _.]?)?([A-Z]?[0-9].*)", table, flags=re.IGNORECASE)
    return found[1] if found else ""


def listed(items: Sequence[object], most: int = 12) -> str:
    """``a, b and c``; what is more than ``most`` is counted."""
    texts = [str(i) for i in items]
    if len(texts) > most:
        return f"{', '.join(texts[:most])} and {len(texts) - most} more"
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}" if texts else "none"


def whole_range(counts: Sequence[int]) -> str:
    """``132 or 133``, ``132 to 135``, ``17``."""
    if not counts:
        return "none"
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low} or {high}" if high == low + 1 else f"{low} to {high}"


def p_text(value: float) -> str:
    """``p = 0.54``, ``p = 0.014``, ``p < 0.001``."""
    return "p < 0.001" if value < 0.0005 else f"p = {value:.3f}" if value < 0.0995 else f"p = {value:.2f}"


def start(text: str) -> str:
    """``text`` as the beginning of a sentence; the rest keeps its case."""
    return text[:1].upper() + text[1:]


def brief(text: str) -> str:
    """A printed number as it stands; one with more digits than a table prints, shortened."""
    return text if len(text) <= 9 else plain(float(text))
