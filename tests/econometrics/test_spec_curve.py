"""The specification curve: each point is that of a column of the same choices, redraws are refits, a null is left standing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_panels import make_panel
from tries import up_to

from citycarbon.econometrics.columns import fit_column
from citycarbon.econometrics.curve_choices import READINGS, CurvePanel, Pilot, specifications
from citycarbon.econometrics.curve_inference import Orders, asked_of, atoms_of, band, joint_tests, redraw
from citycarbon.econometrics.curve_points import curve_points, estimated, treated_from
from citycarbon.econometrics.spec_curve import CURVE_TYPES, SUMMARY_TYPES, moves, spec_curve
from citycarbon.econometrics.twfe import fit
from citycarbon.study.extensions import Extensions, SpecCurve
from citycarbon.study.spec import Column

CURVE = SpecCurve.model_validate(
    {
        "draws": 99,
        "effects": ["city", "province"],
        "controls": [{"id": "none", "label": "none"}, {"id": "two", "label": "two", "variables": ["lnpgdp", "market"]}],
        "year_rules": ["announcement", "first_full_year"],
        "subcity_rules": ["treat", "exclude", "never"],
        "series": ["chen_county", {"first": "chen_county", "second": "edgar_city", "year": 2008}],
        "scales": ["ln", "ln_per_head", "asinh", "level", "per_head"],
        "rows": ["study", "own"],
        "samples": [
            {"id": "all", "label": "all"},
            {
                "id": "cities",
                "label": "cities",
                "filter": [{"variable": "unit_kind", "op": "ne", "value": "municipality"}],
            },
        ],
        "winsorise": [0, 0.02],
    }
)
PILOTS = {
    "110000": Pilot({"announcement": 2008, "first_full_year": 2009}, {"announcement": 2008, "first_full_year": 2009}),
    "110100": Pilot({"announcement": 2008, "first_full_year": 2009}, {}),
    "110200": Pilot({"announcement": 2010, "first_full_year": 2011}, {"announcement": 2010, "first_full_year": 2011}),
    "110300": Pilot({"announcement": 2010, "first_full_year": 2011}, {"announcement": 2010, "first_full_year": 2011}),
    "110400": Pilot({"announcement": 2012, "first_full_year": 2013}, {"announcement": 2012, "first_full_year": 2013}),
}


def world(base, seed=1, effect=-0.3, curve=CURVE, **options):
    """A panel with two emission series, population and sample steps, treated by PILOTS, and the study that asks for a curve."""
    panel = make_panel(seed=seed, effect=0.0, **options)
    first = panel["city_id"].map({c: p.any_part["announcement"] for c, p in PILOTS.items()})
    panel["did_ai_pilot"] = (panel["year"] >= first).astype(int)
    rng = np.random.default_rng(seed + 100)
    panel["co2_mt_chen_county"] = np.exp(panel["lnco2"] + effect * panel["did_ai_pilot"])
    panel["co2_mt_edgar"] = panel["co2_mt_chen_county"] * np.exp(rng.normal(0, 0.05, len(panel)))
    panel["lnco2"] = np.log(panel["co2_mt_chen_county"])
    panel["population_persons"] = 1e6 * np.exp(rng.normal(1, 0.3, len(panel)))
    panel.loc[rng.random(len(panel)) < 0.05, "population_persons"] = np.nan
    panel["drop_step"] = np.where(panel["in_sample"], 0, 3)
    study = base.model_copy(update={"controls": ["lnpgdp", "market"], "extensions": Extensions(spec_curve=curve)})
    return panel, study


def column_of(panel, study, spec):
    """The specification as a column of the study on a panel whose lnco2 and treatment are those of the specification."""
    second = spec.series != "chen_county"
    mt = (
        panel["co2_mt_chen_county"].where(panel["year"] < 2008, panel["co2_mt_edgar"])
        if second
        else panel["co2_mt_chen_county"]
    )
    head = 1e6 * mt / panel["population_persons"]
    scale = {"ln": np.log(mt), "ln_per_head": np.log(head), "asinh": np.arcsinh(mt), "level": mt, "per_head": head}
    first = {c: p.first_year(spec.year_rule, spec.subcity_rule) for c, p in PILOTS.items()}
    start = panel["city_id"].map(first).astype(float)
    changed = panel.assign(lnco2=scale[spec.scale], did_ai_pilot=(panel["year"] >= start).astype(int))
    if spec.subcity_rule == "exclude":
        changed = changed[changed["city_id"] != "110100"]
    drop = [{"variable": "unit_kind", "op": "ne", "value": "municipality"}] if spec.sample != "all" else []
    column = Column.model_validate(
        {
            "id": "x", "label": "x", "outcome": "lnco2", "treatment": "did", "fixed_effects": (spec.effects, "year"),
            "controls": ["lnpgdp", "market"] if spec.controls == "two" else [], "rows": spec.rows, "filter": drop,
            "winsorise": spec.winsorise,
        }
    )  # fmt: skip
    return fit_column(changed, study, column)


@settings(max_examples=up_to(20), deadline=None)
@given(number=st.integers(0, len(specifications(CURVE)) - 1))
def test_a_point_is_that_of_a_column_with_the_same_choices(base_study, points, number):
    panel, study, frame = points
    spec, row = specifications(CURVE)[number], frame.iloc[number]
    sample, fitted = column_of(panel, study, spec)
    assert row["n_obs"] == len(sample.rows) and row["n_treated_cells"] == sample.rows["did"].sum()
    if row["note"]:
        assert not np.isfinite(row["estimate"]) and fitted.estimates[0].note
        return
    found = fitted.estimates[0]
    assert row["estimate"] == pytest.approx(found.value, rel=1e-10, abs=1e-12)
    assert row["std_error"] == pytest.approx(found.std_error, rel=1e-10)
    assert row["df"] == fitted.df
    relative = found.value if spec.scale in ("ln", "ln_per_head", "asinh") else found.value / sample.rows["lnco2"].mean()
    assert row["relative"] == pytest.approx(relative, rel=1e-9)


@pytest.fixture(scope="module")
def points(base_study):
    panel, study = world(base_study)
    return panel, study, curve_points(panel, study, adopters=PILOTS)


def test_every_combination_has_its_row_and_the_headline_is_the_studys_own_column(base_study, points):
    panel, study, frame = points
    assert len(frame) == 2 * 2 * 2 * 3 * 2 * 5 * 2 * 2 * 2 == len(frame[list(READINGS)].drop_duplicates())
    own = frame[frame["is_headline"]]
    assert len(own) == 1
    _, fitted = fit_column(panel, study, Column.model_validate(
        {"id": "x", "label": "x", "outcome": "lnco2", "treatment": "did", "controls": ["lnpgdp", "market"],
         "fixed_effects": ("city", "year")}
    ))  # fmt: skip
    assert own["estimate"].iloc[0] == pytest.approx(fitted.estimates[0].value, rel=1e-10)


def test_other_variances_equal_those_of_the_inference_table(base_study, points):
    from citycarbon.econometrics.other_variances import CLASSICAL, HC1, other_variances
    from citycarbon.study.spec import RegressionTable

    panel, study, frame = points
    like = {"label": "x", "outcome": "lnco2", "treatment": "did", "controls": ["lnpgdp", "market"]}
    columns = [Column.model_validate({"id": e, "fixed_effects": (e, "year"), **like}) for e in ("city", "province")]
    one = study.model_copy(update={"tables": {"table2": RegressionTable(kind="regression", title="t", columns=columns)}})
    by = other_variances(panel, one).set_index(["column", "method"])["p_value"]
    own = frame[frame["is_headline"]].iloc[0]
    same = (frame[[r for r in READINGS if r != "effects"]] == own[[r for r in READINGS if r != "effects"]]).all(axis=1)
    assert same.sum() == 2
    for row in frame[same].to_dict("records"):
        names = {"p_classical": CLASSICAL, "p_hc1": HC1, "p_value": "cluster:city", "p_province": "cluster:province"}
        for name, method in names.items():
            assert row[name] == pytest.approx(by[row["effects"], method], rel=1e-8)


def test_specifications_that_are_one_regression_say_so_and_no_others_do(points):
    _, _, frame = points
    known = frame[frame["relative"].notna()]
    numbers = ["estimate", "std_error", "n_obs", "mean_outcome", "n_treated_cells"]
    again = known[known["same_as"].notna()].set_index("same_as")
    stands = known[known["same_as"].isna()].set_index("spec")
    assert len(again) > 100 and len(stands) > 100
    pd.testing.assert_frame_equal(again[numbers], stands.loc[again.index, numbers], check_names=False, rtol=1e-12)
    assert not stands[numbers].round(12).duplicated().any()
    assert stands["is_headline"].sum() == 1


def test_numbers_depend_neither_on_the_order_of_rows_nor_on_who_computes_them(base_study):
    small = CURVE.model_copy(update={"scales": ["ln", "level"], "winsorise": [0.0], "rows": ["study"]})
    small = small.model_copy(update={"controls": small.controls[1:], "samples": small.samples[:1]})
    panel, study = world(base_study, curve=small)
    one = spec_curve(panel, study, PILOTS)
    other = spec_curve(panel.sample(frac=1, random_state=3), study, PILOTS, workers=2)
    pd.testing.assert_frame_equal(one.curve, other.curve)
    pd.testing.assert_frame_equal(one.summary, other.summary)


def test_a_draw_of_every_specification_is_a_refit_with_other_cities_in_the_pilots_place(base_study):
    small = CURVE.model_copy(update={"draws": 5, "scales": ["ln", "level"], "winsorise": [0.0]})
    panel, study = world(base_study, curve=small)
    data = CurvePanel(panel, study, small, PILOTS)
    orders = Orders.build(data, 5)
    checked = 0
    for group, found in estimated(data):
        if group is None or checked > 24:
            break
        numbers = {row["spec"] for row in found if np.isfinite(row.get("t_stat", np.nan))}
        redrawn = redraw(group.design, *asked_of(group, data, orders, numbers))
        assert set(redrawn) == numbers
        counts = {row["spec"]: row["n_treated_units"] for row in found}
        for number, spec in group.members:
            if number not in numbers:
                continue
            draw = checked % 5
            atoms = atoms_of(group, data, orders, spec)[:, draw]
            years = len(group.design.first_years)
            dates = {group.design.units[a // years]: group.design.first_years[a % years] for a in atoms}
            assert len(dates) == counts[number]  # as many as in fact, all different
            rows = data.panel[group.mask]
            start = pd.Series(data.city_code[group.mask], index=rows.index).map(dates).astype(float)
            rows = rows.assign(y=data.outcome(spec.series, spec.scale)[group.mask], did=(rows["year"] >= start).astype(float))
            effects = {spec.effects: f"{spec.effects}_id", "year": "year"}
            terms = ["did", *data.controls(spec.controls)]
            refit = fit(rows.reset_index(drop=True), "y", terms, effects, "city_id").estimates[0]
            if np.isfinite(refit.value):
                assert redrawn[number].beta[draw] == pytest.approx(refit.value, rel=1e-9)
                assert redrawn[number].t[draw] == pytest.approx(refit.value / refit.std_error, rel=1e-8)
            checked += 1
    assert checked > 24


def test_every_assignment_of_a_specification_is_equally_likely():
    """One late cohort with three candidates, an early one of two: 3 x C(4, 2) assignments, each as often as any other."""
    from scipy.stats import chisquare

    orders = Orders(cities=6, draws=9000, seed=5)
    last = np.array([2010, 2010, 2010, 2005, 2005, 1990])  # the last city has no row when a cohort starts
    cities = orders.treat([(2008, (2008, 2009), 1), (2003, (2003, 2004), 2)], last)
    drawn = [(late, *sorted(early)) for late, *early in cities.T.tolist()]
    counts = pd.Series(drawn).value_counts()
    assert len(counts) == 18 and all(late < 3 and 5 not in early for late, *early in drawn)
    assert chisquare(counts).pvalue > 0.001


@settings(max_examples=up_to(25), deadline=None)
@given(seed=st.integers(0, 10_000), fewer=st.integers(0, 4), draws=st.integers(1, 8))
def test_specifications_read_the_same_orders(seed, fewer, draws):
    """With the same candidates, fewer places are taken by some of the same cities; more draws leave those before alone."""
    orders, more = Orders(cities=30, draws=draws, seed=seed), Orders(cities=30, draws=draws + 3, seed=seed)
    last = np.where(np.arange(30) < 25, 2020, 0)
    cohort = (2019, 2020)
    five, some = orders.treat([(2019, cohort, 5)], last), orders.treat([(2019, cohort, fewer)], last)
    assert all(set(a) <= set(b) for a, b in zip(some.T.tolist(), five.T.tolist(), strict=True))
    assert np.array_equal(more.treat([(2019, cohort, 5)], last)[:, :draws], five)
    assert five.max() < 25


@pytest.mark.slow
def test_a_p_value_is_that_of_the_law_of_a_column_with_the_same_choices(base_study):
    """Each of the specifications on its own, redrawn by the law of columns with other draws: equal up to simulation."""
    from citycarbon.econometrics import randomisation
    from citycarbon.econometrics.draws import cohorts

    small = CURVE.model_copy(update={"draws": 1999, "scales": ["ln"], "winsorise": [0.0], "rows": ["study"]})
    panel, study = world(base_study, curve=small, effect=-0.15)
    panel.loc[(panel["city_id"] > "110800") & (panel["year"] > 2009), "co2_mt_edgar"] = np.nan  # rows that end early
    found = spec_curve(panel, study, PILOTS).curve.set_index("spec")
    data, apart = CurvePanel(panel, study, small, PILOTS), []
    for group, _ in estimated(data):
        for number, spec in group.members if group is not None else []:
            row, last = found.loc[number], group.design.last_year
            if not np.isfinite(row["t_stat"]):
                continue
            first = {c: y for c, y in treated_from(group, data, spec).items() if last[c] >= y}
            drawn = randomisation.redraw(group.design, cohorts(group.design.units, first, last_year=last), number, 1999)
            other = randomisation.p_value(drawn.t(np.eye(len(group.design.outcomes))[group.outcome_of(spec)]), row["t_stat"])
            apart.append((row["p_ri_t"] - other) / np.sqrt(2 * other * (1 - other) / 1999))
    assert len(apart) > 40 and np.abs(apart).max() < 4


def test_the_frames_have_their_columns_and_p_values_of_the_draws(base_study):
    small = CURVE.model_copy(update={"scales": ["ln"], "winsorise": [0.0], "rows": ["study"]})
    found = spec_curve(*world(base_study, effect=-0.8, curve=small), PILOTS)
    assert list(found.curve) == list(CURVE_TYPES) and list(found.summary) == list(SUMMARY_TYPES)
    known = found.curve[found.curve["t_stat"].notna()]
    assert len(known) and known["p_ri_t"].between(0.01, 1).all() and (known["ri_draws"] == 99).all()
    ranks = known[known["same_as"].isna()]["rank"].sort_values().to_numpy()
    assert (ranks == np.arange(1, len(ranks) + 1)).all() and known["rank"].notna().all()
    whole = found.summary.iloc[0]
    assert (whole["part"], whole["name"]) == ("curve", "all")
    once = known[known["same_as"].isna()]
    assert whole["distinct"] == len(once) < len(known)
    assert whole["share_negative"] == (once["relative"] < 0).mean()
    assert whole["share_negative_ri"] == ((once["p_ri_t"] < 0.05) & (once["relative"] < 0)).mean()
    tests = found.summary[found.summary["part"] == "test"].set_index(["name", "level"])["observed"]
    for name, column in {"classical": "p_classical", "city": "p_value", "ri_t": "p_ri_t"}.items():
        assert tests[name, "negative"] == ((once[column] < 0.05) & (once["relative"] < 0)).mean()
    support = found.summary[found.summary["part"] == "support"]
    assert support["distinct"].sum() == len(once) and set(support["level"]) == set(once["n_treated_units"].astype(str))
    for part in support.to_dict("records"):
        mine = once[once["n_treated_units"].astype(str) == part["level"]]
        assert part["share_negative_ri"] == ((mine["p_ri_t"] < 0.05) & (mine["relative"] < 0)).mean()
    joint = found.summary[found.summary["part"] == "joint"]
    assert (joint["p_value"] <= 0.05).all()  # a planted effect of -0.8


@pytest.mark.slow
def test_the_joint_test_keeps_its_size_on_panels_without_an_effect(base_study):
    """Pilots at random and nothing planted: the p-values of 100 curves are spread like uniform ones.

    The choices differ in who can be treated: a pilot left out, municipalities left out, a series without some cities.
    """
    from scipy.stats import kstest

    small = CURVE.model_copy(
        update={"draws": 59, "scales": ["ln"], "winsorise": [0.0], "rows": ["study"], "subcity_rules": ["treat", "exclude"]}
    )
    small = small.model_copy(update={"controls": small.controls[:1]})
    found = []
    for seed in range(100):
        panel, study = world(base_study, seed=seed, effect=0.0, curve=small, missing=0.0)
        cities = np.random.default_rng(seed).permutation(panel["city_id"].unique())
        mapped = dict(zip(panel["city_id"].unique(), cities, strict=True))
        panel.loc[panel["city_id"].isin(panel["city_id"].unique()[::4]), "co2_mt_edgar"] = np.nan
        panel["city_id"] = panel["city_id"].map(mapped)
        panel["did_ai_pilot"] = (
            panel["year"] >= panel["city_id"].map({c: p.any_part["announcement"] for c, p in PILOTS.items()})
        ).astype(int)
        summary = spec_curve(panel, study, PILOTS).summary
        found.append(summary[summary["part"] == "joint"].set_index("name")["p_value"])
    for name in ("median_t", "mean_t"):
        assert kstest([p[name] for p in found], "uniform").pvalue > 0.001
    assert np.mean([p["share_significant"] <= 0.05 for p in found]) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(found))


def test_a_series_without_treated_years_keeps_its_rows_with_the_reason(base_study):
    panel, study = world(base_study, curve=CURVE.model_copy(update={"scales": ["ln"], "winsorise": [0.0]}))
    panel.loc[panel["year"] >= 2008, "co2_mt_chen_county"] = np.nan
    frame = curve_points(panel, study, adopters=PILOTS)
    alone = frame[frame["series"] == "chen_county"]
    assert len(alone) and alone["estimate"].isna().all()
    assert alone["note"].str.startswith("not estimable: 0 treated cities").all()


@pytest.mark.parametrize("odd", ["none", "all", "one", "infinite", "empty"])
def test_odd_samples_give_rows_and_reasons(base_study, odd):
    small = CURVE.model_copy(update={"draws": 19, "scales": ["ln"], "winsorise": [0.0], "rows": ["study"]})
    panel, study = world(base_study, curve=small)
    chosen = dict(PILOTS)
    if odd in ("none", "one"):
        chosen = {} if odd == "none" else {"110000": PILOTS["110000"]}
    if odd == "all":
        start = {"announcement": 2003, "first_full_year": 2003}
        chosen = {c: Pilot(start, start) for c in panel["city_id"].unique()}
    if odd == "infinite":
        panel.loc[panel.index[5], "co2_mt_chen_county"] = np.inf
        panel.loc[panel.index[9], "co2_mt_chen_county"] = 0.0
    if odd == "empty":
        panel["in_sample"] = False
    found = spec_curve(panel, study, chosen)
    assert len(found.curve) == len(specifications(small))
    unknown = found.curve[found.curve["t_stat"].isna()]
    assert unknown["note"].str.len().gt(0).all()
    if odd in ("none", "all", "empty"):
        assert len(unknown) == len(found.curve)
    elif odd == "one":
        assert found.curve["note"].str.contains("one treated city").any()


def test_a_repeated_city_year_keeps_every_row_with_the_reason(base_study):
    panel, study = world(base_study)
    twice = pd.concat([panel, panel.iloc[:1]])
    assert curve_points(twice, study, adopters=PILOTS)["note"].str.contains("not estimable: 1 row of the panel repeats").all()
    found = spec_curve(twice, study, PILOTS)
    assert len(found.curve) == len(specifications(CURVE)) and found.curve["rank"].isna().all()
    assert found.summary.iloc[0]["not_estimable"] == len(found.curve)


def test_an_outcome_that_does_not_vary_has_no_test(base_study):
    panel, study = world(base_study, curve=CURVE.model_copy(update={"scales": ["ln"], "winsorise": [0.0]}))
    panel["co2_mt_chen_county"] = 2.0 + panel["year"] % 3
    panel["co2_mt_edgar"] = panel["co2_mt_chen_county"]
    found = spec_curve(panel, study, PILOTS)
    assert found.curve["t_stat"].isna().all()
    assert found.curve["note"].str.contains("does not vary beyond effects and controls").any()


def test_without_redraws_the_points_stay_and_say_so(base_study):
    panel, study = world(base_study, curve=CURVE.model_copy(update={"scales": ["ln"], "winsorise": [0.0]}))
    found = spec_curve(panel, study.model_copy(update={"placebo": None}), PILOTS)
    known = found.curve[found.curve["relative"].notna()]
    assert len(known) and known["p_ri_t"].isna().all() and known["rank"].notna().all()
    assert known["note"].str.endswith("the study asks for no redraws").all()
    assert not (found.summary["part"] == "joint").any()
    assert np.isnan(found.summary.iloc[0]["share_negative_ri"])


@settings(max_examples=up_to(30), deadline=None)
@given(seed=st.integers(0, 10_000), s=st.integers(1, 9), b=st.integers(1, 30))
def test_joint_statistics_by_hand(seed, s, b):
    rng = np.random.default_rng(seed)
    t, drawn = rng.normal(size=s) - 1, rng.normal(size=(s, b))
    critical = np.full(s, 1.5)
    median, mean, share = joint_tests(t, drawn, critical)
    assert median.observed == np.median(t) and mean.observed == pytest.approx(t.mean())
    assert median.p_value == (1 + sum(abs(np.median(c)) >= abs(np.median(t)) for c in drawn.T)) / (b + 1)
    sign = -1 if np.median(t) < 0 else 1
    assert share.observed == (sign * t > 1.5).mean()
    either = [max((c > 1.5).mean(), (c < -1.5).mean()) for c in drawn.T]
    assert share.p_value == (1 + sum(e >= share.observed for e in either)) / (b + 1)


def test_a_curve_without_a_defined_draw_is_left_out_and_counted():
    t, drawn = np.array([-2.0, -1.0]), np.array([[np.nan, 1.0, -3.0], [np.nan, np.nan, 0.5]])
    for joint in joint_tests(t, drawn, np.array([1.9, 1.9])):
        assert (joint.draws, joint.undefined) == (2, 1)
        assert np.isfinite([joint.p_value, joint.low, joint.high]).all()


def test_the_band_is_made_of_sorted_curves_and_stretches_those_with_gaps():
    drawn = np.array([[3.0, 1.0], [1.0, np.nan], [2.0, 5.0]])
    low, high = band(drawn, (0.0, 1.0))
    assert low.tolist() == [1.0, 2.0, 3.0] and high.tolist() == [1.0, 3.0, 5.0]


def test_moves_is_the_median_range_with_all_else_held():
    rows = [
        {**dict.fromkeys(READINGS, "a"), "effects": e, "series": s, "relative": v}
        for e, s, v in [("city", "x", -1.0), ("province", "x", -1.5), ("city", "y", 0.0), ("province", "y", -1.5)]
    ]
    frame = pd.DataFrame(rows)
    assert moves(frame, "effects") == 1.0 and moves(frame, "series") == 0.5
    assert np.isnan(moves(frame, "scale"))
