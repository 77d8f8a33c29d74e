"""Reader of tables larger than memory: parquet files that are kept as received and never become raw rows.

A run hashes them and keeps them by that hash like every received file; ``kept_files`` says where they then lie. Adding up their
rows is ``citycarbon.econometrics.compression``. Which columns a table must have is said by the study that names it.
"""

from __future__ import annotations

from pathlib import Path

from citycarbon.errors import UnusableInput, UsageError
from citycarbon.paths import Home
from citycarbon.sources.landing import scan
from citycarbon.sources.rawrows import QUARANTINE_SCHEMA, RAW_SCHEMA, ReadResult
from citycarbon.sources.records import SourceRecord
from citycarbon.sources.registry import load_registry

READER_VERSION = "1"


def read(path: Path, record: SourceRecord, file_sha256: str) -> ReadResult:
    """Look at the file's own description only. No raw rows; raises UnusableInput where it is no parquet file or has no rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_metadata(path).num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise UnusableInput(
            path,
            found=f"a file that cannot be read as parquet ({str(error).splitlines()[0].rstrip('.')})",
            expected="a parquet file",
            remedy="Write it anew as parquet, or copy it again if it was cut off.",
        ) from None
    if not rows:
        raise UnusableInput(path, found="no row", expected="a table with rows", remedy="Leave the file out of the edition.")
    return ReadResult(RAW_SCHEMA.empty_table(), QUARANTINE_SCHEMA.empty_table())


def kept_files(source: str, edition: str, landing: Path, home: Home) -> dict[str, Path]:
    """The files of one edition, ``source/edition/name`` -> where a run keeps it (``snapshots/<sha256>``), sorted by name.

    Raises UsageError where there is no complete edition of that name, or it was not taken in yet.
    """
    entry = load_registry().get(source)
    drops = [d for d in scan(landing, source) if d.is_complete]
    drop = next((d for d in drops if d.edition == edition), None)
    if drop is None:
        known = ", ".join(d.edition for d in drops) or "none"
        raise UsageError(
            f"no edition '{edition}' of {source} in the landing folder (there: {known}); "
            f"add it with 'citycarbon add {source} FILE... --edition {edition}'"
        )
    paths = {f"{source}/{edition}/{f.name}": home.snapshots / f.sha256 for f in drop.files if entry.is_data(f.name)}
    if not all(path.is_file() for path in paths.values()):
        raise UsageError(f"edition '{edition}' of {source} is not taken in yet; run the job from its sources")
    return paths
