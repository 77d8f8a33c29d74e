"""Mechanism columns: the mediated share with its interval, and the controls that the policy moves.

A share is arithmetic of two regressions, not a mediation: that would need sequential ignorability. RI as everywhere: exact
under as-if-random assignment and the sharp null; pilots are selected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics import fwl
from citycarbon.econometrics.draws import seed_of
from citycarbon.econometrics.event_study import headline_column
from citycarbon.econometrics.placebo import first_years
from citycarbon.econometrics.randomisation import Experiment, p_value, redraw, student_p
from citycarbon.econometrics.sample import EFFECT_COLUMNS, estimation_sample
from citycarbon.econometrics.splits import DRAWS
from citycarbon.econometrics.supply import not_supplied
from citycarbon.econometrics.twfe import levels_counted
from citycarbon.study.spec import Column, Study

if TYPE_CHECKING:
    import pandas as pd

LABEL = "exploratory: no mediation claim without sequential ignorability"
MOVED_LEVEL = 0.10  # of the randomisation p below which a control counts as moved by the policy
# Column of ``mechanisms.csv`` -> type. effect: did on the mediator; total, direct: did on the outcome without and with the
# mediator, on the mediator's rows; share = 1 - direct / total.
MECHANISM_COLUMNS: dict[str, type] = {
    "study": str, "table": str, "column": str, "mediator": str, "outcome": str, "fixed_effects": str, "n_obs": int,
    "n_units": int, "n_treated_units": int, "effect": float, "effect_se": float, "effect_p": float, "effect_p_ri": float,
    "mediator_slope": float, "mediator_slope_se": float, "total": float, "total_se": float, "direct": float,
    "direct_se": float, "indirect": float, "indirect_se": float, "share": float, "share_se": float, "share_low": float,
    "share_high": float, "df": int, "label": str, "note": str, "sentence": str,
}  # fmt: skip
MOVED_COLUMNS: dict[str, type] = {
    "study": str, "control": str, "unit": str, "transform": str, "fixed_effects": str, "n_obs": int, "n_units": int,
    "n_treated_units": int, "estimate": float, "std_error": float, "t": float, "df": int, "p_t": float, "p_ri_t": float,
    "draws": int, "undefined": int, "seed": str, "flagged": bool, "note": str, "sentence": str,
}  # fmt: skip
_PANDAS = {str: "object", float: "float64", int: "Int64", bool: "boolean"}


@dataclass(frozen=True)
class Share:
    """total, direct and the mediator's slope with their covariance by cluster; share = 1 - direct / total, delta method."""

    total: float
    direct: float
    slope: float
    cov: np.ndarray  # (3, 3) of (total, direct, slope)

    @property
    def share(self) -> float:
        return 1 - self.direct / self.total

    @property
    def indirect(self) -> float:
        """total - direct: by the algebra of least squares the product of did on the mediator and the mediator's slope."""
        return self.total - self.direct

    def error(self, gradient: tuple[float, float, float]) -> float:
        g = np.array(gradient)
        return float(np.sqrt(max(g @ self.cov @ g, 0.0)))

    @property
    def share_error(self) -> float:
        return self.error((self.direct / self.total**2, -1 / self.total, 0.0))


def mediated_share(
    y: np.ndarray,
    did: np.ndarray,
    mediator: np.ndarray,
    controls: np.ndarray,
    effects: fwl.Effects,
    clusters: np.ndarray,
    k: int,
) -> Share | None:
    """The stacked system y on (did, controls) and y on (did, controls, mediator), on the same rows; None where not estimable.

    ``controls`` (n, p) of full rank; ``k``: K of the first regression's small-sample factor (the second has k + 1). The
    covariance across both is CRV1 with the scores of each cluster from both regressions, each with the root of its factor.
    """
    x = np.column_stack([did, controls, mediator])
    verdict = fwl.identify(x, effects)
    last = x.shape[1] - 1
    if {0, last} - set(verdict.keep) or {0, last} & set(verdict.collinear) or len(y) <= effects.n_parameters + x.shape[1]:
        return None
    left = effects.residualise(np.column_stack([y, x]))
    short, whole = left[:, 1:-1], left[:, 1:]
    total, influence_total = _influence(left[:, 0], short, clusters, k)
    direct, influence_direct = _influence(left[:, 0], whole, clusters, k + 1)
    stacked = np.column_stack([influence_total[:, 0], influence_direct[:, 0], influence_direct[:, -1]])
    if not total[0]:
        return None
    return Share(float(total[0]), float(direct[0]), float(direct[-1]), stacked.T @ stacked)


def _influence(y: np.ndarray, x: np.ndarray, clusters: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Slopes (p,) and the contribution (G, p) of each cluster to their error: the sum of outer products is CRV1."""
    slopes = np.linalg.lstsq(x, y, rcond=None)[0]
    n, groups = len(y), int(clusters.max()) + 1
    scores = np.zeros((groups, x.shape[1]))
    np.add.at(scores, clusters, x * (y - x @ slopes)[:, None])
    factor = groups / (groups - 1) * (n - 1) / (n - k)
    return slopes, np.sqrt(factor) * scores @ np.linalg.inv(x.T @ x)


def mechanisms(panel: pd.DataFrame, study: Study, estimates: pd.DataFrame, table: str = "table3") -> pd.DataFrame:
    """One row per mediator column of ``table`` (its outcome is not the study's): ``MECHANISM_COLUMNS``.

    ``estimates``: the frame of ``estimates.csv``; the effect on the mediator, its p-values and N are those of the column. The
    share is taken on the mediator's complete rows; its 95 % interval is the delta method with t(treated cities - 1). A study
    without the table gives no rows; what is not estimable keeps its row with the reason.
    """
    import pandas as pd

    spec = study.regression_tables().get(table)
    columns = [c for c in spec.columns if c.outcome != study.outcome.variable] if spec else []
    rows = [_mechanism(panel, study, table, column, estimates) for column in columns]
    return pd.DataFrame(rows, columns=list(MECHANISM_COLUMNS)).astype({n: _PANDAS[k] for n, k in MECHANISM_COLUMNS.items()})


def _mechanism(panel: pd.DataFrame, study: Study, table: str, column: Column, estimates: pd.DataFrame) -> dict[str, Any]:
    of = (estimates["table"] == table) & (estimates["column"] == column.id) & (estimates["term"] == column.treatment)
    recorded = estimates[of].iloc[0]
    row: dict[str, Any] = {
        "study": study.study, "table": table, "column": column.id, "mediator": column.outcome,
        "outcome": study.outcome.variable, "fixed_effects": " + ".join(column.fixed_effects), "n_obs": recorded["n_obs"],
        "n_units": recorded["n_units"], "n_treated_units": recorded["n_treated_units"], "effect": recorded["estimate"],
        "effect_se": recorded["std_error"], "effect_p": recorded["p_value"], "effect_p_ri": recorded["p_ri_t"],
        "df": max(int(recorded["n_treated_units"]) - 1, 0), "label": LABEL, "note": "",
    }  # fmt: skip
    found = _share(panel, study, column)
    if isinstance(found, str):
        row["note"] = f"not estimable: {found}"
    else:
        row |= _share_numbers(found, row["df"])
    return {**row, "sentence": _mechanism_sentence(row, study)}


def _share(panel: pd.DataFrame, study: Study, column: Column) -> Share | str:
    if column.outcome in column.controls:
        return "the mediator is a control of its own column"
    outcome = study.outcome.variable
    sample = estimation_sample(panel, study, column)
    rows = sample.rows
    if sample.weights:
        return "no share is computed for a weighted column"
    if absent := not_supplied(panel, study, column):
        return f"not supplied: {', '.join(absent)}"
    if not len(rows) or rows["city_id"].nunique() < 2:
        return "fewer than two cities"
    keys = ["city_id", "year"]
    y = rows[keys].merge(panel[[*keys, study.panel_column(outcome)]], on=keys, how="left", validate="one_to_one")
    y = y[study.panel_column(outcome)].to_numpy(dtype=float)
    if not np.isfinite(y).all():
        return f"{outcome} is missing on rows of the mediator's sample"
    effects = fwl.Effects(*(fwl.codes(rows[EFFECT_COLUMNS[name]]) for name in column.fixed_effects))
    controls = rows[column.terms[1:]].to_numpy(dtype=float)
    controls = controls[:, fwl.identify(controls, effects).keep] if controls.shape[1] else controls
    nested = EFFECT_COLUMNS[column.fixed_effects[0]] == EFFECT_COLUMNS[study.cluster]
    k = 1 + controls.shape[1] + levels_counted(effects, nested)
    did, mediator = (rows[name].to_numpy(dtype=float) for name in (column.treatment, column.outcome))
    share = mediated_share(y, did, mediator, controls, effects, fwl.codes(rows[EFFECT_COLUMNS[study.cluster]]), k)
    return share or "did or the mediator is absorbed or collinear"


def _share_numbers(found: Share, df: int) -> dict[str, Any]:
    from scipy.stats import t as student

    half = float(student.ppf(0.975, df)) * found.share_error if df > 0 else np.nan
    return {
        "mediator_slope": found.slope, "mediator_slope_se": found.error((0, 0, 1)), "total": found.total,
        "total_se": found.error((1, 0, 0)), "direct": found.direct, "direct_se": found.error((0, 1, 0)),
        "indirect": found.indirect, "indirect_se": found.error((1, -1, 0)), "share": found.share,
        "share_se": found.share_error, "share_low": found.share - half, "share_high": found.share + half,
        "note": "" if df > 0 else "one treated city: the share has no interval",
    }  # fmt: skip


def _mechanism_sentence(row: dict[str, Any], study: Study) -> str:
    mediator = study.variable(row["mediator"]).label
    if row["note"].startswith("not"):
        return f"{mediator} as a mediator, {row['fixed_effects']} effects: {row['note']}."
    text = (
        f"{mediator} as a mediator, {row['fixed_effects']} effects: did on the outcome is {row['total']:.3f} without it and "
        f"{row['direct']:.3f} with it held constant, on the same {row['n_obs']:,} rows; the share that goes with it is "
        f"{100 * row['share']:.1f} %"
    )
    if np.isfinite(row["share_low"]):
        zero = "contains" if row["share_low"] <= 0 <= row["share_high"] else "does not contain"
        low, high = 100 * row["share_low"], 100 * row["share_high"]
        text += f", 95 % interval with t({row['df']}) {low:.1f} to {high:.1f} %, which {zero} zero"
    return f"{text}. {LABEL[0].upper()}{LABEL[1:]}."


def controls_moved(panel: pd.DataFrame, study: Study, draws: int = DRAWS, column: Column | None = None) -> pd.DataFrame:
    """Each control of ``column`` (default: the study's headline) regressed on did with its effects and no other control.

    One row per control, ``MOVED_COLUMNS``, on the column's rows; clustered by city, p_t with t(G-1), p_ri_t over ``draws``
    redraws of the treated cities, cohort sizes kept. A control that moves with the policy may be one of its channels, and
    holding it constant then takes a part of the effect out of did.
    """
    import pandas as pd

    column = column or headline_column(study)
    sample = estimation_sample(panel, study, column).rows
    rows = _moved(panel, study, column, sample, draws) if column.controls else []
    return pd.DataFrame(rows, columns=list(MOVED_COLUMNS)).astype({n: _PANDAS[k] for n, k in MOVED_COLUMNS.items()})


def _moved(panel: pd.DataFrame, study: Study, column: Column, sample: pd.DataFrame, draws: int) -> list[dict[str, Any]]:
    seed = seed_of(study.placebo.seed if study.placebo else 0, "controls_moved", column.id, "cohorts")
    treated = sample[sample[column.treatment] == 1]["city_id"].nunique()
    shared = {
        "study": study.study, "fixed_effects": " + ".join(column.fixed_effects), "n_obs": len(sample),
        "n_units": sample["city_id"].nunique(), "n_treated_units": treated, "draws": 0, "undefined": 0, "seed": "", "df": 0,
    }  # fmt: skip
    names = list(column.controls)
    tests, note = {}, "not estimable: 0 treated cities in this sample"
    if treated:
        try:
            tests, note = _moved_tests(panel, study, column, sample, names, seed, draws), ""
        except ValueError as error:
            note = f"not estimable: {error}"
    rows = []
    for name in names:
        variable = study.variable(name) if not name.startswith("did_") else None
        row = {**shared, "control": name, "unit": variable.unit if variable else "0/1", "note": note, "flagged": False}
        row |= {"transform": variable.transform if variable else "none", **tests.get(name, {})}
        rows.append({**row, "sentence": _moved_sentence(row)})
    return rows


def _moved_tests(
    panel: pd.DataFrame, study: Study, column: Column, sample: pd.DataFrame, names: list[str], seed: int, draws: int
) -> dict[str, dict[str, Any]]:
    """All controls at once: they are outcomes of one design, and a redraw gives the statistics of each."""
    from citycarbon.econometrics.resampling import Design

    effects = tuple(EFFECT_COLUMNS[name] for name in column.fixed_effects)
    first_year = first_years(panel, study, column)
    one = Experiment.build(sample, names[0], column.treatment, [], effects, first_year=first_year)
    years = sorted(set(one.first_year.values()))
    design = Design.build(sample, names, [], effects, years, cluster=EFFECT_COLUMNS[study.cluster])
    actual = Experiment(design, one.first_year).actual()
    drawn = redraw(design, one.scheme, seed, draws)
    out = {}
    for i, name in enumerate(names):
        weights = np.eye(len(names))[i]
        beta, error, t = (float(f(weights)[0]) for f in (actual.beta, actual.std_error, actual.t))
        t_drawn = drawn.t(weights)
        p = p_value(t_drawn, t)
        note = "" if np.isfinite(t) else "not estimable: the control does not vary, or did is absorbed by the fixed effects"
        out[name] = {
            "estimate": beta if np.isfinite(t) else np.nan, "std_error": error if np.isfinite(t) else np.nan, "t": t,
            "df": design.df, "p_t": student_p(t, design.df), "p_ri_t": p, "draws": draws, "seed": str(seed),
            "undefined": int((~np.isfinite(t_drawn)).sum()), "flagged": bool(p < MOVED_LEVEL), "note": note,
        }  # fmt: skip
    return out


def _moved_sentence(row: dict[str, Any]) -> str:
    name = row["control"]
    if row["note"]:
        return f"{name}: {row['note']}."
    numbers = f"{row['estimate']:.3g} (s.e. {row['std_error']:.3g}), p = {row['p_ri_t']:.3g} by randomisation inference"
    if row["flagged"]:
        return f"{name} moves with the policy ({numbers}): holding it constant may take a part of the effect out of did."
    return f"{name}: no movement with the policy that the data can tell from chance ({numbers})."
