"""Does a study's filter leave anybody treated? Judged on the panel, before anything is estimated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from citycarbon.econometrics.sample import base_rows, treatment_values
from citycarbon.errors import UsageError
from citycarbon.study.spec import Study
from citycarbon.study.yaml_lines import read_yaml

if TYPE_CHECKING:
    import pandas as pd


def require_treated(panel: pd.DataFrame, study: Study) -> None:
    """Raise UsageError naming path and line of every filter of a headline table that leaves no treated city-year.

    A table of ``variants`` may hold such a column: it prints that it is not estimable. So may a half of a split, whose cities
    the data choose. ``panel``: the mart ``city_panel``, in any order.
    """
    panel = panel.sort_values(["city_id", "year"], kind="stable", ignore_index=True)
    empty = []
    for name, table in study.regression_tables().items():
        for i, column in enumerate(table.columns):
            if table.variants or not column.filter:
                continue
            rows = base_rows(panel, study, column)
            if not (treatment_values(panel, study, column, rows)[rows] == 1).any():
                empty.append((name, i, column))
    if not empty:
        return
    document = read_yaml(study.path) if study.path else None
    told = []
    for name, i, column in empty:
        line = f"{study.path}, line {document.line(('tables', name, 'columns', i, 'filter'))}" if document else study.study
        rule = "; ".join(map(str, column.filter))
        told.append(
            f"{line}: tables.{name}.columns.{i}.filter: '{rule}' leaves no treated city-year of '{study.treatment.policy}' in "
            f"column '{column.id}'. Change the filter, or put the column into a table with 'variants: true', which prints that "
            "it is not estimable."
        )
    raise UsageError("\n".join(told))
