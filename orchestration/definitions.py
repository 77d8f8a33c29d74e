"""The one Definitions object of the project. ``build_defs(**overrides)`` swaps parts, so that tests patch nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from assets import asset_checks, assets
from orchestration.desk import DESK_JOBS
from orchestration.jobs import check_job, executor, refresh_job, study_jobs
from orchestration.logs import file_logger
from orchestration.resources import default_resources
from orchestration.schedules import monthly_refresh
from orchestration.sensors import landing_sensor


def build_defs(
    *,
    resources: Mapping[str, Any] | None = None,
    assets: Sequence[Any] = assets,
    asset_checks: Sequence[Any] = asset_checks,
    jobs: Sequence[Any] | None = None,
) -> dg.Definitions:
    """Definitions with the given resources in place of (or beside) the default ones."""
    return dg.Definitions(
        assets=list(assets),
        asset_checks=list(asset_checks),
        jobs=list(jobs) if jobs is not None else [*study_jobs(), refresh_job, check_job, *DESK_JOBS],
        schedules=[monthly_refresh],
        sensors=[landing_sensor],
        resources={**default_resources(), **(resources or {})},
        executor=executor(),
        loggers={"console": dg.colored_console_logger, "file": file_logger},
    )


defs = build_defs()
