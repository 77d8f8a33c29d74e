"""Which landing folder a run reads: the one given, the home's own, or a sample that is made for it (and says so).

And which one ``sources`` lists: what a run reads, without making a sample.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from citycarbon.errors import CityCarbonError, UsageError
from citycarbon.paths import PROJECT_ROOT, Home

DEFAULT_SEED = 1
_STAMP = ".made-by"
_LAST = ".last-landing"  # in the home: the folder that the last run or check read


@dataclass(frozen=True)
class Landing:
    """The folder a run reads, and whether any of its drops is synthetic."""

    path: Path
    is_synthetic: bool


def choose_landing(
    home: Home,
    given: Path | None = None,
    *,
    sample: bool = False,
    seed: int = DEFAULT_SEED,
    meanwhile: Callable[[], object] | None = None,
) -> Landing:
    """The landing folder of a run; makes the sample where none was given and the home's own holds no complete drop.

    ``meanwhile`` is done while a sample is being written, and not at all where none has to be.
    Raises UsageError where the given folder holds no complete drop, naming what it does hold.
    """
    if given is not None and sample:
        raise UsageError("--landing and --sample exclude each other: the sample is a landing folder of its own.")
    if given is not None:
        return _inspect(given, must_hold=True)
    if not sample:
        own = _inspect(home.landing, must_hold=False)
        if own is not None:
            return own
    return Landing(make_sample(home, seed, meanwhile), True)


def note_landing(home: Home, landing: Path) -> None:
    """Remember the folder that a run or check reads; nothing is written where it is the same as before."""
    file = home.root / _LAST
    text = f"{landing}\n"
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")


def landing_to_show(home: Home, given: Path | None = None) -> tuple[Path, str]:
    """The folder that ``sources`` lists, and why it is that one ('' where it is the one given or the home's own).

    The one given, else CITYCARBON_LANDING, else the home's own; where that holds no drop, the one the last run or check read.
    """
    from citycarbon.sources.landing import scan

    named = given or os.environ.get("CITYCARBON_LANDING")
    if named:
        return Path(named), ""
    file = home.root / _LAST
    last = Path(file.read_text(encoding="utf-8").strip()) if file.is_file() else home.landing
    if last == home.landing or not last.is_dir() or scan(home.landing):
        return home.landing, ""
    return last, f"the last run or check read it; {home.landing} holds no drop"


def make_sample(home: Home, seed: int, meanwhile: Callable[[], object] | None = None) -> Path:
    """``<home>/sample/seed-<N>``, written anew where it is missing, unfinished or written by other code."""
    folder = home.root / "sample" / f"seed-{seed}"
    wanted = _sample_code()
    stamp = folder / _STAMP
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_apart(folder, seed, meanwhile)
    stamp.write_text(wanted, encoding="utf-8")
    return folder


def write_apart(folder: Path, seed: int, meanwhile: Callable[[], object] | None = None) -> None:
    """Write the sample in a process of its own and do ``meanwhile`` in this one. Raises CityCarbonError where it fails."""
    writer = subprocess.Popen([sys.executable, "-m", "citycarbon.sample", str(folder), str(seed)], stderr=subprocess.PIPE)
    try:
        if meanwhile is not None:
            meanwhile()
        _, told = writer.communicate()
    except BaseException:  # an interrupt too: no process outlives the one that began it
        writer.kill()
        writer.wait()
        raise
    if writer.returncode:
        raise CityCarbonError(f"the sample could not be written into {folder}:\n{told.decode(errors='replace').strip()}")


def _sample_code() -> str:
    """Version of everything that decides the sample's bytes: its own code and the seeds it takes names and codes from."""
    from citycarbon.release.identity import hash_files, hash_of

    folders = [
        PROJECT_ROOT / "citycarbon" / "sample",
        PROJECT_ROOT / "citycarbon" / "sources",
        PROJECT_ROOT / "dbt_project" / "seeds",
    ]
    files = [f for folder in folders for f in folder.rglob("*") if f.is_file() and f.suffix in {".py", ".csv", ".yaml", ".txt"}]
    return hash_of(hash_files(files, PROJECT_ROOT))


def _inspect(path: Path, *, must_hold: bool) -> Landing | None:
    from citycarbon.sources.landing import scan

    drops = scan(path)
    complete = [d for d in drops if d.is_complete]
    broken = [d for d in drops if not (d.is_complete or d.is_ignored)]
    if broken:
        raise broken[0].refuse()
    if complete:
        return Landing(path.resolve(), any(d.record.synthetic for d in complete if d.record))
    if not must_hold:
        return None
    seen = "; ".join(f"{d.source}/{d.edition}: {d.sentence}" for d in drops[:5]) or "no <source>/<edition> folder"
    raise UsageError(f"{path}: found {seen}; expected at least one complete drop. Take files in with 'citycarbon add'.")
