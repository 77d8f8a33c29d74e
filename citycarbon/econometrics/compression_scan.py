"""What the compressed regression asks of a table: Ibis expressions, written once, for DuckDB, Spark or any other backend.

Two aggregations, each one pass over the rows: sums by cell, and cross-products by cluster of values that are already centred
(the first pass gives the means). A third one counts what was left out, only where something was. Nothing is estimated here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np

from citycarbon.errors import UsageError

if TYPE_CHECKING:
    import ibis
    import pyarrow as pa

# The square of a larger number is infinite in a double. (Backends differ in what they call infinite, not in how they compare.)
BEYOND = 1e150
COUNT, MASS = "n_rows", "mass"  # columns of the aggregates; a sum is named s0, s1 ..., a product p0_0, p0_1 ...


@dataclass(frozen=True)
class Dated:
    """A treatment that is 1 from the first treated year of a row's city on.

    ``city``, ``year``: columns of the table; ``first_year``: city id as text -> first treated year, treated cities only.
    """

    city: str
    year: str
    first_year: Mapping[str, int]


@dataclass(frozen=True)
class LargeModel:
    """The two-way regression of a large table: its columns by role.

    ``unit`` and ``time``: the columns whose combinations are the levels of the two fixed effects (``("county", "sector")``);
    ``treatment``: a numeric column, or how the rows are dated; ``weights``: column of positive analytic weights.
    Outcome and controls may differ from row to row inside a cell. The treatment is part of a cell's key: one that takes many
    values makes many cells.
    """

    outcome: str
    controls: tuple[str, ...]
    unit: tuple[str, ...]
    time: tuple[str, ...]
    cluster: str
    treatment: str | Dated
    weights: str | None = None
    name: str = field(default="did")  # what a dated treatment is called

    @property
    def term(self) -> str:
        """Name of the treatment's coefficient."""
        return self.treatment if isinstance(self.treatment, str) else self.name

    @property
    def variables(self) -> tuple[str, ...]:
        """What is summed: the outcome, then the controls."""
        return (self.outcome, *self.controls)

    @property
    def keys(self) -> tuple[str, ...]:
        """What a cell is a combination of."""
        treated = (self.treatment,) if isinstance(self.treatment, str) else (self.treatment.city, self.treatment.year)
        return tuple(dict.fromkeys((*self.unit, *self.time, self.cluster, *treated)))

    @property
    def numbers(self) -> tuple[str, ...]:
        """Columns that must hold finite numbers: a row without one is left out and counted."""
        treated = (self.treatment,) if isinstance(self.treatment, str) else (self.treatment.year,)
        return tuple(dict.fromkeys((*self.variables, *treated, *((self.weights,) if self.weights else ()))))

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read."""
        return tuple(dict.fromkeys((*self.keys, *self.numbers)))


def usable(table: ibis.Table, model: LargeModel) -> ibis.Table:
    """The rows whose keys are present, whose numbers are finite and whose weight is positive."""
    import ibis

    faults = list(_faults(table, model))
    return table.filter(~ibis.or_(*(is_fault for _, _, is_fault in faults)))


def cell_sums(table: ibis.Table, model: LargeModel) -> ibis.Table:
    """One row a cell: its keys, ``n_rows``, ``mass`` (sum of weights), and the weighted sum ``s<i>`` of each variable."""
    rows = usable(table, model)
    weight = _weight(rows, model)
    sums = {f"s{i}": _times(_number(rows, v), weight).sum() for i, v in enumerate(model.variables)}
    mass = {} if weight is None else {MASS: weight.sum()}
    return rows.group_by(list(model.keys)).agg(**{COUNT: rows.count()}, **mass, **sums)


def cluster_products(table: ibis.Table, model: LargeModel, centre: np.ndarray) -> ibis.Table:
    """One row a cluster: weighted sums ``p<i>_<j>`` of the products of the variables less ``centre`` (p,), i <= j."""
    rows = usable(table, model)
    weight = _weight(rows, model)
    left = [_number(rows, v) - float(c) for v, c in zip(model.variables, centre, strict=True)]
    pairs = combinations_with_replacement(range(len(left)), 2)
    products = {f"p{i}_{j}": _times(left[i] * left[j], weight).sum() for i, j in pairs}
    return rows.group_by(model.cluster).agg(**products)


def fault_counts(table: ibis.Table, model: LargeModel) -> dict[str, int]:
    """Reason -> rows it holds for, such as ``x1 missing``; a row may have several. Only reasons that occur."""
    faults = list(_faults(table, model))
    counted = table.aggregate(**{f"f{i}": is_fault.sum() for i, (_, _, is_fault) in enumerate(faults)}).to_pyarrow()
    found = {f"{column} {what}": counted[f"f{i}"][0].as_py() or 0 for i, (column, what, _) in enumerate(faults)}
    return {reason: int(n) for reason, n in found.items() if n}


def refuse_unfit(table: ibis.Table, model: LargeModel, where: str) -> None:
    """Raises UsageError where the table lacks a column or has text where a number is needed."""
    schema = table.schema()
    missing = [c for c in model.columns if c not in schema]
    if missing:
        raise UsageError(
            f"{where}: found the columns {', '.join(schema)}; expected also {', '.join(missing)}. "
            "Name the columns of the file in the study, or write them into the file."
        )
    for name in model.numbers:
        if not (schema[name].is_numeric() or schema[name].is_boolean()):
            raise UsageError(
                f"{where}, column {name}: found values of type {schema[name]}; expected numbers. "
                "Write the column as integer or floating point and take the file in again as a new edition."
            )


def read_cells(table: ibis.Table, model: LargeModel, limit: int) -> tuple[pa.Table, int]:
    """The sums by cell, and the number of rows in them. Raises UsageError where there are more than ``limit`` cells."""
    found = cell_sums(table, model).limit(limit + 1).to_pyarrow()
    if found.num_rows > limit:
        raise _too_many(table, model, limit)
    return found, int(found[COUNT].to_numpy().sum())


def bytes_per_cell(model: LargeModel) -> int:
    """Memory that the arithmetic needs a cell: sums as read, means, their residuals, one copy of work; keys and codes."""
    return 8 * (4 * (len(model.variables) + 1) + 2 * len(model.keys) + 8)


def _too_many(table: ibis.Table, model: LargeModel, limit: int) -> UsageError:
    cells = int(usable(table, model).select(*model.keys).distinct().count().execute())
    need = cells * bytes_per_cell(model) / 2**30
    return UsageError(
        f"The table has {cells:,} cells of {', '.join(model.keys)}; about {need:.2f} GiB of memory would be needed for them, "
        f"and {limit * bytes_per_cell(model) / 2**30:.2f} GiB are allowed. Raise the limit (memory_gib), or use coarser units, "
        "times or treatment values."
    )


def _number(rows: ibis.Table, name: str) -> ibis.expr.types.FloatingColumn:
    return rows[name].cast("float64")


def _weight(rows: ibis.Table, model: LargeModel) -> ibis.expr.types.FloatingColumn | None:
    return _number(rows, model.weights) if model.weights else None


def _times(value: ibis.expr.types.FloatingColumn, weight: ibis.expr.types.FloatingColumn | None) -> object:
    return value if weight is None else value * weight


def _faults(table: ibis.Table, model: LargeModel) -> Iterator[tuple[str, str, ibis.expr.types.BooleanColumn]]:
    """Every way in which a row may be unusable: column, what is wrong, and the test (never null)."""
    for name in model.columns:
        number, kind = name in model.numbers, table.schema()[name]
        is_missing = table[name].isnull()
        if kind.is_floating():  # a key may be one, too
            is_missing = is_missing | table[name].isnan().fill_null(False)
        yield name, "missing", is_missing
        if number and kind.is_floating():
            yield name, f"infinite or beyond {BEYOND:g}", (table[name].abs() > BEYOND).fill_null(False) & ~is_missing
    if model.weights:
        yield model.weights, "not positive", (table[model.weights] <= 0).fill_null(False)
