"""``sensitivity.csv``: one regression column looked at again in every way that the study asks for, all rows together.

What is varied is the work of the modules it calls; their first lines say which analyses are theirs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from citycarbon.econometrics.honest_did import honest_rows
from citycarbon.econometrics.pretrend_power import power_rows
from citycarbon.econometrics.sample import KEYS
from citycarbon.econometrics.sensitivity_base import Base, Variant
from citycarbon.econometrics.sensitivity_rows import SENSITIVITY_COLUMNS, sensitivity_frame
from citycarbon.econometrics.sensitivity_samples import anticipation, controls, headline, samples
from citycarbon.econometrics.sensitivity_scale import outcome_scale
from citycarbon.econometrics.sensitivity_spatial import conley, donut, exposure
from citycarbon.econometrics.spatial import read_centroids
from citycarbon.study.spec import Study

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ANALYSES", "SENSITIVITY_COLUMNS", "sensitivity", "variants"]

# Analysis -> the function that lists its variants, in the order of the file.
ANALYSES = {
    "headline": headline,
    "controls": controls,
    "donut": donut,
    "exposure": exposure,
    "conley": conley,
    "outcome_scale": outcome_scale,
    "anticipation": anticipation,
    "samples": samples,
}


TRENDS = "trends"  # of the event study, which is no variant of the column


def sensitivity(
    panel: pd.DataFrame,
    study: Study,
    centroids: Mapping[str, tuple[float, float]] | None = None,
    *,
    analyses: Collection[str] = (*ANALYSES, TRENDS),
) -> pd.DataFrame:
    """The rows of ``sensitivity.csv`` (``SENSITIVITY_COLUMNS``): the analyses of one column for ``extensions.sensitivity`` of
    the study, the trends of its event study for ``extensions.trends``; none of either without it.

    ``panel``: the mart ``city_panel``, rows in any order; ``centroids``: city_id -> longitude and latitude in degrees
    (default: the project's seed); ``analyses``: those of ``ANALYSES``, and TRENDS, that are wanted. A variant that these data
    do not carry keeps its rows, empty, with the reason in ``note``; so does every variant where a city and year stands twice.
    """
    trends = [*honest_rows(panel, study), *power_rows(panel, study)] if TRENDS in analyses else []
    return sensitivity_frame([*_column_rows(panel, study, centroids, analyses), *trends])


def _column_rows(
    panel: pd.DataFrame, study: Study, centroids: Mapping[str, tuple[float, float]] | None, analyses: Collection[str]
) -> list[dict[str, Any]]:
    options = study.extensions.sensitivity if study.extensions else None
    if options is None:
        return []
    repeated = int(panel.duplicated(KEYS).sum())
    base = Base(
        panel.sort_values(KEYS, kind="stable", ignore_index=True),
        study,
        options.column.table,
        study.column(options.column.table, options.column.column),
        options,
        read_centroids() if centroids is None else centroids,
    )
    if repeated:
        reason = f"{repeated} rows repeat a city and year"
        return [row for variant in variants(base, analyses) for row in variant.unmade(base, reason)]
    return [row for variant in variants(base, analyses) for row in variant.rows(base)]


def variants(base: Base, analyses: Collection[str]) -> Iterable[Variant]:
    """Every variant of these analyses, in the order of the file."""
    return (variant for name, analysis in ANALYSES.items() if name in analyses for variant in analysis(base))
