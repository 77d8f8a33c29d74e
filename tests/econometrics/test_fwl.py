"""The numpy reference: exact projection, connected components, and the projection of a planted effect."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_panels import CONTROLS, make_panel, make_study
from tries import up_to

from citycarbon.econometrics import estimate_columns, fwl, projected_effect


@settings(max_examples=up_to(25))
@given(seed=st.integers(0, 10_000), keep=st.floats(0.3, 1.0))
def test_residuals_are_orthogonal_to_every_dummy(seed, keep):
    rng = np.random.default_rng(seed)
    first, second = (a.ravel() for a in np.meshgrid(np.arange(8), np.arange(6)))
    chosen = rng.random(48) < keep
    chosen[:2] = True
    effects = fwl.Effects(fwl.codes(first[chosen]), fwl.codes(second[chosen]))
    left = effects.residualise(rng.normal(1e3, 1, (chosen.sum(), 2)))
    for levels in (effects.first, effects.second):
        assert np.abs(fwl.dummies(levels).T @ left).max() < 1e-9
    rank = np.linalg.matrix_rank(np.column_stack([fwl.dummies(effects.first), fwl.dummies(effects.second)]))
    assert effects.n_parameters == rank


def test_components_are_found():
    first, second = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 2])
    assert len(set(fwl.components(first, second))) == 2
    assert fwl.Effects(first, second).n_parameters == 4


@pytest.mark.parametrize("effects", [("city", "year"), ("province", "year")])
def test_a_planted_effect_moves_the_estimate_by_its_projection(base_study, effects):
    """By linearity this holds to rounding whatever the noise: the recovery test of the sample rests on it."""
    panel, study = make_panel(), make_study(base_study, CONTROLS, effects)
    effect = panel["effect"] * (1 + 0.3 * np.sin(panel["year"]))
    before = estimate_columns(panel, study).iloc[0]["estimate"]
    after = estimate_columns(panel.assign(lnco2=panel["lnco2"] + effect), study).iloc[0]["estimate"]
    np.testing.assert_allclose(after - before, projected_effect(panel, effect, study, "table2", "1"), rtol=1e-10)


def test_a_constant_effect_projects_to_itself(base_study):
    panel = make_panel(effect=-0.3)
    assert projected_effect(panel, panel["effect"], make_study(base_study, CONTROLS), "table2", "1") == pytest.approx(
        -0.3, abs=1e-12
    )


def test_the_projection_of_an_absorbed_treatment_is_missing(base_study):
    panel = make_panel().assign(did_ai_pilot=0)
    assert np.isnan(projected_effect(panel, panel["effect"], make_study(base_study, CONTROLS), "table2", "1"))


def test_constants_and_duplicates_are_not_identified():
    rng = np.random.default_rng(0)
    first, second = (a.ravel() for a in np.meshgrid(np.arange(10), np.arange(5)))
    effects = fwl.Effects(first, second)
    a, b = rng.normal(size=(2, 50))
    x = np.column_stack([a, np.full(50, 7.0), b, a + b, first * 1.0])
    verdict = fwl.identify(x, effects)
    assert verdict.absorbed == [1, 4]
    assert set(verdict.collinear) == {0, 2, 3} and verdict.collinear[0] == [2, 3]
    assert verdict.keep == [0, 2]
