"""Fills the cache of read files for a landing folder: ``python -m citycarbon.sources.read_ahead LANDING HOME``.

A run that reads the same files afterwards finds them read. A file that cannot be read is left for the run to say so.
"""

from __future__ import annotations

import sys
from pathlib import Path

from citycarbon.errors import UnusableInput
from citycarbon.paths import Home
from citycarbon.sources.intake import fill_cache
from citycarbon.sources.registry import load_registry


def main(landing: Path, home: Home) -> None:
    """Read every complete edition of every source into the cache, in the order in which a run asks for them."""
    for source in sorted(load_registry().sources):
        try:
            fill_cache(source, landing, home)
        except UnusableInput:
            continue


if __name__ == "__main__":
    main(Path(sys.argv[1]), Home(Path(sys.argv[2])))
