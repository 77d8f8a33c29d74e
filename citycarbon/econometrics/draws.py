"""Who is treated in a draw: assignment schemes, exactly uniform draws from them, and the seeds. Nothing is estimated here.

Draws come in blocks of fixed size, each with a generator of its own, so that draw number i is the same whatever the number of
draws, the chunks they are computed in, or the worker that computes them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

BLOCK = 4096  # draws of one generator


@dataclass(frozen=True)
class Scheme:
    """A uniform law on assignments. Within each stratum distinct units are drawn, one for every slot.

    ``pools``: positions of the units of each stratum (disjoint); ``slots``: for each stratum the cohort (position in
    ``first_years``) of every slot. With ``random_years`` the cohorts of the slots are redrawn too, each uniform on
    ``first_years``. ``limits``: for each stratum and slot, of how many of the pool's first units it is drawn (never fewer than
    for the slot before); empty: every slot from the whole pool.
    """

    name: str
    first_years: tuple[int, ...]
    pools: tuple[np.ndarray, ...]
    slots: tuple[np.ndarray, ...]
    random_years: bool = False
    limits: tuple[np.ndarray, ...] = ()

    @property
    def size(self) -> int:
        """Units treated in a draw."""
        return sum(len(s) for s in self.slots)


def cohorts(
    units: Sequence[Any],
    first_year: Mapping[Any, int],
    name: str = "cohorts",
    *,
    last_year: Mapping[Any, int] | None = None,
) -> Scheme:
    """As many units in each cohort as are treated in the sample, drawn from the ``units`` of the sample.

    ``units``: labels in the order of the design; ``first_year``: treated unit -> first treated year, only units with a treated
    row in the sample. ``last_year``: unit -> its last year in the sample; a cohort is then drawn from units that still have a
    row when it starts, as those counted as treated all have. Without it a draw may name units without a treated row: fewer
    cities are then treated in the draws than in fact, and a test against them rejects too rarely where rows end early.
    Raises ValueError where a treated unit is not in the sample or none is treated.
    """
    return cohorts_stratified(units, first_year, [0] * len(units), name, last_year=last_year)


def cohorts_stratified(
    units: Sequence[Any],
    first_year: Mapping[Any, int],
    strata: Sequence[Any],
    name: str = "cohorts_stratified",
    *,
    last_year: Mapping[Any, int] | None = None,
) -> Scheme:
    """As :func:`cohorts`, within strata: ``strata`` gives one level per unit (a half, a province, a size class)."""
    if not first_year:
        raise ValueError("no treated unit in the sample: nothing to redraw")
    position = {unit: i for i, unit in enumerate(units)}
    unknown = [u for u in first_year if u not in position]
    if unknown:
        raise ValueError(f"treated units that are not in the sample: {', '.join(map(str, unknown))}")
    years = tuple(sorted(set(first_year.values())))
    level = np.asarray(strata)
    pools, slots, limits = [], [], []
    for value in dict.fromkeys(level[sorted(position[u] for u in first_year)].tolist()):
        pool = np.flatnonzero(level == value)
        members = np.array(sorted(years.index(g) for u, g in first_year.items() if level[position[u]] == value))
        if last_year is not None:
            last = np.array([last_year[units[i]] for i in pool])
            # Latest cohort first: its candidates are also those of every earlier one, so each set is equally likely.
            pool, members = pool[np.argsort(-last, kind="stable")], members[::-1]
            limits.append(np.array([(last >= years[c]).sum() for c in members]))
        pools.append(pool)
        slots.append(members)
    return Scheme(name, years, tuple(pools), tuple(slots), limits=tuple(limits))


def all_pilots(units: Sequence[Any], first_year: Mapping[Any, int]) -> Scheme:
    """As :func:`cohorts` for every pilot among ``units``, also those whose cohort has no treated year in the sample.

    Pilots that the sample does not hold are left out. A cohort after the sample draws empty atoms: a draw then treats fewer
    units than it names, and ``Statistics.treated_units`` says how many.
    """
    present = set(units)
    return cohorts(units, {u: g for u, g in first_year.items() if u in present}, "all_pilots")


def random_years(units: Sequence[Any], treated: int, years: Sequence[int]) -> Scheme:
    """``treated`` distinct units, each with a first year uniform on the years of the sample after the first one.

    A first year equal to the first year of the sample would treat all rows of a unit, which its own effect absorbs.
    """
    candidates = tuple(sorted({int(y) for y in years})[1:])
    if not candidates or not treated:
        raise ValueError("random years need a treated unit and two years in the sample")
    return Scheme("random_years", candidates, (np.arange(len(units)),), (np.zeros(treated, dtype=int),), random_years=True)


def seed_of(study_seed: int, table: str, column: str, scheme: str) -> int:
    """63-bit seed of one placebo: the first bytes of the SHA-256 of the study's seed, table, column and scheme."""
    digest = hashlib.sha256(f"{study_seed}/{table}/{column}/{scheme}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def block(scheme: Scheme, seed: int | tuple[int, ...], index: int) -> tuple[np.ndarray, np.ndarray]:
    """Units and cohorts (size, BLOCK) of block ``index``: uniform and independent of every other block."""
    rng = np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=(index,)))
    units = [pool[_distinct(rng, limit)] for pool, limit in zip(scheme.pools, _limits(scheme), strict=True)]
    if scheme.random_years:
        cohort = rng.integers(0, len(scheme.first_years), size=(scheme.size, BLOCK))
    else:
        cohort = np.repeat(np.concatenate(scheme.slots)[:, None], BLOCK, axis=1)
    return np.concatenate(units), cohort


def blocks(scheme: Scheme, seed: int | tuple[int, ...], draws: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The first ``draws`` draws of a scheme, block by block: units and cohorts (size, up to BLOCK)."""
    for index in range(-(-draws // BLOCK)):
        units, cohort = block(scheme, seed, index)
        width = min(BLOCK, draws - index * BLOCK)
        yield units[:, :width], cohort[:, :width]


def distinct_assignments(scheme: Scheme) -> float:
    """How many different assignments a scheme has: the smallest p-value it can give is about one over this number."""
    from math import comb

    total = 1
    for limit, s in zip(_limits(scheme), scheme.slots, strict=True):
        drawn = 0
        for size in [1] * len(s) if scheme.random_years else Counter(s.tolist()).values():
            total *= comb(int(limit[drawn]) - drawn, size) * (len(scheme.first_years) if scheme.random_years else 1)
            drawn += size
    if scheme.random_years:  # the order of the slots does not matter
        from math import factorial

        total //= factorial(scheme.size)
    try:
        return float(total)
    except OverflowError:  # more than a float can hold: hundreds of treated units
        return float("inf")


def _limits(scheme: Scheme) -> tuple[np.ndarray, ...]:
    """For each stratum and slot, of how many of the pool's first units it is drawn."""
    whole = (np.full(len(s), len(pool)) for pool, s in zip(scheme.pools, scheme.slots, strict=True))
    return scheme.limits or tuple(whole)


def _distinct(rng: np.random.Generator, limits: np.ndarray) -> np.ndarray:
    """Distinct numbers in random order, number j below ``limits[j]`` (not decreasing): Fisher-Yates, BLOCK draws at once."""
    deck = np.empty((limits[-1], BLOCK), dtype=np.int32)
    deck[:] = np.arange(limits[-1], dtype=np.int32)[:, None]
    flat, draw = deck.reshape(-1), np.arange(BLOCK)
    for j, limit in enumerate(limits.tolist()):
        swap = rng.integers(j, limit, size=BLOCK) * BLOCK + draw
        drawn = flat.take(swap)
        flat[swap] = deck[j]
        deck[j] = drawn
    return deck[: len(limits)]
