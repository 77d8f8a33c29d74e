"""What may be said about two halves of a split: flags and one sentence, made of the numbers of a ``splits.csv`` row."""

from __future__ import annotations

import math
from typing import Any

from citycarbon.study.spec import Split

DIFFERENCE_LEVEL = 0.10  # of the two-sided randomisation p below which a half is called more pronounced
HALVES = ("low", "high")


def flag(row: dict[str, Any], split: Split, incomplete_lists: set[str]) -> str:
    """What weakens the comparison, joined by ``; ``: few treated cities, an incomplete list, cities in both halves."""
    out = []
    for half in HALVES:
        count = row[f"treated_units_{half}"]
        if count < 2:
            out.append(f"{_cities(count, 'treated')} in the {half} half: {'no star' if count else 'not estimable'}")
    incomplete = [p for p in split.policies if p in incomplete_lists]
    if incomplete:
        out.append(f"incomplete list of {', '.join(incomplete)}: a variant only")
    if row["n_units_both"]:
        out.append(f"split by rows: {_cities(row['n_units_both'])} in both halves")
    return "; ".join(out)


def sentence(row: dict[str, Any], note: str) -> str:
    """Whether the halves can be told apart. ``more pronounced`` only with p_ri below 0.10, two treated cities in each half.

    ``note``: why there is no test, where there is none.
    """
    what = f"Split by {row['label']}, {row['fixed_effects']} effects"
    halves = " and ".join(_half(row, half) for half in ("high", "low"))
    empty = [half for half in HALVES if not row[f"treated_units_{half}"]]
    if empty:
        return f"{what}: {halves}; nothing can be said about a difference." + _rows(row)
    if note or not math.isfinite(row["p_ri"]):
        return (
            f"{what}: {halves}; the difference has no test ({note or 'no redraw of the cities gives the statistic'})."
            + _rows(row)
        )
    numbers = f"high - low = {row['difference']:.3f} (s.e. {row['se']:.3f}), p = {row['p_ri']:.3g} by randomisation inference"
    single = [half for half in HALVES if row[f"treated_units_{half}"] == 1]
    if single:
        why = f"the {' and the '.join(single)} half rests on one treated city, which earns neither a star nor a comparison"
        return f"{what}: {halves}; {numbers}; {why}." + _rows(row)
    if row["p_ri"] >= DIFFERENCE_LEVEL:
        return f"{what}: the data cannot tell the halves apart: {halves}; {numbers}." + _rows(row)
    return f"{what}: {_stronger(row)}: {halves}; {numbers} under an equal effect of as-if-random pilots." + _rows(row)


def _stronger(row: dict[str, Any]) -> str:
    low, high = row["estimate_low"], row["estimate_high"]
    if low * high < 0:
        return "the coefficients of the halves differ and have opposite signs"
    return f"the coefficient is more pronounced in the {'high' if abs(high) > abs(low) else 'low'} half"


def _half(row: dict[str, Any], half: str) -> str:
    count, estimate = row[f"treated_units_{half}"], row[f"estimate_{half}"]
    if not count:
        return f"not estimable, 0 treated in the {half} half"
    if not math.isfinite(estimate):
        return f"not estimable in the {half} half ({_cities(count, 'treated')})"
    return f"{estimate:.3f} (s.e. {row[f'se_{half}']:.3f}, {_cities(count, 'treated')}) in the {half} half"


def _rows(row: dict[str, Any]) -> str:
    if not row["n_units_both"]:
        return ""
    return f" The split is by rows: {_cities(row['n_units_both'])} stand{'s' * (row['n_units_both'] == 1)} in both halves."


def _cities(count: int, kind: str = "") -> str:
    return f"{count:,} {kind + ' ' if kind else ''}{'city' if count == 1 else 'cities'}"
