"""Table 1: descriptive statistics over all city-years of the panel and over the estimation sample, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from citycarbon.econometrics.sample import estimation_sample
from citycarbon.report.formats import Cell, Head, Row, Table, count, decimals_for, fixed, table_name
from citycarbon.study.spec import DescriptiveTable, Study

if TYPE_CHECKING:
    import pandas as pd

_STATISTICS = ("sd", "n", "mean", "min", "max")
_HEADS = ("S.D.", "N", "Mean", "Min", "Max")


def describe(panel: pd.DataFrame, study: Study, table: str = "table1") -> pd.DataFrame:
    """One row per variable and scope (``all``, ``sample``): sd (n - 1), n, mean, min, max in the panel's units, full precision.

    ``all`` is every row of the panel; ``sample`` the estimation rows (singletons dropped) of the column that the study names.
    n counts finite values. Columns: variable, label, unit, transform, scope, sd, n, mean, min, max.
    """
    import numpy as np
    import pandas as pd

    spec = _spec(study, table)
    column = study.column(spec.sample_of.table, spec.sample_of.column)
    kept = estimation_sample(panel, study, column).rows[["city_id", "year"]]
    scopes = {"all": panel.sort_values(["city_id", "year"]), "sample": kept.merge(panel, on=["city_id", "year"], how="left")}
    rows = []
    for name in spec.variables:
        variable = study.variable(name)
        for scope, frame in scopes.items():
            values = frame[study.panel_column(name)].astype("float64").to_numpy()
            values = values[np.isfinite(values)]
            some = len(values) > 0
            rows.append(
                {
                    "variable": name,
                    "label": variable.label,
                    "unit": variable.unit,
                    "transform": variable.transform,
                    "scope": scope,
                    "sd": float(values.std(ddof=1)) if len(values) > 1 else np.nan,
                    "n": len(values),
                    "mean": float(values.mean()) if some else np.nan,
                    "min": float(values.min()) if some else np.nan,
                    "max": float(values.max()) if some else np.nan,
                }
            )
    return pd.DataFrame(rows)


def _spec(study: Study, table: str) -> DescriptiveTable:
    spec = study.tables.get(table)
    if not isinstance(spec, DescriptiveTable):
        raise KeyError(f"study {study.study} has no descriptive table '{table}'")
    return spec


def table1(panel: pd.DataFrame, study: Study, synthetic: bool, table: str = "table1") -> Table:
    """Table 1 as a :class:`Table`: variables in the study's order with unit and transform, both scopes side by side."""
    spec, statistics = _spec(study, table), describe(panel, study, table)
    digits = {v: decimals_for(float(g["sd"].max()), digits=3) for v, g in statistics.groupby("variable", sort=False)}
    most = max(digits.values())
    body = []
    for name, both in statistics.groupby("variable", sort=False):
        row = both.set_index("scope")
        cells = [c for scope in ("all", "sample") for c in _cells(row.loc[scope], digits[name], most)]
        first = row.iloc[0]
        body.append(Row((first["label"], first["unit"], first["transform"]), tuple(cells)))
    source = f"{table_name(spec.sample_of.table)} column ({spec.sample_of.column})"
    return Table(
        title=f"{table_name(table)}. {spec.title}",
        stub=("Variable", "Unit", "Transform"),
        header=((Head("All city-years", 5), Head("Estimation sample", 5)), tuple(Head(h) for _ in range(2) for h in _HEADS)),
        body=tuple(body),
        notes=(
            f"All city-years: {count(len(panel))} of {count(panel['city_id'].nunique())} prefecture-level units, "
            f"{panel['year'].min()}-{panel['year'].max()}; N is the number of values present.",
            f"Estimation sample: the rows of {source} ({_rule(panel, study, spec)}).",
            "Values are after the transform; the unit is that before it. S.D. with N - 1. No winsorising.",
        ),
        synthetic=synthetic,
    )


def _rule(panel: pd.DataFrame, study: Study, spec: DescriptiveTable) -> str:
    return estimation_sample(panel, study, study.column(spec.sample_of.table, spec.sample_of.column)).text


def _cells(row: pd.Series, digits: int, most: int) -> list[Cell]:
    cells = {name: Cell(fixed(row[name], digits), pad=most - digits) for name in ("sd", "mean", "min", "max")}
    return [Cell(count(row["n"])) if name == "n" else cells[name] for name in _STATISTICS]
