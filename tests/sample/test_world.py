"""The synthetic world: calibrated to Table 1, with CO2 that is its parts, and counties that sum to cities."""

from __future__ import annotations

import numpy as np
import pytest

from citycarbon.sample.design import AR_RHO, COEFFICIENTS, CONTROLS, TARGETS
from citycarbon.sample.dgp import calibrate
from citycarbon.sample.places import YEARS, load_places
from citycarbon.sample.truth import project
from citycarbon.sample.world import World, build_world, unit_key


@pytest.mark.parametrize("name", ["lnpgdp", "gov", "market", "edu", "industry", "lngreen", "er"])
def test_means_and_deviations_are_those_of_table_1(world: World, name: str) -> None:
    x = world.view[name][world.complete]
    x = x[np.isfinite(x)]
    target = TARGETS[name]
    assert x.mean() == pytest.approx(target.mean, abs=0.02 * target.sd)
    assert x.std() == pytest.approx(target.sd, rel=0.03)
    # Bounds hold before the numbers are rounded and chained; a little is allowed for that.
    slack = 0.02 * (target.high - target.low)
    assert x.min() >= target.low - slack
    assert x.max() <= target.high + slack


def test_emissions_have_the_magnitude_of_the_county_series(world: World) -> None:
    y = world.lnco2[np.isfinite(world.lnco2)]
    assert y.mean() == pytest.approx(2.9, abs=0.05)
    assert y.std() == pytest.approx(1.0, abs=0.06)
    steps = np.diff(world.lnco2, axis=1)
    assert np.nanmax(np.abs(steps)) < np.log(2), "the clean sample has no jump that a check would list"


def test_internet_is_a_logarithm_of_households(world: World) -> None:
    x = world.view["internet"][world.complete]
    assert 9 < x.min() < x.max() < 16.5


def test_panel_has_all_cities_and_the_sample_a_plausible_size(world: World) -> None:
    kinds = [c.kind for c in world.places.panel]
    assert (len(kinds), kinds.count("municipality")) == (297, 4)
    assert 3000 <= world.complete.sum() <= 4500
    assert (world.complete & (world.latent.did > 0)).sum() == 17 == world.latent.did.sum()


def test_counties_sum_to_cities(world: World) -> None:
    sums: dict[str, np.ndarray] = {}
    for county, values in zip(world.places.counties, world.county, strict=True):
        key = unit_key(county.city_id, county.city_label)
        sums[key] = sums.get(key, 0) + values
    for key, total in sums.items():
        np.testing.assert_allclose(total, world.co2[key], rtol=1e-12)


def test_lnco2_is_controls_effects_error_and_planted_effect(world: World) -> None:
    """Net of city and year effects and of the planted effect, ln CO2 on the controls gives their coefficients back."""
    rows = world.complete
    unit, year = np.nonzero(rows)
    x = np.column_stack([world.view[k][rows] for k in CONTROLS])
    y = (world.lnco2 - world.planted)[rows]
    for k, name in enumerate(CONTROLS):
        others = np.delete(x, k, axis=1)
        found = project(y, x[:, k], unit, year, others)
        # Sampling error of a coefficient under AR(1) errors: a bound of four standard errors of an independent sample, tripled.
        noise = 12 * 0.15 / (x[:, k].std() * np.sqrt(rows.sum()))
        assert abs(found - COEFFICIENTS[name]) < noise, name


def test_errors_are_autocorrelated(world: World) -> None:
    from citycarbon.sample.dgp import ar_errors

    u = ar_errors(world.seed, len(world.places.panel))
    assert np.corrcoef(u[:, :-1].ravel(), u[:, 1:].ravel())[0, 1] == pytest.approx(AR_RHO, abs=0.03)


@pytest.mark.parametrize("name", ["lnpgdp", "gov", "market", "edu", "industry"])
def test_controls_do_not_respond_to_the_policy(name: str) -> None:
    """Another effect moves CO2 and nothing else."""
    weak, strong = build_world(2, -0.1), build_world(2, -0.9)
    np.testing.assert_array_equal(weak.view[name], strong.view[name])
    treated = weak.latent.did > 0
    assert not np.allclose(weak.lnco2[treated], strong.lnco2[treated])
    np.testing.assert_allclose(weak.lnco2[~treated], strong.lnco2[~treated], rtol=0, atol=1e-12)


def test_boundary_events_stand_in_the_lists() -> None:
    places = load_places()

    def named(year: int) -> set[str]:
        return {c.name for c in places.listed(year)}

    assert "莱芜市" in named(2018) - named(2019)
    assert "巢湖市" in named(2010) - named(2011)
    assert {"襄樊市"} <= named(2009) and {"襄阳市"} <= named(2010)
    assert "毕节市" in named(2011) - named(2010)
    assert len(named(YEARS[-1])) == 297


def test_calibration_hits_moments_inside_bounds() -> None:
    rng = np.random.default_rng(5)
    raw, sample = 3 + 10 * rng.standard_normal((40, 19)), rng.random((40, 19)) < 0.7
    x = calibrate(raw, sample, TARGETS["gov"])
    assert x[sample].mean() == pytest.approx(TARGETS["gov"].mean, abs=0.01)
    assert x[sample].std() == pytest.approx(TARGETS["gov"].sd, rel=0.01)
    assert x.min() >= TARGETS["gov"].low and x.max() <= TARGETS["gov"].high
