"""Figures 1 to 3: drawn from the panel and from the numbers of other assets, each with its plotted points as csv."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from assets.reporting import content_version, csv_header
from assets.study_assets import StudyRun, study_asset

CODE = ("citycarbon/figures", "citycarbon/study")


def drawn(paths: Sequence[Path]) -> dg.MaterializeResult:
    """What the UI shows of a figure: its text alternative and the picture's path."""
    by_kind = {path.suffix: path for path in paths}
    with by_kind[".csv"].open(encoding="utf-8") as handle:
        points = sum(1 for _ in handle) - 1
    return dg.MaterializeResult(
        metadata={
            "in words": dg.MetadataValue.md(by_kind[".txt"].read_text(encoding="utf-8")),
            "picture": dg.MetadataValue.path(str(by_kind[".png"])),
            "dagster/row_count": points,
            "dagster/column_schema": dg.TableSchema(
                [dg.TableColumn(name, type="text") for name in csv_header(by_kind[".csv"])]
            ),
        },
        data_version=content_version(*paths),
    )


@study_asset(
    deps=["city_panel"],
    kinds={"python", "svg"},
    code=CODE,
    description="Figure 1: city CO2 of one year on a map, in Mt, with a class for cities without a value.",
)
def figure1(run: StudyRun) -> dg.MaterializeResult:
    from citycarbon.figures import draw_figure1

    return drawn(draw_figure1(run.panel, run.study, run.folder / "figures", run.synthetic))


@study_asset(
    deps=["event_study"],
    kinds={"python", "svg"},
    code=CODE,
    description="Figure 2: the event study with its end bins, the shortcut beside it, and the treated cities under each point.",
)
def figure2(run: StudyRun) -> dg.MaterializeResult:
    from citycarbon.econometrics.contract import read_results
    from citycarbon.econometrics.event_study import EVENT_COLUMNS
    from citycarbon.figures import draw_figure2

    frame = read_results(run.folder / "event_study.csv", EVENT_COLUMNS)
    return drawn(draw_figure2(frame, run.folder / "figures", run.synthetic))


@study_asset(
    deps=["estimates"],
    kinds={"python", "svg"},
    code=CODE,
    description="Figure 3: the placebo estimates of random assignments, their p-values, and the estimate among them.",
)
def figure3(run: StudyRun) -> dg.MaterializeResult:
    import pandas as pd

    from citycarbon.econometrics.contract import read_results
    from citycarbon.econometrics.placebo_summary import PLACEBO_TYPES
    from citycarbon.figures import draw_placebo

    placebo = read_results(run.folder / "placebo.csv", PLACEBO_TYPES)
    shown = pd.read_parquet(run.folder / "draws" / "placebo.parquet")
    return drawn(draw_placebo(placebo, shown, run.estimates, run.folder / "figures", run.synthetic))
