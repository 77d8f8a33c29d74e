"""The notes under a regression table that follow from ``estimates.csv``: outcome, sample, errors, stars, R2, reasons."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from citycarbon.report.layout import listed
from citycarbon.report.sentences import p_is
from citycarbon.study.spec import RegressionTable

if TYPE_CHECKING:
    import pandas as pd

LEAST_LEVEL = 0.10  # of a star
_OTHER_TESTS = {"RI on the coefficient": "p_ri_beta", "the wild bootstrap": "p_wcr"}
LEVELS = "*** p < 0.01, ** p < 0.05, * p < 0.10"


def table_notes(columns: list[pd.DataFrame], spec: RegressionTable) -> list[str]:
    """``columns``: as of ``regression.table_columns``."""
    first = [c.iloc[0] for c in columns]
    notes = _disagreements(columns, spec)
    notes += _grouped("Outcome", [_outcome(f) for f in first], first)
    notes += _samples(first)
    notes += _grouped("Standard errors in parentheses", [_variance(f) for f in first], first)
    notes += _stars(columns, spec)
    if any(math.isfinite(f["r2"]) for f in first):
        notes.append(
            "R2 and adj. R2: overall, every fixed effect counted as a parameter. Within R2: of the variance left after all "
            "fixed effects of the column (reghdfe's definition). _cons: grand-mean convention, mean(y) - mean(x)'b."
        )
    return notes + _reasons(columns)


def _outcome(row: pd.Series) -> str:
    inside = f"{row['outcome_unit']}"
    return (
        f"{row['outcome']}, {inside}"
        if row["transform"] == "none"
        else f"{row['outcome']}, transform {row['transform']}, unit {inside}"
    )


def _variance(row: pd.Series) -> str:
    kind, _, by = row["vcov"].partition(":")
    if kind != "cluster":
        return row["vcov"]
    return f"clustered by {by}, CRV1 with G/(G-1) x (N-1)/(N-K); tests and intervals with t(G-1)"


def _samples(rows: list[pd.Series]) -> list[str]:
    """The rule that all columns share, once, and what each adds to it."""
    parts = [str(r["sample"]).split("; ") for r in rows]
    shared = [p for p in parts[0] if all(p in other for other in parts)]
    own = ["; ".join(p for p in part if p not in shared) for part in parts]
    notes = [f"Sample: {'; '.join(shared)}."] if shared else []
    return notes + [n for n in _grouped("Of these" if shared else "Sample", own, rows) if not n.endswith(": .")]


def _stars(columns: list[pd.DataFrame], spec: RegressionTable) -> list[str]:
    treatments = [_treatment(c, spec) for c in columns]
    rules = {rule for c in columns for rule in c["star_rule"]}
    notes = []
    if rules & {"ri_t", "t"}:
        whose = [
            "the treatment by p of randomisation inference (RI) on t" if "ri_t" in rules else "",
            "controls and constant by p of t(G-1)" if "t" in rules else "",
        ]
        notes.append(f"Stars: {LEVELS}; {', '.join(w for w in whose if w)}.")
    if any(t is not None and math.isfinite(t["p_ri_t"]) for t in treatments):
        notes.append(
            "RI redraws the cohorts, sizes kept, among the cities of the column's sample that still have a row when the cohort "
            "starts. It is exact under as-if-random assignment and the sharp null of no effect on any city-year; pilots are "
            "selected, so it is a benchmark and not identification."
        )
    if any(t is not None and math.isfinite(t["p_wcr"]) for t in treatments):
        notes.append(
            "Wild bootstrap: of the clustered t, null imposed, Rademacher weights by city; with fewer than about six treated "
            "cities it rejects too rarely, where the clustered t rejects too often."
        )
    if "pending" in rules:
        notes.append(
            "RI pending: the treatment earns stars only by randomisation inference on the t statistic, not computed in "
            "this release; with few treated cities the clustered t test rejects too often."
        )
    if any(t is not None and (math.isinf(t["conf_low_ri"]) or math.isinf(t["conf_high_ri"])) for t in treatments):
        notes.append("open: RI rejects no value on that side, however far.")
    starless = [str(t["column"]) for t in treatments if t is not None and _starless(t)]
    if starless:
        notes.append(f"No star is given to the treatment in {_columns(starless)}, whatever p; the reason stands below.")
    return notes


def _disagreements(columns: list[pd.DataFrame], spec: RegressionTable) -> list[str]:
    """A star of the treatment that another test, of those for few treated cities, does not give: the first of these notes."""
    notes = []
    for row in (_treatment(c, spec) for c in columns):
        if row is None or not row["stars"] or row["star_rule"] != "ri_t":
            continue
        others = {name: float(row[p]) for name, p in _OTHER_TESTS.items() if math.isfinite(row[p])}
        if any(p >= LEAST_LEVEL for p in others.values()):
            n = int(row["n_treated_units"])
            told = ", ".join(f"{p_is(p)} by {name}" for name, p in others.items())
            notes.append(
                f"Tests disagree in column ({row['column']}), {n} treated {'city' if n == 1 else 'cities'}: "
                f"{p_is(row['p_ri_t'])} by RI on t, which gives the star, {told}."
            )
    return notes


def _treatment(column: pd.DataFrame, spec: RegressionTable) -> pd.Series | None:
    term = spec.column(str(column.iloc[0]["column"])).treatment
    return column.loc[term] if term in column.index else None


def _starless(row: pd.Series) -> bool:
    return row["star_rule"] == "none" and math.isfinite(row["estimate"])


def _reasons(columns: list[pd.DataFrame]) -> list[str]:
    """Every recorded note once, with the columns and terms that it is about; terms are named where it is not about all."""
    found: dict[str, dict[str, list[str]]] = {}
    for column in columns:
        for term, row in column.iterrows():
            for text in filter(None, str(row["note"]).split("; ")):
                found.setdefault(text, {}).setdefault(str(row["column"]), []).append(str(term))
    terms = {str(c.iloc[0]["column"]): list(c.index) for c in columns}
    notes = []
    for text, where in found.items():
        alike: dict[tuple[str, ...], list[str]] = {}
        for column, named in where.items():
            alike.setdefault(() if named == terms[column] else tuple(named), []).append(column)
        places = [_columns(ids) + (f", {listed(list(named))}" if named else "") for named, ids in alike.items()]
        notes.append(f"{'; '.join(places)}: {text}.".replace("column", "Column", 1))
    return notes


def _columns(ids: list[str]) -> str:
    return f"column{'s' * (len(ids) > 1)} {', '.join(f'({i})' for i in ids)}"


def _grouped(label: str, texts: list[str], rows: list[pd.Series]) -> list[str]:
    """One note where all columns agree, else one per distinct text naming its columns."""
    found: dict[str, list[str]] = {}
    for text, row in zip(texts, rows, strict=True):
        found.setdefault(text, []).append(f"({row['column']})")
    if len(found) == 1:
        return [f"{label}: {texts[0]}."]
    return [f"{label}, columns {', '.join(ids)}: {text}." for text, ids in found.items()]
