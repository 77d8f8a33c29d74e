"""One synthetic world and its drops a session. The drops are shared: copy before changing anything."""

from __future__ import annotations

import pytest

from citycarbon.sample.build import make_drops
from citycarbon.sample.landing import Drop
from citycarbon.sample.world import World, build_world


@pytest.fixture(scope="session")
def world() -> World:
    return build_world(1, -0.30)


@pytest.fixture(scope="session")
def clean_drops(world: World) -> dict[str, Drop]:
    return make_drops(world)
