"""Forensics: can the printed numbers of a paper all be true at once? Rules L68 to L82 on coefficient and descriptive tables.

Nothing here knows a particular paper: what one says of itself stands in its ``<stem>.design.yaml``. See docs/forensics.md.
"""

from citycarbon.forensics.design import Design
from citycarbon.forensics.design_file import default_design_path, load_design
from citycarbon.forensics.examine import examine
from citycarbon.forensics.findings import write_forensics
from citycarbon.forensics.own import examine_own, examine_study, own_tables
from citycarbon.forensics.read import read_descriptives, read_published

__all__ = [
    "Design",
    "default_design_path",
    "examine",
    "examine_own",
    "examine_study",
    "load_design",
    "own_tables",
    "read_descriptives",
    "read_published",
    "write_forensics",
]
