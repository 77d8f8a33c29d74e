"""The wild bootstrap equals refits of every bootstrap sample, re-projects what it must, and tests as it says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_panels import CONTROLS, make_panel
from tries import up_to

from citycarbon.econometrics import fwl
from citycarbon.econometrics.cluster_sums import ClusterSums
from citycarbon.econometrics.draws import BLOCK
from citycarbon.econometrics.resampling import Design
from citycarbon.econometrics.wild_bootstrap import (
    RADEMACHER,
    VALUES,
    WEBB,
    scored,
    weight_codes,
    wild_draws,
    wild_test,
)

CITY, PROVINCE, PERIOD = ("city_id", "year"), ("province_id", "year"), ("period", "year")
EFFECTS = pytest.mark.parametrize("effects", [CITY, PROVINCE, PERIOD], ids=["city", "province", "cutting"])
KINDS = pytest.mark.parametrize("kind", [RADEMACHER, WEBB])


def sample(missing=0.15, seed=1, **kwargs):
    panel = make_panel(seed=seed, missing=missing, **kwargs)
    rows = panel[panel["in_sample"]].sort_values(["city_id", "year"], ignore_index=True)
    # an effect that cuts through cities
    return rows.assign(period=np.where(rows["year"] % 2, "odd", "even") + (rows["market"] > 0.35).astype(str).to_numpy())


def build(rows, controls=CONTROLS, effects=CITY, cluster="city_id", weights=None, treatment="did_ai_pilot"):
    return Design.build(rows, ["lnco2", treatment], controls, effects, (), cluster=cluster, weights=weights)


def sums_of(rows, controls=CONTROLS, effects=CITY, cluster="city_id", weights=None):
    return ClusterSums.of(build(rows, controls, effects, cluster, weights))


def random_weights(kind, clusters, draws=200, seed=5):
    return VALUES[kind].take(weight_codes(kind, clusters, seed, 0)[:draws])


def brute_force(rows, weights, controls=CONTROLS, effects=CITY, cluster="city_id", mass=None, null=0.0):
    """t of every draw from its own two regressions on explicit dummies for everything: restricted fit, then the refit."""
    two_way = fwl.Effects(fwl.codes(rows[effects[0]]), fwl.codes(rows[effects[1]]))
    groups, did = fwl.codes(rows[cluster]), rows[["did_ai_pilot"]].to_numpy(dtype=float)
    root = np.sqrt(rows[mass].to_numpy()) if mass else np.ones(len(rows))
    blocks = [np.ones((len(rows), 1)), two_way.first_dummies(), two_way.second_dummies(), rows[list(controls)].to_numpy()]
    others = np.column_stack(blocks) * root[:, None]
    x, y = np.column_stack([did * root[:, None], others]), (rows["lnco2"].to_numpy() - null * did[:, 0]) * root
    fitted = others @ np.linalg.lstsq(others, y, rcond=None)[0]
    k = build(rows, controls, effects, cluster, mass).k_counted
    inverse, out = np.linalg.pinv(x), []
    for v in weights:
        again = fitted + v[groups] * (y - fitted)
        params = inverse @ again
        cov = fwl.crv1(x, again - x @ params, groups, k)
        out.append(params[0] / np.sqrt(cov[0, 0]))
    return np.array(out)


@EFFECTS
@KINDS
def test_every_draw_equals_a_refit(effects, kind):
    rows = sample()
    weights = random_weights(kind, rows["city_id"].nunique())
    got = scored(sums_of(rows, effects=effects), weights).t()
    np.testing.assert_allclose(got, brute_force(rows, weights, effects=effects), rtol=0, atol=1e-10)


@pytest.mark.parametrize("missing", [0.0, 0.3], ids=["balanced", "unbalanced"])
@pytest.mark.parametrize("effects", [CITY, PROVINCE], ids=["city", "province"])
def test_without_controls(effects, missing):
    rows = sample(missing)
    weights = random_weights(RADEMACHER, rows["city_id"].nunique(), 40)
    got = scored(sums_of(rows, [], effects), weights).t()
    np.testing.assert_allclose(got, brute_force(rows, weights, [], effects), rtol=0, atol=1e-10)


@pytest.mark.parametrize("effects", [CITY, PROVINCE], ids=["city", "province"])
def test_weighted_columns_and_coarser_clusters(effects):
    rows = sample().assign(mass=lambda r: np.random.default_rng(3).uniform(0.2, 3, len(r)))
    for cluster, mass in (("city_id", "mass"), ("province_id", None), ("province_id", "mass")):
        weights = random_weights(WEBB, rows[cluster].nunique(), 40)
        got = scored(sums_of(rows, effects=effects, cluster=cluster, weights=mass), weights).t()
        want = brute_force(rows, weights, effects=effects, cluster=cluster, mass=mass)
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-10)


def test_demeaning_once_and_not_projecting_the_years_again_gives_other_draws():
    """The common shortcut: take effects and controls out of y and did once, then bootstrap the regression of what is left."""
    rows = sample()
    sums, design = sums_of(rows), build(rows)
    weights = random_weights(RADEMACHER, sums.n_clusters)
    y, did = design.rows.r.T
    groups, shortcut = design.rows.cluster, []
    for v in weights:
        again = v[groups] * y
        b = did @ again / (did @ did)
        s = np.bincount(groups, did * (again - b * did))
        shortcut.append(b * (did @ did) / np.sqrt(sums.factor * s @ s))
    right = scored(sums, weights).t()
    np.testing.assert_allclose(right, brute_force(rows, weights), rtol=0, atol=1e-10)
    assert np.abs(np.array(shortcut) - right).max() > 0.1 and np.corrcoef(shortcut, right)[0, 1] > 0.9  # near, and wrong
    assert np.mean(np.abs(shortcut) > 2) != np.mean(np.abs(right) > 2)


def test_projecting_the_provinces_again_matters_too():
    rows = sample()
    sums = sums_of(rows, effects=PROVINCE)
    weights = random_weights(RADEMACHER, sums.n_clusters, 50)
    without = scored(ClusterSums(**{**vars(sums), "levels": None}), weights).t()
    assert np.abs(without - scored(sums, weights).t()).max() > 0.1


def test_weights_of_one_give_the_estimate_and_its_clustered_t():
    rows = sample()
    for effects in (CITY, PROVINCE, PERIOD):
        sums = sums_of(rows, effects=effects)
        found = wild_test(sums, 1, 99)
        want = brute_force(rows, np.ones((1, sums.n_clusters)), effects=effects)[0]
        np.testing.assert_allclose(
            [found.t_stat, found.estimate / found.std_error, sums.estimate], [want, want, found.estimate]
        )


def test_the_p_value_counts_ties_and_the_estimate_itself():
    rows = sample(cities=4, treated=2)
    sums = sums_of(rows, [])
    found = wild_test(sums, 3, 999)
    t = brute_force(rows, random_weights(RADEMACHER, 4, 999, 3), [])
    assert found.p_value == (1 + np.sum(np.abs(t) >= abs(found.t_stat) * (1 - 1e-9))) / 1000
    assert found.p_value > 0.1  # v = 1 and v = -1 alone are one draw in eight
    assert found.note == "4 clusters: fewer different sets of weights than draws"


@KINDS
def test_the_weights_have_the_law_they_are_named_for(kind):
    drawn = VALUES[kind].take(np.concatenate([weight_codes(kind, 13, 7, i) for i in range(6)]))
    values, counts = np.unique(drawn, return_counts=True)
    np.testing.assert_allclose(values, VALUES[kind])
    share = 1 / len(values)
    assert np.abs(counts / drawn.size - share).max() < 5 * np.sqrt(share * (1 - share) / drawn.size)
    assert np.abs(np.corrcoef(drawn.T) - np.eye(13)).max() < 5 / np.sqrt(len(drawn))
    for power, moment in ((1, 0.0), (2, 1.0), (3, 0.0), (4, 1.0 if kind == RADEMACHER else 7 / 6)):
        np.testing.assert_allclose(np.mean(VALUES[kind] ** power), moment, atol=1e-15)


@KINDS
def test_neither_workers_nor_chunks_nor_the_number_of_draws_change_a_draw(kind):
    sums = sums_of(sample())
    whole = wild_draws(sums, 11, BLOCK + 500, kind, (0, 1))
    few, threads = wild_draws(sums, 11, 300, kind, (0, 1)), wild_draws(sums, 11, BLOCK + 500, kind, (0, 1), workers=3)
    np.testing.assert_array_equal(whole.t(), threads.t())
    np.testing.assert_array_equal(whole.products[:, :, :300], few.products)
    np.testing.assert_array_equal(wild_draws(sums, 11, 300, kind).t(), few.t())  # alone or beside another outcome
    assert (whole.t()[BLOCK:] != whole.t()[:500]).all()
    weights = random_weights(kind, sums.n_clusters, 300, 11)
    for chunk in (1, 7, 1000):
        np.testing.assert_allclose(scored(sums, weights, (0, 1), chunk=chunk).t(), few.t(), rtol=1e-11)


def test_row_order_and_units_do_not_matter():
    rows = sample()
    found = wild_test(sums_of(rows), 5, 999, interval=True)
    assert wild_test(sums_of(rows.sample(frac=1, random_state=3)), 5, 999, interval=True) == found
    other = wild_test(sums_of(rows.assign(lnco2=1000 * rows["lnco2"] + 7, market=rows["market"] / 50)), 5, 999, interval=True)
    assert other.p_value == found.p_value
    np.testing.assert_allclose([other.low, other.high], [1000 * found.low, 1000 * found.high], rtol=1e-7)


@settings(max_examples=up_to(5))
@given(seed=st.integers(0, 9999), null=st.floats(-1, 1), kind=st.sampled_from([RADEMACHER, WEBB]))
def test_the_test_of_any_effect_follows_from_the_draws_of_the_outcome_and_of_did(seed, null, kind):
    rows = sample(seed=seed)
    sums = sums_of(rows)
    weights = random_weights(kind, sums.n_clusters, 20)
    got = scored(sums, weights, (0, 1)).t((1.0, -null))
    np.testing.assert_allclose(got, brute_force(rows, weights, null=null), rtol=0, atol=1e-9)


@KINDS
def test_the_interval_ends_where_the_test_begins_to_reject(kind):
    rows = sample(cities=30, treated=12)
    found = wild_test(sums_of(rows), 9, 999, kind, interval=True)
    assert found.low < found.estimate < found.high and found.note == ""

    def p(null):
        return wild_test(sums_of(rows.assign(lnco2=rows["lnco2"] - null * rows["did_ai_pilot"])), 9, 999, kind).p_value

    for end, inside in ((found.low, 1), (found.high, -1)):
        step = 1e-6 * found.std_error * inside
        assert p(end + step) > 0.05 >= p(end - step)


def test_an_interval_without_end_says_so():
    found = wild_test(sums_of(sample(cities=4, treated=2), []), 2, 999, interval=True)  # one draw in eight is the sample itself
    assert np.isinf([found.low, found.high]).all() and "unbounded" in found.note
    wide = wild_test(sums_of(sample(treated=2)), 2, 999, interval=True)  # half the draws give both treated cities one sign
    assert np.isfinite([wide.low, wide.high]).all() and wide.high - wide.low > 8 * wide.std_error


def test_an_interval_whose_hull_holds_a_rejected_zero_says_so():
    found = wild_test(sums_of(sample(seed=51, cities=40, treated=4, noise=0.05), []), 1, 499, interval=True)
    assert found.p_value < 0.05 and found.low < 0 < found.high
    assert found.note == "the interval is a hull with holes, in one of which lies zero"


def test_one_treated_city_gives_a_result():
    rows = sample(treated=1)
    weights = random_weights(WEBB, rows["city_id"].nunique(), 30)
    np.testing.assert_allclose(scored(sums_of(rows), weights).t(), brute_force(rows, weights), rtol=1e-8)
    assert 0 < wild_test(sums_of(rows), 1, 199).p_value <= 1


def test_every_city_treated_gives_a_result():
    rows = sample()
    first = rows["city_id"].map({c: 2005 + i % 4 for i, c in enumerate(rows["city_id"].unique())})
    rows = rows.assign(did_ai_pilot=(rows["year"] >= first).astype(float))
    weights = random_weights(RADEMACHER, rows["city_id"].nunique(), 30)
    np.testing.assert_allclose(scored(sums_of(rows), weights).t(), brute_force(rows, weights), rtol=0, atol=1e-10)


def test_a_city_with_one_row():
    rows = sample(missing=0.0)
    city = rows["city_id"].iloc[0]
    rows = rows[(rows["city_id"] != city) | (rows["year"] == 2009)]
    for effects in (CITY, PROVINCE):
        weights = random_weights(WEBB, rows["city_id"].nunique(), 30)
        got = scored(sums_of(rows, effects=effects), weights).t()
        np.testing.assert_allclose(got, brute_force(rows, weights, effects=effects), rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda r: r.assign(did_ai_pilot=0.0), "not estimable: the treatment is absorbed"),
        (lambda r: r.assign(did_ai_pilot=1.0), "not estimable: the treatment is absorbed"),
        (lambda r: r.assign(did_ai_pilot=(r["year"] > 2008) * 1.0), "not estimable: the treatment is absorbed"),
        (lambda r: r.assign(edu=r["did_ai_pilot"] * 2.0), "not estimable: the treatment is absorbed"),
        (lambda r: r.assign(lnco2=r["year"] * 0.1), "does not vary beyond"),
        (lambda r: r.assign(lnco2=r["year"] * 0.1 - 0.3 * r["did_ai_pilot"]), "standard error is zero"),
        (lambda r: r[r["city_id"] == r["city_id"].iloc[0]], "1 cluster: no test"),
        (lambda r: r[r["city_id"].isin(r["city_id"].unique()[:2]) & (r["year"] > 2007)].iloc[:5], "no"),
    ],
)
def test_what_has_no_test_says_why(change, told):
    found = wild_test(sums_of(change(sample(missing=0.0))), 1, 99, interval=True)
    assert told in found.note and np.isnan([found.p_value, found.low, found.high]).all() and found.draws == 0


def test_collinear_controls_are_left_out():
    rows = sample().assign(twice=lambda r: 2 * r["market"] + 1)
    weights = random_weights(RADEMACHER, rows["city_id"].nunique(), 20)
    got = scored(sums_of(rows, [*CONTROLS, "twice"]), weights).t()
    np.testing.assert_allclose(got, scored(sums_of(rows), weights).t(), rtol=1e-9)


# p of pyfixest 0.60.0 with wildboottest 0.3.2, 9,999 draws, seed 1: (seed of the panel, effects, weights) -> p
PYFIXEST = {
    (1, CITY, RADEMACHER): 0.21952195219521953,
    (1, CITY, WEBB): 0.21972197219721973,
    (2, CITY, RADEMACHER): 0.050405040504050404,
    (2, CITY, WEBB): 0.04780478047804781,
    (3, CITY, WEBB): 0.0371037103710371,
    (3, PROVINCE, RADEMACHER): 0.5212521252125213,
    (3, PROVINCE, WEBB): 0.5222522252225222,
}


@pytest.mark.parametrize(("seed", "effects", "kind"), list(PYFIXEST))
def test_p_is_that_of_pyfixest_within_the_error_of_simulation(seed, effects, kind):
    rows, theirs = sample(seed=seed, cities=40, treated=8, effect=-0.1), PYFIXEST[seed, effects, kind]
    ours = wild_test(sums_of(rows, effects=effects), 1, 39999, kind).p_value
    assert abs(ours - theirs) < 4 * np.sqrt(ours * (1 - ours) * (1 / 9999 + 1 / 39999))


@pytest.mark.slow
@KINDS
def test_pyfixest_agrees_where_it_can_run(kind):
    pytest.importorskip("wildboottest", reason="pyfixest's bootstrap needs wildboottest, which is not in the lock")
    import pyfixest

    rows = sample(cities=40, treated=8, effect=-0.1)
    rows["city"] = fwl.codes(rows["city_id"])
    formula = f"lnco2 ~ did_ai_pilot + {' + '.join(CONTROLS)} | city + year"
    fit = pyfixest.feols(formula, data=rows, vcov={"CRV1": "city"})
    theirs = fit.wildboottest(param="did_ai_pilot", reps=9999, seed=1, weights_type=kind)["Pr(>|t|)"]
    ours = wild_test(sums_of(rows), 1, 99999, kind).p_value
    assert 0.02 < ours < 0.9  # a p that leaves room for disagreement
    assert abs(ours - theirs) < 4 * np.sqrt(ours * (1 - ours) / 9999)


@pytest.mark.slow
@KINDS
def test_rejects_at_about_its_level_with_a_dozen_treated(kind):
    p = [wild_test(sums_of(sample(seed=s, cities=36, treated=12, effect=0.0)), 1, 399, kind).p_value for s in range(400)]
    assert abs(np.mean(np.array(p) <= 0.05) - 0.05) < 3.5 * np.sqrt(0.05 * 0.95 / 400)
