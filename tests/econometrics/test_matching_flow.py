"""The flow of rows through a match, the balance of its covariates and the scores, as psm_flow, psm_balance and psm_overlap."""

import numpy as np
import pandas as pd
import pytest
from simulated_panels import CONTROLS, make_panel, make_study

from citycarbon.econometrics.columns import fit_column
from citycarbon.econometrics.matching_flow import (
    BALANCE_COLUMNS,
    FEW_EVENTS,
    FLOW_COLUMNS,
    LAST_STEP,
    OVERLAP_COLUMNS,
    matching_reports,
    published_sizes,
)
from citycarbon.figures.overlap import draw_overlap
from citycarbon.study import load_study
from citycarbon.study.spec import Matching

STEPS = ["in sample", "with covariates", "on support", "matched", LAST_STEP]


@pytest.fixture(scope="module")
def study_of(base_study):
    """A study with one matched column for each of the given matchings."""

    def make(*matchings):
        study = make_study(base_study, CONTROLS)
        table = study.tables["table2"]
        columns = [table.columns[0].model_copy(update={"id": m.id, "matching": m.id}) for m in matchings]
        tables = {"table4_matching": table.model_copy(update={"columns": [table.columns[0], *columns]})}
        return study.model_copy(update={"matchings": list(matchings), "tables": tables})

    return make


def rule(name, **keys):
    return Matching(**{"id": name, "label": f"label {name}", "covariates": CONTROLS, "timing": "pooled", **keys})


RULES = (
    rule("1_row", caliper=0.02),
    rule("1_year", timing="yearly", score="firth", caliper=0.1),
    rule("1_city", timing="pre_mean", year=2007, neighbours=3, score="firth"),
    rule("1_kernel", method="kernel", weighted=True),
)


@pytest.fixture(scope="module")
def case(study_of):
    """A panel, a study with four matchings and the AI pilot's paper, and their reports."""
    panel = make_panel(cities=30, treated=6, seed=3, years=7)
    study = study_of(*RULES).model_copy(update={"study": "ai_pilot", "published": load_study("ai_pilot").published})
    return panel, study, matching_reports(panel, study)


def test_the_flow_counts_rows_cities_and_groups_at_each_step(case):
    panel, study, reports = case
    flow = reports["psm_flow"]
    assert list(flow.columns) == list(FLOW_COLUMNS) and len(flow) == len(RULES) * len(STEPS)
    usable = panel[panel["in_sample"]]
    for (_, column), rows in flow.groupby(["table", "column"], sort=False):
        assert rows["step"].tolist() == STEPS
        assert (rows["treated_rows"] + rows["control_rows"] == rows["rows"]).all()
        assert (rows["treated_cities"] + rows["control_cities"] == rows["cities"]).all()
        assert (rows["rows"].diff().dropna() <= 0).all()
        first, last = rows.iloc[0], rows.iloc[-1]
        assert first["rows"] == len(usable) and first["treated_cells"] == usable["did_ai_pilot"].sum()
        sample, fitted = fit_column(panel, study, study.column("table4_matching", column))
        assert last["rows"] == fitted.n_obs and last["cities"] == sample.rows["city_id"].nunique()
        assert last["treated_cells"] == sample.rows["did"].sum()
        assert rows.iloc[3]["rows"] - last["rows"] == sample.singletons
    assert flow["caliper"].notna().sum() == 2 * len(STEPS) and flow["bandwidth"].notna().sum() == len(STEPS)


def test_events_per_covariate_and_separation_are_said(case):
    panel, study, reports = case
    flow = reports["psm_flow"].set_index(["column", "step"])
    treated_rows = flow.loc[("1_row", "in sample"), "treated_rows"]
    assert flow.loc[("1_row", "in sample"), "events_per_variable"] == pytest.approx(treated_rows / 3)
    assert flow.loc[("1_city", "in sample"), "events_per_variable"] == pytest.approx(6 / 3)
    assert f"2.0 events per covariate, fewer than {FEW_EVENTS}" in flow.loc[("1_city", "on support"), "note"]
    ever = panel.groupby("city_id")["did_ai_pilot"].transform("max")
    apart = panel.assign(market=panel["market"] + 10 * ever)
    flow = matching_reports(apart, study)["psm_flow"].set_index(["column", "step"])
    assert set(flow.loc["1_row", "separation"]) == {"complete"}
    assert "complete in 2003, complete in 2004" in flow.loc[("1_year", "matched"), "separation"]
    assert flow.loc[("1_row", "matched"), "rows"] == 0
    assert flow.loc[("1_row", "matched"), "note"].startswith("not estimable: the covariates separate treated from controls")


def test_balance_by_hand(study_of):
    panel = make_panel(cities=30, treated=6, seed=3)
    study = study_of(rule("1_city", timing="pre_mean", year=2007, neighbours=2))
    reports = matching_reports(panel, study)
    balance = reports["psm_balance"].set_index("covariate")
    assert list(reports["psm_balance"].columns) == list(BALANCE_COLUMNS) and list(balance.index) == CONTROLS
    before = panel[panel["in_sample"] & (panel["year"] < 2007)].groupby("city_id")["edu"].mean()
    units = reports["psm_overlap"].set_index("city_id")
    treated = units["treated"].astype(bool)[before.index]
    scale = np.sqrt((before[treated].var() + before[~treated].var()) / 2)
    assert balance.loc["edu", "smd_before"] == pytest.approx((before[treated].mean() - before[~treated].mean()) / scale)
    assert balance.loc["edu", "variance_ratio_before"] == pytest.approx(before[treated].var() / before[~treated].var())
    weight = units["weight"][before.index]
    here, there = treated & weight.notna(), ~treated & weight.notna()
    centre = np.average(before[there], weights=weight[there])
    assert balance.loc["edu", "smd_after"] == pytest.approx((before[here].mean() - centre) / scale)
    spread = np.average((before[there] - centre) ** 2, weights=weight[there]) * there.sum() / (there.sum() - 1)
    assert balance.loc["edu", "variance_ratio_after"] == pytest.approx(before[here].var() / spread)
    assert balance.loc["edu", ["treated_units_after", "control_units_after"]].tolist() == [here.sum(), there.sum()]


def test_an_exact_match_is_balanced(study_of):
    panel = make_panel(cities=20, treated=5, seed=8, missing=0.0)
    twin = panel.assign(city_id="9" + panel["city_id"].astype(str).str[1:], did_ai_pilot=0)
    twin = twin[twin["city_id"].isin(["9" + c[1:] for c in panel.loc[panel["did_ai_pilot"] == 1, "city_id"]])]
    both = pd.concat([panel, twin], ignore_index=True)
    balance = matching_reports(both, study_of(rule("1_row", timing="pre_mean", year=2007)))["psm_balance"]
    np.testing.assert_allclose(balance["smd_after"], 0, atol=1e-12)
    np.testing.assert_allclose(balance["variance_ratio_after"], 1, rtol=1e-9)
    assert balance["smd_before"].abs().max() > 0.1


def test_the_overlap_has_every_unit_and_can_be_drawn(case, tmp_path):
    panel, _, reports = case
    overlap = reports["psm_overlap"]
    assert list(overlap.columns) == list(OVERLAP_COLUMNS)
    assert overlap.groupby("column").size()["1_row"] == panel["in_sample"].sum()
    assert overlap.loc[overlap["column"] == "1_city", "year"].isna().all()
    assert (overlap["matched"] == overlap["weight"].notna()).all()
    paths = draw_overlap(overlap[overlap["column"] == "1_city"], tmp_path, "overlap", True)
    assert {p.suffix for p in paths} == {".svg", ".png", ".csv", ".txt"}


def test_the_papers_n_stands_beside_each_matching(case):
    _, study, reports = case
    printed, flow = published_sizes(study)[("table4", "1")], reports["psm_flow"]
    assert set(flow["published_n"]) == {printed}
    last = flow[flow["step"] == LAST_STEP]
    assert last["note"].eq([f"N = {n}, the paper prints {printed}: not the same" for n in last["rows"]]).all()


def test_a_study_without_matchings_has_empty_reports(base_study):
    reports = matching_reports(make_panel(), make_study(base_study, CONTROLS))
    assert {name: len(frame) for name, frame in reports.items()} == {"psm_flow": 0, "psm_balance": 0, "psm_overlap": 0}


def test_the_reports_do_not_depend_on_the_order_of_rows(case):
    panel, study, reports = case
    shuffled = matching_reports(panel.sample(frac=1, random_state=5), study)
    for name, frame in reports.items():
        pd.testing.assert_frame_equal(shuffled[name], frame)
