"""Printed tables with their design, and copies of them with one thing changed. No tests here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from citycarbon.forensics import Design, examine


@dataclass(frozen=True)
class Paper:
    """What one would type off a paper; either of the last two may be absent."""

    published: pd.DataFrame
    descriptives: pd.DataFrame | None
    design: Design | None

    def judged(self) -> pd.DataFrame:
        return examine(self.published, self.descriptives, self.design)

    def verdicts(self) -> dict[str, str]:
        return overall(self.judged())

    def failing(self) -> set[str]:
        return {rule for rule, verdict in self.verdicts().items() if verdict == "fail"}

    def altered(self, column: str, value: str, **where: str) -> Paper:
        """With ``column`` of the coefficient rows ``where`` set to ``value``."""
        df = self.published.copy()
        mask = np.logical_and.reduce([df[k] == v for k, v in where.items()])
        assert mask.any()
        df.loc[mask, column] = value
        return replace(self, published=df)

    def redescribed(self, variable: str, **values: str) -> Paper:
        df = self.descriptives.copy()
        assert (df["variable"] == variable).any()
        df.loc[df["variable"] == variable, list(values)] = list(values.values())
        return replace(self, descriptives=df)

    def redesigned(self, **keys: Any) -> Paper:
        return replace(self, design=Design.model_validate({**self.design.model_dump(), **keys}))

    def only(self, *names: str) -> Paper:
        """Without those of ``descriptives`` and ``design`` that are not named."""
        return replace(self, **{n: None for n in ("descriptives", "design") if n not in names})


def overall(frame: pd.DataFrame) -> dict[str, str]:
    rows = frame[frame["scope"] == "overall"]
    return dict(zip(rows["rule"], rows["verdict"], strict=True))
