"""The trace of a descriptive statistic: computed again from the panel, with the rows it is over and the files behind them."""

from __future__ import annotations

from typing import Any

from citycarbon.provenance.coefficients import variable_inputs
from citycarbon.provenance.model import Trace, TraceInput, number
from citycarbon.provenance.store import Store

STATISTICS = {
    "n": "count(x)",
    "mean": "sum(x) / n",
    "sd": "sqrt(sum((x - mean)^2) / (n - 1))",
    "min": "smallest x",
    "max": "largest x",
}
ROWS = ("sample", "all")


def trace_statistic(store: Store, target: str, variable: str, statistic: str, rows: str) -> Trace:
    """A statistic of ``variable`` over the estimation sample or over all rows of the panel, and how many rows that are."""
    import pyarrow.parquet as pq

    column = store.did_column if variable == "did" and store.did_column else variable
    frame = pq.read_table(store.panel, columns=[column, "in_sample", "year"]).to_pandas()
    values = frame.loc[frame["in_sample"] if rows == "sample" else frame.index >= 0, column].dropna()
    where = "rows with in_sample" if rows == "sample" else "all rows of the panel"
    files, notes = variable_inputs(store, [variable])
    inputs = [TraceInput(f"n ({where})", float(values.size)), *files]
    formula = f"{STATISTICS[statistic]}, x = {column} over {where}"
    return Trace(target, number(_statistic(values, statistic)), store.unit_of(column), formula, inputs, notes)


def _statistic(values: Any, name: str) -> float | None:
    if values.empty:
        return 0.0 if name == "n" else None
    return {"n": values.size, "mean": values.mean(), "sd": values.std(ddof=1), "min": values.min(), "max": values.max()}[name]
