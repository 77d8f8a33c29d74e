"""sensitivity.csv: every variant against an independent fit, planted effects found, a result or a reason at the edges."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from simulated_panels import make_panel, make_study

from citycarbon.econometrics import fwl
from citycarbon.econometrics.columns import estimate_columns
from citycarbon.econometrics.contract import write_csv
from citycarbon.econometrics.draws import seed_of
from citycarbon.econometrics.placebo import add_randomisation
from citycarbon.econometrics.sensitivity import ANALYSES, sensitivity
from citycarbon.econometrics.sensitivity_base import Base, Case
from citycarbon.econometrics.sensitivity_rows import SENSITIVITY_COLUMNS, sensitivity_frame
from citycarbon.econometrics.sensitivity_scale import _one_step
from citycarbon.econometrics.sensitivity_spatial import Neighbours
from citycarbon.econometrics.spatial import distances_km
from citycarbon.econometrics.twfe import levels_counted
from citycarbon.study.extensions import Extensions, Sensitivity, Target
from citycarbon.study.spec import Placebo

CONTROLS = ["lnpgdp", "market"]
LAST = 2011
SPACE = ["donut", "exposure", "conley"]


def places(panel):
    """Cities on a line along the equator, half a degree (55.6 km) apart, in the order of their codes."""
    return {c: (100 + 0.5 * i, 0.0) for i, c in enumerate(sorted(panel["city_id"].unique()))}


def panel_of(seed=1, later=1, **kwargs):
    """``make_panel`` with emissions, population, and dates: ``later`` cities are first treated after the last year."""
    panel = make_panel(seed, **kwargs)
    first = panel[panel["did_ai_pilot"] == 1].groupby("city_id")["year"].min()
    after = sorted(set(panel["city_id"]) - set(first.index))[-later:] if later else []
    dates = {**first.to_dict(), **dict.fromkeys(after, LAST + 1)}
    return finished(panel.assign(first_year_ai_pilot=panel["city_id"].map(dates).astype(float)))


def finished(panel):
    rng = np.random.default_rng(9)
    people = np.exp(15 + rng.normal(0, 0.3, len(panel)))
    return panel.assign(co2_mt=np.exp(panel["lnco2"]), population_persons=people)


def study_of(base, controls=CONTROLS, effects=("city", "year"), draws=99, **options):
    study = make_study(base, controls, effects)
    asked = Sensitivity(
        column=Target(table="table2", column="1"),
        draws=draws,
        draws_remade=draws,
        **{"distances_km": [60, 120], "conley_km": [100, 300], "without_years": [2010, 2011], **options},
    )
    placebo = Placebo(seed=7, draws=draws, draws_shown=10)
    return study.model_copy(update={"extensions": Extensions(sensitivity=asked), "placebo": placebo})


def row(frame, analysis, variant=None, parameter=None, term="did"):
    found = frame[(frame["analysis"] == analysis) & (frame["term"] == term)]
    if variant is not None:
        found = found[found["variant"] == variant]
    if parameter is not None:
        found = found[found["parameter"] == parameter]
    assert len(found) == 1
    return found.iloc[0]


def by_dummies(rows, outcome, terms):
    """b and clustered error of the terms by explicit dummies of city and year."""
    effects = fwl.Effects(fwl.codes(rows["city_id"]), fwl.codes(rows["year"]))
    x = rows[terms].to_numpy(dtype=float)
    fitted = fwl.dummy_fit(rows[outcome].to_numpy(), x, effects, effects.first, x.shape[1] + levels_counted(effects, True))
    return fitted.params[1:], np.sqrt(np.diag(fitted.cov))[1:]


@pytest.fixture(scope="module")
def made(base_study):
    panel = panel_of(cities=22)
    return panel, sensitivity(panel, study_of(base_study), places(panel))


@pytest.fixture(scope="module")
def rows(made):
    panel = made[0]
    return panel[panel["in_sample"]].assign(did=panel["did_ai_pilot"].astype(float)).reset_index(drop=True)


def same(found, rows, outcome, terms, at=0):
    beta, error = by_dummies(rows, outcome, terms)
    assert found["estimate"] == pytest.approx(beta[at], abs=1e-10)
    assert found["std_error"] == pytest.approx(error[at], rel=1e-9)
    assert found["n_obs"] == len(rows) and found["n_units"] == rows["city_id"].nunique()


# --- what each variant is ----------------------------------------------------------------------------------------------------


def test_every_analysis_has_rows_in_the_order_of_the_file(made):
    frame = made[1]
    assert list(frame.columns) == list(SENSITIVITY_COLUMNS)
    assert list(dict.fromkeys(frame["analysis"])) == list(ANALYSES)
    assert np.isfinite(frame["estimate"]).all() and np.isfinite(frame["std_error"]).all()
    keys = frame[["analysis", "variant", "parameter", "term"]].astype(str)
    assert not keys.duplicated().any()


def test_the_headline_is_the_column_with_its_own_draws(made, base_study):
    panel, frame = made
    study = study_of(base_study)
    estimates = add_randomisation(estimate_columns(panel, study), panel, study).estimates
    own, found = estimates[estimates["term"] == "did"].iloc[0], row(frame, "headline")
    for name in ("estimate", "std_error", "p_value", "conf_low", "conf_high", "p_ri_t", "n_obs", "n_treated_cells"):
        assert found[name] == own[name], name
    assert found["unit"] == "ln(Mt)"
    assert found["seed"] == str(seed_of(study.placebo.seed, "table2", "1", "cohorts")) and found["ri_draws"] == 99
    tested = frame[frame["p_ri_t"].notna()]
    assert tested[["ri_draws", "ri_undefined"]].notna().all(axis=None) and (tested["seed"] != "").all()
    assert frame.loc[frame["p_ri_t"].isna(), "ri_draws"].fillna(0).eq(frame["ri_undefined"].fillna(0)).all()


def test_controls_none_and_baseline_equal_explicit_regressions(made, rows):
    frame = made[1]
    same(row(frame, "controls", "none"), rows, "lnco2", ["did"])
    first = int(made[0]["first_year_ai_pilot"].min())
    means = rows[rows["year"] < first].groupby("city_id")[CONTROLS].mean()
    wide = rows.assign(
        **{f"{c}{y}": rows["city_id"].map(means[c]) * (rows["year"] == y) for c in CONTROLS for y in range(2004, LAST + 1)}
    )
    found = row(frame, "controls", "baseline_x_year")
    same(found, wide, "lnco2", ["did", *wide.columns[len(rows.columns) :]])
    assert f"before {first}" in found["note"] and "base 2003" in found["note"]


def test_a_city_without_a_row_before_the_first_adoption_is_left_out_and_named(base_study):
    panel = panel_of(cities=22)
    city = sorted(panel["city_id"].unique())[12]
    late = (panel["city_id"] == city) & (panel["year"] < panel["first_year_ai_pilot"].min())
    panel["in_sample"] &= ~late
    frame = sensitivity(panel, study_of(base_study), places(panel), analyses=["controls"])
    found = row(frame, "controls", "baseline_x_year")
    assert f"1 city ({city}) without a row before" in found["note"] and found["n_units"] == 21


def test_the_donut_on_a_line_of_cities(made, rows):
    """The first four cities are treated; the fifth lies 56 km from a treated one, the sixth 111 km."""
    _, frame = made
    cities = sorted(rows["city_id"].unique())
    for km, lost in ((60, cities[4:5]), (120, cities[4:6])):
        found = row(frame, "donut", parameter=km)
        same(found, rows[~rows["city_id"].isin(lost)], "lnco2", ["did", *CONTROLS])
        assert f"({', '.join(lost)}) untreated within {km} km left out" in found["note"]
        assert "the donut made again in each" in found["note"] and 0 < found["p_ri_t"] <= 1


def test_exposure_on_a_line_of_cities(made, rows):
    panel, frame = made
    cities = sorted(rows["city_id"].unique())
    start = panel.groupby("city_id")["first_year_ai_pilot"].first()
    km = distances_km(cities, places(panel))
    for limit in (60, 120):
        near = {
            c: min([start[o] for o in cities if o != c and km[cities.index(c), cities.index(o)] <= limit], default=np.nan)
            for c in cities
        }
        exposed = ((rows["year"] >= rows["city_id"].map(near)) & (rows["did"] == 0)).astype(float)
        wide = rows.assign(near=exposed)
        for term, at in (("did", 0), (f"near_{limit}km", 1)):
            found = row(frame, "exposure", parameter=limit, term=term)
            same(found, wide, "lnco2", ["did", "near", *CONTROLS], at)
            assert f"{int(exposed.sum())} city-years exposed" in found["note"]
            assert found["n_treated_cells"] == (exposed if at else rows["did"]).sum()
            assert found["n_treated_units"] == rows.loc[(exposed if at else rows["did"]) == 1, "city_id"].nunique()


def test_a_planted_spill_over_is_found_and_the_donut_is_free_of_it(base_study):
    """The treated cities lie far from all others but for one neighbour of the last of them, which then emits more."""
    panel = panel_of(cities=22, noise=0.0, effect=-0.3, missing=0.0)
    cities, start = sorted(panel["city_id"].unique()), panel.groupby("city_id")["first_year_ai_pilot"].first()
    where = {c: (100.0 + 20 * i, 0.0 if i < 4 else 40.0) for i, c in enumerate(cities)} | {cities[4]: (160.5, 0.0)}
    panel.loc[(panel["city_id"] == cities[4]) & (panel["year"] >= start[cities[3]]), "lnco2"] += 0.2
    frame = sensitivity(panel, study_of(base_study), where, analyses=["headline", "donut", "exposure"])
    assert row(frame, "exposure", parameter=60)["estimate"] == pytest.approx(-0.3, abs=1e-9)
    assert row(frame, "exposure", parameter=60, term="near_60km")["estimate"] == pytest.approx(0.2, abs=1e-9)
    assert row(frame, "donut", parameter=60)["estimate"] == pytest.approx(-0.3, abs=1e-9)
    assert abs(row(frame, "headline")["estimate"] + 0.3) > 1e-3


def test_conley_keeps_the_estimate_and_is_the_clustered_error_where_no_city_is_near(made, base_study):
    panel, frame = made
    main = row(frame, "headline")
    conley = frame[frame["analysis"] == "conley"]
    assert (conley["estimate"] - main["estimate"]).abs().max() < 1e-10 and conley["p_ri_t"].isna().all()
    assert set(zip(conley["variant"], conley["parameter"], strict=True)) == {
        (k, d) for k in ("bartlett", "uniform") for d in (100, 300)
    }
    far = sensitivity(panel, study_of(base_study, conley_km=[1.0]), places(panel), analyses=["conley"])
    assert row(far, "conley", "uniform")["std_error"] == pytest.approx(main["std_error"], rel=1e-9)
    assert (conley["std_error"] - main["std_error"]).abs().min() > 1e-6


def test_a_variance_that_is_not_positive_is_named(base_study, monkeypatch):
    from citycarbon.econometrics import spatial

    monkeypatch.setattr(spatial, "conley_meat", lambda *given: -0.1)
    panel = panel_of(cities=10)
    frame = sensitivity(panel, study_of(base_study), places(panel), analyses=["conley"])
    assert frame["note"].str.contains("no standard error: the estimated variance is not positive").all()
    assert np.isfinite(frame["estimate"]).all()
    assert frame[["std_error", "statistic", "p_value", "conf_low", "conf_high"]].isna().all(axis=None)


def test_scales_with_their_units_and_percent(made, rows):
    frame = made[1]
    heads = 1e6 * rows["co2_mt"] / rows["population_persons"]
    wide = rows.assign(heads=heads, ln_heads=np.log(heads))
    for variant, outcome, unit in (
        ("level", "co2_mt", "Mt"),
        ("per_head", "heads", "t per person"),
        ("ln_per_head", "ln_heads", "ln(t per person)"),
    ):
        found = row(frame, "outcome_scale", variant)
        same(found, wide, outcome, ["did", *CONTROLS])
        assert found["unit"] == unit and "in percent" in found["note"] and found["p_ri_t"] > 0
    level = row(frame, "outcome_scale", "level")
    without = rows.loc[rows["did"] == 1, "co2_mt"].mean() - level["estimate"]
    assert f"{100 * level['estimate'] / without:+.1f}" in level["note"]


def test_ppml_equals_a_poisson_glm_with_explicit_dummies(made, rows):
    import statsmodels.api as sm

    x = pd.get_dummies(rows[["city_id", "year"]].astype(str), drop_first=True, dtype=float)
    x = pd.concat([rows[["did", *CONTROLS]], x], axis=1).assign(one=1.0)
    fitted = sm.GLM(rows["co2_mt"], x, family=sm.families.Poisson()).fit(tol=1e-12, tol_criterion="params", maxiter=100)
    found = row(made[1], "outcome_scale", "ppml")
    assert found["estimate"] == pytest.approx(fitted.params["did"], abs=1e-8)
    mean = fitted.fittedvalues.to_numpy()
    bread = np.linalg.inv((x * mean[:, None]).T @ x)
    scores = (x * (rows["co2_mt"] - mean).to_numpy()[:, None]).groupby(rows["city_id"]).sum().to_numpy()
    groups, n = rows["city_id"].nunique(), len(rows)
    counted = 1 + len(CONTROLS) + rows["year"].nunique()  # the city effects lie in the clusters
    cov = bread @ scores.T @ scores @ bread * groups / (groups - 1) * (n - 1) / (n - counted)
    assert found["std_error"] == pytest.approx(np.sqrt(cov[0, 0]), rel=1e-6)
    assert f"in percent: {100 * np.expm1(found['estimate']):+.1f}" in found["note"] and "Newton step" in found["note"]


def test_ppml_finds_an_exact_effect_and_leaves_separated_cities_out(base_study):
    panel = panel_of(cities=16, noise=0.0, effect=-0.25, missing=0.0)
    empty = panel["city_id"] == sorted(panel["city_id"].unique())[9]
    panel = panel.assign(co2_mt=panel["co2_mt"].where(~empty, 0.0))
    frame = sensitivity(panel, study_of(base_study, draws=19), places(panel), analyses=["outcome_scale"])
    found = row(frame, "outcome_scale", "ppml")
    assert found["estimate"] == pytest.approx(-0.25, abs=1e-7)
    assert "9 separated rows left out" in found["note"] and found["n_units"] == 15


def test_anticipation_equals_explicit_regressions(made, rows):
    panel, frame = made
    treated = rows[rows["did"] == 1].groupby("city_id")["year"].min()
    start = panel.groupby("city_id")["first_year_ai_pilot"].first()
    start = rows["city_id"].map(start[start.index.isin(treated.index)])
    before = rows["year"] == start - 1
    wide = rows.assign(lead=before.astype(float))
    for term, at in (("did", 0), ("lead1", 1)):
        found = row(frame, "anticipation", "lead_dummy", term=term)
        same(found, wide, "lnco2", ["did", "lead", *CONTROLS], at)
        assert 0 < found["p_ri_t"] <= 1
    same(row(frame, "anticipation", "without_year_before"), rows[~before], "lnco2", ["did", *CONTROLS])
    everyone = rows["city_id"].map(panel.groupby("city_id")["first_year_ai_pilot"].first())
    for years in (1, 2):
        earlier = rows.assign(did=(rows["year"] >= everyone - years).astype(float))
        found = row(frame, "anticipation", "dated_earlier", years)
        same(found, earlier, "lnco2", ["did", *CONTROLS])
        assert "of later cohorts thereby treated" in found["note"]


def test_a_planted_lead_is_found(base_study):
    panel = panel_of(cities=20, noise=0.0, effect=-0.3, missing=0.0)
    panel.loc[panel["year"] == panel["first_year_ai_pilot"] - 1, "lnco2"] += -0.1
    later = panel["first_year_ai_pilot"] > LAST
    panel.loc[later & (panel["year"] == LAST), "lnco2"] += 0.1  # of the cities treated in the sample only
    frame = sensitivity(panel, study_of(base_study, draws=9), places(panel), analyses=["anticipation"])
    assert row(frame, "anticipation", "lead_dummy")["estimate"] == pytest.approx(-0.3, abs=1e-9)
    assert row(frame, "anticipation", "lead_dummy", term="lead1")["estimate"] == pytest.approx(-0.1, abs=1e-9)
    assert row(frame, "anticipation", "without_year_before")["estimate"] == pytest.approx(-0.3, abs=1e-9)


def test_samples_equal_explicit_regressions(made, rows):
    panel, frame = made
    found = row(frame, "samples", "without_2010_2011")
    left = rows[~rows["year"].isin([2010, 2011])]
    same(found, left, "lnco2", ["did", *CONTROLS])
    assert f"{int(left['did'].sum())} of {int(rows['did'].sum())} treated city-years left" in found["note"]
    later = panel.loc[panel["first_year_ai_pilot"] > LAST, "city_id"].unique()
    assert len(later) == 1
    found = row(frame, "samples", "without_later_cohorts")
    same(found, rows[~rows["city_id"].isin(later)], "lnco2", ["did", *CONTROLS])
    found = row(frame, "samples", "later_cohorts_in_last_year")
    moved = rows.assign(did=np.where(rows["city_id"].isin(later) & (rows["year"] == LAST), 1.0, rows["did"]))
    same(found, moved, "lnco2", ["did", *CONTROLS])


# --- what must not matter ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_order_of_rows_does_not_matter(made, base_study, tmp_path):
    panel, frame = made
    again = sensitivity(panel.sample(frac=1, random_state=3), study_of(base_study), places(panel))
    write_csv(frame, tmp_path / "a.csv")
    write_csv(again, tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert "nan" not in (tmp_path / "a.csv").read_text(encoding="utf-8").lower()


def test_a_study_that_asks_for_nothing_has_the_header_only(base_study):
    panel = panel_of(cities=10)
    frame = sensitivity(panel, make_study(base_study, CONTROLS).model_copy(update={"extensions": None}), {})
    assert frame.empty and list(frame.columns) == list(SENSITIVITY_COLUMNS)


def test_a_row_with_another_column_is_refused():
    with pytest.raises(ValueError, match="columns that sensitivity.csv has not: p_wild"):
        sensitivity_frame([{"analysis": "a", "p_wild": 0.1}])


# --- edges -------------------------------------------------------------------------------------------------------------------


def edge(name, panel):
    """The panel spoilt in one way."""
    cities = sorted(panel["city_id"].unique())
    if name == "one treated":
        keep = panel["city_id"] == cities[0]
        return untreated(panel, ~keep)
    if name == "none treated":
        return untreated(panel, panel["year"] > 0)
    if name == "all treated":
        start = panel["city_id"].map({c: 2006.0 + i % 4 for i, c in enumerate(cities)})
        return panel.assign(first_year_ai_pilot=start, did_ai_pilot=(panel["year"] >= start).astype(int))
    if name == "a cluster of one row":
        return panel[(panel["city_id"] != cities[8]) | (panel["year"] == 2006)]
    if name == "collinear controls":
        return panel.assign(market=2 * panel["lnpgdp"])
    if name == "infinite outcome":
        return panel.assign(lnco2=panel["lnco2"].where(panel.index % 17 != 0, np.inf))
    if name == "missing outcome":
        return panel.assign(lnco2=panel["lnco2"].where(panel.index % 17 != 0))
    if name == "no emissions":
        return panel.assign(co2_mt=np.nan).drop(columns="population_persons")
    if name == "negative emissions":
        return panel.assign(co2_mt=-panel["co2_mt"])
    if name == "repeated city-years":
        return pd.concat([panel, panel.iloc[:2]], ignore_index=True)
    if name == "an empty sample":
        return panel.assign(in_sample=False)
    return panel[panel["city_id"].isin(cities[:1])]  # one city


def untreated(panel, cities):
    return panel.assign(
        first_year_ai_pilot=panel["first_year_ai_pilot"].where(~cities), did_ai_pilot=panel["did_ai_pilot"].where(~cities, 0)
    )


QUICK = ["none treated", "repeated city-years", "an empty sample", "one city", "one treated"]
EDGES = [
    "all treated", "a cluster of one row", "collinear controls", "infinite outcome", "missing outcome", "no emissions",
    "negative emissions",
]  # fmt: skip


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in EDGES)])
def test_every_edge_gives_a_result_or_a_reason_and_keeps_its_rows(name, made, base_study, tmp_path):
    panel = edge(name, panel_of(cities=12))
    frame = sensitivity(panel, study_of(base_study, draws=19), places(panel))
    keys = ["analysis", "variant", "parameter", "term"]
    assert frame[keys].astype(str).to_numpy().tolist() == made[1][keys].astype(str).to_numpy().tolist()
    unknown = frame[frame["estimate"].isna()]
    assert unknown["note"].str.startswith("not estimable").all()
    assert frame.loc[frame["std_error"].isna() & frame["estimate"].notna(), "note"].ne("").all()
    write_csv(frame, tmp_path / "s.csv")
    assert "nan" not in (tmp_path / "s.csv").read_text(encoding="utf-8").lower()
    if name in ("none treated", "an empty sample", "one city", "repeated city-years"):
        assert len(unknown) == len(frame)
    elif name == "no emissions":
        assert set(unknown["analysis"]) == {"outcome_scale"} and unknown["note"].str.contains("not supplied: ").all()
    elif name == "one treated":
        assert frame.loc[frame["analysis"] == "headline", "note"].str.contains("one treated city").all()
    elif name == "collinear controls":
        assert np.isfinite(frame["estimate"]).all()


def test_cities_without_coordinates_are_named_and_far_from_all(base_study):
    panel = panel_of(cities=12)
    known = places(panel)
    lost = sorted(known)[1:6]
    where = {c: p for c, p in known.items() if c not in lost}
    frame = sensitivity(panel, study_of(base_study, draws=19), where, analyses=SPACE)
    assert set(frame["analysis"]) == set(SPACE)
    assert frame["note"].str.contains(f"5 cities ({', '.join(lost)}) without coordinates counted as far", regex=False).all()
    found = row(frame, "exposure", parameter=60, term="near_60km")
    assert np.isnan(found["estimate"]) and "no untreated city within 60 km of one already treated" in found["note"]
    assert row(frame, "exposure", parameter=60)["estimate"] == pytest.approx(frame["estimate"].iloc[-1], abs=1e-10)  # Conley's


def test_a_treated_city_outside_the_sample_spills_over_and_is_not_redrawn(base_study):
    panel = panel_of(cities=12)
    cities = sorted(panel["city_id"].unique())
    panel.loc[(panel["city_id"] == cities[8]), "first_year_ai_pilot"] = 2007.0
    panel.loc[(panel["city_id"] == cities[8]), "did_ai_pilot"] = (panel["year"] >= 2007).astype(int)
    panel["in_sample"] &= (panel["city_id"] != cities[8]) | (panel["year"] < 2007)
    frame = sensitivity(panel, study_of(base_study, draws=19), places(panel), analyses=["donut"])
    found = row(frame, "donut", parameter=60)
    assert f"({cities[4]}, {cities[7]}, {cities[9]}) untreated within 60 km left out" in found["note"]
    assert f"1 city ({cities[8]}) treated without a treated row" in found["note"] and np.isfinite(found["p_ri_t"])


@pytest.mark.slow
def test_without_redraws_and_with_province_effects_the_reason_is_told(base_study):
    panel = panel_of(cities=12)
    study = study_of(base_study, draws=9)
    frame = sensitivity(panel, study.model_copy(update={"placebo": None}), places(panel))
    redrawn = frame[~frame["analysis"].isin(["conley"]) & (frame["variant"] != "without_year_before")]
    assert frame["p_ri_t"].isna().all() and redrawn["note"].str.contains("asks for no redraws").all()
    study = study_of(base_study, effects=("province", "year"), draws=9)
    frame = sensitivity(panel, study, places(panel), analyses=["headline", "donut", "exposure"])
    again = frame[frame["analysis"].isin(["donut", "exposure"])]
    assert again["note"].str.contains("only a regression with city effects").all() and np.isfinite(again["estimate"]).all()
    assert np.isfinite(row(frame, "headline")["p_ri_t"])


@pytest.mark.slow
def test_tests_that_make_donut_exposure_or_poisson_again_keep_their_size(base_study):
    """Nothing is planted and cities are drawn by the law of the test: p <= 0.1 comes up in a tenth of the samples."""
    panel, rng, found = panel_of(cities=16, effect=0.0, missing=0.05, later=0), np.random.default_rng(11), []
    cities, repeats = sorted(panel["city_id"].unique()), 200
    for seed in range(repeats):
        first = dict(zip(rng.choice(cities, 4, replace=False), [2007, 2007, 2009, 2009], strict=True))
        start = panel["city_id"].map(first).astype(float)
        drawn = panel.assign(first_year_ai_pilot=start, did_ai_pilot=(panel["year"] >= start).astype(int))
        study = study_of(base_study, draws=39).model_copy(update={"placebo": Placebo(seed=seed, draws=39, draws_shown=1)})
        asked, column = study.extensions.sensitivity, study.column("table2", "1")
        base = Base(drawn, study, "table2", column, asked, places(panel))
        who = Neighbours(base)
        near, held, never = who.near(60), who.held_positions(who.redraws.blocks.years), who.redraws.blocks.never
        donut = who.redraws.cells(lambda at, n=near, h=held, w=who, v=never: (None, w.kept(at, n, h, v)), "")
        beside = who.redraws.cells(lambda at, n=near, h=held, w=who, v=never: (w.exposed(at, n, h, v), None), "")
        case = Case.of(base, base.sample.rows.assign(y=base.values(["co2_mt"])["co2_mt"].to_numpy()), outcome="y")
        found.append([c["p_ri_t"] for c in (*donut, *beside, _one_step(base, case))])
    shares = (np.array(found) <= 0.1).mean(axis=0)
    assert len(shares) == 4 and np.isfinite(found).all()
    assert (np.abs(shares - 0.1) < 3 * np.sqrt(0.09 / repeats)).all(), shares
