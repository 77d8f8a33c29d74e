"""Splits of the cities in two halves: who is where, the test of the difference, and the check that the halves add up."""

from typing import TYPE_CHECKING

import dagster as dg

from assets.check_files import keep
from assets.reporting import POOL
from assets.study_assets import StudyRun, result_tables
from citycarbon.paths import Home
from citycarbon.study import Study

if TYPE_CHECKING:
    import pandas as pd


@result_tables(
    deps=["city_panel", "estimates"],
    code=("citycarbon/econometrics", "citycarbon/study"),
    description=(
        "Every split: criterion, cut, sizes of the halves with their sum check, effect in each half, and the difference with "
        "its p-value by randomisation inference."
    ),
)
def splits(run: StudyRun) -> "dict[str, pd.DataFrame]":
    from citycarbon.econometrics.splits import split_report

    return {"splits": split_report(run.panel, run.study, run.estimates, workers=2)}


@dg.asset_check(
    asset=splits,
    name="splits_add_up",
    blocking=True,
    pool=POOL,
    description="low + high + missing + singletons + incomplete = N in every split whose halves are sets of cities or rows.",
)
def splits_add_up(home: dg.ResourceParam[Home], study: dg.ResourceParam[Study]) -> dg.AssetCheckResult:
    from citycarbon.econometrics import read_estimates
    from citycarbon.econometrics.contract import read_results
    from citycarbon.econometrics.splits import SPLIT_COLUMNS, check_splits

    folder = home.results(study.study)
    result = check_splits(read_results(folder / "splits.csv", SPLIT_COLUMNS), read_estimates(folder / "estimates.csv"))
    keep([result], home, study.study, "splits")
    return dg.AssetCheckResult(
        passed=result.passed,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"observed": result.observed, "expected": result.expected},
    )
