"""``make real``: readers, gate and the study ``ai_pilot_edgar`` over the real source files, in a home of its own.

Reads the folder CITYCARBON_REALDATA, prints what it found and writes ``real.json``. Counts, coefficients and the names of
errors come out; the values of the files do not.
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
from orchestration.real_inputs import ERRORS, FILES, KnownError

if TYPE_CHECKING:
    from citycarbon.checks import CheckResult

STUDY = "ai_pilot_edgar"


def main(argv: list[str] | None = None) -> int:
    """Run everything; exit codes as the command line's."""
    parser = argparse.ArgumentParser(prog="make real", description=__doc__)
    parser.add_argument("--home", type=Path, default=PROJECT_ROOT / "data" / "real", help="a home of its own")
    parser.add_argument("--json", type=Path, default=PROJECT_ROOT / "real.json", help="where the findings go")
    args = parser.parse_args(argv)
    try:
        found = run_real(real_folder(), Home(args.home.resolve()))
    except CityCarbonError as error:
        print(f"make real: {error}", file=sys.stderr)
        return error.exit_code
    args.json.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
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
    """Take the real files in, judge them before and after the declared corrections, run the study; return the findings."""
    from orchestration import pipeline

    land(folder, home.landing)
    report = pipeline.run(home, STUDY, home.landing)
    before = judge_uncorrected(home)
    return {
        "readers": count_rows(home),
        "study": headline(report.release),
        "errors": [describe(error, before, report.checks, home) for error in ERRORS],
        "corrections_applied": correction_ids(home),
        "checks": [
            {"id": c.id, "severity": c.severity, "passed": c.passed, "failing": len(c.failing)}
            for c in report.checks
            if c.engine == "great_expectations"
        ],
        "release": report.release.name,
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


def count_rows(home: Home) -> dict[str, dict[str, int]]:
    """Per source and edition: values, places as printed, data years, cells in the quarantine."""
    import duckdb

    out: dict[str, dict[str, int]] = {}
    for real in FILES:
        raw, refused = home.raw / f"{real.source}.parquet", home.raw / "quarantine" / f"{real.source}.parquet"
        with duckdb.connect() as db:
            row = db.execute(
                "select count(*), count(distinct coalesce(place_code, place_label)), count(distinct data_year) "
                "from read_parquet(?) where edition = ?",
                [str(raw), real.edition],
            ).fetchone()
            aside = db.execute(
                "select count(*) from read_parquet(?) where edition = ?", [str(refused), real.edition]
            ).fetchone()
        out[f"{real.source}/{real.edition}"] = dict(zip(("values", "places", "years"), row, strict=True)) | {
            "set_aside": aside[0]
        }
    return out


def headline(release: Path) -> dict[str, Any]:
    """The coefficient of did in every column, with error, N, clusters and treated city-years."""
    import pandas as pd

    table = pd.read_parquet(release / "estimates.parquet")
    keep = ["column", "estimate", "std_error", "n_obs", "n_clusters", "n_treated_units", "n_treated_cells", "fixed_effects"]
    return {"did": json.loads(table.loc[table.term == "did", keep].to_json(orient="records"))}


def judge_uncorrected(home: Home) -> list[CheckResult]:
    """The gate on marts built without any declared correction, in a folder beside the study's own."""
    from citycarbon.dbt_runner import DATABASE, run_dbt, vars_argument
    from citycarbon.study import load_study
    from expectations.gate import run_gate

    study = load_study(STUDY)
    scratch = home.dbt_state / "uncorrected"
    marts = scratch / "marts"
    marts.mkdir(parents=True, exist_ok=True)
    options = study.dbt_vars(home) | {"marts_dir": str(marts), "apply_corrections": False}
    build = ["--quiet", "build", "--exclude-resource-type", "test", "unit_test", *vars_argument(options)]
    done = run_dbt(build, scratch, scratch / DATABASE)
    if not done.succeeded:
        raise done.failure()
    return run_gate(home, study, marts_dir=marts)


def describe(error: KnownError, before: list[CheckResult], after: list[CheckResult], home: Home) -> dict[str, Any]:
    """Which checks name the error before any correction, and whether they still do after the declared ones."""
    told = {"id": error.id, "what": error.what, "expected": error.caught_by}
    if error.caught_by == "no_row_without_key":
        rows = rows_without_key(home)
        return told | {"caught": rows == 0, "cells": rows}
    if error.caught_by.startswith("quarantine:"):
        cells = set_aside(home, error)
        return told | {"caught": cells > 0, "cells": cells}
    named = naming(error, before)
    return told | {
        "caught": any(n.startswith(error.caught_by) for n in named),
        "named_by": named,
        "named_after_corrections": naming(error, after),
    }


def naming(error: KnownError, checks: list[CheckResult]) -> list[str]:
    """Failed checks of the gate that name all keys of the error (or its place, where it has no year)."""
    out = []
    for check in checks:
        keys = {(place, year) for place, year in check.failing}
        hit = error.keys <= keys if error.keys else any(place in error.places for place, _ in keys)
        if hit and not check.passed and check.engine == "great_expectations":
            out.append(check.id)
    return out


def set_aside(home: Home, error: KnownError) -> int:
    """Cells in the readers' and the staging's quarantine under the error's reason."""
    import duckdb

    code = error.caught_by.partition(":")[2]
    files = [str(home.raw / "quarantine" / "*.parquet"), str(home.marts(STUDY) / "stage_quarantine.parquet")]
    with duckdb.connect() as db:
        return db.execute(
            "select count(*) from read_parquet(?, union_by_name = true) where reason_code = ? and (? = '' or place_label = ?)",
            [files, code, error.label, error.label],
        ).fetchone()[0]


def rows_without_key(home: Home) -> int:
    """Raw rows of the compiled tables that lack a place or a year: the readers must have passed every empty row by."""
    import duckdb

    with duckdb.connect() as db:
        return db.execute(
            "select count(*) from read_parquet(?) where data_year is null or trim(place_label) = ''",
            [str(home.raw / "compiled_city.parquet")],
        ).fetchone()[0]


def correction_ids(home: Home) -> list[str]:
    import duckdb

    with duckdb.connect() as db:
        path = str(home.marts(STUDY) / "corrections_applied.parquet")
        return [r[0] for r in db.execute("select distinct correction_id from read_parquet(?) order by 1", [path]).fetchall()]


def as_text(found: dict[str, Any]) -> str:
    """The findings for a terminal."""
    lines = ["", "Readers"]
    for name, n in found["readers"].items():
        lines.append(
            f"  {name:<38}{n['values']:>8,} values {n['places']:>6,} places {n['years']:>3} years {n['set_aside']:>6,} aside"
        )
    lines += ["", f"Study {STUDY}"]
    for row in found["study"]["did"]:
        lines.append(
            f"  column {row['column']:<3} did = {row['estimate']:.5f} ({row['std_error']:.5f}), N = {row['n_obs']:,}, "
            f"{row['n_clusters']} clusters, {row['n_treated_cells']} treated city-years"
        )
    lines += ["", "Known errors"]
    for e in found["errors"]:
        after = "" if "named_by" not in e else f"; after corrections: {', '.join(e['named_after_corrections']) or 'none'}"
        how = f"{e['cells']} cells" if "cells" in e else ", ".join(e["named_by"]) or "nothing"
        lines.append(f"  {'caught' if e['caught'] else 'MISSED':<7} {e['what']} [{e['expected']}: {how}{after}]")
    failed = [c for c in found["checks"] if not c["passed"]]
    lines += ["", f"Gate: {len(found['checks'])} checks, {len(failed)} failed (all warnings)" if failed else "Gate: all passed"]
    lines += [f"  {c['id']} ({c['severity']}): {c['failing']} keys" for c in failed]
    lines += [f"Corrections applied: {', '.join(found['corrections_applied']) or 'none'}", f"Release: {found['release']}"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
