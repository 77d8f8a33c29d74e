"""The compressed regression of some 30 million rows from parquet: seconds, peak memory, and, where asked, pyfixest on the same.

    python -m benchmarks.cells fit FILE [THREADS]        one fit in this process; a JSON object with seconds and GiB
    python -m benchmarks.cells pyfixest FILE             the same model by pyfixest in memory (30 million rows need 15 GiB)

``write_rows`` makes the file (1.9 GB). ``fit_in_child`` and ``pyfixest_in_child`` measure in a process of their own, so that
the peak of memory is that of the fit alone. Seconds include the import of what the fit needs, not the start of Python.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from citycarbon.sample.large_table import LargeTableDesign, write_large_table

DESIGN = LargeTableDesign(seed=1)  # 29,881,600 rows in 649,600 cells of county and month, 7 controls that vary by row
CONTROLS = tuple(DESIGN.control_names)
THREADS = 2


def write_rows(path: Path, months: int = DESIGN.months) -> int:
    """Write the table a month at a time; fewer months make a smaller one. Returns its rows."""
    return write_large_table(path, replace(DESIGN, months=months))


def fit_once(path: Path, threads: int = THREADS) -> dict[str, Any]:
    """Fit with county and month effects and errors clustered by county: seconds, peak GiB of this process, coefficients."""
    began = time.perf_counter()
    from citycarbon.econometrics.compression import LargeModel, fit_parquet

    model = LargeModel("ln_co2", CONTROLS, ("county_id",), ("month",), "county_id", "did")
    found = fit_parquet([path], model, threads=threads, scratch=path.parent)
    seconds = time.perf_counter() - began
    values = {e.term: [e.value, e.std_error] for e in found.estimates}
    return {"seconds": seconds, "gib": _peak_gib(), "rows": found.n_obs, "cells": found.n_cells, "estimates": values}


def pyfixest_once(path: Path) -> dict[str, Any]:
    """The same regression by pyfixest: ``load_seconds`` from parquet, ``seconds`` of the fit, peak GiB, coefficients."""
    import pandas as pd
    import pyfixest

    began = time.perf_counter()
    data = pd.read_parquet(path, columns=["county_id", "month", "did", "ln_co2", *CONTROLS])
    loaded = time.perf_counter()
    formula = f"ln_co2 ~ did + {' + '.join(CONTROLS)} | county_id + month"
    result = pyfixest.feols(formula, data, vcov={"CRV1": "county_id"}, lean=True, copy_data=False, store_data=False)
    seconds = time.perf_counter() - loaded
    values = {term: [float(result.coef()[term]), float(result.se()[term])] for term in ("did", *CONTROLS)}
    told = {"seconds": seconds, "load_seconds": loaded - began, "gib": _peak_gib(), "rows": len(data), "estimates": values}
    return told | {"version": pyfixest.__version__}


def fit_in_child(path: Path, threads: int = THREADS) -> dict[str, Any]:
    """:func:`fit_once` in a process of its own."""
    return _child("fit", str(path), str(threads))


def pyfixest_in_child(path: Path) -> dict[str, Any]:
    """:func:`pyfixest_once` in a process of its own."""
    return _child("pyfixest", str(path))


def _child(*arguments: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-m", "benchmarks.cells", *arguments], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _peak_gib() -> float:
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2 ** (30 if sys.platform == "darwin" else 20)  # bytes there, KiB elsewhere


if __name__ == "__main__":
    what, file, *rest = sys.argv[1:]
    print(json.dumps(fit_once(Path(file), *map(int, rest)) if what == "fit" else pyfixest_once(Path(file))))
