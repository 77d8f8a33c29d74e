"""``make real``: readers, gate and the studies that the real source files can carry, in a home of its own.

Reads the folder CITYCARBON_REALDATA, prints what it found and writes ``real.json``. Counts, coefficients and the names of
errors come out; the values of the files do not. What is gathered stands in ``real_findings``, how it reads in
``real_text`` and ``real_docs``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from citycarbon.errors import CityCarbonError, UsageError
from citycarbon.paths import PROJECT_ROOT, Home
from orchestration.real_docs import DOCUMENT, as_markdown, with_tables
from orchestration.real_findings import (
    correction_ids,
    count_rows,
    describe,
    failed_checks,
    policy_lists,
    study_findings,
)
from orchestration.real_inputs import ERRORS, FILES
from orchestration.real_text import as_text

if TYPE_CHECKING:
    from citycarbon.checks import CheckResult

STUDIES = ("ai_pilot_edgar", "low_carbon_edgar")
JUDGED = "low_carbon_edgar"  # the study whose panel is also judged as the files are printed, without any correction


def main(argv: list[str] | None = None) -> int:
    """Run everything; exit codes as the command line's."""
    parser = argparse.ArgumentParser(prog="make real", description=__doc__)
    parser.add_argument("--home", type=Path, default=PROJECT_ROOT / "data" / "real", help="a home of its own")
    parser.add_argument("--json", type=Path, default=PROJECT_ROOT / "real.json", help="where the findings go")
    parser.add_argument("--docs", action="store_true", help="write the tables of docs/real-data.md")
    args = parser.parse_args(argv)
    try:
        found = run_real(real_folder(), Home(args.home.resolve()))
    except CityCarbonError as error:
        print(f"make real: {error}", file=sys.stderr)
        return error.exit_code
    args.json.write_text(json.dumps(found, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    if args.docs:
        DOCUMENT.write_text(with_tables(DOCUMENT.read_text(encoding="utf-8"), as_markdown(found)), encoding="utf-8")
    print(as_text(found))
    print(f"written: {args.json}")
    return 0


def real_folder() -> Path:
    """The folder named by CITYCARBON_REALDATA. Raises UsageError."""
    given = os.environ.get("CITYCARBON_REALDATA")
    if not given or not Path(given).is_dir():
        raise UsageError("CITYCARBON_REALDATA must name the folder with the real source files (see docs/real-data.md).")
    return Path(given)


def run_real(folder: Path, home: Home) -> dict[str, Any]:
    """Take the real files in, run the studies, judge the panel before and after the declared corrections: the findings."""
    from citycarbon.policy_lists import write_policy_lists
    from citycarbon.study import load_study
    from orchestration import pipeline

    land(folder, home.landing)
    reports = {name: pipeline.run(home, name, home.landing) for name in STUDIES}
    lists = home.root / "policy_lists"  # apart from the results, which belong to the job
    write_policy_lists(home, load_study(JUDGED), lists)
    before = judge_uncorrected(home)
    after = reports[JUDGED].checks
    return {
        "readers": count_rows(home),
        "studies": {name: study_findings(report.release) for name, report in reports.items()},
        "policy_lists": policy_lists(lists),
        "errors": [describe(error, before, after, home, JUDGED, lists) for error in ERRORS],
        "corrections_applied": correction_ids(home, JUDGED),
        "checks": {name: failed_checks(report.checks) for name, report in reports.items()},
        "releases": {name: report.release.name for name, report in reports.items()},
    }


def land(folder: Path, landing: Path) -> None:
    """Take each file in under its source and edition, unless that edition is there already."""
    from citycarbon.sources.landing import add

    for real in FILES:
        if (landing / real.source / real.edition).exists():
            continue
        matches = sorted(folder.glob(real.pattern))
        if len(matches) != 1:
            raise UsageError(f"{real.pattern} matches {len(matches)} files below the real-data folder; expected one.")
        record = {"title": real.title, "producer": real.producer, "edition_year": real.edition_year}
        add(real.source, matches, real.edition, landing, licence=real.licence, redistributable="no", **record)


def judge_uncorrected(home: Home) -> list[CheckResult]:
    """The gate on marts built without any declared correction, in a folder beside the study's own."""
    from citycarbon.dbt_runner import DATABASE, run_dbt, vars_argument
    from citycarbon.study import load_study
    from expectations.gate import run_gate

    study = load_study(JUDGED)
    scratch = home.dbt_state / "uncorrected"
    marts = scratch / "marts"
    marts.mkdir(parents=True, exist_ok=True)
    options = study.dbt_vars(home) | {"marts_dir": str(marts), "apply_corrections": False}
    build = ["--quiet", "build", "--exclude-resource-type", "test", "unit_test", *vars_argument(options)]
    done = run_dbt(build, scratch, scratch / DATABASE)
    if not done.succeeded:
        raise done.failure()
    return run_gate(home, study, marts_dir=marts)


if __name__ == "__main__":
    sys.exit(main())
