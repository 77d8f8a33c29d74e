from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from citycarbon.forensics import Design, examine, load_design, read_descriptives, read_published
from citycarbon.paths import STUDIES


@dataclass(frozen=True)
class Paper:
    """The printed tables of the ai_pilot study's paper, and altered copies of them."""

    published: pd.DataFrame
    descriptives: pd.DataFrame | None
    design: Design | None

    def judged(self) -> pd.DataFrame:
        return examine(self.published, self.descriptives, self.design)

    def verdicts(self) -> dict[str, str]:
        return overall(self.judged())

    def altered(self, column: str, value: str, **where: str) -> "Paper":
        df = self.published.copy()
        mask = np.logical_and.reduce([df[k] == v for k, v in where.items()])
        assert mask.any()
        df.loc[mask, column] = value
        return replace(self, published=df)

    def redescribed(self, variable: str, **values: str) -> "Paper":
        df = self.descriptives.copy()
        assert (df["variable"] == variable).any()
        df.loc[df["variable"] == variable, list(values)] = list(values.values())
        return replace(self, descriptives=df)

    def redesigned(self, **keys: Any) -> "Paper":
        return replace(self, design=Design.model_validate({**self.design.model_dump(), **keys}))


def overall(frame: pd.DataFrame) -> dict[str, str]:
    rows = frame[frame["scope"] == "overall"]
    return dict(zip(rows["rule"], rows["verdict"], strict=True))


@pytest.fixture(scope="session")
def paper() -> Paper:
    folder = STUDIES / "ai_pilot"
    return Paper(
        read_published(folder / "published.csv"),
        read_descriptives(folder / "published_descriptives.csv"),
        load_design(folder / "published.design.yaml"),
    )


@pytest.fixture(scope="session")
def judged(paper) -> pd.DataFrame:
    return paper.judged()
