"""What the measures read: the marts of one study, the seeds they are judged against, and what of them the study uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from citycarbon.gate.judged import require
from citycarbon.gate.scope import SERIES_COLUMNS, Scope
from citycarbon.paths import DBT_PROJECT

SEEDS = DBT_PROJECT / "seeds"
CO2 = "co2_mt"
T = TypeVar("T")
FEEDS = """
SELECT DISTINCT c.variable AS "of", c.input.variable AS "by"
FROM (SELECT variable, unnest(inputs) AS input FROM read_parquet(?)) AS c
"""
OBSERVATION = ["source", "edition", "edition_year", "indicator_id", "level", "place_id", "place_name", "year", "scope", "value"]


class MissingTable(LookupError):
    """A mart or seed that a rule needs does not exist."""


@dataclass(frozen=True)
class GateInputs:
    """The tables of one study, read once and only when a rule asks for them."""

    scope: Scope
    marts: Path
    raw: Path
    seeds: Path = SEEDS

    def mart(self, name: str, columns: list[str]) -> pd.DataFrame:
        """A mart without its list columns. Raises MissingTable or MissingColumns: verdicts of the gate, not crashes."""
        return require(self._flat(name), name, columns)

    def mart_path(self, name: str) -> Path:
        path = self.marts / f"{name}.parquet"
        if not path.is_file():
            raise MissingTable(f"the mart {name}.parquet does not exist")
        return path

    def raw_path(self, source: str) -> Path:
        return self.raw / f"{source}.parquet"

    def seed(self, name: str, columns: list[str]) -> pd.DataFrame:
        """A seed as text columns, blanks as missing. Raises MissingTable or MissingColumns."""
        path = self.seeds / f"{name}.csv"
        if not path.is_file():
            raise MissingTable(f"the seed {name}.csv does not exist")
        return require(pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""]), name, columns)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What ``make`` returns, made once for these inputs: several rules look at the same arrangement."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    @cached_property
    def _made(self) -> dict[str, Any]:
        return {}

    @cached_property
    def _tables(self) -> dict[str, pd.DataFrame]:
        return {}

    def _flat(self, name: str) -> pd.DataFrame:
        if name not in self._tables:
            schema = pq.read_schema(self.mart_path(name))
            flat = [f.name for f in schema if not pa.types.is_nested(f.type)]
            table = pq.read_table(self.mart_path(name), columns=flat).to_pandas(strings_to_categorical=True)
            texts = [c for c in table.columns if isinstance(table[c].dtype, pd.CategoricalDtype)]
            # Plain references to the few distinct texts: rows are picked out many times below, and copying text is slow.
            self._tables[name] = table.astype(dict.fromkeys(texts, object))
        return self._tables[name]

    @cached_property
    def units(self) -> pd.DataFrame:
        """The prefecture-level units of the last year of the code list: city_id, name, province_id, unit_kind; index
        city_id."""
        codes = self.seed("city_codes", ["year", "city_id", "name", "province_id", "province_short", "unit_kind"])
        return codes[codes["year"] == codes["year"].max()].set_index("city_id", drop=False)

    @cached_property
    def used_inputs(self) -> frozenset[str]:
        """Names from which the study's columns are computed, directly or through other columns, as the cells mart records."""
        with duckdb.connect() as db:
            pairs = db.execute(FEEDS, [str(self.mart_path("city_panel_cells"))]).df()
        reached, frontier = set(), set(self.scope.variables)
        while frontier:
            reached |= frontier
            frontier = set(pairs.loc[pairs["of"].isin(frontier), "by"]) - reached
        return frozenset(name.split("[")[0] for name in reached)  # a chain names its years: gdp_index[2005]

    @cached_property
    def observations(self) -> pd.DataFrame:
        """Observations with a value of their own (no interpolated ones: no variable is made of those) and ``used``: the row
        feeds a column of this study, or belongs to an emission series it names, inside its window. ``kind``
        numbers source, indicator and scope, ``series`` these and the place, ``table`` these and the edition.
        """
        table = self.mart("observations", [*OBSERVATION, "is_current", "is_used", "is_interpolated"])
        table = table[table["value"].notna() & ~table["is_interpolated"]].reset_index(drop=True)
        feeds = table["indicator_id"].isin(self.used_inputs - {CO2} - set(SERIES_COLUMNS))
        series = table["indicator_id"].eq(CO2) & table["source"].isin(self.scope.series)
        in_window = table["year"].between(self.scope.first_year, self.scope.last_year)
        table["used"] = ((feeds & table["is_used"]) | series) & in_window
        # integer keys: grouping by text again in every rule would cost more than the rules
        table["kind"] = _number(table, ["source", "indicator_id", "scope", "level"])
        table["series"] = _number(table, ["source", "indicator_id", "scope", "level", "place_id"])
        table["table"] = _number(table, ["source", "indicator_id", "scope", "level", "edition"])
        return table

    @cached_property
    def catalogue(self) -> pd.DataFrame:
        """The indicator catalogue with numbers as numbers; index indicator_id."""
        table = self.seed("indicator_catalogue", ["indicator_id", "canonical_unit", "is_additive", "low", "high"])
        table = table.assign(low=pd.to_numeric(table["low"]), high=pd.to_numeric(table["high"]))
        table["is_additive"] = table["is_additive"].str.lower().isin(["true", "1", "t", "yes"])
        return table.set_index("indicator_id", drop=False)


def _number(table: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """One integer for each combination of values in ``columns`` (missing values are a value)."""
    out = np.zeros(len(table), dtype=np.int64)
    for column in columns:
        codes, values = pd.factorize(table[column])
        out = out * (len(values) + 1) + codes + 1
    return out
