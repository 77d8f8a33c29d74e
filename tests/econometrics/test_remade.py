"""Draws that make the sample or a second regressor again: each equals a refit, at the edges too."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_panels import CONTROLS, make_panel

from citycarbon.econometrics import fwl
from citycarbon.econometrics.remade import Blocks
from citycarbon.econometrics.resampling import Design
from citycarbon.econometrics.twfe import levels_counted

YEARS = (2007, 2008, 2009, 2010)
DRAWS = 70  # more than one batch


@pytest.fixture(scope="module")
def sample():
    panel = make_panel(seed=5, cities=18, years=9, missing=0.15)
    rows = panel[panel["in_sample"]].reset_index(drop=True)
    return rows, Blocks.of(Design.build(rows, ["lnco2"], CONTROLS, ("city_id", "year"), YEARS), YEARS)


def random_draws(blocks, seed=1):
    """Three treated cities each; who is exposed from when, and who is kept, at random but never a treated city left out."""
    rng, cities = np.random.default_rng(seed), len(blocks.rows)
    start = np.full((DRAWS, cities), blocks.never)
    other = rng.integers(0, blocks.never + 1, size=start.shape)
    other[rng.random(start.shape) < 0.6] = blocks.never
    for draw in start:
        draw[rng.choice(cities, 3, replace=False)] = rng.integers(0, blocks.never, 3)
    keep = (rng.random(start.shape) < 0.7) | (start < blocks.never)
    return start, other, keep


def refit(rows, blocks, start, other=None, keep=None):
    """b and t of the treatment and the second regressor by explicit dummies."""
    place = {c: i for i, c in enumerate(sorted(rows["city_id"].unique()))}
    at = rows["city_id"].map(place).to_numpy()
    years = np.array([*blocks.years, 9999])
    d = (rows["year"].to_numpy() >= years[start[at]]).astype(float)
    x = [d] if other is None else [d, (rows["year"].to_numpy() >= years[other[at]]) * (1 - d)]
    there = np.ones(len(rows), dtype=bool) if keep is None else keep[at]
    effects = fwl.Effects(fwl.codes(rows["city_id"][there]), fwl.codes(rows["year"][there]))
    x = np.column_stack([*x, rows[CONTROLS].to_numpy()])[there]
    counted = x.shape[1] + levels_counted(effects, True)
    fitted = fwl.dummy_fit(rows["lnco2"].to_numpy()[there], x, effects, effects.first, counted)
    k = 1 if other is None else 2
    return fitted.params[1 : 1 + k], fitted.params[1 : 1 + k] / np.sqrt(np.diag(fitted.cov)[1 : 1 + k])


@pytest.mark.parametrize("which", ["treatment", "exposure", "donut", "both"])
def test_every_draw_equals_a_refit(sample, which):
    rows, blocks = sample
    start, other, keep = random_draws(blocks)
    other = other if which in ("exposure", "both") else None
    keep = keep if which in ("donut", "both") else None
    found = blocks.statistics(start, other, keep)
    compared = 0
    for i in range(DRAWS):
        if not np.isfinite(found.beta[i]).all():
            continue
        beta, t = refit(rows, blocks, start[i], None if other is None else other[i], None if keep is None else keep[i])
        assert found.beta[i] == pytest.approx(beta, abs=1e-10) and found.t[i] == pytest.approx(t, abs=1e-9)
        compared += 1
    assert compared > 0.8 * DRAWS


def test_what_a_draw_keeps_is_counted(sample):
    rows, blocks = sample
    start, _, keep = random_draws(blocks)
    found = blocks.statistics(start, keep=keep)
    cities = np.array(sorted(rows["city_id"].unique()))
    assert found.n_clusters.tolist() == keep.sum(axis=1).tolist()
    assert found.n_obs[3] == rows["city_id"].isin(cities[keep[3]]).sum()


def test_a_draw_in_which_nobody_is_exposed_is_the_regression_without_exposure(sample):
    _, blocks = sample
    start, other, _ = random_draws(blocks)
    other[:5] = blocks.never
    found, alone = blocks.statistics(start, other), blocks.statistics(start)
    assert found.t[:5, 0] == pytest.approx(alone.t[:5, 0], abs=1e-12) and np.isnan(found.t[:5, 1]).all()
    assert np.isfinite(found.t[5:, 1]).sum() > 50


def test_a_draw_that_treats_nobody_or_one_city_entirely_is_undefined(sample):
    rows, _ = sample
    years = (2003, 2008)
    blocks = Blocks.of(Design.build(rows, ["lnco2"], CONTROLS, ("city_id", "year"), years), years)
    start = np.full((2, len(blocks.rows)), blocks.never)
    start[1, 0] = 0  # from the first year on: its own effect takes it
    found = blocks.statistics(start)
    assert np.isnan(found.beta).all() and np.isnan(found.t).all()


def test_a_year_that_the_kept_cities_do_not_have_is_left_out_of_the_fit_and_of_k(sample):
    rows, _ = sample
    cities = np.array(sorted(rows["city_id"].unique()))
    rows = rows[(rows["year"] != 2005) | rows["city_id"].isin(cities[:6])].reset_index(drop=True)
    blocks = Blocks.of(Design.build(rows, ["lnco2"], CONTROLS, ("city_id", "year"), YEARS), YEARS)
    start = np.full((1, len(cities)), blocks.never)
    start[0, [8, 12]] = [1, 2]
    keep = np.arange(len(cities))[None] >= 6
    beta, t = refit(rows, blocks, start[0], keep=keep[0])
    found = blocks.statistics(start, keep=keep)
    assert found.beta[0] == pytest.approx(beta, abs=1e-10) and found.t[0] == pytest.approx(t, abs=1e-9)


def test_draws_do_not_depend_on_how_many_there_are(sample):
    _, blocks = sample
    start, other, keep = random_draws(blocks)
    whole = blocks.statistics(start, other, keep)
    part = blocks.statistics(start[:9], other[:9], keep[:9])
    assert whole.t[:9] == pytest.approx(part.t, abs=1e-12, nan_ok=True)


def test_only_city_effects_clustered_by_city_and_unweighted(sample):
    rows, _ = sample
    rows = rows.assign(w=np.linspace(1, 2, len(rows)))
    for effects, weights in ((("province_id", "year"), None), (("city_id", "year"), "w")):
        design = Design.build(rows, ["lnco2"], [], effects, YEARS, weights=weights)
        with pytest.raises(ValueError, match="only a regression with city effects"):
            Blocks.of(design, YEARS)


def test_one_city_left_has_no_error(sample):
    _, blocks = sample
    start = np.full((1, len(blocks.rows)), blocks.never)
    start[0, 4] = 1
    found = blocks.statistics(start, keep=start < blocks.never)
    assert np.isnan(found.t).all() and found.n_clusters.tolist() == [1]
