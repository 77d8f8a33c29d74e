"""A paper whose tables are true: a small simulated panel, its regressions by plain least squares, printed with few digits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from papers import Paper
from scipy.stats import norm
from scipy.stats import t as student

from citycarbon.forensics.design import Design

CONTROLS = ("x1", "x2", "x3", "x4", "share")
FIRST, YEARS = 2008, 10


@dataclass(frozen=True)
class Settings:
    """What differs between papers: sizes, kind of errors and of constant, digits."""

    units: int = 60
    missing: float = 0.1
    errors: str = "classical"  # or robust, cluster
    constant: str = "grand_mean"  # or base_category
    decimals: int = 3
    effect: float = -0.3


def panel(rng: np.random.Generator, s: Settings) -> pd.DataFrame:
    """Unit-years with three outcomes, five controls, a treatment from 2014 (6 units) and 2016 (6), a list of members."""
    unit, year = (a.ravel() for a in np.meshgrid(np.arange(s.units), FIRST + np.arange(YEARS), indexing="ij"))
    first = np.full(s.units, 9999)
    chosen = rng.permutation(s.units)[:14]
    first[chosen[:6]], first[chosen[6:12]] = 2014, 2016
    level = rng.normal(size=s.units)
    df = pd.DataFrame({"unit": unit, "year": year, "did": (year >= first[unit]).astype(float), "first": first[unit]})
    for i, name in enumerate(CONTROLS[:-1]):
        own = rng.normal(size=s.units)[unit] + 0.1 * (i + 1) * (year - FIRST) + rng.normal(size=len(df))
        df[name] = 2 + i + 0.5 * own
    df["share"] = 1 / (1 + np.exp(-rng.normal(size=len(df))))
    for i, name in enumerate(("y", "green", "er")):
        noise = rng.normal(size=len(df))
        df[name] = (
            5 + i + level[unit] + 0.05 * (year - FIRST) + (1 + i) * s.effect * df["did"] + 0.3 * df["x1"] - 0.2 * df["x3"]
            + (0.4 + 0.2 * i) * noise
        )  # fmt: skip
    rich, member = rng.normal(size=s.units), rng.random(s.units) < 0.4
    rich[chosen[:12:2]], rich[chosen[1:12:2]] = 2, -2  # treated units in both halves of either split
    member[chosen[:12:3]], member[chosen[1:12:3]] = True, False
    df["criterion"], df["member"] = rich[unit], member[unit]
    df["excluded"] = np.isin(unit, chosen[10:14])
    df["lag"] = (df["year"] - 1 >= df["first"]).astype(float)
    return df[rng.random(len(df)) > s.missing].reset_index(drop=True)


def regress(df: pd.DataFrame, outcome: str, terms: list[str], s: Settings) -> dict[str, Any]:
    """Least squares with unit and year dummies, centred for a grand-mean constant, as they are for that of a base level."""
    y = df[outcome].to_numpy()
    x = df[terms].to_numpy()
    dummies = np.column_stack([pd.get_dummies(df[c]).to_numpy(dtype=float)[:, 1:] for c in ("unit", "year")])
    if s.constant == "grand_mean":
        dummies = dummies - dummies.mean(axis=0)
    design = np.column_stack([x, np.ones(len(df)), dummies])
    bread = np.linalg.inv(design.T @ design)
    beta = bread @ design.T @ y
    e = y - design @ beta
    n, k = design.shape
    if s.errors == "classical":
        cov, df_t = bread * (e @ e / (n - k)), n - k
    elif s.errors == "robust":
        scores = design * e[:, None]
        cov, df_t = bread @ (scores.T @ scores) @ bread * n / (n - k), n - k
    else:
        scores = pd.DataFrame(design * e[:, None]).groupby(df["unit"].to_numpy()).sum().to_numpy()
        g = len(scores)
        cov, df_t = bread @ (scores.T @ scores) @ bread * g / (g - 1) * (n - 1) / (n - len(terms) - YEARS), g - 1
    r2 = 1 - (e @ e) / ((y - y.mean()) ** 2).sum()
    names = [*terms, "_cons"]
    se = np.sqrt(np.diag(cov))
    return {
        "b": dict(zip(names, beta, strict=False)), "se": dict(zip(names, se, strict=False)), "df": df_t, "n": n,
        "adj_r2": 1 - (1 - r2) * (n - 1) / (n - k),
    }  # fmt: skip


def column(table: str, number: str, fit: dict[str, Any], outcome: str, s: Settings) -> list[dict[str, str]]:
    rows = []
    for term, b in fit["b"].items():
        se = fit["se"][term]
        t = abs(b) / se
        p = 2 * (norm.sf(t) if math.isinf(fit["df"]) else student.sf(t, fit["df"]))
        rows.append({
            "table": table, "column_no": number, "column_label": "", "outcome": outcome, "term": term,
            "estimate": f"{b:.{s.decimals}f}", "std_error": f"{se:.{s.decimals}f}",
            "stars": "***" if p < 0.01 else "**" if p < 0.05 else "*" if p < 0.1 else "", "N": str(fit["n"]),
            "adj_r2": f"{fit['adj_r2']:.3f}", "fe_label_1": "Year", "fe_label_2": "City",
        })  # fmt: skip
    return rows


def descriptives(df: pd.DataFrame, s: Settings) -> pd.DataFrame:
    rows = []
    for name in ("y", "green", "er", "did", *CONTROLS):
        v = df[name]
        d = s.decimals
        ends = [f"{v.min():.0f}", f"{v.max():.0f}"] if name == "did" else [f"{v.min():.{d}f}", f"{v.max():.{d}f}"]
        rows.append([name, f"{v.std():.{d}f}", str(len(v)), f"{v.mean():.{d}f}", *ends])
    return pd.DataFrame(rows, columns=["variable", "sd", "n", "mean", "min", "max"], dtype=object)


def design(df: pd.DataFrame, s: Settings) -> dict[str, Any]:
    """What such a paper would say of itself, all of it true."""
    out = df[df["excluded"]].drop_duplicates("unit")
    treated = [{"year": y, "units": int((out["first"] == y).sum())} for y in (2014, 2016)]
    whole = {"table": 2, "column": 2}
    return {
        "descriptive_table": "Table 1",
        "panel": {"units": s.units, "unit": "city", "first_year": FIRST, "last_year": FIRST + YEARS - 1},
        "treatment": {"term": "did", "cohorts": [{"year": 2014, "units": 6}, {"year": 2016, "units": 6}], "units_stated": 12},
        "event_study": {"first": -4, "last": 1, "ends": "binned", "base": -1},
        "fixed_effects": {"stated": ["city", "year"]},
        "standard_errors": {"stated": s.errors, **({"clusters": int(df["unit"].nunique())} if s.errors == "cluster" else {})},
        "variables": {
            "y": {"transform": "ln", "quantity": "count"},
            "share": {"quantity": "share", "zero": "impossible"},
            "did": {"quantity": "binary"},
        },
        "splits": [
            {"table": 5, "high": 1, "low": 2, "of": whole, "criterion": "wealth", "kind": "continuous", "method": "median"},
            {"table": 6, "high": 1, "low": 2, "of": whole, "criterion": "a list", "kind": "membership", "method": "membership"},
        ],
        "subsamples": [
            {"table": 4, "column": 1, "of": whole, "kind": "lag"},
            {"table": 4, "column": 2, "of": whole, "kind": "exclusion", "units": 4,
             "treated": [t for t in treated if t["units"]], "label": "four cities"},
        ],
        "sources": [{"id": "the yearbook", "variable": "y", "first_year": 2000, "last_year": 2020}],
        "claims": [{"id": "h1", "where": "section 1", "quote": "it falls",
                    "rule": {"kind": "sign", "term": "did", "outcome": "y", "sign": "negative"}}],
    }  # fmt: skip


def simulate(seed: int, settings: Settings | None = None) -> Paper:
    """All tables of one true paper: 2 (without and with controls), 3 (three outcomes), 4 (lag, exclusion), 5 and 6 (splits)."""
    s = settings or Settings()
    df = panel(np.random.default_rng(seed), s)
    all_terms = ["did", *CONTROLS]
    cut = df.groupby("unit")["criterion"].first().median()
    plan = [
        ("2", "1", df, "y", ["did"]), ("2", "2", df, "y", all_terms), ("3", "1", df, "y", all_terms),
        ("3", "2", df, "green", all_terms), ("3", "3", df, "er", all_terms), ("4", "1", df, "y", ["lag", *CONTROLS]),
        ("4", "2", df[~df["excluded"]], "y", all_terms), ("5", "1", df[df["criterion"] > cut], "y", all_terms),
        ("5", "2", df[df["criterion"] <= cut], "y", all_terms), ("6", "1", df[df["member"]], "y", all_terms),
        ("6", "2", df[~df["member"]], "y", all_terms),
    ]  # fmt: skip
    rows = [r for table, no, part, y, terms in plan for r in column(table, no, regress(part, y, terms, s), y, s)]
    return Paper(pd.DataFrame(rows, dtype=object), descriptives(df, s), Design.model_validate(design(df, s)))
