"""From GCJ-02, the shifted coordinates of Chinese map services, to WGS84. The shift is some hundreds of metres.

The formula is the one in public use; it is inverted by fixed point.
"""

from __future__ import annotations

import numpy as np

_SEMI_MAJOR, _ECCENTRICITY_SQ = 6378245.0, 0.00669342162296594323  # Krasovsky 1940, as the GCJ-02 formula uses it


def to_wgs84(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """WGS84 longitude and latitude of GCJ-02 ones, in degrees; converges below 1e-9 degrees in a few steps."""
    lon, lat = np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)
    x, y = lon, lat
    for _ in range(8):
        dlon, dlat = shift(x, y)
        x, y = lon - dlon, lat - dlat
    return x, y


def shift(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What GCJ-02 adds to WGS84 longitude and latitude, in degrees."""
    x, y, pi = lon - 105.0, lat - 35.0, np.pi
    wave = (20 * np.sin(6 * x * pi) + 20 * np.sin(2 * x * pi)) * 2 / 3
    dlat = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * np.sqrt(np.abs(x)) + wave
    dlat = dlat + (20 * np.sin(y * pi) + 40 * np.sin(y / 3 * pi)) * 2 / 3
    dlat = dlat + (160 * np.sin(y / 12 * pi) + 320 * np.sin(y * pi / 30)) * 2 / 3
    dlon = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * np.sqrt(np.abs(x)) + wave
    dlon = dlon + (20 * np.sin(x * pi) + 40 * np.sin(x / 3 * pi)) * 2 / 3
    dlon = dlon + (150 * np.sin(x / 12 * pi) + 300 * np.sin(x / 30 * pi)) * 2 / 3
    phi = np.radians(lat)
    magic = 1 - _ECCENTRICITY_SQ * np.sin(phi) ** 2
    meridian = (_SEMI_MAJOR * (1 - _ECCENTRICITY_SQ)) / (magic * np.sqrt(magic))
    parallel = _SEMI_MAJOR / np.sqrt(magic) * np.cos(phi)
    return np.degrees(dlon / parallel), np.degrees(dlat / meridian)
