"""What an asset says about itself: row counts, column schema, content version, code version, and small tables shown inline.

Reads finished files and describes them; computes nothing of the study.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from citycarbon.paths import PROJECT_ROOT
from citycarbon.sources.records import SourceRecord

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

OWNERS = ["team:citycarbon"]
# Every asset writes below one home: this pool lets one run do so at a time, also when the UI launches it.
POOL = "lake_writer"
INLINE_CHARACTERS = 1000  # longer markdown stands behind a link in the UI


@cache
def code_version(*where: str) -> str:
    """Twelve hex digits over the Python, YAML and text files below the named files and folders of the project."""
    digest = hashlib.sha256()
    for path in sorted(_source_files(where)):
        digest.update(path.relative_to(PROJECT_ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _source_files(where: Iterable[str]) -> set[Path]:
    found: set[Path] = set()
    for name in where:
        path = PROJECT_ROOT / name
        if path.is_file():
            found.add(path)
            continue
        found |= {
            p for p in path.rglob("*") if p.suffix in {".py", ".yaml", ".csv", ".txt", ".j2"} and "__pycache__" not in p.parts
        }
    if not found:
        raise FileNotFoundError(f"no source file in {', '.join(where)}")
    return found


def content_version(*paths: Path) -> dg.DataVersion:
    """The data version of one or several files: the sha256 of their bytes."""
    if len(paths) == 1:
        return dg.DataVersion(sha256(paths[0]))
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.name.encode() + b"\0" + bytes.fromhex(sha256(path)))
    return dg.DataVersion(digest.hexdigest())


def sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def parquet_metadata(path: Path, descriptions: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Row count, column schema, path and sha256 of a parquet file; ``descriptions`` explain columns (with their units)."""
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    return {
        "dagster/row_count": file.metadata.num_rows,
        "dagster/column_schema": column_schema(file.schema_arrow, descriptions),
        "path": dg.MetadataValue.path(str(path)),
        "sha256": sha256(path),
    }


def column_schema(schema: pa.Schema, descriptions: Mapping[str, str] | None = None) -> dg.TableSchema:
    said = descriptions or {}
    columns = [dg.TableColumn(f.name, type=str(f.type), description=said.get(f.name)) for f in schema]
    return dg.TableSchema(columns=columns)


def column_lineage(used: Mapping[str, Mapping[str, Sequence[str]]]) -> dg.TableColumnLineage:
    """Column -> upstream asset -> its columns that the column is computed from."""
    return dg.TableColumnLineage(
        {
            column: [
                dg.TableColumnDep(asset_key=dg.AssetKey(asset), column_name=name)
                for asset, names in upstream.items()
                for name in names
            ]
            for column, upstream in used.items()
        }
    )


def printed_table(
    paths: Sequence[Path], rows: int, used: Mapping[str, Sequence[str]], glance: dg.MarkdownMetadataValue
) -> dg.MaterializeResult:
    """The result of an asset that prints tables: what the UI shows inline, the whole as markdown, columns, lineage, versions.

    ``used`` names the upstream columns that every printed column rests on; ``glance`` is the short form, see ``at_a_glance``.
    """
    texts = [path.read_text(encoding="utf-8") for path in paths if path.suffix == ".md"]
    header = next(csv_header(path) for path in paths if path.suffix == ".csv")
    return dg.MaterializeResult(
        metadata={
            "at a glance": glance,
            "table": dg.MetadataValue.md("\n\n".join(texts)),
            "dagster/row_count": rows,
            "dagster/column_schema": dg.TableSchema(columns=[dg.TableColumn(name, type="text") for name in header]),
            "dagster/column_lineage": column_lineage(dict.fromkeys(header, used)),
            "path": dg.MetadataValue.path(str(paths[0].parent)),
        },
        data_version=content_version(*paths),
    )


def written_tables(
    frames: Mapping[str, pd.DataFrame], folder: Path, synthetic: bool, used: Mapping[str, Sequence[str]]
) -> dg.MaterializeResult:
    """Write each frame as ``<name>.csv`` and report it: rows, columns, and the first frame inline.

    A frame without rows is written too: the file says that there was nothing, a missing file would say nothing.
    """
    from citycarbon.econometrics.contract import write_csv

    paths = []
    for name, frame in frames.items():
        paths.append(folder / f"{name}.csv")
        write_csv(frame, paths[-1])
    shown = next(iter(frames.values()))
    header = list(dict.fromkeys(c for frame in frames.values() for c in frame.columns))
    return dg.MaterializeResult(
        metadata={
            "at a glance": at_a_glance(list(shown.columns), [[_short(v) for v in row] for row in shown.to_numpy()], synthetic),
            "files": dg.MetadataValue.md("\n".join(f"- {path.name}: {len(frames[path.stem])} rows" for path in paths)),
            "dagster/row_count": sum(len(frame) for frame in frames.values()),
            "dagster/column_schema": dg.TableSchema(columns=[dg.TableColumn(name, type="text") for name in header]),
            "dagster/column_lineage": column_lineage(dict.fromkeys(header, used)),
            "path": dg.MetadataValue.path(str(folder)),
        },
        data_version=content_version(*paths),
    )


def _short(value: object) -> str:
    """A cell for the UI: four significant digits, long text cut."""
    if isinstance(value, float):
        return "" if value != value else f"{value:.4g}"
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def csv_header(path: Path) -> list[str]:
    """Names of the columns; the first line that is not a remark."""
    with path.open(encoding="utf-8", newline="") as handle:
        header = next(row for row in csv.reader(handle) if row and not row[0].startswith("#"))
    return [name or "label" for name in header]


def is_synthetic(landing: Path) -> bool:
    """True where any finished drop says of itself that it is synthetic; reads records, no data."""
    records = (folder.parent / "source.yaml" for folder in landing.glob("*/*/_SUCCESS"))
    return any(SourceRecord.load(path).synthetic for path in records if path.is_file())


def at_a_glance(header: Sequence[str], rows: Sequence[Sequence[object]], synthetic: bool) -> dg.MarkdownMetadataValue:
    """The first rows of a table, so short that the UI shows them on the asset's page and not behind a link."""
    mark = "**SYNTHETIC**\n\n" if synthetic else ""
    fitting: list[str] = []
    room = INLINE_CHARACTERS
    for row in rows:
        line = _markdown_line(row)
        room -= len(line) + 1
        if room <= 0:
            break
        fitting.append(line)
    for shown in range(len(fitting), -1, -1):
        text = mark + _markdown(header, fitting[:shown], len(rows) - shown)
        if len(text) < INLINE_CHARACTERS:
            break
    return dg.MetadataValue.md(text)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]], limit: int = 40) -> dg.MarkdownMetadataValue:
    """A table that the UI shows inline; longer ones are cut with a line that says so."""
    return dg.MetadataValue.md(_markdown(header, [_markdown_line(row) for row in rows[:limit]], max(len(rows) - limit, 0)))


def _markdown(header: Sequence[str], lines: Sequence[str], left_out: int) -> str:
    """Head and lines of a table, and how many rows it leaves out."""
    head = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join([*head, *lines, *([f"\n{left_out} more rows"] if left_out else [])])


def _markdown_line(row: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in row) + " |"
