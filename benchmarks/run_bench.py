"""The whole job as a user starts it: from an empty home, its extensions alone, and again with nothing changed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.measure import Figure, Group, Settings, Unavailable, say

STUDY = "ai_pilot"
COMMAND = (sys.executable, "-m", "orchestration.cli")
RUN = ("run", "--study", STUDY, "--sample", "--seed", "1")
TABLES_AND_FIGURES = (*RUN, "--no-extensions")
EXTENSIONS = (sys.executable, "-m", "benchmarks.extensions_job")
WARM, BEYOND, UNCHANGED = "run_warm_seconds", "extensions_warm_seconds", "run_nochange_seconds"


def measure(settings: Settings) -> list[Figure]:
    """One whole run makes the home of the last two figures and warms the disk; the first figure has a new home each time."""
    figures = []
    with TemporaryDirectory(prefix="citycarbon-bench-") as folder:
        home = Path(folder) / "home"
        say("a whole run, which is not measured")
        timed(*COMMAND, "--home", str(home), *RUN)
        if settings.wants(WARM):
            figures.append(tables_and_figures(Path(folder), settings.repeat_long))
        if settings.wants(BEYOND):
            seconds = repeated("extensions", settings.repeat_long, lambda turn: timed(*EXTENSIONS, str(home), STUDY))
            note = "a process of its own, its start included, on a panel that is there"
            figures.append(Figure(BEYOND, seconds, "s", n=settings.repeat_long, note=note))
        if settings.wants(UNCHANGED):
            seconds = repeated("nothing changed", settings.repeat, lambda turn: timed(*COMMAND, "--home", str(home), *RUN))
            figures.append(Figure(UNCHANGED, seconds, "s", n=settings.repeat, note="the command from start to end"))
    return figures


def tables_and_figures(folder: Path, repeat: int) -> Figure:
    """The job without extensions, each time from an empty home."""
    processor: list[float] = []

    def once(turn: int) -> float:
        before = os.times()
        seconds = timed(*COMMAND, "--home", str(folder / f"warm{turn}"), *TABLES_AND_FIGURES)
        after = os.times()
        processor.append(after.children_user + after.children_system - before.children_user - before.children_system)
        return seconds

    seconds = repeated("tables and figures", repeat, once)
    note = f"the command from start to end in an empty home, the sample written too; {median(processor):.0f} s of processor"
    return Figure(WARM, seconds, "s", n=repeat, note=note)


def repeated(what: str, repeat: int, once) -> float:
    """Median of ``repeat`` times."""
    seconds = []
    for turn in range(repeat):
        say(f"{what}, {turn + 1} of {repeat}")
        seconds.append(once(turn))
    return median(seconds)


def timed(*command: str) -> float:
    """Seconds of a command. Raises Unavailable with its last words where it fails."""
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise Unavailable(f"{' '.join(command[1:])} ended with {done.returncode}: {words}")
    return time.perf_counter() - began


GROUPS = (Group((WARM, BEYOND, UNCHANGED), measure),)
