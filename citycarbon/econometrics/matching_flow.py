"""The tables about a match: who is left after each step, how alike the groups are before and after, and the scores.

``psm_flow`` and ``psm_balance`` have one block for every column of the study that is matched; nothing is estimated here.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics.matching import KEYS, Match
from citycarbon.econometrics.sample import Sample, estimation_sample
from citycarbon.study.spec import Column, Study

if TYPE_CHECKING:
    import pandas as pd

FLOW_COLUMNS: dict[str, str] = {
    "table": "object", "column": "object", "matching": "object", "label": "object", "step": "object", "rows": "Int64",
    "cities": "Int64", "treated_rows": "Int64", "treated_cities": "Int64", "treated_cells": "Int64", "control_rows": "Int64",
    "control_cities": "Int64", "events_per_variable": "float64", "separation": "object", "caliper": "float64",
    "bandwidth": "float64", "published_n": "Int64", "note": "object",
}  # fmt: skip
BALANCE_COLUMNS = (
    "table", "column", "matching", "covariate", "treated_units", "control_units", "treated_units_after", "control_units_after",
    "treated_mean", "control_mean", "treated_mean_after", "control_mean_after", "smd_before", "smd_after",
    "variance_ratio_before", "variance_ratio_after", "note",
)  # fmt: skip
OVERLAP_COLUMNS = ("table", "column", "matching", "city_id", "year", "treated", "score", "support", "matched", "weight")
LAST_STEP = "after singletons"
FEW_EVENTS = 10  # events per covariate below which a logit is thought unstable (Peduzzi and others 1996)


def matching_reports(panel: pd.DataFrame, study: Study) -> dict[str, pd.DataFrame]:
    """``psm_flow``, ``psm_balance`` and ``psm_overlap`` of every matched column of ``study``, in the order of its tables.

    ``psm_flow``: a row for each step (in sample, with covariates, on support, matched, after singletons): city-years and
    cities, of cities that are ever treated, of treated city-years, and of controls; events per covariate of the score (the
    least of its years), separation, the paper's N beside the last step. ``psm_balance``: a row for each covariate.
    ``psm_overlap``: a row for each unit that was to be matched (``year`` is missing where a unit is a city over several
    years). Empty without such columns.
    """
    import pandas as pd

    flows, balances, overlaps = [], [], []
    printed = published_sizes(study)
    for table, spec in study.regression_tables().items():
        for column in spec.columns:
            if not column.matching:
                continue
            sample = estimation_sample(panel, study, column)
            labels = {"table": table, "column": column.id, "matching": column.matching}
            flows += [{**labels, **row} for row in flow(sample, column, printed.get((_head(table), _head(column.id))))]
            balances += [{**labels, **row} for row in balance(sample.match)]
            overlaps.append(overlap(sample.match).assign(**labels))
    return {
        "psm_flow": pd.DataFrame(flows, columns=list(FLOW_COLUMNS)).astype(FLOW_COLUMNS),
        "psm_balance": pd.DataFrame(balances, columns=list(BALANCE_COLUMNS)),
        "psm_overlap": pd.concat(overlaps, ignore_index=True)[list(OVERLAP_COLUMNS)]
        if overlaps
        else pd.DataFrame(columns=list(OVERLAP_COLUMNS)),
    }


def _head(name: str) -> str:
    """``table4`` of table4_matching, ``1`` of 1_pooled: what a variant is a reading of."""
    return name.split("_")[0]


def published_sizes(study: Study) -> dict[tuple[str, str], int]:
    """(table, column) -> the N that the paper prints, from the study's own file; empty where there is none."""
    if study.published is None:
        return {}
    with study.companion(study.published.coefficients).open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    return {(f"table{r['table']}", r["column_no"]): int(r["N"]) for r in rows if (r.get("N") or "").isdigit()}


def flow(sample: Sample, column: Column, published_n: int | None) -> list[dict[str, Any]]:
    """The rows of ``psm_flow`` of one column, without its labels."""
    match, cells = sample.match, sample.match.cells
    kept = sample.rows[KEYS].assign(kept=True)
    last = cells.merge(kept, on=KEYS, how="left", validate="one_to_one")["kept"].eq(True).to_numpy()
    matched = cells["weight"].notna().to_numpy()
    complete = cells["complete"].to_numpy(dtype=bool)
    shared = {
        "label": match.matching.label,
        "events_per_variable": min((f.events_per_variable for f in match.fits), default=np.nan),
        "separation": _separation(match),
        "caliper": match.matching.caliper if match.matching.method == "nearest" else None,
        "bandwidth": match.matching.bandwidth if match.matching.method == "kernel" else None,
        "published_n": published_n,
    }
    steps = [
        ("in sample", np.ones(len(cells), dtype=bool), ""),
        ("with covariates", complete, ""),
        ("on support", cells["support"].to_numpy(dtype=bool), _score_note(match)),
        ("matched", matched, match.reason and f"not estimable: {match.reason}"),
        (LAST_STEP, last, _size_note(int(last.sum()), published_n)),
    ]
    return [{**shared, "step": name, "note": note, **_counts(cells[mask])} for name, mask, note in steps]


def _counts(cells: pd.DataFrame) -> dict[str, int]:
    treated, controls = cells[cells["treated"]], cells[~cells["treated"]]
    return {
        "rows": len(cells),
        "cities": cells["city_id"].nunique(),
        "treated_rows": len(treated),
        "treated_cities": treated["city_id"].nunique(),
        "treated_cells": int(cells["did"].sum()),
        "control_rows": len(controls),
        "control_cities": controls["city_id"].nunique(),
    }


def _separation(match: Match) -> str:
    """``none``, or which kind; with the years where the scores are yearly."""
    found = [f for f in match.fits if f.score.separation != "none"]
    if not found:
        return "none"
    return ", ".join(f.score.separation if f.year is None else f"{f.score.separation} in {f.year}" for f in found)


def _score_note(match: Match) -> str:
    notes = []
    few = [f for f in match.fits if f.events_per_variable < FEW_EVENTS]
    if few:
        least = min(few, key=lambda f: f.events_per_variable)
        where = "" if least.year is None else f" in {least.year}"
        notes.append(f"{least.events_per_variable:.1f} events per covariate{where}, fewer than {FEW_EVENTS}: an unstable score")
    if match.matching.timing == "pooled":
        cities = match.cells.loc[match.cells["treated"], "city_id"].nunique()
        notes.append(f"the rows of a city are not independent: {cities} treated cities")
    without = [f for f in match.fits if f.score.reason and f.year is not None]
    if without:
        notes.append("no score in " + ", ".join(f"{f.year} ({f.score.reason})" for f in without))
    return "; ".join(notes)


def _size_note(n: int, published_n: int | None) -> str:
    if published_n is None:
        return ""
    return f"N = {n}, the paper prints {published_n}: {'the same' if n == published_n else 'not the same'}"


def balance(match: Match) -> list[dict[str, Any]]:
    """Means, standardised differences and variance ratios of each covariate over the matched units, before and after.

    Standardised difference: (mean of treated - mean of controls) / sqrt((s2 of treated + s2 of controls) / 2), the variances
    before matching in both (Rosenbaum and Rubin 1985, as Stata's pstest). After: matched units, controls with their weights.
    Before: all units with a covariate, so that N can differ between covariates where a city lacks one.
    """
    treated = match.units["treated"].to_numpy(dtype=bool)
    weight = match.units["weight"].to_numpy(dtype=float)
    matched = np.isfinite(weight)
    return [
        {"covariate": name, **_balance(match.units[name].to_numpy(dtype=float), treated, weight, matched), "note": match.reason}
        for name in match.matching.covariates
    ]


def _balance(x: np.ndarray, treated: np.ndarray, weight: np.ndarray, matched: np.ndarray) -> dict[str, Any]:
    seen = np.isfinite(x)
    groups = {
        "t": x[treated & seen], "c": x[~treated & seen], "tm": x[treated & matched], "cm": x[~treated & matched],
    }  # fmt: skip
    control_weight = weight[~treated & matched]
    mean = {k: float(v.mean()) if len(v) else np.nan for k, v in groups.items()}
    mean["cm"] = float(np.average(groups["cm"], weights=control_weight)) if len(groups["cm"]) else np.nan
    variance = {k: _variance(v, control_weight if k == "cm" else np.ones(len(v))) for k, v in groups.items()}
    scale = np.sqrt((variance["t"] + variance["c"]) / 2)
    return {
        "treated_units": len(groups["t"]),
        "control_units": len(groups["c"]),
        "treated_units_after": len(groups["tm"]),
        "control_units_after": len(groups["cm"]),
        "treated_mean": mean["t"],
        "control_mean": mean["c"],
        "treated_mean_after": mean["tm"],
        "control_mean_after": mean["cm"],
        "smd_before": _quotient(mean["t"] - mean["c"], scale),
        "smd_after": _quotient(mean["tm"] - mean["cm"], scale),
        "variance_ratio_before": _quotient(variance["t"], variance["c"]),
        "variance_ratio_after": _quotient(variance["tm"], variance["cm"]),
    }


def _variance(x: np.ndarray, weight: np.ndarray) -> float:
    """Variance with analytic weights: weighted mean of squares about the weighted mean, times n / (n - 1)."""
    if len(x) < 2:
        return np.nan
    centre = np.average(x, weights=weight)
    return float(np.average((x - centre) ** 2, weights=weight) * len(x) / (len(x) - 1))


def _quotient(numerator: float, denominator: float) -> float:
    return float(numerator / denominator) if np.isfinite(denominator) and denominator > 0 else np.nan


def overlap(match: Match) -> pd.DataFrame:
    """Every unit of the matching: city_id, year, treated, score (NaN without one), support, matched, weight."""
    units = match.units[["city_id", "year", "treated", "score", "support", "weight"]]
    return units.assign(matched=units["weight"].notna())
