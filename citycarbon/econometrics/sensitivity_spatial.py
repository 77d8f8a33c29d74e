"""The column and its neighbours: donut, exposure to treated neighbours, Conley's errors: rows of the analyses ``donut``,
``exposure`` and ``conley`` of ``sensitivity.csv``."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from citycarbon.econometrics import fwl, spatial
from citycarbon.econometrics.sensitivity_base import (
    NEVER,
    Base,
    Case,
    NotEstimable,
    Variant,
    counts,
    estimated,
    joined,
    named,
    tested,
)
from citycarbon.econometrics.sensitivity_redraws import Redraws
from citycarbon.econometrics.sensitivity_samples import with_p

FAR = "{} without coordinates counted as far from every other"


class Neighbours:
    """Who lies how far from whom: the cities of the sample and, as sources, treated cities of the policy in or outside it.

    ``held``: cities treated by the last year of the sample without a treated row in it. They spill over all the same, are
    never counted as untreated neighbours, and stay what they are in every redraw.
    """

    def __init__(self, base: Base) -> None:
        self.base = base
        rows = base.sample.rows
        if not len(rows):
            raise NotEstimable("no rows in this sample")
        if not base.treated:
            raise NotEstimable("0 treated cities in this sample")
        self.cities = sorted(set(rows["city_id"]))
        last = int(rows["year"].max())
        self.held = {c: y for c, y in sorted(base.first_year.items()) if y <= last and c not in base.treated}
        self.everyone = self.cities + [c for c in self.held if c not in set(self.cities)]
        self.is_held = np.array([c in self.held for c in self.cities])

    @cached_property
    def distances(self) -> np.ndarray:
        """Kilometres between all cities: those of the sample first, then held ones outside it."""
        return spatial.distances_km(self.everyone, self.base.centroids)

    def near(self, km: float) -> np.ndarray:
        """Whether a city of the sample (row) has another city (column, of everyone) within ``km``."""
        return spatial.near(self.distances, km)[: len(self.cities)]

    @cached_property
    def redraws(self) -> Redraws:
        return Redraws(self.base, tuple(self.held.values()))

    def starts(self, start: np.ndarray, held: np.ndarray) -> np.ndarray:
        """Positions (draws, G) with those of held cities added as sources (draws, everyone)."""
        outside = np.broadcast_to(held[len(self.cities) :], (len(start), len(self.everyone) - len(self.cities)))
        return np.concatenate([np.minimum(start, held[: len(self.cities)]), outside], axis=1)

    def held_positions(self, years: tuple[int, ...]) -> np.ndarray:
        return np.array([years.index(self.held[c]) if c in self.held else len(years) for c in self.everyone])

    def note(self) -> str:
        """What is not as it seems: cities without coordinates, and sources that are not redrawn."""
        lost = spatial.unplaced(self.everyone, self.base.centroids)
        held = list(self.held)
        return joined(
            [
                FAR.format(named(lost)) if lost else "",
                f"{named(held)} treated without a treated row in the sample: also sources, not redrawn" if held else "",
            ]
        )

    def kept(self, start: np.ndarray, near: np.ndarray, held: np.ndarray, never: int) -> np.ndarray:
        """Cities of the donut (draws, G): treated or held ones, and untreated ones that are near no treated city."""
        sources = self.starts(start, held) < never
        beside = (sources.astype(float) @ near.T.astype(float)) > 0
        return (start < never) | self.is_held | ~beside

    def exposed(self, start: np.ndarray, near: np.ndarray, held: np.ndarray, never: int) -> np.ndarray:
        """Position of the first year in which a near city is treated (draws, G)."""
        sources = self.starts(start, held)
        out = np.full(start.shape, never)
        for position in reversed(range(never)):
            beside = ((sources == position).astype(float) @ near.T.astype(float)) > 0
            out[beside] = position
        return out


def donut(base: Base) -> list[Variant]:
    """Without the untreated cities within some distance of a treated one."""
    return [Variant("donut", "donut", lambda d=km: _donut(base, d), km, "km") for km in base.options.distances_km]


def _donut(base: Base, km: float) -> list[dict[str, Any]]:
    who = Neighbours(base)
    never = who.redraws.blocks.never if not (reason := who.redraws.reason()) else None
    start, held = _actual(base, who)
    keep = who.kept(start, who.near(km), held, NEVER)[0]
    left = [c for c, stays in zip(who.cities, keep, strict=True) if not stays]
    case = Case.of(base, base.sample.rows[~base.sample.rows["city_id"].isin(left)])
    note = f"{named(left)} untreated within {km:g} km left out" if left else f"no untreated city within {km:g} km"
    made = estimated(base, case, note=joined([note, who.note()]))
    if never is None:
        return [row | {"note": joined([row["note"], reason])} for row in made]
    near, positions = who.near(km), who.held_positions(who.redraws.blocks.years)
    return with_p(made, who.redraws.cells(lambda drawn: (None, who.kept(drawn, near, positions, never)), "the donut"))


def _actual(base: Base, who: Neighbours) -> tuple[np.ndarray, np.ndarray]:
    """First treated years as they were: of the sample's treated cities (1, G), of the held ones (everyone,)."""
    start = np.array([[base.treated.get(c, NEVER) for c in who.cities]])
    return start, np.array([who.held.get(c, NEVER) for c in who.everyone])


def exposure(base: Base) -> list[Variant]:
    """A dummy for cities not treated themselves with a treated city within some distance, beside the treatment."""
    return [
        Variant("exposure", "exposure", lambda d=km: _exposure(base, d), km, "km", (term(km),))
        for km in base.options.distances_km
    ]


def term(km: float) -> str:
    """``near_50km``: 1 while the city is untreated and a city within that distance is treated."""
    return f"near_{km:g}km"


def _exposure(base: Base, km: float) -> list[dict[str, Any]]:
    who, name, rows = Neighbours(base), term(km), base.sample.rows
    first = _first_exposure(who, km, *_actual(base, who))
    exposed = (rows["year"] >= base.starts(first, rows["city_id"])) & (rows[base.treatment] == 0)
    case = Case.of(base, rows.assign(**{name: exposed.astype(float)}), controls=[name, *base.controls])
    cities, cells = sorted(set(rows.loc[exposed, "city_id"])), int(exposed.sum())
    note = (
        f"{named(cities)}, {cells} city-years exposed"
        if cells
        else f"no untreated city within {km:g} km of one already treated"
    )
    made = estimated(base, case, terms=(name,), note=joined([note, who.note()]))
    if reason := who.redraws.reason():
        return [row | {"note": joined([row["note"], reason])} for row in made]
    if not cells:
        made[1]["note"] = f"not estimable: {joined([note, who.note()])}"
    near, blocks = who.near(km), who.redraws.blocks
    positions = who.held_positions(blocks.years)
    return with_p(made, who.redraws.cells(lambda drawn: (who.exposed(drawn, near, positions, blocks.never), None), "exposure"))


def _first_exposure(who: Neighbours, km: float, start: np.ndarray, held: np.ndarray) -> dict[str, int]:
    """City of the sample -> the first year in which a city within ``km`` is treated; without those that have no such year."""
    years = np.minimum(np.concatenate([start[0], np.full(len(held) - start.shape[1], NEVER)]), held)
    first = np.where(who.near(km), years, NEVER).min(axis=1)
    return {c: int(y) for c, y in zip(who.cities, first, strict=True) if y < NEVER}


# --- Conley -------------------------------------------------------------------------------------------------------------------


def conley(base: Base) -> list[Variant]:
    """The column with errors that are correlated between near cities in a year, and within a city over all years."""
    return [
        Variant("conley", kernel, lambda d=km, k=kernel: _conley(base, d, k), km, "km")
        for kernel in base.options.conley_kernels
        for km in base.options.conley_km
    ]


def _conley(base: Base, km: float, kernel: str) -> list[dict[str, Any]]:
    case, fitted = base.fitted
    own = fitted.estimates[0]
    if not np.isfinite(own.value):
        return estimated(base, case)
    cities = sorted(set(case.rows["city_id"]))
    distances = spatial.distances_km(cities, base.centroids)
    x, resid = _left(base, case, list(fitted.kept))
    scores, factor = x * resid, _factor(fitted.n_obs, fitted.n_clusters, fitted.k_counted)
    codes = fwl.codes(case.rows["city_id"]), fwl.codes(case.rows["year"])
    meat = spatial.conley_meat(scores, *codes, spatial.kernel(distances, km, kernel))
    variance = factor * meat / float(x @ x) ** 2
    pairs = int(np.triu(spatial.near(distances, km)).sum())
    lost = spatial.unplaced(cities, base.centroids)
    notes = [
        f"{pairs} pairs of cities within {km:g} km",
        FAR.format(named(lost)) if lost else "",
        "" if variance > 0 else "no standard error: the estimated variance is not positive",
        "the randomisation test does not rest on this error",
    ]
    error = float(np.sqrt(variance)) if variance > 0 else np.nan
    return [counts(base, case) | {"term": own.term, **tested(own.value, error, fitted.df), "note": joined(notes)}]


def _left(base: Base, case: Case, kept: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """The treatment net of effects and controls (n,), and the residuals of the regression (n,)."""
    effects = fwl.Effects(*(fwl.codes(case.rows[c]) for c in base.effects))
    left = effects.residualise(case.rows[[case.outcome, *kept]].to_numpy(dtype=float))
    y, d, rest = left[:, 0], left[:, 1], left[:, 2:]
    x = d - rest @ np.linalg.lstsq(rest, d, rcond=None)[0] if rest.shape[1] else d
    return x, y - left[:, 1:] @ np.linalg.lstsq(left[:, 1:], y, rcond=None)[0]


def _factor(n: int, groups: int, counted: int) -> float:
    """c of the clustered error, so that without near cities the two errors are one."""
    return groups / (groups - 1) * (n - 1) / (n - counted)
