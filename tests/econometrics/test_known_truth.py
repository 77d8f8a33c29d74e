"""Estimates beside a known truth: estimand, distance, intervals, and a reason wherever one of them does not exist."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from simulated_panels import CONTROLS, make_panel, make_study

from citycarbon.econometrics import estimate_columns
from citycarbon.econometrics.contract import write_csv
from citycarbon.econometrics.recovery import (
    NO_TRUTH,
    NONE_STATED,
    projection,
    recovery_frame,
)


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return make_panel(seed=3, noise=0.0)


@pytest.fixture(scope="module")
def study(base_study):
    return make_study(base_study, CONTROLS)


@pytest.fixture(scope="module")
def estimates(panel, study) -> pd.DataFrame:
    return estimate_columns(panel, study)


def truth(panel, estimates, **changes):
    did = estimates[estimates["term"] == "did"].iloc[0]
    cells = panel[panel["effect"] != 0][["city_id", "year", "effect"]].to_dict("records")
    column = {
        "column": "table2:1", "term": "did", "estimand": -0.3, "n_treated_cells": int(did["n_treated_cells"]),
        "n_rows": int(did["n_obs"] + did["singletons_dropped"]),
    }  # fmt: skip
    return {"policy": "ai_pilot", "cells": cells, "mechanisms": {"lngreen": 0.25}, "columns": [column | changes]}


def with_intervals(estimates, **values):
    out = estimates.copy()
    for name, value in values.items():
        out.loc[out["term"] == "did", name] = value
    return out


def test_another_policys_dummy_is_a_control(panel, base_study):
    study = make_study(base_study, ["did_low_carbon", *CONTROLS])
    rival = panel.assign(did_low_carbon=((panel["city_id"] > "111500") & (panel["year"] >= 2008)).astype(int))
    found = estimate_columns(rival, study)
    assert {"did", "did_low_carbon"} <= set(found["term"])
    assert recovery_frame(found, truth(panel, found), study)["term"].tolist() == ["did"]


def test_without_noise_the_estimate_is_the_estimand(panel, study, estimates):
    rows = recovery_frame(estimates, truth(panel, estimates), study)
    assert list(zip(rows["table"], rows["column"], rows["term"], strict=True)) == [("table2", "1", "did")]
    assert rows["estimate"].item() == pytest.approx(-0.3, abs=1e-9)
    assert rows["note"].item() == ""


@pytest.mark.parametrize(("low", "high", "inside"), [(-0.4, -0.2, True), (-0.29, 0.1, False), (-0.4, -0.31, False)])
def test_both_intervals_are_judged_and_distance_has_a_sign(panel, study, estimates, low, high, inside):
    found = with_intervals(
        estimates, estimate=-0.36, std_error=0.02, conf_low=low, conf_high=high, conf_low_ri=-1.0, conf_high_ri=-0.31
    )
    row = recovery_frame(found, truth(panel, estimates), study).iloc[0]
    assert row["distance_se"] == pytest.approx(-3.0)
    assert (row["inside_clustered"], row["inside_ri"]) == (inside, False)


def test_without_an_interval_by_randomisation_nothing_is_said_about_it(panel, study, estimates):
    row = recovery_frame(estimates, truth(panel, estimates), study).iloc[0]
    assert row["inside_ri"] is pd.NA and row["inside_clustered"] is not pd.NA


def test_estimands_about_other_rows_are_not_used(panel, study, estimates):
    row = recovery_frame(estimates, truth(panel, estimates, n_rows=7), study).iloc[0]
    assert np.isnan(row["estimand"]) and "about other rows: 7 with" in row["note"]
    projected = recovery_frame(estimates, truth(panel, estimates, n_rows=7), study, lambda table, column: -0.3).iloc[0]
    assert projected["estimand"] == -0.3 and "projected on the panel" in projected["note"]


def test_a_column_with_no_estimand_says_why(panel, study, estimates):
    said = truth(panel, estimates)
    assert recovery_frame(estimates, said | {"columns": []}, study)["note"].item() == NONE_STATED
    assert recovery_frame(estimates, said | {"policy": "low_carbon"}, study)["note"].item() == NO_TRUTH
    assert recovery_frame(estimates, truth(panel, estimates, term="did_lag1"), study)["note"].item() == NONE_STATED
    assert "no treated city-year" in recovery_frame(estimates, truth(panel, estimates, estimand=None), study)["note"].item()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"treatment": "did_ever"}, "how pilots differ"),
        ({"winsorise": 0.01}, "not linear"),
    ],
)
def test_what_is_no_projection_of_cell_effects_is_not_given_one(panel, study, estimates, change, said):
    changed = study.column("table2", "1").model_copy(update=change)
    table = study.tables["table2"].model_copy(update={"columns": [changed]})
    other = study.model_copy(update={"tables": {"table2": table}})
    nothing_stated = truth(panel, estimates) | {"columns": []}
    assert np.isnan(projection(panel, nothing_stated, other)("table2", "1"))
    found = estimates.replace({"term": {"did": changed.treatment}})
    assert said in recovery_frame(found, nothing_stated, other)["note"].item()


def test_not_estimable_keeps_its_row_and_reason(panel, study, estimates):
    nothing = with_intervals(
        estimates, estimate=np.nan, std_error=np.nan, conf_low=np.nan, conf_high=np.nan, note="not estimable: absorbed"
    )
    row = recovery_frame(nothing, truth(panel, estimates), study).iloc[0]
    assert np.isnan(row["distance_se"]) and row["inside_clustered"] is pd.NA and "absorbed" in row["note"]


def test_projection_on_the_panel_is_what_a_noiseless_outcome_estimates(panel, base_study):
    """Uneven effects: the estimate of a panel without noise is the projection, and the mechanism's effect is constant."""
    uneven = panel.copy()
    uneven["effect"] *= 1 + 0.5 * (uneven["year"] == uneven["year"].max()) + 0.2 * (uneven["city_id"] == "110000")
    uneven["lnco2"] += uneven["effect"] - panel["effect"]
    study = make_study(base_study, CONTROLS)
    found = estimate_columns(uneven, study)
    known = projection(uneven, truth(uneven, found), study)("table2", "1")
    assert known == pytest.approx(found.loc[found["term"] == "did", "estimate"].item(), abs=1e-9)
    assert known < -0.32
    mechanism = make_study(base_study, CONTROLS, outcome="lngreen")
    with_green = uneven.assign(lngreen=3.0 + 0.25 * uneven["did_ai_pilot"])
    assert projection(with_green, truth(uneven, found), mechanism)("table2", "1") == pytest.approx(0.25)
    assert np.isnan(projection(uneven, truth(uneven, found) | {"policy": "low_carbon"}, study)("table2", "1"))


def test_file_has_every_digit_and_no_nan(panel, study, estimates, tmp_path):
    rows = recovery_frame(estimates, truth(panel, estimates) | {"columns": []}, study)
    write_csv(rows, tmp_path / "recovery.csv")
    header, line = (tmp_path / "recovery.csv").read_text(encoding="utf-8").splitlines()
    assert header == "table,column,term,estimate,std_error,estimand,distance_se,inside_clustered,inside_ri,note,n_treated_units"
    assert "nan" not in line.lower() and "<NA>" not in line
    assert float(line.split(",")[3]) == rows["estimate"].item()
