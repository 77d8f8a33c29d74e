"""What the figures were taken on, in words: processor, memory, Python and the packages that matter."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("numpy", "pandas", "scipy", "linearmodels", "pyfixest", "wildboottest", "duckdb", "ibis-framework", "dagster")


def described() -> str:
    """One sentence part: processor, cores, memory, system, Python, threads of the matrix library."""
    threads = os.environ.get("OMP_NUM_THREADS", "as many threads as cores")
    return (
        f"{_processor()}, {os.cpu_count()} cores, {_memory()}, {platform.system()}, Python {platform.python_version()}, "
        f"BLAS threads: {threads}"
    )


def versions() -> str:
    """The packages with their versions; what is not installed is left out."""
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    except (ValueError, OSError, AttributeError):
        return "memory unknown"
