"""Tables that describe: Table 1 over all city-years and over the estimation sample, and the way from all city-years to N."""

from typing import TYPE_CHECKING

import dagster as dg

from assets.reporting import at_a_glance, printed_table
from assets.study_assets import StudyRun, study_asset
from citycarbon.report.attrition import attrition_table
from citycarbon.report.descriptives import describe as statistics
from citycarbon.report.descriptives import table1 as print_statistics
from citycarbon.report.formats import write_table
from citycarbon.study import Study

if TYPE_CHECKING:
    import pandas as pd

CODE = ("citycarbon/report", "citycarbon/econometrics/sample.py", "citycarbon/study")


@study_asset(
    deps=["city_panel"],
    kinds={"python", "markdown"},
    code=CODE,
    description="Table 1: number, mean, standard deviation and range of every variable, in its unit and transform.",
)
def table1(run: StudyRun) -> dg.MaterializeResult:
    study = run.study
    names = [name for name, table in study.tables.items() if table.kind == "descriptives"]
    tables = {name: print_statistics(run.panel, study, run.synthetic, name) for name in names}
    paths = [path for name, table in tables.items() for path in write_table(table, run.folder / "tables", name)]
    rows = sum(len(table.body) for table in tables.values())
    used = {"city_panel": sorted(study.panel_column(v) for v in study.tables[names[0]].variables)}
    return printed_table(paths, rows, used, statistics_at_a_glance(run.panel, study, names[0], run.synthetic))


def statistics_at_a_glance(panel: "pd.DataFrame", study: Study, table: str, synthetic: bool) -> dg.MarkdownMetadataValue:
    """Mean, standard deviation and N of each variable in the estimation sample."""
    sample = (row for row in statistics(panel, study, table).itertuples() if row.scope == "sample")
    rows = [(row.label, row.unit, f"{row.mean:.4g}", f"{row.sd:.4g}", row.n) for row in sample]
    return at_a_glance(["estimation sample", "unit", "mean", "S.D.", "N"], rows, synthetic)


@study_asset(
    deps=["sample_attrition", "estimates"],
    kinds={"python", "markdown"},
    code=CODE,
    description="From cities x years to the N of every column: city-years dropped by each recorded reason.",
)
def sample_attrition_table(run: StudyRun) -> dg.MaterializeResult:
    import pandas as pd

    study = run.study
    attrition = pd.read_parquet(run.home.marts(study.study) / "sample_attrition.parquet")
    table = attrition_table(attrition, study, run.synthetic, run.estimates)
    names = [name for name, spec in study.tables.items() if spec.kind == "attrition"] or ["attrition"]
    paths = write_table(table, run.folder / "tables", names[0])
    used = {"sample_attrition": ["city_id", "year", "in_sample", "step", "drop_reason"], "estimates": ["n_obs"]}
    rows = [(row.texts[0], *(cell.number for cell in row.cells)) for row in table.body]
    glance = at_a_glance(["step", "dropped", "city-years left", "cities left"], rows, table.synthetic)
    return printed_table(paths, len(table.body), used, glance)
