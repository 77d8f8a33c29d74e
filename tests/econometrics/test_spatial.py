"""Distances by hand, who is near, kernels, and Conley's variance against a double loop and a package."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citycarbon.cities import roster
from citycarbon.econometrics.spatial import (
    EARTH_KM,
    conley_meat,
    distances_km,
    great_circle_km,
    kernel,
    near,
    read_centroids,
    unplaced,
)


def test_distances_on_a_sphere_by_hand():
    km = great_circle_km(np.array([0.0, 1.0, 90.0, 180.0, 0.0]), np.array([0.0, 0.0, 0.0, 0.0, 90.0]))
    degree = np.pi * EARTH_KM / 180
    assert km[0, 1] == pytest.approx(degree, rel=1e-12)
    assert km[0, 2] == pytest.approx(90 * degree, rel=1e-12) and km[0, 3] == pytest.approx(180 * degree, rel=1e-9)
    assert km[0, 4] == pytest.approx(90 * degree, rel=1e-12) and km[2, 4] == pytest.approx(90 * degree, rel=1e-12)
    assert np.allclose(km, km.T, atol=0) and (np.diag(km) == 0).all()


@settings(max_examples=40, deadline=None)
@given(st.tuples(*[st.floats(-179, 179)] * 2), st.tuples(*[st.floats(-89, 89)] * 2))
def test_distances_agree_with_the_angle_between_two_vectors(lon, lat):
    east, north = np.radians(lon), np.radians(lat)
    v = np.column_stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)])
    angle = np.arctan2(np.linalg.norm(np.cross(v[0], v[1])), v[0] @ v[1])
    assert great_circle_km(np.array(lon), np.array(lat))[0, 1] == pytest.approx(EARTH_KM * angle, rel=1e-9, abs=1e-5)


def test_the_seed_places_every_city_and_two_known_neighbours():
    centroids = read_centroids()
    cities = [c.adcode for c in roster()]
    assert unplaced(cities, centroids) == []
    km = distances_km(["440300", "441900", "110000"], centroids)  # 深圳, 东莞, 北京
    assert km[0, 1] < 60 and 1800 < km[0, 2] < 2100


def test_a_city_without_coordinates_is_far_from_all_others_and_named():
    places = {"a": (0.0, 0.0), "b": (0.1, 0.0), "c": (float("nan"), 3.0)}
    km = distances_km(["a", "b", "c", "d"], places)
    assert unplaced(["a", "b", "c", "d"], places) == ["c", "d"]
    assert np.isinf(km[2, [0, 1, 3]]).all() and km[2, 2] == 0 and np.isfinite(km[0, 1])
    assert not near(km, 1e9)[2].any() and kernel(km, 100, "bartlett")[2].tolist() == [0, 0, 1, 0]


def test_near_includes_the_limit_and_no_city_itself():
    km = np.array([[0.0, 50.0, 50.1], [50.0, 0.0, 7.0], [50.1, 7.0, 0.0]])
    assert near(km, 50).tolist() == [[False, True, False], [True, False, True], [False, True, False]]


def test_kernels_by_hand():
    km = np.array([[0.0, 25.0, 100.0, 101.0]])
    assert kernel(km, 100, "bartlett").tolist() == [[1.0, 0.75, 0.0, 0.0]]
    assert kernel(km, 100, "uniform").tolist() == [[1.0, 1.0, 1.0, 0.0]]
    with pytest.raises(ValueError, match="no kernel 'box'; there are bartlett, uniform"):
        kernel(km, 100, "box")


@pytest.fixture
def scored():
    """Scores of an unbalanced panel of 9 cities and 6 years, with distances between the cities."""
    rng = np.random.default_rng(3)
    city, year = (a.ravel() for a in np.meshgrid(np.arange(9), np.arange(6), indexing="ij"))
    there = rng.random(len(city)) > 0.2
    km = great_circle_km(rng.uniform(110, 116, 9), rng.uniform(28, 34, 9))
    return rng.normal(size=there.sum()), city[there], year[there], km


@pytest.mark.parametrize("name", ["bartlett", "uniform"])
@pytest.mark.parametrize("cutoff", [50.0, 200.0, 400.0])
def test_conley_is_a_double_loop_over_rows(scored, name, cutoff):
    scores, city, year, km = scored
    expected = 0.0
    for i in range(len(scores)):
        for j in range(len(scores)):
            if city[i] == city[j]:
                weight = 1.0
            elif year[i] == year[j]:
                far = km[city[i], city[j]] / cutoff
                weight = max(0.0, 1 - far) if name == "bartlett" else float(far <= 1)
            else:
                weight = 0.0
            expected += weight * scores[i] * scores[j]
    assert conley_meat(scores, city, year, kernel(km, cutoff, name)) == pytest.approx(expected, rel=1e-12)


def test_conley_without_neighbours_is_the_clustered_meat(scored):
    scores, city, year, km = scored
    clustered = float((np.bincount(city, weights=scores) ** 2).sum())
    assert conley_meat(scores, city, year, kernel(km, 1e-6, "bartlett")) == pytest.approx(clustered, rel=1e-12)


def test_conley_can_be_negative():
    """Three cities in a row under the uniform kernel, scores (1, -root 2, 1) that change sign from one year to the other."""
    scores = np.outer([1.0, -np.sqrt(2), 1.0], [1.0, -1.0]).ravel()
    km = np.array([[0.0, 1.0, 2.0], [1.0, 0.0, 1.0], [2.0, 1.0, 0.0]])
    meat = conley_meat(scores, np.repeat([0, 1, 2], 2), np.tile([0, 1], 3), kernel(km, 1.0, "uniform"))
    assert meat == pytest.approx(8 * (1 - np.sqrt(2)) - 8, rel=1e-12)


@pytest.mark.parametrize("name", ["bartlett", "uniform"])
def test_conley_agrees_with_a_package_where_its_serial_weights_become_one(scored, name):
    """diff-diff weights lags within a unit by 1 - lag / (L + 1): one for every lag as L grows."""
    from diff_diff.linalg import compute_robust_vcov

    _, city, year, km = scored
    rng = np.random.default_rng(4)
    x, resid = rng.normal(size=(len(city), 1)), rng.normal(size=len(city))
    theirs = compute_robust_vcov(
        x,
        resid,
        vcov_type="conley",
        conley_coords=np.column_stack([city, city]).astype(float),
        conley_cutoff_km=300.0,
        conley_metric=lambda a, b: km[a[:, 0].astype(int)][:, b[:, 0].astype(int)],
        conley_kernel=name,
        conley_time=year,
        conley_unit=city,
        conley_lag_cutoff=10**9,
    )
    ours = conley_meat(x[:, 0] * resid, city, year, kernel(km, 300.0, name)) / float(x[:, 0] @ x[:, 0]) ** 2
    assert ours == pytest.approx(float(np.asarray(theirs)[0, 0]), rel=1e-7)
