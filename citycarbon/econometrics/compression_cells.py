"""From the aggregates of a table to cells: keys become codes, sums become means, cross-products lose what the means explain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from citycarbon.econometrics.compression_algebra import Cells
from citycarbon.econometrics.compression_scan import COUNT, MASS, Dated, LargeModel

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Compressed:
    """Cells in one order, whatever order they arrived in, with the city and year of each where the treatment is dated."""

    cells: Cells
    treated: np.ndarray  # (C,)
    cities: np.ndarray | None
    years: np.ndarray | None

    @staticmethod
    def of(sums: pa.Table, products: pa.Table, centre: np.ndarray, model: LargeModel) -> Compressed:
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
        return Compressed(cells, treated, cities, years)

    def take(self, keep: np.ndarray) -> Compressed:
        rest = [None if part is None else part[keep] for part in (self.cities, self.years)]
        return Compressed(self.cells.take(keep), self.treated[keep], *rest)


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


def overall_means(sums: pa.Table, model: LargeModel) -> np.ndarray:
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
