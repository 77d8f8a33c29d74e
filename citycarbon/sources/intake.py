"""From the landing folder to ``raw/<source>.parquet``: snapshot every received file, read it once, put all editions together.

``take_in`` is the only writer of ``snapshots/`` and of the tables in ``raw/``; ``receive`` reads what arrives before it lies in
the landing folder. Nothing is written for a source until all its editions are read, so that a bad new edition leaves the last
raw tables as they were. Results depend on the received bytes, the records and the readers' code, never on the order of files,
on earlier runs or on what the cache holds.
"""

from __future__ import annotations

import ast
import fcntl
import gc
import hashlib
import importlib
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from citycarbon.errors import UnusableInput
from citycarbon.paths import Home
from citycarbon.sources.landing import Drop, DropFile, add, scan, sha256_of
from citycarbon.sources.rawrows import QUARANTINE_SCHEMA, RAW_SCHEMA, ReadResult
from citycarbon.sources.records import SourceRecord
from citycarbon.sources.registry import SourceEntry, load_registry

_WARNINGS_KEY = b"citycarbon.warnings"
_PIECE = 1 << 20  # bytes that are copied at a time
_SOURCES_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class IntakeReport:
    """What taking in one source gave. ``sha256`` and ``quarantine_sha256`` are those of the written parquet files."""

    source: str
    path: Path
    quarantine_path: Path
    editions: tuple[str, ...] = ()
    files: tuple[DropFile, ...] = ()  # of the read editions, companions included
    rows: int = 0
    refused: int = 0
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # drops passed by, each with the reason
    sha256: str = ""
    quarantine_sha256: str = ""
    read_now: int = 0  # reading jobs done in this call; the rest came from the cache
    records: tuple[SourceRecord, ...] = field(default=(), repr=False)

    @property
    def is_absent(self) -> bool:
        """True where the landing folder holds no complete edition ("not supplied")."""
        return not self.editions


@dataclass(frozen=True)
class SourceState:
    """One line of the command ``citycarbon sources``: a registered source and one drop of it, or none."""

    source: str
    title: str
    access: str
    level: str
    boundary_basis: str
    edition: str | None
    state: str  # a DropState, or 'absent'
    sentence: str
    licence: str
    redistributable: str
    files: int = 0
    synthetic: bool = False


@dataclass(frozen=True)
class _Job:
    """What is read in one go: a file with its companions, or a whole edition of many small files."""

    key: str
    name: str
    read: Callable[[], ReadResult]


def take_in(source: str, landing: Path, home: Home) -> IntakeReport:
    """Snapshot and read every complete edition of ``source``; write its raw and quarantine tables; report.

    Unfinished drops are passed by with a note. Raises UnusableInput for a finished drop whose files are not what its checksums
    say, and passes on what a reader raises; the tables of an earlier run are then left untouched.
    """
    entry = load_registry().get(source)
    drops = scan(landing, source)
    for drop in drops:
        if not (drop.is_complete or drop.is_ignored):
            raise drop.refuse()
    notes = tuple(f"{d.source}/{d.edition}: {d.sentence}." for d in drops if d.is_ignored)
    complete = [d for d in drops if d.is_complete]

    results: list[ReadResult] = []
    read_now = 0
    warnings: list[str] = []
    with _one_reader(source, home):
        for drop in complete:
            _snapshot(drop, home)
            warnings += _not_read(entry, drop)
            for job in _jobs(entry, drop):
                result, was_cached = _read_once(job, home)
                results.append(result)
                read_now += not was_cached
                warnings += result.warnings
    rows = _together([r.rows for r in results], RAW_SCHEMA)
    quarantine = _together([r.quarantine for r in results], QUARANTINE_SCHEMA)

    path, quarantine_path = home.raw / f"{source}.parquet", home.raw / "quarantine" / f"{source}.parquet"
    return IntakeReport(
        source=source,
        path=path,
        quarantine_path=quarantine_path,
        editions=tuple(d.edition for d in complete),
        files=tuple(f for d in complete for f in d.files),
        rows=rows.num_rows,
        refused=quarantine.num_rows,
        warnings=tuple(dict.fromkeys(warnings)),
        notes=notes,
        quarantine_sha256=write_parquet(quarantine, quarantine_path),
        sha256=write_parquet(rows, path),
        read_now=read_now,
        records=tuple(d.record for d in complete if d.record),
    )


def receive(source: str, files: Iterable[Path | str], edition: str, landing: Path, home: Home, **record: Any) -> Path:
    """Take files into the landing folder (see ``landing.add``) if their reader can use them; what was read is kept for the run.

    Raises what ``add`` raises, and UnusableInput in the words of a run where a file cannot be used; nothing is then left.
    """

    def read(drop: Drop) -> None:
        entry = load_registry().get(source)
        with _one_reader(source, home):
            for job in _jobs(entry, drop):
                _read_once(job, home)

    return add(source, files, edition, landing, check=read, **record)


def fill_cache(source: str, landing: Path, home: Home) -> None:
    """Read every complete edition of ``source`` into the cache and write nothing else. Raises what a reader raises."""
    entry = load_registry().get(source)
    with _one_reader(source, home):
        for drop in scan(landing, source):
            if drop.is_complete:
                for job in _jobs(entry, drop):
                    _read_once(job, home)


def take_in_all(landing: Path, home: Home, progress: Callable[[IntakeReport], None] | None = None) -> dict[str, IntakeReport]:
    """``take_in`` for every registered source, in the registry's order; ``progress`` is called after each."""
    reports: dict[str, IntakeReport] = {}
    for source in load_registry().sources:
        reports[source] = take_in(source, landing, home)
        if progress is not None:
            progress(reports[source])
    return reports


def describe_sources(landing: Path) -> list[SourceState]:
    """Every registered source with each of its drops ('absent' where there is none), then folders that nobody registered."""
    registry = load_registry()
    found: dict[str, list[Drop]] = {}
    for drop in scan(landing):
        found.setdefault(drop.source, []).append(drop)
    states = [s for entry in registry.sources.values() for s in _states(entry, found.get(entry.id, []))]
    for source, drops in found.items():
        if source not in registry.sources:
            states += [SourceState(source, "", "", "", "", d.edition, d.state, d.sentence, "", "") for d in drops]
    return states


def write_parquet(table: pa.Table, path: Path) -> str:
    """Write ``table`` to ``path`` by rename and return the sha256 of its bytes, which are the same for the same rows.

    A file that already holds these bytes is left alone, with its time.
    """
    buffer = io.BytesIO()
    pq.write_table(table.combine_chunks(), buffer, compression="zstd", row_group_size=1 << 20)
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    if not (path.is_file() and path.stat().st_size == len(content) and sha256_of(path) == digest):
        _replace(path, content)
    return digest


@contextmanager
def _one_reader(source: str, home: Home) -> Iterator[None]:
    """One process at a time reads a source: a second one waits and finds the files read."""
    lock = home.raw / ".reading" / source
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


# --- reading once -----------------------------------------------------------------------------------------------------------


def _jobs(entry: SourceEntry, drop: Drop) -> Iterator[_Job]:
    module, record = entry.reader_module(), drop.record
    assert record is not None  # a complete drop has one
    data = [f for f in drop.files if entry.is_data(f.name)]
    companions = [f for f in drop.files if entry.is_companion(f.name)]
    if entry.one_batch:
        listed = [(f.name, f.path, f.sha256) for f in data]
        yield _Job(_key(entry, module, record, data), f"{drop.edition}", lambda: module.read_batch(drop.path, listed, record))
        return
    for file in data:
        if entry.companions:
            read = _bind(module.read, file.path, record, file.sha256, [c.path for c in companions])
        else:
            read = _bind(module.read, file.path, record, file.sha256)
        yield _Job(_key(entry, module, record, [file, *companions]), file.name, read)


def _bind(read: Callable[..., ReadResult], *args: object) -> Callable[[], ReadResult]:
    return lambda: read(*args)


def _key(entry: SourceEntry, module: ModuleType, record: SourceRecord, files: list[DropFile]) -> str:
    """Name of the cached result: the bytes read, the source, the reader's version, and a hash of its code and the record."""
    what = files[0].sha256 if len(files) == 1 else _digest([(f.name, f.sha256) for f in files])
    rest = _digest([code_hash(module.__name__), record.model_dump(mode="json"), files[0].name])
    return f"{what}-{entry.id}-{module.READER_VERSION}-{rest[:16]}"


@cache
def code_hash(module: str) -> str:
    """sha256 over the code of a reader, of every module of this package that it imports, and its ``READER_INPUTS`` files."""
    seen: dict[str, str] = {}
    todo = [module.rsplit(".", 1)[-1]]
    while todo:
        name = todo.pop()
        path = _SOURCES_FOLDER / f"{name}.py"
        if name in seen or not path.is_file():
            continue
        code = path.read_text(encoding="utf-8")
        seen[name] = hashlib.sha256(code.encode()).hexdigest()
        todo += _imports(code)
    inputs = [sha256_of(path) for path in getattr(importlib.import_module(module), "READER_INPUTS", ())]
    return _digest([sorted(seen.items()), inputs])


def _imports(code: str) -> list[str]:
    """Names of the modules of this package that ``code`` imports."""
    package = "citycarbon.sources"
    names: list[str] = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module == package:
                names += [alias.name for alias in node.names]
            elif node.module.startswith(package + "."):
                names.append(node.module.removeprefix(package + "."))
    return names


def _read_once(job: _Job, home: Home) -> tuple[ReadResult, bool]:
    """The result of ``job``, from the cache where it is there; True in that case."""
    rows_path = home.raw / "files" / f"{job.key}.parquet"
    refused_path = home.raw / "files" / f"{job.key}.quarantine.parquet"
    if rows_path.is_file() and refused_path.is_file():
        try:
            rows, refused = pq.read_table(rows_path), pq.read_table(refused_path)
            warnings = json.loads((rows.schema.metadata or {})[_WARNINGS_KEY])
            return ReadResult(rows, refused, warnings), True
        except (pa.ArrowInvalid, OSError, KeyError):
            rows_path.unlink()  # a damaged cache entry is worth nothing: read the file again
    with _no_cycle_search():
        result = job.read()
    write_parquet(result.quarantine, refused_path)
    noted = result.rows.replace_schema_metadata({_WARNINGS_KEY: json.dumps(result.warnings, ensure_ascii=False)})
    write_parquet(noted, rows_path)  # last: its presence says that the entry is whole
    return result, False


@contextmanager
def _no_cycle_search() -> Iterator[None]:
    """While a reader makes 100,000s of small objects, looking for reference cycles among them takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _together(tables: list[pa.Table], schema: pa.Schema) -> pa.Table:
    """All rows in the order given (edition year, edition, file name, row), with exactly ``schema``."""
    plain = [pa.Table.from_arrays(t.columns, schema=schema) for t in tables]
    return pa.concat_tables(plain).combine_chunks() if plain else schema.empty_table()


# --- files ------------------------------------------------------------------------------------------------------------------


def _snapshot(drop: Drop, home: Home) -> None:
    """Copy each file of ``drop`` to ``snapshots/<sha256>``, read-only; one that is there already is left alone."""
    home.snapshots.mkdir(parents=True, exist_ok=True)
    present = {path.name for path in home.snapshots.iterdir()}
    for file in drop.files:
        if file.sha256 in present:
            continue
        with _becoming(home.snapshots / file.sha256, mode=0o444) as temporary:
            if _copy(file.path, temporary) != file.sha256:
                raise UnusableInput(
                    file.path,
                    found="bytes that changed while they were being read",
                    expected="an edition that nobody writes to",
                    remedy="Let the writing end, then run again.",
                )
        present.add(file.sha256)


def _copy(source: Path, target: Path) -> str:
    """Copy a file piece by piece, since it may be larger than memory; sha256 of what was written."""
    digest = hashlib.sha256()
    with source.open("rb") as read, target.open("wb") as write:
        while piece := read.read(_PIECE):
            digest.update(piece)
            write.write(piece)
    return digest.hexdigest()


def _replace(path: Path, content: bytes) -> None:
    """Write ``content`` so that ``path`` is either the old file or the whole new one."""
    with _becoming(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def _becoming(path: Path, mode: int | None = None) -> Iterator[Path]:
    """A temporary file that takes the name ``path`` once it is written whole, and is gone where writing fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        if mode is not None:
            temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


# --- telling ----------------------------------------------------------------------------------------------------------------


def _not_read(entry: SourceEntry, drop: Drop) -> list[str]:
    other = [f.name for f in drop.files if not (entry.is_data(f.name) or entry.is_companion(f.name))]
    return [
        f"{drop.source}/{drop.edition}: {name} is kept and not read ({entry.id} is {', '.join(entry.files)})." for name in other
    ]


def _states(entry: SourceEntry, drops: list[Drop]) -> Iterator[SourceState]:
    def state(edition: str | None, state: str, sentence: str, licence: str, passes: str, **more: object) -> SourceState:
        return SourceState(
            entry.id,
            entry.title,
            entry.access,
            entry.level,
            entry.boundary_basis,
            edition,
            state,
            sentence,
            licence,
            passes,
            **more,
        )

    if not drops:
        how = "not supplied: bring your own licensed copy" if entry.is_slot else "not supplied"
        yield state(None, "absent", how, entry.licence, entry.redistributable)
    for drop in drops:
        record = drop.record
        yield state(
            drop.edition,
            drop.state,
            drop.sentence,
            record.licence if record else entry.licence,
            record.redistributable if record else entry.redistributable,
            files=len(drop.files),
            synthetic=bool(record and record.synthetic),
        )
