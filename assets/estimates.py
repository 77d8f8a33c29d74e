"""Every coefficient of the study's regression tables with its inference, and the event study.

Estimation is ``citycarbon.econometrics``; ``study.yaml`` says what a table contains. Printing it is ``assets.tables``.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.reporting import (
    OWNERS,
    POOL,
    at_a_glance,
    code_version,
    column_lineage,
    content_version,
    is_synthetic,
    panel_and_folder,
    parquet_metadata,
    written_tables,
)
from citycarbon.paths import Home
from citycarbon.study import Study

if TYPE_CHECKING:
    import pandas as pd

UNITS = {
    "estimate": "per unit of the term; for a logged outcome, log points",
    "std_error": "as estimate; clustered by city",
    "conf_low": "95 % interval, t(G-1)",
    "conf_high": "95 % interval, t(G-1)",
    "n_obs": "city-years",
    "n_clusters": "cities",
}

COMPUTED = ("estimate", "std_error", "n_obs")


@dg.asset(
    deps=["city_panel"],
    kinds={"python", "parquet"},
    owners=OWNERS,
    pool=POOL,
    code_version=code_version("citycarbon/econometrics", "citycarbon/study"),
    description=(
        "Every coefficient of every regression column, one row each: estimate, clustered standard error, interval, sample and "
        "fixed effects. PanelOLS in the form that equals reghdfe. The treatment's star comes from randomisation inference on "
        "the t statistic; placebo.csv sums up the draws of every column, draws/placebo.parquet holds the first ones."
    ),
)
def estimates(
    home: dg.ResourceParam[Home], landing: dg.ResourceParam[Path], study: dg.ResourceParam[Study]
) -> dg.MaterializeResult:
    from citycarbon.econometrics import estimate_study, write_estimates
    from citycarbon.econometrics.placebo import write_placebo

    panel, folder = panel_and_folder(home, study)
    done = estimate_study(panel, study)
    write_estimates(done.estimates, folder / "estimates.csv", folder / "estimates.parquet")
    write_placebo(done, folder)
    return dg.MaterializeResult(
        metadata={
            **parquet_metadata(folder / "estimates.parquet", UNITS),
            "dagster/column_lineage": column_lineage({n: {"city_panel": panel_columns(study)} for n in COMPUTED}),
            "treatment": treatment_table(done.estimates, is_synthetic(landing)),
            **headline_numbers(done.estimates),
        },
        data_version=content_version(folder / "estimates.csv", folder / "placebo.csv"),
    )


@dg.asset(
    deps=["city_panel"],
    kinds={"python", "csv"},
    owners=OWNERS,
    pool=POOL,
    code_version=code_version("citycarbon/econometrics", "citycarbon/study"),
    description=(
        "Figure 2's numbers: effects by years since adoption with end bins, the shortcut that leaves them out, the treated "
        "cities behind each point, and the joint test of the leads (clustered and by randomisation)."
    ),
)
def event_study(
    home: dg.ResourceParam[Home], landing: dg.ResourceParam[Path], study: dg.ResourceParam[Study]
) -> dg.MaterializeResult:
    from citycarbon.econometrics.event_study import event_study as estimate

    panel, folder = panel_and_folder(home, study)
    used = {"city_panel": panel_columns(study)}
    return written_tables({"event_study": estimate(panel, study)}, folder, is_synthetic(landing), used)


def panel_columns(study: Study) -> list[str]:
    """The panel columns that all regression columns of the study together are computed from."""
    used = {study.did_column, "city_id", "province_id", "year", "in_sample"}
    for table in study.regression_tables().values():
        for column in table.columns:
            used |= {column.outcome, *column.controls, *(c.variable for c in column.filter)}
    return sorted(used)


def treatment_table(frame: "pd.DataFrame", synthetic: bool) -> dg.MarkdownMetadataValue:
    """The treatment's rows as the UI shows them."""
    from citycarbon.econometrics.contract import parse_effects

    rows = frame[frame["star_rule"] != "t"]
    header = ["table", "column", "estimate", "(se)", "p by RI", "N", "cities", "treated", "fixed effects"]
    cells = [
        (
            r.table,
            r.column,
            f"{r.estimate:.3f}",
            f"({r.std_error:.3f})",
            f"{r.p_ri_t:.3f}",
            r.n_obs,
            r.n_clusters,
            r.n_treated_units,
            " + ".join(parse_effects(r.fixed_effects)),
        )
        for r in rows.itertuples()
    ]
    cells = [[str(c).replace("nan", "") for c in row] for row in cells]
    return at_a_glance(header, cells, synthetic)


def headline_numbers(frame: "pd.DataFrame") -> dict[str, Any]:
    """One number a column for the UI's plot over runs; a column that is not estimable has none."""
    rows = frame[(frame["term"] == "did") & frame["estimate"].notna()]
    return {f"did {r.table}:{r.column}": float(r.estimate) for r in rows.itertuples()}
