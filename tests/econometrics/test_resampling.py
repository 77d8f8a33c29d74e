"""The engine equals refits: coefficient and clustered t of any reassignment, whatever the effects, controls or gaps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_panels import CONTROLS, make_panel
from tries import up_to

from citycarbon.econometrics import fwl
from citycarbon.econometrics.resampling import Design
from citycarbon.econometrics.twfe import fit

YEARS = (2008, 2010)
CITY, PROVINCE = ("city_id", "year"), ("province_id", "year")


def sample(missing=0.15, seed=1, **kwargs):
    panel = make_panel(seed=seed, missing=missing, **kwargs)
    return panel[panel["in_sample"]].reset_index(drop=True)


def random_atoms(design, treated, draws, seed=0):
    """Distinct units in every draw, cohorts in turn."""
    rng = np.random.default_rng(seed)
    units = np.argsort(rng.random((draws, len(design.units))), axis=1)[:, :treated].T
    return design.atoms(units, np.arange(treated)[:, None] % len(design.first_years))


def treatments(design, rows, atoms):
    """The 0/1 treatment of every draw, written out row by row (n, draws)."""
    city, year = fwl.codes(rows["city_id"]), rows["year"].to_numpy()
    did = np.zeros((len(rows), atoms.shape[1]))
    for k, i in np.ndindex(atoms.shape):
        if atoms[k, i] != design.empty:
            unit, cohort = divmod(int(atoms[k, i]), len(design.first_years))
            did[:, i] += (city == unit) & (year >= design.first_years[cohort])
    return did


def refits(design, rows, atoms, controls, effects, cluster="city_id"):
    """Coefficient and clustered t (draws, 2) from a new regression for every draw."""
    two_way = fwl.Effects(*(fwl.codes(rows[e]) for e in effects))
    y, groups, z = rows["lnco2"].to_numpy(), fwl.codes(rows[cluster]), rows[list(controls)].to_numpy()
    out = []
    for did in treatments(design, rows, atoms).T:
        x = np.column_stack([did, z])
        fitted = fwl.absorbed_fit(y, x, two_way, groups, design.k_counted)
        out.append((fitted.params[0], fitted.params[0] / np.sqrt(fitted.cov[0, 0])))
    return np.array(out)


def dummy_refit(design, rows, column, controls, effects):
    """The same for one draw with explicit dummies for everything."""
    two_way = fwl.Effects(*(fwl.codes(rows[e]) for e in effects))
    x = np.column_stack([treatments(design, rows, column[:, None]), rows[list(controls)]])
    fitted = fwl.dummy_fit(rows["lnco2"].to_numpy(), x, two_way, fwl.codes(rows["city_id"]), design.k_counted)
    return fitted.params[1], fitted.params[1] / np.sqrt(fitted.cov[1, 1])


@pytest.mark.parametrize("effects", [CITY, PROVINCE], ids=["city", "province"])
@pytest.mark.parametrize("controls", [CONTROLS, []], ids=["controls", "none"])
@pytest.mark.parametrize("missing", [0.0, 0.25], ids=["balanced", "unbalanced"])
def test_every_draw_equals_a_refit(effects, controls, missing):
    rows = sample(missing)
    design = Design.build(rows, ["lnco2", "market"], controls[:2], effects, YEARS)
    atoms = random_atoms(design, 5, 200)
    got = design.statistics(atoms)
    want = refits(design, rows, atoms, controls[:2], effects)
    assert np.isfinite(got.t()).all()
    np.testing.assert_allclose(np.stack([got.beta(), got.t()], axis=1), want, rtol=0, atol=1e-10)
    np.testing.assert_allclose(design.coefficients(atoms), want[:, 0], rtol=0, atol=1e-10)
    for i in range(4):
        explicit = dummy_refit(design, rows, atoms[:, i], controls[:2], effects)
        np.testing.assert_allclose([got.beta()[i], got.t()[i]], explicit, rtol=0, atol=1e-10)


@settings(max_examples=up_to(10))
@given(
    seed=st.integers(0, 9999), missing=st.floats(0, 0.5), k=st.integers(1, 23), controls=st.integers(0, 3), city=st.booleans()
)
def test_any_panel_and_any_number_of_treated_cities(seed, missing, k, controls, city):
    rows, effects = sample(missing, seed), CITY if city else PROVINCE
    names = CONTROLS[:controls]
    design = Design.build(rows, ["lnco2"], names, effects, YEARS)
    atoms = random_atoms(design, k, 3, seed)
    got = design.statistics(atoms)
    for i, column in enumerate(atoms.T):
        did = treatments(design, rows, column[:, None])[:, 0]
        verdict = fwl.identify(np.column_stack([did, rows[names]]), fwl.Effects(*(fwl.codes(rows[e]) for e in effects)))
        estimable = 0 in verdict.keep and 0 not in verdict.collinear
        assert np.isfinite(got.beta()[i]) == estimable
        if estimable:
            beta, t = refits(design, rows, column[:, None], names, effects)[0]
            np.testing.assert_allclose([got.beta()[i], got.t()[i]], [beta, t], rtol=1e-8)
            np.testing.assert_allclose(design.coefficients(atoms)[i], beta, rtol=1e-8)


def test_the_small_sample_factor_is_that_of_the_estimator_of_record():
    rows = sample()
    for first in ("city_id", "province_id"):
        design = Design.build(rows, ["lnco2"], CONTROLS, (first, "year"), YEARS)
        want = fit(
            rows.rename(columns={"did_ai_pilot": "did"}), "lnco2", ["did", *CONTROLS], {"a": first, "b": "year"}, "city_id"
        )
        assert design.k_counted == want.k_counted and design.n_clusters == want.n_clusters
        assert design.df == want.df
    lone = rows[rows["city_id"].isin(rows.groupby("province_id")["city_id"].first())]  # every province one city: it counts
    design = Design.build(lone, ["lnco2"], [], ("province_id", "year"), YEARS)
    want = fit(lone.rename(columns={"did_ai_pilot": "did"}), "lnco2", ["did"], {"a": "province_id", "b": "year"}, "city_id")
    assert design.k_counted == want.k_counted


def test_clusters_coarser_than_units():
    rows = sample()
    for effects in (CITY, PROVINCE):
        design = Design.build(rows, ["lnco2"], CONTROLS, effects, YEARS, cluster="province_id")
        atoms = random_atoms(design, 8, 50)  # some draws treat two cities of a province
        got = design.statistics(atoms)
        want = refits(design, rows, atoms, CONTROLS, effects, "province_id")
        np.testing.assert_allclose(np.stack([got.beta(), got.t()], axis=1), want, rtol=0, atol=1e-10)


def test_a_first_effect_that_cuts_through_cities_stands_among_the_dummies():
    rows = sample().assign(period=lambda r: np.where(r["year"] % 2, "odd", "even") + (r["market"] > 0.35).astype(str))
    design = Design.build(rows, ["lnco2"], ["lnpgdp"], ("period", "year"), YEARS)
    atoms = random_atoms(design, 4, 20)
    want = refits(design, rows, atoms, ["lnpgdp"], ("period", "year"))
    got = design.statistics(atoms)
    np.testing.assert_allclose(np.stack([got.beta(), got.t()], axis=1), want, rtol=0, atol=1e-10)
    np.testing.assert_allclose(design.coefficients(atoms), got.beta(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("first", ["city_id", "province_id"])
def test_weights_are_those_of_weighted_least_squares(first):
    rows = sample()
    rows["weight"] = np.random.default_rng(3).uniform(0.2, 3, len(rows))
    design = Design.build(rows, ["lnco2"], CONTROLS, (first, "year"), YEARS, weights="weight")
    atoms = random_atoms(design, 5, 20)
    got, root = design.statistics(atoms), np.sqrt(rows["weight"].to_numpy())[:, None]
    effects = fwl.Effects(fwl.codes(rows[first]), fwl.codes(rows["year"]))
    for i, column in enumerate(atoms.T):
        blocks = [effects.first_dummies(), effects.second_dummies()]
        did = treatments(design, rows, column[:, None])
        x = np.column_stack([did, rows[CONTROLS], np.ones(len(rows)), *blocks])
        y = rows["lnco2"].to_numpy() * root[:, 0]
        params = np.linalg.lstsq(x * root, y, rcond=None)[0]
        cov = fwl.crv1(x * root, y - x * root @ params, fwl.codes(rows["city_id"]), design.k_counted)
        np.testing.assert_allclose([got.beta()[i], got.std_error()[i]], [params[0], np.sqrt(cov[0, 0])], rtol=1e-9)


def test_statistics_of_a_combination_of_outcomes_need_no_other_pass():
    rows = sample()
    rows["shifted"] = rows["lnco2"] - 0.7 * rows["did_ai_pilot"]
    both = Design.build(rows, ["lnco2", "did_ai_pilot"], CONTROLS, CITY, YEARS)
    one = Design.build(rows, ["shifted"], CONTROLS, CITY, YEARS)
    atoms = random_atoms(both, 4, 30)
    np.testing.assert_allclose(both.statistics(atoms).t((1, -0.7)), one.statistics(atoms).t(), rtol=1e-9)
    np.testing.assert_allclose(both.statistics(atoms).beta((1, -0.7)), one.statistics(atoms).beta(), rtol=1e-9)


def test_other_outcomes_and_other_first_years_on_the_same_design():
    rows = sample().sort_values(["city_id", "year"])
    design = Design.build(rows, ["lnco2"], ["lnpgdp"], CITY, YEARS)
    other = design.on((2007, 2009, 2011)).with_outcomes(["edu"], rows[["edu"]].to_numpy())
    direct = Design.build(rows, ["edu"], ["lnpgdp"], CITY, (2007, 2009, 2011))
    atoms = random_atoms(direct, 4, 20)
    np.testing.assert_array_equal(other.statistics(atoms).t(), direct.statistics(atoms).t())


def test_neither_chunk_nor_the_other_draws_change_a_draw():
    design = Design.build(sample(), ["lnco2", "did_ai_pilot"], CONTROLS, CITY, YEARS)
    atoms = random_atoms(design, 5, 600)
    whole = design.statistics(atoms)
    np.testing.assert_array_equal(design.statistics(atoms[:, :100]).t(), whole.t()[:100])  # to the last digit
    for chunk in (1, 7, 1000):
        np.testing.assert_allclose(design.statistics(atoms, chunk=chunk).t(), whole.t(), rtol=1e-11)
        np.testing.assert_allclose(design.coefficients(atoms, chunk=chunk), whole.beta(), rtol=1e-11)


def test_the_table_of_pairs_and_the_sum_of_squares_agree():
    rows = sample()
    for effects in (CITY, PROVINCE):
        design = Design.build(rows, ["lnco2"], [], effects, YEARS)
        few, many = random_atoms(design, 4, 50), random_atoms(design, 22, 50)  # 22 > 2q + 1: beyond the table's use
        for atoms in (few, many):
            np.testing.assert_allclose(design.coefficients(atoms), design.statistics(atoms).beta(), rtol=1e-10)


@settings(max_examples=up_to(4))
@given(seed=st.integers(0, 9999), scale=st.sampled_from([1e-6, 3.0, 1e7]))
def test_what_must_not_matter_does_not(seed, scale):
    """Row order, units of y and of a control, another control's multiple added to y, names of the cities."""
    rows = sample(seed=seed)
    design = Design.build(rows, ["lnco2"], CONTROLS, CITY, YEARS)
    atoms = random_atoms(design, 5, 20)
    want = design.statistics(atoms).t()

    def t(frame, picked=atoms):
        return Design.build(frame, ["lnco2"], CONTROLS, CITY, YEARS).statistics(picked).t()

    np.testing.assert_array_equal(t(rows.sample(frac=1, random_state=seed)), want)
    np.testing.assert_allclose(t(rows.assign(lnco2=rows["lnco2"] * scale)), want, rtol=1e-8)
    np.testing.assert_allclose(t(rows.assign(market=rows["market"] * scale - 4)), want, rtol=1e-6)
    np.testing.assert_allclose(t(rows.assign(lnco2=rows["lnco2"] + 2 * rows["market"] + 0.1 * rows["year"])), want, rtol=1e-6)
    names = dict(zip(design.units, np.random.default_rng(seed).permutation(design.units), strict=True))
    place = {u: i for i, u in enumerate(design.units)}
    unit, cohort = np.divmod(atoms, len(YEARS))
    moved = design.atoms(np.vectorize(lambda u: place[names[design.units[u]]])(unit), cohort)
    np.testing.assert_allclose(t(rows.assign(city_id=rows["city_id"].map(names)), moved), want, rtol=1e-8)


def test_an_empty_atom_adds_nothing_and_is_counted():
    rows = sample(missing=0.0)
    gone = rows["city_id"].unique()[7]
    rows = rows[(rows["city_id"] != gone) | (rows["year"] < 2009)]
    design = Design.build(rows, ["lnco2"], CONTROLS, CITY, YEARS)
    with_empty = np.array([[design.atom_of(rows["city_id"].iloc[0], 2008)], [design.atom_of(gone, 2010)]])
    alone = with_empty[:1]
    got = design.statistics(np.hstack([with_empty, np.vstack([alone, [[design.empty]]])]))
    assert got.treated_units.tolist() == [1, 1] and got.cells[0] == got.cells[1] == 4
    np.testing.assert_allclose(got.t(), design.statistics(alone).t()[0], rtol=1e-10)
    np.testing.assert_allclose(design.coefficients(with_empty), got.beta()[:1], rtol=1e-12)


def test_draws_without_an_estimate_are_undefined_and_leave_the_others_alone():
    rows = sample(missing=0.0)
    late = rows["city_id"].unique()[:3]  # seen from 2009 on only: treated in every row of theirs by 2008
    rows = rows[~rows["city_id"].isin(late) | (rows["year"] >= 2009)]
    design = Design.build(rows, ["lnco2"], CONTROLS, CITY, (2008, 2030))
    absorbed = [design.atom_of(late[0], 2008), design.atom_of(late[1], 2008)]
    never = [design.atom_of(rows["city_id"].iloc[40], 2030), design.empty]
    fine = [design.atom_of(rows["city_id"].iloc[-1], 2008), design.empty]
    atoms = np.array([absorbed, never, fine]).T
    got = design.statistics(atoms)
    assert np.isnan(got.beta()[:2]).all() and np.isnan(got.t()[:2]).all() and np.isnan(design.coefficients(atoms)[:2]).all()
    assert np.isfinite(got.t()[2]) and got.treated_units.tolist() == [2, 0, 1]


def test_a_draw_that_a_control_explains_is_undefined():
    rows = sample(missing=0.0)
    city = rows["city_id"].iloc[0]
    rows["edu"] = ((rows["city_id"] == city) & (rows["year"] >= 2008)) * 2.0 + 1e-9 * rows["market"]
    design = Design.build(rows, ["lnco2"], ["edu"], CITY, YEARS)
    atoms = np.array([[design.atom_of(city, 2008), design.atom_of(city, 2010)]])
    assert np.isnan(design.statistics(atoms).beta()).tolist() == [True, False]


def test_all_cities_treated_and_one_city_treated():
    rows = sample()
    design = Design.build(rows, ["lnco2"], CONTROLS, CITY, YEARS)
    for treated in (1, len(design.units)):
        atoms = random_atoms(design, treated, 5)
        want = refits(design, rows, atoms, CONTROLS, CITY)
        got = design.statistics(atoms)
        np.testing.assert_allclose(np.stack([got.beta(), got.t()], axis=1), want, rtol=1e-8)


def test_a_city_with_one_row():
    rows = sample(missing=0.0)
    city = rows["city_id"].iloc[0]
    rows = rows[(rows["city_id"] != city) | (rows["year"] == 2009)]
    for effects in (CITY, PROVINCE):
        design = Design.build(rows, ["lnco2"], CONTROLS, effects, YEARS)
        atoms = np.array([[design.atom_of(city, 2008)], [design.atom_of(rows["city_id"].iloc[-1], 2008)]])
        want = dummy_refit(design, rows, atoms[:, 0], CONTROLS, effects)
        got = design.statistics(atoms)
        np.testing.assert_allclose([got.beta()[0], got.t()[0]], want, rtol=1e-9)


def test_collinear_and_absorbed_controls_are_left_out():
    rows = sample().assign(twice=lambda r: 2 * r["market"] + 1, trend=lambda r: r["year"] * 1.0)
    design = Design.build(rows, ["lnco2"], ["market", "twice", "trend", "edu"], CITY, YEARS)
    plain = Design.build(rows, ["lnco2"], ["market", "edu"], CITY, YEARS)
    assert design.controls == ("market", "edu") and design.k_counted == plain.k_counted
    atoms = random_atoms(plain, 4, 10)
    np.testing.assert_allclose(design.statistics(atoms).t(), plain.statistics(atoms).t(), rtol=1e-10)


def test_an_outcome_without_noise_has_no_t():
    rows = sample()
    rows["lnco2"] = rows["year"] * 0.1 - 0.3 * rows["did_ai_pilot"]
    design = Design.build(rows, ["lnco2"], [], CITY, tuple(range(2005, 2012)))
    treated = rows[rows["did_ai_pilot"] == 1].groupby("city_id")["year"].min()
    got = design.statistics(np.array([[design.atom_of(u, g)] for u, g in treated.items()]))
    np.testing.assert_allclose(got.beta(), -0.3, rtol=1e-10)
    assert np.isnan(got.t()).all() and got.meat()[0] == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda r: r.iloc[:0], "no rows"),
        (lambda r: r.iloc[[0, 0, 1, 2]], "more than one row"),
        (lambda r: r.assign(lnco2=r["lnco2"].where(r.index > 0)), "not finite in lnco2"),
        (lambda r: r.assign(market=np.where(r.index == 3, np.inf, 1.0)), "not finite in market"),
        (lambda r: r.assign(province_id=r["year"].astype(str)), "more than one cluster"),
        (lambda r: r.assign(city_id=r["city_id"].where(r.index > 2)), "without a value of city_id"),
    ],
)
def test_what_no_design_can_be_built_on_is_refused(change, told):
    with pytest.raises(ValueError, match=told):
        Design.build(change(sample()), ["lnco2"], ["market"], CITY, YEARS, cluster="province_id")


def test_an_atom_is_found_by_its_names():
    design = Design.build(sample(), ["lnco2"], [], CITY, YEARS)
    assert design.atom_of(design.units[3], 2010) == 7
    for unit, year in (("999999", 2010), (design.units[0], 1999)):
        with pytest.raises(KeyError, match="no atom"):
            design.atom_of(unit, year)
