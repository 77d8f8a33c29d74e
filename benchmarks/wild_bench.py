"""The wild cluster restricted bootstrap: its time against pyfixest's, and its digits against refits."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.measure import Figure, Group, Settings, interleaved, versioned
from benchmarks.placebo_bench import EFFECTS
from benchmarks.simulated import OUTCOME, SEED, TREATMENT, UNIT, YEAR, panel
from citycarbon.econometrics import fwl
from citycarbon.econometrics.cluster_sums import ClusterSums
from citycarbon.econometrics.resampling import Design
from citycarbon.econometrics.wild_bootstrap import RADEMACHER, VALUES, scored, weight_codes, wild_test

if TYPE_CHECKING:
    import pandas as pd


def fitted(rows: pd.DataFrame, controls: list[str]) -> Design:
    """The sample's design: what a fitted model is to the peer."""
    return Design.build(rows, [OUTCOME, TREATMENT], controls, EFFECTS, ())


def measure_time(settings: Settings) -> list[Figure]:
    """Rademacher draws, both from a model that is there: the p-value of each, and the medians of their times."""
    import pyfixest

    peer = f"{versioned('pyfixest')} .wildboottest ({versioned('wildboottest')})"
    rows, controls, draws = panel(settings.shape), settings.shape.control_names, settings.wild_draws
    formula = f"{OUTCOME} ~ {' + '.join([TREATMENT, *controls])} | {UNIT} + {YEAR}"
    model = pyfixest.feols(formula, data=rows, vcov={"CRV1": UNIT})
    design = fitted(rows, controls)

    def theirs() -> float:
        with redirect_stdout(io.StringIO()):
            return float(model.wildboottest(param=TREATMENT, reps=draws, seed=SEED)["Pr(>|t|)"])

    def ours() -> float:
        return wild_test(ClusterSums.of(design), SEED, draws).p_value

    p = ours(), theirs()
    seconds = interleaved({"engine": ours, "peer": theirs, "design": lambda: fitted(rows, controls)}, settings.repeat)
    ratio = seconds["peer"] / seconds["engine"]
    note = (
        f"engine {1e3 * seconds['engine']:.1f} ms, peer {1e3 * seconds['peer']:.0f} ms for {draws} draws of a fitted model "
        f"(ours takes {1e3 * seconds['design']:.1f} ms more); p {p[0]:.4f} and {p[1]:.4f}"
    )
    return [Figure("wcr_9999_vs_pyfixest", ratio, "times", peer, ratio, settings.repeat, note)]


def measure_digits(settings: Settings) -> list[Figure]:
    """The engine's bootstrap t against two regressions on explicit dummies: the restricted fit, then that of each draw."""
    rows, controls, draws = panel(settings.shape), settings.shape.control_names, settings.refits
    design = fitted(rows, controls)
    weights = VALUES[RADEMACHER].take(weight_codes(RADEMACHER, design.n_clusters, SEED, 0)[:draws])
    drawn = scored(ClusterSums.of(design), weights).t()
    error = float(np.abs(drawn - refits(rows, controls, weights, design.k_counted)).max())
    note = f"{draws} draws; refits by numpy with a dummy for every city and year"
    return [Figure("wcr_error_t", error, "t", n=draws, note=note)]


def refits(rows: pd.DataFrame, controls: list[str], weights: np.ndarray, k_counted: int) -> np.ndarray:
    """t (draws,) of the bootstrap samples that ``weights`` (draws, G) make under the null, each regressed anew."""
    effects = fwl.Effects(fwl.codes(rows[UNIT]), fwl.codes(rows[YEAR]))
    others = np.column_stack([np.ones(len(rows)), effects.first_dummies(), effects.second_dummies(), rows[controls].to_numpy()])
    x, y = np.column_stack([rows[TREATMENT].to_numpy(), others]), rows[OUTCOME].to_numpy()
    restricted = others @ np.linalg.lstsq(others, y, rcond=None)[0]
    again = (restricted + weights[:, effects.first] * (y - restricted)).T  # (n, draws): one solution for all
    params = np.linalg.lstsq(x, again, rcond=None)[0]
    resid = again - x @ params
    out = np.empty(len(weights))
    for i in range(len(weights)):
        cov = fwl.crv1(x, resid[:, i], effects.first, k_counted)
        out[i] = params[0, i] / np.sqrt(cov[0, 0])
    return out


GROUPS = (
    Group(("wcr_9999_vs_pyfixest",), measure_time),
    Group(("wcr_error_t",), measure_digits),
)
