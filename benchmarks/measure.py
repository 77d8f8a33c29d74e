"""How something is measured: the figure that comes out, interleaved repetitions, and what to say where there is no figure."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from benchmarks.simulated import FULL, SMALL, Shape


class Unavailable(Exception):
    """Why a figure cannot be taken here: a package, a part of the project or a recorded value is missing."""


@dataclass(frozen=True)
class Figure:
    """One line of the output. ``value`` is the figure that has a goal; None where it could not be taken, ``note`` says why.

    ``peer``: what it is set against, with its version; ``ratio``: the peer's time over ours; ``n``: repetitions of which the
    medians are taken, draws or cases where a figure is a maximum over them.
    """

    name: str
    value: float | None
    unit: str
    peer: str | None = None
    ratio: float | None = None
    n: int | None = None
    note: str = ""

    def line(self) -> str:
        """The figure as one line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)


@dataclass(frozen=True)
class Settings:
    """How large and how often. The defaults are those of the published table; :func:`small` is for tests."""

    repeat: int = 5
    repeat_long: int = 3  # of what takes over ten seconds
    shape: Shape = FULL
    few_draws: int = 500
    many_draws: int = 99_999
    refits: int = 200
    wild_draws: int = 9_999
    specifications: int = 1_000
    large_months: int | None = None  # months of the large table; None: all, 29.9 million rows
    wanted: frozenset[str] = field(default_factory=frozenset)  # names asked for; empty: all
    pyfixest_30m: bool = False  # measure pyfixest on the large table (15 GiB) instead of taking the recorded figure

    def wants(self, name: str) -> bool:
        """Whether this figure was asked for: a group leaves out a peer that nobody wants."""
        return not self.wanted or name in self.wanted


def small(**changes: Any) -> Settings:
    """Tiny sizes: they show that everything runs, the times mean nothing."""
    sizes = {
        "repeat": 1, "repeat_long": 1, "shape": SMALL, "few_draws": 8, "many_draws": 64, "refits": 6, "wild_draws": 99,
        "specifications": 20, "large_months": 14,
    }  # fmt: skip
    return Settings(**{**sizes, **changes})


@dataclass(frozen=True)
class Group:
    """Figures that are measured together, in one run, so that their ratios mean something."""

    names: tuple[str, ...]
    measure: Callable[[Settings], list[Figure]]


def interleaved(parts: Mapping[str, Callable[[], Any]], repeat: int) -> dict[str, float]:
    """Median seconds of each part over ``repeat`` rounds; in a round every part runs once, so all meet the same machine."""
    seconds: dict[str, list[float]] = {name: [] for name in parts}
    for turn in range(repeat):
        for name, run in parts.items():
            say(f"{name}, {turn + 1} of {repeat}")
            began = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - began)
    return {name: median(values) for name, values in seconds.items()}


def attempt(name: str, unit: str, take: Callable[[], Figure]) -> Figure:
    """A figure, or the same without a value and with the reason where it cannot be taken."""
    try:
        return take()
    except Unavailable as missing:
        return Figure(name, None, unit, note=str(missing))


def say(text: str) -> None:
    """Progress, on standard error."""
    print(f"  {text}", file=sys.stderr, flush=True)


def versioned(package: str) -> str:
    """Name and version of an installed package. Raises Unavailable where it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        raise Unavailable(f"{package} is not installed") from None
