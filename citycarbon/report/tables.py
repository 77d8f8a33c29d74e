"""Regression tables from ``estimates.csv``, and the entry points of all tables. Every label and count comes from the data."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from citycarbon.econometrics.contract import parse_effects
from citycarbon.report.attrition import attrition_table
from citycarbon.report.descriptives import table1
from citycarbon.report.formats import Cell, Head, Row, Table, count, decimals_for, fixed, table_name, write_table
from citycarbon.study.spec import AttritionTable, DescriptiveTable, RegressionTable, Study

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["attrition_table", "regression_table", "table1", "table2", "write_table", "write_tables"]

RI_PENDING = "RI pending"


def table2(estimates: pd.DataFrame, study: Study, synthetic: bool) -> Table:
    """Table 2, the baseline, with both readings of the fixed effects side by side."""
    return regression_table(estimates, study, "table2", synthetic)


def regression_table(estimates: pd.DataFrame, study: Study, table: str, synthetic: bool) -> Table:
    """One regression table from its rows of the estimates frame (the contract's columns). Raises KeyError where it has none."""
    mine = estimates[estimates["table"] == table]
    columns = [group.set_index("term") for _, group in mine.groupby("column", sort=False)]
    if not columns:
        raise KeyError(f"the estimates hold no rows of {table}")
    spec = study.regression_tables()[table]
    return Table(
        title=f"{table_name(table)}. {spec.title}",
        stub=("",),
        header=_header(columns, spec, study),
        body=(*_coefficients(columns, study), *_footer(columns)),
        notes=tuple(_notes(columns)),
        synthetic=synthetic,
    )


def _header(columns: list[pd.DataFrame], spec: RegressionTable, study: Study) -> tuple[tuple[Head, ...], ...]:
    groups: list[list] = []
    for column in columns:
        text = " + ".join(parse_effects(column.iloc[0]["fixed_effects"])).capitalize() + " effects"
        if groups and groups[-1][0] == text:
            groups[-1][1] += 1
        else:
            groups.append([text, 1])
    ids = [str(c.iloc[0]["column"]) for c in columns]
    return (
        tuple(Head(text, span) for text, span in groups),
        tuple(Head(f"({i})") for i in ids),
        tuple(Head(study.variable(c.iloc[0]["outcome"]).label) for c in columns),
        tuple(Head(spec.column(i).label) for i in ids),
    )


def _coefficients(columns: list[pd.DataFrame], study: Study) -> list[Row]:
    terms = list(dict.fromkeys(t for c in columns for t in c.index if t != "_cons")) + ["_cons"]
    digits = _digits(columns)
    rows = []
    for term in terms:
        label = study.variable(term).label if term != "_cons" else term
        pairs = [_pair(c, term, d) for c, d in zip(columns, digits, strict=True)]
        rows.append(Row((label,), tuple(p[0] for p in pairs)))
        rows.append(Row(("",), tuple(p[1] for p in pairs), name=f"{label}, standard error"))
    return rows


def _digits(columns: list[pd.DataFrame]) -> list[int]:
    """Decimals of each column: enough for two digits of every slope's standard error, alike for columns of one outcome."""
    least: dict[str, float] = {}
    for column in columns:
        error = float(column.loc[column.index != "_cons", "std_error"].min())
        outcome = column.iloc[0]["outcome"]
        least[outcome] = min(least.get(outcome, float("inf")), error if error > 0 else float("inf"))
    return [decimals_for(least[c.iloc[0]["outcome"]]) for c in columns]


def _pair(column: pd.DataFrame, term: str, digits: int) -> tuple[Cell, Cell]:
    """Estimate with its mark, and the standard error in brackets; a term that is not estimable says so."""
    if term not in column.index:
        return Cell(), Cell()
    row = column.loc[term]
    value = fixed(row["estimate"], digits)
    if not value:
        return Cell("not estimable"), Cell()
    mark = RI_PENDING if row["star_rule"] == "pending" else row["stars"]
    error = fixed(row["std_error"], digits)
    return Cell(value, mark), Cell(f"({error}", ")") if error else Cell()


def _footer(columns: list[pd.DataFrame]) -> list[Row]:
    first = [c.iloc[0] for c in columns]
    levels = [parse_effects(f["fixed_effects"]) for f in first]
    rows = []
    for name in dict.fromkeys(n for found in levels for n in found):
        cells = tuple(Cell(f"{count(found[name])} levels" if name in found else "no") for found in levels)
        rows.append(Row((f"{name.capitalize()} effects",), cells, rule=not rows))
    for i, (label, field) in enumerate(_COUNTS):
        rows.append(Row((label,), tuple(Cell(count(f[field])) for f in first), rule=i == 0))
    for i, (label, field) in enumerate(_FITS):
        rows.append(Row((label,), tuple(Cell(_share(f[field])) for f in first), rule=i == 0))
    return rows


def _share(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else ""


_COUNTS = (
    ("N (city-years)", "n_obs"),
    ("Cities", "n_units"),
    ("Clusters", "n_clusters"),
    ("Treated cities", "n_treated_units"),
    ("Treated city-years", "n_treated_cells"),
    ("Singletons dropped", "singletons_dropped"),
    ("Degrees of freedom of t", "df"),
)
_FITS = (("R2", "r2"), ("adj. R2", "r2_adj"), ("within R2", "r2_within"), ("adj. within R2", "r2_adj_within"))


def _notes(columns: list[pd.DataFrame]) -> list[str]:
    first = [c.iloc[0] for c in columns]
    notes = _grouped("Outcome", [_outcome(f) for f in first], first)
    notes += _grouped("Sample", [f["sample"] for f in first], first)
    notes += _grouped("Standard errors in parentheses", [_variance(f) for f in first], first)
    rules = {rule for c in columns for rule in c["star_rule"]}
    if "t" in rules:
        notes.append("Stars of controls and constant: *** p < 0.01, ** p < 0.05, * p < 0.10.")
    if "pending" in rules:
        notes.append(
            f"{RI_PENDING}: the treatment earns stars only by randomisation inference on the t statistic, not computed in "
            "this release; with few treated cities the clustered t test rejects too often."
        )
    notes.append(
        "R2 and adj. R2: overall, every fixed effect counted as a parameter. Within R2: of the variance left after all fixed "
        "effects of the column (reghdfe's definition). _cons: grand-mean convention, mean(y) - mean(x)'b."
    )
    notes += [
        f"Column ({f['column']}), {t}: {r['note']}."
        for f, c in zip(first, columns, strict=True)
        for t, r in c.iterrows()
        if r["note"]
    ]
    return notes


def _outcome(row: pd.Series) -> str:
    inside = f"{row['outcome_unit']}"
    return (
        f"{row['outcome']}, {inside}"
        if row["transform"] == "none"
        else f"{row['outcome']}, transform {row['transform']}, unit {inside}"
    )


def _variance(row: pd.Series) -> str:
    kind, _, by = row["vcov"].partition(":")
    what = f"clustered by {by}" if kind == "cluster" else row["vcov"]
    return f"{what}, CRV1 with G/(G-1) x (N-1)/(N-K); tests and intervals with t(G-1)"


def _grouped(label: str, texts: list[str], rows: list[pd.Series]) -> list[str]:
    """One note where all columns agree, else one per distinct text naming its columns."""
    found: dict[str, list[str]] = {}
    for text, row in zip(texts, rows, strict=True):
        found.setdefault(text, []).append(f"({row['column']})")
    if len(found) == 1:
        return [f"{label}: {texts[0]}."]
    return [f"{label}, columns {', '.join(ids)}: {text}." for text, ids in found.items()]


def write_tables(
    study: Study, panel: pd.DataFrame, estimates: pd.DataFrame, attrition: pd.DataFrame, out_dir: Path, synthetic: bool
) -> list[Path]:
    """Every table that the study declares, in four formats each, named as in the study. Returns the paths in order."""
    paths: list[Path] = []
    for name, spec in study.tables.items():
        if isinstance(spec, DescriptiveTable):
            table = table1(panel, study, synthetic, name)
        elif isinstance(spec, AttritionTable):
            table = attrition_table(attrition, study, synthetic, estimates)
        else:
            table = regression_table(estimates, study, name, synthetic)
        paths += write_table(table, out_dir, name)
    return paths
