"""Where releases lie and which one ``latest`` names. Pointers are relative symlinks, replaced by rename; nothing else here."""

from __future__ import annotations

import os
from pathlib import Path

from citycarbon.errors import UsageError
from citycarbon.paths import Home

MAIN_STUDY = "ai_pilot"  # the study that releases/latest points to


def pointer_names(study: str, public: bool = False) -> list[str]:
    """The pointers that a new release of ``study`` moves.

    A public bundle has one of its own: the latest release is the whole one, and a refresh compares with that.
    """
    if public:
        return [f"public-{study}"]
    return [f"latest-{study}", *(["latest"] if study == MAIN_STUDY else [])]


def move_pointers(releases: Path, study: str, release: str, public: bool = False) -> None:
    """Point the study's pointers to ``release``: each moves in one rename, so a reader sees old or new."""
    for name in pointer_names(study, public):
        fresh = releases / f".{name}-{os.getpid()}"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(release, target_is_directory=True)
        fresh.replace(releases / name)


def latest_release(home: Home, study: str | None = None, public: bool = False) -> Path | None:
    """The newest release (or public bundle) of ``study``, the main study where None; None where there is none yet."""
    pointer = home.releases / pointer_names(study or MAIN_STUDY, public)[0]
    return pointer.resolve() if (pointer / "manifest.json").is_file() else None


def find_release(home: Home, release: str | os.PathLike[str] | None = None) -> Path:
    """The folder of ``release``: None (the latest), a path, an id, the start of one id, a pointer's or a study's name.

    Raises UsageError naming the releases that exist.
    """
    if release is None:
        return _latest_of_any(home)
    given = Path(release)
    for candidate in (given, home.releases / given, home.releases / f"latest-{release}"):
        if (candidate / "manifest.json").is_file():
            return candidate.resolve()
    starts = [r for r in list_releases(home) if r.name.startswith(str(release))]
    if len(starts) == 1:
        return starts[0]
    raise UsageError(f"release: found '{release}'; expected {_known(home)}.")


def list_releases(home: Home) -> list[Path]:
    """Every finished release, by name. Folders under construction and pointers are not among them."""
    if not home.releases.is_dir():
        return []
    folders = (p for p in sorted(home.releases.iterdir()) if not p.name.startswith(".") and not p.is_symlink())
    return [p for p in folders if (p / "manifest.json").is_file()]


def _latest_of_any(home: Home) -> Path:
    main = latest_release(home)
    if main is not None:
        return main
    studies = [p.resolve() for p in sorted(home.releases.glob("latest-*")) if (p / "manifest.json").is_file()]
    if len(studies) == 1:
        return studies[0]
    raise UsageError(f"release: none is named and there is no latest one; expected {_known(home)}.")


def _known(home: Home) -> str:
    names = [p.name for p in list_releases(home)]
    pointers = [p.name for p in sorted(home.releases.glob("latest*"))] if home.releases.is_dir() else []
    if not names:
        return "a release, but there is none in this home: make one with 'citycarbon run'"
    return "one of " + ", ".join(pointers + names)
