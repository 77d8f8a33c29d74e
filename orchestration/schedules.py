"""The monthly refresh: a net below the sensor, for homes where nobody switched the sensor on."""

import dagster as dg

from orchestration.jobs import refresh_job
from orchestration.sensors import refresh_request


@dg.schedule(
    job=refresh_job,
    cron_schedule="0 3 1 * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="On the first of each month at 03:00 UTC: take in what is new in the landing folder and release it.",
)
def monthly_refresh(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    return refresh_request(context.instance)
