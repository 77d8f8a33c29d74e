"""Tables that describe: Table 1 over all city-years and over the estimation sample, and the way from all city-years to N."""

from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from assets.reporting import OWNERS, POOL, at_a_glance, code_version, is_synthetic, printed_table
from citycarbon.paths import Home
from citycarbon.report.attrition import attrition_table
from citycarbon.report.descriptives import describe as statistics
from citycarbon.report.descriptives import table1 as print_statistics
from citycarbon.report.formats import write_table
from citycarbon.study import Study

if TYPE_CHECKING:
    import pandas as pd

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
    synthetic = is_synthetic(landing)
    tables = {name: print_statistics(panel, study, synthetic, name) for name in names}
    folder = home.results(study.study) / "tables"
    paths = [path for name, table in tables.items() for path in write_table(table, folder, name)]
    rows = sum(len(table.body) for table in tables.values())
    used = {"city_panel": sorted(study.panel_column(v) for v in study.tables[names[0]].variables)}
    return printed_table(paths, rows, used, statistics_at_a_glance(panel, study, names[0], synthetic))


def statistics_at_a_glance(panel: "pd.DataFrame", study: Study, table: str, synthetic: bool) -> dg.MarkdownMetadataValue:
    """Mean, standard deviation and N of each variable in the estimation sample."""
    sample = (row for row in statistics(panel, study, table).itertuples() if row.scope == "sample")
    rows = [(row.label, row.unit, f"{row.mean:.4g}", f"{row.sd:.4g}", row.n) for row in sample]
    return at_a_glance(["estimation sample", "unit", "mean", "S.D.", "N"], rows, synthetic)


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
    rows = [(row.texts[0], *(cell.number for cell in row.cells)) for row in table.body]
    glance = at_a_glance(["step", "dropped", "city-years left", "cities left"], rows, table.synthetic)
    return printed_table(paths, len(table.body), used, glance)
