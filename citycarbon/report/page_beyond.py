"""The sections of a release's page that stand behind its tables, in the order in which a referee asks. One line a section."""

from __future__ import annotations

from citycarbon.report.page_curve import spec_curve
from citycarbon.report.page_large import large_tables
from citycarbon.report.page_sections import Section
from citycarbon.report.page_sensitivity import sensitivity
from citycarbon.report.page_staggered import staggered
from citycarbon.report.page_trends import trends
from citycarbon.report.results import Results

SECTIONS = (staggered, trends, sensitivity, spec_curve, large_tables)


def beyond(results: Results) -> list[Section]:
    """Every section that this release has the files for."""
    return [section for make in SECTIONS if (section := make(results)) is not None]
