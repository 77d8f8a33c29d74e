"""Observations as a matrix of series by year, so that every comparison along time is one array operation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

LONG = 3  # an edition with at least so many years of a series is judged within itself


@dataclass(frozen=True)
class Matrix:
    """``log``: natural log of positive values, NaN elsewhere, shape (series, years); rows and columns as in ``rows``,
    ``years``.

    ``row_of``/``column_of`` place every judged row of the table the matrix was made from (``table``, index 0..n-1).
    """

    log: np.ndarray
    years: np.ndarray
    table: pd.DataFrame
    row_of: np.ndarray
    column_of: np.ndarray

    def at(self, offset: int) -> np.ndarray:
        """``log`` shifted so that element (i, t) holds year t + ``offset``; NaN beyond the ends."""
        out = np.full_like(self.log, np.nan)
        width = self.log.shape[1]
        if abs(offset) < width:
            out[:, max(0, -offset) : width - max(0, offset)] = self.log[:, max(0, offset) : width - max(0, -offset)]
        return out

    def pick(self, values: np.ndarray) -> np.ndarray:
        """The elements of a matrix of this shape that belong to the judged rows, in the order of ``table``."""
        return values[self.row_of, self.column_of]


def matrix(table: pd.DataFrame, key: str = "key") -> Matrix:
    """The matrix of a table with an integer ``key``, ``year``, ``value`` and optional ``judged``; the last of duplicate cells
    counts.

    Rows without ``judged`` fill the series (years of another edition) but are not judged themselves.
    """
    rows = table.reset_index(drop=True)
    years = rows["year"].to_numpy(dtype=int)
    first = years.min() if len(years) else 0
    span = np.arange(first, (years.max() if len(years) else -1) + 1)
    codes, keys = pd.factorize(rows[key])
    values = rows["value"].to_numpy(dtype=float)
    log = np.full((len(keys), len(span)), np.nan)
    positive = values > 0
    log[codes[positive], years[positive] - first] = np.log(values[positive])
    keep = rows["judged"].to_numpy(dtype=bool) if "judged" in rows.columns else np.ones(len(rows), bool)
    return Matrix(log, span, rows[keep].reset_index(drop=True), codes[keep], years[keep] - first)


def edition_series(observations: pd.DataFrame) -> pd.DataFrame:
    """Observations arranged for :func:`matrix`: ``key`` numbers what is compared along time, ``judged`` marks the rows to
    judge.

    An edition that holds several years of a series is compared within itself: two tables of one source must not look like jumps
    of each other. Editions of one or two years (a yearbook holds the year before) are judged along the current values of their
    source.
    """
    tables = observations["table"].max() + 1 if len(observations) else 1
    key = observations["series"] * tables + observations["table"]
    span = key.map(key.value_counts())
    long = observations.assign(key=key, judged=True)[span >= LONG]
    short = observations[(span < LONG) & observations["is_current"]]
    if short.empty:
        return long.reset_index(drop=True)
    around = observations[observations["is_current"] & observations["series"].isin(short["series"].unique())]
    pooled = around.assign(key=-1 - around["series"], judged=around.index.isin(short.index))
    return pd.concat([long, pooled], ignore_index=True)


def median_of(layers: list[np.ndarray], needed: int) -> np.ndarray:
    """Element-wise median over the layers that hold a value; NaN where fewer than ``needed`` do.

    Of logs, so that between two equal camps it is their geometric mean: a two-year error then does not make its neighbours
    suspect.
    """
    stack = np.sort(np.stack(layers), axis=0)  # NaN sorts last
    count = (~np.isnan(stack)).sum(axis=0)
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    high = np.minimum(high, len(layers) - 1)
    pick = np.take_along_axis
    middle = (pick(stack, low[None], 0)[0] + pick(stack, np.where(count % 2, low, high)[None], 0)[0]) / 2
    return np.where(count >= needed, middle, np.nan)
