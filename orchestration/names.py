"""Names that the command line, the sensor and the definitions share. Imports nothing, so that it costs nothing."""

REFRESH_JOB = "refresh"
CHECK_JOB = "check"


def study_job_name(study: str, extensions: bool = True) -> str:
    """The job that takes one study from its sources to a release, with or without the group ``extensions``."""
    return f"study_{study}" if extensions else f"tables_{study}"
