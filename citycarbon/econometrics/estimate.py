"""The whole of a study's estimates: every column fitted, then the treatment's randomisation inference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from citycarbon.econometrics.columns import fitted_rows
from citycarbon.econometrics.contract import frame
from citycarbon.econometrics.placebo import Randomised, Redrawing
from citycarbon.econometrics.support import require_treated

if TYPE_CHECKING:
    import pandas as pd

    from citycarbon.study import Study


def estimate_study(panel: pd.DataFrame, study: Study, *, workers: int = 1) -> Randomised:
    """``estimates`` (the contract's columns, randomisation p-values, intervals and stars filled), ``placebo`` and ``shown``.

    ``panel``: the mart ``city_panel``; the order of its rows does not matter, nor does the number of ``workers``:
    with two, a second process takes part.
    Raises UsageError where a filter of a headline table leaves no treated city.
    """
    require_treated(panel, study)
    rows = []
    with Redrawing(panel, study, workers=workers) as redrawing:
        for name, table in study.regression_tables().items():
            for column in table.columns:
                fitted, sample = fitted_rows(panel, study, name, column)
                redrawing.begin(fitted, name, column, sample)
                rows += fitted
        return redrawing.finish(frame(rows))
