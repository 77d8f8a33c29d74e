"""What the command line prints: aligned tables, the headline, what the gate checked. Reads a finished release; decides nothing.

Standard library and rich alone, so that printing costs no import of pandas or Dagster.
"""

from __future__ import annotations

import csv
import json
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from citycarbon.check_text import summarise
from citycarbon.checks import CheckResult
from citycarbon.display import pad, width

if TYPE_CHECKING:
    from orchestration.pipeline import CheckReport, RunReport

SYNTHETIC = "SYNTHETIC: made from sample sources. No number below says anything about a real city."


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns aligned by their width on a terminal, two spaces apart."""
    lines = [list(map(str, header)), *([str(cell) for cell in row] for row in rows)]
    widths = [max(width(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join("  ".join(pad(cell, w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def print_run(report: RunReport) -> None:
    """The headline table, what the gate checked, where the release and its report are."""
    if report.is_synthetic:
        print(SYNTHETIC)
    if not report.is_new:
        print(
            f"Nothing has changed since release {report.release.name}: same files, study, code and lock. Nothing was computed."
        )
    print()
    print(headline(report.release / "estimates.csv"))
    print()
    print(gate_summary(report.checks))
    print()
    print(f"Landing  {report.landing}")
    print(f"Release  {report.release}")
    print(f"Report   {report.release / 'report' / 'index.html'}")
    if report.log:
        print(f"Log      {report.log}")
    print(f"{'Made' if report.is_new else 'Checked'} in {report.seconds:.0f} s. Follow a number: citycarbon trace table2:2:did")


def print_check(report: CheckReport) -> None:
    if report.is_synthetic:
        print(SYNTHETIC)
    print(gate_summary(report.checks))


def headline(estimates: Path) -> str:
    """The treatment's rows of the first table, one line a column: estimate, standard error, interval, N, clusters."""
    with estimates.open(encoding="utf-8", newline="") as handle:
        rows = [r for r in csv.DictReader(handle) if r["term"].startswith("did")]
    rows = [r for r in rows if r["table"] == rows[0]["table"]]
    title = f"{rows[0]['table']}: effect of the policy on {rows[0]['outcome']} ({rows[0]['outcome_unit']})"
    body = [
        [
            f"({r['column']})",
            _number(r["estimate"]) + r["stars"],
            f"({_number(r['std_error'])})",
            f"[{_number(r['conf_low'])}, {_number(r['conf_high'])}]",
            r["n_obs"],
            r["n_clusters"],
            r["n_treated_units"],
            r["fixed_effects"],
            "RI pending" if r["star_rule"] == "pending" else r["note"],
        ]
        for r in rows
    ]
    header = ["column", "estimate", "(se)", "95 % interval", "N", "clusters", "treated", "fixed effects", "stars"]
    return f"{title}\n{table(header, body)}"


def gate_summary(checks: Sequence[CheckResult]) -> str:
    """What was judged: a line that counts, each failed check with its city-years and remedy, and the ids that passed."""
    # A rule's twin on the columns that the study does not use is told only where it warns.
    judged = [c for c in checks if c.passed and c.engine == "great_expectations" and not c.id.endswith("_unused")]
    of_raw = sum(c.id.startswith("raw_") for c in judged)
    passed = [c.id for c in judged if not c.id.startswith("raw_")] + ([f"{of_raw} checks of raw tables"] if of_raw else [])
    told = textwrap.fill(", ".join(passed), width=120, initial_indent="  passed   ", subsequent_indent=" " * 11)
    return f"{summarise(checks)}\n{told}"


def _number(text: str) -> str:
    return f"{float(text):.3f}" if text not in ("", "nan") else "."


# --- forensics ---------------------------------------------------------------------------------------------------------------

_UNTOLD = ("pass", "not_applicable")


def print_forensics(rows: Sequence[dict[str, str]], files: dict[str, Path | None], as_json: bool) -> None:
    """The verdict of every rule, then each finding that is not a pass, as a sentence; or all of it as JSON."""
    verdicts = {r["rule"]: r["verdict"] for r in rows if r["scope"] == "overall"}
    if as_json:
        named = {name: None if path is None else str(path) for name, path in files.items()}
        body = {"subject": rows[0]["subject"], **named, "verdicts": verdicts, "findings": list(rows)}
        print(json.dumps(body, ensure_ascii=False, indent=1))
        return
    print(f"Forensics of {files['published']}: {rows[0]['subject']}")
    for name in ("descriptives", "design"):
        print(f"{name.capitalize():<13}{files[name] or 'none: the rules that need it are not applicable'}")
    beside = files["published"].with_name(f"{files['published'].stem}_descriptives.csv")
    if files["descriptives"] is None and beside.is_file():
        print(f"{'':<13}{beside.name} lies beside the table: name it with --descriptives")
    print()
    counted = Counter((r["rule"], r["verdict"]) for r in rows if r["scope"] != "overall")
    header = ["rule", "verdict", "fail", "warn", "pass", "what it looks at"]
    body = [
        [
            r["rule"],
            r["verdict"].replace("_", " "),
            *(counted[r["rule"], v] for v in ("fail", "warn", "pass")),
            _words(r["finding"]),
        ]
        for r in rows
        if r["scope"] == "overall"
    ]
    print(table(header, body))
    for rule, verdict in verdicts.items():
        its = [r for r in rows if r["rule"] == rule and r["scope"] != "overall"]
        told = [r for r in its if r["verdict"] not in _UNTOLD] or its[:4]
        print(f"\n{rule} {_words(verdict)}")
        for row in told:
            lead = f"  {_words(row['verdict']) + ' ':<6}"
            text = f"{row['scope']}: {row['explanation']}"
            print(textwrap.fill(text, 120, initial_indent=lead, subsequent_indent=" " * len(lead)))


def _words(name: str) -> str:
    return name.replace("_", " ")


# --- progress ---------------------------------------------------------------------------------------------------------------


@contextmanager
def progress() -> Iterator[Any]:
    """A factory of listeners for ``pipeline.execute``: a bar on a terminal, plain lines elsewhere (on standard error)."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            yield _bar_listener(bar)
    else:
        yield _line_listener


def _bar_listener(bar: Any) -> Any:
    def begin(steps: int, assets: int) -> Any:
        task = bar.add_task("starting", total=assets)

        def listen(event: Any) -> None:
            if event.is_step_start:
                bar.update(task, description=step_title(event.step_key))
            elif event.is_step_materialization:
                bar.advance(task)

        return listen

    return begin


def _line_listener(steps: int, assets: int) -> Any:
    done = 0

    def listen(event: Any) -> None:
        nonlocal done
        if event.is_step_start:
            done += 1
            print(f"[{done}/{steps}] {step_title(event.step_key)}", file=sys.stderr, flush=True)

    return listen


def step_title(step: str | None) -> str:
    """A step's key as people say it: ``raw__chen_county`` reads chen_county."""
    name = step or ""
    return f"read {name.removeprefix('raw__')}" if name.startswith("raw__") else name.replace("_", " ")
