"""What a column may ask of its sample: lags, codings of the treatment, halves, exposures, winsorising, conditions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_panels import make_panel

from citycarbon.econometrics.sample import EFFECT_COLUMNS, drop_singletons, estimation_sample, holds, winsorised
from citycarbon.study.spec import Column, Condition, Split

BASE = {"id": "1", "label": "l", "outcome": "lnco2", "treatment": "did", "controls": [], "fixed_effects": ("city", "year")}


@pytest.fixture
def panel():
    """A panel with the policy's years, every city-year in the sample but one treated city's second treated year."""
    panel = make_panel(missing=0.0)
    first = panel[panel["did_ai_pilot"] == 1].groupby("city_id")["year"].min()
    panel["first_year_ai_pilot"] = panel["city_id"].map(first)
    return panel


def sample(panel, study, **changes):
    return estimation_sample(panel, study, Column(**{**BASE, **changes})).rows


def test_a_lag_from_the_calendar_loses_no_row_and_starts_a_year_later(panel, base_study):
    rows = sample(panel, base_study, treatment="did_lag1")
    assert len(rows) == len(panel)
    first = panel.groupby("city_id")["first_year_ai_pilot"].first()
    expected = rows["year"] >= rows["city_id"].map(first) + 1
    assert (rows["did_lag1"] == expected).all() and expected.any()


def test_a_lag_by_rows_follows_gaps_or_does_not(panel, base_study):
    city = panel.loc[panel["did_ai_pilot"] == 1, "city_id"].iloc[0]
    year = int(panel.loc[panel["city_id"] == city, "first_year_ai_pilot"].iloc[0])
    panel.loc[(panel["city_id"] == city) & (panel["year"] == year), "in_sample"] = False  # the first treated row is gone
    stata = sample(panel, base_study, treatment="did_lag1", lag_rule="previous_year")
    shift = sample(panel, base_study, treatment="did_lag1", lag_rule="previous_row")
    mine = [frame[frame["city_id"] == city].set_index("year")["did_lag1"] for frame in (stata, shift)]
    assert year + 1 not in mine[0].index  # no row the year before: missing, as Stata's L. has it
    assert mine[1].loc[year + 1] == 0  # the row before is untreated, whatever its year
    assert mine[0].loc[year + 2] == mine[1].loc[year + 2] == 1
    cities = panel["city_id"].nunique()
    assert len(shift) == len(panel) - 1 - cities and len(stata) == len(shift) - 1


def test_codings_for_the_audit(panel, base_study):
    years = sorted(panel["first_year_ai_pilot"].dropna().unique())
    treatment = base_study.treatment.model_copy(update={"literal_after": int(years[0])})
    study = base_study.model_copy(update={"treatment": treatment})
    ever = sample(panel, study, treatment="did_ever", fixed_effects=("province", "year"))
    literal = sample(panel, study, treatment="did_literal", fixed_effects=("province", "year"))
    count = panel.groupby("city_id")["first_year_ai_pilot"].first()
    assert ever.groupby("city_id")["did_ever"].nunique().eq(1).all()
    assert ever.groupby("city_id")["did_ever"].first().sum() == count.notna().sum()
    assert literal.groupby("city_id")["did_literal"].first().sum() == (count > years[0]).sum() > 0


def test_a_half_keeps_its_cities_and_counts_what_has_no_value(panel, base_study):
    split = Split(id="s", label="s", criterion="median", variable="market", year=2008)
    study = base_study.model_copy(update={"splits": [split]})
    nowhere = panel["city_id"].iloc[-1]
    panel.loc[(panel["city_id"] == nowhere), "market"] = np.nan
    low, high = (
        estimation_sample(panel, study, Column(**BASE, half={"split": "s", "group": group})) for group in ("low", "high")
    )
    assert not set(low.rows["city_id"]) & set(high.rows["city_id"])
    assert low.outside == high.outside == (panel["city_id"] == nowhere).sum()
    assert len(low.rows) + len(high.rows) + low.outside == len(panel)
    means = panel[panel["year"] < 2008].groupby("city_id")["market"].mean()
    assert means[low.rows["city_id"].unique()].max() <= means.median() < means[high.rows["city_id"].unique()].min()


def test_an_exposure_is_the_mean_before_times_the_years_from_then_on(panel, base_study):
    rows = sample(panel, base_study, exposures=[{"variable": "edu", "year": 2008}])
    before = panel[panel["year"] < 2008].groupby("city_id")["edu"].mean()
    expected = rows["city_id"].map(before) * (rows["year"] >= 2008)
    np.testing.assert_allclose(rows["edu_x_post2008"], expected, rtol=1e-14)


def test_winsorising_holds_values_at_their_quantiles_and_never_the_treatment(panel, base_study):
    rows = sample(panel, base_study, controls=["market"], winsorise=0.05)
    for name in ("lnco2", "market"):
        low, high = panel[name].quantile(0.05), panel[name].quantile(0.95)
        assert rows[name].min() == pytest.approx(low) and rows[name].max() == pytest.approx(high)
    assert rows["did"].sum() == panel["did_ai_pilot"].sum() < 0.05 * len(panel) * 5
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0, 100.0]})
    assert winsorised(frame, ["x"], 0.25)["x"].tolist() == [1.75, 2.0, 3.0, 27.25]


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [
        ("is_missing", None, [False, True, False]),
        ("is_present", None, [True, False, True]),
        ("le", 2011, [True, False, False]),
        ("not_in", [2010], [False, False, True]),
    ],
)
def test_a_missing_value_satisfies_only_is_missing(op, value, expected):
    panel = pd.DataFrame({"first_year_x": pd.array([2010, None, 2012], dtype="Int32")})
    assert holds(panel, Condition(variable="first_year_x", op=op, value=value)).tolist() == expected


def test_the_order_of_the_rows_does_not_matter(panel, base_study):
    column = Column(**{**BASE, "treatment": "did_lag1", "lag_rule": "previous_year"})
    mixed = panel.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(
        estimation_sample(panel, base_study, column).rows, estimation_sample(mixed, base_study, column).rows
    )


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8), st.integers(0, 3)), max_size=40, unique=True))
def test_what_is_left_without_singletons_is_the_largest_set_in_which_no_row_is_alone_in_a_level(cells):
    rows = pd.DataFrame(cells, columns=["city_id", "year", "province_id"]).astype({"city_id": "str"})
    for effects in [("city", "year"), ("province", "year"), ("city", "province", "year")]:
        names = [EFFECT_COLUMNS[e] for e in effects]
        left = list(rows.itertuples())  # by the definition: row by row, until nothing changes
        while alone := [r for r in left if any(sum(getattr(o, n) == getattr(r, n) for o in left) == 1 for n in names)]:
            left = [r for r in left if r not in alone]
        kept = drop_singletons(rows, effects)
        pd.testing.assert_frame_equal(kept, rows.loc[[r.Index for r in left]])
