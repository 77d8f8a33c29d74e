"""``make recovery``: do the estimators recover what is planted, and do their tests have the size they state?

Thousands of panels of the sample's own process (``recovery_trials``), summed up (``recovery_summary``) into ``recovery.csv``
and the table of docs/methods.md. Finished blocks are kept below CITYCARBON_HOME, so that an interrupted run goes on where it
was; the result depends neither on that nor on the number of workers. Reads and writes files; computes nothing itself.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

from benchmarks.fingerprint import fingerprint
from benchmarks.recovery_summary import FULL, Figure, frame, markdown, summarise
from benchmarks.recovery_trials import PANELS_PER_BLOCK, SCENARIOS, Scenario, Trial, run_block
from citycarbon.paths import PROJECT_ROOT, resolve_home

METHODS = PROJECT_ROOT / "docs" / "methods.md"
BEGIN, END = "<!-- recovery: begin -->", "<!-- recovery: end -->"
PROBE_BEGIN, PROBE_END = "<!-- recovery: probe", "-->"
SAME = 1e-6  # relative: another processor changes later digits than this
# What decides the figures: the process, the engine and the trials. Kept blocks are of this code and no other.
CODE = [
    *(f"citycarbon/sample/{n}.py" for n in ("design", "dgp", "panels", "places", "published", "truth", "world")),
    *(f"citycarbon/econometrics/{n}.py" for n in ("draws", "fwl", "randomisation", "resampling")),
    "benchmarks/recovery_trials.py",
]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, resume or check. Returns the exit code: 0, or 1 where a figure misses its bound; argparse exits with 2."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.docs and (options.panels < FULL or options.scenario):
        parser.error(f"--docs needs all scenarios and at least {FULL} panels")
    if options.check:
        print(check(METHODS.read_text(encoding="utf-8"), probe()))
        return 0
    chosen = [SCENARIOS[name] for name in options.scenario or SCENARIOS]
    work = options.work or resolve_home().root / "recovery"
    code = fingerprint(CODE)
    trials = [t for s in chosen for t in run_scenario(s, options.panels, work / code, options.workers)]
    figures = summarise(trials)
    write(figures, options, work)
    print(markdown(figures))
    if options.docs:
        text = with_table(METHODS.read_text(encoding="utf-8"), markdown(figures), probe_text(trials))
        METHODS.write_text(text, encoding="utf-8")
    missed = [f"{f.scenario} {f.quantity}: {f.bound}" for f in figures if f.within is False]
    print("\n".join(f"misses its bound: {m}" for m in missed) or "every bound is met")
    return 1 if missed else 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recovery", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--panels", type=_positive, default=FULL, help=f"panels per scenario (default {FULL})")
    parser.add_argument("--scenario", action="append", choices=list(SCENARIOS), help="only this one; may be repeated")
    parser.add_argument("--workers", type=_positive, default=1, help="processes; the figures do not depend on it")
    parser.add_argument("--work", type=Path, help="where finished blocks are kept (default: recovery below CITYCARBON_HOME)")
    parser.add_argument("--csv", type=Path, help="where the figures go (default: recovery.csv in that folder)")
    parser.add_argument("--json", type=Path, help="the figures as json too")
    parser.add_argument("--docs", action="store_true", help="write the table into docs/methods.md; needs a full run")
    parser.add_argument("--check", action="store_true", help="only say whether the table there is of the code as it is")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, found '{text}'")
    return int(text)


def run_scenario(scenario: Scenario, panels: int, folder: Path, workers: int = 1) -> list[Trial]:
    """The trials of the first ``panels`` panels; blocks that ``folder`` already holds are read."""
    file = folder / f"{scenario.name}.jsonl"
    blocks = {b: list(range(start, min(start + PANELS_PER_BLOCK, panels))) for b, start in _starts(panels)}
    done = {b: trials for b, (held, trials) in _kept(file) if blocks.get(b) == held}
    folder.mkdir(parents=True, exist_ok=True)
    _end_last_line(file)
    progress = _Progress(scenario.name, panels, sum(len(blocks[b]) for b in done))
    with file.open("a", encoding="utf-8") as handle:
        for block, trials in _compute(scenario, {b: p for b, p in blocks.items() if b not in done}, workers):
            record = {"block": block, "panels": blocks[block], "trials": [asdict(t) for t in trials]}
            handle.write(json.dumps(record, separators=(",", ":")) + "\n")
            handle.flush()
            done[block] = trials
            progress.add(len(blocks[block]))
    return [t for block in sorted(done) for t in done[block]]


def _starts(panels: int) -> Iterator[tuple[int, int]]:
    return enumerate(range(0, panels, PANELS_PER_BLOCK))


def _compute(scenario: Scenario, blocks: dict[int, list[int]], workers: int) -> Iterator[tuple[int, list[Trial]]]:
    if workers == 1:
        yield from ((b, run_block(scenario, b, p)) for b, p in blocks.items())
        return
    with ProcessPoolExecutor(workers) as pool:
        running = {pool.submit(run_block, scenario, b, p): b for b, p in blocks.items()}
        for finished in as_completed(running):
            yield running[finished], finished.result()


def _kept(file: Path) -> Iterator[tuple[int, tuple[list[int], list[Trial]]]]:
    """Finished blocks of an earlier run; a last line that was cut off is left out."""
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else []:
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        yield record["block"], (record["panels"], [Trial(**t) for t in record["trials"]])


def _end_last_line(file: Path) -> None:
    """A run that was stopped may have left half a line; what comes next starts a new one."""
    if file.is_file() and not file.read_bytes().endswith(b"\n"):
        with file.open("a", encoding="utf-8") as handle:
            handle.write("\n")


class _Progress:
    """A line every few seconds: how many panels of a scenario are done, and how long the rest will take."""

    def __init__(self, name: str, panels: int, done: int) -> None:
        self.name, self.panels, self.done, self.before = name, panels, done, done
        self.start = self.said = time.monotonic()
        if done:
            print(f"{name}: {done:,} of {panels:,} panels were there", file=sys.stderr, flush=True)

    def add(self, panels: int) -> None:
        self.done += panels
        now = time.monotonic()
        if self.done < self.panels and now - self.said < 5:
            return
        self.said = now
        rest = (now - self.start) / (self.done - self.before) * (self.panels - self.done)
        print(f"{self.name}: {self.done:,} of {self.panels:,} panels, {rest:.0f} s left", file=sys.stderr, flush=True)


def write(figures: Sequence[Figure], options: argparse.Namespace, work: Path) -> None:
    """``recovery.csv`` and, if asked for, the same as json."""
    from citycarbon.econometrics.contract import write_csv

    write_csv(frame(figures), options.csv or work / "recovery.csv")
    if options.json:
        options.json.write_text(json.dumps([asdict(f) for f in figures], indent=1) + "\n", encoding="utf-8")


def probe() -> list[Trial]:
    """The trials of the first panel of every scenario: they change when a change of the code changes the figures."""
    return [t for s in SCENARIOS.values() for t in run_block(s, 0, [0])]


def probe_text(trials: Sequence[Trial]) -> str:
    """The first panels' trials, a line each, as they stand behind the table: scenario, quantity, error, both p-values."""
    lines = [f"{t.scenario} {t.quantity} {t.error:.9e} {t.p_ri:.3f} {t.p_clustered:.9e}" for t in trials if t.panel == 0]
    return "\n".join([PROBE_BEGIN, *lines, PROBE_END])


def with_table(text: str, table: str, probed: str) -> str:
    """``text`` with what stands between its markers replaced by the table and the trials that identify the code."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"docs/methods.md has no markers '{BEGIN}' and '{END}'")
    return f"{before}{BEGIN}\n{table}\n\n{probed}\n{END}{after}"


def check(text: str, now: Sequence[Trial]) -> str:
    """Whether the code as it is still gives the first panels' trials behind the table. A warning and no error."""
    lines = text.partition(PROBE_BEGIN)[2].partition(PROBE_END)[0].split("\n")
    shown = {tuple(words[:2]): [float(w) for w in words[2:]] for words in map(str.split, lines) if words}
    found = {(t.scenario, t.quantity): [t.error, t.p_ri, t.p_clustered] for t in now}
    other = [
        " ".join(name)
        for name in found | shown
        if name not in found or name not in shown or not _alike(found[name], shown[name])
    ]
    if not other:
        return f"the recovery table of docs/methods.md is of this code: {len(found)} first trials are the same"
    told = f"the recovery table of docs/methods.md is of other code: {', '.join(other)}"
    return f"warning: {told}. make recovery ARGS=--docs measures again"


def _alike(values: Sequence[float], others: Sequence[float]) -> bool:
    return all(abs(a - b) <= SAME * max(abs(a), abs(b)) for a, b in zip(values, others, strict=True))


if __name__ == "__main__":
    sys.exit(main())
