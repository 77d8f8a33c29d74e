"""The tiny home's fixtures (tests/release), for the tests of this folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "release"))

from tiny_fixtures import one_code_version, release, released, synthetic, tiny

__all__ = ["one_code_version", "release", "released", "synthetic", "tiny"]
