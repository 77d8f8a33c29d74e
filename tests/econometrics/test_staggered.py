"""Staggered estimators: formulas against packages and brute force, planted effects, draws as refits, odd samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lead_panels import dated_panel
from scipy import stats
from simulated_panels import make_study
from staggered_grids import YEARS, random_grid
from tries import up_to

from citycarbon.econometrics import draws as law
from citycarbon.econometrics import fwl
from citycarbon.econometrics import staggered_analytic as analytic
from citycarbon.econometrics import staggered_cells as cells
from citycarbon.econometrics import staggered_points as points
from citycarbon.econometrics.randomisation import p_value
from citycarbon.econometrics.staggered import STAGGERED_COLUMNS, staggered
from citycarbon.econometrics.staggered_estimators import ESTIMATORS
from citycarbon.econometrics.staggered_grid import Grid, balanced
from citycarbon.econometrics.staggered_weights import WEIGHT_COLUMNS, bacon_rows, dcdh_rows, staggered_weights
from citycarbon.study.extensions import Extensions, Staggered, Target


@pytest.mark.slow
@settings(max_examples=up_to(10), deadline=None)
@given(seed=st.integers(0, 10_000))
def test_points_equal_the_packages_on_unbalanced_panels(seed):
    grid = random_grid(seed)
    assert points.imputation(grid) == pytest.approx(analytic.imputation(grid).value, abs=1e-8)
    assert points.stacked(grid) == pytest.approx(analytic.stacked(grid).value, abs=1e-8)
    assert points.two_way(grid) == pytest.approx(analytic.two_way(grid).value, abs=1e-10)


def test_sun_abraham_and_synthetic_equal_the_packages():
    grid = random_grid(3)
    assert points.sun_abraham(grid) == pytest.approx(analytic.sun_abraham(grid).value, abs=1e-8)
    whole = random_grid(4, missing=0.0)
    assert points.synthetic(whole) == pytest.approx(analytic.synthetic(whole).value, abs=1e-9)
    assert points.sun_abraham(whole) == pytest.approx(cells.callaway_santanna(whole), abs=1e-9)


@settings(max_examples=up_to(15), deadline=None)
@given(seed=st.integers(0, 10_000))
def test_imputation_is_the_regression_on_untreated_rows(seed):
    grid = random_grid(seed)
    untreated = grid.seen & ~grid.treated
    city, at = np.nonzero(untreated)
    x = np.hstack([np.eye(len(grid.cities))[city], np.eye(len(YEARS))[at]])
    b = np.linalg.lstsq(x, grid.y[untreated], rcond=None)[0]
    ci, ti = np.nonzero(grid.treated)
    expected = (grid.y[grid.treated] - b[ci] - b[len(grid.cities) + ti]).mean()
    assert points.imputation(grid) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=up_to(10), deadline=None)
@given(seed=st.integers(0, 10_000))
def test_an_effect_without_noise_is_found_exactly(seed):
    rng = np.random.default_rng(seed)
    base = random_grid(seed)
    y = rng.normal(size=len(base.cities))[:, None] + rng.normal(size=len(YEARS)) - 0.3 * (base.first[:, None] <= YEARS)
    grid = Grid(base.cities, YEARS, np.where(np.isnan(base.y), np.nan, y), base.first)
    for point in (cells.callaway_santanna, points.imputation, points.sun_abraham, points.stacked, points.two_way):
        assert point(grid) == pytest.approx(-0.3, abs=1e-9)


def test_another_assignment_on_a_kept_grid_is_that_of_a_new_one():
    grid = random_grid(5)
    for point in (points.imputation, points.sun_abraham):
        point(grid)  # fills what is kept
    first = np.full(len(grid.cities), np.inf)
    first[[9, 12, 20]], first[[8, 15]] = 2014, 2016
    for point in (cells.callaway_santanna, points.imputation, points.sun_abraham, points.stacked):
        assert point(grid.of(first)) == pytest.approx(point(Grid(grid.cities, grid.years, grid.y, first)), abs=1e-10)


def test_the_balanced_window_keeps_most_treated_cities():
    y = np.zeros((5, 4))
    first = np.array([2012, 2012, np.inf, np.inf, np.inf])
    y[0, 0] = np.nan  # the first pilot is seen from 2011 on
    y[3, 1] = np.nan
    found = balanced(Grid(np.arange(5), np.arange(2010, 2014), y, first))
    assert found.years.tolist() == [2011, 2012, 2013] and found.cities.tolist() == [0, 1, 2, 4]
    assert balanced(Grid(np.arange(2), np.arange(2010, 2014), np.zeros((2, 4)), np.full(2, 2012.0))) is None
    assert balanced(Grid(np.arange(2), np.arange(2010, 2014), np.zeros((2, 4)), np.full(2, np.inf))) is None


def asking(base, **more):
    study = make_study(base, ["lnpgdp"])
    asked = Staggered(**{"column": Target(table="table2", column="1"), "draws": 19} | more)
    return study.model_copy(update={"extensions": Extensions(staggered=asked)})


def test_rows_of_a_study(base_study):
    panel, study = dated_panel(), asking(base_study, covariate="market")
    frame = staggered(panel, study)
    assert list(frame) == list(STAGGERED_COLUMNS)
    by = frame.set_index("estimator")
    assert {"twfe_controls", "twfe", "sun_abraham", "imputation", "two_stage", "stacked", "callaway_santanna_dr"} <= set(
        by.index
    )
    assert frame["sample"].str.startswith("balanced").any()
    assert frame["p_ri"].between(1 / 20, 1).all() and (frame["ri_draws"] == 19).all()
    assert (frame["std_error"].gt(0) | frame["note"].str.contains("no analytic error")).all()
    assert (frame["estimator"] == "twfe_controls").sum() == 2 and frame["twfe_same_sample"].notna().all()
    assert (frame["n_treated_cells"] <= frame.groupby("sample")["n_treated_cells"].transform("max")).all()
    assert (by.loc["two_stage", "p_ri"] == by.loc["imputation", "p_ri"]).all()
    on_all = frame[(frame["sample"] == "all rows of the column") & (frame["controls"] == "none")]
    regression = on_all.loc[on_all["estimator"] == "twfe", "estimate"].iloc[0]
    assert (on_all["twfe_same_sample"] == regression).all()
    pd.testing.assert_frame_equal(frame, staggered(panel.sample(frac=1, random_state=1), study))


def test_clustered_regressions_have_t_tests_and_the_rest_normal_ones(base_study):
    frame = staggered(dated_panel(), asking(base_study)).set_index("estimator")
    for name, distribution in (("twfe", stats.t(29)), ("stacked", stats.t(29)), ("imputation", stats.norm)):
        row = frame.loc[[name]].iloc[0]
        assert row["p_value"] == pytest.approx(2 * distribution.sf(abs(row["estimate"] / row["std_error"])))
        assert row["conf_high"] - row["conf_low"] == pytest.approx(2 * distribution.isf(0.025) * row["std_error"])


def test_the_column_itself_on_the_window_is_the_regression_on_its_rows(base_study):
    panel, study = dated_panel(), asking(base_study)
    row = staggered(panel, study).query("estimator == 'twfe_controls'").iloc[1]
    start, end = map(int, row["sample"].rsplit(" ", 1)[1].split("-"))
    rows = panel[panel["in_sample"] & panel["year"].between(start, end)]
    rows = rows[rows.groupby("city_id")["year"].transform("size") == end - start + 1]
    both = fwl.Effects(fwl.codes(rows["city_id"]), fwl.codes(rows["year"]))
    b = fwl.project(rows["lnco2"].to_numpy(), rows[["did_ai_pilot", "lnpgdp"]].to_numpy(dtype=float), both)[0]
    assert row["n_obs"] == len(rows) and row["estimate"] == pytest.approx(b, abs=1e-10)


def test_treated_rows_that_do_not_enter_are_counted(base_study):
    panel = dated_panel(missing=0.0)
    pilot = panel.loc[panel["did_ai_pilot"] == 1, "city_id"].iloc[0]
    base = panel.loc[(panel["city_id"] == pilot) & (panel["did_ai_pilot"] == 1), "year"].min() - 1
    panel.loc[(panel["city_id"] == pilot) & (panel["year"] == base), "in_sample"] = False
    lost = int(panel.loc[panel["city_id"] == pilot, "did_ai_pilot"].sum())
    row = staggered(panel, asking(base_study)).set_index("estimator").loc["callaway_santanna_group"]
    total = int(panel["did_ai_pilot"].sum())
    assert row["n_treated_cells"] == total - lost and row["n_treated_units"] == 7
    assert row["note"].startswith(f"{total - lost} of {total} treated rows enter")


def test_a_covariate_that_no_row_has_is_named(base_study):
    panel = dated_panel().assign(market=np.nan)
    row = staggered(panel, asking(base_study, covariate="market")).set_index("estimator").loc["callaway_santanna_dr"]
    assert row["note"] == "not estimable: no row of the sample has market" and np.isnan(row["estimate"])


@pytest.mark.slow
def test_the_second_process_changes_nothing(base_study):
    panel, study = dated_panel(), asking(base_study, covariate="market", draws=200)
    pd.testing.assert_frame_equal(staggered(panel, study), staggered(panel, study, workers=2))


def test_p_by_reassignment_is_that_of_refits_by_hand(base_study):
    panel, study = dated_panel(missing=0.0), asking(base_study)
    row = staggered(panel, study).set_index("estimator").loc["imputation"].iloc[0]
    rows = panel.sort_values(["city_id", "year"])
    y = rows.pivot(index="city_id", columns="year", values="lnco2")
    first = rows.groupby("city_id")["first_year_ai_pilot"].first().fillna(np.inf).to_numpy()
    grid = Grid(y.index.to_numpy(), y.columns.to_numpy(), y.to_numpy(), np.where(first <= y.columns[-1], first, np.inf))
    treated = {i: int(f) for i, f in enumerate(grid.first) if np.isfinite(f)}
    last = dict.fromkeys(range(len(grid.cities)), int(grid.years[-1]))
    scheme = law.cohorts(range(len(grid.cities)), treated, "staggered", last_year=last)
    drawn = []
    for cities, cohorts in law.blocks(scheme, int(row["seed"]), 19):
        for j in range(cities.shape[1]):
            other = np.full(len(grid.cities), np.inf)
            other[cities[:, j]] = np.array(scheme.first_years)[cohorts[:, j]]
            drawn.append(analytic.imputation(Grid(grid.cities, grid.years, grid.y, other)).value)
    assert row["p_ri"] == pytest.approx(p_value(np.array(drawn), analytic.imputation(grid).value))


SLOW = [pytest.param(odd, marks=pytest.mark.slow) for odd in ("infinite", "collinear", "short", "one_row")]


@pytest.mark.parametrize("odd", ["none", "all", "one", "empty", "repeated", *SLOW])
def test_odd_samples_give_rows_and_reasons(base_study, odd):
    panel = dated_panel(treated={"none": 0, "one": 1, "all": 30}.get(odd, 8))
    study = asking(base_study, covariate="market")
    city = panel["city_id"] == panel["city_id"].iloc[0]  # a pilot unless there is none
    if odd == "empty":
        panel["in_sample"] = False
    if odd == "infinite":
        panel.loc[panel.index[3], "lnco2"] = np.inf
    if odd == "repeated":
        panel = pd.concat([panel, panel.iloc[:1]])
    if odd == "collinear":
        panel["market"] = 1.0
    if odd == "short":
        panel["in_sample"] &= panel["year"] >= 2010  # all after the first cohort began
    if odd == "one_row":
        panel.loc[city & (panel["year"] < 2011), "in_sample"] = False
    frame = staggered(panel, study)
    lost = frame["estimate"].isna()
    assert (~lost | frame["note"].str.startswith("not estimable: ") | frame["note"].str.contains("absorbed")).all()
    assert {e.id for e in ESTIMATORS if not e.balanced} | {"twfe", "twfe_controls", "callaway_santanna_dr"} <= set(
        frame["estimator"]
    )
    assert not frame["note"].str.contains("nan").any()
    weights = staggered_weights(panel, study)
    assert list(weights) == list(WEIGHT_COLUMNS) and (weights["weight"].notna() | weights["note"].ne("")).all()
    if odd in ("none", "empty", "repeated"):
        assert lost.all()
    if odd in ("one", "collinear", "one_row"):
        assert not lost[frame["sample"].str.startswith("all")].any()


@settings(max_examples=up_to(10), deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_decomposition_sums_to_the_coefficient(seed):
    grid = random_grid(seed, missing=0.0)
    found = pd.DataFrame(bacon_rows(grid))
    assert found["weight"].sum() == pytest.approx(1, abs=1e-12) and found["weight"].gt(0).all()
    assert (found["weight"] * found["estimate"]).sum() == pytest.approx(points.two_way(grid), abs=1e-10)


def test_cities_that_are_always_treated_get_weights_that_cancel_negative_ones_among_them():
    """An effect alike in all their years is absorbed: the weights sum to zero, and late years compare with new pilots."""
    grid = random_grid(3)
    first = grid.first.copy()
    first[10:14] = YEARS[0]
    rows = analytic.long_rows(Grid(grid.cities, YEARS, grid.y, first))
    found = pd.DataFrame(dcdh_rows(rows, "did", [], ("city_id", "year"), rows["g"].to_numpy(dtype=float)))
    always = found[found["cohort"] == str(YEARS[0])]
    assert found["weight"].sum() == pytest.approx(1, abs=1e-10)
    assert always["weight"].sum() == pytest.approx(0, abs=1e-10) and always["n_negative"].sum() > 0
    assert (found["negative_weight"] < 0).equals(found["n_negative"] > 0)


@settings(max_examples=up_to(10), deadline=None)
@given(seed=st.integers(0, 10_000))
def test_dcdh_weights_sum_to_one_and_give_the_coefficient_of_known_effects(seed):
    """With effects that differ by row and nothing else, the regression's coefficient is the weighted sum of the effects."""
    rng = np.random.default_rng(seed)
    grid = random_grid(seed)
    rows = analytic.long_rows(grid)
    rows["x"] = rng.normal(size=len(rows))
    found = pd.DataFrame(dcdh_rows(rows, "did", ["x"], ("city_id", "year"), rows["g"].to_numpy(dtype=float)))
    assert found["weight"].sum() == pytest.approx(1, abs=1e-10)
    effect = {(g, t): rng.normal() for g, t in zip(found["cohort"], found["year"], strict=True)}
    key = zip(rows["g"].astype(str), rows["year"], strict=True)
    y = rows["did"].to_numpy() * np.array([effect.get(k, 0.0) for k in key])
    both = fwl.Effects(fwl.codes(rows["city_id"]), fwl.codes(rows["year"]))
    b = fwl.project(y, rows[["did", "x"]].to_numpy(dtype=float), both)[0]
    by_hand = sum(w * effect[g, t] for g, t, w in zip(found["cohort"], found["year"], found["weight"], strict=True))
    assert b == pytest.approx(by_hand, abs=1e-9)


def test_a_study_that_does_not_ask_has_headers_only(base_study):
    study = base_study.model_copy(update={"extensions": None})
    assert len(staggered(dated_panel(), study)) == 0 and len(staggered_weights(dated_panel(), study)) == 0
