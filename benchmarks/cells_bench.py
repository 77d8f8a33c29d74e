"""The regression of a table larger than memory: seconds and peak memory from parquet, and against pyfixest in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from statistics import median
from subprocess import CalledProcessError
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import cells
from benchmarks.machine import described
from benchmarks.measure import Figure, Group, Settings, Unavailable, attempt, say, versioned
from citycarbon.paths import PROJECT_ROOT

RECORDED = PROJECT_ROOT / "benchmarks" / "recorded.json"
SECONDS, PEAK = ("cells_30m_seconds", "s"), ("cells_30m_gib", "GiB")  # names and units
VERSUS = "cells_30m_vs_pyfixest"
NEEDED_GIB = 16.0
LONG = 10.0  # seconds beyond which three repetitions do


def measure(settings: Settings) -> list[Figure]:
    """Each fit in a process of its own, so that the peak is that of the fit; with pyfixest only where that was asked for."""
    kept = [attempt(VERSUS, "times", recorded)] if settings.wants(VERSUS) and not settings.pyfixest_30m else []
    if settings.wanted == {VERSUS} and kept:
        return kept
    try:
        return [*from_parquet(settings), *kept]
    except Unavailable as missing:
        return [*(Figure(name, None, unit, note=str(missing)) for name, unit in (SECONDS, PEAK)), *kept]


def from_parquet(settings: Settings) -> list[Figure]:
    """The fits themselves. Raises Unavailable where a package is missing or a process failed."""
    versioned("ibis-framework")
    with TemporaryDirectory(prefix="citycarbon-bench-") as folder:
        path = Path(folder) / "large.parquet"
        say("writing the large table")
        cells.write_rows(path, settings.large_months or cells.DESIGN.months)
        fits = [fit(path, 1)]
        repeat = settings.repeat if fits[0]["seconds"] <= LONG else settings.repeat_long
        fits += [fit(path, turn + 1) for turn in range(1, repeat)]
        seconds, peak = median(f["seconds"] for f in fits), max(f["gib"] for f in fits)
        size = f"{fits[0]['rows']:,} rows, {fits[0]['cells']:,} cells, {cells.THREADS} DuckDB threads"
        figures = [
            Figure(SECONDS[0], seconds, SECONDS[1], n=repeat, note=f"{size}; with the import of what the fit needs"),
            Figure(PEAK[0], peak, PEAK[1], n=repeat, note=f"{size}; largest resident set of the whole process"),
        ]
        if settings.pyfixest_30m:
            figures.append(attempt(VERSUS, "times", lambda: against_pyfixest(path, seconds, fits[0])))
    return figures


def fit(path: Path, turn: int) -> dict[str, Any]:
    """One fit, with its progress."""
    say(f"cells, {turn}")
    return in_child(cells.fit_in_child, path)


def in_child(run: Callable[[Path], dict[str, Any]], path: Path) -> dict[str, Any]:
    """What a process of its own measured. Raises Unavailable with its last words where it failed."""
    try:
        return run(path)
    except CalledProcessError as failed:
        words = (failed.stderr or "no output").strip().splitlines()[-1]
        raise Unavailable(f"the process that fits ended with {failed.returncode}: {words}") from None


def against_pyfixest(path: Path, seconds: float, ours: dict[str, Any]) -> Figure:
    """pyfixest once on the same file. Raises Unavailable where the memory for it is not free."""
    free = available_gib()
    if free < NEEDED_GIB and ours["rows"] > 1e7:
        raise Unavailable(f"{free:.1f} GiB of memory are free, pyfixest needs {NEEDED_GIB:g}")
    say("pyfixest on the large table")
    theirs = in_child(cells.pyfixest_in_child, path)
    ratio = theirs["seconds"] / seconds
    note = (
        f"fit {theirs['seconds']:.1f} s after {theirs['load_seconds']:.1f} s of loading, {theirs['gib']:.1f} GiB, one run; "
        f"ours {seconds:.1f} s from parquet; largest relative difference {difference(ours, theirs):.1e}"
    )
    return Figure(VERSUS, ratio, "times", f"pyfixest {theirs['version']} feols, lean=True", ratio, 1, note)


def difference(ours: dict[str, Any], theirs: dict[str, Any]) -> float:
    """Largest relative difference between two sets of coefficients and standard errors."""
    pairs = [(ours["estimates"][t][i], theirs["estimates"][t][i]) for t in theirs["estimates"] for i in (0, 1)]
    return max(abs(a - b) / abs(b) for a, b in pairs)


def record(figure: Figure, path: Path = RECORDED) -> None:
    """Keep a figure that is not taken at each run, with the machine it is of."""
    path.write_text(json.dumps({**json.loads(figure.line()), "machine": described()}, indent=1, ensure_ascii=False) + "\n")


def recorded(path: Path = RECORDED) -> Figure:
    """The figure that was kept. Raises Unavailable where there is none."""
    if not path.is_file():
        raise Unavailable(f"not recorded yet; --with-pyfixest-30m measures it ({NEEDED_GIB:g} GiB of memory)")
    kept = json.loads(path.read_text(encoding="utf-8"))
    machine = kept.pop("machine")
    return Figure(**{**kept, "note": f"recorded on {machine}: {kept['note']}"})


def available_gib() -> float:
    """Memory that could be taken now; infinite where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return float("inf")
    return next((int(line.split()[1]) / 2**20 for line in lines if line.startswith("MemAvailable:")), float("inf"))


GROUPS = (Group(("cells_30m_seconds", "cells_30m_gib", VERSUS), measure),)
