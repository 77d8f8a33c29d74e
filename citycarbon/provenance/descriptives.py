"""The trace of a descriptive statistic: computed again from the panel as the table does, with the files behind the variable."""

from __future__ import annotations

from citycarbon.errors import UsageError
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
ROWS = {"sample": "the estimation sample", "all": "all rows of the panel"}


def trace_statistic(store: Store, target: str, table: str, variable: str, statistic: str, rows: str) -> Trace:
    """A statistic of ``variable`` over the estimation sample or over all rows, as ``table`` of the study prints it.

    Raises UsageError where the panel's values are withheld: in a public bundle the printed table is all there is.
    """
    import pandas as pd

    from citycarbon.report.descriptives import describe

    if store.manifest.get("public"):
        raise UsageError(f"'{target}' cannot be computed again in a public bundle, whose values are withheld; see tables/.")
    described = describe(pd.read_parquet(store.panel), store.load_study(), table)
    row = described[(described["variable"] == variable) & (described["scope"] == rows)].iloc[0]
    files, notes = variable_inputs(store, [variable])
    inputs = [TraceInput("n", number(row["n"])), *files]
    unit = (
        "city-years"
        if statistic == "n"
        else row["unit"]
        if row["transform"] == "none"
        else f"{row['transform']}, {row['unit']}"
    )
    return Trace(
        target, number(row[statistic]), unit, f"{STATISTICS[statistic]}, x = {variable} over {ROWS[rows]}", inputs, notes
    )
