"""What can be done while Dagster loads: read the received files into the cache, and let dbt parse its project.

Both only warm what the run would make itself, in processes of their own; no result depends on whether they ran, or how far.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from citycarbon.dbt_runner import end_parse, parse_ahead, prepare_scratch
from citycarbon.paths import Home
from citycarbon.study import Study


@contextmanager
def working_ahead(home: Home, study: Study, landing: Path) -> Iterator[None]:
    """Start both for the time of a run; whatever still works when the run is over is ended."""
    target = prepare_scratch(home, study.study)
    parse_ahead(study.dbt_vars(home), target)
    command = [sys.executable, "-m", "citycarbon.sources.read_ahead", str(landing), str(home.root)]
    reader = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        end_parse(target, at_once=True)
        reader.terminate()
        reader.wait()
