"""The command ``citycarbon``: reads arguments, calls one plain function, prints, and turns errors into exit codes.

0 done · 1 a bug · 2 bad usage, unusable input, an unknown trace target, a doctor's finding · 3 the gate refused · 4 verify
found a mismatch. No traceback for 2 to 4. Imports are inside the commands: what is not used is not loaded.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from citycarbon import __version__
from citycarbon.errors import CityCarbonError, UsageError
from citycarbon.paths import resolve_home

if TYPE_CHECKING:
    from citycarbon.paths import Home

_RECORD_OPTIONS = ("producer", "title", "licence", "citation", "url", "unit_notes", "redistributable", "access_date")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    args = build_parser().parse_args(argv)
    try:
        return args.command(args, resolve_home(args.home))
    except CityCarbonError as error:
        print(f"citycarbon {args.name}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted; the last release is in place", file=sys.stderr)
        return 130
    except BrokenPipeError:  # 'citycarbon sources | head'
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="citycarbon",
        description="A living, auditable evaluation of city carbon policies in China.",
        epilog="Exit codes: 0 done, 1 a bug, 2 bad usage or unusable input, 3 the gate refused, 4 verify found a mismatch, "
        "130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"citycarbon {__version__}")
    home_help = "folder that holds everything (default: CITYCARBON_HOME, else ./data)"
    parser.add_argument("--home", metavar="DIR", default=None, help=home_help)
    commands = parser.add_subparsers(dest="name", metavar="COMMAND", required=True)

    def command(name: str, function, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("--home", metavar="DIR", default=argparse.SUPPRESS, help=home_help)
        sub.set_defaults(command=function)
        return sub

    _add_running(command)
    _add_source_commands(command)
    _add_reading(command)
    return parser


def _add_running(command) -> None:
    for name, function, text in (
        ("run", run_command, "Sources to release: read, stage, judge, estimate, bundle."),
        ("check", check_command, "Read, stage and judge only; nothing is estimated or released."),
    ):
        sub = command(name, function, text)
        _add_study(sub)
        where = sub.add_mutually_exclusive_group()
        where.add_argument(
            "--landing", type=Path, metavar="DIR", help="folder of received files (default: <home>/landing, else sample)"
        )
        where.add_argument(
            "--sample", action="store_true", help="read synthetic sample sources, also where there is a landing folder"
        )
        sub.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the sample (default 1)")
        if name == "run":
            sub.add_argument("--public", action="store_true", help="a bundle for passing on: values of closed sources stay out")
            sub.add_argument(
                "--no-extensions",
                action="store_true",
                help="all tables and figures without the staggered estimators, the sensitivity and the specification curve",
            )
        if name == "check":
            sub.add_argument("--json", action="store_true", help="print the checks as JSON and nothing else")
    sub = command("refresh", refresh_command, "Release what is new in the landing folder; watch it unless --once.")
    _add_study(sub)
    sub.add_argument("--landing", type=Path, metavar="DIR", help="default: CITYCARBON_LANDING, else <home>/landing")
    sub.add_argument("--once", action="store_true", help="look once and end")
    sub.add_argument("--interval", type=float, default=60.0, metavar="SECONDS", help="between two looks (default 60)")


def _add_study(sub: argparse.ArgumentParser) -> None:
    default = os.environ.get("CITYCARBON_STUDY") or "ai_pilot"
    sub.add_argument(
        "--study", default=default, metavar="NAME", help="folder in studies/ (default: CITYCARBON_STUDY, else ai_pilot)"
    )


def _add_source_commands(command) -> None:
    sub = command("add", add_command, "Take received files into the landing folder, with their record and checksums.")
    sub.add_argument("source", metavar="SOURCE", help="id in the registry, see 'citycarbon sources'")
    sub.add_argument("files", type=Path, nargs="+", metavar="FILE", help="files as received; a folder stands for all its files")
    sub.add_argument("--edition", required=True, metavar="E", help="name of the edition, e.g. 2022")
    sub.add_argument(
        "--edition-year", type=int, metavar="YEAR", help="orders editions (default: the year in the edition's name)"
    )
    sub.add_argument("--landing", type=Path, metavar="DIR", help="default: <home>/landing")
    for option in _RECORD_OPTIONS:
        sub.add_argument(
            f"--{option.replace('_', '-')}", metavar="TEXT", help="field of the source record (default: the registry's)"
        )
    sub = command("sources", sources_command, "List the registered sources: what was found, its edition and state.")
    sub.add_argument(
        "--landing",
        type=Path,
        metavar="DIR",
        help="default: CITYCARBON_LANDING, else <home>/landing, or what the last run read where that is empty",
    )
    sub = command("sample", sample_command, "Write synthetic sources in the real file formats.")
    sub.add_argument("directory", type=Path, nargs="?", metavar="DIR", help="folder to write; must be empty or absent")
    sub.add_argument("--seed", type=int, default=1, metavar="N", help="same seed, same bytes (default 1)")
    sub.add_argument("--effect", type=float, default=-0.30, metavar="X", help="planted effect on ln CO2 (default -0.30)")
    sub.add_argument("--trap", metavar="NAME", help="plant one realistic fault")
    sub.add_argument(
        "--list-traps", action="store_true", help="name, exit code, check and summary of every trap, tab-separated"
    )


def _add_reading(command) -> None:
    command("studies", studies_command, "List the studies.")
    sub = command("trace", trace_command, "Follow one number to the cells of the source files behind it.")
    sub.add_argument("target", metavar="TARGET", help="table2:2:did, panel:370100:2015:gov or table1:lnco2:mean")
    sub.add_argument("--json", action="store_true", help="print JSON and nothing else")
    sub.add_argument("--release", metavar="RELEASE", help="default: the latest")
    sub = command("diff", diff_command, "Say what differs between two releases: inputs, code, panel, coefficients, checks.")
    sub.add_argument("old", nargs="?", metavar="A", help="id, path or study (default: the release before B)")
    sub.add_argument(
        "new",
        nargs="?",
        metavar="B",
        help="the same; without it A is set beside the latest, and the latest beside the one before",
    )
    sub.add_argument("--json", action="store_true", help="print JSON and nothing else")
    sub = command("forensics", forensics_command, "Judge a paper's printed tables: can all numbers be true at once?")
    sub.add_argument("published", type=Path, metavar="PUBLISHED.csv", help="printed coefficients (format: docs/forensics.md)")
    sub.add_argument("--descriptives", type=Path, metavar="D.csv", help="printed descriptive statistics")
    sub.add_argument(
        "--design", type=Path, metavar="Y.yaml", help="what the paper says of itself (default: <stem>.design.yaml beside it)"
    )
    sub.add_argument("--json", action="store_true", help="print JSON and nothing else")
    sub.add_argument("--out", type=Path, metavar="FILE.csv", help="write the findings there as well")
    sub = command("verify", verify_command, "Recompute every hash of a release and re-estimate its coefficients.")
    sub.add_argument("release", nargs="?", metavar="RELEASE", help="id, path or study (default: the latest)")
    sub = command("report", report_command, "Say where the report of a release is.")
    sub.add_argument("release", nargs="?", metavar="RELEASE", help="id, path or study (default: the latest)")
    command("doctor", doctor_command, "Examine the environment, the home and the landing folder.")


# --- running ----------------------------------------------------------------------------------------------------------------


def run_command(args: argparse.Namespace, home: Home) -> int:
    from orchestration import console, pipeline

    with console.progress() as progress:
        report = pipeline.run(
            home,
            args.study,
            args.landing,
            sample=args.sample,
            seed=args.seed,
            public=args.public,
            extensions=not args.no_extensions,
            progress=progress,
        )
    console.print_run(report)
    return 0


def check_command(args: argparse.Namespace, home: Home) -> int:
    from orchestration import console, pipeline
    from orchestration.failures import refusal

    with console.progress() as progress:
        report = pipeline.check(home, args.study, args.landing, sample=args.sample, seed=args.seed, progress=progress)
    if args.json:
        print(json.dumps({"checks": [c.to_dict() for c in report.checks]}, ensure_ascii=False, indent=1))
    else:
        console.print_check(report)
    refusing = [c for c in report.checks if c.refuses]
    if refusing:
        raise refusal(refusing)
    return 0


def refresh_command(args: argparse.Namespace, home: Home) -> int:
    from orchestration.refreshing import watch

    landing = args.landing or Path(os.environ.get("CITYCARBON_LANDING") or home.landing)
    if args.once:
        return _refresh_once(home, args.study, landing)
    return watch(lambda: _refresh_once(home, args.study, landing), args.interval)


def _refresh_once(home: Home, study: str, landing: Path) -> int:
    from orchestration import console, pipeline

    with console.progress() as progress:
        report = pipeline.refresh(home, study, landing, progress=progress)
    if report.run is not None:
        console.print_run(report.run)
        return 0
    print(report.decision.sentence)
    return 2 if report.decision.is_given_up else 0


# --- sources ----------------------------------------------------------------------------------------------------------------


def add_command(args: argparse.Namespace, home: Home) -> int:
    from datetime import date

    from citycarbon.sources.intake import receive
    from citycarbon.sources.landing import NothingToAdd
    from orchestration.lock import home_lock

    record = {name: value for name in (*_RECORD_OPTIONS, "edition_year") if (value := getattr(args, name)) is not None}
    record.setdefault("access_date", date.today().isoformat())
    with home_lock(home, f"citycarbon add {args.source}"):
        try:
            folder = receive(args.source, args.files, args.edition, args.landing or home.landing, home, **record)
        except NothingToAdd as same:
            print(same)
            return 0
    print(f"{args.source}/{args.edition} is complete in {folder}. 'citycarbon run' or 'citycarbon refresh --once' reads it.")
    return 0


def sources_command(args: argparse.Namespace, home: Home) -> int:
    print(sources_table(home, args.landing))
    return 0


def sources_table(home: Home, landing: Path | None = None) -> str:
    """Every registered source with its drops and their states, as text, and which landing folder was looked at."""
    from citycarbon.sources.intake import describe_sources
    from orchestration.console import table
    from orchestration.inputs import landing_to_show

    folder, why = landing_to_show(home, landing)

    header = ["source", "edition", "state", "files", "boundaries", "passes on", "what was found"]
    rows = [
        [
            s.source,
            s.edition or "-",
            f"{s.state}, synthetic" if s.synthetic else s.state,
            s.files,
            s.boundary_basis,
            s.redistributable,
            s.sentence,
        ]
        for s in describe_sources(folder)
    ]
    return f"Landing folder {folder}{f' ({why})' if why else ''}\n{table(header, rows)}"


def sample_command(args: argparse.Namespace, home: Home) -> int:
    from citycarbon.sample import list_traps, write_sample

    if args.list_traps:
        for trap in list_traps():
            print(f"{trap.name}\t{trap.exit_code}\t{trap.check_id}\t{trap.summary}")
        return 0
    if args.directory is None:
        raise UsageError("sample: name the folder to write, or ask for --list-traps.")
    if args.directory.exists() and any(args.directory.iterdir()):
        raise UsageError(f"sample: {args.directory} is not empty; name a folder that is empty or absent.")
    write_sample(args.directory, seed=args.seed, effect=args.effect, trap=args.trap)
    planted = f", trap '{args.trap}'" if args.trap else ""
    print(f"Synthetic sources (seed {args.seed}, effect {args.effect}{planted}) in {args.directory}.")
    print(f"Run them: citycarbon run --landing {args.directory}")
    return 0


# --- reading ----------------------------------------------------------------------------------------------------------------


def studies_command(args: argparse.Namespace, home: Home) -> int:
    from citycarbon.study import load_all
    from orchestration.console import table

    studies, broken = load_all()
    header = ["study", "policy", "outcome", "series", "years", "tables", "title"]
    rows = [
        [
            s.study,
            s.treatment.policy,
            s.outcome.variable,
            s.outcome.series,
            f"{s.window.first}-{s.window.last}",
            ", ".join(s.tables),
            s.title,
        ]
        for s in studies
    ]
    print(table(header, rows))
    if broken:
        faults = "\n".join(map(str, broken.values()))
        raise UsageError(f"{', '.join(broken)} cannot be used:\n{faults}")
    return 0


def trace_command(args: argparse.Namespace, home: Home) -> int:
    from citycarbon.provenance.trace import trace

    found = trace(args.target, home, args.release)
    print(found.to_json() if args.json else found.to_text())
    return 0


def diff_command(args: argparse.Namespace, home: Home) -> int:
    from citycarbon.release.diff import compare_named, to_markdown

    found = compare_named(home, args.old, args.new)
    print(json.dumps(found, ensure_ascii=False, indent=1) if args.json else to_markdown(found), end="\n" if args.json else "")
    return 0


def verify_command(args: argparse.Namespace, home: Home) -> int:
    from citycarbon.release import find_release, verify

    report = verify(find_release(home, args.release))
    print(report.to_text(), end="")
    return 0


def forensics_command(args: argparse.Namespace, home: Home) -> int:
    from citycarbon.forensics import (
        default_design_path,
        examine,
        load_design,
        read_descriptives,
        read_published,
        write_forensics,
    )
    from orchestration import console

    published = read_published(args.published)
    descriptives = read_descriptives(args.descriptives) if args.descriptives else None
    default = default_design_path(args.published)
    given = args.design or (default if default.is_file() else None)
    found = examine(published, descriptives, load_design(given) if given else None, subject=args.published.stem)
    if args.out:
        write_forensics(found, args.out)
    files = {"published": args.published, "descriptives": args.descriptives, "design": given}
    console.print_forensics(found.to_dict("records"), files, as_json=args.json)
    return 0


def report_command(args: argparse.Namespace, home: Home) -> int:
    from citycarbon.release import find_release

    page = find_release(home, args.release) / "report" / "index.html"
    if not page.is_file():
        raise UsageError(f"{page} is missing; 'citycarbon verify' says what else is.")
    print(page)
    return 0


def doctor_command(args: argparse.Namespace, home: Home) -> int:
    from orchestration.doctor import examine

    findings = examine(home)
    for finding in findings:
        print(finding)
    return 0 if all(f.is_fine for f in findings) else 2


if __name__ == "__main__":
    sys.exit(main())
