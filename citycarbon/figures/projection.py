"""The map's projection: Albers equal-area conic on the ellipsoid, and the grid and north that go with it. numpy only.

Formulas: Snyder, Map Projections, A Working Manual, USGS Professional Paper 1395 (1987), equations 14-1 to 14-6, 14-12, 3-12.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Albers:
    """Areas are true everywhere, distances along the two standard parallels. Angles in degrees, lengths in kilometres.

    The defaults suit China: WGS84, standard parallels 25 and 47 degrees north, central meridian 105 degrees east.

        q(phi) = (1 - e2) [sin phi / (1 - e2 sin^2 phi) - 1/(2e) ln((1 - e sin phi) / (1 + e sin phi))]
        m(phi) = cos phi / sqrt(1 - e2 sin^2 phi),   n = (m1^2 - m2^2) / (q2 - q1),   C = m1^2 + n q1
        rho = a sqrt(C - n q) / n,   theta = n (lon - lon0),   x = rho sin theta,   y = rho0 - rho cos theta
    """

    parallel_1: float = 25.0
    parallel_2: float = 47.0
    lon0: float = 105.0
    lat0: float = 36.0
    semi_major_km: float = 6378.137
    e2: float = 0.00669437999014
    n: float = field(init=False)
    c: float = field(init=False)
    rho0: float = field(init=False)

    def __post_init__(self) -> None:
        (m1, m2), (q1, q2) = (f(np.array([self.parallel_1, self.parallel_2])) for f in (self._m, self._q))
        n = float((m1**2 - m2**2) / (q2 - q1))
        object.__setattr__(self, "n", n)
        object.__setattr__(self, "c", float(m1**2 + n * q1))
        object.__setattr__(self, "rho0", float(self._rho(np.array(self.lat0))))

    def __call__(self, lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """x and y in kilometres east and north of (lon0, lat0)."""
        rho, theta = self._rho(np.asarray(lat, float)), np.radians(self.n * (np.asarray(lon, float) - self.lon0))
        return rho * np.sin(theta), self.rho0 - rho * np.cos(theta)

    def north(self, x: float, y: float) -> tuple[float, float]:
        """Unit vector that points to true north at a place of the map: meridians meet at (0, rho0)."""
        length = float(np.hypot(x, self.rho0 - y))
        return -x / length, (self.rho0 - y) / length

    def _m(self, lat: np.ndarray) -> np.ndarray:
        sine = np.sin(np.radians(lat))
        return np.cos(np.radians(lat)) / np.sqrt(1 - self.e2 * sine**2)

    def _q(self, lat: np.ndarray) -> np.ndarray:
        e, sine = np.sqrt(self.e2), np.sin(np.radians(lat))
        log = np.log((1 - e * sine) / (1 + e * sine)) / (2 * e)
        return (1 - self.e2) * (sine / (1 - self.e2 * sine**2) - log)

    def _rho(self, lat: np.ndarray) -> np.ndarray:
        return self.semi_major_km * np.sqrt(self.c - self.n * self._q(lat)) / self.n
