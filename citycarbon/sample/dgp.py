"""The data-generating process: latent variables and CO2 of every city and year. Draws numbers; knows no file format.

ln CO2 = city effect + year effect + coefficients x controls + AR(1) error + planted effect in treated cells of the AI pilot.
Arrays are (297 units at year-end 2021) x (2003..2021), in the order of ``Places.panel`` and ``YEARS``.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

import numpy as np

from citycarbon.sample.design import (
    AR_RHO,
    AR_SD,
    ER_EFFECT,
    ER_SD_BEFORE_COUNTING,
    GREEN_EFFECT,
    GREEN_TREND,
    HIGH_DIGITAL,
    HIGH_FINANCE,
    HIGH_TECHNOLOGY,
    JILIN_CITY,
    LOW_FINANCE,
    LOW_TECHNOLOGY,
    PATH,
    POLICY,
    TARGETS,
    Target,
)
from citycarbon.sample.places import YEARS, Places

Array = np.ndarray


def stream(seed: int, name: str) -> np.random.Generator:
    """The random numbers of one part: parts do not shift each other when one of them changes."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


@dataclass(frozen=True)
class Latent:
    """What is true of each unit and year, before anything is rounded, published or lost.

    ``values``: lnpgdp, lnpop, gov, market, edu, industry, lnusers, lngreen0, er0 (without the policy), deflator (2003 = 1),
    budget_gdp, loans_gdp, patent_ratio. ``did`` is 1 in treated cells; ``multiplier`` the planted effect there in units of
    the average effect. ``traits``, one number a unit, do not change over the years: size, wealth, skill (in patenting), words
    (a city's habit of writing about the environment).
    """

    values: dict[str, Array]
    did: Array
    multiplier: Array
    first_year: Array  # per unit, 0 where never treated within the window
    traits: dict[str, Array]

    @property
    def lngreen(self) -> Array:
        return self.values["lngreen0"] + GREEN_EFFECT * self.did

    @property
    def er(self) -> Array:
        return self.values["er0"] + ER_EFFECT * self.did


def ar1(rng: np.random.Generator, units: int, rho: float, sd: float) -> Array:
    """Stationary AR(1) errors, one series a row, with standard deviation ``sd``."""
    shocks = rng.standard_normal((units, len(YEARS)))
    out = np.empty_like(shocks)
    out[:, 0] = shocks[:, 0]
    for t in range(1, shocks.shape[1]):
        out[:, t] = rho * out[:, t - 1] + np.sqrt(1 - rho**2) * shocks[:, t]
    return sd * out


def calibrate(raw: Array, sample: Array, target: Target) -> Array:
    """``raw`` moved smoothly inside the target's bounds, with its mean and sd on ``sample`` (a boolean array)."""
    z = (raw - raw[sample].mean()) / raw[sample].std()
    room_below, room_above = (target.mean - target.low) / target.sd, (target.high - target.mean) / target.sd
    for _ in range(3):  # bending changes the moments a little; a few rounds settle them
        z = np.where(z < 0, -room_below * np.tanh(-z / room_below), room_above * np.tanh(z / room_above))
        z = (z - z[sample].mean()) / z[sample].std()
    return np.clip(target.mean + target.sd * z, target.low, target.high)


def treatment(places: Places) -> tuple[Array, Array]:
    """First year by unit (0: never within the window) and the 0/1 array of treated cells; announcement-year rule."""
    first = adoption(places, POLICY)
    return first, treated_cells(first)


def adoption(places: Places, policy: str) -> Array:
    """First year of a policy by unit, 0 where it never comes within the window; a part of a city stands for the whole."""
    first = np.zeros(len(places.panel), dtype=int)
    for code, year in places.covered_from.get(policy, {}).items():
        if code in places.index and year <= YEARS[-1]:
            first[places.index[code]] = year
    return first


def treated_cells(first: Array) -> Array:
    """1 from the first year on, 0 before it and where ``first`` (one year a unit) is 0."""
    years = np.array(YEARS)
    return ((first[:, None] > 0) & (years[None, :] >= first[:, None])).astype(float)


def high_digital(places: Places) -> Array:
    """True for units on a Broadband China list by 2018, in whole or in part."""
    first = adoption(places, "broadband")
    return (first > 0) & (first <= 2018)


def multipliers(first: Array, technology: Array, finance: Array, digital: Array) -> Array:
    """Planted effect by cell in units of the average: units high in ``technology``, ``finance``, ``digital`` gain more.

    ``first``: first treated year by unit, 0 for none; the others: True where the unit is high. Averages exactly 1 over the
    treated cells.
    """
    did = treated_cells(first)
    level = 1.0 + HIGH_TECHNOLOGY * technology + HIGH_FINANCE * finance + HIGH_DIGITAL * digital
    out = np.zeros_like(did)
    for i, t in zip(*np.nonzero(did), strict=True):
        out[i, t] = level[i] * PATH.get(YEARS[t] - int(first[i]), max(PATH.values()))
    treated = did > 0
    out[treated] /= out[treated].mean()
    return out


def green_path(rng: np.random.Generator, skill: Array, sample: Array) -> Array:
    """ln(1 + green applications) without the policy (units x years), drawn around each unit's skill, calibrated on ``sample``.

    The trend comes after the bounds: bent by them, cities near the top would grow more slowly than the rest, policy or not.
    """
    years = np.arange(len(YEARS))
    sampled = np.nonzero(sample)[1]
    middle, trend = sampled.mean(), GREEN_TREND * sampled.std()
    target = replace(TARGETS["lngreen"], sd=float(np.sqrt(TARGETS["lngreen"].sd ** 2 - trend**2)))
    level = calibrate(skill[:, None] + ar1(rng, len(skill), AR_RHO, 0.20), sample, target)
    return np.maximum(level + GREEN_TREND * (years - middle)[None, :], 0.0)


def er_path(rng: np.random.Generator, words: Array, sample: Array) -> Array:
    """Share of environmental words without the policy (units x years), drawn around each unit's habit."""
    years = np.arange(len(YEARS))
    raw = words[:, None] + (0.04 * years)[None, :] + ar1(rng, len(words), AR_RHO, 0.85)
    return calibrate(raw, sample, replace(TARGETS["er"], sd=ER_SD_BEFORE_COUNTING))


def draw_latent(places: Places, seed: int, sample: Array) -> Latent:
    """All latent variables; those with a target are calibrated on ``sample``, the rows expected to be complete."""
    first, did = treatment(places)
    rng, n = stream(seed, "latent"), len(places.panel)
    ever = np.array([c.adcode in places.first_year.get(POLICY, {}) for c in places.panel])
    years = np.arange(len(YEARS))

    size = np.where(ever, 1.5 + 0.3 * rng.standard_normal(n), 0.95 * rng.standard_normal(n))
    size[[places.index[c] for c in (*LOW_FINANCE, JILIN_CITY)]] = -0.9
    wealth = 0.5 * size + 0.8 * rng.standard_normal(n)
    skill = np.where(ever, 1.3 + 0.3 * rng.standard_normal(n), 0.6 * size + 0.75 * rng.standard_normal(n))
    skill[[places.index[c] for c in LOW_TECHNOLOGY]] = -1.1

    def mix(city: Array, trend: Array, sd: float, weight: float = 1.0) -> Array:
        return weight * city[:, None] + trend[None, :] + ar1(rng, n, AR_RHO, sd)

    def own(share: float, factor: Array) -> Array:
        return share * factor + np.sqrt(1 - share**2) * rng.standard_normal(n)

    raw = {
        "lnpgdp": mix(wealth, 0.150 * years, 0.12),
        "gov": mix(own(-0.1, wealth), 0.5 * np.sin(years / 6.0), 0.35),
        "market": mix(own(0.2, size), 0.03 * years, 0.30),
        "edu": mix(own(-0.3, wealth), -0.02 * years, 0.35),
        "industry": mix(own(0.2, wealth), 0.4 * np.sin(years / 5.0), 0.25),
    }
    values = {k: calibrate(v, sample, TARGETS[k]) for k, v in raw.items()}
    values["lngreen0"] = green_path(rng, skill, sample)
    words = 0.5 * rng.standard_normal(n)
    values["er0"] = er_path(rng, words, sample)
    values["lnpop"] = 15.1 + 0.50 * size[:, None] + (0.003 + 0.004 * ever)[:, None] * years[None, :]
    penetration = 0.02 + 0.30 / (1 + np.exp(-(years - 9) / 3.0))
    values["lnusers"] = values["lnpop"] + np.log(penetration)[None, :] + ar1(rng, n, AR_RHO, 0.12) + 0.1 * wealth[:, None]
    values["deflator"] = np.exp(0.028 * years[None, :] + ar1(rng, n, 0.9, 0.03) * (years[None, :] > 0))
    values["budget_gdp"] = np.exp(np.log(0.16) + 0.2 * rng.standard_normal(n)[:, None] + ar1(rng, n, AR_RHO, 0.06))
    values["loans_gdp"] = np.exp(0.03 * years[None, :] - 0.2 + 0.15 * size[:, None] + ar1(rng, n, 0.9, 0.08))
    values["patent_ratio"] = np.exp(np.log(9.0) + 0.2 * rng.standard_normal((n, 1)) + ar1(rng, n, 0.5, 0.10))
    technology = np.array([c.adcode not in LOW_TECHNOLOGY for c in places.panel])
    finance = np.array([c.adcode not in LOW_FINANCE for c in places.panel])
    multiplier = multipliers(first, technology, finance, high_digital(places))
    return Latent(values, did, multiplier, first, {"size": size, "wealth": wealth, "skill": skill, "words": words})


def ar_errors(seed: int, units: int) -> Array:
    """The AR(1) errors of ln CO2."""
    return ar1(stream(seed, "co2"), units, AR_RHO, AR_SD)
