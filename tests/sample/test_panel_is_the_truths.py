"""The pipeline's panel is the one that truth.json speaks of: same values, same rows, same treated cells."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from citycarbon.econometrics.recovery import projection
from citycarbon.sample.design import CONTROLS
from citycarbon.sample.places import CITY_KINDS, YEARS
from citycarbon.sample.world import World
from citycarbon.study import load_study

if TYPE_CHECKING:
    from tests.conftest import Pipeline

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def panel(pipeline: Pipeline) -> pd.DataFrame:
    frame = pd.read_parquet(pipeline.home.marts(pipeline.study) / "city_panel.parquet")
    return frame[frame["unit_kind"].isin(CITY_KINDS)]


def grid(panel: pd.DataFrame, world: World, column: str) -> np.ndarray:
    """A panel column as units x years, in the order of the world's arrays."""
    wide = panel.pivot(index="city_id", columns="year", values=column)
    return wide.reindex(index=[c.adcode for c in world.places.panel], columns=YEARS).to_numpy(dtype=float)


@pytest.mark.parametrize("name", [*CONTROLS, "lngreen", "er", "loans_yuan", "patents_granted"])
def test_variables_are_recovered_from_what_was_printed(panel: pd.DataFrame, world: World, name: str) -> None:
    np.testing.assert_allclose(grid(panel, world, name), world.view[name], rtol=1e-12, equal_nan=True)


def test_emissions_are_the_sum_of_their_counties(panel: pd.DataFrame, world: World) -> None:
    np.testing.assert_allclose(grid(panel, world, "lnco2"), world.lnco2, rtol=0, atol=1e-12, equal_nan=True)


def test_sample_and_treatment_are_those_of_the_truth(panel: pd.DataFrame, world: World, pipeline: Pipeline) -> None:
    np.testing.assert_array_equal(grid(panel, world, "in_sample").astype(bool), world.complete)
    np.testing.assert_array_equal(grid(panel, world, "did_ai_pilot"), world.latent.did)
    said = json.loads((pipeline.landing / "truth.json").read_text(encoding="utf-8"))["sample"]
    sample = panel[panel["in_sample"]]
    assert (len(sample), sample["city_id"].nunique()) == (said["n_rows"], said["n_cities"])
    assert int(sample["did_ai_pilot"].sum()) == said["n_treated_cells"]


def test_estimands_of_the_truth_are_those_of_the_columns_rows(pipeline: Pipeline) -> None:
    """Every estimand that the generator states, again by the engine on the panel that came out: same halves, lags, policies."""
    study = load_study(pipeline.study)
    whole = pd.read_parquet(pipeline.home.marts(pipeline.study) / "city_panel.parquet")
    said = json.loads((pipeline.landing / "truth.json").read_text(encoding="utf-8"))
    project = projection(whole, said, study)
    stated = {t["column"]: t["estimand"] for t in said["columns"]}
    assert {"table2:2", "table4:2", "table4:3", "table5:1", "table6:2p", "table8:2"} <= set(stated)
    for column, value in stated.items():
        assert value is not None and project(*column.split(":")) == pytest.approx(value, rel=1e-9), column


def test_no_blocking_check_fails_on_the_clean_sample(pipeline: Pipeline) -> None:
    assert not [c.id for c in pipeline.report.checks if c.refuses]
