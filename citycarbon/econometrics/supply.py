"""What a column needs and no source supplies. Such a column keeps its rows and says so; it is neither dropped nor a crash."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from citycarbon.study.spec import Column, Study

if TYPE_CHECKING:
    import pandas as pd

_INPUT = re.compile(r"not supplied: (\w+)")  # in the flag of a missing value (city_panel)


def not_supplied(panel: pd.DataFrame, study: Study, column: Column) -> list[str]:
    """The variables, lists and split criteria of ``column`` without a single value in ``panel`` (the mart ``city_panel``).

    Each in words: the variable and, where the panel's flags name them, the inputs that no source gives: ``lngreen
    (green_inv_app, green_um_app)``. Empty where all have values somewhere, even if no row has all of them.
    """
    columns = {name: study.panel_column(name) for name in needed(study, column)}
    found = [_in_words(panel, name) for name, at in columns.items() if at in panel and not panel[at].notna().any()]
    if column.dated_by and not panel[f"did_{study.policy_of(column)}"].notna().any():
        found.append(f"the list '{study.policy_list(column.dated_by).label}'")
    return found


def needed(study: Study, column: Column) -> list[str]:
    """The panel's variables without which no row of ``column`` can be estimated on, each once."""
    names = [column.outcome, *column.controls, *(e.variable for e in column.exposures)]
    if column.rows == "study":
        names += study.sample_variables
    if column.half and (criterion := study.split(column.half.split).variable):
        names.append(criterion)
    if column.matching:
        names += study.matching(column.matching).covariates
    return list(dict.fromkeys(names))


def _in_words(panel: pd.DataFrame, name: str) -> str:
    flag = f"{name}_flag"
    text = " ".join(panel[flag].dropna().astype(str).unique()) if flag in panel else ""
    inputs = [i for i in dict.fromkeys(_INPUT.findall(text)) if i != name]
    return f"{name} ({', '.join(inputs)})" if inputs else name
