"""The tables of a release: read from the run's marts and results, put in a fixed order, written without times.

Each function writes one file below ``folder`` and returns its number of rows. A mart that a run did not make gives an empty
file with the same columns, never a missing one.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from citycarbon.errors import CityCarbonError
from citycarbon.paths import Home
from citycarbon.release.identity import EXTENSIONS

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

PANEL_ORDER = ("city_id", "year")
CELL_ORDER = ("city_id", "year", "variable")
RAW_ORDER = ("source", "raw_id", "edition")
LIST_MARK = ";"  # between the entries of a list in a csv


class IncompleteRun(CityCarbonError):
    """A step before the release did not leave what the release is made of (a fault of the project, exit code 1)."""


def read_mart(home: Home, study: str, name: str) -> pa.Table:
    """One mart of the run. Raises IncompleteRun where it is missing."""
    import pyarrow.parquet as pq

    path = home.marts(study) / f"{name}.parquet"
    if not path.is_file():
        raise IncompleteRun(f"release: the run left no marts/{study}/{path.name}; run the whole job.")
    return pq.read_table(path)


def write_parquet(table: pa.Table, path: Path, order: Sequence[str]) -> int:
    """Write ``table`` sorted by ``order`` (a key of the table), without the writer's own metadata."""
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    ordered = table.sort_by([(c, "ascending") for c in order]).replace_schema_metadata(None)
    pq.write_table(ordered, path, compression="zstd")
    return ordered.num_rows


def write_csv(frame: pd.DataFrame, path: Path, order: Sequence[str]) -> int:
    """Write ``frame`` sorted by ``order``, then by every other column as text, so that ties have one order too."""
    text = frame.astype("string").fillna("")
    ranked = frame.assign(**{f"__{c}": text[c] for c in frame.columns})
    keys = [*order, *(f"__{c}" for c in frame.columns)]
    ordered = ranked.sort_values(keys, na_position="first", kind="stable")[list(frame.columns)]
    ordered.to_csv(path, index=False, lineterminator="\n")
    return len(ordered)


def used_raw_rows(home: Home, cells: pa.Table) -> pa.Table:
    """The raw rows that the panel's cells name (RAW_SCHEMA), of all sources."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from citycarbon.sources.rawrows import RAW_SCHEMA

    inputs = pc.list_flatten(cells["inputs"].combine_chunks())
    wanted = pc.unique(pc.list_flatten(pc.struct_field(inputs, "raw_ids")))
    tables = [pq.read_table(p).select(RAW_SCHEMA.names).cast(RAW_SCHEMA) for p in sorted(home.raw.glob("*.parquet"))]
    rows = pa.concat_tables(tables) if tables else RAW_SCHEMA.empty_table()
    return rows.filter(pc.is_in(rows["raw_id"], value_set=wanted.cast(pa.string())))


def quarantine(home: Home, study: str) -> pd.DataFrame:
    """What was refused: ``step`` (read, stage), then the columns of QUARANTINE_SCHEMA."""
    import pandas as pd
    import pyarrow.parquet as pq

    from citycarbon.sources.rawrows import QUARANTINE_SCHEMA

    frames = [QUARANTINE_SCHEMA.empty_table().to_pandas().assign(step="")]
    frames += [pq.read_table(p).to_pandas().assign(step="read") for p in sorted((home.raw / "quarantine").glob("*.parquet"))]
    staged = home.marts(study) / "stage_quarantine.parquet"
    if staged.is_file():
        frames.append(pq.read_table(staged).to_pandas().assign(step="stage"))
    columns = ["step", *QUARANTINE_SCHEMA.names]
    filled = [f.reindex(columns=columns) for f in frames if len(f)] or [frames[0].reindex(columns=columns)]
    together = pd.concat(filled, ignore_index=True)
    for year in ("line", "data_year"):
        together[year] = together[year].astype("Int64")
    return together


def flat(table: pa.Table) -> pd.DataFrame:
    """A mart as a csv can hold it: lists become text with ``;`` between the entries, whole numbers stay whole."""
    import pyarrow as pa

    frame = table.to_pandas(types_mapper=lambda t: _nullable(t))
    for field in table.schema:
        if pa.types.is_list(field.type):
            frame[field.name] = [LIST_MARK.join(map(str, v)) if v is not None else "" for v in table[field.name].to_pylist()]
    return frame


# What the steps of a run write below its results, and nothing else enters a release: a file that an older run of another study
# file or another version of the code left there must not change the bytes of an id.
# What the group ``extensions`` makes, which a run may be told to leave out.
EXTENSION_TABLES = ("staggered", "staggered_weights", "large_tables", "spec_curve", "spec_curve_summary", "sensitivity")
EXTENSION_FIGURES = ("staggered", "spec_curve", "sensitivity_forest", "trends")
RESULT_TABLES = (
    "estimates", "placebo", "event_study", "inference", "psm_flow", "psm_balance", "psm_overlap", "policies_loss",
    "policies_overlap", "policies_separation", "mechanisms", "controls_moved", "treatment_codings", "series_overlap",
    "policy_lists", "policy_list_effects", "splits", "recovery", "comparison", "claims", "forensics", "forensics_own",
    *EXTENSION_TABLES,
)  # fmt: skip
ATTRITION = "attrition"  # printed by every run, whether or not the study names it
RESULT_FIGURES = ("figure1", "figure2", "figure3", "overlap", *EXTENSION_FIGURES)


def is_result(relative: Path, tables: Collection[str], left_out: Collection[str] = ()) -> bool:
    """Whether a file (path below the results) is one that a run of a study with these printed ``tables`` writes.

    ``left_out``: the groups that the run was told to leave out; what an earlier run left of them is no result of this one.
    """
    if EXTENSIONS in left_out and relative.stem in (*EXTENSION_TABLES, *EXTENSION_FIGURES):
        return False
    top, *below = relative.parts
    if not below:
        return relative.stem in RESULT_TABLES and relative.suffix in (".csv", ".parquet", ".md")
    if len(below) > 1:
        return False
    if top == "tables":
        return relative.stem in tables and relative.suffix in (".csv", ".md", ".tex", ".html")
    if top == "figures":
        return relative.stem in RESULT_FIGURES and relative.suffix in (".svg", ".png", ".csv", ".txt")
    return top == "draws" and relative.name == "placebo.parquet"


def copy_results(results: Path, folder: Path, tables: Collection[str], left_out: Collection[str] = ()) -> list[str]:
    """Copy what the estimates' step wrote (``estimates.csv``, ``tables/`` ...), folders kept. Returns the paths.

    Raises IncompleteRun without an ``estimates.csv``.
    """
    if not (results / "estimates.csv").is_file():
        raise IncompleteRun(f"release: the run left no results/{results.name}/estimates.csv; run the whole job.")
    copied = []
    for file in sorted(f for f in results.rglob("*") if f.is_file()):
        relative = file.relative_to(results)
        if not is_result(relative, tables, left_out):
            continue
        (folder / relative).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, folder / relative)
        copied.append(relative.as_posix())
    return copied


def _nullable(kind: pa.DataType) -> object | None:
    import pandas as pd
    import pyarrow as pa

    if pa.types.is_integer(kind):
        return pd.Int64Dtype()
    return pd.BooleanDtype() if pa.types.is_boolean(kind) else None
