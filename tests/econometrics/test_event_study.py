"""The event study equals independent fits, finds what was planted, counts its support, and tests the leads as it says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import f as fisher
from scipy.stats import t as student

from citycarbon.econometrics import event_draws, fwl
from citycarbon.econometrics.contract import write_csv
from citycarbon.econometrics.event_study import (
    EVENT_COLUMNS,
    assigned_time,
    event_study,
    headline_column,
    make_design,
    wald_f,
)
from citycarbon.econometrics.sample import EFFECT_COLUMNS

CONTROLS = ["lnpgdp", "market"]
YEARS = range(2003, 2014)
# Four cities adopt in 2010, three in 2012, two in 2014, after the panel's end.
FIRST = {c: y for y, cities in {2010: (0, 1, 2, 3), 2012: (4, 5, 6), 2014: (7, 8)}.items() for c in cities}


def make_panel(seed: int = 1, cities: int = 26, noise: float = 0.2, missing: float = 0.08, path=lambda e: 0.0) -> pd.DataFrame:
    """An unbalanced panel; ``path``: years since adoption -> planted effect."""
    rng = np.random.default_rng(seed)
    city, year = (a.ravel() for a in np.meshgrid(np.arange(cities), np.array(YEARS), indexing="ij"))
    first = np.array([FIRST.get(c, np.nan) for c in range(cities)])[city]
    time = year - first
    planted = np.array([path(e) if np.isfinite(e) else 0.0 for e in time])
    panel = pd.DataFrame(
        {
            "city_id": [f"{110000 + 100 * c}" for c in city],
            "province_id": [f"{110000 + 10000 * (c // 3)}" for c in city],
            "unit_kind": "prefecture_city",
            "year": year,
            "first_year_ai_pilot": first,
            "did_ai_pilot": (time >= 0).astype(int),
            "lnpgdp": 10 + 0.08 * (year - 2003) + rng.normal(0, 0.2, len(city)),
            "market": rng.normal(0.4, 0.1, len(city)),
            "in_sample": (rng.random(len(city)) >= missing) | (time == -1),
        }
    )
    levels = rng.normal(0, 1, cities)[city] + rng.normal(0, 0.3, len(YEARS))[year - 2003]
    panel["lnco2"] = levels + planted + 0.5 * panel["lnpgdp"] - 0.8 * panel["market"] + noise * rng.normal(0, 1, len(city))
    return panel


def make_study(base, effects=("city", "year"), **event):
    window = {"first": -4, "last": 2, "base": -1, "bin_ends": True, **event}
    return base.model_copy(
        update={
            "controls": CONTROLS,
            "fixed_effects": effects,
            "event_study": type(base.event_study)(**window),
        }
    )


@pytest.fixture(scope="module")
def plain(base_study):
    """A study, its panel with nothing planted, and its event study with nine reassignments. Read only."""
    study, panel = make_study(base_study), make_panel(3)
    return study, panel, event_study(panel, study, draws=9)


def variant(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    return frame[frame["variant"] == name].set_index("event_time")


def regression(panel, study, name):
    """Rows, event dummies with a coefficient, and both effects of a variant, for fits by other means."""
    column = headline_column(study)
    design = make_design(panel, study, column, study.event_study, name != "shortcut")
    dummies = {t: design.dummy(t) for t in design.times if t != design.event.base}
    effects = fwl.Effects(*(fwl.codes(design.sample.rows[EFFECT_COLUMNS[e]]) for e in column.fixed_effects))
    return design.sample.rows, dummies, effects


def test_equals_explicit_dummies_and_the_joint_test_written_out(plain):
    study, panel, frame = plain
    for name in ("binned", "shortcut"):
        compare_with_dummies(panel, study, name, variant(frame, name))


def test_equals_explicit_dummies_with_province_effects(base_study):
    study, panel = make_study(base_study, ("province", "year")), make_panel(3)
    frame = event_study(panel, study, draws=0)
    for name in ("binned", "shortcut"):
        compare_with_dummies(panel, study, name, variant(frame, name))


def compare_with_dummies(panel, study, name, found):
    rows, dummies, codes = regression(panel, study, name)
    x = np.column_stack([*dummies.values(), rows[CONTROLS]])
    nested = study.fixed_effects[0] == "city"
    k = x.shape[1] + (codes.second.max() + 1 if nested else codes.n_parameters)
    oracle = fwl.dummy_fit(rows["lnco2"].to_numpy(), x, codes, fwl.codes(rows["city_id"]), k)
    at = found.loc[list(dummies)]
    np.testing.assert_allclose(at["estimate"].astype(float), oracle.params[1:7], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(at["std_error"].astype(float), np.sqrt(np.diag(oracle.cov))[1:7], rtol=1e-10)
    lead = slice(1, 4)  # after the constant: t-4, t-3, t-2
    b, v, df = oracle.params[lead], oracle.cov[lead, lead], rows["city_id"].nunique() - 1
    expected = b @ np.linalg.inv(v) @ b / 3
    row = found.iloc[0]
    assert row["pretrend_F"] == pytest.approx(expected, rel=1e-9)
    assert (row["pretrend_df1"], row["pretrend_df2"]) == (3, df)
    assert row["pretrend_p"] == pytest.approx(fisher.sf(expected, 3, df), rel=1e-8)
    half = student.ppf(0.975, df) * at["std_error"]
    np.testing.assert_allclose(at["conf_high"].astype(float), (at["estimate"] + half).astype(float), rtol=1e-12)


def test_equals_pyfixest(plain):
    import pyfixest

    study, panel, frame = plain
    for name in ("binned", "shortcut"):
        rows, dummies, _ = regression(panel, study, name)
        data = rows.assign(**{f"e{i}": d for i, d in enumerate(dummies.values())})
        fitted = pyfixest.feols(
            f"lnco2 ~ {' + '.join(f'e{i}' for i in range(6))} + {' + '.join(CONTROLS)} | city_id + year",
            data=data,
            vcov={"CRV1": "city_id"},
            demeaner=pyfixest.MapDemeaner(fixef_tol=1e-12),
        )
        at = variant(frame, name).loc[list(dummies)]
        names = [f"e{i}" for i in range(6)]
        np.testing.assert_allclose(at["estimate"].astype(float), fitted.coef()[names], rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(at["std_error"].astype(float), fitted.se()[names], rtol=1e-10)


def test_planted_path_is_found_and_the_shortcut_takes_the_far_past_for_the_base(base_study):
    # 0.3 above the base in every year from t-4 back: a bin holds it, the shortcut cannot.
    path = {0: -0.2, 1: -0.4, 2: -0.5, 3: -0.5, -1: 0.0, -2: 0.0, -3: 0.0}
    panel = make_panel(5, noise=0.0, missing=0.0, path=lambda e: path.get(int(e), 0.3))
    frame = event_study(panel, make_study(base_study), draws=0)
    binned = variant(frame, "binned")["estimate"]
    np.testing.assert_allclose(binned.astype(float), [0.3, 0, 0, 0, -0.2, -0.4, -0.5], atol=1e-9)
    shortcut = variant(frame, "shortcut")["estimate"]
    # what the shortcut compares with is a mix of t-1 and of 2003 to t-5, which lie 0.3 above it
    assert shortcut[0] < -0.3 and shortcut[-3] < -0.1


def test_support_is_counted_by_cohort(base_study):
    panel = make_panel(6, missing=0.0)
    frame = event_study(panel, make_study(base_study), draws=0)
    binned = variant(frame, "binned")
    assert list(binned["label"]) == ["t-4 and before", "t-3", "t-2", "t-1", "t", "t+1", "t+2 and after"]
    assert list(binned["n_treated_units"]) == [9, 9, 9, 9, 7, 7, 4]
    # 2010: 2003-2006, 2012: 2003-2008, 2014: 2003-2010 lie at t-4 or before; at t+2 or after only 2012 and 2013 of 2010
    assert list(binned["n_treated_cells"]) == [4 * 4 + 3 * 6 + 2 * 8, 9, 9, 9, 7, 7, 8]
    assert binned.loc[2, ["event_time_min", "event_time_max", "cohorts"]].tolist() == [2, 3, "2010:4"]
    assert binned.loc[-4, ["event_time_min", "event_time_max"]].tolist() == [-11, -4]
    assert binned.loc[-1, "cohorts"] == "2010:4; 2012:3; 2014:2"
    base = binned.loc[-1]
    assert base["estimate"] == 0 and pd.isna(base["std_error"]) and base["note"] == "base period: zero by definition"
    assert list(binned.index[binned["is_bin"]]) == [-4, 2] and list(binned.index[binned["is_base"]]) == [-1]
    assert variant(frame, "shortcut").loc[2, ["n_treated_cells", "event_time_max", "label"]].tolist() == [4, 2, "t+2"]
    late = variant(frame, "without_2014")
    assert set(late["n_units"]) == {24} and late["n_treated_units"].max() == 7 and set(late["n_ever_treated"]) == {7}
    assert "without the cities first treated in 2014" in late["sample"].iloc[0]
    assert frame.groupby("variant")["is_headline"].all().to_dict() == {"binned": True, "shortcut": False, "without_2014": False}


def test_an_event_time_nobody_reaches_keeps_its_row_with_the_reason(base_study):
    study = make_study(base_study, last=5)
    binned = variant(event_study(make_panel(), study, draws=9), "binned")
    assert list(binned.index) == list(range(-4, 6))
    assert binned.loc[5, "note"] == "not estimable: no treated city-year of the sample is at t+5 and after"
    assert pd.isna(binned.loc[5, "estimate"]) and binned.loc[5, "n_treated_cells"] == 0
    assert np.isfinite(binned.loc[3, "estimate"])


@pytest.mark.parametrize("kept", [[], [0]])
def test_without_or_with_one_treated_city_nothing_fails(base_study, kept):
    panel = make_panel(missing=0.0)
    panel = panel[panel["first_year_ai_pilot"].isna() | panel["city_id"].isin([f"{110000 + 100 * c}" for c in kept])]
    frame = event_study(panel, make_study(base_study), draws=9)
    assert len(frame) == 14
    leads = frame[frame["event_time"] < -1]
    if kept:
        assert np.isfinite(leads["estimate"].astype(float)).all()
        assert frame["pretrend_note"].str.contains("1 treated cities for 3 leads|singular").all()
    else:
        assert leads["note"].str.startswith("not estimable").all() and frame["pretrend_F"].isna().all()
        assert set(frame["pretrend_note"]) == {"no lead is estimable"} and set(frame["ri_draws"]) == {0}


def test_where_everybody_is_treated_the_dummies_that_cannot_be_told_apart_say_so(base_study):
    panel = make_panel(missing=0.0)
    panel = panel[panel["first_year_ai_pilot"] == 2010]
    binned = variant(event_study(panel, make_study(base_study), draws=9), "binned")
    others = binned.drop(index=-1)
    assert others["estimate"].isna().all() and others["note"].str.startswith("not estimable").all()


def test_a_study_without_an_event_study_has_no_rows(base_study):
    frame = event_study(make_panel(), base_study.model_copy(update={"event_study": None}))
    assert frame.empty and list(frame.columns) == list(EVENT_COLUMNS)


@pytest.mark.parametrize("effects", [("city", "year"), ("province", "year")])
def test_a_draw_is_an_exact_refit(base_study, effects):
    """Any assignment: |t| and F from the engine equal those of a fit that projects everything out anew."""
    study, panel = make_study(base_study, effects), make_panel(7)
    column = headline_column(study)
    design = make_design(panel, study, column, study.event_study, True)
    rows, times, leads = design.sample.rows, [-4, -3, -2, 0, 1, 2], [-4, -3, -2]

    def assign(time):
        return assigned_time(time, study.event_study, True)

    engine = event_draws.Refit.of(rows, column, EFFECT_COLUMNS, times, leads, assign)
    cities, rng = fwl.codes(rows["city_id"]), np.random.default_rng(0)
    effect_codes = fwl.Effects(*(fwl.codes(rows[EFFECT_COLUMNS[e]]) for e in effects))
    nested = effects[0] == "city"
    k = 8 + (effect_codes.second.max() + 1 if nested else effect_codes.n_parameters)
    for _ in range(5):
        chosen, years = rng.permutation(cities.max() + 1)[:7], np.array([2010.0] * 4 + [2011.0] * 3)
        t, joint = engine.statistics(chosen, years)
        first = np.full(cities.max() + 1, np.nan)
        first[chosen] = years
        time = assign(rows["year"].to_numpy(dtype=float) - first[cities])
        x = np.column_stack([*((time == e).astype(float) for e in times), rows[CONTROLS]])
        slow = fwl.absorbed_fit(rows["lnco2"].to_numpy(), x, effect_codes, cities, k)
        np.testing.assert_allclose(t, np.abs(slow.params[:6]) / np.sqrt(np.diag(slow.cov)[:6]), rtol=1e-9)
        assert joint == pytest.approx(wald_f(slow.params[:3], slow.cov[:3, :3])[0], rel=1e-8)


def test_the_engines_own_case_is_the_estimate_of_record(plain):
    study, panel, frame = plain
    row = variant(frame, "binned")
    column = headline_column(study)
    design = make_design(panel, study, column, study.event_study, True)
    drawn = event_draws.reassign(
        design.sample.rows, column, EFFECT_COLUMNS, design.first, [-4, -3, -2, 0, 1, 2], [-4, -3, -2],
        lambda time: assigned_time(time, study.event_study, True), 5, 1,
    )  # fmt: skip
    assert drawn.joint_actual == pytest.approx(row.iloc[0]["pretrend_F"], rel=1e-9)
    np.testing.assert_allclose(drawn.t_actual, row["t_stat"].drop(-1).abs().astype(float), rtol=1e-9)


def test_p_values_count_the_draws_that_reach_the_estimate():
    drawn = event_draws.Drawn(
        (0,), np.array([[1.0], [2.0], [3.0], [np.nan]]), np.array([5.0, 1.0, 2.0, np.nan]), np.array([2.0]), 4.0
    )
    assert drawn.p_value(0) == 3 / 4  # 2 and 3 reach 2, of three defined draws
    assert drawn.p_joint() == 2 / 4
    assert drawn.undefined == 1 and np.isnan(drawn.p_value(1))


def test_joint_test_by_reassignment_keeps_its_size(base_study):
    """Cohorts drawn at random, nothing planted: p <= 0.1 in at most 10 % of panels, up to simulation error."""
    study, panel = make_study(base_study, first=-2, last=1), make_panel(9, cities=16, missing=0.0)
    column, event = headline_column(study), study.event_study
    rows = panel[["city_id", "province_id", "year", *CONTROLS, "lnco2"]].assign(did=0.0)
    rng, runs, p = np.random.default_rng(10), 60, []
    years = np.array([2010.0] * 3 + [2011.0] * 3)
    for run in range(runs):
        first = np.full(16, np.nan)
        first[rng.permutation(16)[:6]] = years
        drawn = event_draws.reassign(
            rows, column, EFFECT_COLUMNS, np.repeat(first, len(YEARS)), [-2, 0, 1], [-2],
            lambda time: assigned_time(time, event, True), 19, run,
        )  # fmt: skip
        p.append(drawn.p_joint())
    share = np.mean(np.array(p) <= 0.1)
    assert abs(share - 0.1) <= 3 * np.sqrt(0.1 * 0.9 / runs)


def test_same_bytes_whatever_the_order_of_rows(plain, tmp_path):
    study, panel, one = plain
    two = event_study(panel.sample(frac=1, random_state=1), study, draws=9)
    write_csv(one, tmp_path / "a.csv")
    write_csv(two, tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert set(one["ri_seed"]) == {event_draws.seed_of(study, v) for v in one["variant"].unique()}
    assert one["pretrend_p_ri"].between(1 / 10, 1).all()


def test_static_effect_is_compared_with_the_hull_of_post_less_pre(base_study):
    panel = make_panel(12, noise=0.0, missing=0.0, path=lambda e: -0.3 if e >= 0 else 0.1)
    row = variant(event_study(panel, make_study(base_study), draws=0), "binned").iloc[0]
    # the base t-1 is 0.1 above nothing: leads are 0 relative to it, posts -0.4
    assert row["static_estimate"] == pytest.approx(-0.4, abs=1e-9)
    assert (row["hull_low"], row["hull_high"]) == (pytest.approx(-0.4, abs=1e-9), pytest.approx(-0.4, abs=1e-9))
    cells = {-4: 50, -3: 9, -2: 9, -1: 9}
    panel = make_panel(12, noise=0.0, missing=0.0, path=lambda e: {-1: 0.2}.get(int(e), 0.0))
    row = variant(event_study(panel, make_study(base_study), draws=0), "binned").iloc[0]
    expected = -0.2 * (cells[-4] + cells[-3] + cells[-2]) / sum(cells.values())
    assert row["mean_pre"] == pytest.approx(expected, abs=1e-9)
    assert row["hull_high"] == pytest.approx(-0.2 - expected, abs=1e-9)
    assert row["static_in_hull"] == (row["hull_low"] <= row["static_estimate"] <= row["hull_high"])
