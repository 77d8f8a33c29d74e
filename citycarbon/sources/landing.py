"""The landing folder: ``<source>/<edition>/`` with files as received, ``source.yaml``, ``SHA256SUMS`` and ``_SUCCESS`` last.

``add`` writes a drop as one rename; ``scan`` judges what is there and never writes. What the files hold is no concern of this
module.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from citycarbon.errors import UnusableInput, UsageError
from citycarbon.sources.records import SourceRecord
from citycarbon.sources.registry import SourceEntry, load_registry

RECORD, SUMS, MARKER = "source.yaml", "SHA256SUMS", "_SUCCESS"
_OWN_FILES = {RECORD, SUMS, MARKER}
_EDITION = re.compile(r"[^\W.][\w.\-]*")
_SUM_LINE = re.compile(r"(?P<sha>[0-9a-f]{64}) [ *](?P<name>.+)")

_SMALL = 1 << 20
_SETTLED_NS = 2_000_000_000
_HASHES: dict[tuple[str, int, int, int, int], str] = {}


class NothingToAdd(UsageError):
    """The edition is there already, with these very bytes and this record: no fault, and nothing to do (exit code 0)."""

    exit_code = 0


DropState = Literal[
    "complete",
    "no_marker",  # being written or never finished: ignored
    "not_an_edition",  # a file where an edition's folder is expected: ignored
    "unknown_source",  # a folder that no registry entry names: ignored
    "missing_record",
    "bad_record",
    "missing_checksums",
    "checksum_mismatch",
    "missing_file",
    "unlisted_file",
    "no_data_file",
]
IGNORED_STATES: frozenset[str] = frozenset({"no_marker", "not_an_edition", "unknown_source"})


@dataclass(frozen=True)
class DropFile:
    """One received file: ``name`` relative to the drop (with ``/``), its bytes' sha256 and size."""

    name: str
    path: Path
    sha256: str
    size: int


@dataclass(frozen=True)
class Drop:
    """One edition of one source as found. ``sentence`` says in words what the state means and what to do."""

    source: str
    edition: str
    path: Path
    state: DropState
    sentence: str
    record: SourceRecord | None = None
    files: tuple[DropFile, ...] = ()
    culprit: str | None = None  # the file that the sentence is about

    @property
    def is_complete(self) -> bool:
        return self.state == "complete"

    @property
    def is_ignored(self) -> bool:
        """True where a run passes by with a note; the rest is either complete or an error that a user must see."""
        return self.state in IGNORED_STATES

    @property
    def order(self) -> tuple[int, str]:
        """Precedence of editions: by edition year, then by name; an edition without a year comes first."""
        year = self.record.edition_year if self.record else None
        return (-1 if year is None else year, self.edition)

    def refuse(self) -> UnusableInput:
        """The error to raise for a drop that is marked as finished and is not usable."""
        return UnusableInput(
            self.path / (self.culprit or MARKER),
            found=self.sentence,
            expected="a drop as 'citycarbon add' writes it",
            remedy=f"Take the file in again with 'citycarbon add {self.source} FILE --edition NEW', or remove {MARKER} "
            f"from {self.source}/{self.edition} to set the drop aside.",
        )


def add(
    source: str,
    files: Iterable[Path | str],
    edition: str,
    landing: Path,
    *,
    check: Callable[[Drop], None] | None = None,
    **record: Any,
) -> Path:
    """Put ``files`` (a folder stands for all files in it) into ``landing/<source>/<edition>`` and return that folder.

    ``record`` gives fields of SourceRecord (producer, licence, citation, url, synthetic ...); what is not given comes from the
    registry, and ``edition_year`` from a year in the edition's name. The files are copied to ``landing/.incoming``, the marker
    is written last and the folder is renamed, so that nobody ever sees half a drop. ``check`` may look at the drop before that
    and raise UnusableInput to keep it out. Raises UsageError for an unknown source, a missing file, an edition that exists,
    or a field that does not fit; its kind NothingToAdd where the edition holds these very files already.
    """
    entry = load_registry().get(source)
    if not _EDITION.fullmatch(edition):
        raise UsageError(f"'{edition}' cannot name an edition: use letters, digits, '.', '_' and '-', e.g. 2022 or 2022-v2.")
    named = _named_files(files)
    if not any(entry.is_data(name) for name in named):
        raise UsageError(f"No file given can be read as {source}: expected {' or '.join(entry.files)}, got {', '.join(named)}.")
    target = Path(landing) / source / edition
    if target.exists():
        raise _edition_taken(target, source, edition, named, record)
    made = _make_record(entry, edition, record)
    incoming = Path(landing) / ".incoming" / uuid.uuid4().hex
    try:
        _write_drop(incoming, named, made)
        if check is not None:
            _check(check, incoming, target, made)
        target.parent.mkdir(parents=True, exist_ok=True)
        incoming.rename(target)
    except OSError as err:
        if target.exists():  # someone else finished the same edition between our look and our rename
            raise _edition_taken(target, source, edition, named, record) from None
        raise UsageError(f"Cannot write the drop {source}/{edition}: {err}.") from None
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    return target


def scan(landing: Path, source: str | None = None) -> list[Drop]:
    """Every drop below ``landing`` (or below one source), each with its state; hidden folders are passed over.

    Ordered by source, then edition year and edition. Reads every byte of every marked drop; writes nothing. A landing folder
    that does not exist holds no drops.
    """
    landing = Path(landing)
    if not landing.is_dir():
        return []
    folders = [landing / source] if source else _visible(landing)
    drops = [drop for folder in folders if folder.is_dir() for drop in _scan_source(folder)]
    return sorted(drops, key=lambda d: (d.source, d.order))


def content_id(landing: Path) -> str:
    """sha256 over source, edition, record and file hashes of all complete drops: what a refresh compares.

    Folder times, the order of listing, unfinished drops and files beside the drops do not enter.
    """
    parts = [
        {
            "source": drop.source,
            "edition": drop.edition,
            "record": drop.record.model_dump(mode="json") if drop.record else None,
            "files": sorted((f.name, f.sha256) for f in drop.files),
        }
        for drop in scan(landing)
        if drop.is_complete
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """sha256 of a file's bytes, in hexadecimal.

    Remembered while the process lives, as long as the file's size, inode and both times stay: several parts of a run look at
    the same thousands of files. A file that changed just now is not remembered, since two changes could share one time stamp.
    """
    state = path.stat()
    key = (str(path), state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    if key in _HASHES:
        return _HASHES[key]
    if state.st_size < _SMALL:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    else:
        with path.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
    if time.time_ns() - max(state.st_mtime_ns, state.st_ctime_ns) > _SETTLED_NS:
        _HASHES[key] = digest
    return digest


# --- writing a drop ---------------------------------------------------------------------------------------------------------


def _named_files(files: Iterable[Path | str]) -> dict[str, Path]:
    """Name inside the drop -> file; raises UsageError where a file is missing or two would share a name."""
    named: dict[str, Path] = {}
    for given in map(Path, files):
        if not given.exists():
            raise UsageError(f"There is no file {given}.")
        for name, path in _expand(given):
            if name in _OWN_FILES:
                raise UsageError(f"A source file cannot be called {name}: the name is taken by the drop itself.")
            if name in named:
                raise UsageError(f"Two files would both be called {name}: rename one, or give the folder that holds them.")
            named[name] = path
    if not named:
        raise UsageError("No file was given.")
    return named


def _expand(given: Path) -> Iterator[tuple[str, Path]]:
    if given.is_file():
        yield given.name, given
        return
    for path in _data_files(given):
        yield path.relative_to(given).as_posix(), path


def _make_record(entry: SourceEntry, edition: str, given: dict[str, Any]) -> SourceRecord:
    year = re.search(r"(?<!\d)(?:19|20)\d{2}(?!\d)", edition)
    defaults = {
        "source": entry.id,
        "edition": edition,
        "edition_year": int(year.group()) if year else None,
        "producer": entry.producer,
        "title": entry.title,
        "licence": entry.licence,
        "redistributable": entry.redistributable,
        "citation": entry.citation,
        "url": entry.url,
    }
    try:
        return SourceRecord.model_validate({**defaults, **{k: v for k, v in given.items() if v is not None}})
    except ValidationError as err:
        first = err.errors()[0]
        raise UsageError(f"The source record does not fit: {'.'.join(map(str, first['loc']))}: {first['msg']}.") from None


def _write_drop(folder: Path, named: dict[str, Path], record: SourceRecord) -> None:
    folder.mkdir(parents=True)
    for name, path in named.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / name)
    record.dump(folder / RECORD)
    # Hashes are those of the copies: what the marker vouches for is what lies here.
    sums = "".join(f"{sha256_of(folder / name)}  {name}\n" for name in sorted(named))
    (folder / SUMS).write_text(sums, encoding="utf-8")
    (folder / MARKER).touch()


def _check(check: Callable[[Drop], None], incoming: Path, target: Path, record: SourceRecord) -> None:
    """Have the drop looked at where it is being written; a refusal names the files by the place they were meant for."""
    drop = _judge_files(record.source, incoming, record)
    try:
        check(replace(drop, edition=record.edition))
    except UnusableInput as err:
        place = target / err.path.relative_to(incoming) if err.path.is_relative_to(incoming) else err.path
        raise UnusableInput(
            place, found=err.found, expected=err.expected, remedy=err.remedy, sheet=err.sheet, cell=err.cell
        ) from None


def _edition_taken(target: Path, source: str, edition: str, named: dict[str, Path], given: dict[str, Any]) -> UsageError:
    """What to say of an edition that exists: other bytes, the same under another record, the same and damaged, or the same."""
    sums = _read_sums(target / SUMS) if (target / SUMS).is_file() else {}
    another = f"Choose another name for this one, e.g. --edition {edition}-v2."
    if sums != {name: sha256_of(path) for name, path in named.items()}:
        return UsageError(f"{source}/{edition} exists and holds other bytes; an edition is never overwritten. {another}")
    drop = _judge(source, target)
    if not drop.is_complete or drop.record is None:
        return UsageError(
            f"{source}/{edition} was made of these files and is not in order: {drop.sentence}. Remove the folder {target} and "
            "add them again."
        )
    record = _make_record(load_registry().get(source), edition, given)
    for name, value in given.items():
        has, wanted = getattr(drop.record, name), getattr(record, name)
        if value is not None and name != "access_date" and has != wanted:
            return UsageError(
                f"{source}/{edition} holds these very files with {name} '{has}', given '{wanted}'; a record is never "
                f"overwritten. {another}"
            )
    return NothingToAdd(f"{source}/{edition} already holds these very files (same bytes): nothing was added.")


# --- judging a drop ---------------------------------------------------------------------------------------------------------


def _scan_source(folder: Path) -> Iterator[Drop]:
    known = folder.name in load_registry().sources
    for path in _visible(folder, files=True):
        if not known:
            sentence = f"'{folder.name}' is not a registered source, so nothing in it is read"
            yield Drop(folder.name, path.name, path, "unknown_source", sentence)
        elif path.is_file():
            sentence = f"{path.name} lies outside an edition's folder; take it in with 'citycarbon add'"
            yield Drop(folder.name, path.name, path, "not_an_edition", sentence)
        else:
            yield _judge(folder.name, path)


def _judge(source: str, path: Path) -> Drop:
    def drop(state: DropState, sentence: str, **more: Any) -> Drop:
        return Drop(source, path.name, path, state, sentence, **more)

    if not (path / MARKER).is_file():
        return drop("no_marker", f"no {MARKER} marker: the drop is not finished and is ignored")
    if not (path / RECORD).is_file():
        return drop("missing_record", f"no {RECORD} beside the files", culprit=RECORD)
    try:
        record = SourceRecord.load(path / RECORD)
    except UnusableInput as err:
        return drop("bad_record", err.found, culprit=RECORD)
    if (record.source, record.edition) != (source, path.name):
        sentence = f"a record of {record.source}/{record.edition} in the folder {source}/{path.name}"
        return drop("bad_record", sentence, culprit=RECORD)
    if not (path / SUMS).is_file():
        return drop("missing_checksums", f"no {SUMS} beside the files", record=record, culprit=SUMS)
    return _judge_files(source, path, record)


def _judge_files(source: str, path: Path, record: SourceRecord) -> Drop:
    def drop(state: DropState, sentence: str, **more: Any) -> Drop:
        return Drop(source, path.name, path, state, sentence, record=record, **more)

    sums = _read_sums(path / SUMS)
    if sums is None:
        return drop("missing_checksums", f"{SUMS} holds lines that are no checksums", culprit=SUMS)
    present = {p.relative_to(path).as_posix(): p for p in _data_files(path)}
    for name, listed in sums.items():
        where = path / name
        if not where.is_file():
            return drop("missing_file", f"{name} is listed in {SUMS} and not there", culprit=name)
        if (actual := sha256_of(where)) != listed:
            sentence = f"{name} with sha256 {actual[:12]}.., where {SUMS} says {listed[:12]}..: its bytes were changed"
            return drop("checksum_mismatch", sentence, culprit=name)
    if extra := sorted(present.keys() - sums.keys() - _OWN_FILES):
        return drop("unlisted_file", f"{extra[0]}, which {SUMS} does not list", culprit=extra[0])
    files = tuple(DropFile(n, present[n], sums[n], present[n].stat().st_size) for n in sorted(present) if n not in _OWN_FILES)
    entry = load_registry().get(source)
    if not any(entry.is_data(f.name) for f in files):
        names = ", ".join(f.name for f in files[:3]) or "no file"
        sentence = f"{names}; {source} is read from {' or '.join(entry.files)}"
        return drop("no_data_file", sentence, culprit=files[0].name if files else None)
    return drop("complete", f"complete: {len(files)} file{'s' if len(files) != 1 else ''}, every checksum right", files=files)


def _read_sums(path: Path) -> dict[str, str] | None:
    """Name -> sha256 of a ``sha256sum`` listing; None where a line is something else."""
    sums: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if not line.strip():
            continue
        match = _SUM_LINE.fullmatch(line)
        if match is None:
            return None
        name = match["name"].removeprefix("./")
        if name not in (SUMS, MARKER):  # 'sha256sum * > SHA256SUMS' lists the growing file itself
            sums[name] = match["sha"]
    return sums


def _visible(folder: Path, files: bool = False) -> list[Path]:
    return sorted(p for p in folder.iterdir() if not _is_hidden(p.name) and (files or p.is_dir()))


def _data_files(folder: Path) -> list[Path]:
    """All files below ``folder`` in order of name; hidden ones and an office program's lock files (``~$``) left out."""
    found: list[Path] = []
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        found += [Path(root) / name for name in names if not _is_hidden(name)]
    return sorted(found)


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "~$"))
