"""The tiny home's fixtures, for the tests of this folder."""

from tiny_fixtures import one_code_version, public, release, released, synthetic, tiny

__all__ = ["one_code_version", "public", "release", "released", "synthetic", "tiny"]
