"""A row of ``inference.csv``: its columns, and which columns of a study have rows there. Methods are other modules' work."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from citycarbon.study.spec import Column, Study

if TYPE_CHECKING:
    import pandas as pd

# Long: one row a column's treatment and method. ``statistic``: t, or the number that a method is about (docs/methods.md).
INFERENCE_COLUMNS: dict[str, type] = {
    "table": str, "column": str, "term": str, "method": str, "estimate": float, "std_error": float, "statistic": float,
    "df": int, "p_value": float, "conf_low": float, "conf_high": float, "draws": int, "undefined": int, "note": str,
}  # fmt: skip
NO_REDRAWS = "the study asks for no redraws"
_PANDAS = {str: "object", float: "float64", int: "Int64"}


def inference_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a frame in the columns and types of ``inference.csv``; what a row does not name is missing, a note empty."""
    import pandas as pd

    frame = pd.DataFrame([{"note": "", **row} for row in rows], columns=list(INFERENCE_COLUMNS))
    return frame.astype({name: _PANDAS[kind] for name, kind in INFERENCE_COLUMNS.items()})


def headline_columns(study: Study) -> list[tuple[str, Column]]:
    """Every column of every table without ``variants``, in the order of the study."""
    tables = study.regression_tables().items()
    return [(name, column) for name, table in tables if not table.variants for column in table.columns]


def treatment_rows(estimates: pd.DataFrame, table: str, column: Column) -> pd.DataFrame:
    """The rows (one, as a rule) of a column's treatment in a frame of ``estimates.csv``."""
    of = (estimates["table"] == table) & (estimates["column"] == column.id) & (estimates["term"] == column.treatment)
    return estimates[of]


def not_tested(estimates: pd.DataFrame, table: str, column: Column) -> str:
    """Why no test can be made of a column, from its row in a frame of ``estimates.csv``; '' where one can."""
    row = treatment_rows(estimates, table, column).iloc[0]
    if column.estimator != "twfe":
        return f"estimator {column.estimator}: has its own standard error"
    return "" if math.isfinite(row["estimate"]) else row["note"]


def labels(table: str, column: Column) -> dict[str, str]:
    """What names the rows of a column."""
    return {"table": table, "column": column.id, "term": column.treatment}
