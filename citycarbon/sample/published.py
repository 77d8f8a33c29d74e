"""What statistical offices print: quantities in printed units, rounded, with blanks, under the borders of each year.

Rows are reporters: the 297 units of the panel, then 莱芜 and 巢湖. The panel's controls are recomputed from these printed
numbers by the pipeline's formulas, so that the truth is stated in what a pipeline can know.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from citycarbon.sample.design import (
    CHAOHU,
    JINAN,
    LAIWU,
    LAST_HOUSEHOLDS_YEAR,
    LAST_INVESTMENT_LEVEL,
    LOW_TECHNOLOGY,
    POLICY,
    TRANSFERS,
)
from citycarbon.sample.dgp import Array, Latent, ar1, stream
from citycarbon.sample.places import FIRST_YEAR, LAST_YEAR, YEARS, Places

T = len(YEARS)
SANSHA = "460300"
SENTENCE_WORDS = 8  # words of two characters in a neutral sentence of a report
# Indicator -> (canonical units in one printed unit, decimals printed).
PRINTED = {
    "gdp_yuan": (1e4, 0),
    "gdp_index": (1.0, 1),
    "gdp_pc_yuan": (1.0, 0),
    "population_persons": (1e4, 2),
    "secondary_va_yuan": (1e4, 0),
    "industrial_va_yuan": (1e4, 0),
    "fai_yuan": (1e4, 0),
    "fai_growth_pct": (1.0, 1),
    "budget_expenditure_yuan": (1e4, 0),
    "education_expenditure_yuan": (1e4, 0),
    "retail_sales_yuan": (1e4, 0),
    "internet_users": (1.0, 0),
    "loans_yuan": (1e4, 0),
    "deposits_yuan": (1e4, 0),
    "area_km2": (1.0, 0),
}
INTERNET_WAN = (1e4, 2)  # 万户, after LAST_HOUSEHOLDS_YEAR
ADDITIVE = [k for k in PRINTED if k not in ("gdp_index", "gdp_pc_yuan", "fai_growth_pct")]


@dataclass(frozen=True)
class Published:
    """``values``: indicator -> (reporters x years) in canonical units, rounded as printed, NaN where blank or not listed."""

    reporters: list[str]  # adcodes
    row: dict[str, int]
    values: dict[str, Array]
    green: dict[str, Array]  # green_inv_app ..., patents_granted: counts
    env_words: Array  # units x years: environmental words in the report, NaN where no report was found


def printed_unit(indicator: str, year: int) -> tuple[float, int]:
    """Canonical units in one printed unit, and decimals, in the yearbook with data of ``year``."""
    return INTERNET_WAN if indicator == "internet_users" and year > LAST_HOUSEHOLDS_YEAR else PRINTED[indicator]


def listed_mask(places: Places, reporters: list[str]) -> Array:
    """True where a yearbook of that year lists the reporter."""
    row = {code: r for r, code in enumerate(reporters)}
    mask = np.zeros((len(reporters), T), dtype=bool)
    for t, year in enumerate(YEARS):
        mask[[row[c.adcode] for c in places.listed(year)], t] = True
    return mask


def blank_masks(places: Places, seed: int) -> dict[str, Array]:
    """Indicator -> True where the yearbook leaves the cell blank. Drawn before any value, so blanks tell nothing of values."""
    rng, reporters = stream(seed, "blanks"), reporter_codes(places)
    n = len(reporters)
    quality = rng.gamma(2.0, 0.5, n)  # some cities report badly in every table; mean 1
    ever = np.array([c in places.first_year.get(POLICY, {}) for c in reporters])
    quality[ever | (np.array(reporters) == LAIWU)] *= 0.2
    years = np.array(YEARS)
    rate = {k: np.full((n, T), 0.012) for k in PRINTED}
    rate["internet_users"][:, years <= 2005] = 0.12
    rate["internet_users"][:, years == 2020] = 0.15
    whole_row = rng.random((n, T)) < 0.015 * quality[:, None]
    never_growth = (rng.random(n) < 0.25) & ~ever
    masks = {}
    for name, p in rate.items():
        blank = (rng.random((n, T)) < p * quality[:, None]) | whole_row
        if name == "fai_growth_pct":
            blank |= never_growth[:, None]
        if name == "gdp_index":
            blank[:] = False  # a gap would end the chain of real GDP; offices publish growth even where levels are late
        if name == "gdp_yuan":
            blank[:, 0] = False
        blank[np.ix_(ever, years >= 2015)] = False
        masks[name] = blank
    sansha = reporters.index(SANSHA)
    for name in masks:
        masks[name][sansha] = name not in ("area_km2", "population_persons")
    return masks


def reporter_codes(places: Places) -> list[str]:
    return [c.adcode for c in places.panel] + [LAIWU, CHAOHU]


@dataclass(frozen=True)
class Shares:
    """Who printed which part of a unit's quantity (2021 borders): an entry per reporter and unit of which it printed any."""

    reporter: Array  # rows of the reporters
    unit: Array  # rows of the panel's units
    part: Array  # entries x years

    def printed(self, quantity: Array) -> Array:
        """Units x years to (reporters x years)."""
        out = np.zeros((int(self.reporter.max()) + 1, T))
        np.add.at(out, self.reporter, self.part * quantity[self.unit])
        return out


def shares(places: Places, reporters: list[str], area: bool = False) -> Shares:
    """Every unit prints its own, but for what TRANSFERS moved."""
    row = {code: r for r, code in enumerate(reporters)}
    parts = {(row[city.adcode], i): np.ones(T) for i, city in enumerate(places.panel)}
    for move in TRANSFERS:
        i, last = places.index[move.unit], move.last_year - FIRST_YEAR + 1
        part = np.where(np.arange(T) < last, move.area if area else move.share, 0.0)
        parts[row[move.unit], i] = parts[row[move.unit], i] - part
        parts[row[move.reporter], i] = part
    reporter, unit = np.array(list(parts)).T
    return Shares(reporter, unit, np.array(list(parts.values())))


def publish(places: Places, latent: Latent, seed: int) -> Published:
    """Round, split over reporters and blank. Ratios of the latent world are kept, apart from rounding."""
    reporters = reporter_codes(places)
    row = {code: r for r, code in enumerate(reporters)}
    unit = _unit_quantities(places, latent, seed)
    spread, land = shares(places, reporters), shares(places, reporters, area=True)
    values = {k: (land if k == "area_km2" else spread).printed(unit[k]) for k in ADDITIVE}
    values["gdp_pc_yuan"] = values["gdp_yuan"] / np.where(
        values["population_persons"] > 0, values["population_persons"], np.nan
    )
    values["gdp_index"] = _own(unit["gdp_index"], reporters, row, places)
    values["fai_growth_pct"] = _own(unit["fai_growth_pct"], reporters, row, places)
    listed, blanks = listed_mask(places, reporters), blank_masks(places, seed)
    years = np.array(YEARS)
    for name, x in values.items():
        for t, year in enumerate(YEARS):
            factor, decimals = printed_unit(name, year)
            x[:, t] = np.round(x[:, t] / factor, decimals) * factor
        x[blanks[name] | ~listed] = np.nan
    values["fai_yuan"][:, years > LAST_INVESTMENT_LEVEL] = np.nan
    values["fai_growth_pct"][:, years <= LAST_INVESTMENT_LEVEL] = np.nan
    values["gdp_index"][:, 0] = np.nan  # growth over 2002, which the sample does not hold
    return Published(reporters, row, values, _patents(places, latent, spread, listed, seed), _reports(places, latent, seed))


def _own(unit: Array, reporters: list[str], row: dict[str, int], places: Places) -> Array:
    """A variable that does not add: each reporter's own; 莱芜 and 巢湖 follow the city that took them in."""
    out = np.full((len(reporters), T), np.nan)
    out[: len(places.panel)] = unit
    out[row[LAIWU]], out[row[CHAOHU]] = unit[places.index[JINAN]], unit[places.index["340100"]]
    return out


def _unit_quantities(places: Places, latent: Latent, seed: int) -> dict[str, Array]:
    """Quantities in canonical units under 2021 borders, unrounded, from the latent ratios."""
    v, rng = latent.values, stream(seed, "quantities")
    n = len(places.panel)
    people = np.exp(v["lnpop"])
    real = np.exp(v["lnpgdp"]) * people
    gdp = real * v["deflator"]
    budget = v["budget_gdp"] * gdp
    investment = v["gov"] * budget
    index, growth = np.full((n, T), 100.0), np.zeros((n, T))
    index[:, 1:] = 100 * real[:, 1:] / real[:, :-1]
    growth[:, 1:] = 100 * (investment[:, 1:] / investment[:, :-1] - 1)
    industrial = v["industry"] * gdp
    secondary = np.minimum(industrial * (1.08 + 0.10 * rng.random((n, 1))), 0.93 * gdp)
    area = np.exp(9.3 + 0.6 * rng.standard_normal(n))[:, None] * np.ones(T)
    return {
        "gdp_yuan": gdp,
        "gdp_index": index,
        "population_persons": people,
        "secondary_va_yuan": secondary,
        "industrial_va_yuan": industrial,
        "fai_yuan": investment,
        "fai_growth_pct": growth,
        "budget_expenditure_yuan": budget,
        "education_expenditure_yuan": v["edu"] * budget,
        "retail_sales_yuan": v["market"] * gdp,
        "internet_users": np.exp(v["lnusers"]),
        "loans_yuan": v["loans_gdp"] * gdp,
        "deposits_yuan": v["loans_gdp"] * gdp * (1.25 + 0.3 * rng.random((n, 1))),
        "area_km2": area,
    }


def invention_shares(places: Places, seed: int) -> Array:
    """The part of a unit's green applications that are inventions (units x 1); the rest are utility models."""
    return 0.42 + 0.10 * stream(seed, "patents").random((len(places.panel), 1))


def green_applications(lngreen: Array, invention: Array) -> tuple[Array, Array]:
    """Inventions and utility models (units x years), not yet whole numbers, from ln(1 + applications)."""
    apply = np.exp(lngreen) - 1
    return apply * invention, apply * (1 - invention)


def _patents(places: Places, latent: Latent, spread: Shares, listed: Array, seed: int) -> dict[str, Array]:
    """Counts by reporter: green applications and grants, all patents granted. The policy moves applications only."""
    n = len(places.panel)
    invention = invention_shares(places, seed)
    inventions, models = green_applications(latent.lngreen, invention)
    grant = 0.6 * (np.exp(latent.values["lngreen0"]) - 1)
    every = (np.exp(latent.values["lngreen0"]) + 2) * latent.values["patent_ratio"]
    unit = {
        "green_inv_app": inventions,
        "green_um_app": models,
        "green_inv_grant": grant * invention * 0.6,
        "green_um_grant": grant * (1 - invention),
        "patents_granted": every,
    }
    # Registers back-cast every unit to its present code; the two abolished cities stand only in their own years.
    known = np.ones_like(listed)
    known[n:] = listed[n:]
    out = {k: np.round(spread.printed(x)) for k, x in unit.items()}
    for x in out.values():
        x[~known] = np.nan
    return out


def report_sentences(places: Places, seed: int) -> Array:
    """Neutral sentences in each report (units x years): it is cut at 1,500 characters, some are shorter."""
    return stream(seed, "report lengths").integers(72, 83, size=(len(places.panel), T))


def environmental_words(er: Array, neutral: Array, u: Array) -> Array:
    """Whole words that make up the share ``er`` beside ``neutral`` others: right on average over ``u``, uniform in [0, 1)."""
    return np.floor(neutral * er / (1 - er) + u)


def _reports(places: Places, latent: Latent, seed: int) -> Array:
    """Environmental words by report; NaN where no report was found (about 1 %)."""
    rng, er = stream(seed, "reports"), latent.er
    words = environmental_words(er, SENTENCE_WORDS * report_sentences(places, seed), rng.random(er.shape))
    lost = rng.random(er.shape) < 0.012
    lost[np.ix_(latent.first_year > 0, np.array(YEARS) >= 2015)] = False
    words[lost] = np.nan
    words[places.index[SANSHA]] = np.nan
    return words


def market_index(places: Places, seed: int) -> Array:
    """Marketization index (provinces x years): low in provinces of low-technology pilots, high in those of the others."""
    rng, provinces = stream(seed, "market index"), places.provinces
    level = 6.5 + 1.6 * rng.standard_normal(len(provinces))
    for i, p in enumerate(provinces):
        pilots = [c for c in places.first_year.get(POLICY, {}) if c[:2] == p["province_id"][:2]]
        if pilots:
            level[i] = (4.8 if set(pilots) & set(LOW_TECHNOLOGY) else 8.2) + 0.3 * rng.random()
    return np.round(level[:, None] + 0.12 * np.arange(T) + ar1(rng, len(provinces), 0.7, 0.15), 3)


def panel_view(places: Places, pub: Published, seed: int, base_year: int = FIRST_YEAR) -> dict[str, Array]:
    """The panel's variables as the pipeline's formulas make them from the printed numbers (units x years, NaN where missing).

    莱芜 is summed into 济南 in every year; a city that took in part of another is missing before its borders are comparable;
    real GDP is nominal GDP of an anchor year times the cumulated index; investment is chained from the last published level.
    """
    n = len(places.panel)

    def total(x: Array) -> Array:
        return under_present_borders(places, pub.row, x)

    anchors = np.array([max(base_year, places.comparable_from.get(c.adcode, 0)) for c in places.panel])
    q = {k: total(pub.values[k]) for k in ADDITIVE}
    view = {
        "gov": _investment(q["fai_yuan"], pub.values["fai_growth_pct"][:n]) / q["budget_expenditure_yuan"],
        "market": q["retail_sales_yuan"] / q["gdp_yuan"],
        "edu": q["education_expenditure_yuan"] / q["budget_expenditure_yuan"],
        "industry": q["industrial_va_yuan"] / q["gdp_yuan"],
        "internet": np.log(q["internet_users"]),
        "lnpgdp": np.log(
            _real_gdp(q["gdp_yuan"], pub.values["gdp_yuan"][:n], pub.values["gdp_index"][:n], anchors, base_year)
            / q["population_persons"]
        ),
        "loans_yuan": q["loans_yuan"],
        "patents_granted": total(pub.green["patents_granted"]),
        "er": pub.env_words / (pub.env_words + SENTENCE_WORDS * report_sentences(places, seed)),
    }
    view["green"] = total(pub.green["green_inv_app"]) + total(pub.green["green_um_app"])
    view["lngreen"] = np.log1p(view["green"])
    return view


def under_present_borders(places: Places, row: dict[str, int], x: Array) -> Array:
    """What reporters printed (reporters x years) as quantities of the units of 2021; NaN before borders are comparable."""
    years = np.array(YEARS)
    out = x[: len(places.panel)].copy()
    out[places.index[JINAN], years <= 2018] += x[row[LAIWU], years <= 2018]
    for code, year in places.comparable_from.items():
        if code in places.index:
            out[places.index[code], years < year] = np.nan
    return out


def _real_gdp(gdp: Array, own: Array, index: Array, anchors: Array, base_year: int) -> Array:
    """Real GDP in yuan of ``base_year``: nominal GDP of the anchor year moved along the index.

    The anchor is the base year. A city whose borders changed later is anchored in its first comparable year, deflated by its
    own nominal (``own``: under the borders of each year) over its own real growth up to the year before.
    """
    base = base_year - FIRST_YEAR
    growth = np.where(np.isnan(index), np.nan, index / 100)
    out = np.full_like(gdp, np.nan)
    for i, anchor in enumerate(anchors - FIRST_YEAR):
        deflator = 1.0
        if anchor > base + 1:
            deflator = own[i, anchor - 1] / (own[i, base] * growth[i, base + 1 : anchor].prod())
        out[i, anchor] = gdp[i, anchor] / deflator
        for t in range(anchor + 1, T):
            out[i, t] = out[i, t - 1] * growth[i, t]
        if anchor == base:
            for t in range(base - 1, -1, -1):
                out[i, t] = out[i, t + 1] / growth[i, t + 1]
    return out


def _investment(level: Array, growth: Array) -> Array:
    """Published levels, then the last level times the product of growth factors."""
    out = level.copy()
    for t in range(LAST_INVESTMENT_LEVEL - FIRST_YEAR + 1, LAST_YEAR - FIRST_YEAR + 1):
        out[:, t] = out[:, t - 1] * (1 + growth[:, t] / 100)
    return out


def availability(places: Places, seed: int) -> dict[str, Array]:
    """Where each variable of ``panel_view`` will exist; known before any value is drawn."""
    reporters = reporter_codes(places)
    listed, blanks = listed_mask(places, reporters), blank_masks(places, seed)
    ones = {k: np.where(blanks[k] | ~listed, np.nan, 1.0) for k in PRINTED}
    counts = {
        k: np.ones((len(reporters), T))
        for k in ("green_inv_app", "green_um_app", "green_inv_grant", "green_um_grant", "patents_granted")
    }
    er = np.ones((len(places.panel), T))
    view = panel_view(places, Published(reporters, {c: r for r, c in enumerate(reporters)}, ones, counts, er), seed)
    return {k: np.isfinite(x) for k, x in view.items()}
