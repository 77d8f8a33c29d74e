"""Callaway and Sant'Anna's doubly robust estimator against the formulas written out, and on unbalanced panels."""

import numpy as np
import pandas as pd
import pytest
from simulated_panels import make_panel, make_study

from citycarbon.econometrics import estimate_columns, refit
from citycarbon.econometrics.columns import projected_effect
from citycarbon.econometrics.doubly_robust import comparisons, fit_doubly_robust
from citycarbon.econometrics.propensity import fit_score


def simulated(seed=2, missing=0.0, treated=10, **keys):
    """make_panel with the policy's first years; lnpgdp is a covariate with overlap."""
    panel = make_panel(seed=seed, cities=40, treated=treated, missing=missing, **keys)
    first = panel[panel["did_ai_pilot"] == 1].groupby("city_id")["year"].min()
    return panel.assign(first_year_ai_pilot=panel["city_id"].map(first))


def rows_of(panel):
    first = panel.groupby("city_id")["first_year_ai_pilot"].first().to_dict()
    rows = panel[panel["in_sample"]].rename(columns={"did_ai_pilot": "did"}).reset_index(drop=True)
    return rows, first


def att(rows, first, g, t, base):
    """ATT(g, t) by hand: residuals of the controls' outcome regression, weighted by the odds of the score; and the counts."""
    wide = {y: rows[rows["year"] == y].set_index("city_id") for y in (base, t)}
    cities = [c for c in wide[base].index if c in wide[t].index and (first.get(c) == g or not first.get(c, np.nan) > 0)]
    change = (wide[t]["lnco2"] - wide[base]["lnco2"])[cities].to_numpy()
    x, d = wide[base].loc[cities, "lnpgdp"].to_numpy(), np.array([first.get(c) == g for c in cities])
    design = np.column_stack([np.ones(len(x)), x])
    left = change - design @ np.linalg.lstsq(design[~d], change[~d], rcond=None)[0]
    p = fit_score(x[:, None], d).probability
    odds = (p / (1 - p))[~d]
    return left[d].mean() - (odds * left[~d]).sum() / d.sum(), int(d.sum()), len(cities)


@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_the_simple_aggregation_equals_the_formulas(missing):
    rows, first = rows_of(simulated(missing=missing))
    got = fit_doubly_robust(rows, "lnco2", "did", ["lnpgdp"], first)
    years = sorted(rows["year"].unique())
    cells = [(g, t) for g in sorted({v for v in first.values() if v > 0}) for t in years if t >= g]
    by_hand = [att(rows, first, g, t, max(y for y in years if y < g)) for g, t in cells]
    weights = np.array([n for _, n, _ in by_hand])
    want = weights @ [a for a, _, _ in by_hand] / weights.sum()
    assert got.fit.estimates[0].value == pytest.approx(want, abs=1e-9)
    found = comparisons(rows, rows["city_id"].map(first).fillna(0.0))
    assert [(c.cohort, c.year) for c in found] == cells
    assert [(c.treated, c.treated + c.controls) for c in found] == [(n, m) for _, n, m in by_hand]


def test_one_cell_without_a_covariate_is_the_difference_in_mean_changes():
    panel = simulated(treated=6)
    panel = panel[panel["year"].isin([2006, 2007])]
    panel = panel.assign(first_year_ai_pilot=panel["first_year_ai_pilot"].where(panel["first_year_ai_pilot"].isna(), 2007.0))
    rows, first = rows_of(panel)
    got = fit_doubly_robust(rows, "lnco2", "did", [], first).fit
    wide = rows.pivot(index="city_id", columns="year", values="lnco2")
    change, treated = wide[2007] - wide[2006], wide.index.map(first) == 2007
    assert got.estimates[0].value == pytest.approx(change[treated].mean() - change[~treated].mean(), abs=1e-12)
    variance = sum(change[m].var(ddof=0) / m.sum() for m in (treated, ~treated))
    assert got.estimates[0].std_error == pytest.approx(np.sqrt(variance), rel=1e-9)
    assert got.n_obs == len(rows) and got.n_clusters == 40 and "balanced panel" in got.estimates[0].note.split("; ")


def test_the_rows_that_are_used_are_those_of_the_cells():
    rows, first = rows_of(simulated(missing=0.2))
    got = fit_doubly_robust(rows, "lnco2", "did", ["lnpgdp"], first)
    untouched = rows.assign(lnco2=rows["lnco2"].where(got.used, 99.0))
    assert fit_doubly_robust(untouched, "lnco2", "did", ["lnpgdp"], first).fit.estimates[0].value == pytest.approx(
        got.fit.estimates[0].value, abs=1e-9
    )
    assert got.fit.n_obs == got.used.sum() < len(rows)
    assert "unbalanced panel, cities seen in both years of a cell" in got.fit.estimates[0].note
    assert "as repeated cross-sections" in got.fit.estimates[0].note


def test_a_city_that_adopts_after_the_sample_is_a_control_and_one_that_adopts_in_it_is_not():
    rows, first = rows_of(simulated())
    late, early = "110900", "110000"
    cells = comparisons(rows, rows["city_id"].map({**first, late: np.nan}).fillna(0.0))
    moved = fit_doubly_robust(rows, "lnco2", "did", ["lnpgdp"], {**first, late: 2099.0}).fit.estimates[0]
    plain = fit_doubly_robust(rows, "lnco2", "did", ["lnpgdp"], {**first, late: np.nan}).fit.estimates[0]
    assert moved.value == plain.value and moved.note == plain.note
    assert all(late in set(rows.loc[c.rows, "city_id"]) for c in cells)
    # without its treated years a city that adopts in the sample is no control either
    gone = rows[(rows["city_id"] != early) | (rows["year"] < first[early])].reset_index(drop=True)
    assert not any(early in set(gone.loc[c.rows, "city_id"]) for c in comparisons(gone, gone["city_id"].map(first).fillna(0.0)))


def dr_study(base_study, controls=("lnpgdp",)):
    return make_study(base_study, list(controls), estimator="dr_did")


def test_the_column_is_one_row_without_r2_or_star(base_study):
    panel, study = simulated(missing=0.1, effect=-0.3, noise=0.02), dr_study(base_study)
    got = estimate_columns(panel, study)
    assert list(got["term"]) == ["did"]
    row = got.iloc[0]
    assert row["vcov"].startswith("influence functions") and row["df"] == row["n_clusters"] - 1
    assert got[["r2", "r2_adj", "r2_within", "r2_adj_within", "p_ri_t"]].isna().all(axis=None)
    assert (row["stars"], row["star_rule"], row["fixed_effects"]) == ("", "none", "")
    for said in ("no star: randomisation inference", "simple aggregation of 6 ATT(g, t) given lnpgdp of the base year"):
        assert said in row["note"]
    assert row["conf_low"] < -0.3 < row["conf_high"] and abs(row["estimate"] + 0.3) < 0.05
    again = refit(panel, study, got)
    assert not again["refitted_ok"].any() and set(again["note"]) == {"doubly robust: there is no second implementation here"}
    assert estimate_columns(panel.sample(frac=1, random_state=1), study).equals(got)


def test_adding_an_effect_moves_the_estimate_by_its_own_estimate(base_study):
    panel, study = simulated(missing=0.1), dr_study(base_study)
    effect = panel["did_ai_pilot"] * np.random.default_rng(0).normal(size=len(panel))
    moved = estimate_columns(panel.assign(lnco2=panel["lnco2"] + effect), study)["estimate"].iloc[0]
    want = projected_effect(panel, effect, study, "table2", "1")
    assert moved - estimate_columns(panel, study)["estimate"].iloc[0] == pytest.approx(want, abs=1e-9)


def reason(panel, study):
    row = estimate_columns(panel, study).iloc[0]
    assert pd.isna(row["estimate"]) and pd.isna(row["std_error"]) and row["stars"] == ""
    assert np.isnan(projected_effect(panel, panel["effect"], study, "table2", "1"))
    return row["note"].split("; ")[0]


def test_what_cannot_be_estimated_says_why(base_study):
    panel, study = simulated(missing=0.1), dr_study(base_study)
    none = panel.assign(did_ai_pilot=0, first_year_ai_pilot=np.nan)
    assert reason(none, study) == "not estimable: 0 treated cities in this sample"
    never, ends = panel["first_year_ai_pilot"].isna(), panel["year"].isin([2005, 2011])
    before = panel.assign(in_sample=panel["in_sample"] & (never | ends))
    assert reason(before, study) == "not estimable: no treated city is seen in its base year and in a treated year"
    apart = panel.assign(lnpgdp=panel["lnpgdp"] + 50 * panel["first_year_ai_pilot"].notna())
    assert "separate treated from controls completely" in reason(apart, study)
    assert reason(panel.assign(in_sample=False), study) == "not estimable: 0 treated cities in this sample"


def test_one_treated_city_is_estimated(base_study):
    row = estimate_columns(simulated(treated=1, seed=4), dr_study(base_study, ())).iloc[0]
    assert np.isfinite(row["estimate"]) and row["n_treated_units"] == 1 and "one treated city" in row["note"]
