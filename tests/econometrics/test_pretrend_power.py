"""Slopes that a pre-trend test would see: the one-lead case in closed form, simulation, the bias after passing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lead_panels import asking_study, dated_panel, one_lead, path, three_leads
from published_trends import VILLAGES_BETA, VILLAGES_LEADS, VILLAGES_SIGMA
from scipy.stats import f, norm

from citycarbon.econometrics.pretrend_power import detectable, detectable_jointly, power_of, power_rows, slopes


@pytest.mark.parametrize("power", [0.5, 0.8])
def test_one_lead_is_the_textbook_formula(power):
    """P(|N(g k, s)| > z s) = power: g k / s solves Phi(x - z) + Phi(-x - z) = power."""
    path = one_lead()
    found = detectable(path, power)
    s, k = float(np.sqrt(path.sigma[0, 0])), abs(float(path.elapsed[0]))
    z = norm.isf(0.025)
    x = found.slope * k / s
    assert norm.sf(z - x) + norm.cdf(-z - x) == pytest.approx(power, abs=1e-3)
    assert found.bias == pytest.approx(found.slope * path.elapsed[1:])


def test_power_is_monotone_symmetric_and_starts_at_the_size():
    path = three_leads()
    grid = [power_of(g, path) for g in np.linspace(0, 0.1, 9)]
    assert all(b >= a for a, b in zip(grid, grid[1:], strict=False))
    assert power_of(0.03, path) == pytest.approx(power_of(-0.03, path), abs=2e-3)
    assert 0.05 <= grid[0] <= 0.15  # three leads at 5 % each


def test_power_and_the_bias_after_passing_are_those_of_simulation():
    path = three_leads()
    found = detectable(path, 0.5)
    rng = np.random.default_rng(8)
    draws = found.slope * path.elapsed[:, None] + np.linalg.cholesky(path.sigma) @ rng.standard_normal((5, 200_000))
    critical = norm.isf(0.025) * np.sqrt(np.diag(path.sigma))[:3]
    seen = np.any(np.abs(draws[:3]) > critical[:, None], axis=0)
    assert seen.mean() == pytest.approx(0.5, abs=0.006)
    assert found.bias_given_passed == pytest.approx(draws[3:, ~seen].mean(axis=1), abs=1e-3)


def test_the_slope_and_what_passing_does_to_it_are_those_of_the_r_package():
    """README of pretrends (R) on He and Wang (2017): slope 0.05205871 at 50 %, and the means after passing the pre-test."""
    villages = path((-4, -3, -2, 0, 1, 2, 3), VILLAGES_LEADS, VILLAGES_BETA, VILLAGES_SIGMA)
    found = detectable(villages, 0.5)
    assert found.slope == pytest.approx(0.05205871, abs=3e-5)
    assert found.bias_given_passed == pytest.approx([0.06490184, 0.12084694, 0.16946498, 0.22453827], abs=3e-4)


@pytest.mark.parametrize("power", [0.5, 0.8])
def test_the_joint_test_finds_its_slope_that_often(power):
    whole = replace(three_leads(), df=40)
    slope = detectable_jointly(whole, power)
    rng = np.random.default_rng(5)
    leads, sigma = whole.leads, whole.sigma[:3, :3]
    b = slope * whole.elapsed[:leads, None] + np.linalg.cholesky(sigma) @ rng.standard_normal((leads, 100_000))
    wald = np.einsum("in,ij,jn->n", b, np.linalg.inv(sigma), b) / leads / (rng.chisquare(40, 100_000) / 40)
    assert (wald > f.isf(0.05, leads, 40)).mean() == pytest.approx(power, abs=0.006)


def test_one_lead_makes_both_tests_the_same():
    assert detectable_jointly(one_lead(), 0.5) == pytest.approx(detectable(one_lead(), 0.5).slope, rel=1e-3)


def test_a_joint_test_without_an_inverse_or_with_too_little_power_says_why():
    with pytest.raises(ValueError, match="singular"):
        detectable_jointly(replace(three_leads(), sigma=np.ones((5, 5))), 0.5)
    with pytest.raises(ValueError, match="where there is no violation"):
        detectable_jointly(three_leads(), 0.05)


def test_a_power_below_the_size_has_no_slope():
    assert "without any violation" in slopes(three_leads(), [0.01])[0]


def test_rows_of_a_study(base_study):
    rows = power_rows(dated_panel(), asking_study(base_study))
    slope = next(r for r in rows if r["variant"] == "slope")
    bias = next(r for r in rows if r["variant"] == "bias, first")
    assert slope["parameter"] == 0.5 and slope["unit"] == "log points a year" and slope["estimate"] > 0
    assert bias["estimate"] == pytest.approx(slope["estimate"])  # the first lag is a year from the base
