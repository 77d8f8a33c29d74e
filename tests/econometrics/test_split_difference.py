"""The pooled interacted regression against references, and redraws of split rows against refits one by one."""

import numpy as np
import pandas as pd
import pytest
from split_panels import CITY, CONTROLS, LIST, ROW, split_panel, split_study

from citycarbon.econometrics import fwl
from citycarbon.econometrics.columns import fit_column
from citycarbon.econometrics.draws import blocks, cohorts_stratified
from citycarbon.econometrics.placebo import first_years
from citycarbon.econometrics.randomisation import Experiment
from citycarbon.econometrics.sample import EFFECT_COLUMNS, estimation_sample
from citycarbon.econometrics.split_difference import TwoHalves, _cities, _straddling_test, interacted, redraws
from citycarbon.econometrics.twfe import levels_counted

BOTH_EFFECTS = pytest.mark.parametrize("effects", [("city", "year"), ("province", "year")])
ALL_SPLITS = pytest.mark.parametrize("split", [CITY, ROW, LIST], ids=lambda s: s.id)


def both_halves(base, split, effects=("city", "year"), panel=None):
    panel = split_panel() if panel is None else panel
    study = split_study(base, split, effects=effects)
    high, low = next(iter(study.regression_tables().values())).columns
    return panel, study, low, estimation_sample(panel, study, low).rows, estimation_sample(panel, study, high).rows


@pytest.mark.parametrize(("split", "effects"), [(CITY, ("province", "year")), (ROW, ("city", "year"))])
def test_slopes_are_those_of_two_regressions(base_study, split, effects):
    panel, study, column, low, high = both_halves(base_study, split, effects)
    found = interacted(low, high, column, "city_id")
    one, two = (
        fit_column(panel, study, c)[1].estimates[0].value for c in study.regression_tables()[f"table_{split.id}"].columns
    )
    np.testing.assert_allclose([found.high, found.low, found.difference], [one, two, one - two], rtol=1e-9)


@BOTH_EFFECTS
@ALL_SPLITS
@pytest.mark.parametrize("weighted", [False, True])
def test_the_error_of_the_difference_is_that_of_one_regression_on_explicit_dummies(base_study, split, effects, weighted):
    _, _, column, low, high = both_halves(base_study, split, effects)
    if weighted:
        low, high = (r.assign(weight=np.random.default_rng(len(r)).uniform(0.2, 2, len(r))) for r in (low, high))
    rows = pd.concat([low, high], ignore_index=True)
    is_high = np.arange(len(rows)) >= len(low)
    codes = (fwl.codes(rows[EFFECT_COLUMNS[e]].astype(str) + np.where(is_high, "h", "l")) for e in effects)
    two_way = fwl.Effects(*codes, rows["weight"].to_numpy() if weighted else None)
    x = np.column_stack([rows[t].to_numpy() * part for t in column.terms for part in (1, is_high)])  # did, did x high ...
    k = x.shape[1] + levels_counted(two_way, effects[0] == "city")
    oracle = fwl.dummy_fit(rows["lnco2"].to_numpy(), x, two_way, fwl.codes(rows["city_id"]), k)
    found = interacted(low, high, column, "city_id")
    np.testing.assert_allclose(found.difference, oracle.params[2], rtol=1e-9)
    np.testing.assert_allclose(found.std_error, np.sqrt(oracle.cov[2, 2]), rtol=1e-9)
    assert found.df == rows["city_id"].nunique() - 1


def test_pyfixest_agrees(base_study):
    import pyfixest

    effects = ("city", "year")
    _, _, column, low, high = both_halves(base_study, ROW, effects)
    data = pd.concat([low.assign(high=0.0), high.assign(high=1.0)], ignore_index=True)
    for t in column.terms:
        data[f"{t}_high"] = data[t] * data["high"]
    names = [n for t in column.terms for n in (t, f"{t}_high")]
    absorbed = [EFFECT_COLUMNS[e] for e in effects]
    for name in absorbed:
        data[f"{name}_half"] = data[name].astype(str) + data["high"].astype(str)
    fit = pyfixest.feols(
        f"lnco2 ~ {' + '.join(names)} | {' + '.join(f'{a}_half' for a in absorbed)}",
        data=data, vcov={"CRV1": "city_id"}, demeaner=pyfixest.MapDemeaner(fixef_tol=1e-12),
    )  # fmt: skip
    found = interacted(low, high, column, "city_id")
    np.testing.assert_allclose(found.difference, fit.coef()["did_high"], rtol=1e-8)
    # pyfixest counts one redundant level for two effects, here there are two: the halves are not connected
    k, one_less = len(names) + _k_of_effects(data, absorbed), 1
    ratio = np.sqrt((len(data) - k - one_less) / (len(data) - k))
    np.testing.assert_allclose(found.std_error, fit.se()["did_high"] * ratio, rtol=1e-8)


def _k_of_effects(data: pd.DataFrame, absorbed: list[str]) -> int:
    effects = fwl.Effects(*(fwl.codes(data[f"{name}_half"]) for name in absorbed))
    return levels_counted(effects, absorbed[0] == "city_id")


@ALL_SPLITS
@pytest.mark.parametrize("weighted", [False, True])
def test_the_redraws_test_the_difference_that_is_reported(base_study, split, weighted):
    panel, study, column, low, high = both_halves(base_study, split)
    if weighted:
        low, high = (r.assign(weight=np.random.default_rng(len(r)).uniform(0.2, 2, len(r))) for r in (low, high))
    pooled = interacted(low, high, column, "city_id")
    found = redraws(
        low, high, column, "city_id", pooled, first_year=first_years(panel, study, column), seed=1, draws=99
    )  # fmt: skip
    np.testing.assert_allclose(
        [found.difference, found.std_error, found.t_stat], [pooled.difference, pooled.std_error, pooled.t_stat], rtol=1e-8
    )
    assert found.df == pooled.df and 0 < found.p_ri_t <= 1 and found.draws == 99


def test_redraws_of_split_rows_equal_refits(base_study):
    """Whole path of a draw by hand: other cities treated, the common effect taken out, one interacted regression."""
    panel, study, column, low, high = both_halves(base_study, ROW)
    dates = first_years(panel, study, column)
    pooled = interacted(low, high, column, "city_id")
    halves = [
        Experiment.build(r, "lnco2", "did", CONTROLS, ("city_id", "year"), first_year=dates) for r in (low, high)
    ]  # fmt: skip
    cities = _cities(low, high, halves)
    scheme = cohorts_stratified(
        cities.labels, {**halves[0].first_year, **halves[1].first_year}, cities.pattern, last_year=cities.last_year
    )
    engine = TwoHalves.build(*halves, cities.labels, scheme, pooled.factor)
    null = -0.37
    units, cohort = next(blocks(scheme, 5, 12))
    difference, t = engine.statistics(units, cohort, null)
    for j in range(units.shape[1]):
        first = {cities.labels[u]: scheme.first_years[c] for u, c in zip(units[:, j], cohort[:, j], strict=True)}
        redrawn = [
            r.assign(lnco2=r["lnco2"] - null * r["did"], did=(r["year"] >= r["city_id"].map(first).astype(float)).astype(float))
            for r in (low, high)
        ]
        refit = interacted(*redrawn, column, "city_id")
        np.testing.assert_allclose([difference[j], t[j]], [refit.difference, refit.t_stat], rtol=1e-7, atol=1e-10)


def test_the_imposed_null_is_the_common_coefficient_of_the_interacted_model(base_study):
    panel, study, column, low, high = both_halves(base_study, ROW)
    pooled = interacted(low, high, column, "city_id")
    found = redraws(
        low, high, column, "city_id", pooled, first_year=first_years(panel, study, column), seed=1, draws=9
    )  # fmt: skip
    rows = pd.concat([low, high], ignore_index=True)
    is_high = np.arange(len(rows)) >= len(low)
    two_way = fwl.Effects(*(fwl.codes(rows[e].astype(str) + np.where(is_high, "h", "l")) for e in ("city_id", "year")))
    x = np.column_stack([rows["did"], *(rows[t] * part for t in CONTROLS for part in (~is_high, is_high))])
    np.testing.assert_allclose(found.beta_pooled, fwl.project(rows["lnco2"].to_numpy(), x, two_way)[0], rtol=1e-9)


def test_where_no_city_straddles_both_ways_of_redrawing_give_the_same_statistics(base_study):
    """On a split by cities the engine for straddling cities must reproduce the two-design statistics draw by draw."""
    panel, study, column, low, high = both_halves(base_study, LIST)
    dates = first_years(panel, study, column)
    pooled = interacted(low, high, column, "city_id")
    halves = [
        Experiment.build(r, "lnco2", "did", CONTROLS, ("city_id", "year"), first_year=dates) for r in (low, high)
    ]  # fmt: skip
    found = _straddling_test(*halves, pooled, _cities(low, high, halves), seed=3, draws=1999)
    other = redraws(low, high, column, "city_id", pooled, first_year=dates, seed=3, draws=1999)
    np.testing.assert_allclose(found.beta_pooled, other.beta_pooled, rtol=1e-9)
    assert abs(found.p_ri_t - other.p_ri_t) < 0.06  # other draws of the same law: Monte Carlo error only


def test_a_treatment_that_cannot_be_redrawn_says_so(base_study):
    panel, study, column, low, high = both_halves(base_study, LIST)
    pooled = interacted(low, high, column, "city_id")
    off = low.assign(did=np.where(low["year"] == low["year"].max(), 0.0, low["did"]))
    found = redraws(off, high, column, "city_id", pooled, first_year=None, seed=1, draws=9)
    assert np.isnan(found.p_ri_t) and "cannot be redrawn" in found.note
