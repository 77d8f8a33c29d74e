"""Assembles a release: in a folder of its own, renamed when whole, then the pointers move. What fails leaves the last one.

What each file holds is decided in ``content`` (tables), ``describe`` (datapackage), ``manifest`` and ``citycarbon.provenance``
(lineage, crate); what changed since the release before in ``diff``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from citycarbon.checks import CheckResult, write_checks
from citycarbon.errors import GateRefused, UsageError
from citycarbon.paths import DBT_PROJECT, STUDIES, Home
from citycarbon.release import manifest
from citycarbon.release.identity import Identity, identify, study_name
from citycarbon.release.pointers import move_pointers

SEEDS = ("policy_adoptions.csv", "corrections.csv")  # seeds that date a policy or mend a value: a reader needs them at hand


@dataclass(frozen=True)
class Assembly:
    """What the steps of one assembly share."""

    home: Home
    study: str
    spec: dict[str, Any]  # the resolved study
    landing: Path
    folder: Path
    identity: Identity
    inputs: list[dict[str, Any]]  # one entry a received file
    records: list[dict[str, Any]]  # one entry a drop
    rows: dict[str, int] = field(default_factory=dict)  # file -> rows, filled by the steps

    @property
    def synthetic(self) -> bool:
        return any(r["synthetic"] for r in self.records)

    @property
    def withheld(self) -> set[tuple[str, str]]:
        """(source, edition) whose values this bundle leaves out."""
        from citycarbon.release.inputs import withheld_editions

        return withheld_editions(self.inputs) if self.identity.public else set()


def build_release(
    home: Home,
    study: Any,
    *,
    landing: Path,
    checks: Sequence[CheckResult],
    lineage: dict[str, Any],
    run_info: dict[str, Any],
    public: bool = False,
    left_out: Sequence[str] = (),
) -> Path:
    """Bundle the marts and results of the run that just ended and point ``latest-<study>`` (and ``latest``) to the bundle;
    a public one moves ``public-<study>`` alone.

    ``study``: a Study or its name. ``run_info``: ``run_id``, ``started_at``, ``finished_at``, ``command`` as known;
    ``seed_info`` as it was given to ``release_id``; ``release_id`` where it was asked for before the run. ``left_out``: groups
    of results that the run was told to leave out. ``lineage``: see ``docs/audit.md``. Returns ``releases/<id>``. A release of
    this id that is whole is kept as it is.

    Raises GateRefused where a blocking check failed, UsageError where the landing folder changed during the run, IncompleteRun
    where a step left nothing.
    """
    refused = [c.id for c in checks if c.refuses]
    if refused:
        raise GateRefused(f"release: blocking checks failed: {', '.join(refused)}. The last release stays.", refused)
    from citycarbon.release.inputs import identity_inputs, list_inputs

    # One look at the landing folder: what the manifest lists is what the id is made of.
    inputs, records = list_inputs(landing)
    known = identity_inputs({"inputs": inputs, "records": records})
    identity = identify(landing, study, run_info.get("seed_info"), public=public, left_out=left_out, inputs=known)
    _same_inputs(identity.id, run_info.get("release_id"))
    with _workspace(home.releases, identity.id) as folder:
        work = Assembly(home, study_name(study), _spec(study), landing, folder, identity, inputs, records)
        _write_tables(work)
        _write_results(work)
        _write_documents(work, checks)
        _describe(work, lineage, run_info)
        target = _settle(folder, home.releases / identity.id)
    move_pointers(home.releases, identity.study, target.name, public)
    return target


def _write_tables(work: Assembly) -> None:
    """Panel, cells, raw rows, attrition, quarantine, corrections."""
    from citycarbon.release import content, withhold

    panel, cells = (content.read_mart(work.home, work.study, m) for m in ("city_panel", "city_panel_cells"))
    raw = content.used_raw_rows(work.home, cells)
    _all_known(raw["file_sha256"].unique().to_pylist(), work.inputs)
    raw = withhold.withhold_raw(raw, work.withheld)
    quarantine = content.quarantine(work.home, work.study)
    corrections = content.flat(content.read_mart(work.home, work.study, "corrections_applied"))
    if work.withheld:
        names = set(cells["variable"].unique().to_pylist())
        cells, keys = withhold.withhold_cells(cells, raw)
        panel = withhold.withhold_panel(panel, keys, names)
        quarantine = withhold.withhold_text(quarantine, work.withheld, ("text",))
        values = tuple(c for c in corrections.columns if c.startswith(("value", "text")) or c.endswith("_value"))
        corrections = withhold.withhold_text(corrections, work.withheld, values)
    attrition = content.flat(content.read_mart(work.home, work.study, "sample_attrition"))
    at = work.folder
    work.rows.update(
        {
            "panel.parquet": content.write_parquet(panel, at / "panel.parquet", content.PANEL_ORDER),
            "panel_cells.parquet": content.write_parquet(cells, at / "panel_cells.parquet", content.CELL_ORDER),
            "lineage/raw_rows.parquet": content.write_parquet(raw, at / "lineage" / "raw_rows.parquet", content.RAW_ORDER),
            "sample_attrition.csv": content.write_csv(attrition, at / "sample_attrition.csv", ("city_id", "year")),
            "quarantine.csv": content.write_csv(quarantine, at / "quarantine.csv", ("source", "edition", "file_name")),
            "corrections.csv": content.write_csv(corrections, at / "corrections.csv", ("correction_id",)),
        }
    )


def _write_results(work: Assembly) -> None:
    """Everything that the estimates' step wrote; the coefficients are rewritten in both forms so that the two agree."""
    from citycarbon.econometrics.contract import read_estimates, write_estimates
    from citycarbon.release.content import ATTRITION, copy_results
    from citycarbon.release.withhold import withhold_lists

    copy_results(work.home.results(work.study), work.folder, [*work.spec["tables"], ATTRITION], work.identity.left_out)
    if work.withheld:
        withhold_lists(work.folder, work.withheld)
    estimates = read_estimates(work.folder / "estimates.csv")
    write_estimates(estimates, work.folder / "estimates.csv", work.folder / "estimates.parquet")
    work.rows.update({"estimates.csv": len(estimates), "estimates.parquet": len(estimates)})


def _write_documents(work: Assembly, checks: Sequence[CheckResult]) -> None:
    """Checks, resolved study with what it says of other policies, the seeds a reader needs, and the planted truth where the
    sources are the sample."""
    import yaml

    from citycarbon.study.other_policies import FILE as OTHER_POLICIES

    write_checks(list(checks), work.folder / "checks.json")
    text = yaml.safe_dump(work.spec, allow_unicode=True, sort_keys=False, width=120)
    (work.folder / "study.yaml").write_text(text, encoding="utf-8")
    # Beside the study, as in its own folder: the tables take the names of other policies from it when they are printed again.
    registry = STUDIES / work.study / OTHER_POLICIES
    if registry.is_file():
        shutil.copyfile(registry, work.folder / OTHER_POLICIES)
    (work.folder / "seeds").mkdir()
    for name in SEEDS:
        if (DBT_PROJECT / "seeds" / name).is_file():
            shutil.copyfile(DBT_PROJECT / "seeds" / name, work.folder / "seeds" / name)
    if (work.landing / "truth.json").is_file():
        shutil.copyfile(work.landing / "truth.json", work.folder / "truth.json")


def _describe(work: Assembly, lineage: dict[str, Any], run_info: dict[str, Any]) -> None:
    """Lineage, datapackage, difference, page, crate, and the manifest last: it holds the hash of everything else."""
    from citycarbon.provenance.crate import write_crate
    from citycarbon.provenance.lineage import write_lineage
    from citycarbon.release.describe import write_datapackage
    from citycarbon.release.diff import predecessor, write_diff
    from citycarbon.report.page import build_report

    # One writer at a time: the pointer still names what it named when the run began.
    before = predecessor(work.home, work.identity.study, work.identity.id, work.identity.public)
    body = manifest.compose(
        work.identity,
        inputs=work.inputs,
        records=work.records,
        run_info=_plain(run_info),
        synthetic=work.synthetic,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        predecessor=before.name if before else None,
    )
    write_lineage(work.folder, body, lineage)
    write_datapackage(work.folder, body)
    manifest.seal(work.folder, body, work.rows)  # a first one, for the difference and the page to read; sealed again below
    write_diff(work.folder, before)
    build_report(work.folder)
    write_crate(work.folder, body)
    manifest.seal(work.folder, body, work.rows)


@contextmanager
def _workspace(releases: Path, name: str) -> Iterator[Path]:
    """A fresh folder beside the releases (one file system, so that the last step is one rename); gone afterwards."""
    releases.mkdir(parents=True, exist_ok=True)
    for stale in releases.glob(".building-*"):  # left by a process that was killed; one writer at a time holds the home's lock
        shutil.rmtree(stale)
    folder = releases / f".building-{name}-{os.getpid()}"
    folder.mkdir()
    try:
        yield folder
    finally:
        if folder.is_dir():
            shutil.rmtree(folder)


def _settle(folder: Path, target: Path) -> Path:
    """Rename the finished folder to its place. What is there already stays if whole, and is set aside if damaged."""
    if target.is_dir():
        if is_whole(target):
            return target
        aside = next(p for n in range(1, 10_000) if not (p := target.with_name(f".damaged-{target.name}-{n}")).exists())
        target.rename(aside)
    folder.rename(target)
    return target


def is_whole(release: Path) -> bool:
    """Whether every file of the release is there and has the manifest's hash, and nothing else is there."""
    if not (release / manifest.NAME).is_file():
        return False
    return manifest.file_table(release) == manifest.read_manifest(release)["files"]


def _same_inputs(found: str, asked: str | None) -> None:
    if asked is not None and found != asked:
        raise UsageError(
            f"release: the inputs changed during the run (id {asked} before, {found} now): a drop, the study, a seed or the "
            "code was written meanwhile. Nothing was released; run again."
        )


def _all_known(hashes: Sequence[str], inputs: Sequence[dict[str, Any]]) -> None:
    unknown = sorted(set(hashes) - {i["sha256"] for i in inputs})
    if unknown:
        raise UsageError(
            f"release: the panel rests on a file (sha256 {unknown[0]}) that no complete drop in the landing folder holds. "
            "Nothing was released; put the drop back or run again."
        )


def _spec(study: Any) -> dict[str, Any]:
    if not isinstance(study, str):
        return study.resolved()
    from citycarbon.study import load_study

    return load_study(study).resolved()


def _plain(info: dict[str, Any]) -> dict[str, Any]:
    """The run's facts as JSON holds them."""
    import json

    return json.loads(json.dumps(info, default=str))
