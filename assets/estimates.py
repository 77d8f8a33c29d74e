"""Every coefficient of the study's regression tables, and the tables as they are printed.

Estimation is ``citycarbon.econometrics``, layout ``citycarbon.report.tables``; ``study.yaml`` says what a table contains.
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
    parquet_metadata,
    printed_table,
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
        "fixed effects. PanelOLS in the form that equals reghdfe. The treatment carries no star before randomisation inference."
    ),
)
def estimates(
    home: dg.ResourceParam[Home], landing: dg.ResourceParam[Path], study: dg.ResourceParam[Study]
) -> dg.MaterializeResult:
    import pandas as pd

    from citycarbon.econometrics import estimate_columns, write_estimates

    frame = estimate_columns(pd.read_parquet(home.marts(study.study) / "city_panel.parquet"), study)
    folder = home.results(study.study)
    write_estimates(frame, folder / "estimates.csv", folder / "estimates.parquet")
    return dg.MaterializeResult(
        metadata={
            **parquet_metadata(folder / "estimates.parquet", UNITS),
            "dagster/column_lineage": column_lineage({n: {"city_panel": panel_columns(study)} for n in COMPUTED}),
            "treatment": treatment_table(frame, is_synthetic(landing)),
            **headline_numbers(frame),
        },
        data_version=content_version(folder / "estimates.csv"),
    )


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

    rows = frame[frame["term"].str.startswith("did")]
    header = ["table", "column", "estimate", "(se)", "N", "cities", "fixed effects"]
    cells = [
        (
            r.table,
            r.column,
            f"{r.estimate:.3f}",
            f"({r.std_error:.3f})",
            r.n_obs,
            r.n_clusters,
            " + ".join(parse_effects(r.fixed_effects)),
        )
        for r in rows.itertuples()
    ]
    return at_a_glance(header, cells, synthetic)


def headline_numbers(frame: "pd.DataFrame") -> dict[str, Any]:
    """One number a column for the UI's plot over runs; a column that is not estimable has none."""
    rows = frame[(frame["term"] == "did") & frame["estimate"].notna()]
    return {f"did {r.table}:{r.column}": float(r.estimate) for r in rows.itertuples()}


@dg.asset(
    deps=["estimates"],
    kinds={"python", "markdown"},
    owners=OWNERS,
    pool=POOL,
    code_version=code_version("citycarbon/report", "citycarbon/study"),
    description=(
        "Table 2 and every other regression table of the study, as printed: city and year effects beside province and year "
        "effects, standard errors clustered by city in parentheses."
    ),
)
def table2(
    home: dg.ResourceParam[Home], landing: dg.ResourceParam[Path], study: dg.ResourceParam[Study]
) -> dg.MaterializeResult:
    from citycarbon.econometrics import read_estimates
    from citycarbon.report.formats import write_table
    from citycarbon.report.results import Results
    from citycarbon.report.tables import regression_table

    results, synthetic = home.results(study.study), is_synthetic(landing)
    frame, beside = read_estimates(results / "estimates.csv"), Results(results)
    tables = {name: regression_table(frame, study, name, synthetic, beside) for name in study.regression_tables()}
    folder = results / "tables"
    paths = [path for name, table in tables.items() for path in write_table(table, folder, name)]
    used = {"estimates": ["estimate", "std_error", "n_obs", "stars"]}
    return printed_table(
        paths, sum(len(table.body) for table in tables.values()), used, treatment_table(frame, is_synthetic(landing))
    )
