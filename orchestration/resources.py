"""What Dagster hands to the assets: the home, the landing folder, the study and the exporter of a run's lineage.

Assets receive plain objects of ``citycarbon`` (Home, Path, Study), so that they know nothing of how those were configured.
Defaults come from the environment: CITYCARBON_HOME, CITYCARBON_LANDING, CITYCARBON_STUDY.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from citycarbon.paths import Home, resolve_home
from citycarbon.study import Study, load_study
from orchestration.lineage import RunLineage
from orchestration.lock import home_lock

DEFAULT_STUDY = "ai_pilot"
# A run launched from the UI while the command line writes waits; runs among themselves are queued by the pool.
_PATIENCE_SECONDS = 900.0


def default_study() -> str:
    return os.environ.get("CITYCARBON_STUDY") or DEFAULT_STUDY


def default_landing(home: Home) -> Path:
    """CITYCARBON_LANDING, else the landing folder of the home."""
    given = os.environ.get("CITYCARBON_LANDING")
    return Path(given).resolve() if given else home.landing


def _optional(description: str) -> dg.Field:
    return dg.Field(dg.Noneable(str), default_value=None, is_required=False, description=description)


@dg.resource(config_schema={"root": _optional("folder that holds everything; default CITYCARBON_HOME, else ./data")})
def home_resource(init_context: dg.InitResourceContext) -> Iterator[Home]:
    """The home, locked for as long as the run (or, with several processes, the step) lasts."""
    home = resolve_home(init_context.resource_config["root"])
    run = init_context.run
    with home_lock(home, f"Dagster run {run.run_id[:8]}" if run else "Dagster", wait_seconds=_PATIENCE_SECONDS):
        yield home


@dg.resource(
    config_schema={"path": _optional("folder of received files; default CITYCARBON_LANDING, else <home>/landing")},
    required_resource_keys={"home"},
)
def landing_resource(init_context: dg.InitResourceContext) -> Path:
    given = init_context.resource_config["path"]
    return Path(given).resolve() if given else default_landing(init_context.resources.home)


@dg.resource(config_schema={"name": _optional("folder in studies/; default CITYCARBON_STUDY, else ai_pilot")})
def study_resource(init_context: dg.InitResourceContext) -> Study:
    return load_study(init_context.resource_config["name"] or default_study())


def default_resources() -> dict[str, Any]:
    return {
        "home": home_resource,
        "landing": landing_resource,
        "study": study_resource,
        "lineage": RunLineage(),
    }
