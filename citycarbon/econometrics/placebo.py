"""Inference by redrawing for every column of a study: fills its part of the estimates and summarises the placebo draws.

The tests are ``randomisation``, ``inversion`` and ``wild_bootstrap``; who is drawn is ``draws``; the sample is that of the
column's own fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics import draws as law
from citycarbon.econometrics.columns import NO_RULE, NO_STAR, PENDING, RI_RULE, no_star_reason, stars
from citycarbon.econometrics.contract import write_csv
from citycarbon.econometrics.few_clusters import cluster_design, wild_p
from citycarbon.econometrics.inversion import TIE, interval_beta, interval_t
from citycarbon.econometrics.randomisation import Experiment, p_value, redraw
from citycarbon.econometrics.resampling import Statistics
from citycarbon.econometrics.sample import EFFECT_COLUMNS, KEYS, Sample, estimation_sample, treatment_values
from citycarbon.study.spec import Column, Study

if TYPE_CHECKING:
    import pandas as pd

PLACEBO_COLUMNS = (
    "table", "column", "term", "scheme", "draws", "undefined", "treated_mean", "mean", "sd", "q025", "q975", "p_ri_beta",
    "p_ri_t", "share_beyond", "size_t_5pct", "mde80", "conf_low_ri_t", "conf_high_ri_t", "conf_low_ri_beta",
    "conf_high_ri_beta", "seed", "estimate", "t_stat", "note",
)  # fmt: skip
PLACEBO_TYPES = {**dict.fromkeys(("table", "column", "term", "scheme", "seed", "note"), str), "draws": int, "undefined": int}
SHOWN_SCHEMA = {
    "table": "string", "column": "string", "scheme": "string", "draw": "int64", "beta": "double", "t": "double",
    "n_treated_units": "int64", "n_treated_cells": "int64",
}  # fmt: skip
MDE = 2.8  # standard deviations of the placebo that an effect needs to be found with 80 % power at 5 %: 1.96 + 0.84
MISMATCH = 1e-7  # the engine and the estimator of record may differ by this share of a standard error


@dataclass(frozen=True)
class Randomised:
    """``estimates`` with the columns of randomisation inference filled; ``placebo``: one row a column and scheme
    (``PLACEBO_COLUMNS``); ``shown``: the first draws of each headline column (``SHOWN_SCHEMA``)."""

    estimates: pd.DataFrame
    placebo: pd.DataFrame
    shown: pd.DataFrame


def add_randomisation(
    estimates: pd.DataFrame,
    panel: pd.DataFrame,
    study: Study,
    draws: Mapping[tuple[str, str], int] | None = None,
    *,
    workers: int = 1,
) -> Randomised:
    """Fill p_ri_t, p_ri_beta, conf_low_ri, conf_high_ri, p_wcr, stars and star_rule of the treatment's row of every column.

    ``estimates``: as of ``estimate_columns``; ``panel``: the mart it came from; ``draws``: (table, column) -> number of redraws
    where it is not the study's own (headline columns ``placebo.draws``, others ``placebo.draws_variants``). A treatment that is
    not estimable, or cannot be redrawn, keeps its row: ``star_rule`` ``none``, the reason in ``note``. Rows whose ``star_rule``
    is already decided are left as they are. A column that estimates what an earlier one does (same ``spec_id``) has its draws.
    Raises ValueError where the engine does not reproduce an estimate: a bug.
    """
    with Redrawing(panel, study, draws, workers) as redrawing:
        for name, table in study.regression_tables().items():
            for column in table.columns:
                at = (estimates["table"] == name) & (estimates["column"] == column.id)
                redrawing.begin(estimates[at].to_dict("records"), name, column)
        return redrawing.finish(estimates)


class Redrawing:
    """The redraws of many columns, in threads: a column is begun as soon as it is fitted, while the next one is being fitted.

    A context manager. Numbers depend on the seeds of the columns alone, not on how many threads there are or which is first.
    """

    def __init__(
        self, panel: pd.DataFrame, study: Study, draws: Mapping[tuple[str, str], int] | None = None, workers: int = 1
    ) -> None:
        self._panel, self._study, self._draws = panel, study, draws or {}
        self._pool = ThreadPoolExecutor(workers)
        self._columns: list[tuple[str, Column, Future[_Done]]] = []
        self._known: dict[tuple[str, int], Future[_Done]] = {}

    def __enter__(self) -> Redrawing:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def begin(self, rows: list[dict[str, Any]], table: str, column: Column) -> None:
        """Redraw the treatment of one column, given its rows of the estimates; nothing where its star is decided already."""
        due = [row for row in rows if row["term"] == column.treatment and row["star_rule"] == PENDING]
        if not due:
            return
        if self._study.placebo is None:
            refused: Future[_Done] = Future()
            refused.set_result(_refused(due[0], NO_STAR + "the study asks for no redraws"))
            self._columns.append((table, column, refused))
            return
        number = self._draws.get((table, column.id), draws_of(self._study, table, column))
        key = (due[0]["spec_id"], number)
        if key not in self._known:
            self._known[key] = self._pool.submit(_column, due[0], self._panel, self._study, table, column, number)
        self._columns.append((table, column, self._known[key]))

    def finish(self, estimates: pd.DataFrame) -> Randomised:
        """``estimates`` with what was begun filled in, in the order in which it was begun."""
        import pandas as pd

        out, rows, shown = estimates.copy(), [], []
        for table, column, future in self._columns:
            done = future.result().under(table, column.id)
            at = (out["table"] == table) & (out["column"] == column.id) & (out["term"] == column.treatment)
            for key, value in done.fill.items():
                out.loc[out.index[at][0], key] = value
            rows += done.placebo
            shown += done.shown
        return Randomised(
            out,
            pd.DataFrame(rows, columns=list(PLACEBO_COLUMNS)),
            pd.concat(shown, ignore_index=True) if shown else pd.DataFrame(columns=list(SHOWN_SCHEMA)),
        )


def write_placebo(done: Randomised, folder: Path) -> list[Path]:
    """Write ``placebo.csv`` and ``draws/placebo.parquet`` below ``folder``; returns their paths."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    summary, shown = folder / "placebo.csv", folder / "draws" / "placebo.parquet"
    write_csv(done.placebo, summary)
    shown.parent.mkdir(parents=True, exist_ok=True)
    schema = pa.schema(list(SHOWN_SCHEMA.items()))
    pq.write_table(pa.Table.from_pandas(done.shown, schema=schema, preserve_index=False).replace_schema_metadata(None), shown)
    return [summary, shown]


def is_headline(study: Study, table: str, column: Column) -> bool:
    """A column of a headline table in the study's own fixed effects: it gets all draws."""
    return not study.regression_tables()[table].variants and column.fixed_effects == study.fixed_effects


def draws_of(study: Study, table: str, column: Column) -> int:
    """The number of redraws that the study asks for in this column."""
    return study.placebo.draws if is_headline(study, table, column) else study.placebo.draws_variants


def experiment(sample: Sample, panel: pd.DataFrame, study: Study, column: Column) -> Experiment:
    """The column's sample with who is treated in it. Raises ValueError where the treatment cannot be redrawn."""
    return Experiment.build(
        sample.rows,
        column.outcome,
        column.treatment,
        column.terms[1:],
        tuple(EFFECT_COLUMNS[name] for name in column.fixed_effects),
        first_year=first_years(panel, study, column),
        cluster=EFFECT_COLUMNS[study.cluster],
        weights=sample.weights,
    )


def first_years(panel: pd.DataFrame, study: Study, column: Column) -> dict[Any, int] | None:
    """Unit -> first year in which the column's treatment is 1 in the whole panel, also where that row is not in the sample.

    None for a lag by rows, whose first year depends on the rows of the sample.
    """
    if column.treatment == "did_lag1" and column.lag_rule == "previous_row":
        return None
    panel = panel.sort_values(KEYS, kind="stable", ignore_index=True)
    values = treatment_values(panel, study, column, panel["year"].notna())
    return panel[values == 1].groupby("city_id")["year"].min().astype(int).to_dict()


@dataclass(frozen=True)
class _Done:
    """What one column adds: cells of its row of the estimates, rows of the summary, draws to show."""

    fill: dict[str, Any]
    placebo: list[dict[str, Any]]
    shown: list[pd.DataFrame]

    def under(self, table: str, column: str) -> _Done:
        """What ``table:column`` adds: all where it was redrawn for it; for one that estimates the same, the default scheme."""
        labels = {"table": table, "column": column}
        if all(p[k] == v for p in self.placebo for k, v in labels.items()):
            return self
        return _Done(self.fill, [{**p, **labels} for p in self.placebo[:1]], [s.assign(**labels) for s in self.shown[:1]])


def _column(row: dict[str, Any], panel: pd.DataFrame, study: Study, table: str, column: Column, number: int) -> _Done:
    if not np.isfinite(row["estimate"]):
        return _Done({"star_rule": NO_RULE}, [], [])
    sample = estimation_sample(panel, study, column)
    try:
        case = experiment(sample, panel, study, column)
    except ValueError as error:
        refused = _refused(row, f"no randomisation inference: {error}")
        return replace(
            refused, fill={**refused.fill, "p_wcr": wild_p(cluster_design(sample, study, column), study, table, column)}
        )
    if not case.design.varies():
        return _refused(row, NO_STAR + "the outcome does not vary beyond effects and controls")
    actual = case.actual()
    _same(row, actual, table, column.id)
    placebo, shown = [], []
    for i, scheme in enumerate(_schemes(case, panel, study, table, column)):
        seed = law.seed_of(study.placebo.seed, table, column.id, scheme.name)
        drawn = redraw(case.design, scheme, seed, min(number, study.placebo.draws_variants) if i else number)
        labels = {"table": table, "column": column.id, "term": column.treatment, "scheme": scheme.name, "seed": seed}
        placebo.append({**labels, **summary(actual, drawn, case.design.df), "note": _scheme_note(scheme, drawn, column)})
        if is_headline(study, table, column):
            shown.append(_shown(labels, drawn, study.placebo.draws_shown))
    return _Done({**_fill(row, placebo[0]), "p_wcr": wild_p(case.design, study, table, column)}, placebo, shown)


def _schemes(case: Experiment, panel: pd.DataFrame, study: Study, table: str, column: Column) -> Iterator[law.Scheme]:
    """The default scheme; for the first table's headline column with the study's own controls other laws as well."""
    yield case.scheme
    own = is_headline(study, table, column) and column.controls == study.controls
    if not own or table != next(iter(study.regression_tables())):
        return
    units = case.design.units
    yield law.cohorts(units, case.first_year, "all_cities")
    pilots = _pilots(panel, study, column)
    if set(units) & set(pilots) > set(case.first_year):
        yield law.all_pilots(units, pilots)
    yield law.random_years(units, len(case.first_year), case.design.rows.year)


def _pilots(panel: pd.DataFrame, study: Study, column: Column) -> dict[Any, int]:
    """Every city of the policy, also those treated after the window -> first treated year."""
    name = f"first_year_{study.treatment.policy}"
    if name not in panel:
        return {}
    first = panel.dropna(subset=[name]).groupby("city_id")[name].min().astype(int)
    return (first + (column.treatment == "did_lag1")).to_dict()


def summary(actual: Statistics, drawn: Statistics, df: int) -> dict[str, Any]:
    """Numbers of one row of the placebo summary, without its labels.

    ``mean``, ``sd`` (B - 1), ``q025``, ``q975`` of b* where the sharp null holds; ``share_beyond``: share of |b*| >= |b|;
    ``size_t_5pct``: share of |t*| beyond the 5 % critical value of t(G-1), which is what the clustered test claims to be 5 %;
    ``mde80`` = 2.8 sd (Bloom 1995); ``treated_mean``: units with a treated row, mean over draws; ``undefined``: draws left out.
    """
    from scipy.stats import t as student

    b, t = drawn.beta(), drawn.t()
    beta, t_stat = float(actual.beta()[0]), float(actual.t()[0])
    defined, t_defined = b[np.isfinite(b)], t[np.isfinite(t)]
    by_t, by_beta = interval_t(actual, drawn), interval_beta(actual, drawn)
    some = len(defined) > 1
    sd = float(defined.std(ddof=1)) if some else np.nan
    low, high = np.quantile(defined, [0.025, 0.975]).tolist() if some else (np.nan, np.nan)
    return {
        "draws": len(b),
        "undefined": len(b) - len(t_defined),
        "treated_mean": float(drawn.treated_units.mean()),
        "mean": float(defined.mean()) if some else np.nan,
        "sd": sd,
        "q025": low,
        "q975": high,
        "p_ri_beta": p_value(b, beta),
        "p_ri_t": p_value(t, t_stat),
        "share_beyond": float((np.abs(defined) >= abs(beta) * (1 - TIE)).mean()) if some else np.nan,
        "size_t_5pct": float((np.abs(t_defined) > student.ppf(0.975, df)).mean()) if len(t_defined) else np.nan,
        "mde80": MDE * sd,
        "conf_low_ri_t": by_t.low,
        "conf_high_ri_t": by_t.high,
        "conf_low_ri_beta": by_beta.low,
        "conf_high_ri_beta": by_beta.high,
        "estimate": beta,
        "t_stat": t_stat,
    }


def _shown(labels: Mapping[str, Any], drawn: Statistics, number: int) -> pd.DataFrame:
    import pandas as pd

    b = drawn.beta()[:number]
    values = {
        **{k: labels[k] for k in ("table", "column", "scheme")},
        "draw": np.arange(1, len(b) + 1),
        "beta": b,
        "t": drawn.t()[:number],
        "n_treated_units": drawn.treated_units[:number],
        "n_treated_cells": drawn.cells[:number],
    }
    return pd.DataFrame(values, columns=list(SHOWN_SCHEMA))


def _scheme_note(scheme: law.Scheme, drawn: Statistics, column: Column) -> str:
    notes = []
    undefined = int((~np.isfinite(drawn.t())).sum())
    if undefined:
        notes.append(f"{undefined} of {len(drawn.den)} redraws are undefined (treatment absorbed or no variance) and left out")
    assignments = law.distinct_assignments(scheme)
    if assignments < len(drawn.den):
        notes.append(f"only {assignments:.0f} different assignments exist")
    if column.matching:
        notes.append("randomisation inference is conditional on the match")
    return "; ".join(notes)


def _fill(row: Mapping[str, Any], placebo: Mapping[str, Any]) -> dict[str, Any]:
    """Cells of the treatment's row, from the summary of the default scheme."""
    ends = (placebo["conf_low_ri_t"], placebo["conf_high_ri_t"])
    notes = [placebo["note"]]
    if np.isinf(ends).any():
        notes.append("the interval by randomisation inference is unbounded: too few assignments differ from the actual one")
    reason = _no_star(row, placebo["p_ri_t"])
    notes.append(NO_STAR + reason if reason and not no_star_reason(row["note"]) else "")
    return {
        "p_ri_t": placebo["p_ri_t"],
        "p_ri_beta": placebo["p_ri_beta"],
        "conf_low_ri": ends[0],
        "conf_high_ri": ends[1],
        "stars": "" if reason else stars(placebo["p_ri_t"]),
        "star_rule": NO_RULE if reason else RI_RULE,
        "note": _joined(row["note"], notes),
    }


def _no_star(row: Mapping[str, Any], p: float) -> str:
    """Why the treatment earns no star whatever its p-value; empty where it may."""
    if not np.isfinite(p):
        return "no t statistic to redraw"
    if row["n_treated_units"] == 1:
        return "one treated city"
    return no_star_reason(row["note"])


def _refused(row: Mapping[str, Any], reason: str) -> _Done:
    return _Done({"star_rule": NO_RULE, "note": _joined(row["note"], [reason])}, [], [])


def _joined(note: str, more: Sequence[str]) -> str:
    return "; ".join(n for n in [note, *more] if n)


def _same(row: Mapping[str, Any], actual: Statistics, table: str, column: str) -> None:
    beta, error = float(actual.beta()[0]), float(actual.std_error()[0])
    if not abs(beta - row["estimate"]) <= MISMATCH * max(row["std_error"], abs(row["estimate"]) * 1e-3):
        raise ValueError(f"{table}:{column}: the resampling engine gives {beta!r}, the estimate is {row['estimate']!r}")
    if not abs(error - row["std_error"]) <= 1e-6 * row["std_error"] + 1e-9 * abs(row["estimate"]):
        raise ValueError(f"{table}:{column}: the resampling engine's error is {error!r}, the estimate's {row['std_error']!r}")
