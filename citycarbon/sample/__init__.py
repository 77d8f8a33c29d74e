"""Synthetic sources in the formats of the real ones, with a planted effect and a file that states the truth.

Real names and codes of places, invented numbers. Nothing here reads a real source; everything it writes says SYNTHETIC.
"""

from citycarbon.sample.build import SampleReport, write_sample
from citycarbon.sample.traps import Trap, list_traps

__all__ = ["SampleReport", "Trap", "list_traps", "write_sample"]
