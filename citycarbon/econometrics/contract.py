"""The contract of ``estimates.csv``: its columns and types, reading, writing, and the text forms that other parts parse."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# Column -> type, in the order of the contract.
ESTIMATE_COLUMNS: dict[str, type] = {
    "study": str, "table": str, "column": str, "outcome": str, "outcome_unit": str, "transform": str, "term": str,
    "estimate": float, "std_error": float, "vcov": str, "df": int, "t_stat": float, "p_value": float, "conf_low": float,
    "conf_high": float, "p_ri_t": float, "p_ri_beta": float, "conf_low_ri": float, "conf_high_ri": float, "p_wcr": float,
    "stars": str, "star_rule": str, "n_obs": int, "n_units": int, "n_clusters": int, "n_treated_units": int,
    "n_treated_cells": int, "fixed_effects": str, "r2": float, "r2_adj": float, "r2_within": float, "r2_adj_within": float,
    "singletons_dropped": int, "sample": str, "spec_id": str, "note": str,
}  # fmt: skip
_PANDAS = {str: "object", float: "float64", int: "Int64"}


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a frame in the contract's columns and types; a row must name exactly these columns."""
    import pandas as pd

    for row in rows:
        if row.keys() != ESTIMATE_COLUMNS.keys():
            raise ValueError(f"an estimates row differs from the contract in {sorted(row.keys() ^ ESTIMATE_COLUMNS.keys())}")
    out = pd.DataFrame(rows, columns=list(ESTIMATE_COLUMNS))
    return out.astype({name: _PANDAS[kind] for name, kind in ESTIMATE_COLUMNS.items()})


def number(value: Any) -> str:
    """A cell of the csv: 17 significant digits for floats, plain integers, true or false, empty where there is no value."""
    import pandas as pd

    if pd.isna(value):
        return ""
    if pd.api.types.is_bool(value):
        return "true" if value else "false"
    return f"{value:.17g}" if isinstance(value, float) else str(value)


def write_csv(df: pd.DataFrame, path: Path) -> None:
    """A frame as csv in the project's one form: 17 significant digits, ``true``/``false``, empty where missing, \\n ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(df.columns)
        writer.writerows([number(v) for v in row] for row in df.itertuples(index=False))


def write_estimates(df: pd.DataFrame, csv_path: Path, parquet_path: Path) -> None:
    """Write the estimates twice with the same content: csv with 17 significant digits, parquet with typed columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    df = frame(df.to_dict("records"))
    write_csv(df, csv_path)
    parquet_path.parent.mkdir(parents=True, exist_ok=True)
    types = {str: pa.string(), float: pa.float64(), int: pa.int64()}
    schema = pa.schema([(name, types[kind]) for name, kind in ESTIMATE_COLUMNS.items()])
    pq.write_table(pa.Table.from_pandas(df, schema=schema, preserve_index=False).replace_schema_metadata(None), parquet_path)


def read_results(path: Path, types: Mapping[str, type]) -> pd.DataFrame:
    """A csv of results as :func:`write_csv` wrote it. ``types``: of the columns that are no numbers (str, bool) or whole (int).

    Texts stay texts (column ``1`` is not a number) and are empty where missing; other columns are float64, missing as NaN.
    """
    import pandas as pd

    texts = {name: str for name, kind in types.items() if kind is str}
    df = pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=[""], float_precision="round_trip")
    for name in df.columns:
        kind = types.get(name, float)
        if kind is str:
            df[name] = df[name].fillna("")
        elif kind is bool:
            df[name] = df[name].map({True: True, False: False, "true": True, "false": False}).astype("boolean")
        else:
            df[name] = df[name].astype("Int64" if kind is int else "float64")
    return df


def read_estimates(path: Path) -> pd.DataFrame:
    """Read ``estimates.csv`` as written: column ids stay text, empty numbers become missing, empty texts stay empty."""
    import pandas as pd

    texts = {name: str for name, kind in ESTIMATE_COLUMNS.items() if kind is str}
    empty = {name: [""] for name in ESTIMATE_COLUMNS if name not in texts}
    # round_trip: the default parser may be off in the last digit
    df = pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=empty, float_precision="round_trip")
    return frame(df.to_dict("records"))


def effects_text(levels: dict[str, int]) -> str:
    """``city (220 levels) + year (19 levels)``."""
    return " + ".join(f"{name} ({n} levels)" for name, n in levels.items())


def parse_effects(text: str) -> dict[str, int]:
    """The inverse of :func:`effects_text`."""
    return {name: int(n) for name, n in re.findall(r"(\w+) \((\d+) levels\)", text)}
