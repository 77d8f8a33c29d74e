"""Event studies as vectors, and panels and studies that have one, for the tests of trends. No tests here."""

from __future__ import annotations

import numpy as np
import pandas as pd
from simulated_panels import make_panel

from citycarbon.econometrics.lead_paths import Path
from citycarbon.study import Study
from citycarbon.study.extensions import Extensions, Trends
from citycarbon.study.spec import EventStudy


def path(times: tuple[int, ...], leads: int, beta: np.ndarray, sigma: np.ndarray, df: int = 100_000) -> Path:
    """A path whose base is -1."""
    facts = {"n_obs": 2500, "n_units": 500, "n_treated_units": 191, "unit": "log points"}
    elapsed = np.array(times, dtype=float) + 1
    return Path(times, leads, beta, sigma, elapsed, tuple(map(str, times)), (9,) * len(times), df, facts, ())


def one_lead() -> Path:
    return path((-3, 0, 1), 1, np.zeros(3), np.diag([0.04, 0.01, 0.02]))


def three_leads() -> Path:
    return path((-4, -3, -2, 0, 1), 3, np.zeros(5), 0.001 * (np.eye(5) + 0.8))


def dated_panel(**options: object) -> pd.DataFrame:
    """Eight treated cities in two cohorts, with the policy's first year as the mart has it."""
    panel = make_panel(**{"seed": 3, "treated": 8, "cities": 30, "effect": -0.8} | options)
    first = panel[panel["did_ai_pilot"] == 1].groupby("city_id")["year"].min()
    return panel.assign(first_year_ai_pilot=panel["city_id"].map(first).astype(float))


def asking_study(base: Study, **event: object) -> Study:
    """``base`` with an event study from t-3 to t+2 and with what is asked of its trends."""
    event_study = EventStudy(**({"first": -3, "last": 2, "base": -1, "bin_ends": True} | event))
    extensions = Extensions(trends=Trends(mbar=[0, 1], smoothness=[0], power=[0.5]))
    return base.model_copy(update={"event_study": event_study, "extensions": extensions, "controls": ["lnpgdp"]})
