"""The step between the factors of a chain and the level that a formula names, written out with its value.

Conventions: docs/data-dictionary.md (investment after its last published level; real GDP, and GDP of rebased cities).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

_YEAR = re.compile(r"(\w+)\[(\d{4})(, own borders)?\]")


def chain_notes(inputs: Sequence[tuple[str, float | None]]) -> list[str]:
    """One sentence for each chain among the inputs (name, value) of a cell: what it is made of, and what it comes to."""
    terms: dict[tuple[str, bool], dict[int, float]] = {}
    for name, value in inputs:
        found = _YEAR.fullmatch(name)
        if found and value is not None:
            terms.setdefault((found[1], bool(found[3])), {})[int(found[2])] = value
    level, growth = terms.get(("fai_yuan", False)), terms.get(("fai_growth_pct", False))
    notes = [_investment(level, growth)] if level and growth else []
    level, index = terms.get(("gdp_yuan", False)), terms.get(("gdp_index", False))
    if level and index:
        notes.append(_real_gdp(level, index, terms.get(("gdp_yuan", True), {})))
    return notes


def _investment(level: Mapping[int, float], growth: Mapping[int, float]) -> str:
    ((base, start),) = level.items()
    value = start * math.prod(1 + g / 100 for g in growth.values())
    return f"fai_yuan = fai_yuan[{base}] x product of (1 + fai_growth_pct / 100) over {_span(growth)} = {value:.10g}"


def _real_gdp(level: Mapping[int, float], index: Mapping[int, float], own: Mapping[int, float]) -> str:
    """``own``: GDP inside the borders before the change, of the base year and of the last year before the change."""
    ((start, gdp),) = level.items()
    late = {year: i for year, i in index.items() if year > start}
    text, value = f"gdp_real_yuan = gdp_yuan[{start}]", gdp * _product(late)
    if own:
        base, last = min(own), max(own)
        early = {year: i for year, i in index.items() if year <= last}
        value /= own[last] / (own[base] * _product(early))
        text += f" / price, price = gdp_yuan[{last}, own borders] / (gdp_yuan[{base}, own borders]"
        text += (f" x product of gdp_index / 100 over {_span(early)}" if early else "") + "),"
    text += f" x product of gdp_index / 100 over {_span(late)}" if late else ""
    return f"{text} = {value:.10g}"


def _product(index: Mapping[int, float]) -> float:
    return math.prod(i / 100 for i in index.values())


def _span(years: Mapping[int, float]) -> str:
    return f"{min(years)}-{max(years)}" if len(years) > 1 else str(min(years))
