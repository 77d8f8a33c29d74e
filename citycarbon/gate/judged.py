"""The judged frame: what a rule's measure function returns and the engine judges, whatever the measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

KEYS = ("city_id", "year", "used")


@dataclass(frozen=True)
class Judged:
    """``frame``: KEYS and measure columns, index 0..n-1; ``used`` False where the study does not use what the row describes.

    ``describe`` turns one row into a few words for a person (factor, indicator, source); ``note`` says what was not judged
    and why.
    """

    frame: pd.DataFrame
    describe: Callable[[Any], str]
    note: str = ""


class MissingColumns(LookupError):
    """A mart lacks columns that a rule needs. ``str`` names the mart and the columns."""

    def __init__(self, mart: str, columns: list[str]) -> None:
        self.mart, self.columns = mart, columns
        super().__init__(f"{mart} has no column {', '.join(columns)}")


def require(frame: pd.DataFrame, mart: str, columns: list[str]) -> pd.DataFrame:
    """``frame`` if it holds ``columns``. Raises MissingColumns."""
    missing = [c for c in columns if c not in frame.columns]
    if missing:
        raise MissingColumns(mart, missing)
    return frame


def judged(frame: pd.DataFrame, describe: Callable[[Any], str], *, used: Any = True, note: str = "") -> Judged:
    """A judged frame with the KEYS in their types; ``used`` is a scalar or a boolean column."""
    out = frame.reset_index(drop=True)
    if "used" not in out.columns:
        out["used"] = used if not isinstance(used, pd.Series) else used.to_numpy()
    out["used"] = out["used"].astype(bool)
    return Judged(out, describe, note)


def factor(ratio: float) -> str:
    """A ratio in words: ``x3.2`` or, below one, ``/ 4.1``."""
    return f"x{ratio:.4g}" if ratio >= 1 else f"/{1 / ratio:.4g}"
