"""The projection against Snyder's printed example, and what its name promises: areas, standard parallels, north."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citycarbon.figures.gcj02 import shift, to_wgs84
from citycarbon.figures.projection import Albers

CHINA = st.tuples(st.floats(73, 135), st.floats(17, 54))


def test_snyders_numerical_example():
    """USGS Professional Paper 1395, p. 292: Clarke 1866, parallels 29.5 and 45.5 N, origin 23 N 96 W; the place 35 N 75 W."""
    clarke = Albers(29.5, 45.5, -96.0, 23.0, 6378.2064, 0.00676866)
    assert clarke.n == pytest.approx(0.6029035, abs=5e-8)
    assert clarke.c == pytest.approx(1.3491594, abs=5e-8)
    assert clarke.rho0 == pytest.approx(9929.0793, abs=5e-4)
    assert clarke(-75.0, 35.0) == (pytest.approx(1885.4727, abs=5e-4), pytest.approx(1535.9250, abs=5e-4))


def steps(place, size=1e-4):
    """Kilometres on the ground and on the map of a small step east and north."""
    albers, (lon, lat) = Albers(), place
    (x, y), (xe, ye), (xn, yn) = albers(lon, lat), albers(lon + size, lat), albers(lon, lat + size)
    sine = np.sin(np.radians(lat))
    root = np.sqrt(1 - albers.e2 * sine**2)
    east = albers.semi_major_km / root * np.cos(np.radians(lat)) * np.radians(size)
    north = albers.semi_major_km * (1 - albers.e2) / root**3 * np.radians(size)
    return np.array([xe - x, ye - y]), np.array([xn - x, yn - y]), east, north


@given(CHINA)
def test_areas_are_true_everywhere(place):
    to_east, to_north, east, north = steps(place)
    assert to_east[0] * to_north[1] - to_east[1] * to_north[0] == pytest.approx(east * north, rel=1e-5)


@pytest.mark.parametrize("lat", [25.0, 47.0])
def test_distances_are_true_along_the_standard_parallels(lat):
    to_east, _, east, _ = steps((118.0, lat))
    assert np.hypot(*to_east) == pytest.approx(east, rel=1e-5)
    to_east, _, east, _ = steps((118.0, 36.0))
    assert abs(np.hypot(*to_east) / east - 1) > 0.01  # and not between them


@given(CHINA)
def test_north_is_along_the_meridian(place):
    _, to_north, _, _ = steps(place)
    x, y = Albers()(*place)
    np.testing.assert_allclose(Albers().north(float(x), float(y)), to_north / np.hypot(*to_north), atol=1e-4)


@given(CHINA)
def test_gcj02_is_undone(place):
    dlon, dlat = shift(np.array(place[0]), np.array(place[1]))
    back = to_wgs84(np.array(place[0]) + dlon, np.array(place[1]) + dlat)
    np.testing.assert_allclose(back, place, atol=1e-7)
    assert 0 < np.hypot(dlon * 111 * np.cos(np.radians(place[1])), dlat * 111) < 1.5  # kilometres
