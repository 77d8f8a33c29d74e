"""Other laws of reassignment: who forms a stratum, what every draw keeps, and rows with a number or a reason."""

import numpy as np
import pandas as pd
import pytest
from family_panels import PROVINCE, SIZE, family_panel, family_study
from hypothesis import given, settings
from hypothesis import strategies as st
from tries import up_to

from citycarbon.econometrics import draws as law
from citycarbon.econometrics import estimate_columns
from citycarbon.econometrics.draw_schemes import scheme_rows, strata_of
from citycarbon.econometrics.placebo import add_randomisation, experiment
from citycarbon.econometrics.randomisation import p_value, redraw
from citycarbon.econometrics.sample import estimation_sample
from citycarbon.study.extensions import Strata


def small(panel=None, **values):
    """Four cities in provinces 11, 11, 12, 13; rows of 2007 and 2009."""
    cities = np.array(["a", "b", "c", "d"])
    frame = pd.DataFrame({"city_id": np.repeat(cities, 2), "year": [2007, 2009] * 4})
    frame["province_id"] = np.repeat(["11", "11", "12", "13"], 2)
    frame["population_persons"] = np.repeat([1.0, 2.0, 3.0, np.nan], 2) * np.where(frame["year"] == 2007, 1, 100)
    return frame.assign(**values), cities


def one_column(base, panel, draws=199, **kwargs):
    study = family_study(base, [], draws=draws, **kwargs)
    table = study.tables["table3"]
    return study.model_copy(update={"tables": {"table3": table.model_copy(update={"columns": table.columns[:1]})}})


def rows_of(panel, study):
    return scheme_rows(panel, study, estimate_columns(panel, study)).set_index("method")


def test_cities_alone_in_their_province_form_one_group():
    panel, cities = small()
    assert strata_of(panel, PROVINCE, cities) == ["11", "11", "alone in their level", "alone in their level"]
    assert strata_of(panel, PROVINCE, cities[1:]) == ["alone in their level"] * 3  # judged on the sample's cities
    gone = panel.assign(province_id=panel["province_id"].where(panel["city_id"] != "c"))
    assert strata_of(gone, PROVINCE, cities)[2:] == ["without a value", "alone in their level"]


def test_classes_are_cut_over_the_samples_cities_by_the_mean_before_the_year():
    panel, cities = small()
    half = Strata(id="half", label="halves", variable="population_persons", year=2008, classes=2)
    assert strata_of(panel, half, cities) == ["class 1", "class 1", "class 2", "without a value"]  # 2 is the median: low
    assert strata_of(panel, half, cities[1:]) == ["class 1", "class 2", "without a value"]
    assert strata_of(panel.sample(frac=1, random_state=1), half, cities) == strata_of(panel, half, cities)
    before = Strata(id="half", label="halves", variable="population_persons", year=2003)
    assert strata_of(panel, before, cities) == "no value of population_persons before 2003: no strata"


@settings(max_examples=up_to(6))
@given(seed=st.integers(0, 9999), missing=st.sampled_from([0.0, 0.3]), by_size=st.booleans())
def test_every_draw_treats_in_each_stratum_what_is_treated_in_fact(base_study, seed, missing, by_size):
    panel, study = family_panel(seed, missing=missing), family_study(base_study)
    column = study.column("table3", "1")
    case = experiment(estimation_sample(panel, study, column), panel, study, column)
    levels = np.array(strata_of(panel, SIZE if by_size else PROVINCE, case.design.units))
    scheme = law.cohorts_stratified(case.design.units, case.first_year, levels.tolist(), last_year=case.design.last_year)
    at = dict(zip(case.design.units.tolist(), levels.tolist(), strict=True))
    fact = sorted((at[u], y) for u, y in case.first_year.items())
    for units, cohort in law.blocks(scheme, seed, 40):
        for j in range(40):
            drawn = zip(levels[units[:, j]].tolist(), np.array(scheme.first_years)[cohort[:, j]].tolist(), strict=True)
            assert sorted(drawn) == fact


def test_a_row_is_the_test_under_its_law(base_study):
    panel = family_panel(missing=0.1)
    study = one_column(base_study, panel)
    got = rows_of(panel, study)
    assert list(got.index) == ["ri:t:province", "ri:t:size", "ri:t:random_years"]
    column = study.column("table3", "1")
    case = experiment(estimation_sample(panel, study, column), panel, study, column)
    levels = strata_of(panel, SIZE, case.design.units)
    scheme = law.cohorts_stratified(case.design.units, case.first_year, levels, last_year=case.design.last_year)
    drawn = redraw(case.design, scheme, law.seed_of(11, "table3", "1", "size"), 199)
    row = got.loc["ri:t:size"]
    assert row["p_value"] == p_value(drawn.t(), float(case.actual().t()[0])) and row["draws"] == 199 and row["undefined"] == 0
    assert row["conf_low"] < row["estimate"] < row["conf_high"]


def test_random_years_are_those_of_the_placebo(base_study):
    panel = family_panel()
    study = one_column(base_study, panel)
    done = add_randomisation(estimate_columns(panel, study), panel, study)
    want = done.placebo.set_index("scheme").loc["random_years"]
    got = scheme_rows(panel, study, done.estimates).set_index("method").loc["ri:t:random_years"]
    assert [got["p_value"], got["conf_low"], got["conf_high"]] == [
        want["p_ri_t"],
        want["conf_low_ri_t"],
        want["conf_high_ri_t"],
    ]


def provinces_of(panel, *groups):
    """Provinces 0, 1, ... of these cities, one province of all others."""
    at = {city: str(i) for i, group in enumerate(groups) for city in group}
    return panel.assign(province_id=panel["city_id"].map(at).fillna("99"))


def cohorts_of(panel):
    """Treated cities by cohort, in order, and the cities that are never treated."""
    first = panel[panel["did_ai_pilot"] == 1].groupby("city_id")["year"].min()
    never = [city for city in panel["city_id"].unique() if city not in first.index]
    return [first.index[first == year].tolist() for year in sorted(first.unique())], never


def test_cities_without_another_candidate_are_counted(base_study):
    panel = family_panel(missing=0.0)
    (early, late), never = cohorts_of(panel)
    apart = provinces_of(panel, early[:2], [late[0], never[0]])
    note = rows_of(apart, one_column(base_study, apart)).loc["ri:t:province", "note"]
    assert note == "2 of 6 treated cities have no other candidate in their group and are treated in every draw"
    together = provinces_of(panel, early + late)
    row = rows_of(together, one_column(base_study, together)).loc["ri:t:province"]
    assert row["note"] == "only 20 different assignments exist"  # which three of the six are of the first cohort
    assert np.isfinite(row["p_value"])


def test_a_law_that_leaves_one_assignment_has_a_reason_and_no_p(base_study):
    panel = family_panel(missing=0.0)
    (early, late), _ = cohorts_of(panel)
    apart = provinces_of(panel[~panel["city_id"].isin(late)], early)
    row = rows_of(apart, one_column(base_study, apart)).loc["ri:t:province"]
    assert np.isnan(row["p_value"]) and pd.isna(row["draws"]) and np.isfinite(row["statistic"])
    assert row["note"] == "no other candidate in the group of any treated city (provinces): nothing to redraw"


def test_few_assignments_say_what_p_is_possible(base_study):
    panel = family_panel(missing=0.0)
    (early, late), never = cohorts_of(panel)
    one = provinces_of(panel[~panel["city_id"].isin([*early[1:], *late])], [early[0], *never[:3]])
    row = rows_of(one, one_column(base_study, one)).loc["ri:t:province"]
    assert row["note"] == "only 4 different assignments exist; with so few no p below about 0.25 is possible"
    assert row["p_value"] > 0.15  # a quarter of 199 draws, more or less, are the actual assignment


@pytest.mark.parametrize(
    ("panel", "words"),
    [
        (lambda p: p.assign(did_ai_pilot=0), "not estimable"),
        (lambda p: p.iloc[:0], "not estimable"),
        (lambda p: p.assign(lnco2=p["year"] * 0.1), ""),
        (lambda p: p.assign(population_persons=np.nan), "no value of population_persons before 2008: no strata"),
    ],
)
def test_what_cannot_be_redrawn_keeps_its_rows(base_study, panel, words):
    panel = panel(family_panel())
    got = rows_of(panel, one_column(base_study, panel))
    assert len(got) == 3 and ((got["note"] != "") | got["p_value"].notna()).all()
    assert words in got.loc["ri:t:size", "note"] and np.isnan(got.loc["ri:t:size", "p_value"])


def test_columns_that_estimate_the_same_have_the_same_draws_and_rows_need_no_order(base_study):
    panel = family_panel(missing=0.2)
    study = one_column(base_study, panel)
    table = study.tables["table3"]
    twice = study.model_copy(update={"tables": {"table3": table, "table4": table}})
    estimates = estimate_columns(panel, twice)
    got = scheme_rows(panel, twice, estimates)
    halves = [part.reset_index(drop=True).drop(columns="table") for _, part in got.groupby("table")]
    pd.testing.assert_frame_equal(*halves)
    pd.testing.assert_frame_equal(got, scheme_rows(panel.sample(frac=1, random_state=2), twice, estimates), check_exact=True)


def test_a_study_without_redraws_says_so(base_study):
    panel = family_panel()
    study = one_column(base_study, panel).model_copy(update={"placebo": None})
    assert set(rows_of(panel, study)["note"]) == {"the study asks for no redraws"}
