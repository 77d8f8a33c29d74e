"""Every coefficient of the study's regression tables with its inference, and the event study.

Estimation is ``citycarbon.econometrics``; ``study.yaml`` says what a table contains. Printing it is ``assets.tables``.
"""

from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.reporting import at_a_glance, column_lineage, content_version, parquet_metadata
from assets.study_assets import StudyRun, panel_columns, result_tables, study_asset

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

CODE = ("citycarbon/econometrics", "citycarbon/study")
COMPUTED = ("estimate", "std_error", "n_obs")


@study_asset(
    deps=["city_panel"],
    kinds={"python", "parquet"},
    code=CODE,
    description=(
        "Every coefficient of every regression column, one row each: estimate, clustered standard error, interval, sample and "
        "fixed effects. PanelOLS in the form that equals reghdfe. The treatment's star comes from randomisation inference on "
        "the t statistic; placebo.csv sums up the draws of every column, draws/placebo.parquet holds the first ones."
    ),
)
def estimates(run: StudyRun) -> dg.MaterializeResult:
    from citycarbon.econometrics import estimate_study, write_estimates
    from citycarbon.econometrics.placebo_summary import write_placebo

    done, folder = estimate_study(run.panel, run.study, workers=2), run.folder
    write_estimates(done.estimates, folder / "estimates.csv", folder / "estimates.parquet")
    write_placebo(done.placebo, done.shown, folder)
    return dg.MaterializeResult(
        metadata={
            **parquet_metadata(folder / "estimates.parquet", UNITS),
            "dagster/column_lineage": column_lineage({n: {"city_panel": panel_columns(run.study)} for n in COMPUTED}),
            "treatment": treatment_table(done.estimates, run.synthetic),
            **headline_numbers(done.estimates),
        },
        data_version=content_version(folder / "estimates.csv", folder / "placebo.csv"),
    )


@result_tables(
    deps=["city_panel"],
    code=CODE,
    description=(
        "Figure 2's numbers: effects by years since adoption with end bins, the shortcut that leaves them out, the treated "
        "cities behind each point, the joint test of the leads (clustered and by randomisation), and the linear trends that "
        "the leads would find with 50 and 80 % power."
    ),
)
def event_study(run: StudyRun) -> "dict[str, pd.DataFrame]":
    from citycarbon.econometrics.event_study import event_study as estimate
    from citycarbon.econometrics.pretrend_power import add_slopes

    return {"event_study": add_slopes(estimate(run.panel, run.study, workers=2), run.panel, run.study)}


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
