"""Tables 2 to 8 as they are printed, each with its further readings. Layout is ``citycarbon.report``."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from assets.reporting import OWNERS, POOL, at_a_glance, code_version, is_synthetic, printed_table
from citycarbon.paths import Home
from citycarbon.study import Study

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
BESIDE = ("matching", "other_policies", "mechanisms", "splits")
NUMBERED = tuple(name for name in TABLES if name != "other_tables")


def names_of(asset: str, declared: Sequence[str]) -> list[str]:
    """The tables of a study that an asset prints: ``table5`` prints table5 and table5_variants."""
    if asset != "other_tables":
        return [n for n in declared if n == asset or n.startswith(f"{asset}_")]
    return [n for n in declared if not any(n == a or n.startswith(f"{a}_") for a in NUMBERED)]


def table_asset(name: str, said: str) -> dg.AssetsDefinition:
    """One printed table and its further readings as an asset."""

    @dg.asset(
        name=name,
        deps=["estimates", *BESIDE],
        kinds={"python", "markdown"},
        owners=OWNERS,
        pool=POOL,
        code_version=code_version("citycarbon/report", "citycarbon/study"),
        description=f"As printed, in four formats: {said}. Empty where the study declares no such table.",
    )
    def printed(
        home: dg.ResourceParam[Home], landing: dg.ResourceParam[Path], study: dg.ResourceParam[Study]
    ) -> dg.MaterializeResult:
        from citycarbon.econometrics import read_estimates
        from citycarbon.report.formats import write_table
        from citycarbon.report.results import Results
        from citycarbon.report.tables import regression_table

        folder, synthetic = home.results(study.study), is_synthetic(landing)
        frame, beside = read_estimates(folder / "estimates.csv"), Results(folder)
        tables = {
            t: regression_table(frame, study, t, synthetic, beside) for t in names_of(name, list(study.regression_tables()))
        }
        paths = [path for t, table in tables.items() for path in write_table(table, folder / "tables", t)]
        if not paths:
            return dg.MaterializeResult(
                metadata={
                    "at a glance": dg.MetadataValue.md(f"The study {study.study} declares no {name}."),
                    "dagster/row_count": 0,
                }
            )
        first = next(iter(tables.values()))
        shown = [[row.texts[0], *(f"{c.number}{c.mark}" for c in row.cells)] for row in first.body]
        used = {"estimates": ["estimate", "std_error", "n_obs", "stars", "p_ri_t"]}
        glance = at_a_glance(["", *first.flat_header()], shown, synthetic)
        return printed_table(paths, sum(len(table.body) for table in tables.values()), used, glance)

    return printed


tables = [table_asset(name, said) for name, said in TABLES.items()]
