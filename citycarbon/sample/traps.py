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
    """One fault. ``exit_code`` 0 (warning or quarantine), 2 (unusable) or 3 (gate); ``check_id`` names what must catch it."""

    name: str
    exit_code: int
    check_id: str
    summary: str
    plant: Plant = field(repr=False, compare=False)


_TRAPS = (
    # Whole files and drops.
    Trap(
        "truncated_workbook", 2, "unusable:chen_county", "the county workbook is cut at 60 % of its bytes", f.truncated_workbook
    ),
    Trap("empty_file", 2, "unusable:patents", "the patents file has no bytes", f.empty_file),
    Trap("csv_named_xlsx", 2, "unusable:city_yearbook", "a CSV file carries the suffix .xlsx", f.csv_named_xlsx),
    Trap("pdf_named_xlsx", 2, "unusable:market_index", "a PDF carries the suffix .xlsx", f.pdf_named_xlsx),
    Trap("missing_sheet", 2, "unusable:ceads_city", "the sheet 'emission matrix' is called Sheet3", f.missing_sheet),
    Trap("renamed_header", 2, "unusable:green_patents", "the year column has a name nobody knows", f.renamed_header),
    Trap("headless_yearbook", 2, "unusable:city_yearbook", "a table without the header cell 城市", f.headless_yearbook),
    Trap("mojibake", 2, "unusable:policy_list", "a GBK list was saved as UTF-8 from Latin-1", f.mojibake),
    Trap("report_in_utf16", 2, "unusable:gov_reports", "one report is UTF-16 text", f.report_in_utf16),
    Trap("description_conflict", 2, "unusable:csmar", "merge conflict markers in the DES file", f.description_conflict),
    Trap(
        "description_missing", 2, "unusable:csmar", "the DES file, which alone states units, is missing", f.description_missing
    ),
    Trap("cut_csv", 2, "unusable:csmar", "the CSV ends in the middle of its last line", f.cut_csv),
    Trap("unreadable_cells", 2, "unusable:edgar_city", "2 % of the emissions are words", f.unreadable_cells),
    Trap("unreadable_names", 2, "unusable:patents", "3 % of the city names are question marks", f.unreadable_names),
    Trap("checksum_mismatch", 2, "unusable:landing", "a byte changed after the checksums were written", f.checksum_mismatch),
    Trap("file_not_delivered", 2, "unusable:landing", "a file in SHA256SUMS is not there", f.file_not_delivered),
    Trap("record_without_licence", 2, "unusable:landing", "source.yaml states no licence", f.record_without_licence),
    Trap("half_written_drop", 0, "ignored:no_marker", "a newer county edition is still being copied", f.half_written_drop),
    Trap(
        "newer_edition_extra_column",
        0,
        "quarantine:extra_column",
        "a newer county edition adds a column of remarks",
        f.newer_edition_extra_column,
    ),
    # Single cells, labels and notes.
    Trap(
        "text_in_number_cell", 0, "quarantine:text_in_number_cell", "a word in one cell of retail sales", v.text_in_number_cell
    ),
    Trap("missing_mark", 0, "quarantine:missing_mark", "five deposits are printed as …", v.missing_mark),
    Trap("unknown_label", 0, "labels_known", "a yearbook table has an indicator no seed knows", v.unknown_label),
    Trap("unknown_place", 0, "labels_known", "a yearbook table has a place no seed knows", v.unknown_place),
    Trap("advertising_line", 0, "quarantine:footer", "an advertising line below a compiled table", v.advertising_line),
    Trap("extra_column", 0, "quarantine:extra_column", "a policy list with a column of remarks", v.extra_column),
    Trap(
        "formula_without_value",
        0,
        "quarantine:formula_without_value",
        "formulas were never calculated before saving",
        v.formula_without_value,
    ),
    Trap("numbers_as_text", 0, "warning:numbers_as_text", "GDP per head is stored as text in one edition", v.numbers_as_text),
    Trap(
        "vector_differs_from_matrix",
        0,
        "quarantine:vector_matrix_disagree",
        "three CEADS values differ between the two sheets",
        v.vector_differs_from_matrix,
    ),
    Trap("single_jump", 0, "co2_jump_listed", "one city's CO2 rises to 2.4 times and stays there", v.single_jump),
    # Refused by the gate.
    Trap("city_twice", 3, "duplicate_observations", "a city stands twice in the GDP table of 2017", v.city_twice),
    Trap("unit_of_gdp", 3, "units_consistent", "GDP of 2015 in 亿元 below a header that says 万元", v.unit_of_gdp),
    Trap(
        "internet_in_households", 3, "units_consistent", "internet users in 户 under the label 万户", v.internet_in_households
    ),
    Trap("loans_tenfold", 3, "magnitude_neighbours", "loans of one city and year ten times too large", v.loans_tenfold),
    Trap("co2_tenfold", 3, "co2_power_of_ten", "CO2 of one city and year ten times too large", v.co2_tenfold),
    Trap("co2_jump", 3, "co2_jump_blocking", "CO2 of one city 8.5 times the year before, for good", v.co2_jump),
    Trap("many_jumps", 3, "co2_jump_share", "CO2 of one city in twenty more than doubles in 2012", v.many_jumps),
    Trap(
        "namesake_province", 3, "same_name_province", "海南藏族自治州 carries the GDP of Hainan Province", v.namesake_province
    ),
    Trap("whole_province", 3, "city_at_most_province", "鄂尔多斯 carries the GDP of all Inner Mongolia", v.whole_province),
    Trap("area_jump", 3, "area_jump_without_event", "a city's area grows by 60 % without an event", v.area_jump),
    Trap(
        "county_series_ends_2017",
        3,
        "treatment_support",
        "county CO2 ends in 2017 as the published series does",
        v.county_series_ends_2017,
    ),
    Trap(
        "no_rows_of_2021_cohort",
        3,
        "treatment_support",
        "the five cities of 2021 lack a control in their only treated year",
        v.no_rows_of_2021_cohort,
    ),
    Trap("share_above_one", 3, "shares_in_unit_interval", "industrial value added above GDP", v.share_above_one),
    Trap("blank_as_zero", 3, "transform_plausible", "retail sales not available are printed as 0", v.blank_as_zero),
    Trap("impossible_population", 3, "values_in_range", "a city of 457 million people", v.impossible_population),
    Trap(
        "fewer_cities_in_new_edition",
        3,
        "coverage_previous_edition",
        "the newer green patents lack the provinces from 50 on",
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
