"""The jobs of the code location: one a study, the scheduled refresh, and the check that stops after the gate.

Each is a selection of the same assets; what differs is the study that the resources hand out.
"""

from __future__ import annotations

import os
from typing import Any

import dagster as dg

from assets import JUDGED_GROUPS
from assets.release import WITHOUT_TAG
from citycarbon.release.identity import EXTENSIONS
from citycarbon.study import list_studies
from orchestration.names import CHECK_JOB, REFRESH_JOB, study_job_name
from orchestration.resources import default_study

_TAGS = {"writer": "lake"}


def executor() -> dg.ExecutorDefinition:
    """In one process unless CITYCARBON_EXECUTOR=multiprocess: each process of its own imports for seconds."""
    return dg.multiprocess_executor if os.environ.get("CITYCARBON_EXECUTOR") == "multiprocess" else dg.in_process_executor


def study_config(study: str) -> dict[str, Any]:
    return {"resources": {"study": {"config": {"name": study}}}}


def _everything(name: str, study: str, description: str) -> Any:
    return dg.define_asset_job(
        name,
        selection=dg.AssetSelection.all(),
        config=study_config(study),
        description=description,
        executor_def=executor(),
        tags=_TAGS,
    )


refresh_job = _everything(
    REFRESH_JOB,
    default_study(),
    "Take in what is new in the landing folder, judge it, estimate and release. Started by sensor and schedule.",
)

check_job = dg.define_asset_job(
    CHECK_JOB,
    selection=dg.AssetSelection.groups(*JUDGED_GROUPS),
    config=study_config(default_study()),
    description="Read, stage and judge; estimate nothing and release nothing.",
    executor_def=executor(),
    tags=_TAGS,
)


def study_jobs() -> list[Any]:
    """Two a study: everything, and everything but the group ``extensions``."""
    whole = [
        _everything(study_job_name(study), study, f"Sources to release for the study '{study}'.") for study in list_studies()
    ]
    return [*whole, *(_without_extensions(study) for study in list_studies())]


def _without_extensions(study: str) -> Any:
    return dg.define_asset_job(
        study_job_name(study, extensions=False),
        selection=dg.AssetSelection.all() - dg.AssetSelection.groups(EXTENSIONS),
        config=study_config(study),
        description=f"Sources to release for the study '{study}': all tables and figures, without the group extensions.",
        executor_def=executor(),
        tags={**_TAGS, WITHOUT_TAG: EXTENSIONS},
    )
