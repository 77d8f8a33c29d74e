"""Words and tables that the texts of a difference share: units, signed differences, counts, shortened lists, cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from citycarbon.display import markdown_table
from citycarbon.report.sentences import plain, signed, whole

NAMED = 6  # drops, settings, variables or ids named in a sentence before it counts the rest
SHOWN = 40  # rows of a table of the text
ABSENT = "\N{EN DASH}"  # where one side has nothing


def unit(outcome: dict[str, Any]) -> str:
    """Unit of a coefficient's outcome, with the transform: ``ln(Mt)``."""
    text = outcome["outcome_unit"] or "units"
    transform = outcome["transform"]
    if transform in ("", "none"):
        return text
    return transform.replace("x", text) if "x" in transform else f"{transform}({text})"


def with_sign(value: float) -> str:
    """A difference with its sign, a true minus; ``0`` where there is none."""
    return "0" if value == 0 else signed(value) if value < 0 else f"+{plain(value)}"


def count(n: int, thing: str) -> str:
    """``1 file``, ``2 files``, ``5,591 files``."""
    return f"{whole(n)} {thing}{'' if n == 1 else 's'}"


def listed(items: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def shortened(items: list[str], most: int = NAMED) -> str:
    """The first items, and how many more there are."""
    rest = len(items) - most
    return ", ".join(items[:most]) + (f" and {whole(rest)} more" if rest > 0 else "")


def text_table(header: list[str], body: list[list[str]], right: Sequence[int] = (), most: int = SHOWN) -> list[str]:
    """Lines of a table of at most so many rows, and a line that says how many more there are."""
    lines = markdown_table(header, body[:most], right)
    rest = len(body) - most
    return lines + (["", f"{whole(rest)} more rows of this table stand in diff.json."] if rest > 0 else [])


def whole_or_absent(n: int | None) -> str:
    """``1,234``, or a dash where there is no count."""
    return ABSENT if n is None else whole(n)


def cut(value: Any) -> str:
    """A value as a cell shows it: at most 100 characters, a dash for none."""
    if value is None:
        return ABSENT
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 100 else text[:100] + " ..."


def short_hash(value: Any) -> str:
    """A hash by its first digits."""
    text = cut(value)
    return text[:12] if len(text) >= 40 and " " not in text else text
