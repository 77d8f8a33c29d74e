"""The registry of traps: faults as they occur in real files, one at a time, each with what must catch it."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field

from citycarbon.errors import UsageError
from citycarbon.sample.landing import Drop
from citycarbon.sample.world import World

Plant = Callable[[dict[str, Drop], World], None]


@dataclass(frozen=True)
class Trap:
    """One fault. ``exit_code`` 0 (warning or quarantine), 2 (unusable) or 3 (gate); ``check_id`` names what must catch it."""

    name: str
    exit_code: int
    check_id: str
    summary: str
    plant: Plant = field(repr=False, compare=False)


def list_traps() -> list[Trap]:
    """All traps, by name."""
    return []


def get_trap(name: str) -> Trap:
    """The trap called ``name``; UsageError with the nearest name where there is none."""
    traps = {t.name: t for t in list_traps()}
    if name in traps:
        return traps[name]
    near = difflib.get_close_matches(name, traps, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    raise UsageError(f"'{name}' is not a trap.{hint} 'citycarbon sample --list-traps' prints all of them.")
