"""Splits of the cities in two halves: who is low, who is high, the cut, the sum check and the test of the difference.

Estimation of a half is an ordinary column (``columns``); nothing here fits a single half.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from citycarbon.study.spec import Split, Study

if TYPE_CHECKING:
    import pandas as pd


def groups(panel: pd.DataFrame, study: Study, split: Split, chosen: pd.Series) -> pd.Series:
    """``low``, ``high`` or missing (no value of the criterion) for every row of ``panel``; object dtype, the panel's index.

    ``chosen``: rows (bool) of the estimation sample before the split; the median is taken over the cities (at level row:
    the rows) that have at least one of them.
    """
    import numpy as np

    if split.criterion == "adopted":
        years = panel[[f"first_year_{p}" for p in split.policies]].astype("float64")
        adopted = years.le(split.year)
        high = adopted.any(axis=1) if split.combine == "any" else adopted.all(axis=1)
        return high.map({True: "high", False: "low"}).astype(object)
    value, cut = criterion(panel, split, chosen)
    out = np.where(value > cut, "high", "low").astype(object)
    out[value.isna().to_numpy()] = None
    return value.astype(object).where(value.isna(), out)


def criterion(panel: pd.DataFrame, split: Split, chosen: pd.Series) -> tuple[pd.Series, float]:
    """The value that is cut, by row of ``panel`` (float64, missing where unknown), and the cut; ties are low."""
    value = panel[split.variable].astype("float64")
    if split.level == "city":
        value = value.where(panel["year"] < split.year).groupby(panel["city_id"]).transform("mean")
    if split.criterion == "threshold":
        return value, float(split.cut)
    taken = value[chosen]
    if split.level == "city":
        taken = taken.groupby(panel["city_id"][chosen]).first()
    return value, float(taken.median())
