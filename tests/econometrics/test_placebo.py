"""Randomisation inference in the estimates: what is filled, what earns a star, what the summary and the shown draws hold."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy.stats import t as student
from simulated_panels import CONTROLS, make_panel

from citycarbon.econometrics import estimate_columns, read_estimates, write_estimates
from citycarbon.econometrics.cluster_sums import ClusterSums
from citycarbon.econometrics.columns import stars
from citycarbon.econometrics.draws import seed_of
from citycarbon.econometrics.inversion import interval_t
from citycarbon.econometrics.placebo import (
    add_randomisation,
    draws_of,
    experiment,
    first_years,
)
from citycarbon.econometrics.placebo_summary import PLACEBO_COLUMNS, SHOWN_SCHEMA, write_placebo
from citycarbon.econometrics.randomisation import p_value, redraw
from citycarbon.econometrics.resampling import Design
from citycarbon.econometrics.sample import estimation_sample
from citycarbon.econometrics.wild_bootstrap import wild_test
from citycarbon.study.spec import Column, Placebo, RegressionTable

FILLED = ["p_ri_t", "p_ri_beta", "conf_low_ri", "conf_high_ri", "p_wcr"]


def column(name, **kwargs):
    given = {"treatment": "did", "outcome": "lnco2", "controls": CONTROLS, "fixed_effects": ("city", "year")} | kwargs
    return Column(id=name, label=name, **given)


def study_of(base, *columns, variants=(), **update):
    """A study with the headline columns ``columns`` in one table and ``variants`` in another; few draws."""
    tables = {"table2": RegressionTable(kind="regression", title="t", columns=list(columns))}
    if variants:
        tables["table2_variants"] = RegressionTable(kind="regression", title="v", columns=list(variants), variants=True)
    placebo = Placebo(seed=11, draws=199, draws_variants=99, draws_shown=20)
    return base.model_copy(update={"tables": tables, "placebo": placebo, "controls": CONTROLS} | update)


def panel_of(**kwargs):
    panel = make_panel(**kwargs)
    first = panel[panel["did_ai_pilot"] == 1].groupby("city_id")["year"].min()
    return panel.assign(first_year_ai_pilot=panel["city_id"].map(first).astype(float))


def randomise(panel, study, **kwargs):
    return add_randomisation(estimate_columns(panel, study), panel, study, **kwargs)


@pytest.fixture(scope="module")
def one(base_study):
    """Panel, study, the estimates before and all that randomisation inference adds."""
    panel, study = panel_of(), study_of(base_study, column("1", controls=[]), column("2"), variants=[column("2_a")])
    before = estimate_columns(panel, study)
    return panel, study, before, add_randomisation(before, panel, study)


def treated(frame, name="2"):
    return frame[(frame["column"] == name) & frame["term"].str.startswith("did")].iloc[0]


def test_the_treatments_row_is_filled_from_redraws_of_its_column(one):
    panel, study, before, done = one
    row, spec = treated(done.estimates), study.tables["table2"].columns[1]
    case = experiment(estimation_sample(panel, study, spec), panel, study, spec)
    drawn = redraw(case.design, case.scheme, seed_of(11, "table2", "2", "cohorts"), 199)
    assert row["p_ri_t"] == p_value(drawn.t(), case.actual().t()[0])
    assert row["p_ri_beta"] == p_value(drawn.beta(), case.actual().beta()[0])
    interval = interval_t(case.actual(), drawn)
    assert (row["conf_low_ri"], row["conf_high_ri"]) == (interval.low, interval.high)
    assert row["star_rule"] == "ri_t" and row["stars"] == stars(row["p_ri_t"])
    assert (row["conf_low_ri"] <= 0 <= row["conf_high_ri"]) == (row["p_ri_t"] > 0.05)
    np.testing.assert_allclose(case.actual().t()[0], row["t_stat"], rtol=1e-9)


def test_the_wild_bootstrap_is_that_of_the_columns_own_regression(one):
    panel, study, _, done = one
    sample = estimation_sample(panel, study, study.tables["table2"].columns[1])
    design = Design.build(sample.rows, ["lnco2", "did"], CONTROLS, ("city_id", "year"), ())
    want = wild_test(ClusterSums.of(design), seed_of(11, "spec", study.spec_id("table2", "2"), "wcr:rademacher"), 9999)
    assert treated(done.estimates)["p_wcr"] == want.p_value == treated(done.estimates, "2_a")["p_wcr"]
    assert want.p_value != treated(done.estimates, "1")["p_wcr"]


def test_only_the_treatments_cells_change(one):
    panel, study, before, done = one
    is_did = before["term"] == "did"
    pd.testing.assert_frame_equal(done.estimates[~is_did], before[~is_did])
    kept = [c for c in before if c not in [*FILLED, "stars", "star_rule", "note"]]
    pd.testing.assert_frame_equal(done.estimates[kept], before[kept])


def test_the_summary_has_a_row_a_column_and_scheme_the_default_first(one):
    _, study, _, done = one
    p = done.placebo
    assert list(p.columns) == list(PLACEBO_COLUMNS)
    assert p["scheme"].tolist() == ["cohorts", "cohorts", "all_cities", "random_years", "cohorts"]
    assert p["column"].tolist() == ["1", "2", "2", "2", "2_a"]
    assert p["draws"].tolist() == [199, 199, 99, 99, 99]
    assert p["seed"].tolist() == [seed_of(11, t, c, s) for t, c, s in zip(p["table"], p["column"], p["scheme"], strict=True)]
    assert draws_of(study, "table2_variants", study.tables["table2_variants"].columns[0]) == 99


def test_the_figures_of_the_summary(one):
    panel, study, before, done = one
    row, spec = done.placebo.iloc[1], study.tables["table2"].columns[1]
    case = experiment(estimation_sample(panel, study, spec), panel, study, spec)
    drawn = redraw(case.design, case.scheme, int(row["seed"]), 199)
    b, t = drawn.beta(), drawn.t()
    want = {
        "mean": b.mean(),
        "sd": b.std(ddof=1),
        "q025": np.quantile(b, 0.025),
        "q975": np.quantile(b, 0.975),
        "share_beyond": np.mean(np.abs(b) >= abs(row["estimate"])),
        "size_t_5pct": np.mean(np.abs(t) > student.ppf(0.975, case.design.df)),
        "mde80": 2.8 * b.std(ddof=1),
        "treated_mean": 4.0,
        "undefined": 0,
    }
    np.testing.assert_allclose(row[list(want)].astype(float), list(want.values()), rtol=1e-12)
    assert row["p_ri_beta"] == (1 + row["share_beyond"] * 199) / 200


def test_the_first_draws_of_headline_columns_are_shown(one):
    _, _, _, done = one
    assert list(done.shown.columns) == list(SHOWN_SCHEMA)
    shown = done.shown.groupby(["table", "column", "scheme"]).size()
    assert set(shown) == {20} and set(shown.index.get_level_values("column")) == {"1", "2"}
    assert done.shown["draw"].tolist()[:20] == list(range(1, 21))
    assert (done.shown.query("scheme == 'cohorts'")["n_treated_units"] == 4).all()


@pytest.mark.slow
def test_more_draws_start_with_the_same_draws(one):
    panel, study, before, done = one
    again = add_randomisation(before, panel, study, {("table2", "2"): 4200}, workers=2)
    pd.testing.assert_frame_equal(again.shown.query("scheme == 'cohorts'"), done.shown.query("scheme == 'cohorts'"))


def test_a_column_that_estimates_the_same_has_the_same_draws(base_study):
    panel = panel_of()
    study = study_of(base_study, column("2"), column("2_again"))
    done = randomise(panel, study)
    a, b = (treated(done.estimates, name) for name in ("2", "2_again"))
    pd.testing.assert_series_equal(a.drop("column"), b.drop("column"), check_names=False)
    first, second = (done.placebo[done.placebo["column"] == name].iloc[0] for name in ("2", "2_again"))
    pd.testing.assert_series_equal(first.drop("column"), second.drop("column"), check_names=False)
    assert done.shown.groupby(["column", "scheme"]).size().loc["2_again"].to_dict() == {"cohorts": 20}


def test_row_order_changes_nothing_and_files_are_the_same_bytes(one, tmp_path):
    panel, study, before, done = one
    other = randomise(panel.sample(frac=1, random_state=2), study)
    pd.testing.assert_frame_equal(other.estimates, done.estimates)
    first, second = (write_placebo(d.placebo, d.shown, tmp_path / name) for d, name in ((done, "a"), (other, "b")))
    assert [p.name for p in first] == ["placebo.csv", "placebo.parquet"] and first[1].parent.name == "draws"
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]
    back = pd.read_csv(first[0], dtype={"column": str}, keep_default_na=False)
    np.testing.assert_allclose(back["p_ri_t"], done.placebo["p_ri_t"].astype(float), rtol=1e-15)
    assert back["seed"].tolist() == done.placebo["seed"].tolist()
    assert pq.read_table(first[1]).column("beta").to_pylist() == done.shown["beta"].tolist()


@pytest.mark.parametrize(
    ("kwargs", "change"),
    [
        ({"fixed_effects": ("province", "year")}, None),
        ({"treatment": "did_ever", "fixed_effects": ("province", "year")}, None),
        ({"treatment": "did_lag1"}, None),
        ({"treatment": "did_lag1", "lag_rule": "previous_row"}, None),
        ({"exposures": [{"variable": "market", "year": 2008}]}, None),
        ({"winsorise": 0.02}, None),
        ({}, lambda p: p.assign(edu=2 * p["market"])),  # collinear controls
    ],
)
def test_every_kind_of_column_reproduces_its_estimate(base_study, kwargs, change):
    """``add_randomisation`` refuses to go on where the engine and the estimator of record differ."""
    panel = panel_of(treated=5)
    panel = change(panel) if change else panel
    row = treated(randomise(panel, study_of(base_study, column("2", **kwargs))).estimates)
    assert row["star_rule"] == "ri_t" and 0 < row["p_ri_t"] <= 1 and row["conf_low_ri"] < row["estimate"] < row["conf_high_ri"]


def test_a_difference_from_the_estimator_of_record_is_a_bug(one):
    panel, study, before, _ = one
    for cell in ("estimate", "std_error"):
        changed = before.assign(**{cell: before[cell] * (1 + 1e-4)})
        with pytest.raises(ValueError, match="table2:1: the resampling engine"):
            add_randomisation(changed, panel, study)


def test_the_first_year_is_the_policys_where_its_row_is_not_in_the_sample(base_study):
    panel = panel_of(missing=0.0)
    city, year = panel.loc[panel["did_ai_pilot"] == 1, ["city_id", "year"]].iloc[0]
    panel.loc[(panel["city_id"] == city) & (panel["year"] == year), "in_sample"] = False
    study = study_of(base_study, column("2"), column("lag", treatment="did_lag1"), column("ever", treatment="did_ever"))
    spec = dict(zip(["2", "lag", "ever"], study.tables["table2"].columns, strict=True))
    assert first_years(panel, study, spec["2"])[city] == year
    assert first_years(panel, study, spec["lag"])[city] == year + 1
    assert set(first_years(panel, study, spec["ever"]).values()) == {2003}
    case = experiment(estimation_sample(panel, study, spec["2"]), panel, study, spec["2"])
    assert case.first_year[city] == year


def test_what_is_not_estimable_stays_without_star(base_study):
    panel = panel_of().assign(did_ai_pilot=0)
    row = treated(randomise(panel, study_of(base_study, column("2"))).estimates)
    assert row["star_rule"] == "none" and np.isnan(row[FILLED].astype(float)).all() and row["note"].startswith("not estimable")


def test_one_treated_city_earns_no_star_and_an_unbounded_interval_is_explained(base_study, tmp_path):
    panel = panel_of(treated=1, cities=12, effect=-5.0)
    done = randomise(panel, study_of(base_study, column("2"))).estimates
    write_estimates(done, tmp_path / "estimates.csv", tmp_path / "estimates.parquet")
    row = treated(read_estimates(tmp_path / "estimates.csv"))
    assert (row["stars"], row["star_rule"]) == ("", "none") and row["p_ri_t"] < 0.2
    assert (row["conf_low_ri"], row["conf_high_ri"]) == (-np.inf, np.inf)
    for said in ("no star: one treated city", "unbounded", "only 12 different assignments"):
        assert said in row["note"]


def test_a_treatment_that_cannot_be_redrawn_says_so(base_study):
    panel = panel_of(treated=6)
    panel["did_ai_pilot"] = panel["did_ai_pilot"] * (panel["year"] < panel["year"].max())  # it ends
    done = randomise(panel, study_of(base_study, column("2")))
    row = treated(done.estimates)
    assert row["star_rule"] == "none" and "no randomisation inference: did is not 1 from a first year on" in row["note"]
    assert np.isfinite(row["estimate"]) and done.placebo.empty and list(done.shown.columns) == list(SHOWN_SCHEMA)
    assert 0 < row["p_wcr"] <= 1  # which asks for no redraws


def test_an_estimate_without_error_earns_no_star(base_study):
    panel = panel_of(noise=0.0)
    panel["lnco2"] = panel["year"] * 0.5 - 0.3 * panel["did_ai_pilot"]
    row = treated(randomise(panel, study_of(base_study, column("2", controls=[]))).estimates)
    assert row["star_rule"] == "none" and "no star: no t statistic to redraw" in row["note"] and np.isnan(row["p_wcr"])


def test_an_outcome_that_the_effects_explain_is_no_test_and_no_crash(base_study):
    row = treated(randomise(panel_of().assign(lnco2=lambda p: p["year"] * 0.1), study_of(base_study, column("2"))).estimates)
    assert row["star_rule"] == "none" and np.isnan(row[FILLED].astype(float)).all()
    assert "no star: the outcome does not vary beyond effects and controls" in row["note"]


def test_rules_that_are_already_decided_are_left(one):
    panel, study, before, _ = one
    decided = before.assign(star_rule="none")
    done = add_randomisation(decided, panel, study)
    pd.testing.assert_frame_equal(done.estimates, decided)
    assert done.placebo.empty


def test_a_study_without_redraws_says_so(one):
    panel, study, before, _ = one
    plain = study.model_copy(update={"placebo": None})
    row = treated(add_randomisation(before, panel, plain).estimates)
    assert row["star_rule"] == "none" and row["note"] == "no star: the study asks for no redraws"


def test_a_policys_late_cohort_is_a_scheme_of_its_own(base_study):
    panel = panel_of()
    late = panel["city_id"].unique()[10]
    panel.loc[panel["city_id"] == late, "first_year_ai_pilot"] = 2040.0
    done = randomise(panel, study_of(base_study, column("2")))
    schemes = done.placebo.set_index("scheme")
    assert list(schemes.index) == ["cohorts", "all_cities", "all_pilots", "random_years"]
    assert schemes.loc["cohorts", "treated_mean"] == 4 >= schemes.loc["all_pilots", "treated_mean"]
