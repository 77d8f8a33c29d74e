"""``inference.csv``: every method's rows of every headline column together; those that are only taken over are made here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from citycarbon.econometrics.draw_schemes import scheme_rows
from citycarbon.econometrics.families import family_rows
from citycarbon.econometrics.few_clusters import few_cluster_rows
from citycarbon.econometrics.inference_rows import headline_columns, inference_frame, labels, treatment_rows
from citycarbon.econometrics.other_variances import other_variances
from citycarbon.study.spec import Study

if TYPE_CHECKING:
    import pandas as pd

RI_T, RI_BETA = "ri:t", "ri:beta"
PLACEBO_SIZE, PLACEBO_MDE80 = "placebo:size", "placebo:mde80"
DEFAULT_SCHEME = "cohorts"


def inference_table(
    panel: pd.DataFrame, study: Study, estimates: pd.DataFrame, placebo: pd.DataFrame, *, workers: int = 1
) -> pd.DataFrame:
    """All rows, those of one column together, in the order of the study and then of the methods; pairs of halves after the
    columns of their table.

    ``panel``: the mart ``city_panel``; ``estimates``: the filled frame of ``estimates.csv``; ``placebo``: that of
    ``placebo.csv``; ``workers``: processes over columns and families.
    """
    import pandas as pd

    parts = [
        other_variances(panel, study),
        few_cluster_rows(panel, study, estimates, workers=workers),
        ri_rows(estimates, study),
        placebo_rows(placebo, estimates, study),
        scheme_rows(panel, study, estimates, workers=workers),
        family_rows(panel, study, estimates, workers=workers),
    ]
    together = pd.concat(parts, ignore_index=True)
    rank = {(table, column.id): i for i, (table, column) in enumerate(headline_columns(study))}
    ends = {table: i for (table, _), i in rank.items()}  # a pair of halves stands behind the columns of its table
    place = [
        rank.get((table, column), ends[table] + 0.5)
        for table, column in zip(together["table"], together["column"], strict=True)
    ]
    return together.assign(_place=place).sort_values("_place", kind="stable", ignore_index=True).drop(columns="_place")


def ri_rows(estimates: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Rows ``ri:t`` and ``ri:beta`` of the same columns from a filled ``estimates`` frame: its p-values, and the interval by
    inverting the test of the t statistic on the row of that test. Nothing is computed."""
    rows = []
    for table, column in headline_columns(study):
        for row in treatment_rows(estimates, table, column).to_dict("records"):
            shared = {**labels(table, column), "estimate": row["estimate"]}
            p_t, p_beta = row["p_ri_t"], row["p_ri_beta"]
            interval = {"conf_low": row["conf_low_ri"], "conf_high": row["conf_high_ri"]}
            by_t = {"method": RI_T, "std_error": row["std_error"], "statistic": row["t_stat"], "p_value": p_t, **interval}
            by_beta = {"method": RI_BETA, "statistic": row["estimate"], "p_value": p_beta}
            rows += [{**shared, **r, "note": _ri_note(r["p_value"], row["note"])} for r in (by_t, by_beta)]
    return inference_frame(rows)


def placebo_rows(placebo: pd.DataFrame, estimates: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Rows ``placebo:size`` and ``placebo:mde80`` from ``placebo.csv``, default scheme: in ``statistic`` the share of redraws
    that the clustered t test at 5 % rejects, and the effect it takes to be found with 80 % power. Nothing is computed.

    A column that was not redrawn keeps its rows, empty, with the reason.
    """
    rows = []
    for table, column in headline_columns(study):
        of = (placebo["table"] == table) & (placebo["column"] == column.id) & (placebo["scheme"] == DEFAULT_SCHEME)
        found = placebo[of].to_dict("records")
        reason = treatment_rows(estimates, table, column)["note"].iloc[0] or "not redrawn"
        for method, name in ((PLACEBO_SIZE, "size_t_5pct"), (PLACEBO_MDE80, "mde80")):
            row = {**labels(table, column), "method": method}
            if not found:
                rows.append({**row, "note": reason})
                continue
            first = found[0]
            counts = {"draws": first["draws"], "undefined": first["undefined"]}
            rows.append({**row, "estimate": first["estimate"], "statistic": first[name], **counts, "note": first["note"]})
    return inference_frame(rows)


def _ri_note(p_value: float, note: str) -> str:
    return "" if np.isfinite(p_value) else note or "no randomisation inference"
