"""One asset a registered source: snapshot the received files, read them once, write ``raw/<source>.parquet``.

Reading itself is ``citycarbon.sources``; a new source needs nothing here, the registry names it.
"""

from pathlib import Path

import dagster as dg

from assets.reporting import OWNERS, POOL, code_version, markdown_table, parquet_metadata
from citycarbon.paths import Home
from citycarbon.sources.intake import IntakeReport, take_in
from citycarbon.sources.registry import SourceEntry, load_registry

RAW_COLUMNS = {
    "raw_id": "file, sheet and cell or line: what a trace ends at",
    "edition": "folder in the landing folder",
    "edition_year": "orders editions: the later one wins, the earlier is kept as a revision",
    "file_sha256": "the received file, kept in snapshots/",
    "cell": "address in a workbook",
    "line": "line in a text file, counted from 1",
    "text": "the stored value, display format apart",
    "value": "the number, in the printed unit; null where the observation is text",
    "unit": "as printed; empty where the file states none",
    "scope": "whole city (全市), districts (市辖区) or not said",
    "indicator_label": "as printed",
    "place_label": "as printed",
    "place_code": "as printed, with footnote marks",
    "data_year": "the year that the number is about",
    "is_chained": "a level computed from growth rates",
    "is_interpolated": "filled in by the source, not observed",
}


def raw_key(source: str) -> dg.AssetKey:
    return dg.AssetKey(["raw", source])


def build_source_asset(entry: SourceEntry) -> dg.AssetsDefinition:
    """The asset that takes in one source."""

    @dg.asset(
        key=raw_key(entry.id),
        kinds={"python", "parquet"},
        owners=OWNERS,
        pool=POOL,
        description=_describe(entry),
        code_version=code_version(
            f"citycarbon/sources/{entry.reader}.py", "citycarbon/sources/intake.py", "citycarbon/sources/rawrows.py"
        ),
    )
    def read_source(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], landing: dg.ResourceParam[Path]
    ) -> dg.MaterializeResult:
        report = take_in(entry.id, landing, home)
        for sentence in (*report.warnings, *report.notes):
            context.log.warning(sentence)
        return dg.MaterializeResult(metadata=_tell(report), data_version=dg.DataVersion(report.sha256))

    return read_source


def _describe(entry: SourceEntry) -> str:
    return (
        f"{entry.title}. One row per observed number, with file, sheet and cell, in the unit printed in the file.\n\n"
        f"{entry.coverage.note}\n\nBoundaries: {entry.boundary_basis}. Licence: {entry.licence}."
    )


def _tell(report: IntakeReport) -> dict:
    files = [
        (r.edition, f.name, f.size, f.sha256[:12]) for r in report.records for f in report.files if r.edition in f.path.parts
    ]
    told = {
        **parquet_metadata(report.path, RAW_COLUMNS),
        "editions": ", ".join(report.editions) or "not supplied",
        "files": markdown_table(["edition", "file", "bytes", "sha256"], files, limit=12),
        "quarantined cells": report.refused,
        "read in this run": report.read_now,
        "synthetic": any(r.synthetic for r in report.records),
    }
    said = [*report.warnings, *report.notes]
    if said:
        told["warnings"] = markdown_table(["warning"], [[s] for s in said])
    return told


source_assets = [build_source_asset(entry) for entry in load_registry().sources.values()]
