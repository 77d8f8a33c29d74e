"""Tables 2 to 8 as they are printed, each with its further readings. Layout is ``citycarbon.report``."""

from collections.abc import Sequence

import dagster as dg

from assets.reporting import at_a_glance, printed_table
from assets.study_assets import COEFFICIENTS, StudyRun, study_asset

# Asset -> what it shows.
TABLES: dict[str, str] = {
    "table2": "the baseline, city and year beside province and year effects",
    "table3": "mechanisms: green innovation and environmental regulation",
    "table4": "robustness: matching, lag, other policies, without municipalities",
    "table5": "heterogeneity by technology",
    "table6": "heterogeneity by market potential",
    "table7": "heterogeneity by financial development",
    "table8": "heterogeneity by digital infrastructure",
    "other_tables": "every regression table of the study that no other asset prints",
}
# What may stand under any table: which one has what is the study's choice.
BESIDE = ("matching", "other_policies", "mechanisms", "inference", "splits")
NUMBERED = tuple(name for name in TABLES if name != "other_tables")


def names_of(asset: str, declared: Sequence[str]) -> list[str]:
    """The tables of a study that an asset prints: ``table5`` prints table5 and table5_variants."""
    if asset != "other_tables":
        return [n for n in declared if n == asset or n.startswith(f"{asset}_")]
    return [n for n in declared if not any(n == a or n.startswith(f"{a}_") for a in NUMBERED)]


def table_asset(name: str, said: str) -> dg.AssetsDefinition:
    """One printed table and its further readings as an asset."""

    @study_asset(
        name=name,
        deps=["estimates", *BESIDE],
        kinds={"python", "markdown"},
        code=("citycarbon/report", "citycarbon/study"),
        description=f"As printed, in four formats: {said}. Empty where the study declares no such table.",
    )
    def printed(run: StudyRun) -> dg.MaterializeResult:
        from citycarbon.report.formats import write_table
        from citycarbon.report.results import Results
        from citycarbon.report.tables import regression_table

        beside, declared = Results(run.folder), names_of(name, list(run.study.regression_tables()))
        tables = {t: regression_table(run.estimates, run.study, t, run.synthetic, beside) for t in declared}
        paths = [path for t, table in tables.items() for path in write_table(table, run.folder / "tables", t)]
        if not paths:
            said_so = dg.MetadataValue.md(f"The study {run.study.study} declares no {name}.")
            return dg.MaterializeResult(metadata={"at a glance": said_so, "dagster/row_count": 0})
        first = next(iter(tables.values()))
        shown = [[row.texts[0], *(f"{c.number}{c.mark}" for c in row.cells)] for row in first.body]
        glance = at_a_glance(["", *first.flat_header()], shown, run.synthetic)
        rows = sum(len(table.body) for table in tables.values())
        return printed_table(paths, rows, {"estimates": COEFFICIENTS}, glance)

    return printed


tables = [table_asset(name, said) for name, said in TABLES.items()]
