"""Tables that describe: Table 1 over all city-years and over the estimation sample, and the way from all city-years to N."""

from pathlib import Path

import dagster as dg

from assets.reporting import OWNERS, POOL, code_version, is_synthetic, printed_table
from citycarbon.paths import Home
from citycarbon.report.attrition import attrition_table
from citycarbon.report.descriptives import table1 as describe
from citycarbon.report.formats import write_table
from citycarbon.study import Study

CODE = code_version("citycarbon/report", "citycarbon/econometrics/sample.py", "citycarbon/study")


@dg.asset(
    deps=["city_panel"],
    kinds={"python", "markdown"},
    owners=OWNERS,
    pool=POOL,
    code_version=CODE,
    description="Table 1: number, mean, standard deviation and range of every variable, in its unit and transform.",
)
def table1(
    home: dg.ResourceParam[Home], landing: dg.ResourceParam[Path], study: dg.ResourceParam[Study]
) -> dg.MaterializeResult:
    import pandas as pd

    panel = pd.read_parquet(home.marts(study.study) / "city_panel.parquet")
    names = [name for name, table in study.tables.items() if table.kind == "descriptives"]
    tables = {name: describe(panel, study, is_synthetic(landing), name) for name in names}
    folder = home.results(study.study) / "tables"
    paths = [path for name, table in tables.items() for path in write_table(table, folder, name)]
    rows = sum(len(table.body) for table in tables.values())
    return printed_table(paths, rows, {"city_panel": sorted(study.panel_column(v) for v in study.tables[names[0]].variables)})


@dg.asset(
    deps=["sample_attrition", "estimates"],
    kinds={"python", "markdown"},
    owners=OWNERS,
    pool=POOL,
    code_version=CODE,
    description="From cities x years to the N of every column: city-years dropped by each recorded reason.",
)
def sample_attrition_table(
    home: dg.ResourceParam[Home], landing: dg.ResourceParam[Path], study: dg.ResourceParam[Study]
) -> dg.MaterializeResult:
    import pandas as pd

    from citycarbon.econometrics import read_estimates

    attrition = pd.read_parquet(home.marts(study.study) / "sample_attrition.parquet")
    coefficients = read_estimates(home.results(study.study) / "estimates.csv")
    table = attrition_table(attrition, study, is_synthetic(landing), coefficients)
    names = [name for name, spec in study.tables.items() if spec.kind == "attrition"] or ["attrition"]
    paths = write_table(table, home.results(study.study) / "tables", names[0])
    used = {"sample_attrition": ["city_id", "year", "in_sample", "step", "drop_reason"], "estimates": ["n_obs"]}
    return printed_table(paths, len(table.body), used)
