"""A row of ``sensitivity.csv``: its columns, and how rows become its frame. What is varied is the work of other modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# Long: one row an analysis, variant, parameter and term. ``parameter``: what is varied by degree (km, Mbar, a year), with its
# unit; ``unit``: of the estimate. What a row cannot give is empty, and ``note`` says why (docs/methods.md).
SENSITIVITY_COLUMNS: dict[str, type] = {
    "analysis": str, "variant": str, "parameter": float, "parameter_unit": str, "table": str, "column": str, "term": str,
    "estimate": float, "std_error": float, "statistic": float, "df": int, "p_value": float, "conf_low": float,
    "conf_high": float, "p_ri_t": float, "ri_draws": int, "ri_undefined": int, "seed": str, "n_obs": int, "n_units": int,
    "n_treated_units": int, "n_treated_cells": int, "unit": str, "note": str,
}  # fmt: skip
_PANDAS = {str: "object", float: "float64", int: "Int64"}


def sensitivity_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a frame in the columns and types of ``sensitivity.csv``: what a row does not name is missing, a text empty.

    Raises ValueError where a row names a column that the file does not have.
    """
    import pandas as pd

    for row in rows:
        if unknown := row.keys() - SENSITIVITY_COLUMNS.keys():
            raise ValueError(f"a sensitivity row has columns that sensitivity.csv has not: {', '.join(sorted(unknown))}")
    texts = {name: "" for name, kind in SENSITIVITY_COLUMNS.items() if kind is str}
    frame = pd.DataFrame([texts | row for row in rows], columns=list(SENSITIVITY_COLUMNS))
    return frame.astype({name: _PANDAS[kind] for name, kind in SENSITIVITY_COLUMNS.items()})
