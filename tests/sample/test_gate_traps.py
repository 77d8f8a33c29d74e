"""The traps that only the gate can catch, planted together in one landing folder and judged in one run of the whole job."""

from __future__ import annotations

import pytest

from citycarbon.checks import CheckResult
from citycarbon.paths import Home
from citycarbon.sample import list_traps
from citycarbon.sample.build import make_drops
from citycarbon.sample.traps import Trap
from citycarbon.sample.world import World

# Ends the county series, and with it every other fault of later years.
ALONE = {"county_series_ends_2017"}
TOGETHER = [t for t in list_traps() if t.exit_code == 3 and t.name not in ALONE]


@pytest.fixture(scope="module")
def judged(world: World, tmp_path_factory: pytest.TempPathFactory) -> list[CheckResult]:
    """The checks of a folder with all gate traps in it."""
    from orchestration.pipeline import check

    root = tmp_path_factory.mktemp("trapped")
    drops = make_drops(world)
    for trap in TOGETHER:
        trap.plant(drops, world)
    for drop in drops.values():
        drop.write(root / "landing")
    return check(Home(root / "home"), "ai_pilot", root / "landing").checks


@pytest.mark.pipeline
@pytest.mark.parametrize("trap", TOGETHER, ids=lambda t: t.name)
def test_the_named_check_refuses(trap: Trap, judged: list[CheckResult]) -> None:
    (result,) = [c for c in judged if c.id == trap.check_id]
    assert result.refuses and result.failing, result.observed
