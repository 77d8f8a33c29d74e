"""Randomisation inference by brute force: p-values, the difference between halves, and what an experiment refuses."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student
from simulated_panels import CONTROLS, make_panel
from tries import up_to

from citycarbon.econometrics import fwl
from citycarbon.econometrics.draws import all_pilots, blocks, cohorts
from citycarbon.econometrics.randomisation import Difference, Experiment, difference_test, p_value, redraw

CITY, PROVINCE = ("city_id", "year"), ("province_id", "year")


def sample(**kwargs):
    panel = make_panel(**kwargs)
    return panel[panel["in_sample"]].rename(columns={"did_ai_pilot": "did"}).reset_index(drop=True)


def experiment(rows, controls=CONTROLS, effects=CITY, **kwargs):
    return Experiment.build(rows, "lnco2", "did", list(controls), effects, **kwargs)


def test_p_counts_the_actual_assignment_and_leaves_undefined_draws_out():
    drawn = np.array([0.1, -0.5, np.nan, 0.5, 2.0])
    assert p_value(drawn, -0.5) == (1 + 3) / 5
    assert p_value(drawn, 0.5 * (1 + 1e-12)) == (1 + 3) / 5  # a repeat of the actual assignment, up to rounding
    assert np.isnan(p_value(drawn, np.nan)) and np.isnan(p_value(np.array([np.nan]), 1.0))


@settings(max_examples=up_to(8))
@given(seed=st.integers(0, 9999), k=st.integers(0, 3), city=st.booleans())
def test_the_actual_assignment_has_the_estimates_statistics(seed, k, city):
    rows, effects = sample(seed=seed), CITY if city else PROVINCE
    case = experiment(rows, CONTROLS[:k], effects)
    two_way = fwl.Effects(fwl.codes(rows[effects[0]]), fwl.codes(rows["year"]))
    want = fwl.absorbed_fit(
        rows["lnco2"].to_numpy(),
        rows[["did", *CONTROLS[:k]]].to_numpy(),
        two_way,
        fwl.codes(rows["city_id"]),
        case.design.k_counted,
    )
    actual = case.actual()
    np.testing.assert_allclose([actual.beta()[0], actual.std_error()[0]], [want.params[0], np.sqrt(want.cov[0, 0])], rtol=1e-10)
    np.testing.assert_allclose(actual.beta((0, 1)), 1.0, rtol=1e-12)  # did on itself
    assert actual.cells[0] == rows["did"].sum()


def test_the_p_value_is_that_of_refitting_every_draw():
    rows = sample(missing=0.2)
    case = experiment(rows)
    codes, years = fwl.codes(rows["city_id"]), rows["year"].to_numpy()
    two_way = fwl.Effects(codes, fwl.codes(years))
    t = []
    for units, cohort in blocks(case.scheme, 11, 60):
        for u, c in zip(units.T, cohort.T, strict=True):
            first = dict(zip(u.tolist(), np.array(case.scheme.first_years)[c].tolist(), strict=True))
            did = np.array([y >= first.get(g, 9999) for g, y in zip(codes.tolist(), years.tolist(), strict=True)])
            x = np.column_stack([did, rows[CONTROLS]])
            fitted = fwl.absorbed_fit(rows["lnco2"].to_numpy(), x, two_way, codes, case.design.k_counted)
            t.append(fitted.params[0] / np.sqrt(fitted.cov[0, 0]))
    drawn, actual = redraw(case.design, case.scheme, 11, 60), case.actual().t()[0]
    np.testing.assert_allclose(drawn.t(), t, rtol=0, atol=1e-10)
    assert p_value(drawn.t(), actual) == (1 + (np.abs(t) >= abs(actual)).sum()) / 61


def test_workers_and_more_draws_change_nothing():
    case = experiment(sample())
    one = redraw(case.design, case.scheme, 3, 9000)
    three = redraw(case.design, case.scheme, 3, 9000, workers=3)
    np.testing.assert_array_equal(one.t(), three.t())
    np.testing.assert_array_equal(redraw(case.design, case.scheme, 3, 500).t(), one.t()[:500])


@settings(max_examples=up_to(3))
@given(seed=st.integers(0, 9999), factor=st.sampled_from([1e-4, 5.0]))
def test_the_p_value_does_not_depend_on_order_units_or_what_the_controls_explain(seed, factor):
    rows = sample(seed=seed)

    def p(frame):
        case = experiment(frame)
        return p_value(redraw(case.design, case.scheme, 3, 199).t(), case.actual().t()[0])

    want = p(rows)
    assert p(rows.sample(frac=1, random_state=seed)) == want
    assert p(rows.assign(lnco2=rows["lnco2"] * factor)) == want
    assert p(rows.assign(edu=rows["edu"] * factor)) == want
    assert p(rows.assign(lnco2=rows["lnco2"] + 3 * rows["edu"] - rows["year"])) == want
    assert p(rows.assign(city_id="9" + rows["city_id"])) == want  # other names in the same order


def test_over_all_assignments_the_p_value_is_uniform():
    """One treated city of eight, each in turn the actual one: p <= i/8 in exactly i of eight, whatever the names."""
    rows = sample(cities=8, treated=1, effect=0.0, missing=0.0)
    year = int(rows.loc[rows["did"] == 1, "year"].min())
    design = experiment(rows).design
    t = np.abs(design.statistics(design.atoms(np.arange(8), np.zeros(8, dtype=int)).reshape(1, -1)).t())
    assert design.first_years == (year,)
    assert sorted((t >= x).sum() for x in t) == list(range(1, 9))


def test_a_city_treated_by_the_policy_without_a_treated_row_does_not_count():
    rows = sample(missing=0.0)
    late = rows.loc[rows["did"] == 1, "city_id"].iloc[0]
    rows = rows[(rows["city_id"] != late) | (rows["did"] == 0)]
    case = experiment(rows, first_year={late: 2008})
    assert late not in case.first_year and len(case.first_year) == 3


def test_the_policys_year_counts_where_its_row_is_missing():
    rows = sample(missing=0.0)
    city, first = rows[rows["did"] == 1].iloc[0][["city_id", "year"]]
    rows = rows[(rows["city_id"] != city) | (rows["year"] != first)]
    assert experiment(rows).first_year[city] == first + 1
    assert experiment(rows, first_year={city: int(first)}).first_year[city] == first


def test_all_pilots_redraw_the_late_cohort_as_units_without_treated_rows():
    case = experiment(sample())
    late = next(u for u in case.design.units if u not in case.first_year)
    scheme = all_pilots(case.design.units, {**case.first_year, late: 2030})
    drawn = redraw(case.design, scheme, 1, 300)
    assert scheme.size == 5 and drawn.treated_units.max() == 4
    plain = cohorts(case.design.units, case.first_year)
    assert redraw(case.design, plain, 1, 300).treated_units.max() == 4


@pytest.mark.parametrize(
    "did",
    [
        lambda r: ((r["year"] == 2006) & (r["city_id"] < "110400")).astype(float),  # switches off again
        lambda r: r["did"] * 0.5,
    ],
)
def test_a_treatment_that_is_no_first_year_rule_is_refused(did):
    rows = sample()
    with pytest.raises(ValueError, match="cannot be redrawn"):
        experiment(rows.assign(did=did(rows)))


def test_nobody_treated_has_nothing_to_redraw():
    case = experiment(sample().assign(did=0.0))
    assert case.first_year == {} and np.isnan(case.actual().t()).all()
    with pytest.raises(ValueError, match="no treated unit"):
        _ = case.scheme


# --- the difference between two halves ---


def halves(seed=1, high_effect=0.0, effects=CITY, **kwargs):
    rows = sample(seed=seed, treated=8, cities=30, **kwargs)
    high = rows["province_id"].isin(rows["province_id"].unique()[1::2])
    rows["lnco2"] = rows["lnco2"] + high_effect * rows["did"] * high
    return rows, high, experiment(rows[~high], effects=effects), experiment(rows[high], effects=effects)


@pytest.mark.parametrize("effects", [CITY, PROVINCE], ids=["city", "province"])
def test_the_difference_is_that_of_the_interacted_regression(effects):
    rows, high, low_case, high_case = halves(effects=effects)
    got = difference_test(low_case, high_case, seed=1, draws=99)
    side = np.where(high, "h", "l")
    two_way = fwl.Effects(fwl.codes(rows[effects[0]] + side), fwl.codes(rows["year"].astype(str) + side))
    x = rows[["did", *CONTROLS]].to_numpy()
    x = np.column_stack([x, x * high.to_numpy()[:, None]])
    city = effects is CITY
    k = x.shape[1] + (1 + two_way.second.max() + 1 - two_way.n_components if city else two_way.n_parameters)
    want = fwl.absorbed_fit(rows["lnco2"].to_numpy(), x, two_way, fwl.codes(rows["city_id"]), k)
    j = 1 + len(CONTROLS)
    np.testing.assert_allclose([got.difference, got.std_error], [want.params[j], np.sqrt(want.cov[j, j])], rtol=1e-9)
    assert got.df == rows["city_id"].nunique() - 1
    np.testing.assert_allclose(got.p_value, 2 * student.sf(abs(got.t_stat), got.df), rtol=1e-12)
    np.testing.assert_allclose(got.difference, got.beta_high - got.beta_low, rtol=1e-12)
    restricted = fwl.absorbed_fit(rows["lnco2"].to_numpy(), np.delete(x, j, axis=1), two_way, fwl.codes(rows["city_id"]), k)
    np.testing.assert_allclose(got.beta_pooled, restricted.params[0], rtol=1e-9)


def test_the_p_of_the_difference_is_that_of_refits_under_an_equal_effect():
    rows, high, low_case, high_case = halves(high_effect=-0.2)
    draws = 40
    got = difference_test(low_case, high_case, seed=5, draws=draws)
    null = rows["lnco2"] - got.beta_pooled * rows["did"]
    parts = []
    for i, (case, mine) in enumerate(((low_case, ~high), (high_case, high))):
        frame = rows[mine].assign(lnco2=null[mine])
        refit = experiment(frame)  # the same design with the null taken out of the outcome
        drawn = redraw(refit.design, case.scheme, (5, i), draws)
        parts.append((drawn.beta(), drawn.meat() / drawn.den**2))
    n, groups = len(rows), rows["city_id"].nunique()
    k = low_case.design.k_counted + high_case.design.k_counted - 1
    c = groups / (groups - 1) * (n - 1) / (n - k)
    difference = parts[1][0] - parts[0][0]
    t = difference / np.sqrt(c * (parts[0][1] + parts[1][1]))
    assert got.p_ri_t == (1 + (np.abs(t) >= abs(got.t_stat)).sum()) / (draws + 1)
    assert got.p_ri_beta == (1 + (np.abs(difference) >= abs(got.difference)).sum()) / (draws + 1)


def test_a_common_effect_leaves_the_test_of_the_difference_alone():
    rows, high, low_case, high_case = halves()
    want = difference_test(low_case, high_case, seed=2, draws=199)
    moved = rows.assign(lnco2=rows["lnco2"] - 3 * rows["did"])
    got = difference_test(experiment(moved[~high]), experiment(moved[high]), seed=2, draws=199)
    assert (got.p_ri_t, got.p_ri_beta) == (want.p_ri_t, want.p_ri_beta)
    np.testing.assert_allclose(got.t_stat, want.t_stat, rtol=1e-7)


def test_a_large_difference_is_found_and_none_is_not():
    _, _, low_case, high_case = halves(high_effect=-3.0)
    assert difference_test(low_case, high_case, seed=2, draws=199).p_ri_t < 0.05
    p = [difference_test(*halves(seed=s)[2:], seed=2, draws=99).p_ri_t for s in range(8)]
    assert sum(x <= 0.05 for x in p) <= 2


def test_a_half_without_a_treated_city_has_no_difference():
    rows, high, low_case, _ = halves()
    got = difference_test(low_case, experiment(rows[high].assign(did=0.0)), seed=1, draws=99)
    assert isinstance(got, Difference) and np.isnan([got.difference, got.p_ri_t, got.p_value]).all()
    assert got.note == "not estimable: no treated city in the high half" and got.treated_high == 0 and got.treated_low > 0


def test_rows_as_the_samples_of_columns_have_them(base_study):
    """The frame that a column's sample hands over builds the experiment as it stands."""
    from simulated_panels import make_study

    from citycarbon.econometrics.sample import estimation_sample

    panel, study = make_panel(), make_study(base_study, CONTROLS)
    rows = estimation_sample(panel, study, study.tables["table2"].columns[0]).rows
    assert isinstance(rows, pd.DataFrame)
    case = Experiment.build(rows, "lnco2", "did", CONTROLS, CITY)
    assert case.design.n_obs == len(rows) and len(case.first_year) == 4
