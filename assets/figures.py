"""Figures 1 to 3: drawn from the panel and from the numbers of other assets, each with its plotted points as csv."""

from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from assets.reporting import OWNERS, POOL, code_version, content_version, csv_header, is_synthetic, panel_and_folder
from citycarbon.paths import Home
from citycarbon.study import Study

if TYPE_CHECKING:
    from collections.abc import Sequence

CODE = code_version("citycarbon/figures", "citycarbon/study")


def drawn(paths: "Sequence[Path]") -> dg.MaterializeResult:
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


@dg.asset(
    deps=["city_panel"],
    kinds={"python", "svg"},
    owners=OWNERS,
    pool=POOL,
    code_version=CODE,
    description="Figure 1: city CO2 of one year on a map, in Mt, with a class for cities without a value.",
)
def figure1(
    home: dg.ResourceParam[Home], landing: dg.ResourceParam[Path], study: dg.ResourceParam[Study]
) -> dg.MaterializeResult:
    from citycarbon.figures import draw_figure1

    panel, folder = panel_and_folder(home, study)
    return drawn(draw_figure1(panel, study, folder / "figures", is_synthetic(landing)))


@dg.asset(
    deps=["event_study"],
    kinds={"python", "svg"},
    owners=OWNERS,
    pool=POOL,
    code_version=CODE,
    description="Figure 2: the event study with its end bins, the shortcut beside it, and the treated cities under each point.",
)
def figure2(
    home: dg.ResourceParam[Home], landing: dg.ResourceParam[Path], study: dg.ResourceParam[Study]
) -> dg.MaterializeResult:
    from citycarbon.econometrics.contract import read_results
    from citycarbon.econometrics.event_study import EVENT_COLUMNS
    from citycarbon.figures import draw_figure2

    folder = home.results(study.study)
    frame = read_results(folder / "event_study.csv", EVENT_COLUMNS)
    return drawn(draw_figure2(frame, folder / "figures", is_synthetic(landing)))


@dg.asset(
    deps=["estimates"],
    kinds={"python", "svg"},
    owners=OWNERS,
    pool=POOL,
    code_version=CODE,
    description="Figure 3: the placebo estimates of random assignments, their p-values, and the estimate among them.",
)
def figure3(
    home: dg.ResourceParam[Home], landing: dg.ResourceParam[Path], study: dg.ResourceParam[Study]
) -> dg.MaterializeResult:
    import pandas as pd

    from citycarbon.econometrics import read_estimates
    from citycarbon.econometrics.contract import read_results
    from citycarbon.econometrics.placebo import PLACEBO_TYPES
    from citycarbon.figures import draw_placebo

    folder = home.results(study.study)
    placebo = read_results(folder / "placebo.csv", PLACEBO_TYPES)
    estimates = read_estimates(folder / "estimates.csv")
    shown = pd.read_parquet(folder / "draws" / "placebo.parquet")
    return drawn(draw_placebo(placebo, shown, estimates, folder / "figures", is_synthetic(landing)))
