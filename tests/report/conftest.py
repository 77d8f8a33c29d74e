"""A small invented panel and its estimates, for the tests of tables and sentences."""

import numpy as np
import pandas as pd
import pytest
from baseline import baseline_study

from citycarbon.econometrics import estimate_columns


@pytest.fixture(scope="session")
def study():
    return baseline_study()


@pytest.fixture(scope="session")
def panel(study):
    """A small invented panel: 20 cities x 6 years, two cohorts; one city has a single row in the sample."""
    rng = np.random.default_rng(7)
    city, year = (a.ravel() for a in np.meshgrid(np.arange(20), np.arange(2016, 2022), indexing="ij"))
    n = len(city)
    frame = pd.DataFrame(
        {"city_id": [f"{110000 + 100 * c}" for c in city], "province_id": [f"{11 + c // 5}0000" for c in city]}
    )
    frame["year"] = year
    frame["did_ai_pilot"] = ((city < 2) & (year >= 2019) | (city == 2) & (year >= 2021)).astype(int)
    for name, center, spread in [
        ("lnpgdp", 10, 0.4),
        ("internet", 13, 1),
        ("gov", 5, 2),
        ("market", 0.4, 0.1),
        ("edu", 0.2, 0.04),
    ]:
        frame[name] = rng.normal(center, spread, n)
    frame["industry"] = rng.uniform(0.2, 0.6, n)
    frame["lngreen"], frame["er"] = rng.gamma(2, 2, n), rng.uniform(0, 0.006, n)
    frame["lnco2"] = rng.normal(3, 1, 20)[city] + rng.normal(0, 0.1, n) - 0.3 * frame["did_ai_pilot"]
    frame["in_sample"] = (city != 19) | (year == 2016)
    frame.loc[5, "er"] = np.nan
    return frame


@pytest.fixture(scope="session")
def estimates(panel, study):
    return estimate_columns(panel, study)


@pytest.fixture
def attrition(panel):
    frame = panel[["city_id", "year", "in_sample"]].copy()
    frame["step"] = np.where(frame["in_sample"], 0, 3)
    frame["drop_reason"] = np.where(frame["in_sample"], None, "outcome missing: co2_mt (no_observation)")
    return frame
