"""Releases: what identifies one, how its bundle is assembled and pointed to, and how anyone verifies it.

Only names stand here. ``identity`` decides from hashes whether anything is new; ``bundle`` assembles; ``manifest`` describes;
``pointers`` finds and moves ``latest``; ``withhold`` blanks what may not be passed on; ``verification`` recomputes.
The import is cheap (no pandas, Dagster or Great Expectations): the command line asks for an id before it loads anything.
"""

from citycarbon.release.bundle import build_release
from citycarbon.release.identity import Identity, code_version, identify, release_id
from citycarbon.release.pointers import find_release, latest_release
from citycarbon.release.verification import VerifyReport, inspect_release, verify

__all__ = [
    "Identity",
    "VerifyReport",
    "build_release",
    "code_version",
    "find_release",
    "identify",
    "inspect_release",
    "latest_release",
    "release_id",
    "verify",
]
