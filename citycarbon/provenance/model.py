"""What a trace is: a number, how it was made, its inputs and the raw cells behind each. No reading here."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any, SupportsFloat

JSON_KEYS = ("target", "value", "unit", "formula", "inputs")  # the contract of trace --json


@dataclass(frozen=True)
class RawCell:
    """One cell or line of a source file. ``path`` opens this home's immutable copy; None where this home does not hold it.

    ``text`` is the stored value, display format apart; None where it is withheld or where the whole file is meant.
    """

    source: str
    edition: str
    data_year: int | None
    path: str | None
    sha256: str
    sheet: str | None
    cell: str | None
    line: int | None
    text: str | None
    unit: str | None
    scope: str | None

    @property
    def place(self) -> str:
        """Where it lies, unique among the cells of a trace."""
        return f"{self.sha256}|{self.sheet or ''}|{self.where}"

    @property
    def names_a_place(self) -> bool:
        """False where the whole file is meant."""
        return self.cell is not None or self.line is not None or self.text is not None

    @property
    def where(self) -> str:
        if self.cell:
            return f"sheet '{self.sheet}', cell {self.cell}" if self.sheet else f"cell {self.cell}"
        return f"line {self.line}" if self.line is not None else "whole file"


@dataclass(frozen=True)
class TraceInput:
    """One input of a number: its value as used, and the raw cells behind it."""

    variable: str
    value: float | str | None
    raw: list[RawCell] = field(default_factory=list)


@dataclass(frozen=True)
class Trace:
    """A number, how it was made and from what. ``notes``, ``reread`` and ``names`` stand in the text form alone.

    ``reread``: place of a raw cell -> True (the snapshot was opened and says the same), False (it says otherwise), None
    (cannot be read again: no snapshot here, or no single cell).
    """

    target: str
    value: float | None
    unit: str | None
    formula: str | None
    inputs: list[TraceInput]
    notes: list[str] = field(default_factory=list)
    reread: dict[str, bool | None] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # sha256 -> name of the file as received

    def to_dict(self) -> dict[str, Any]:
        """The contract's form: target, value, unit, formula, inputs; each input variable, value, raw."""
        body = asdict(self)
        return {key: body[key] for key in JSON_KEYS}

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=1, allow_nan=False)

    def to_text(self) -> str:
        from citycarbon.provenance.text import render

        return render(self)


def number(value: SupportsFloat | str | None) -> float | None:
    """A plain finite float; None for null, nan, infinity and text."""
    if value is None or isinstance(value, str):
        return None
    plain = float(value)
    return plain if math.isfinite(plain) else None
