"""Panels of the sample's data-generating process as arrays, for experiments that need thousands: no file is written.

A block is what many panels share: cities, their traits, the controls as they would be published, and the pattern of missing
rows, which is that of one sample (``PATTERN_SEED``) in every block. A panel is what is new in each: the AR(1) errors of ln CO2,
the paths of green patents and of environmental words, and the rounding of both to whole numbers. The policy is added last, to
whichever cities are treated, so that nothing a panel is made of knows who they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from citycarbon.sample.design import AR_RHO, AR_SD, CONTROLS
from citycarbon.sample.dgp import Array, Latent, ar1, draw_latent, er_path, green_path, high_digital, stream
from citycarbon.sample.places import Places, load_places
from citycarbon.sample.published import (
    SENTENCE_WORDS,
    Shares,
    availability,
    environmental_words,
    green_applications,
    invention_shares,
    market_index,
    panel_view,
    publish,
    report_sentences,
    reporter_codes,
    shares,
    under_present_borders,
)
from citycarbon.sample.truth import halves
from citycarbon.sample.world import has_counties, untreated_lnco2

PATTERN_SEED = 1  # whose blanks and lost reports every block has: the sample that is built by default


@dataclass(frozen=True)
class Block:
    """What a run of panels shares. Arrays are units (``Places.panel``) x years (``places.YEARS``)."""

    places: Places
    seed: int
    latent: Latent
    view: dict[str, Array]  # controls, patents_granted, loans_yuan as the pipeline will compute them
    rows: Array  # the estimation sample of Table 2
    reported: Array  # where an environmental share exists
    neutral: Array  # words of each report that are not environmental
    invention: Array  # units x 1
    spread: Shares
    reporter_row: dict[str, int]

    @property
    def n_units(self) -> int:
        return len(self.places.panel)

    @cached_property
    def splits(self) -> dict[str, tuple[Array, Array]]:
        """Split -> (low, high): units in either half, by the rules of the study; the digital split has no median."""
        digital = high_digital(self.places)
        row = {p["province_id"]: r for r, p in enumerate(self.places.provinces)}
        index = market_index(self.places, self.seed)[[row[c.province_id] for c in self.places.panel]]
        return {
            "technology": halves(self.view["patents_granted"], self.rows),
            "market": halves(index, self.rows),
            "finance": halves(self.view["loans_yuan"], self.rows),
            "digital": (~digital, digital),
        }

    @property
    def pilots(self) -> Array:
        """First treated year of the real pilots by unit, 0 elsewhere and for those of 2022."""
        return self.latent.first_year

    @property
    def population(self) -> Array:
        """Persons in the first year, by unit."""
        return np.exp(self.latent.values["lnpop"][:, 0])


@dataclass(frozen=True)
class Panel:
    """One draw: outcomes as they would be without the policy, and with it for any treated set."""

    block: Block
    lnco2_untreated: Array
    lngreen0: Array
    er0: Array
    rounding: Array  # uniform numbers that round words

    def lnco2(self, effect: Array) -> Array:
        """ln Mt with ``effect`` (by cell, or a number) added; exists on all rows of the sample."""
        return self.lnco2_untreated + effect

    def lngreen(self, effect: Array) -> Array:
        """ln(1 + applications), counts being whole and under the borders of each year; ``effect`` by cell on the log."""
        block = self.block
        counts = green_applications(self.lngreen0 + effect, block.invention)
        whole = [under_present_borders(block.places, block.reporter_row, np.round(block.spread.printed(x))) for x in counts]
        return np.log1p(whole[0] + whole[1])

    def er(self, effect: Array) -> Array:
        """Share of environmental words, counted in whole words; ``effect`` by cell on the share. NaN where no report is."""
        words = environmental_words(self.er0 + effect, self.block.neutral, self.rounding)
        return np.where(self.block.reported, words / (words + self.block.neutral), np.nan)


def sample_rows(places: Places, seed: int = PATTERN_SEED) -> Array:
    """The estimation sample of Table 2 in the sample of ``seed`` (units x years); known before any value is drawn."""
    available = availability(places, seed)
    return np.logical_and.reduce([available[k] for k in CONTROLS]) & has_counties(places)[:, None]


def draw_block(seed: int) -> Block:
    """New traits, controls and city effects on the sample's missing pattern; of ``PATTERN_SEED`` it is the sample itself."""
    places = load_places()
    rows, reporters = sample_rows(places), reporter_codes(places)
    latent = draw_latent(places, seed, rows)
    published = publish(places, latent, PATTERN_SEED)
    view = panel_view(places, published, PATTERN_SEED)
    return Block(
        places=places,
        seed=seed,
        latent=latent,
        view=view,
        rows=rows,
        reported=np.isfinite(view["er"]),
        neutral=SENTENCE_WORDS * report_sentences(places, PATTERN_SEED),
        invention=invention_shares(places, PATTERN_SEED),
        spread=shares(places, reporters),
        reporter_row=published.row,
    )


def draw_panel(block: Block, seed: int, error_scale: Array | float = 1.0) -> Panel:
    """New errors and new paths of both mechanisms. ``error_scale`` multiplies the sd of the errors of ln CO2 by unit."""
    errors = ar1(stream(seed, "co2"), block.n_units, AR_RHO, AR_SD) * np.reshape(error_scale, (-1, 1))
    traits = block.latent.traits
    return Panel(
        block=block,
        lnco2_untreated=untreated_lnco2(block.places, block.latent, block.view, block.seed, errors),
        lngreen0=green_path(stream(seed, "green"), traits["skill"], block.rows),
        er0=er_path(stream(seed, "er"), traits["words"], block.rows),
        rounding=stream(seed, "rounding").random(block.rows.shape),
    )
