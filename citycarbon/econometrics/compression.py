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
from citycarbon.econometrics.compression_scan import (
    COUNT,
    MASS,
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
    import pyarrow as pa

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
    centre = _means(sums, model)
    products = cluster_products(table, model, centre).to_pyarrow()
    return _fit(_Compressed.of(sums, products, centre, model), model, told)


@dataclass(frozen=True)
class _Compressed:
    """Cells in one order, whatever order they arrived in, with the city and year of each where the treatment is dated."""

    cells: Cells
    treated: np.ndarray  # (C,)
    cities: np.ndarray | None
    years: np.ndarray | None

    @staticmethod
    def of(sums: pa.Table, products: pa.Table, centre: np.ndarray, model: LargeModel) -> _Compressed:
        sums = sums.sort_by([(k, "ascending") for k in model.keys])
        count = sums[COUNT].to_numpy()
        mass = sums[MASS].to_numpy() if model.weights else count.astype(float)
        cities, years, treated = _treated(sums, model.treatment)
        columns = [sums[f"s{i}"].to_numpy() / mass - c for i, c in enumerate(centre)]
        share = mass @ treated / mass.sum()
        means = np.array([columns[0], treated - share, *columns[1:]]).T  # a column lies in one piece
        labels, cluster = _levels(sums, (model.cluster,))
        cells = Cells(
            unit=_levels(sums, model.unit)[1],
            time=_levels(sums, model.time)[1],
            cluster=cluster,
            count=count,
            mass=mass,
            means=means,
            centre=np.array([centre[0], share, *centre[1:]]),
            within=_within(_whole(products, [label for (label,) in labels], model), cluster, count, mass, means),
        )
        return _Compressed(cells, treated, cities, years)

    def take(self, keep: np.ndarray) -> _Compressed:
        rest = [None if part is None else part[keep] for part in (self.cities, self.years)]
        return _Compressed(self.cells.take(keep), self.treated[keep], *rest)


def _treated(sums: pa.Table, treatment: str | Dated) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray]:
    """City, year and treatment of every cell."""
    if isinstance(treatment, str):
        return None, None, sums[treatment].to_numpy().astype(float)
    cities, years = _texts(sums[treatment.city]), sums[treatment.year].to_numpy().astype(float)
    levels, codes = np.unique(cities, return_inverse=True)
    first = np.array([treatment.first_year.get(c, np.inf) for c in levels.tolist()], dtype=float)
    return cities, years, (years >= first[codes]).astype(float)


def _whole(products: pa.Table, clusters: list[object], model: LargeModel) -> np.ndarray:
    """The cross-products of outcome and controls as they came (G, p, p), zero where the treatment stands."""
    row = {label: i for i, label in enumerate(products[model.cluster].to_pylist())}
    order = np.array([row[label] for label in clusters])
    place = [0, *range(2, len(model.variables) + 1)]
    out = np.zeros((len(clusters), len(place) + 1, len(place) + 1))
    for i, a in enumerate(place):
        for j, b in enumerate(place[i:], start=i):
            out[:, a, b] = out[:, b, a] = products[f"p{i}_{j}"].to_numpy()[order]
    return out


def _within(whole: np.ndarray, cluster: np.ndarray, count: np.ndarray, mass: np.ndarray, means: np.ndarray) -> np.ndarray:
    """B_g: a cluster's cross-products less those of its cells' means. The treatment does not vary inside a cell."""
    out = whole
    for a in range(means.shape[1]):
        for b in range(a, means.shape[1]):
            if a != 1 and b != 1:
                out[:, a, b] -= np.bincount(cluster, weights=mass * means[:, a] * means[:, b], minlength=len(out))
                out[:, b, a] = out[:, a, b]
    out[np.bincount(cluster, weights=count > 1, minlength=len(out)) == 0] = 0.0  # a row a cell: nothing, without rounding
    return out


def _fit(whole: _Compressed, model: LargeModel, told: dict[str, Any]) -> LargeFit:
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


def _means(sums: pa.Table, model: LargeModel) -> np.ndarray:
    """Overall means (p,) of the variables."""
    mass = sums[MASS if model.weights else COUNT].to_numpy().sum()
    return np.array([sums[f"s{i}"].to_numpy().sum() / mass for i in range(len(model.variables))])


def _levels(sums: pa.Table, columns: tuple[str, ...]) -> tuple[list[tuple[object, ...]], np.ndarray]:
    """The combinations of values that occur in ``columns``, and the code of each row (C,)."""
    codes, labels = np.zeros(sums.num_rows, dtype=np.int64), []
    for name in columns:
        encoded = sums[name].combine_chunks().dictionary_encode()
        codes = codes * len(encoded.dictionary) + encoded.indices.to_numpy()
        labels.append(encoded.dictionary.to_pylist())
    seen, codes = np.unique(codes, return_inverse=True)
    places = np.unravel_index(seen, [len(values) for values in labels])
    return [tuple(v[i] for v, i in zip(labels, at, strict=True)) for at in zip(*places, strict=True)], codes


def _texts(column: pa.ChunkedArray) -> np.ndarray:
    """Ids as text: ``370100`` whether the file has text, a whole number, or a floating point number that is whole."""
    import pyarrow as pa

    if pa.types.is_floating(column.type):
        column = column.cast(pa.int64())
    return np.asarray(column.cast(pa.string()).to_pylist(), dtype=object).astype(str)


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
