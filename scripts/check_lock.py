"""Lint: every dependency that pyproject.toml names is pinned with hashes in its lock, in a version it allows.

``requirements.lock`` holds the project and the extra dev; each optional extra, which nobody needs, has a lock of its own.
Works offline and with nothing but the locks and pyproject: transitive pins are checked by the installer (--require-hashes).
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
# Extras that are installed on demand, each from a lock of its own.
OPTIONAL = {"map": "requirements-map.lock", "spark": "requirements-spark.lock", "bench": "requirements-bench.lock"}
FLAGS = "--universal --generate-hashes --no-emit-index-url --no-strip-extras --no-header --no-annotate"
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


def problems(wanted: list[str], lock: str) -> list[str]:
    """One sentence for each way in which the text of a lock is not in step with the requirements it is made from."""
    pins, bare = read_pins(lock)
    found = [f"{name} is pinned without a hash" for name in bare]
    for requirement in map(Requirement, wanted):
        versions = pins.get(canonicalize_name(requirement.name))
        if not versions:
            found.append(f"{requirement.name} is in pyproject.toml and not in the lock")
        elif not all(requirement.specifier.contains(v, prereleases=True) for v in versions):
            found.append(f"{requirement} is not met by {', '.join(map(str, versions))} in the lock")
    return found


def requirements_by_lock(project: dict) -> dict[str, list[str]]:
    """File name of each lock -> the requirements of pyproject.toml that it pins."""
    extras = project.get("optional-dependencies", {})
    always = [r for name, extra in extras.items() if name not in OPTIONAL for r in extra]
    return {"requirements.lock": project["dependencies"] + always} | {OPTIONAL[name]: extras.get(name, []) for name in OPTIONAL}


def remedy(lock: str, wanted: list[str]) -> str:
    """The command that writes a lock anew."""
    if lock == "requirements.lock":
        return f"uv pip compile pyproject.toml --extra dev {FLAGS} -o {lock}"
    return f"echo '{' '.join(wanted)}' | uv pip compile - {FLAGS} -o {lock}"


def main() -> int:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    failed = False
    for lock, wanted in requirements_by_lock(project).items():
        found = problems(wanted, (ROOT / lock).read_text(encoding="utf-8"))
        for sentence in found:
            print(f"{lock}: {sentence}", file=sys.stderr)
        if found:
            failed = True
            print(f"Write it anew: {remedy(lock, wanted)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
