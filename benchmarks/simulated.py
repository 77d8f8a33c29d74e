"""The simulated panel that every benchmark of estimation and inference runs on. Nothing is measured here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

SEED = 1
PERSISTENCE = 0.8  # of the AR(1) errors within a city
UNIT, YEAR, OUTCOME, TREATMENT, FIRST_YEAR = "city_id", "year", "y", "did", "first_year"


@dataclass(frozen=True)
class Shape:
    """How large the panel is. ``adopting``: first treated year -> cities."""

    cities: int = 220
    first: int = 2003
    last: int = 2021
    rows: int = 3017
    controls: int = 7
    adopting: tuple[tuple[int, int], ...] = ((2019, 4), (2021, 5))

    @property
    def control_names(self) -> list[str]:
        return [f"x{j + 1}" for j in range(self.controls)]


FULL = Shape()
SMALL = Shape(cities=24, first=2010, last=2019, rows=205, controls=2, adopting=((2016, 2), (2018, 2)))


def panel(shape: Shape = FULL, seed: int = SEED) -> pd.DataFrame:
    """An unbalanced panel sorted by city and year: ``rows`` city-years out of all, chosen at random.

    Every city keeps two rows at least and treated cities their treated years, so that no row is a singleton and everyone
    treated is in the sample. Errors AR(1) within the city, controls with a city's level, a trend and noise; no effect.
    """
    import pandas as pd

    rng = np.random.default_rng(seed)
    years = np.arange(shape.first, shape.last + 1)
    city, year = (a.ravel() for a in np.meshgrid(np.arange(shape.cities), years, indexing="ij"))
    first = np.full(shape.cities, shape.last + 1)
    treated = np.concatenate([np.full(count, start) for start, count in shape.adopting])
    first[: len(treated)] = treated
    did = (year >= first[city]).astype(float)
    errors = np.zeros((shape.cities, len(years)))
    errors[:, 0] = rng.normal(size=shape.cities) / np.sqrt(1 - PERSISTENCE**2)
    for t in range(1, len(years)):
        errors[:, t] = PERSISTENCE * errors[:, t - 1] + rng.normal(size=shape.cities)
    trend = (year - shape.first) / len(years)
    x = (
        rng.normal(size=(shape.cities, shape.controls))[city]
        + trend[:, None]
        + 0.5 * rng.normal(size=(len(city), shape.controls))
    )
    y = 3.0 + rng.normal(size=shape.cities)[city] + rng.normal(size=len(years))[year - shape.first]
    y = y + x @ np.linspace(0.3, -0.3, shape.controls) + 0.2 * errors.ravel()
    rows = pd.DataFrame({UNIT: city, YEAR: year, OUTCOME: y, TREATMENT: did})
    rows = rows.assign(**{name: x[:, j] for j, name in enumerate(shape.control_names)})
    return rows[_present(rng, city, did, shape)].reset_index(drop=True)


def first_years(rows: pd.DataFrame) -> dict[int, int]:
    """Treated city -> its first treated year."""
    return rows[rows[TREATMENT] == 1].groupby(UNIT)[YEAR].min().astype(int).to_dict()


def _present(rng: np.random.Generator, city: np.ndarray, did: np.ndarray, shape: Shape) -> np.ndarray:
    """Which city-years are there: two of each city and every treated one, the rest at random."""
    order = rng.permutation(len(city))
    place = np.empty(len(city), dtype=int)  # of a row among its city's rows, in random order
    for members in (order[city[order] == c] for c in range(shape.cities)):
        place[members] = np.arange(len(members))
    sure = (did == 1) | (place < 2)
    rest = order[~sure[order]]
    present = sure.copy()
    present[rest[: shape.rows - int(sure.sum())]] = True
    return present
