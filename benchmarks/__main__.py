"""``make bench``: measure what the project promises about its speed, memory and digits, beside the packages one would use else.

    python -m benchmarks [--only NAME[,NAME]] [--repeat N] [--json FILE] [--markdown FILE] [--list]

A readable table on standard output, progress on standard error, with ``--json`` one object a line. A figure that cannot be
taken here has no value and says why. Exit code 0 unless something is broken (1) or the call is wrong (2).
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

# One thread, and no setting of the matrix library that a shell may carry: ratios are those of the packages as they are.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment in which benchmarks run: one thread, nothing tuned, no home of the user's."""
    kept = {name: value for name, value in environment.items() if name not in (*UNSET, "CITYCARBON_HOME")}
    return {**kept, **dict.fromkeys(THREADS, "1")}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit code."""
    from benchmarks.goals import GOALS
    from benchmarks.measure import Settings, small

    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.list:
        print("\n".join(f"{g.name:28} {g.what} (must {g.bound(g.must)}, aim {g.bound(g.aim)})" for g in GOALS.values()))
        return 0
    wanted = [name for part in options.only or [] for name in part.split(",") if name]
    unknown = [name for name in wanted if name not in GOALS]
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; --list names them")
    if options.markdown and not options.markdown.is_file():
        parser.error(f"{options.markdown}: no such file; --markdown fills the table of a document that is there")
    settings = small() if options.small else Settings()
    settings = replace(settings, wanted=frozenset(wanted), pyfixest_30m=options.with_pyfixest_30m)
    if options.repeat:
        settings = replace(settings, repeat=options.repeat, repeat_long=options.repeat)
    return publish(settings, options)


def publish(settings: object, options: argparse.Namespace) -> int:
    """Measure what is wanted and hand it out as asked. 1 where a benchmark broke."""
    from benchmarks.table import markdown, plain, with_table

    figures, broken = measure_all(settings)
    if options.json:
        options.json.write_text("".join(f"{f.line()}\n" for f in figures), encoding="utf-8")
    if options.markdown:
        text = with_table(options.markdown.read_text(encoding="utf-8"), markdown(figures))
        options.markdown.write_text(text, encoding="utf-8")
    print(plain(figures))
    return 1 if broken else 0


def measure_all(settings) -> tuple[list, list[str]]:
    """The figures asked for in the order of the goals, and the groups that broke; one that breaks stops no other."""
    from benchmarks import cells_bench, curve_bench, placebo_bench, run_bench, wild_bench
    from benchmarks.cells_bench import VERSUS, record
    from benchmarks.goals import GOALS
    from benchmarks.measure import Figure, Unavailable, say

    found, broken = {}, []
    for group in [g for module in (placebo_bench, wild_bench, curve_bench, cells_bench, run_bench) for g in module.GROUPS]:
        names = [name for name in group.names if settings.wants(name)]
        if not names:
            continue
        say(", ".join(names))
        try:
            figures, reason = group.measure(settings), "not measured"
        except Unavailable as missing:
            figures, reason = [], str(missing)
        except Exception as error:
            traceback.print_exc()
            figures, reason = [], f"broken: {type(error).__name__}: {error}"
            broken += names
        taken = {f.name: f for f in figures}
        for name in names:
            found[name] = taken.get(name) or Figure(name, None, GOALS[name].unit, note=reason)
        if settings.pyfixest_30m and VERSUS in taken and settings.large_months is None:
            record(taken[VERSUS])
    return [found[name] for name in GOALS if name in found], broken


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--only", action="append", metavar="NAME[,NAME]", help="only these figures; may be repeated")
    parser.add_argument("--repeat", type=_positive, metavar="N", help="repetitions (default 5; 3 of what takes over 10 s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, one JSON object a line")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="put the table between the markers of this document")
    parser.add_argument("--list", action="store_true", help="name the figures and their bounds, measure nothing")
    parser.add_argument(
        "--with-pyfixest-30m", action="store_true", help="run pyfixest on 30 million rows (16 GiB) and record the figure"
    )
    parser.add_argument("--small", action="store_true", help="tiny sizes: shows that all runs, the times mean nothing")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, found '{text}'")
    return int(text)


if __name__ == "__main__":
    clean = clean_environment(os.environ)
    if clean != dict(os.environ):  # the matrix library reads it when it is loaded: start again
        os.execve(sys.executable, [sys.executable, "-m", "benchmarks", *sys.argv[1:]], clean)
    sys.exit(main())
