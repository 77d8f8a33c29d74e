"""The regressions of a study on tables larger than memory: the rows of ``large_tables.csv``.

Each table is compressed to cells (``compression``), dated by the study's policy, and tested by redrawing cities like every
other column (``compression_design``). A table that cannot be read or estimated keeps its rows, with the reason in ``note``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics.compression import Dated, LargeFit, LargeModel, fit_parquet
from citycarbon.econometrics.compression_design import cell_experiment
from citycarbon.econometrics.draws import seed_of
from citycarbon.econometrics.randomisation import p_value, redraw, student_p
from citycarbon.econometrics.twfe import Estimate
from citycarbon.errors import CityCarbonError
from citycarbon.study.extensions import LargeTable
from citycarbon.study.spec import POLICY_YEAR, Study

if TYPE_CHECKING:
    import pandas as pd

# Column -> type, in the order of the file.
LARGE_COLUMNS: dict[str, type] = {
    "study": str, "table": str, "label": str, "source": str, "edition": str, "outcome": str, "term": str, "estimate": float,
    "std_error": float, "vcov": str, "df": int, "t_stat": float, "p_value": float, "conf_low": float, "conf_high": float,
    "p_ri_t": float, "p_ri_beta": float, "draws": int, "undefined": int, "seed": str, "n_rows": int, "n_left_out": int,
    "left_out": str, "singletons_dropped": int, "n_obs": int, "n_cells": int, "n_units": int, "n_times": int,
    "n_clusters": int, "n_treated_units": int, "n_treated_clusters": int, "fixed_effects": str, "weights": str, "r2": float,
    "r2_within": float, "note": str,
}  # fmt: skip
DRAWS = 9_999
_PANDAS = {str: "object", float: "float64", int: "Int64"}
Files = Callable[[LargeTable], Mapping[str, Path]]


def large_tables(panel: pd.DataFrame, study: Study, files: Files, scratch: Path | None = None) -> pd.DataFrame:
    """One row a coefficient of every large table that the study names (``LARGE_COLUMNS``); no row where it names none.

    ``panel``: ``city_id`` and the first treated year of the study's policy are read; ``files``: the parquet files of a table by
    name, may raise a UsageError; ``scratch``: folder for what does not fit in memory meanwhile. One thread adds up, so that
    the same files give the same digits.
    """
    import pandas as pd

    asked = study.extensions.large_tables if study.extensions else []
    dates = _first_years(panel, study) if asked else {}
    cities = set(panel["city_id"].astype(str)) if asked else set()
    rows = [row for table in asked for row in _rows(table, study, dates, cities, files, scratch)]
    frame = pd.DataFrame(rows, columns=list(LARGE_COLUMNS))
    return frame.astype({name: _PANDAS[kind] for name, kind in LARGE_COLUMNS.items()})


def model_of(table: LargeTable, first_year: Mapping[str, int]) -> LargeModel:
    """The columns of a study's large table by role, dated by ``first_year`` (city id -> first treated year)."""
    return LargeModel(
        outcome=table.outcome,
        controls=tuple(table.controls),
        unit=tuple(table.unit),
        time=tuple(table.time),
        cluster=table.cluster,
        treatment=Dated(table.city, table.year, first_year),
        weights=table.weights,
    )


def _first_years(panel: pd.DataFrame, study: Study) -> dict[str, int]:
    first = panel[["city_id", POLICY_YEAR + study.treatment.policy]].dropna().drop_duplicates()
    return {str(city): int(year) for city, year in first.itertuples(index=False)}


def _rows(
    table: LargeTable, study: Study, dates: Mapping[str, int], cities: set[str], files: Files, scratch: Path | None
) -> list[dict[str, Any]]:
    model = model_of(table, dates)
    same = {
        "study": study.study, "table": table.id, "label": table.label, "source": table.source, "edition": table.edition,
        "outcome": table.outcome, "vcov": f"cluster:{table.cluster}", "weights": table.weights or "",
    }  # fmt: skip
    try:
        found = fit_parquet(files(table), model, memory_gib=table.memory_gib, scratch=scratch)
    except CityCarbonError as error:
        note = f"not estimable: {error}"
        return [{**same, "term": term, "note": note} for term in (model.term, *model.controls)]
    same |= _facts(found, table)
    seed = seed_of(study.placebo.seed if study.placebo else 0, "large_tables", table.id, "cohorts")
    tested, why = _redrawn(found, dates, seed)
    remarks = "; ".join(filter(None, [*_remarks(found, cities), why]))
    rows = []
    for estimate in found.estimates:
        of_treatment = estimate.term == model.term
        note = "; ".join(filter(None, [estimate.note, remarks if of_treatment else ""]))
        rows.append({**same, **_tests(estimate, found.df), **(tested if of_treatment else {}), "note": note})
    return rows


def _facts(found: LargeFit, table: LargeTable) -> dict[str, Any]:
    left_out = "; ".join(f"{reason}: {rows}" for reason, rows in found.left_out.items())
    unit, time = " x ".join(table.unit), " x ".join(table.time)
    return {
        "df": found.df, "n_rows": found.n_rows, "n_left_out": found.n_left_out, "left_out": left_out,
        "singletons_dropped": found.singletons, "n_obs": found.n_obs, "n_cells": found.n_cells, "n_units": found.n_units,
        "n_times": found.n_times, "n_clusters": found.n_clusters, "n_treated_units": found.n_treated_units,
        "n_treated_clusters": found.n_treated_clusters, "r2": found.r2, "r2_within": found.r2_within,
        "fixed_effects": f"{unit} ({found.n_units} levels) + {time} ({found.n_times} levels)",
    }  # fmt: skip


def _tests(estimate: Estimate, df: int) -> dict[str, Any]:
    """Estimate, error, t, p and interval with t(G-1); a standard error of zero gives no test."""
    from scipy.stats import t as student

    row: dict[str, Any] = {"term": estimate.term, "estimate": estimate.value, "std_error": estimate.std_error}
    if np.isfinite(estimate.std_error) and estimate.std_error > 0:
        t_stat, half = estimate.value / estimate.std_error, float(student.ppf(0.975, df)) * estimate.std_error
        row |= {"t_stat": t_stat, "p_value": student_p(t_stat, df)}
        row |= {"conf_low": estimate.value - half, "conf_high": estimate.value + half}
    return row


def _remarks(found: LargeFit, cities: set[str]) -> list[str]:
    """What a reader of the estimate must know of the rows it rests on."""
    remarks = []
    if found.unmatched:
        remarks.append(f"treated cities without a usable row: {', '.join(found.unmatched)}")
    strangers = sorted(set(np.unique(found.cities).tolist()) - cities) if found.cities is not None else []
    if strangers:
        shown = ", ".join(strangers[:5]) + (" ..." if len(strangers) > 5 else "")
        remarks.append(f"{len(strangers)} cities of the table are not in the panel and count as untreated: {shown}")
    return remarks


def _redrawn(found: LargeFit, dates: Mapping[str, int], seed: int) -> tuple[dict[str, Any], str]:
    """Both p-values by redrawing the treated cities with their cohorts kept, or why there are none."""
    if found.cells is None or not np.isfinite(found.estimates[0].value):
        return {}, ""
    made = cell_experiment(found.cells, found.cities, found.years, dates, found.k_counted, found.kept)
    if isinstance(made, str):
        return {}, f"no randomisation inference: {made}"
    actual, drawn = made.actual(), redraw(made.design, made.scheme, seed, DRAWS)
    t_drawn, t_actual = drawn.t(), float(actual.t()[0])
    tested = {"p_ri_t": p_value(t_drawn, t_actual), "p_ri_beta": p_value(drawn.beta(), float(actual.beta()[0]))}
    undefined = int((~np.isfinite(t_drawn)).sum())
    return {**tested, "draws": DRAWS, "undefined": undefined, "seed": str(seed)}, ""
