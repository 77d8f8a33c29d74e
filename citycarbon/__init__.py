"""The domain, in plain Python: sources, sample, study, econometrics, provenance, report.

Nothing here imports Dagster, Great Expectations or another folder of this project.
"""

__version__ = "0.3.0"
