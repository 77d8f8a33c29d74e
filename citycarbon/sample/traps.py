"""The registry of traps: faults as they occur in real files, one at a time, each with what must catch it.

``check_id``: for exit code 2 ``unusable:<source>`` (``unusable:landing`` where intake refuses the drop itself); for 3 the id of
a blocking check; for 0 the id of a warning check, ``quarantine:<reason_code>``, ``warning:<what a reader notes>`` or
``ignored:<state of the drop>``.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field

from citycarbon.errors import UsageError
from citycarbon.sample import faults_files as f
from citycarbon.sample import faults_values as v
from citycarbon.sample.landing import Drop
from citycarbon.sample.world import World

Plant = Callable[[dict[str, Drop], World], None]


@dataclass(frozen=True)
class Trap:
    """One fault. ``exit_code`` 0 (warning or quarantine), 2 (unusable) or 3 (gate); ``check_id`` names what must catch it.

    ``changes`` are the drops (source/edition) that differ from the clean sample; everything else has the same bytes.
    """

    name: str
    exit_code: int
    check_id: str
    summary: str
    changes: tuple[str, ...]
    plant: Plant = field(repr=False, compare=False)


_TRAPS = (
    # Whole files and drops.
    Trap(
        "truncated_workbook",
        2,
        "unusable:chen_county",
        "the county workbook is cut at 60 % of its bytes",
        ("chen_county/2021",),
        f.truncated_workbook,
    ),
    Trap("empty_file", 2, "unusable:patents", "the patents file has no bytes", ("patents/2023",), f.empty_file),
    Trap(
        "csv_named_xlsx",
        2,
        "unusable:city_yearbook",
        "a CSV file carries the suffix .xlsx",
        ("city_yearbook/2020",),
        f.csv_named_xlsx,
    ),
    Trap(
        "pdf_named_xlsx", 2, "unusable:market_index", "a PDF carries the suffix .xlsx", ("market_index/2023",), f.pdf_named_xlsx
    ),
    Trap(
        "missing_sheet",
        2,
        "unusable:ceads_city",
        "the sheet 'emission matrix' is called Sheet3",
        ("ceads_city/2022",),
        f.missing_sheet,
    ),
    Trap(
        "renamed_header",
        2,
        "unusable:green_patents",
        "the year column has a name nobody knows",
        ("green_patents/2023",),
        f.renamed_header,
    ),
    Trap(
        "headless_yearbook",
        2,
        "unusable:city_yearbook",
        "a table without the header cell 城市",
        ("city_yearbook/2019",),
        f.headless_yearbook,
    ),
    Trap(
        "mojibake",
        2,
        "unusable:policy_list",
        "a GBK list was saved as UTF-8 from Latin-1",
        ("policy_list/low-carbon-a-2022",),
        f.mojibake,
    ),
    Trap("report_in_utf16", 2, "unusable:gov_reports", "one report is UTF-16 text", ("gov_reports/2022",), f.report_in_utf16),
    Trap(
        "description_conflict",
        2,
        "unusable:csmar",
        "merge conflict markers in the DES file",
        ("csmar/2022",),
        f.description_conflict,
    ),
    Trap(
        "description_missing",
        2,
        "unusable:csmar",
        "the DES file, which alone states units, is missing",
        ("csmar/2022",),
        f.description_missing,
    ),
    Trap("cut_csv", 2, "unusable:csmar", "the CSV ends in the middle of its last line", ("csmar/2022",), f.cut_csv),
    Trap(
        "unreadable_cells", 2, "unusable:edgar_city", "2 % of the emissions are words", ("edgar_city/2023",), f.unreadable_cells
    ),
    Trap(
        "unreadable_names",
        2,
        "unusable:patents",
        "3 % of the city names are question marks",
        ("patents/2023",),
        f.unreadable_names,
    ),
    Trap(
        "checksum_mismatch",
        2,
        "unusable:landing",
        "a byte changed after the checksums were written",
        ("edgar_city/2023",),
        f.checksum_mismatch,
    ),
    Trap(
        "file_not_delivered",
        2,
        "unusable:landing",
        "a file in SHA256SUMS is not there",
        ("ceads_province/2017",),
        f.file_not_delivered,
    ),
    Trap(
        "record_without_licence",
        2,
        "unusable:landing",
        "source.yaml states no licence",
        ("market_index/2023",),
        f.record_without_licence,
    ),
    Trap(
        "half_written_drop",
        0,
        "ignored:no_marker",
        "a newer county edition is still being copied",
        ("chen_county/2022",),
        f.half_written_drop,
    ),
    Trap(
        "newer_edition_extra_column",
        0,
        "quarantine:extra_column",
        "a newer county edition adds a column of remarks",
        ("chen_county/2022",),
        f.newer_edition_extra_column,
    ),
    # Single cells, labels and notes.
    Trap(
        "text_in_number_cell",
        0,
        "quarantine:text_in_number_cell",
        "a word in one cell of retail sales",
        ("city_yearbook/2017",),
        v.text_in_number_cell,
    ),
    Trap(
        "missing_mark", 0, "quarantine:missing_mark", "five deposits are printed as …", ("city_yearbook/2017",), v.missing_mark
    ),
    Trap(
        "unknown_label",
        0,
        "labels_known",
        "a yearbook table has an indicator no seed knows",
        ("city_yearbook/2020",),
        v.unknown_label,
    ),
    Trap(
        "unknown_place",
        0,
        "labels_known",
        "a yearbook table has a place no seed knows",
        ("city_yearbook/2020",),
        v.unknown_place,
    ),
    Trap(
        "advertising_line",
        0,
        "quarantine:footer",
        "an advertising line below a compiled table",
        ("compiled_city/synthetic-2022",),
        v.advertising_line,
    ),
    Trap(
        "extra_column",
        0,
        "quarantine:extra_column",
        "a policy list with a column of remarks",
        ("policy_list/low-carbon-b-2023",),
        v.extra_column,
    ),
    Trap(
        "formula_without_value",
        0,
        "quarantine:formula_without_value",
        "formulas were never calculated before saving",
        ("compiled_city/synthetic-2022",),
        v.formula_without_value,
    ),
    Trap(
        "numbers_as_text",
        0,
        "warning:numbers_as_text",
        "GDP per head is stored as text in one edition",
        ("city_yearbook/2021",),
        v.numbers_as_text,
    ),
    Trap(
        "vector_differs_from_matrix",
        0,
        "quarantine:vector_matrix_disagree",
        "three CEADS values differ between the two sheets",
        ("ceads_city/2022",),
        v.vector_differs_from_matrix,
    ),
    Trap(
        "single_jump",
        0,
        "co2_jump_listed",
        "one city's CO2 rises to 2.4 times and stays there",
        ("chen_county/2021",),
        v.single_jump,
    ),
    # Refused by the gate.
    Trap(
        "city_twice",
        3,
        "duplicate_observations",
        "a city stands twice in the GDP table of 2017",
        ("city_yearbook/2018",),
        v.city_twice,
    ),
    Trap(
        "county_twice",
        3,
        "county_sums_equal_city",
        "a county's line stands twice in the county workbook",
        ("chen_county/2021",),
        v.county_twice,
    ),
    Trap(
        "unit_of_gdp",
        3,
        "units_consistent",
        "GDP of 2015 in 亿元 below a header that says 万元",
        ("city_yearbook/2016",),
        v.unit_of_gdp,
    ),
    Trap(
        "internet_in_households",
        3,
        "units_consistent",
        "internet users in 户 under the label 万户",
        ("city_yearbook/2015",),
        v.internet_in_households,
    ),
    Trap(
        "loans_tenfold",
        3,
        "magnitude_neighbours",
        "loans of one city and year ten times too large",
        ("city_yearbook/2015",),
        v.loans_tenfold,
    ),
    Trap(
        "co2_tenfold",
        3,
        "co2_power_of_ten",
        "CO2 of one city and year ten times too large",
        ("chen_county/2021",),
        v.co2_tenfold,
    ),
    Trap(
        "co2_jump",
        3,
        "co2_jump_blocking",
        "CO2 of one city 8.5 times the year before, for good",
        ("chen_county/2021",),
        v.co2_jump,
    ),
    Trap(
        "many_jumps",
        3,
        "co2_jump_share",
        "CO2 of one city in twenty more than doubles in 2012",
        ("chen_county/2021",),
        v.many_jumps,
    ),
    Trap(
        "namesake_province",
        3,
        "same_name_province",
        "海南藏族自治州 carries the GDP of Hainan Province",
        ("csmar/2022",),
        v.namesake_province,
    ),
    Trap(
        "whole_province",
        3,
        "city_at_most_province",
        "鄂尔多斯 carries the GDP of all Inner Mongolia",
        ("city_yearbook/2020",),
        v.whole_province,
    ),
    Trap(
        "area_jump",
        3,
        "area_jump_without_event",
        "a city's area grows by 60 % without an event",
        tuple(f"city_yearbook/{year}" for year in range(2014, 2023)),
        v.area_jump,
    ),
    Trap(
        "county_series_ends_2017",
        3,
        "treatment_support",
        "county CO2 ends in 2017 as the published series does",
        ("chen_county/2021",),
        v.county_series_ends_2017,
    ),
    Trap(
        "no_rows_of_2021_cohort",
        3,
        "treatment_support",
        "the five cities of 2021 lack a control in their only treated year",
        ("city_yearbook/2022",),
        v.no_rows_of_2021_cohort,
    ),
    Trap(
        "share_above_one",
        3,
        "shares_in_unit_interval",
        "industrial value added above GDP",
        ("city_yearbook/2014",),
        v.share_above_one,
    ),
    Trap(
        "blank_as_zero",
        3,
        "transform_plausible",
        "retail sales not available are printed as 0",
        ("city_yearbook/2013",),
        v.blank_as_zero,
    ),
    Trap(
        "impossible_population",
        3,
        "values_in_range",
        "a city of 457 million people",
        ("city_yearbook/2011",),
        v.impossible_population,
    ),
    Trap(
        "fewer_cities_in_new_edition",
        3,
        "coverage_previous_edition",
        "the newer green patents lack the provinces from 50 on",
        ("green_patents/2023",),
        v.fewer_cities_in_new_edition,
    ),
)


def list_traps() -> list[Trap]:
    """All traps, ordered by exit code and name."""
    return sorted(_TRAPS, key=lambda t: (t.exit_code, t.name))


def get_trap(name: str) -> Trap:
    """The trap called ``name``; UsageError with the nearest name where there is none."""
    traps = {t.name: t for t in _TRAPS}
    if name in traps:
        return traps[name]
    near = difflib.get_close_matches(name, traps, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    raise UsageError(f"'{name}' is not a trap.{hint} 'citycarbon sample --list-traps' prints all of them.")
