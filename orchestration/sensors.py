"""Watches the landing folder by content. Off until someone switches it on: a first-time user decides when runs start.

What is new is decided by ``orchestration.refreshing.next_refresh``, the same function that the command line calls.
"""

import dagster as dg

from assets.release import VERSION_TAG
from citycarbon.paths import resolve_home
from orchestration.jobs import refresh_job, study_config
from orchestration.refreshing import REFRESH_TAG, decide, is_under_way
from orchestration.resources import default_landing, default_study


def refresh_request(instance: dg.DagsterInstance) -> dg.RunRequest | dg.SkipReason:
    """A request for the run that is due, or why none is."""
    home, study = resolve_home(), default_study()
    decision = decide(home, study, default_landing(home), instance)
    if not decision.is_due:
        return dg.SkipReason(decision.sentence)
    if is_under_way(home, decision.version, instance):
        return dg.SkipReason(f"{decision.version}: a run is under way")
    return dg.RunRequest(
        run_key=decision.run_key,
        run_config=study_config(study),
        tags={REFRESH_TAG: decision.version, VERSION_TAG: decision.version, "writer": "lake"},
    )


@dg.sensor(
    job=refresh_job,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Requests a refresh when the complete drops of the landing folder would give a release that is not there yet.",
)
def landing_sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    return refresh_request(context.instance)
