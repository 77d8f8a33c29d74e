"""A synthetic table larger than memory (county by month by sector), written as parquet a month at a time; an effect is planted.

    python -m citycarbon.sample.large_table FILE [--months N] [--sectors N] [--effect X] [--seed N]

Real city codes and adoption years, invented counties and numbers. Memory is that of one month, whatever the number of rows.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

CITIES, COUNTIES = 280, 10  # cities, and counties of each
MONTHS, SECTORS = 232, 46  # with 280 x 10 counties 649,600 cells and 29,881,600 rows
LAST_YEAR = 2021
POLICY = "ai_pilot"
KEYS = ["city_id", "county_id", "sector", "year", "month", "did"]
ROW_GROUP = 122_880  # what one thread of DuckDB reads at a time


@dataclass(frozen=True)
class LargeTableDesign:
    """How large the table is and what is planted. ``first_year``: city id -> first treated year; None: the AI pilots.

    The months end with December 2021. The outcome ``ln_co2`` is a county effect, a common trend, 0.1 times each control, the
    effect where treated, shocks common to a county and month, and noise; the ``controls`` vary from row to row.
    """

    cities: Sequence[str] | None = None  # None: the first CITIES of the roster
    counties: int = COUNTIES
    months: int = MONTHS
    sectors: int = SECTORS
    controls: int = 7
    effect: float = -0.3
    seed: int = 1
    first_year: Mapping[str, int] | None = field(default=None)

    @property
    def control_names(self) -> list[str]:
        return [f"x{j}" for j in range(1, self.controls + 1)]


def write_large_table(path: Path, design: LargeTableDesign | None = None) -> int:
    """Write the table, return its rows. Columns: city_id (text), county_id, sector, year, month (yyyymm), did, ln_co2, x1 ...

    The same design gives the same bytes (of one version of pyarrow).
    """
    import pyarrow.parquet as pq

    design = design or LargeTableDesign()
    rng = np.random.default_rng(design.seed)
    cities, first = _places(design)
    of_city = np.repeat(np.arange(len(cities)), design.counties)
    level = rng.normal(size=len(of_city))
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = 0
    with pq.ParquetWriter(
        path, _schema(design), use_dictionary=["city_id", "county_id", "sector", "year", "month", "did"]
    ) as out:
        for ago in range(design.months - 1, -1, -1):
            at = 12 * LAST_YEAR + 11 - ago  # months since year 0
            treated = first[of_city] <= at // 12
            table = _month(rng, design, cities, of_city, level, treated, at)
            out.write_table(table, row_group_size=ROW_GROUP)
            rows += table.num_rows
    return rows


def _places(design: LargeTableDesign) -> tuple[np.ndarray, np.ndarray]:
    """Codes of the cities, and the first treated year of each (9999 where never)."""
    from citycarbon.cities import roster
    from citycarbon.sample.places import load_places

    cities = design.cities if design.cities is not None else [c.adcode for c in roster()][:CITIES]
    adopted = load_places().first_year[POLICY] if design.first_year is None else design.first_year
    return np.array(cities), np.array([adopted.get(c, 9999) for c in cities])


def _schema(design: LargeTableDesign) -> pa.Schema:
    import pyarrow as pa

    kinds = (pa.string(), pa.int32(), pa.int16(), pa.int16(), pa.int32(), pa.int8())
    numbers = [(name, pa.float64()) for name in ("ln_co2", *design.control_names)]
    said = {"title": "SYNTHETIC: invented numbers, written by citycarbon"}
    return pa.schema([*zip(KEYS, kinds, strict=True), *numbers], metadata=said)


def _month(
    rng: np.random.Generator,
    design: LargeTableDesign,
    cities: np.ndarray,
    of_city: np.ndarray,
    level: np.ndarray,
    treated: np.ndarray,
    at: int,
) -> pa.Table:
    import pyarrow as pa

    county = np.repeat(np.arange(len(of_city)), design.sectors)
    n = len(county)
    x = rng.normal(size=(design.controls, n)) + 0.3 * level[county]
    shock = rng.normal(size=len(of_city))
    noise = rng.normal(size=n)
    y = (level + 0.002 * at + design.effect * treated + shock)[county] + 0.1 * x.sum(axis=0) + noise
    codes = pa.DictionaryArray.from_arrays(of_city[county].astype(np.int32), pa.array(cities, pa.string()))
    columns = [
        codes.cast(pa.string()),
        county.astype(np.int32),
        np.tile(np.arange(design.sectors, dtype=np.int16), len(of_city)),
        np.full(n, at // 12, dtype=np.int16),
        np.full(n, at // 12 * 100 + at % 12 + 1, dtype=np.int32),
        treated[county].astype(np.int8),
        y,
        *x,
    ]
    return pa.table(columns, schema=_schema(design))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m citycarbon.sample.large_table", description=__doc__.split("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--months", type=int, default=MONTHS)
    parser.add_argument("--sectors", type=int, default=SECTORS)
    parser.add_argument("--effect", type=float, default=-0.3)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    design = LargeTableDesign(months=given.months, sectors=given.sectors, effect=given.effect, seed=given.seed)
    print(f"{write_large_table(given.file, design):,} rows in {given.file}")


if __name__ == "__main__":
    main()
