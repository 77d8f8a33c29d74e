"""Lint: every dependency that pyproject.toml names is pinned with hashes in requirements.lock, in a version it allows.

Works offline and with nothing but the lock and pyproject: transitive pins are checked by the installer (--require-hashes).
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
# One pin: name, optional extras, version, optional marker, then its hashes on continued lines.
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)")


def read_pins(text: str) -> tuple[dict[str, list[Version]], list[str]]:
    """name -> pinned versions (several where markers split them), and the pins that carry no hash."""
    pins: dict[str, list[Version]] = {}
    bare: list[str] = []
    for block in re.split(r"\n(?=\S)", text.replace("\\\n", " ")):
        found = PIN.match(block)
        if not found:
            continue
        pins.setdefault(canonicalize_name(found["name"]), []).append(Version(found["version"]))
        if "--hash=sha256:" not in block:
            bare.append(found["name"])
    return pins, bare


def problems(pyproject: dict, lock: str) -> list[str]:
    """One sentence for each way in which the lock is not in step."""
    project = pyproject["project"]
    wanted = list(project["dependencies"])
    for extra in project.get("optional-dependencies", {}).values():
        wanted += extra
    pins, bare = read_pins(lock)
    found = [f"{name} is pinned without a hash" for name in bare]
    for requirement in map(Requirement, wanted):
        versions = pins.get(canonicalize_name(requirement.name))
        if not versions:
            found.append(f"{requirement.name} is in pyproject.toml and not in the lock")
        elif not all(requirement.specifier.contains(v, prereleases=True) for v in versions):
            found.append(f"{requirement} is not met by {', '.join(map(str, versions))} in the lock")
    return found


def main() -> int:
    found = problems(
        tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8")),
        (ROOT / "requirements.lock").read_text(encoding="utf-8"),
    )
    for sentence in found:
        print(sentence, file=sys.stderr)
    if found:
        print(
            "Write it anew: uv pip compile pyproject.toml --extra dev --universal --generate-hashes "
            "--no-strip-extras --no-header --no-annotate -o requirements.lock",
            file=sys.stderr,
        )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
