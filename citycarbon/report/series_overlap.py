"""Two series of one quantity where both exist: how close their levels, logs and changes are, overall and by year.

Rows of ``series_overlap.csv``. A study estimates one series; this says what another would have changed.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

PREFIX = "co2_mt_"  # the panel's columns of emission series, in Mt
OVERLAP_COLUMNS: dict[str, type] = {
    "series_a": str, "series_b": str, "scope": str, "year": int, "cells": int, "cities": int, "cells_only_a": int,
    "cells_only_b": int, "corr_levels": float, "corr_logs": float, "changes": int, "corr_changes": float,
    "mean_log_difference": float, "sd_log_difference": float,
}  # fmt: skip
_PANDAS = {str: "object", float: "float64", int: "Int64"}
ALL, BY_YEAR = "all", "year"


def series_overlap(panel: pd.DataFrame, series: list[str] | None = None) -> pd.DataFrame:
    """Every pair of emission series of ``panel`` (one row per city_id and year): ``OVERLAP_COLUMNS``.

    A row over all years (``scope`` all) and one for each year in which both exist. cells: city-years with a positive value of
    both; corr_logs and log differences (ln a - ln b) are of natural logs of Mt; changes: first differences of the logs within
    a city from one calendar year to the next, in the row of the later year. A correlation needs three values and some spread.
    """
    import pandas as pd

    names = series or [c for c in panel.columns if c.startswith(PREFIX) and not c.endswith("_flag")]
    panel = panel.sort_values(["city_id", "year"], kind="stable", ignore_index=True)
    rows = [row for a, b in combinations(names, 2) for row in _pair(panel, a, b)]
    return pd.DataFrame(rows, columns=list(OVERLAP_COLUMNS)).astype({n: _PANDAS[k] for n, k in OVERLAP_COLUMNS.items()})


def _pair(panel: pd.DataFrame, a: str, b: str) -> list[dict[str, Any]]:
    both = panel[["city_id", "year"]].assign(a=panel[a].astype("float64"), b=panel[b].astype("float64"))
    positive = both[["a", "b"]] > 0
    for name in ("a", "b"):
        log = np.log(both[name].where(positive.all(axis=1)))
        step = both["year"].groupby(both["city_id"]).diff() == 1
        both[f"log_{name}"], both[f"change_{name}"] = log, log.groupby(both["city_id"]).diff().where(step)
    shared = {"series_a": a, "series_b": b}
    rows = [{**shared, "scope": ALL, "year": None, **_row(both)}]
    years = sorted(both.loc[positive.all(axis=1), "year"].unique())
    return rows + [{**shared, "scope": BY_YEAR, "year": int(y), **_row(both[both["year"] == y])} for y in years]


def _row(part: pd.DataFrame) -> dict[str, Any]:
    here = part["log_a"].notna()
    cells, difference = part[here], (part["log_a"] - part["log_b"])[here]
    changes = part[part["change_a"].notna() & part["change_b"].notna()]
    return {
        "cells": len(cells), "cities": cells["city_id"].nunique(),
        "cells_only_a": int((part["a"].notna() & part["b"].isna()).sum()),
        "cells_only_b": int((part["b"].notna() & part["a"].isna()).sum()),
        "corr_levels": _correlation(cells["a"], cells["b"]), "corr_logs": _correlation(cells["log_a"], cells["log_b"]),
        "changes": len(changes), "corr_changes": _correlation(changes["change_a"], changes["change_b"]),
        "mean_log_difference": float(difference.mean()) if len(difference) else np.nan,
        "sd_log_difference": float(difference.std(ddof=1)) if len(difference) > 1 else np.nan,
    }  # fmt: skip


def _correlation(a: pd.Series, b: pd.Series) -> float:
    x, y = a.to_numpy(dtype=float), b.to_numpy(dtype=float)
    if len(x) < 3:
        return float("nan")
    x, y = x - x.mean(), y - y.mean()
    size = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(x @ y / size) if size > 1e-12 * len(x) else float("nan")
