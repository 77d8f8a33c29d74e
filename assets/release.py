"""The last asset: the bundle of this run, sealed by a manifest, and the pointers that name it the latest."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import dagster as dg

from assets.check_files import kept
from assets.reporting import OWNERS, POOL, code_version, markdown_table
from assets.tables import TABLES
from citycarbon.paths import Home
from citycarbon.study import Study

VERSION_TAG = "citycarbon/version"  # on runs that decided beforehand which release they would make
PUBLIC_TAG = "citycarbon/public"  # on runs that make a bundle for passing on
WITHOUT_TAG = "citycarbon/without"  # on runs of a job that leaves a group of results out: its name


class LineageExporter(Protocol):
    """Whoever can say as plain data what the run of a step has made so far."""

    def export(self, context: dg.AssetExecutionContext) -> dict[str, Any]: ...


@dg.asset(
    deps=[
        "table1",
        "sample_attrition_table",
        "estimates",
        "event_study",
        "matching",
        "other_policies",
        "mechanisms",
        "inference",
        "audit_variants",
        "policy_lists",
        "splits",
        "large_tables",
        "spec_curve",
        "staggered",
        "sensitivity",
        "figure1",
        "figure2",
        "figure3",
        *TABLES,
        "comparison",
        "claims",
        "forensics",
        "city_panel_cells",
        "observations",
        "corrections_applied",
        "stage_quarantine",
    ],
    kinds={"python", "json"},
    owners=OWNERS,
    pool=POOL,
    code_version=code_version("citycarbon/release", "citycarbon/provenance", "citycarbon/report"),
    description=(
        "The release bundle: panel, cells, estimates, tables, checks, lineage and report, with the sha256 of every file. "
        "Its id is a hash of source files, study, code, seeds, lock and Python version; the same id means the same bytes."
    ),
)
def release(
    context: dg.AssetExecutionContext,
    home: dg.ResourceParam[Home],
    landing: dg.ResourceParam[Path],
    study: dg.ResourceParam[Study],
    lineage: dg.ResourceParam[LineageExporter],
) -> dg.MaterializeResult:
    from citycarbon.release import build_release

    folder = build_release(
        home,
        study,
        landing=landing,
        checks=kept(home, study.study),
        lineage=lineage.export(context),
        run_info=run_info(context),
        public=PUBLIC_TAG in context.run.tags,
        left_out=[group] if (group := context.run.tags.get(WITHOUT_TAG)) else [],
    )
    return dg.MaterializeResult(metadata=describe(folder), data_version=dg.DataVersion(folder.name))


def run_info(context: dg.AssetExecutionContext) -> dict[str, Any]:
    """Run id, when it began and ended (UTC), what started it, and the release id that was asked for beforehand."""
    stats = context.instance.get_run_stats(context.run.run_id)
    now = datetime.now(UTC)
    began = datetime.fromtimestamp(stats.start_time, UTC) if stats.start_time else now
    return {
        "run_id": context.run.run_id,
        "started_at": began.isoformat(timespec="seconds"),
        "finished_at": now.isoformat(timespec="seconds"),
        "command": f"job {context.job_name}",
        "release_id": context.run.tags.get(VERSION_TAG),
    }


def describe(folder: Path) -> dict[str, Any]:
    """What the UI shows of a release: its id, where it is, its files with rows and hashes."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    rows, files = manifest["row_counts"], manifest["files"]
    shown = [(name, rows.get(name, ""), said["bytes"], said["sha256"][:12]) for name, said in files.items()]
    return {
        "release": manifest["id"],
        "synthetic": manifest["synthetic"],
        "path": dg.MetadataValue.path(str(folder)),
        "report": dg.MetadataValue.path(str(folder / "report" / "index.html")),
        "since the release before": dg.MetadataValue.md((folder / "diff.md").read_text(encoding="utf-8")),
        "files": markdown_table(["file", "rows", "bytes", "sha256"], shown, limit=30),
    }
