"""What the differences between lists do to an estimate: the list's dating as a whole, kind by kind, and city by city.

Every dating is a set of (city, first year) on one and the same sample, so the resampling engine's algebra gives coefficient and
clustered error of each without a new fit. Changes are arithmetic of coding: no test belongs to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics.resampling import Design
from citycarbon.econometrics.sample import EFFECT_COLUMNS, estimation_sample
from citycarbon.policy_lists.compare import SWITCHED
from citycarbon.study.spec import POLICY_YEAR, Column, Study

if TYPE_CHECKING:
    import pandas as pd

# Column of ``policy_list_effects.csv`` -> type, in its order. ``switch``: sourced (the sourced dating), list (the list's), kind
# (the sourced dating with one kind of difference switched to the list's), city (with one city switched), rest (list less
# sourced less all kinds: what the kinds do together and not one by one).
EFFECT_ROWS: dict[str, type] = {
    "study": str, "list": str, "label": str, "table": str, "column": str, "fixed_effects": str, "switch": str, "kind": str,
    "city_id": str, "city_name": str, "list_year": int, "sourced_year": int, "cities": int, "estimate": float,
    "std_error": float, "change": float, "change_in_se": float, "n_obs": int, "n_treated_units": int, "n_treated_cells": int,
    "note": str,
}  # fmt: skip
_PANDAS = {str: "object", float: "float64", int: "Int64", bool: "boolean"}
Dating = dict[Any, int]  # city -> first treated year


@dataclass(frozen=True)
class _Switch:
    """One dating and what it is called."""

    dating: Dating
    labels: dict[str, Any]


def list_effects(panel: pd.DataFrame, study: Study, differences: pd.DataFrame) -> pd.DataFrame:
    """``policy_list_effects.csv`` (``EFFECT_ROWS``) for every list and every column of the study's first regression table.

    ``differences``: as of ``compare_lists``. ``change``: estimate less that of the sourced dating; ``change_in_se``: over its
    clustered standard error. ``cities``: switched cities that are in the sample. Cities are sorted by the size of their change.
    A list that is not supplied keeps one row a column that says so.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    table = next(iter(study.regression_tables()))
    columns = [c for c in study.regression_tables()[table].columns if is_comparable(c)] if study.treatment.lists else []
    for column in columns:
        sample = estimation_sample(panel, study, column).rows
        if sample.empty:
            continue
        cities = set(sample["city_id"])
        sourced = _dating(panel, study.policy_of(column), cities)
        years = sorted({*sourced.values(), *differences["list_year"].dropna().astype(int)})
        design = Design.build(
            sample,
            [column.outcome],
            column.controls,
            tuple(EFFECT_COLUMNS[name] for name in column.fixed_effects),
            years,
            cluster=EFFECT_COLUMNS[study.cluster],
        )
        for found in study.treatment.lists:
            mine = differences[differences["list"] == found.id]
            shared = {
                "study": study.study, "list": found.id, "label": found.label, "table": table, "column": column.id,
                "fixed_effects": " + ".join(column.fixed_effects), "n_obs": len(sample),
            }  # fmt: skip
            if mine.empty:
                rows.append({**shared, "switch": "list", "note": f"not supplied: {found.label}"})
                continue
            switches = _switches(sourced, mine[mine["kind"].isin(SWITCHED) & mine["city_id"].isin(cities)])
            rows += _estimated(design, switches, shared)
    blank = {name: "" if kind is str else None for name, kind in EFFECT_ROWS.items()}
    frame = pd.DataFrame([{**blank, **row} for row in rows], columns=list(EFFECT_ROWS))
    return frame.astype({name: _PANDAS[kind] for name, kind in EFFECT_ROWS.items()})


def is_comparable(column: Column) -> bool:
    """Columns whose sample does not depend on who is treated when, so that datings can be compared on one and the same."""
    plain = not (column.half or column.matching or column.exposures or column.winsorise or column.dated_by)
    return plain and column.treatment == "did" and column.estimator == "twfe"


def _dating(panel: pd.DataFrame, policy: str, cities: set[Any]) -> Dating:
    first = panel.groupby("city_id")[POLICY_YEAR + policy].first().dropna().astype(int).to_dict()
    return {city: year for city, year in first.items() if city in cities}


def _switches(sourced: Dating, differing: pd.DataFrame) -> list[_Switch]:
    """The sourced dating, the list's, and the sourced one with each kind and each city switched to the list's year."""
    years = {
        r.city_id: None if r.list_year is None or r.list_year != r.list_year else int(r.list_year)
        for r in differing.astype({"list_year": "float64"}).itertuples()
    }
    out = [
        _Switch(sourced, {"switch": "sourced", "cities": 0}),
        _Switch(_switched(sourced, years), {"switch": "list", "cities": len(years)}),
    ]
    for kind in [k for k in SWITCHED if k in set(differing["kind"])]:
        some = {c: years[c] for c in differing.loc[differing["kind"] == kind, "city_id"]}
        out.append(_Switch(_switched(sourced, some), {"switch": "kind", "kind": kind, "cities": len(some)}))
    for row in differing.to_dict("records"):
        labels = {name: row[name] for name in ("kind", "city_id", "city_name", "list_year", "sourced_year")}
        some = {row["city_id"]: years[row["city_id"]]}
        out.append(_Switch(_switched(sourced, some), {"switch": "city", **labels, "cities": 1}))
    return out


def _switched(sourced: Dating, years: Mapping[Any, int | None]) -> Dating:
    mixed = {**sourced, **years}
    return {city: year for city, year in mixed.items() if year is not None}


def _estimated(design: Design, switches: list[_Switch], shared: dict[str, Any]) -> list[dict[str, Any]]:
    size = max(len(s.dating) for s in switches)
    atoms = np.full((size, len(switches)), design.empty, dtype=np.int32)
    for i, switch in enumerate(switches):
        atoms[: len(switch.dating), i] = [design.atom_of(c, y) for c, y in sorted(switch.dating.items())]
    found = design.statistics(atoms, chunk=min(len(switches), 512))
    beta, error = found.beta(), found.std_error()
    rows = []
    for i, switch in enumerate(switches):
        change = beta[i] - beta[0]
        rows.append(
            {
                **shared,
                **switch.labels,
                "estimate": float(beta[i]),
                "std_error": float(error[i]),
                "change": float(change),
                "change_in_se": float(change / error[0]) if error[0] > 0 else np.nan,
                "n_treated_units": int(found.treated_units[i]),
                "n_treated_cells": int(found.cells[i]),
                "note": "" if np.isfinite(beta[i]) else "not estimable: the treatment is absorbed",
            }
        )
    return [*_in_order(rows), _rest(rows, shared)]


def _in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Cities by the size of their change, the largest first; ties by id."""
    cities = [r for r in rows if r["switch"] == "city"]
    return [r for r in rows if r["switch"] != "city"] + sorted(cities, key=lambda r: (-abs(r["change"]), r["city_id"]))


def _rest(rows: list[dict[str, Any]], shared: dict[str, Any]) -> dict[str, Any]:
    whole = next(r for r in rows if r["switch"] == "list")
    rest = whole["change"] - sum(r["change"] for r in rows if r["switch"] == "kind")
    scale = whole["change_in_se"] / whole["change"] if whole["change"] else np.nan
    return {**shared, "switch": "rest", "change": rest, "change_in_se": rest * scale}
