"""A design with other outcomes is the design built with them."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_panels import CONTROLS, make_panel

from citycarbon.econometrics.resampling import Design


@pytest.mark.parametrize(("effects", "weights"), [(("city_id", "year"), None), (("province_id", "year"), "edu")])
def test_other_outcomes_are_as_if_built_with_them(effects, weights):
    rows = make_panel(seed=8).query("in_sample").sort_values(["city_id", "year"]).reset_index(drop=True)
    rng = np.random.default_rng(2)
    rows["a"], rows["b"] = rng.standard_normal((2, len(rows))) + rows["market"].to_numpy()
    base = Design.build(rows, ["lnco2"], CONTROLS, effects, [2009, 2011], weights=weights)
    built = Design.build(rows, ["a", "b"], CONTROLS, effects, [2009, 2011], weights=weights)
    swapped = base.with_outcomes(rows[["a", "b"]].to_numpy(), ["a", "b"])
    atoms = base.atoms(rng.permuted(np.tile(np.arange(20), (30, 1)), axis=1)[:, :5].T, np.array([0, 0, 1, 1, 1])[:, None])
    ours, theirs = swapped.statistics(atoms), built.statistics(atoms)
    assert swapped.outcomes == ("a", "b")
    for combination in ((1.0, 0.0), (0.0, 1.0), (1.0, -0.4)):
        np.testing.assert_allclose(ours.beta(combination), theirs.beta(combination), rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(ours.t(combination), theirs.t(combination), rtol=1e-11, atol=1e-12)


def test_an_outcome_that_is_not_finite_is_refused():
    rows = make_panel(seed=8).query("in_sample").sort_values(["city_id", "year"])
    design = Design.build(rows, ["lnco2"], CONTROLS, ("city_id", "year"), [2009])
    with pytest.raises(ValueError, match="not finite"):
        design.with_outcomes(np.full((len(rows), 1), np.nan), ["y"])
