"""Estimation: two-way fixed effects with clustered errors, independent references, and the contract of ``estimates.csv``."""

from citycarbon.econometrics.columns import estimate_columns, projected_effect
from citycarbon.econometrics.contract import read_estimates, write_estimates
from citycarbon.econometrics.estimate import estimate_study
from citycarbon.econometrics.sample import estimation_sample
from citycarbon.econometrics.second_opinion import refit

__all__ = [
    "estimate_columns",
    "estimate_study",
    "estimation_sample",
    "projected_effect",
    "read_estimates",
    "refit",
    "write_estimates",
]
