"""What a study asks for beyond its tables: other estimators, sensitivity, the specification curve: csv files and figures.

Leaving this group out of a run changes nothing else: no table, figure or check outside it rests on it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from assets.sources import raw_key
from assets.study_assets import StudyRun, result_tables

if TYPE_CHECKING:
    import pandas as pd

CODE = ("citycarbon/econometrics", "citycarbon/study")


@result_tables(
    deps=["city_panel", raw_key("large_table")],
    code=(*CODE, "citycarbon/sources/large_table.py"),
    description=(
        "Regressions on tables larger than memory that the study names (large_tables.csv): from sums by cell, with "
        "the clustered errors of all rows and randomisation inference over cities; the policy's years are those of the panel. "
        "Header only where the study names none."
    ),
)
def large_tables(run: StudyRun) -> "dict[str, pd.DataFrame]":
    from citycarbon.econometrics.large_tables import large_tables as regressions
    from citycarbon.sources.large_table import kept_files
    from citycarbon.study.extensions import LargeTable

    def files(table: LargeTable) -> dict[str, Path]:
        return kept_files(table.source, table.edition, run.landing, run.home)

    return {"large_tables": regressions(run.panel, run.study, files, run.home.root)}


@result_tables(
    deps=["city_panel"],
    code=(*CODE, "citycarbon/figures"),
    description=(
        "Every reading that the text leaves open, crossed: each specification with its estimate, clustered error and RI p "
        "(spec_curve.csv), the shares, the joint test and what each choice moves (spec_curve_summary.csv), and the figure. "
        "Header only where the study declares no choices."
    ),
)
def spec_curve(run: StudyRun) -> "dict[str, pd.DataFrame]":
    from citycarbon.econometrics.spec_curve import spec_curve as crossed
    from citycarbon.figures.curve import draw_curve

    found = crossed(run.panel, run.study, workers=2)
    draw_curve(found.curve, found.summary, run.folder / "figures", "spec_curve", run.synthetic)
    return {"spec_curve": found.curve, "spec_curve_summary": found.summary}


@result_tables(
    deps=["city_panel"],
    code=(*CODE, "citycarbon/figures", "citycarbon/report", "dbt_project/seeds/city_centroids.csv"),
    description=(
        "The headline column looked at again (sensitivity.csv): other controls, without and with its neighbours, Conley's "
        "errors, other scales of the outcome, anticipation, other samples; each redrawn where it can be; how far "
        "the trend may break; and two figures. "
        "Header only where the study asks for none."
    ),
)
def sensitivity(run: StudyRun) -> "dict[str, pd.DataFrame]":
    from citycarbon.econometrics.sensitivity import sensitivity as looked_at_again
    from citycarbon.figures.sensitivity_forest import draw_sensitivity
    from citycarbon.figures.trend_sets import draw_trend_sets

    rows = looked_at_again(run.panel, run.study)
    draw_sensitivity(rows, run.folder / "figures", "sensitivity_forest", run.synthetic)
    draw_trend_sets(rows, run.folder / "figures", "trends", run.synthetic)
    return {"sensitivity": rows}


@result_tables(
    deps=["city_panel"],
    code=(*CODE, "citycarbon/figures"),
    description=(
        "Estimators for staggered adoption on the rows of the headline column, each with its analytic error and its p by "
        "randomisation inference (staggered.csv), what the two-way regression averages (staggered_weights.csv), and a forest "
        "plot. Header only where the study asks for none."
    ),
)
def staggered(run: StudyRun) -> "dict[str, pd.DataFrame]":
    from citycarbon.econometrics.staggered import staggered as estimated
    from citycarbon.econometrics.staggered_weights import staggered_weights
    from citycarbon.figures.staggered_forest import draw_staggered

    found = estimated(run.panel, run.study, workers=2)
    draw_staggered(found, run.folder / "figures", "staggered", run.synthetic)
    return {"staggered": found, "staggered_weights": staggered_weights(run.panel, run.study)}
