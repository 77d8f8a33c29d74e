"""The synthetic world of one seed, assembled: printed quantities, CO2 of every unit and county. Files are made elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from citycarbon.sample.design import COEFFICIENTS, CONTROLS, HAINAN_PREFECTURE, JILIN_CITY, LNCO2_MEAN, LNCO2_SD, POLICY
from citycarbon.sample.dgp import Array, Latent, ar1, ar_errors, draw_latent, stream
from citycarbon.sample.places import TIBET, YEARS, Places, load_places
from citycarbon.sample.published import Published, T, availability, market_index, panel_view, publish


@dataclass(frozen=True)
class World:
    """Everything the writers need. ``co2``: Mt by unit key (city_id, or the label of a county run by its province) and year."""

    places: Places
    seed: int
    effect: float
    latent: Latent
    published: Published
    view: dict[str, Array]  # the panel's variables as the pipeline will compute them
    lnco2: Array  # units x years
    planted: Array  # effect on ln CO2 by cell
    co2: dict[str, Array]
    county: Array  # counties x years, Mt; counties of a unit sum to its co2
    market_index: Array  # provinces x years

    @property
    def complete(self) -> Array:
        """Rows with CO2 and all six controls: the estimation sample of Table 2."""
        ok = np.isfinite(self.lnco2)
        for name in CONTROLS:
            ok &= np.isfinite(self.view[name])
        return ok


def has_counties(places: Places) -> Array:
    """True for units that the county workbook covers (not Tibet, not 三沙)."""
    covered = {c.city_id for c in places.counties}
    return np.array([c.adcode in covered and c.province_id != TIBET for c in places.panel])


def build_world(seed: int, effect: float) -> World:
    """Draw the world of ``seed`` with an average planted effect of ``effect`` on ln CO2."""
    places = load_places()
    available, covered = availability(places, seed), has_counties(places)
    sample = np.logical_and.reduce([available[k] for k in CONTROLS]) & covered[:, None]
    latent = draw_latent(places, seed, sample)
    published = publish(places, latent, seed)
    view = panel_view(places, published, seed)
    planted = effect * latent.multiplier
    everywhere = untreated_lnco2(places, latent, view, seed, ar_errors(seed, len(places.panel))) + planted
    lnco2 = np.where(covered[:, None], everywhere, np.nan)
    co2 = {c.adcode: np.exp(everywhere[i]) for i, c in enumerate(places.panel)} | _other_co2(places, seed)
    return World(
        places,
        seed,
        effect,
        latent,
        published,
        view,
        lnco2,
        planted,
        co2,
        _counties(places, co2, seed),
        market_index(places, seed),
    )


def year_effects() -> Array:
    """Common path of ln CO2: fast growth that flattens, zero at the first year."""
    return 0.55 * (1 - np.exp(-np.arange(T) / 6.0))


def untreated_lnco2(places: Places, latent: Latent, view: dict[str, Array], seed: int, errors: Array) -> Array:
    """ln Mt without the policy, with ``errors`` (units x years) and the city effects of ``seed``.

    Controls enter as the panel will hold them; where they are missing, as they truly are.
    """
    rng, n = stream(seed, "city effects"), len(places.panel)
    truth = latent.values | {"internet": latent.values["lnusers"]}
    systematic = np.zeros((n, T))
    for name in CONTROLS:
        x = np.where(np.isfinite(view[name]), view[name], truth[name])
        systematic += COEFFICIENTS[name] * (x - x.mean())
    moving = systematic + year_effects()[None, :] + errors
    level = rng.standard_normal(n)
    level[places.index[JILIN_CITY]] = -0.8
    spare = np.sqrt(max(LNCO2_SD**2 - moving.var(), 0.05))
    level = _pilots_like_their_provinces(places, spare * (level - level.mean()) / level.std())
    out = level[:, None] + moving
    return out - out.mean() + LNCO2_MEAN


def _pilots_like_their_provinces(places: Places, level: Array) -> Array:
    """City effects with each pilot at the mean of its province's other cities.

    Otherwise columns with province effects would measure which cities were chosen, and not the planted effect.
    """
    pilots = np.array([c.adcode in places.first_year.get(POLICY, {}) for c in places.panel])
    province = np.array([c.province_id for c in places.panel])
    out = level.copy()
    for i in np.flatnonzero(pilots):
        peers = ~pilots & (province == province[i])
        if peers.any():
            out[i] = level[peers].mean()
    return out


def unit_key(city_id: str | None, label: str) -> str:
    """What sums counties: the city, or the county itself where the province runs it."""
    return city_id or label


def _other_co2(places: Places, seed: int) -> dict[str, Array]:
    """CO2 of units outside the panel: prefectures, leagues, counties run by their province."""
    keys = [c.adcode for c in places.others] + sorted({c.city_label for c in places.counties if not c.city_id})
    rng = stream(seed, "other units")
    level = 1.6 + 0.7 * rng.standard_normal((len(keys), 1))
    level[keys.index(HAINAN_PREFECTURE)] = 0.0
    path = np.exp(level + year_effects()[None, :] + ar1(rng, len(keys), 0.8, 0.10))
    return dict(zip(keys, path, strict=True))


def _counties(places: Places, co2: dict[str, Array], seed: int) -> Array:
    """Split each unit's CO2 over its counties with shares that drift slowly."""
    rng, n = stream(seed, "counties"), len(places.counties)
    weight = np.exp(0.7 * rng.standard_normal((n, 1)) + 0.01 * rng.standard_normal((n, 1)) * np.arange(T))
    keys = [unit_key(c.city_id, c.city_label) for c in places.counties]
    order = {k: i for i, k in enumerate(dict.fromkeys(keys))}
    group = np.array([order[k] for k in keys])
    total = np.zeros((len(order), T))
    np.add.at(total, group, weight)
    return weight / total[group] * np.array([co2[k] for k in keys])


__all__ = ["World", "YEARS", "build_world", "has_counties", "unit_key", "year_effects"]
