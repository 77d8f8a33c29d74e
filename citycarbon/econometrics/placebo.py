"""Inference by redrawing for every column of a study: fills its part of the estimates and summarises the placebo draws.

The tests are ``randomisation``, ``inversion`` and ``wild_bootstrap``; who is drawn is ``draws``; the sample is that of the
column's own fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.beside import Shared
from citycarbon.econometrics import draws as law
from citycarbon.econometrics.columns import NO_RULE, NO_STAR, PENDING, RI_RULE, no_star_reason, stars
from citycarbon.econometrics.few_clusters import cluster_design, wild_p
from citycarbon.econometrics.placebo_summary import PLACEBO_COLUMNS, SHOWN_SCHEMA, scheme_note, shown_draws, summary
from citycarbon.econometrics.randomisation import Experiment, redraw
from citycarbon.econometrics.resampling import Statistics
from citycarbon.econometrics.sample import EFFECT_COLUMNS, KEYS, Sample, estimation_sample, treatment_values
from citycarbon.study.spec import Column, Study

if TYPE_CHECKING:
    import pandas as pd

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
                redrawing.begin(estimates[at].to_dict("records"), name, column, estimation_sample(panel, study, column))
        return redrawing.finish(estimates)


class Redrawing:
    """The redraws of many columns: a column is begun as soon as it is fitted, and redrawn while the next one is being fitted.

    A context manager. With two ``workers`` a second process takes part. Numbers depend on the seeds of the columns alone, not
    on who computes them or when.
    """

    def __init__(
        self, panel: pd.DataFrame, study: Study, draws: Mapping[tuple[str, str], int] | None = None, workers: int = 1
    ) -> None:
        self._panel, self._study, self._draws = panel, study, draws or {}
        self._shared = Shared(_column, beside=workers > 1)
        self._columns: list[tuple[str, Column, Future[_Done]]] = []
        self._known: dict[tuple[str, int], Future[_Done]] = {}

    def __enter__(self) -> Redrawing:
        return self

    def __exit__(self, *error: object) -> None:
        self._shared.__exit__(*error)

    def begin(self, rows: list[dict[str, Any]], table: str, column: Column, sample: Sample) -> None:
        """Redraw the treatment of one column, given its rows of the estimates and the sample they are of; nothing where its
        star is decided already."""
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
            self._known[key] = self._shared.add(_case(due[0], sample, self._panel, self._study, table, column, number))
        self._columns.append((table, column, self._known[key]))

    def finish(self, estimates: pd.DataFrame) -> Randomised:
        """``estimates`` with what was begun filled in, in the order in which it was begun."""
        import pandas as pd

        self._shared.finish()
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


def is_headline(study: Study, table: str, column: Column) -> bool:
    """A column of a headline table in the study's own fixed effects: it gets all draws."""
    return not study.regression_tables()[table].variants and column.fixed_effects == study.fixed_effects


def draws_of(study: Study, table: str, column: Column) -> int:
    """The number of redraws that the study asks for in this column."""
    return study.placebo.draws if is_headline(study, table, column) else study.placebo.draws_variants


def experiment(sample: Sample, panel: pd.DataFrame, study: Study, column: Column) -> Experiment:
    """The column's sample with who is treated in it. Raises ValueError where the treatment cannot be redrawn."""
    return _experiment(sample, first_years(panel, study, column), study, column)


def _experiment(sample: Sample, first_year: dict[Any, int] | None, study: Study, column: Column) -> Experiment:
    return Experiment.build(
        sample.rows,
        column.outcome,
        column.treatment,
        column.terms[1:],
        tuple(EFFECT_COLUMNS[name] for name in column.fixed_effects),
        first_year=first_year,
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


@dataclass(frozen=True)
class _Case:
    """All that the redraws of one column rest on: ``row``, the treatment's of its estimates, ``first_year`` as of
    :func:`first_years`, and ``pilots`` where other laws are drawn too."""

    row: dict[str, Any]
    sample: Sample
    first_year: dict[Any, int] | None
    pilots: dict[Any, int] | None
    study: Study
    table: str
    column: Column
    number: int


def _case(
    row: dict[str, Any], sample: Sample, panel: pd.DataFrame, study: Study, table: str, column: Column, number: int
) -> _Case:
    own = is_headline(study, table, column) and column.controls == study.controls
    pilots = _pilots(panel, study, column) if own and table == next(iter(study.regression_tables())) else None
    first = first_years(panel, study, column)
    return _Case(row, replace(sample, match=None), first, pilots, study, table, column, number)


def _column(case: _Case) -> _Done:
    row, study, table, column = case.row, case.study, case.table, case.column
    if not np.isfinite(row["estimate"]):
        return _Done({"star_rule": NO_RULE}, [], [])
    try:
        experiment = _experiment(case.sample, case.first_year, study, column)
    except ValueError as error:
        refused = _refused(row, f"no randomisation inference: {error}")
        return replace(
            refused, fill={**refused.fill, "p_wcr": wild_p(cluster_design(case.sample, study, column), study, table, column)}
        )
    if not experiment.design.varies():
        return _refused(row, NO_STAR + "the outcome does not vary beyond effects and controls")
    actual = experiment.actual()
    _same(row, actual, table, column.id)
    placebo, shown = [], []
    for i, scheme in enumerate(_schemes(experiment, case.pilots)):
        seed = law.seed_of(study.placebo.seed, table, column.id, scheme.name)
        number = min(case.number, study.placebo.draws_variants) if i else case.number
        drawn = redraw(experiment.design, scheme, seed, number)
        labels = {"table": table, "column": column.id, "term": column.treatment, "scheme": scheme.name, "seed": seed}
        placebo.append({**labels, **summary(actual, drawn, experiment.design.df), "note": scheme_note(scheme, drawn, column)})
        if is_headline(study, table, column):
            shown.append(shown_draws(labels, drawn, study.placebo.draws_shown))
    return _Done({**_fill(row, placebo[0]), "p_wcr": wild_p(experiment.design, study, table, column)}, placebo, shown)


def _schemes(experiment: Experiment, pilots: dict[Any, int] | None) -> Iterator[law.Scheme]:
    """The default scheme; with ``pilots`` (the first table's headline column with the study's controls) other laws as well."""
    yield experiment.scheme
    if pilots is None:
        return
    units = experiment.design.units
    yield law.cohorts(units, experiment.first_year, "all_cities")
    if set(units) & set(pilots) > set(experiment.first_year):
        yield law.all_pilots(units, pilots)
    yield law.random_years(units, len(experiment.first_year), experiment.design.rows.year)


def _pilots(panel: pd.DataFrame, study: Study, column: Column) -> dict[Any, int]:
    """Every city of the policy, also those treated after the window -> first treated year."""
    name = f"first_year_{study.treatment.policy}"
    if name not in panel:
        return {}
    first = panel.dropna(subset=[name]).groupby("city_id")[name].min().astype(int)
    return (first + (column.treatment == "did_lag1")).to_dict()


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
