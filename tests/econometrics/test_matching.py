"""psmatch2's weights on cases solved by hand and as properties; what each timing keeps; what a column says without a match."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from simulated_panels import CONTROLS, make_panel, make_study
from tries import up_to

from citycarbon.econometrics import estimate_columns, refit
from citycarbon.econometrics.columns import fit_column, no_star_reason, projected_effect, star_floor_reason
from citycarbon.econometrics.matching import match_rows, matched_rows, weights
from citycarbon.econometrics.matching_flow import LAST_STEP, matching_reports
from citycarbon.econometrics.sample import estimation_sample
from citycarbon.study import load_study
from citycarbon.study.spec import Matching, StarFloor

NAN = np.nan


def rule(**keys):
    return Matching(**{"id": "m", "label": "m", "covariates": CONTROLS, "timing": "pooled", **keys})


def given_weights(treated, controls, **keys):
    """Weights of the treated and of the controls, by their scores."""
    score = np.array([*treated, *controls], dtype=float)
    _, out = weights(score, np.arange(len(score)) < len(treated), rule(**keys))
    return out[: len(treated)], out[len(treated) :]


def test_one_neighbour_with_replacement_counts_uses():
    treated, controls = given_weights([0.30, 0.32, 0.60], [0.10, 0.31, 0.58, 0.90])
    np.testing.assert_array_equal(treated, [1, 1, 1])
    np.testing.assert_array_equal(controls, [NAN, 2, 1, NAN])


def test_the_caliper_is_absolute_and_strict():
    treated, controls = given_weights([0.25, 0.50], [0.125, 0.4375, 0.75], caliper=0.125)
    np.testing.assert_array_equal(treated, [NAN, 1])  # 0.25 is exactly one caliper away, as psmatch2: not matched
    np.testing.assert_array_equal(controls, [NAN, 1, NAN])


def test_ties_share_the_weight_and_so_do_k_neighbours():
    treated, controls = given_weights([0.50], [0.40, 0.60, 0.40, 0.90])
    np.testing.assert_allclose(controls, [1 / 3, 1 / 3, 1 / 3, NAN])
    _, controls = given_weights([0.50, 0.90], [0.45, 0.56, 0.40, 0.40, 0.91], neighbours=3, caliper=0.2)
    # the third place is tied; 0.90 has one control within the caliper
    np.testing.assert_allclose(controls, [1 / 4, 1 / 4, 1 / 4, 1 / 4, 1])
    _, controls = given_weights([0.50], [0.45, 0.56], neighbours=4)
    np.testing.assert_allclose(controls, [1 / 2, 1 / 2])  # as many as there are


def test_treated_outside_the_range_of_the_controls_are_off_support():
    score, treated = np.array([0.05, 0.50, 0.95, 0.10, 0.90]), np.array([True, True, True, False, False])
    support, out = weights(score, treated, rule())
    np.testing.assert_array_equal(support, [False, True, False, True, True])
    np.testing.assert_array_equal(out[:3], [NAN, 1, NAN])


def test_the_kernel_is_epanechnikov_on_the_bandwidth():
    treated, controls = given_weights([0.50, 0.20], [0.50, 0.53, 0.56, 0.15, 0.27], method="kernel", bandwidth=0.06)
    near = [1.0, 1 - 0.25, 0.0]  # distances 0, half a bandwidth, a whole one
    np.testing.assert_allclose(controls, [near[0] / 1.75, near[1] / 1.75, NAN, 1.0, NAN])
    np.testing.assert_array_equal(treated, [1, 1])


grid = st.integers(0, 40).map(lambda i: i / 40)
rules = st.builds(
    rule,
    method=st.sampled_from(["nearest", "kernel"]),
    neighbours=st.integers(1, 5),
    caliper=st.sampled_from([None, 0.011, 0.06, 0.3]),
    bandwidth=st.sampled_from([0.03, 0.06, 0.5]),
)


@settings(max_examples=up_to(60))
@given(scores=st.lists(st.tuples(grid, st.booleans()), min_size=2, max_size=30), how=rules, seed=st.integers(0, 99))
def test_properties_of_any_match(scores, how, seed):
    score, treated = np.array([s for s, _ in scores]), np.array([t for _, t in scores])
    assume(treated.any() and not treated.all())
    support, out = weights(score, treated, how)
    matched = np.isfinite(out)
    assert set(out[treated & matched]) <= {1.0}
    assert out[~treated & matched].sum() == pytest.approx((treated & matched).sum())
    assert (out[matched] > 0).all() and support[matched].all()
    reach = how.bandwidth if how.method == "kernel" else how.caliper or np.inf
    apart = np.abs(score[:, None] - score[None, :])
    for who, partner in ((treated, ~treated), (~treated, treated)):
        for i in np.flatnonzero(who & matched):
            assert apart[i, partner & matched].min() < reach
    alone = treated & support & ~matched
    assert (apart[np.ix_(alone, ~treated)] >= reach).all()
    order = np.random.default_rng(seed).permutation(len(score))
    again = weights(score[order], treated[order], how)
    np.testing.assert_array_equal(again[0], support[order])
    np.testing.assert_allclose(again[1], out[order], rtol=1e-12)


# --- on panels ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def matched_study(base_study):
    """A study of one column that is matched by the given rule."""

    def make(column=None, **keys):
        study = make_study(base_study, CONTROLS, matching="m", **(column or {}))
        return study.model_copy(update={"matchings": [rule(**keys)]})

    return make


def the_match(panel, study):
    return estimation_sample(panel, study, study.column("table2", "1")).match


TIMINGS = [
    {"timing": "pooled", "caliper": 0.05},
    {"timing": "pooled", "method": "kernel", "weighted": True},
    {"timing": "yearly", "score": "firth"},
    {"timing": "base_year", "year": 2007, "neighbours": 2},
    {"timing": "pre_mean", "year": 2007, "neighbours": 3, "score": "firth"},
]


@pytest.mark.parametrize("keys", TIMINGS)
def test_every_timing_keeps_what_it_says_and_the_second_opinion_agrees(matched_study, keys):
    panel, study = make_panel(cities=40, treated=8, seed=3), matched_study(**keys)
    match = the_match(panel, study)
    usable = panel[panel["in_sample"]]
    treated = set(usable.loc[usable["did_ai_pilot"] == 1, "city_id"])
    assert set(match.units.loc[match.units["treated"], "city_id"]) == treated
    found = match.units[match.units["weight"].notna()]
    if keys["timing"] in ("pooled", "yearly"):
        assert len(match.units) == len(usable)
        assert set(zip(match.rows["city_id"], match.rows["year"], strict=True)) == set(
            zip(found["city_id"], found["year"], strict=True)
        )
    else:
        kept = usable[usable["city_id"].isin(found["city_id"])]
        assert match.units["city_id"].is_unique and len(match.rows) == len(kept)
    controls = found[~found["treated"]]
    assert controls["weight"].sum() == pytest.approx(found["treated"].sum())
    assert ("weight" in match.rows) == bool(keys.get("weighted"))
    estimates = estimate_columns(panel, study)
    assert estimates["estimate"].notna().all() and estimates["note"].str.contains("unmatched").any()
    assert (refit(panel, study, estimates)["difference"] < 1e-9).all()


def test_yearly_matches_only_within_a_year(matched_study):
    panel = make_panel(cities=40, treated=8, seed=3, missing=0.0)
    match = the_match(panel, matched_study(timing="yearly", score="firth"))
    assert [f.year for f in match.fits] == sorted(panel["year"].unique())
    by_year = match.units.dropna(subset=["weight"]).groupby("year")
    for _, rows in by_year:
        assert rows.loc[~rows["treated"], "weight"].sum() == pytest.approx(rows["treated"].sum())


def test_city_means_are_those_before_the_year_and_of_the_sample(matched_study):
    panel = make_panel(cities=30, seed=5)
    match = the_match(panel, matched_study(timing="pre_mean", year=2006))
    before = panel[panel["in_sample"] & (panel["year"] < 2006)]
    want = before.groupby("city_id")["market"].mean()
    got = match.units.set_index("city_id")["market"]
    np.testing.assert_allclose(got[want.index], want, rtol=1e-12)
    base = the_match(panel, matched_study(timing="base_year", year=2006)).units.set_index("city_id")["market"]
    there = panel[panel["in_sample"] & (panel["year"] == 2006)].set_index("city_id")["market"]
    np.testing.assert_array_equal(base[there.index], there)
    assert base.drop(there.index).isna().all()


@pytest.mark.parametrize("keys", TIMINGS)
def test_neither_the_order_of_rows_nor_the_outcome_changes_a_match(matched_study, keys):
    panel, study = make_panel(cities=30, treated=8, seed=4), matched_study(**keys)
    shuffled = panel.sample(frac=1, random_state=2)
    other = panel.assign(lnco2=np.random.default_rng(1).normal(size=len(panel)))
    want = the_match(panel, study)
    assert the_match(other, study).units.equals(want.units)
    again = the_match(shuffled, study)
    assert again.units.equals(want.units) and again.rows.reset_index(drop=True).equals(want.rows.reset_index(drop=True))
    if keys.get("weighted"):
        assert estimate_columns(panel, study).equals(estimate_columns(shuffled, study))


def test_matched_rows_sorts_what_it_is_given(matched_study):
    panel, study = make_panel(seed=4), matched_study()
    usable = panel[panel["in_sample"]]
    shuffled = usable.sample(frac=1, random_state=1)
    assert matched_rows(panel, shuffled, study, study.matching("m")).equals(
        matched_rows(panel, usable, study, study.matching("m"))
    )


def test_a_city_that_adopts_after_the_sample_is_a_control(matched_study):
    panel = make_panel(cities=20, treated=6, seed=6)
    late = panel["city_id"] == panel["city_id"].unique()[2]
    panel.loc[late, "did_ai_pilot"] = 0  # it adopts in a year that the panel does not have
    units = the_match(panel, matched_study(timing="pre_mean", year=2007)).units
    assert units["treated"].sum() == 5
    assert not units.loc[units["city_id"] == panel["city_id"].unique()[2], "treated"].any()


def test_a_unit_without_a_covariate_is_not_matched(matched_study):
    panel = make_panel(cities=20, treated=5, seed=7)
    panel["industry"] = np.random.default_rng(0).normal(size=len(panel))  # in the score, not in the column
    gone = panel["city_id"] == panel["city_id"].unique()[0]
    panel.loc[gone, "industry"] = np.nan
    match = the_match(panel, matched_study(covariates=["market", "industry"]))
    bare = match.units["city_id"] == panel["city_id"].unique()[0]
    assert match.units.loc[bare, ["score", "weight"]].isna().all(axis=None) and not match.units.loc[bare, "support"].any()
    assert match.units.loc[~bare, "score"].notna().all()


def reason_of(panel, study):
    rows = estimate_columns(panel, study)
    assert rows["estimate"].isna().all() and (rows["n_obs"] == 0).all() and (rows["stars"] == "").all()
    assert not refit(panel, study, rows)["refitted_ok"].any()
    assert np.isnan(projected_effect(panel, panel["effect"], study, "table2", "1"))
    return rows["note"].iloc[0].split("; ")[0]


def test_without_a_match_the_column_says_why(matched_study):
    panel = make_panel(cities=20, treated=4, seed=8)
    assert reason_of(panel, matched_study(caliper=1e-9)) == "not estimable: no treated city matched within caliper 1e-09"
    assert (
        reason_of(panel, matched_study(method="kernel", bandwidth=1e-9))
        == "not estimable: no treated city matched within bandwidth 1e-09"
    )
    assert reason_of(panel.assign(did_ai_pilot=0), matched_study()) == "not estimable: no treated city to match"
    ever = panel.groupby("city_id")["did_ai_pilot"].transform("max")
    apart = panel.assign(market=panel["market"] + 10 * ever)
    words = "the covariates separate treated from controls completely: a logit score has no maximum"
    assert reason_of(apart, matched_study()) == f"not estimable: {words}"
    assert reason_of(apart, matched_study(timing="yearly")) == f"not estimable: no year has a score, {words} in 2003"
    assert reason_of(apart, matched_study(score="firth")) == "not estimable: no treated city on common support"
    assert reason_of(panel.assign(in_sample=False), matched_study()) == "not estimable: no treated city to match"


@settings(max_examples=up_to(3))
@given(
    seed=st.integers(0, 9999), cities=st.integers(2, 12), years=st.integers(2, 6), treated=st.integers(0, 4),
    missing=st.floats(0, 0.6),
)  # fmt: skip
def test_the_studys_own_columns_never_fail_on_tiny_panels(seed, cities, years, treated, missing):
    study = load_study("ai_pilot")
    study = study.model_copy(update={"tables": {"table4_matching": study.tables["table4_matching"]}})
    panel = make_panel(seed=seed, cities=cities, years=years, treated=min(treated, cities), missing=missing)
    panel["year"] += study.window.last - panel["year"].max()
    panel["first_year_ai_pilot"] = panel["city_id"].map(panel[panel["did_ai_pilot"] == 1].groupby("city_id")["year"].min())
    for i, name in enumerate(("internet", "gov", "industry")):
        panel[name] = np.random.default_rng((seed, i)).normal(size=len(panel))
    rows = estimate_columns(panel, study)
    did = rows[rows["term"] == "did"]
    assert did["column"].tolist() == [c.id for c in study.tables["table4_matching"].columns]
    empty = rows[rows["estimate"].isna()]
    assert empty["note"].str.startswith("not estimable: ").all() and (empty["stars"] == "").all()
    assert np.isfinite(rows.loc[rows["estimate"].notna(), "std_error"]).all()
    flow = matching_reports(panel, study)["psm_flow"]
    last = flow[flow["step"] == LAST_STEP].set_index("column")["rows"]
    assert last.tolist() == did.set_index("column").loc[last.index, "n_obs"].tolist()


# --- the floor under stars ---------------------------------------------------------------------------------------------------


def test_the_floor_names_each_shortfall():
    floor = StarFloor(residual_df=30, treated_cities=5)
    assert star_floor_reason(5, 30, floor) == ""
    assert star_floor_reason(4, 30, floor) == "no star: 4 matched treated cities, fewer than 5"
    assert star_floor_reason(5, 29, floor) == "no star: 29 residual degrees of freedom, fewer than 30"
    assert star_floor_reason(1, 0, floor).count(" and ") == 1
    assert no_star_reason("a; no star: b and c; d") == "b and c" and no_star_reason("a; b") == ""


def test_below_the_floor_no_row_of_a_matched_column_has_a_star(matched_study, base_study):
    panel = make_panel(cities=40, treated=4, seed=3)
    rows = estimate_columns(panel, matched_study(method="kernel", bandwidth=0.5)).set_index("term")
    assert rows.loc["lnpgdp", "p_value"] < 0.05  # it would earn two stars
    assert (rows["stars"] == "").all() and set(rows.loc[CONTROLS, "star_rule"]) == {"none"}
    assert rows["note"].map(no_star_reason).eq("4 matched treated cities, fewer than 5").all()
    enough = make_panel(cities=40, treated=8, seed=3)
    rows = estimate_columns(enough, matched_study(method="kernel", bandwidth=0.5)).set_index("term")
    assert rows.loc["lnpgdp", ["stars", "star_rule"]].tolist() == ["**", "t"] and not rows["note"].map(no_star_reason).any()
    unmatched = estimate_columns(panel, make_study(base_study, CONTROLS)).set_index("term")
    assert unmatched.loc["lnpgdp", "stars"]  # the floor is for matched columns


def test_the_floor_counts_residual_degrees_of_freedom(matched_study):
    panel, study = make_panel(cities=40, treated=8, seed=3), matched_study(timing="pre_mean", year=2007)
    sample, fitted = fit_column(panel, study, study.column("table2", "1"))
    assert fitted.residual_df == len(sample.rows) - sample.rows["city_id"].nunique() - sample.rows["year"].nunique() + 1 - 4
    strict = study.model_copy(update={"star_floor": StarFloor(residual_df=fitted.residual_df + 1)})
    assert "residual degrees of freedom" in no_star_reason(estimate_columns(panel, strict)["note"].iloc[0])


def test_a_planted_effect_survives_the_match(matched_study):
    panel = make_panel(cities=60, years=12, treated=12, effect=-0.3, noise=0.02, seed=9)
    for keys in ({"timing": "pre_mean", "year": 2009, "neighbours": 3}, {"method": "kernel", "weighted": True}):
        study = matched_study(**keys)
        row = estimate_columns(panel, study).iloc[0]
        want = projected_effect(panel, panel["effect"], study, "table2", "1")
        assert want == pytest.approx(-0.3, abs=1e-9)
        assert abs(row["estimate"] - want) < 4 * row["std_error"]


def test_a_match_is_recorded_with_the_rows_it_came_from(matched_study):
    panel, study = make_panel(seed=4), matched_study(caliper=0.01)
    match = the_match(panel, study)
    assert len(match.cells) == panel["in_sample"].sum()
    assert match.cells["weight"].notna().sum() == len(match.rows)
    assert isinstance(match_rows(panel, panel[panel["in_sample"]], study, study.matching("m")).rows, pd.DataFrame)
