"""Dagster wiring (definitions, jobs, resources, sensor, schedule) and the ``citycarbon`` command over the same functions."""
