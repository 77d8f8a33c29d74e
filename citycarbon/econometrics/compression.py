"""The two-way regression of a table that is larger than memory, from its sums by cell: equal to the regression of all rows.

``fit`` takes any Ibis table (DuckDB, Spark, ...), ``fit_parquet`` parquet files through DuckDB. Two passes over the rows, sums
by cell and cross-products by cluster (compression_scan); the rest is arithmetic on the cells (compression_algebra).
Memory is set by the number of cells, not of rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics.compression_algebra import Cells, fit_cells
from citycarbon.econometrics.compression_cells import Compressed, overall_means
from citycarbon.econometrics.compression_scan import (
    Dated,
    LargeModel,
    bytes_per_cell,
    cluster_products,
    fault_counts,
    read_cells,
    refuse_unfit,
)
from citycarbon.econometrics.twfe import Estimate, slopes
from citycarbon.errors import UnusableInput, UsageError

if TYPE_CHECKING:
    import ibis

MEMORY_GIB = 1.0  # for the cells; DuckDB gets as much for its own work
LEAST_MIB = 256  # with less DuckDB does not start its work


@dataclass(frozen=True)
class LargeFit:
    """What the regression of a large table gives. ``estimates``: treatment first, then the controls."""

    estimates: list[Estimate]
    n_rows: int  # of the table
    n_left_out: int  # rows without a usable value; ``left_out`` says why
    left_out: dict[str, int]  # reason -> rows; a row may have several reasons
    singletons: int
    n_obs: int
    n_cells: int
    n_units: int
    n_times: int
    n_clusters: int
    n_treated_units: int
    n_treated_clusters: int
    k_counted: int = 0
    r2: float = np.nan
    r2_within: float = np.nan
    kept: tuple[int, ...] = ()  # positions of the fitted controls among the variables of ``cells``, from 2 on
    unmatched: tuple[str, ...] = ()  # treated cities without a usable row
    cells: Cells | None = field(default=None, repr=False)  # of the estimation sample
    cities: np.ndarray | None = field(default=None, repr=False)  # city of each cell, where the treatment is dated
    years: np.ndarray | None = field(default=None, repr=False)

    @property
    def df(self) -> int:
        """Degrees of freedom of the t tests: clusters - 1."""
        return max(self.n_clusters - 1, 0)


def fit_parquet(
    paths: Mapping[str, Path] | Iterable[Path | str],
    model: LargeModel,
    *,
    threads: int = 1,
    memory_gib: float = MEMORY_GIB,
    scratch: Path | str | None = None,
) -> LargeFit:
    """The regression of all rows of some parquet files (or name -> file, the name being what messages say), through DuckDB.

    ``threads``: with one, the same files give the same digits; with more, sums are added in another order each time and the
    last digits may differ. ``memory_gib``: for the cells, and as much for DuckDB, which beyond it writes to ``scratch`` (by
    default a folder that is removed again). Raises UsageError on a column that is missing or no number and on more cells than
    the memory holds, UnusableInput on a file that cannot be read.
    """
    from tempfile import TemporaryDirectory

    import duckdb
    import ibis

    files = dict(sorted(paths.items())) if isinstance(paths, Mapping) else {str(p): Path(p) for p in sorted(map(Path, paths))}
    if not files:
        raise UsageError("no parquet file to read: name at least one")
    _check_files(files, model)
    with TemporaryDirectory(prefix="citycarbon-", dir=scratch) as spill:
        connection = ibis.duckdb.connect(
            threads=threads,
            memory_limit=f"{max(int(memory_gib * 1024), LEAST_MIB)}MiB",
            temp_directory=spill,
            preserve_insertion_order=False,
        )
        try:
            return fit(
                connection.read_parquet([str(f) for f in files.values()]), model, memory_gib=memory_gib, where=_named(files)
            )
        except duckdb.OutOfMemoryException as error:
            raise UsageError(
                f"{_named(files)}: the sums by cell need more memory or scratch space than there is ({_first_line(error)}). "
                "Raise memory_gib, or use coarser units or times."
            ) from None
        except duckdb.Error as error:
            raise _unreadable(next(iter(files)), error) from None
        finally:
            connection.disconnect()


def fit(table: ibis.Table, model: LargeModel, *, memory_gib: float = MEMORY_GIB, where: str = "the table") -> LargeFit:
    """The regression of all rows of an Ibis table, whatever its backend: the backend adds up, the arithmetic is done here.

    Formulas: ``compression_algebra``. ``where`` names the table in messages. A term that is absorbed or collinear, one cluster,
    too few observations: a result whose estimates say so in their ``note``. Raises UsageError as :func:`fit_parquet`.
    """
    refuse_unfit(table, model, where)
    n_rows = int(table.count().execute())
    sums, used = read_cells(table, model, limit=int(memory_gib * 2**30 / bytes_per_cell(model)))
    left_out = fault_counts(table, model) if used < n_rows else {}
    told = {"n_rows": n_rows, "n_left_out": n_rows - used, "left_out": left_out}
    if not used:
        note = "not estimable: no row has a usable value in every column"
        counts = dict.fromkeys(("n_obs", "n_cells", "n_units", "n_times", "n_clusters", "n_treated_units"), 0)
        return LargeFit(_nothing(model, note), **told, singletons=0, **counts, n_treated_clusters=0)
    centre = overall_means(sums, model)
    products = cluster_products(table, model, centre).to_pyarrow()
    return _fit(Compressed.of(sums, products, centre, model), model, told)


def _fit(whole: Compressed, model: LargeModel, told: dict[str, Any]) -> LargeFit:
    keep = whole.cells.kept()
    found = whole if keep.all() else whole.take(keep)
    cells, on = found.cells, found.treated != 0
    facts = {
        **told,
        "singletons": int((~keep).sum()),
        "n_obs": cells.n_obs,
        "n_cells": len(cells.count),
        "n_units": _number_of(cells.unit),
        "n_times": _number_of(cells.time),
        "n_clusters": len(cells.within) if len(cells.count) else 0,
        "n_treated_units": _number_of(cells.unit[on]),
        "n_treated_clusters": _number_of(cells.cluster[on]),
        "unmatched": _unmatched(whole.cities, model.treatment),
    }
    if not len(cells.count):
        return LargeFit(_nothing(model, "not estimable: every row is alone in its unit or time"), **facts)
    result = fit_cells(cells)
    if isinstance(result, str):
        return LargeFit(_nothing(model, f"not estimable: {result}"), **facts)
    return LargeFit(
        slopes(_terms(model), result.verdict, result.params, result.cov),
        **facts,
        k_counted=result.k_counted,
        r2=result.r2,
        r2_within=result.r2_within,
        kept=tuple(j + 1 for j in result.verdict.keep if j > 0),
        cells=cells,
        cities=found.cities,
        years=found.years,
    )


def _terms(model: LargeModel) -> list[str]:
    return [model.term, *model.controls]


def _nothing(model: LargeModel, note: str) -> list[Estimate]:
    return [Estimate(term, note=note) for term in _terms(model)]


def _unmatched(cities: np.ndarray | None, treatment: str | Dated) -> tuple[str, ...]:
    if cities is None or isinstance(treatment, str):
        return ()
    present = set(np.unique(cities).tolist())
    return tuple(sorted(c for c in treatment.first_year if c not in present))


def _number_of(codes: np.ndarray) -> int:
    return len(np.unique(codes))


def _check_files(files: Mapping[str, Path], model: LargeModel) -> None:
    """Refuse a file that is no parquet file or lacks a column, by its name."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name, file in files.items():
        try:
            names = pq.read_schema(file).names
        except (pa.ArrowInvalid, OSError) as error:
            raise _unreadable(name, error) from None
        missing = [c for c in model.columns if c not in names]
        if missing:
            raise UnusableInput(
                name,
                found=f"the columns {', '.join(names)}",
                expected=f"also {', '.join(missing)}",
                remedy="Name the columns of the file in the study, or write them into the file.",
            )


def _unreadable(path: str, error: Exception) -> UnusableInput:
    return UnusableInput(
        path,
        found=f"what cannot be read as parquet ({_first_line(error)})",
        expected="parquet files with the same columns",
        remedy="Write the file anew and take it in as a new edition.",
    )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__


def _named(files: Mapping[str, Path]) -> str:
    first = next(iter(files))
    return first if len(files) == 1 else f"{first} and {len(files) - 1} more files"
