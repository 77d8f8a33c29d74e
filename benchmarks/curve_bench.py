"""The specification curve: point and clustered error of a thousand specifications."""

from __future__ import annotations

from benchmarks.measure import Figure, Group, Settings, Unavailable


def measure(settings: Settings) -> list[Figure]:
    try:
        from citycarbon.econometrics.spec_curve import curve_points
    except ImportError:
        raise Unavailable("the specification curve is not part of the project") from None
    raise Unavailable(f"{curve_points.__name__} is not measured yet")


GROUPS = (Group(("curve_1000_seconds",), measure),)
