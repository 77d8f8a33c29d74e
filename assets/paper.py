"""The printed paper beside this run: its numbers compared, its claims judged, its tables and ours examined by the same rules.

A study without a paper gets the same files without rows.
"""

from typing import TYPE_CHECKING

from assets.study_assets import StudyRun, result_tables

if TYPE_CHECKING:
    import pandas as pd

CODE = ("citycarbon/paper", "citycarbon/study", "citycarbon/forensics")


@result_tables(
    deps=["estimates", "city_panel"],
    code=CODE,
    description="Every printed coefficient and descriptive beside ours: difference, sign, rounding, the closest reading.",
)
def comparison(run: StudyRun) -> "dict[str, pd.DataFrame]":
    from citycarbon.paper.comparison import compare_study

    return {"comparison": compare_study(run.panel, run.study, run.estimates, run.synthetic)}


@result_tables(
    deps=["estimates", "splits", "mechanisms", "event_study", "inference"],
    code=CODE,
    description="The paper's hypotheses and sentences, each with the rule that decides it and the verdict on this panel.",
)
def claims(run: StudyRun) -> "dict[str, pd.DataFrame]":
    from citycarbon.paper.claims import judge_study

    return {"claims": judge_study(run.study, run.folder)}


@result_tables(
    deps=["estimates", "city_panel"],
    code=CODE,
    description=(
        "Rules L68 to L82 on the paper's printed tables (forensics.csv) and, the same rules, on this run's (forensics_own.csv)."
    ),
)
def forensics(run: StudyRun) -> "dict[str, pd.DataFrame]":
    from citycarbon.forensics import examine_own, examine_study

    return {"forensics": examine_study(run.study), "forensics_own": examine_own(run.panel, run.study, run.folder)}
