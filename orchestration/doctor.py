"""What ``citycarbon doctor`` looks at: one finding a line, each with what to do. Changes nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from citycarbon.paths import LOCK_FILE, PROJECT_ROOT, Home
from orchestration.lock import is_locked, read_holder
from orchestration.manifest import DBT

ENOUGH_BYTES = 2 * 10**9  # a home after several releases, with room to spare
_LOWEST, _BELOW = (3, 11), (3, 14)


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``remedy`` is empty where it is in order."""

    what: str
    seen: str
    remedy: str = ""

    @property
    def is_fine(self) -> bool:
        return not self.remedy

    def __str__(self) -> str:
        line = f"{'ok  ' if self.is_fine else 'FIND'}  {self.what}: {self.seen}"
        return line if self.is_fine else f"{line}. {self.remedy}"


def examine(home: Home) -> list[Finding]:
    """All findings, in the order in which one would mend them. A home that cannot be written is looked at no further."""
    found = [look(home) for look in (_python, _environment, _dbt, _lock_installed, _studies, _home_writable)]
    if found[-1].is_fine:
        found += [look(home) for look in (_disk, _home_lock, _landing, _releases)]
    return found


def _python(_: Home) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    good = _LOWEST <= sys.version_info[:2] < _BELOW
    return Finding("python", version, "" if good else "Use Python 3.11 to 3.13: make PYTHON=/path/to/python3.12 run")


def _environment(_: Home) -> Finding:
    inside = sys.prefix != sys.base_prefix
    return Finding("environment", sys.prefix, "" if inside else "Run 'make run': it builds .venv from the lock")


def _dbt(_: Home) -> Finding:
    found = DBT if DBT.exists() else shutil.which("dbt")
    remedy = "" if found else "dbt is missing beside this Python: run 'make run' to build the environment anew"
    return Finding("dbt", str(found or "not found"), remedy)


def _lock_installed(_: Home) -> Finding:
    """Versions that differ from the lock; a package for another platform or Python is not installed and not missed."""
    if not LOCK_FILE.is_file():
        return Finding("lock", f"no {LOCK_FILE.name}", "Restore requirements.lock from the repository")
    stamp = Path(sys.prefix) / ".citycarbon-lock"
    text = LOCK_FILE.read_bytes() + (PROJECT_ROOT / "pyproject.toml").read_bytes()
    if stamp.is_file() and stamp.read_text(encoding="utf-8").strip() != hashlib.sha256(text).hexdigest():
        return Finding("lock", "the environment was built from another lock", "Run 'make run': it brings .venv in step")
    differing = [
        f"{name} {have} (lock: {want})" for name, want in _pins().items() if (have := _installed(name)) not in (None, want)
    ]
    remedy = "Remove .venv and run 'make run'" if differing else ""
    return Finding("lock", ", ".join(differing[:5]) or "every installed package is in the locked version", remedy)


def _pins() -> dict[str, str]:
    lines = LOCK_FILE.read_text(encoding="utf-8").splitlines()
    pinned = (line.split(" ")[0].split("==") for line in lines if "==" in line and not line.startswith((" ", "#")))
    seen: dict[str, str] = {}
    for name, version in pinned:
        bare = name.split("[")[0]
        # Several pins of one name hold for different platforms: which one is right is the installer's business.
        seen[bare] = "" if bare in seen else version.rstrip(";\\")
    return {name: version for name, version in seen.items() if version}


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _studies(_: Home) -> Finding:
    from citycarbon.study import load_all

    good, bad = load_all()
    if not bad:
        return Finding("studies", f"{len(good)} can be used: {', '.join(s.study for s in good)}")
    faults = [fault for error in bad.values() for fault in str(error).splitlines()]
    rest = len(faults) - 1
    more = f" and {rest} more fault{'s' if rest > 1 else ''}" if rest else ""
    remedy = f"Mend {', '.join(f'studies/{name}/study.yaml' for name in bad)}; 'citycarbon studies' lists every fault"
    return Finding("studies", f"{', '.join(bad)} cannot be used: {faults[0]}{more}", remedy)


def _home_writable(home: Home) -> Finding:
    nearest = next(p for p in (home.root, *home.root.parents) if p.exists())
    writable = nearest.is_dir() and os.access(nearest, os.W_OK)
    return Finding("home", str(home.root), "" if writable else f"{nearest} cannot be written: choose another with --home")


def _disk(home: Home) -> Finding:
    nearest = next(p for p in (home.root, *home.root.parents) if p.exists())
    free = shutil.disk_usage(nearest).free
    remedy = "" if free >= ENOUGH_BYTES else "Make room, or choose a home on another disk with --home"
    return Finding("disk", f"{free / 10**9:.1f} GB free", remedy)


def _home_lock(home: Home) -> Finding:
    holder = read_holder(home.lock)
    if is_locked(home):
        return Finding("lock of the home", f"held by {holder or 'a process'}: it is at work")
    if holder is not None:
        return Finding(
            "lock of the home", f"{holder} ended without letting go", f"Nothing holds it any more: remove {home.lock}"
        )
    return Finding("lock of the home", "free")


def _landing(home: Home) -> Finding:
    from citycarbon.sources.landing import scan

    drops = scan(home.landing)
    broken = [d for d in drops if not (d.is_complete or d.is_ignored)]
    if broken:
        first = broken[0]
        remedy = f"Take it in again with 'citycarbon add {first.source} FILE --edition NEW', or remove the drop"
        return Finding("landing", f"{first.source}/{first.edition}: {first.sentence}", remedy)
    complete, ignored = sum(d.is_complete for d in drops), sum(d.is_ignored for d in drops)
    seen = f"{complete} complete drops, {ignored} ignored" if drops else "empty: a run makes synthetic sample sources"
    return Finding("landing", f"{home.landing} ({seen})")


def _releases(home: Home) -> Finding:
    from citycarbon.release.pointers import list_releases

    dangling = [p for p in sorted(home.releases.glob("latest*")) if not p.exists()] if home.releases.is_dir() else []
    if dangling:
        return Finding("releases", f"{dangling[0].name} points nowhere", f"Remove {dangling[0]}; the next run sets it again")
    return Finding("releases", f"{len(list_releases(home))} in {home.releases}")
