"""The entry points of all printed tables: what a study declares, each in four formats. Contents and layout stand elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from citycarbon.report.attrition import attrition_table
from citycarbon.report.descriptives import table1
from citycarbon.report.formats import write_table
from citycarbon.report.layout import Table
from citycarbon.report.regression import regression_table
from citycarbon.report.results import NO_RESULTS, Results
from citycarbon.study.spec import AttritionTable, DescriptiveTable, Study

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["attrition_table", "regression_table", "table1", "table2", "write_table", "write_tables"]


def table2(estimates: pd.DataFrame, study: Study, synthetic: bool) -> Table:
    """Table 2, the baseline, with both readings of the fixed effects side by side."""
    return regression_table(estimates, study, "table2", synthetic)


def write_tables(
    study: Study,
    panel: pd.DataFrame,
    estimates: pd.DataFrame,
    attrition: pd.DataFrame,
    out_dir: Path,
    synthetic: bool,
    results: Path | None = None,
) -> list[Path]:
    """Every table that the study declares, in four formats each, named as in the study. Returns the paths in order.

    ``results``: the folder of the csv files that say more of a table (splits.csv, psm_flow.csv ...): a run's results or a
    release. Where one is absent the table prints what the estimates say.
    """
    beside = Results(results) if results else NO_RESULTS
    paths: list[Path] = []
    for name, spec in study.tables.items():
        if isinstance(spec, DescriptiveTable):
            table = table1(panel, study, synthetic, name)
        elif isinstance(spec, AttritionTable):
            table = attrition_table(attrition, study, synthetic, estimates)
        else:
            table = regression_table(estimates, study, name, synthetic, beside)
        paths += write_table(table, out_dir, name)
    return paths
