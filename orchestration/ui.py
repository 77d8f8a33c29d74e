"""Starts the Dagster UI on 127.0.0.1: prepares DAGSTER_HOME, the manifest and (where there is no landing) the sample first."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from citycarbon.errors import CityCarbonError
from citycarbon.paths import PROJECT_ROOT, Home, resolve_home
from orchestration.inputs import DEFAULT_SEED, choose_landing
from orchestration.lock import home_lock
from orchestration.manifest import prepare_manifest
from orchestration.pipeline import prepare_dagster_home


def prepare(home: Home, seed: int = DEFAULT_SEED) -> dict[str, str]:
    """The environment of ``dagster dev`` for a home; writes what it needs below the home.

    Where CITYCARBON_LANDING names a folder, the UI reads it; else the home's landing folder; else the sample.
    """
    with home_lock(home, "citycarbon ui"):
        prepare_manifest()
        prepare_dagster_home(home)
        given = os.environ.get("CITYCARBON_LANDING")
        chosen = choose_landing(home, Path(given) if given else None, seed=seed)
    if chosen.is_synthetic:
        print(f"Reading synthetic sample sources in {chosen.path}", flush=True)
    set_by_us = {
        "CITYCARBON_HOME": str(home.root),
        "DAGSTER_HOME": str(home.dagster_home),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
    }
    # The home's own folder is the default; naming it would hide a drop that arrives later in another place.
    if chosen.path != home.landing:
        set_by_us["CITYCARBON_LANDING"] = str(chosen.path)
    return {**os.environ, **set_by_us}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make ui", description=__doc__)
    parser.add_argument("--home", help="folder that holds everything (default: CITYCARBON_HOME, else ./data)")
    parser.add_argument("--port", type=int, default=3000)
    args = parser.parse_args(argv)
    try:
        environment = prepare(resolve_home(args.home))
    except CityCarbonError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    dagster = Path(sys.executable).with_name("dagster")
    command = [str(dagster), "dev", "-w", str(PROJECT_ROOT / "workspace.yaml"), "-h", "127.0.0.1", "-p", str(args.port)]
    os.chdir(PROJECT_ROOT)
    # Replaces this process: Ctrl-C reaches Dagster itself, which then ends its servers.
    os.execve(command[0], command, environment)


if __name__ == "__main__":
    sys.exit(main())
