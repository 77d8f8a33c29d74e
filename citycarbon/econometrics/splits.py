"""Splits of the cities in two halves: who is low, who is high, the cut, and the sum check. Rows of ``splits.csv``.

Estimation of a half is an ordinary column (``columns``), the test of the difference is ``split_difference``, its sentence
``split_text``; nothing here fits a single half.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from citycarbon.beside import spread
from citycarbon.checks import CheckResult
from citycarbon.econometrics.sample import Sample, base_rows, estimation_sample, repeated
from citycarbon.study.other_policies import other_policies
from citycarbon.study.spec import Column, Split, Study

if TYPE_CHECKING:
    import pandas as pd

# Column of ``splits.csv`` -> type, in its order. City-years are counted in n_, missing, singletons, incomplete and n_total.
SPLIT_COLUMNS: dict[str, type] = {
    "study": str, "table": str, "split": str, "label": str, "criterion": str, "level": str, "variable": str, "unit": str,
    "cut": float, "cut_text": str, "fixed_effects": str, "outcome": str, "column_low": str, "column_high": str,
    "n_total": int, "n_low": int, "n_high": int, "missing": int, "singletons": int, "incomplete": int,
    "sum_holds": bool, "singletons_low": int, "singletons_high": int,
    "n_units_low": int, "n_units_high": int, "n_units_both": int, "treated_units_low": int, "treated_units_high": int,
    "treated_cells_low": int, "treated_cells_high": int,
    "estimate_low": float, "se_low": float, "estimate_high": float, "se_high": float, "difference": float, "se": float,
    "df": int, "t": float, "p": float, "p_ri": float, "p_ri_beta": float, "draws": int, "undefined": int, "seed": str,
    "pooled_gap": float, "flag": str, "note": str, "sentence": str,
}  # fmt: skip
SUM_TERMS = ("n_low", "n_high", "missing", "singletons", "incomplete")
DRAWS = 9999  # of a study that declares no placebo
POOLED_TOLERANCE = 1e-8  # relative, between the pooled regression's slopes and those of the halves' own columns
SMALL = 1e-5  # share of the outcome's size below which a slope may be rounding
_PANDAS = {str: "object", float: "float64", int: "Int64", bool: "boolean"}


def groups(panel: pd.DataFrame, study: Study, split: Split, chosen: pd.Series) -> pd.Series:
    """``low``, ``high`` or missing (no value of the criterion) for every row of ``panel``; object dtype, the panel's index.

    ``chosen``: rows (bool) of the estimation sample before the split; the median is taken over the cities (at level row:
    the rows) that have at least one of them.
    """
    import numpy as np

    if split.criterion == "adopted":
        years = panel[[f"first_year_{p}" for p in split.policies]].astype("float64")
        adopted = years.le(split.year)
        high = adopted.any(axis=1) if split.combine == "any" else adopted.all(axis=1)
        return high.map({True: "high", False: "low"}).astype(object)
    value, cut = criterion(panel, split, chosen)
    out = np.where(value > cut, "high", "low").astype(object)
    out[value.isna().to_numpy()] = None
    return value.astype(object).where(value.isna(), out)


def criterion(panel: pd.DataFrame, split: Split, chosen: pd.Series) -> tuple[pd.Series, float]:
    """The value that is cut, by row of ``panel`` (float64, missing where unknown), and the cut; ties are low."""
    value = panel[split.variable].astype("float64")
    if split.level == "city":
        value = value.where(panel["year"] < split.year).groupby(panel["city_id"]).transform("mean")
    if split.criterion == "threshold":
        return value, float(split.cut)
    taken = value[chosen]
    if split.level == "city":
        taken = taken.groupby(panel["city_id"][chosen]).first()
    return value, float(taken.median())


@dataclass(frozen=True)
class Pair:
    """Two columns of one table that differ in their half only."""

    table: str
    split: Split
    low: Column
    high: Column


def pairs(study: Study) -> list[Pair]:
    """Every pair of half columns that the study declares, in its order. A half without its other half is no pair."""
    out: list[Pair] = []
    for name, table in study.regression_tables().items():
        halves = [c for c in table.columns if c.half]
        found: dict[str, dict[str, Column]] = {}
        for column in halves:
            found.setdefault(_same_but_half(column), {})[column.half.group] = column
        both = [f for f in found.values() if len(f) == 2]
        out += [Pair(name, study.split(f["low"].half.split), f["low"], f["high"]) for f in both]
    return out


def _same_but_half(column: Column) -> str:
    rest = column.model_dump_json(exclude={"id", "label", "half"})
    return f"{column.half.split} {rest}"


def split_report(
    panel: pd.DataFrame, study: Study, estimates: pd.DataFrame, draws: int | None = None, *, workers: int = 1
) -> pd.DataFrame:
    """One row per pair of half columns: ``SPLIT_COLUMNS``.

    ``panel``: the mart ``city_panel``; ``estimates``: the frame of ``estimates.csv`` of this panel and study, from which the
    halves' estimates are taken. ``difference``, ``se``, ``p`` (t(G-1)): high - low of the pooled interacted regression, in
    units of the outcome; ``p_ri``: of its t statistic over ``draws`` redraws (default: the study's ``draws_variants``) under
    the null of an equal constant effect. Neither row order nor ``workers`` (processes) matter; a half without treated
    cities keeps its row and says so.
    """
    import pandas as pd

    draws = draws or (study.placebo.draws_variants if study.placebo else DRAWS)
    panel = panel.sort_values(["city_id", "year"], kind="stable", ignore_index=True)
    incomplete = {p.policy for p in other_policies(study) if p.list == "incomplete"}
    calls = [(panel, study, pair, estimates, draws, incomplete) for pair in pairs(study)]
    rows = spread(_pair_row, calls, workers=workers)
    frame = pd.DataFrame(rows, columns=list(SPLIT_COLUMNS))
    return frame.astype({name: _PANDAS[kind] for name, kind in SPLIT_COLUMNS.items()})


def _pair_row(
    panel: pd.DataFrame, study: Study, pair: Pair, estimates: pd.DataFrame, draws: int, incomplete: set[str]
) -> dict[str, Any]:
    from citycarbon.econometrics import split_text
    from citycarbon.econometrics.draws import seed_of
    from citycarbon.econometrics.placebo import first_years
    from citycarbon.econometrics.sample import EFFECT_COLUMNS
    from citycarbon.econometrics.split_difference import interacted, redraws

    reason = repeated(panel)
    if reason:
        panel = panel.iloc[:0]
    low, high = (estimation_sample(panel, study, column) for column in (pair.low, pair.high))
    row: dict[str, Any] = {"study": study.study, "table": pair.table, **_what(panel, study, pair)}
    row |= _counts(panel, study, pair, low, high) | _half_estimates(estimates, pair)
    cluster = EFFECT_COLUMNS[study.cluster]
    pooled = interacted(low.rows, high.rows, pair.low, cluster)
    row |= {"difference": pooled.difference, "se": pooled.std_error, "df": pooled.df, "t": pooled.t_stat, "p": pooled.p_value}
    seed = seed_of(study.placebo.seed if study.placebo else 0, pair.table, f"{pair.low.id}/{pair.high.id}", "difference")
    size = SMALL * max((float(half.rows[pair.low.outcome].abs().max()) for half in (low, high) if len(half.rows)), default=0.0)
    row["pooled_gap"] = max(_gap(pooled.low, row["estimate_low"], size), _gap(pooled.high, row["estimate_high"], size))
    note, test = (
        f"not estimable: {reason}" if reason else pooled.note,
        {"p_ri": float("nan"), "p_ri_beta": float("nan"), "draws": 0, "undefined": 0, "seed": ""},
    )
    if not note:
        first_year = first_years(panel, study, pair.low)
        found = redraws(low.rows, high.rows, pair.low, cluster, pooled, first_year=first_year, seed=seed, draws=draws)
        note = found.note
        test |= {"p_ri": found.p_ri_t, "p_ri_beta": found.p_ri_beta, "draws": found.draws, "undefined": found.undefined}
        test["seed"] = str(seed)
    row |= test
    row["flag"] = split_text.flag(row, pair.split, incomplete)
    row |= {"note": note, "sentence": split_text.sentence(row, note)}
    return row


def _what(panel: pd.DataFrame, study: Study, pair: Pair) -> dict[str, Any]:
    """The split in words and its cut."""
    split, column = pair.split, pair.low
    cut, unit = float("nan"), ""
    if split.criterion == "adopted":
        what = f"{'one' if split.combine == 'any' else 'all'} of {', '.join(split.policies)}" if len(split.policies) > 1 else ""
        text = f"high: adopted {what or split.policies[0]} by {split.year}"
    else:
        cut, unit = criterion(panel, split, base_rows(panel, study, column))[1], study.variable(split.variable).unit
        value = f"mean of {split.variable} before {split.year}" if split.level == "city" else f"{split.variable} of the row"
        over = {"median": f"the median over {'cities' if split.level == 'city' else 'rows'}", "threshold": "a declared cut"}
        text = f"high: {value} above {cut:.6g} {unit}, {over[split.criterion]}; ties are low"
        if cut != cut:
            text = f"no cut: {split.variable} is not supplied"
    return {
        "split": split.id, "label": split.label, "criterion": split.criterion, "level": split.level,
        "variable": split.variable or ", ".join(split.policies), "unit": unit, "cut": cut, "cut_text": text,
        "fixed_effects": " + ".join(column.fixed_effects), "outcome": column.outcome,
        "column_low": pair.low.id, "column_high": pair.high.id,
    }  # fmt: skip


def _counts(panel: pd.DataFrame, study: Study, pair: Pair, low: Sample, high: Sample) -> dict[str, Any]:
    """Where every row of the table's sample goes. ``n_total`` is counted on the panel, the terms on what was estimated."""
    chosen = base_rows(panel, study, pair.low)
    group = groups(panel, study, pair.split, chosen)
    out: dict[str, Any] = {"n_total": int(chosen.sum()), "missing": int((chosen & group.isna()).sum())}
    out["incomplete"] = sum(half.incomplete + half.unmatched for half in (low, high))
    for name, half in (("low", low), ("high", high)):
        treated = half.rows[half.rows[pair.low.treatment] == 1]
        out |= {
            f"n_{name}": len(half.rows),
            f"singletons_{name}": half.singletons,
            f"n_units_{name}": half.rows["city_id"].nunique(),
            f"treated_units_{name}": treated["city_id"].nunique(),
            f"treated_cells_{name}": len(treated),
        }
    out["singletons"] = low.singletons + high.singletons
    out["n_units_both"] = len(set(low.rows["city_id"]) & set(high.rows["city_id"]))
    return out | {"sum_holds": sum(out[term] for term in SUM_TERMS) == out["n_total"]}


def _half_estimates(estimates: pd.DataFrame, pair: Pair) -> dict[str, float]:
    out = {}
    for name, column in (("low", pair.low), ("high", pair.high)):
        row = _estimate_row(estimates, pair.table, column.id, column.treatment)
        out |= {f"estimate_{name}": float(row["estimate"]), f"se_{name}": float(row["std_error"])}
    return out


def _estimate_row(estimates: pd.DataFrame, table: str, column: str, term: str) -> pd.Series:
    of = (estimates["table"] == table) & (estimates["column"] == column) & (estimates["term"] == term)
    if of.sum() != 1:
        raise ValueError(f"the estimates hold {of.sum()} rows of {table}:{column}:{term}, not one: estimate the study first")
    return estimates[of].iloc[0]


def _gap(pooled: float, recorded: float, size: float) -> float:
    """Difference relative to the estimate, or to ``size`` where it is smaller: then both may be rounding. NaN where either is
    not estimable, which is not a difference of numbers."""
    return abs(pooled - recorded) / max(abs(recorded), size, 1e-12)


def check_splits(frame: pd.DataFrame, estimates: pd.DataFrame) -> CheckResult:
    """Do the splits add up? For every row of ``splits.csv`` (``frame``), against ``estimates.csv``:

    the terms sum to the table's sample; no city lies in both halves of a split by cities; N of each half is that of its column;
    the pooled regression has the slopes of the two columns. Refuses (blocking) where one of these does not hold.
    """
    faults = [
        f"{row.table} {row.column_low}/{row.column_high}: {text}"
        for row in frame.itertuples()
        for text in _faults(row, estimates)
    ]
    return CheckResult(
        id="splits_add_up",
        severity="blocking",
        passed=not faults,
        observed="; ".join(faults) or f"{len(frame)} splits add up",
        expected="n_low + n_high + missing + singletons + incomplete = rows of the table's sample, halves as estimated",
        title="The halves of every split add up to the table's sample",
        reason="a split whose parts do not add up compares something else than it says",
        engine="asset_check",
        columns=["n_total", *SUM_TERMS],
        remedy="Estimate the study again; if it stays, the split's rule gives a row to no half or to both",
    )


def _faults(row: Any, estimates: pd.DataFrame) -> list[str]:
    faults = []
    total = sum(int(getattr(row, term)) for term in SUM_TERMS)
    if total != row.n_total or not row.sum_holds:
        terms = " + ".join(f"{getattr(row, t)} {t}" for t in SUM_TERMS)
        faults.append(f"{terms} = {total}, not {row.n_total}")
    if row.level == "city" and row.n_units_both:
        faults.append(f"{row.n_units_both} cities lie in both halves")
    for name in ("low", "high"):
        column = getattr(row, f"column_{name}")
        recorded = estimates[(estimates["table"] == row.table) & (estimates["column"] == column)]
        if not len(recorded) or int(recorded["n_obs"].iloc[0]) != getattr(row, f"n_{name}"):
            found = int(recorded["n_obs"].iloc[0]) if len(recorded) else "none"
            faults.append(f"column {column} was estimated on {found} rows, its half has {getattr(row, f'n_{name}')}")
    if row.pooled_gap > POOLED_TOLERANCE:  # NaN where a half is not estimable
        faults.append(f"the pooled regression's slopes differ from the columns' by {row.pooled_gap:.2g} of their size")
    return faults
