"""The event study: one dummy per year since adoption, its coefficients, the joint test of the leads, who stands behind each.

Dummies 1[year - first = e], e = base omitted, never-treated cities zero throughout; city (or province) and year effects and the
study's controls, by the estimator of record (``twfe``). Binned ends as in Schmidheiny and Siegloch (2023): the first and last
dummy take everything beyond. The shortcut leaves years beyond the ends at zero, which puts them into the base period.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.beside import spread
from citycarbon.econometrics import event_draws
from citycarbon.econometrics.contract import effects_text
from citycarbon.econometrics.sample import EFFECT_COLUMNS, Sample, estimation_sample
from citycarbon.econometrics.twfe import Estimate, Fit, fit
from citycarbon.study.spec import Column, EventStudy, Study

if TYPE_CHECKING:
    import pandas as pd

RI_DRAWS = 999
BINNED, SHORTCUT = "binned", "shortcut"
# Column of ``event_study.csv`` -> type, in its order. One row per variant and event time; what belongs to the whole variant
# (test of the leads, static effect, sample) is repeated in each of its rows.
EVENT_COLUMNS: dict[str, type] = {
    "study": str, "variant": str, "is_headline": bool, "event_time": int, "label": str, "is_bin": bool, "is_base": bool,
    "estimate": float, "std_error": float, "df": int, "t_stat": float, "p_value": float, "conf_low": float, "conf_high": float,
    "p_ri_t": float, "n_treated_units": int, "n_treated_cells": int, "event_time_min": int, "event_time_max": int,
    "cohorts": str, "outcome": str, "outcome_unit": str, "transform": str, "n_obs": int, "n_units": int, "n_clusters": int,
    "n_ever_treated": int, "fixed_effects": str, "controls": str, "pretrend_F": float, "pretrend_df1": int,
    "pretrend_df2": int, "pretrend_p": float, "pretrend_p_ri": float, "pretrend_note": str, "ri_draws": int,
    "ri_undefined": int, "ri_seed": int, "slope_power_50": float, "slope_power_80": float,
    "static_estimate": float, "mean_pre": float, "hull_low": float, "hull_high": float,
    "static_in_hull": bool, "singletons_dropped": int, "sample": str, "note": str,
}  # fmt: skip
_PANDAS = {str: "object", float: "float64", int: "Int64", bool: "boolean"}


@dataclass(frozen=True)
class Design:
    """The estimation rows with event time (NaN where never treated) and one 0/1 column (n,) per event time but the base."""

    sample: Sample
    first: np.ndarray  # (n,) first treated year, NaN where never
    time: np.ndarray  # (n,) year - first
    assigned: np.ndarray  # (n,) the event time whose dummy a row belongs to; NaN where it belongs to none
    event: EventStudy
    binned: bool

    @property
    def times(self) -> list[int]:
        return list(range(self.event.first, self.event.last + 1))

    def dummy(self, e: int) -> np.ndarray:
        return (self.assigned == e).astype(float)


def event_study(
    panel: pd.DataFrame, study: Study, column: Column | None = None, draws: int = RI_DRAWS, *, workers: int = 1
) -> pd.DataFrame:
    """The event study of ``study`` on ``panel`` (the mart ``city_panel``) in all variants: ``EVENT_COLUMNS``.

    Variants: ``binned`` and ``shortcut`` (the study's ``bin_ends`` says which is the headline), and the headline rule without
    the cities first treated after the last year of the sample (``without_<years>``), which otherwise serve as leads only.
    ``column``: outcome, controls, effects and filter (default: the study's own, as in its headline column). Intervals are 95 %
    with t(G-1). The leads are tested jointly by a clustered Wald test, F(q, G-1), and by ``draws`` reassignments of the
    cohorts among all cities of the sample; the slopes are left to ``pretrend_power.add_slopes``. An event time without a
    treated row keeps its row, empty, with the reason. Neither row order nor ``workers`` (processes over variants) matter. A
    study without an event study has no rows.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    if study.event_study is not None:
        column, event = column or headline_column(study), study.event_study
        calls = [
            (make_design(chosen, study, column, event, binned), study, column, variant, draws)
            for variant, chosen, binned in _variants(panel, study, column, event)
        ]
        rows = [row for found in spread(_variant_rows, calls, workers=workers) for row in found]
    frame = pd.DataFrame(rows, columns=list(EVENT_COLUMNS))
    return frame.astype({name: _PANDAS[kind] for name, kind in EVENT_COLUMNS.items()})


def headline_column(study: Study) -> Column:
    """The study's own outcome, controls and effects as a column."""
    return Column(
        id="event_study",
        label="event study",
        outcome=study.outcome.variable,
        treatment="did",
        controls=list(study.controls),
        fixed_effects=study.fixed_effects,
    )


def event_label(e: int, event: EventStudy, binned: bool) -> str:
    """``t-3``, ``t``, ``t+1``; of a binned end ``t-4 and before``."""
    text = f"t{e:+d}" if e else "t"
    if binned and e == event.first:
        return f"{text} and before"
    return f"{text} and after" if binned and e == event.last else text


def make_design(panel: pd.DataFrame, study: Study, column: Column, event: EventStudy, binned: bool) -> Design:
    """The sample of ``column`` with the event time of each row."""
    sample = estimation_sample(panel, study, column)
    by_city = panel.groupby("city_id")[f"first_year_{study.treatment.policy}"].first().astype("float64")
    first = sample.rows["city_id"].map(by_city).to_numpy(dtype=float)
    time = sample.rows["year"].to_numpy(dtype=float) - first
    return Design(sample, first, time, assigned_time(time, event, binned), event, binned)


def assigned_time(time: np.ndarray, event: EventStudy, binned: bool) -> np.ndarray:
    """The event time whose dummy a row belongs to: at the nearest end where it is beyond and ends are binned, else none."""
    if binned:
        return np.clip(time, event.first, event.last)
    return np.where((time >= event.first) & (time <= event.last), time, np.nan)


def _variants(panel: pd.DataFrame, study: Study, column: Column, event: EventStudy) -> list[tuple[str, pd.DataFrame, bool]]:
    """Name, rows of the panel and end rule of each variant."""
    out = [(BINNED, panel, True), (SHORTCUT, panel, False)]
    rows = estimation_sample(panel, study, column).rows
    first = panel[f"first_year_{study.treatment.policy}"].astype("float64")
    late = first[(first > rows["year"].max()) & panel["city_id"].isin(rows["city_id"])] if len(rows) else first.iloc[:0]
    if len(late):
        years = "_".join(str(int(y)) for y in sorted(late.unique()))
        out.append((f"without_{years}", panel[~first.isin(late.unique())], event.bin_ends))
    return out


def _variant_rows(design: Design, study: Study, column: Column, variant: str, draws: int) -> list[dict[str, Any]]:
    fitted = fit_events(design, study, column)
    found = {e.term: e for e in fitted.estimates}
    estimates = {t: found.get(event_term(t), _without_cells(t, design)) for t in design.times if t != design.event.base}
    leads = [t for t in design.times if t < design.event.base and np.isfinite(estimates[t].value)]
    test = wald(fitted, [event_term(t) for t in leads])
    seed = event_draws.seed_of(study, variant)
    drawn = _reassigned(design, study, column, estimates, leads, draws, seed)
    shared = {
        **_facts(design, study, column, fitted, variant),
        **_lead_test(design, fitted, leads, test, drawn),
        **_hull(design, study, column, estimates),
        "ri_seed": seed,
    }
    return [
        {**shared, **_support(design, t), **_numbers(estimates.get(t), fitted.df, drawn, t, design.event.base)}
        for t in design.times
    ]


def event_term(e: int) -> str:
    """Name of an event dummy as a term of the fit."""
    return f"event[{e:+d}]"


def fit_events(design: Design, study: Study, column: Column) -> Fit:
    """The event dummies that have a treated row, and the controls, by the estimator of record."""
    dummies = {event_term(t): design.dummy(t) for t in design.times if t != design.event.base}
    dummies = {name: d for name, d in dummies.items() if d.any()}
    rows = design.sample.rows.assign(**dummies)
    effects = {name: EFFECT_COLUMNS[name] for name in column.fixed_effects}
    return fit(rows, column.outcome, [*dummies, *column.terms[1:]], effects, EFFECT_COLUMNS[study.cluster])


def _without_cells(e: int, design: Design) -> Estimate:
    label = event_label(e, design.event, design.binned)
    return Estimate(event_term(e), note=f"not estimable: no treated city-year of the sample is at {label}")


def wald(fitted: Fit, terms: list[str]) -> tuple[float, str]:
    """Clustered Wald F that all ``terms`` are zero, b'V^-1 b / q, to be held against F(q, G-1); NaN with the reason."""
    if not terms:
        return np.nan, "no lead is estimable"
    at = [fitted.kept.index(t) for t in terms]
    values = {e.term: e.value for e in fitted.estimates}
    return wald_f(np.array([values[t] for t in terms]), fitted.cov[np.ix_(at, at)])


def wald_f(b: np.ndarray, cov: np.ndarray) -> tuple[float, str]:
    """b'V^-1 b / q for b (q,) and V (q, q); NaN with the reason where V has no inverse."""
    scale = np.sqrt(np.diag(cov))
    if not np.all(scale > 0) or np.linalg.cond(cov / np.outer(scale, scale)) > event_draws.SINGULAR:
        return np.nan, "the clustered covariance of the leads is singular: too few treated cities for a joint test"
    z = b / scale
    return float(z @ np.linalg.solve(cov / np.outer(scale, scale), z) / len(b)), ""


def _reassigned(
    design: Design, study: Study, column: Column, estimates: dict[int, Estimate], leads: list[int], draws: int, seed: int
) -> event_draws.Drawn:
    times = [t for t, e in estimates.items() if np.isfinite(e.value)]
    known = [e.note for e in estimates.values() if "collinear" in e.note]
    if known or not times:
        return event_draws.none(times)
    return event_draws.reassign(
        design.sample.rows, column, EFFECT_COLUMNS, design.first, times, leads,
        lambda time: assigned_time(time, design.event, design.binned), draws, seed,
    )  # fmt: skip


def _facts(design: Design, study: Study, column: Column, fitted: Fit, variant: str) -> dict[str, Any]:
    """What all rows of a variant share; counts and levels come from the estimation sample and the fitted model."""
    rows, outcome = design.sample.rows, study.variable(column.outcome)
    ever = rows["city_id"][np.isfinite(design.first)].nunique()
    rule = "ends binned" if design.binned else "outside the window zero"
    dropped = f"; without the cities first treated in {variant.partition('_')[2].replace('_', ', ')}"
    return {
        "study": study.study,
        "variant": variant,
        "is_headline": variant == (BINNED if design.event.bin_ends else SHORTCUT),
        "outcome": column.outcome,
        "outcome_unit": outcome.unit,
        "transform": outcome.transform,
        "n_obs": fitted.n_obs,
        "n_units": int(rows["city_id"].nunique()),
        "n_clusters": fitted.n_clusters,
        "n_ever_treated": int(ever),
        "fixed_effects": effects_text(fitted.levels),
        "controls": ", ".join(column.terms[1:]),
        "singletons_dropped": design.sample.singletons,
        "sample": f"{design.sample.text}; {rule}{dropped if variant.startswith('without_') else ''}",
    }


def _support(design: Design, e: int) -> dict[str, Any]:
    """Cities and city-years whose dummy is ``e``, the event times in it, and cities by cohort: ``2019:4; 2021:5``."""
    at = design.assigned == e
    cities, first = design.sample.rows["city_id"].to_numpy()[at], design.first[at]
    cohorts = {int(g): len(set(cities[first == g])) for g in np.unique(first)}
    time = design.time[at]
    return {
        "event_time": e,
        "label": event_label(e, design.event, design.binned),
        "is_bin": design.binned and e in (design.event.first, design.event.last),
        "is_base": e == design.event.base,
        "n_treated_units": len(set(cities)),
        "n_treated_cells": int(at.sum()),
        "event_time_min": int(time.min()) if len(time) else None,
        "event_time_max": int(time.max()) if len(time) else None,
        "cohorts": "; ".join(f"{g}:{n}" for g, n in cohorts.items()),
    }


def _numbers(estimate: Estimate | None, df: int, drawn: event_draws.Drawn, e: int, base: int) -> dict[str, Any]:
    """Estimate, error, t(G-1) interval and p-values of one event time; the base period is zero by definition."""
    from scipy.stats import t as student

    empty = dict.fromkeys(("std_error", "t_stat", "p_value", "conf_low", "conf_high", "p_ri_t"), np.nan)
    if estimate is None:
        return {"estimate": 0.0, "df": df, **empty, "note": "base period: zero by definition"}
    value, se = estimate.value, estimate.std_error
    if not (np.isfinite(value) and se > 0):
        note = estimate.note or "standard error is zero: no test"
        return {"estimate": value, "df": df, **empty, "std_error": se, "note": note}
    half = student.ppf(0.975, df) * se
    return {
        "estimate": value,
        "std_error": se,
        "df": df,
        "t_stat": value / se,
        "p_value": float(2 * student.sf(abs(value / se), df)),
        "conf_low": value - half,
        "conf_high": value + half,
        "p_ri_t": drawn.p_value(e),
        "note": estimate.note,
    }


def _lead_test(
    design: Design, fitted: Fit, leads: list[int], test: tuple[float, str], drawn: event_draws.Drawn
) -> dict[str, Any]:
    from scipy.stats import f as fisher

    value, note = test
    treated = len(set(design.sample.rows["city_id"][np.isfinite(design.first)]))
    if np.isfinite(value) and treated <= len(leads) + 1:
        note = f"{treated} treated cities for {len(leads)} leads: the F distribution is not to be relied on"
    return {
        "pretrend_F": value,
        "pretrend_df1": len(leads) or None,
        "pretrend_df2": fitted.df if leads else None,
        "pretrend_p": float(fisher.sf(value, len(leads), fitted.df)) if np.isfinite(value) else np.nan,
        "pretrend_p_ri": drawn.p_joint() if np.isfinite(value) else np.nan,
        "pretrend_note": note,
        "ri_draws": drawn.draws,
        "ri_undefined": drawn.undefined,
    }


def _hull(design: Design, study: Study, column: Column, estimates: dict[int, Estimate]) -> dict[str, Any]:
    """Is the static effect between the smallest and the largest post coefficient less the mean of the pre coefficients?

    Audit finding F08. The pre mean weighs each event time before adoption, the base with its zero, by its treated city-years.
    The static effect is ``did`` of the same sample and controls.
    """
    base, cells = design.event.base, {t: int((design.assigned == t).sum()) for t in design.times}
    values = {t: e.value for t, e in estimates.items() if np.isfinite(e.value)} | {base: 0.0}
    pre, post = [t for t in values if t < 0 and cells[t]], [t for t in values if t >= 0 and t != base]
    static = _static(design, study, column)
    out = {"static_estimate": static, "mean_pre": np.nan, "hull_low": np.nan, "hull_high": np.nan, "static_in_hull": None}
    if not pre or not post or not np.isfinite(static):
        return out
    mean_pre = float(np.average([values[t] for t in pre], weights=[cells[t] for t in pre]))
    low, high = min(values[t] for t in post) - mean_pre, max(values[t] for t in post) - mean_pre
    return out | {"mean_pre": mean_pre, "hull_low": low, "hull_high": high, "static_in_hull": bool(low <= static <= high)}


def _static(design: Design, study: Study, column: Column) -> float:
    effects = {name: EFFECT_COLUMNS[name] for name in column.fixed_effects}
    fitted = fit(design.sample.rows, column.outcome, column.terms, effects, EFFECT_COLUMNS[study.cluster])
    return fitted.estimates[0].value
