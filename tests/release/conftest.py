"""The tiny home's fixtures, for the tests of this folder, and a second release beside its own."""

from pathlib import Path

import pytest
from altered import other
from tiny_fixtures import one_code_version, public, release, released, synthetic, tiny

__all__ = ["new", "one_code_version", "public", "release", "released", "synthetic", "tiny"]


@pytest.fixture
def new(release) -> Path:
    """A copy of ``release`` beside it, for a test to change."""
    return other(release)
