"""Rows of a table that a regression from cells and one from rows must agree on, and the regression from rows. No test here."""

from __future__ import annotations

import numpy as np
import pandas as pd

from citycarbon.econometrics import fwl
from citycarbon.econometrics.compression import LargeModel

CONTROLS = ("x1", "x2")
MODEL = LargeModel("y", CONTROLS, ("county",), ("month",), "county", "did")


def table(seed: int, *, counties: int = 14, months: int = 9, rows: int = 900, balanced: bool = False) -> pd.DataFrame:
    """Several rows a county and month (some cells empty, unless balanced), controls that vary inside a cell, weights."""
    rng = np.random.default_rng(seed)
    if balanced:
        county, month = (a.ravel() for a in np.meshgrid(np.arange(counties), np.arange(months), indexing="ij"))
    else:
        county, month = rng.integers(0, counties, rows), rng.integers(0, months, rows)
    n = len(county)
    x = rng.normal(size=(n, 2)) + rng.normal(size=counties)[county][:, None] + 5.0
    did = ((county < 3) & (month >= 4)) | ((county == 3) & (month >= 6))
    y = 2.0 - 0.3 * did + x @ [0.5, -0.2] + rng.normal(size=counties)[county] + 0.1 * month + rng.normal(size=n)
    frame = pd.DataFrame({"county": county, "month": month, "city": county // 2, "y": y, "x1": x[:, 0], "x2": x[:, 1]})
    return frame.assign(did=did.astype(int), w=rng.uniform(0.2, 3.0, n))


def from_rows(
    rows: pd.DataFrame, terms: list[str], cluster: str = "county", weights: str | None = None, unit: str = "county"
) -> fwl.OlsFit:
    """The regression with explicit dummies. ``rows``: without singletons; clusters that contain the units."""
    mass = rows[weights].to_numpy() if weights else None
    effects = fwl.Effects(fwl.codes(rows[unit]), fwl.codes(rows["month"]), mass)
    k = len(terms) + 1 + int(effects.second.max()) + 1 - effects.n_components
    x = rows[terms].to_numpy(dtype=float)
    return fwl.dummy_fit(rows["y"].to_numpy(), x, effects, fwl.codes(rows[cluster]), k)
