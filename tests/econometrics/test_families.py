"""Families of hypotheses: the law of their common draws, statistics against refits, and rows with a number or a reason."""

import numpy as np
import pandas as pd
import pytest
from family_panels import family_panel, family_study, outcomes_family, splits_family
from hypothesis import given, settings
from hypothesis import strategies as st
from split_panels import CITY
from tries import up_to

from citycarbon.econometrics import estimate_columns
from citycarbon.econometrics.draws import blocks, distinct_assignments
from citycarbon.econometrics.families import column_member, families, family_rows, joint_scheme, joint_statistics, split_member
from citycarbon.econometrics.randomisation import p_value, redraw
from citycarbon.econometrics.romano_wolf import step_down
from citycarbon.econometrics.sample import estimation_sample
from citycarbon.econometrics.split_difference import interacted
from citycarbon.econometrics.splits import pairs, split_report


def rows_of(panel, study):
    return family_rows(panel, study, estimate_columns(panel, study))


def members_of(panel, study, *columns):
    return [column_member(panel, study, "table3", study.column("table3", c)) for c in columns]


def split_members(panel, study):
    return [split_member(panel, study, pair) for pair in pairs(study)]


def joint(members, seed=5, draws=40):
    cities, scheme = joint_scheme([case for m in members for case in m.samples])
    return cities, scheme, joint_statistics(members, cities, scheme, seed, draws)


@pytest.mark.parametrize("missing", [0.0, 0.25])
def test_one_column_has_the_draws_and_the_p_of_its_own_placebo(base_study, missing):
    panel, study = family_panel(missing=missing), family_study(base_study)
    (member,) = members_of(panel, study, "1")
    case = member.samples[0]
    drawn = redraw(case.design, case.scheme, 5, 300).t()
    _, _, (estimate, t, mine) = joint([member], draws=300)
    np.testing.assert_allclose(mine[0], drawn, rtol=1e-9)
    np.testing.assert_allclose([estimate[0], t[0]], [case.actual().beta()[0], case.actual().t()[0]], rtol=1e-10)
    assert step_down(t, mine).adjusted[0] == p_value(drawn, float(case.actual().t()[0]))


@settings(max_examples=up_to(3))
@given(seed=st.integers(0, 9999), missing=st.sampled_from([0.0, 0.3]), er_missing=st.sampled_from([0.0, 0.4]))
def test_every_draw_treats_in_every_sample_what_is_treated_in_fact(base_study, seed, missing, er_missing):
    panel, study = family_panel(seed, missing=missing, er_missing=er_missing), family_study(base_study)
    members = [m for m in [*members_of(panel, study, "1", "3"), *split_members(panel, study)] if not m.reason]
    samples = [case for m in members for case in m.samples]
    cities, scheme = joint_scheme(samples)
    for units, cohort in blocks(scheme, seed, 50):
        assert all(len(set(column)) == len(column) for column in units.T.tolist())
        year = np.array(scheme.first_years)[cohort]
        for case in samples:
            last = np.array([case.design.last_year.get(city, -1) for city in cities.tolist()])[units]
            for first in scheme.first_years:
                treated = ((year == first) & (last >= first)).sum(axis=0)
                assert (treated == sum(y == first for y in case.first_year.values())).all()


def test_draws_of_a_split_are_refits_with_the_common_effect_taken_out(base_study):
    panel, study = family_panel(missing=0.15), family_study(base_study)
    members = split_members(panel, study)
    cities, scheme, (estimate, t, drawn) = joint(members, draws=12)
    for k, pair in enumerate(pairs(study)):
        halves = [estimation_sample(panel, study, c).rows for c in (pair.low, pair.high)]
        fact = interacted(*halves, pair.low, "city_id")
        np.testing.assert_allclose([estimate[k], t[k]], [fact.difference, fact.t_stat], rtol=1e-8)
        num = np.array([case.actual().num[0, 0] for case in members[k].samples])
        null = num.sum() / sum(case.actual().den[0] for case in members[k].samples)
        for units, cohort in blocks(scheme, 5, 12):
            for j in range(12):
                first = dict(
                    zip(cities[units[:, j]].tolist(), np.array(scheme.first_years)[cohort[:, j]].tolist(), strict=True)
                )
                again = [
                    rows.assign(
                        lnco2=rows["lnco2"] - null * rows["did"],
                        did=(rows["year"] >= rows["city_id"].map(first).fillna(9999)).astype(float),
                    )
                    for rows in halves
                ]
                np.testing.assert_allclose(drawn[k, j], interacted(*again, pair.low, "city_id").t_stat, rtol=1e-7)


def test_one_split_is_exchanged_within_its_halves(base_study):
    panel, study = family_panel(), family_study(base_study)
    member = next(m for m in split_members(panel, study) if m.labels["table"] == f"table{5}")
    cities, scheme = joint_scheme(list(member.samples))
    low, high = (set(case.design.units) for case in member.samples)
    assert not low & high and study.splits[0] == CITY
    assert {frozenset(cities[pool]) <= low or frozenset(cities[pool]) <= high for pool in scheme.pools} == {True}
    assert distinct_assignments(scheme) == np.prod([distinct_assignments(case.scheme) for case in member.samples])


def test_rows_of_the_table_have_both_p_and_the_splits_statistics(base_study):
    panel, study = family_panel(effect=-0.6), family_study(base_study)
    estimates = estimate_columns(panel, study)
    got = family_rows(panel, study, estimates)
    assert (
        got["method"].tolist()
        == ["joint:table3_1", "romano_wolf:table3_1"] * 3
        + [
            "joint:splits_table5_2",
            "romano_wolf:splits_table5_2",
        ]
        * 2
    )
    plain, adjusted = (got[got["method"].str.startswith(p)].reset_index(drop=True) for p in ("joint:", "romano_wolf:"))
    assert (adjusted["p_value"] >= plain["p_value"]).all() and (got["draws"] == 199).all() and (got["undefined"] == 0).all()
    splits = split_report(panel, study, estimates, 99)
    differences = plain.iloc[3:]
    assert differences["column"].tolist() == ["2/1", "2/1"] and set(differences["term"]) == {"did: high - low"}
    np.testing.assert_allclose(differences["estimate"], splits["difference"], rtol=1e-8)
    np.testing.assert_allclose(differences["statistic"], splits["t"], rtol=1e-8)


def test_a_planted_effect_is_found_and_the_others_are_not(base_study):
    panel, study = family_panel(seed=3, effect=-1.0), family_study(base_study, [outcomes_family("1", "2", "3")], draws=999)
    by = rows_of(panel, study).query("method == 'romano_wolf:outcomes'").set_index("column")["p_value"]
    assert by["1"] < 0.01 and by["2"] > 0.10 and by["3"] > 0.10
    both = rows_of(family_panel(seed=3, effect=-1.0, green=1.0), study).query("method == 'romano_wolf:outcomes'")
    assert (both.set_index("column").loc[["1", "2"], "p_value"] < 0.01).all()


@pytest.mark.slow
def test_families_without_effects_reject_at_their_level(base_study):
    """400 panels without an effect, 6 of 24 cities treated: at 10 % some member is rejected in a tenth of them."""
    study, rejected = family_study(base_study, [outcomes_family("1", "2", "3")], draws=99), 0
    for seed in range(400):
        panel = family_panel(seed, effect=0.0)
        members = members_of(panel, study, "1", "2", "3")
        _, _, (_, t, drawn) = joint(members, seed, 99)
        rejected += step_down(t, drawn).adjusted.min() <= 0.10
    assert abs(rejected / 400 - 0.10) <= 3 * np.sqrt(0.10 * 0.90 / 400)


def test_undefined_draws_are_counted_for_the_member_and_left_out_for_all(base_study):
    panel = family_panel(missing=0.0)
    panel = panel[panel["did_ai_pilot"].eq(0) | panel["city_id"].eq("110000")]  # one treated city
    first = panel.loc[panel["did_ai_pilot"] == 1, "year"].min()
    other = panel["city_id"].unique()[-1]
    panel["edu"] = np.where((panel["city_id"] == other) & (panel["year"] >= first), 1.0, 0.0)  # absorbs a draw of that city
    candidates = (panel.groupby("city_id")["year"].max() >= first).sum()
    study = family_study(base_study, [outcomes_family("1", "2")], draws=199)
    table = study.tables["table3"]
    with_edu = [c.model_copy(update={"controls": ["edu"]}) if c.id == "2" else c for c in table.columns]
    study = study.model_copy(update={"tables": study.tables | {"table3": table.model_copy(update={"columns": with_edu})}})
    got = rows_of(panel, study).set_index(["column", "method"])
    lost = got.loc[("2", "joint:outcomes"), "undefined"]
    assert 0 < lost < 199 and got.loc[("1", "joint:outcomes"), "undefined"] == 0
    assert f"{lost} of 199 draws left out: undefined for one of them" in got.loc[("1", "romano_wolf:outcomes"), "note"]
    assert f"only {candidates} different assignments exist" in got.loc[("1", "joint:outcomes"), "note"]
    shares = got["p_value"] * (199 - lost + 1)
    np.testing.assert_allclose(shares, shares.round(), atol=1e-9)


def test_a_member_that_is_not_estimable_keeps_its_rows_and_is_no_hypothesis(base_study):
    panel, study = family_panel().assign(lngreen=np.nan), family_study(base_study, [outcomes_family("1", "2", "3")])
    got = rows_of(panel, study).set_index(["column", "method"])
    gone = got.loc["2"]
    assert gone["p_value"].isna().all() and (gone["note"].str.startswith("not estimable")).all()
    assert "2 hypotheses tested together" in got.loc[("1", "romano_wolf:outcomes"), "note"]
    nothing = rows_of(family_panel().assign(did_ai_pilot=0), family_study(base_study))
    assert nothing["p_value"].isna().all() and nothing["note"].str.contains("not estimable").all() and len(nothing) == 10


def test_a_treated_city_that_nobody_can_stand_in_for_is_counted(base_study):
    """One treated city is alone in having many patents and no broadband: every draw treats it."""
    panel, study = family_panel(missing=0.0), family_study(base_study)
    high = set(split_members(panel, study)[0].samples[1].design.units.tolist())
    alone = next(c for c in panel.loc[panel["did_ai_pilot"] == 1, "city_id"] if c in high)
    adopted = panel["city_id"].isin(high - {alone})
    got = rows_of(panel.assign(first_year_broadband=np.where(adopted, 2005.0, np.nan)), study)
    splits = got[got["method"] == "joint:splits_table5_2"]
    told = "of 6 treated cities has no other candidate in its group and is treated in every draw"
    assert len(splits) == 2 and splits["p_value"].notna().all() and splits["note"].str.contains(f"1 {told}").all()
    assert not got[~got["method"].str.contains("splits")]["note"].str.contains(told).any()


def test_samples_that_leave_the_treated_without_another_candidate_have_a_reason(base_study):
    """Every city that is not treated lacks the rows after the start in one outcome or the other: none stands in both."""
    panel = family_panel(missing=0.0)
    first = panel.loc[panel["did_ai_pilot"] == 1, "year"].min()
    cohort = panel.loc[(panel["did_ai_pilot"] == 1) & (panel["year"] == first), "city_id"]
    late = set(panel.loc[panel["did_ai_pilot"] == 1, "city_id"]) - set(cohort)
    panel = panel[~panel["city_id"].isin(late)]
    odd = panel["city_id"].astype(int) // 100 % 2 == 1
    open_after = (panel["year"] >= first) & ~panel["city_id"].isin(cohort)
    panel = panel.assign(lnco2=panel["lnco2"].mask(open_after & odd), er=panel["er"].mask(open_after & ~odd))
    both = rows_of(panel, family_study(base_study, [outcomes_family("1", "3")]))
    assert both["p_value"].isna().all()
    assert set(both["note"]) == {"no treated city has another candidate that stands in the same samples: nothing to redraw"}
    one = rows_of(panel, family_study(base_study, [outcomes_family("1")]))
    assert one["p_value"].notna().all()


def test_a_family_may_name_one_member(base_study):
    got = rows_of(family_panel(), family_study(base_study, [outcomes_family("1")]))
    assert got["p_value"].nunique() == 1 and "1 hypothesis tested together" in got["note"].iloc[0]


def test_a_study_without_redraws_says_so(base_study):
    panel, study = family_panel(), family_study(base_study).model_copy(update={"placebo": None})
    assert set(rows_of(panel, study)["note"]) == {"the study asks for no redraws"}


def test_samples_that_date_a_city_differently_have_no_common_draw(base_study):
    panel, study = family_panel(), family_study(base_study, [outcomes_family("1", "2")])
    table = study.tables["table3"]
    lagged = [c.model_copy(update={"treatment": "did_lag1"}) if c.id == "2" else c for c in table.columns]
    study = study.model_copy(update={"tables": study.tables | {"table3": table.model_copy(update={"columns": lagged})}})
    got = rows_of(panel, study)
    assert got["p_value"].isna().all() and got["note"].str.contains("the samples of the family treat 110000 from").all()


def test_families_follow_from_the_headline_tables_where_none_is_declared(base_study):
    study = family_study(base_study)
    found = {f.id: [(t.table, t.column) for t in [*f.columns, *f.splits]] for f in families(study)}
    assert found == {
        "table3_1": [("table3", "1"), ("table3", "2"), ("table3", "3")],
        "splits_table5_2": [("table5", "2"), ("table8", "2")],
    }
    assert families(family_study(base_study, [splits_family("table5")]))[0].id == "splits"
    variants = study.tables["table3"].model_copy(update={"variants": True})
    assert families(study.model_copy(update={"tables": {"table3": variants}})) == []


def test_the_order_of_rows_changes_nothing(base_study):
    panel, study = family_panel(missing=0.2), family_study(base_study, draws=99)
    estimates = estimate_columns(panel, study)
    want, again = (family_rows(p, study, estimates) for p in (panel, panel.sample(frac=1, random_state=4)))
    pd.testing.assert_frame_equal(want, again, check_exact=True)


@pytest.mark.slow
def test_a_second_process_changes_nothing(base_study):
    panel, study = family_panel(missing=0.2), family_study(base_study)
    estimates = estimate_columns(panel, study)
    one, two = (family_rows(panel, study, estimates, workers=n) for n in (1, 2))
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_draw_i_is_the_same_whatever_the_number_of_draws(base_study):
    panel, study = family_panel(), family_study(base_study)
    members = [*members_of(panel, study, "1", "2"), *split_members(panel, study)]
    few, many = (joint(members, draws=n)[2][2] for n in (30, 700))
    np.testing.assert_array_equal(few, many[:, :30])
