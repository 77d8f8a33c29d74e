"""Space: great-circle distances between cities, who is near whom, and Conley's variance. Nothing is estimated or drawn here.

A city is where the seed ``city_centroids`` has it: the area-weighted mean of its outline (WGS84). Distances between centroids
understate how near two large units that share a border are.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from citycarbon.paths import DBT_PROJECT

CENTROIDS = DBT_PROJECT / "seeds" / "city_centroids.csv"
EARTH_KM = 6371.0088  # mean radius of WGS84 (IUGG): a sphere is off by up to 0.6 % of a distance
KERNELS = ("bartlett", "uniform")


def read_centroids(path: Path = CENTROIDS) -> dict[str, tuple[float, float]]:
    """city_id -> longitude and latitude in degrees (WGS84), from a csv with the columns city_id, lon, lat."""
    with path.open(encoding="utf-8", newline="") as handle:
        return {r["city_id"]: (float(r["lon"]), float(r["lat"])) for r in csv.DictReader(handle)}


def great_circle_km(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Distances (n, n) in km between points (n,) in degrees, on a sphere: the haversine formula (Sinnott 1984)."""
    east, north = np.radians(np.asarray(lon, dtype=float)), np.radians(np.asarray(lat, dtype=float))
    half = np.sin((north[:, None] - north) / 2) ** 2
    half = half + np.cos(north)[:, None] * np.cos(north) * np.sin((east[:, None] - east) / 2) ** 2
    return 2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0)))


def distances_km(cities: Sequence[str], centroids: Mapping[str, tuple[float, float]]) -> np.ndarray:
    """Distances (n, n) in km between ``cities``, zero on the diagonal; infinite to a city without coordinates."""
    here = np.array([centroids.get(c, (np.nan, np.nan)) for c in cities], dtype=float).reshape(-1, 2)
    out = great_circle_km(here[:, 0], here[:, 1])
    out[~np.isfinite(out)] = np.inf
    np.fill_diagonal(out, 0.0)
    return out


def unplaced(cities: Sequence[str], centroids: Mapping[str, tuple[float, float]]) -> list[str]:
    """Those of ``cities`` that have no coordinates, in their order."""
    return [c for c in cities if c not in centroids or not np.isfinite(centroids[c]).all()]


def near(distances: np.ndarray, within_km: float) -> np.ndarray:
    """Which other city lies within ``within_km`` (n, n), the limit included; no city is near itself."""
    out = distances <= within_km
    np.fill_diagonal(out, False)
    return out


def kernel(distances: np.ndarray, cutoff_km: float, name: str) -> np.ndarray:
    """Weights of pairs of cities: ``bartlett`` max(0, 1 - d/h), ``uniform`` 1[d <= h]. 1 on the diagonal. h > 0.

    Raises ValueError for another name.
    """
    if name not in KERNELS:
        raise ValueError(f"no kernel '{name}'; there are {', '.join(KERNELS)}")
    if name == "uniform":
        return (distances <= cutoff_km).astype(float)
    return np.clip(1 - distances / cutoff_km, 0.0, None)


def conley_meat(scores: np.ndarray, city: np.ndarray, year: np.ndarray, weights: np.ndarray) -> float:
    """Sum of the products of scores that may be correlated: of cities within a year by ``weights``, of a city over all years.

    With s_it = x~_it e_it of one coefficient, x~ its regressor net of all others, the variance is meat / (sum x~^2)^2 and

        meat = sum_t sum_ij k_ij s_it s_jt + sum_i sum_{t != t'} s_it s_it'

    (Conley 1999 across space within a year; within a city all lags with weight one, as in the clustered error). With no city
    near another it is the clustered meat. Neither kernel makes it non-negative for certain.

    ``scores`` (n,), ``city`` and ``year`` codes 0.. (n,), one row per city and year; ``weights`` (cities, cities), ones on the
    diagonal.
    """
    table = np.zeros((len(weights), int(year.max()) + 1))
    table[city, year] = scores
    across_space = float((table * (weights @ table)).sum())
    return across_space + float((table.sum(axis=1) ** 2).sum()) - float((table**2).sum())
