"""From a seed to a landing folder: every source's drops, at most one planted fault, ``truth.json``."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from citycarbon.errors import UsageError
from citycarbon.sample import emissions, lists, reports, vendor, yearbook
from citycarbon.sample.landing import Drop
from citycarbon.sample.truth import write_truth
from citycarbon.sample.world import World, build_world


@dataclass(frozen=True)
class SampleReport:
    """What was written: the folder, sources, editions and bytes, and the trap that was planted, if any."""

    directory: Path
    seed: int
    effect: float
    trap: str | None
    drops: tuple[str, ...]  # source/edition
    files: int
    size: int  # bytes of the received files
    n_rows: int  # complete city-years
    n_treated_cells: int


def make_drops(world: World) -> dict[str, Drop]:
    """All clean drops by ``source/edition``."""
    drops = [
        emissions.chen_county(world),
        *emissions.ceads_city(world),
        emissions.ceads_province(world),
        emissions.edgar_city(world),
        *yearbook.city_yearbook(world),
        vendor.csmar(world),
        *vendor.green_patents(world),
        vendor.patents(world),
        reports.gov_reports(world),
        lists.market_index(world),
        *lists.policy_lists(world),
        lists.compiled_city(world),
    ]
    return {d.key: d for d in drops}


def write_sample(directory: Path, *, seed: int = 1, effect: float = -0.30, trap: str | None = None) -> SampleReport:
    """Write synthetic sources and ``truth.json`` into ``directory``, which must be new or empty.

    ``effect`` is the average planted effect on ln CO2 over treated city-years. ``trap`` names one fault of ``list_traps``.
    The same seed, effect and trap give the same bytes. The folder appears as a whole or not at all. Raises UsageError for an
    unknown trap or a folder that holds something.
    """
    from citycarbon.sample.traps import get_trap

    directory = Path(directory).resolve()
    chosen = get_trap(trap) if trap is not None else None
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(f"{directory} exists and is not empty: the sample goes into a new or empty folder.")
    world = build_world(seed, effect)
    drops = make_drops(world)
    if chosen is not None:
        chosen.plant(drops, world)
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".sample-", dir=directory.parent) as temporary:
        staged = Path(temporary) / "landing"
        staged.mkdir()
        size = sum(drop.write(staged) for drop in drops.values())
        write_truth(world, staged / "truth.json")
        if directory.exists():
            directory.rmdir()
        shutil.move(staged, directory)
    return SampleReport(
        directory=directory,
        seed=seed,
        effect=effect,
        trap=trap,
        drops=tuple(drops),
        files=sum(len(d.files) for d in drops.values()),
        size=size,
        n_rows=int(world.complete.sum()),
        n_treated_cells=int((world.complete & (world.latent.did > 0)).sum()),
    )
