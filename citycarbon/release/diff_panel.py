"""The panels of two releases: rows, values of every variable, flags, units and formulas, and who entered or left the sample.

A value that a public bundle leaves empty is never compared: the other side's value would give it away.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.release.diff_bundle import Bundle, CannotCompare
from citycarbon.study.spec import is_of_a_list

if TYPE_CHECKING:
    import pandas as pd

Json = dict[str, Any]

ROUNDING = 1e-9  # relative: what two machines may differ by, with room to spare; a printed digit differs by far more
LARGEST = 5  # changes listed a variable
KEYS = ("city_id", "year")
_ASIDE = {"in_sample", "drop_reason", "drop_step"}  # the sample has a section of its own
_LOGS = ("ln", "ln(1+x)")


@dataclass(frozen=True)
class _Pair:
    """Both panels on the union of their rows; ``here_old``/``here_new``: which rows each of them has."""

    old: pd.DataFrame
    new: pd.DataFrame
    here_old: np.ndarray
    here_new: np.ndarray
    names: dict[str, str]  # city_id -> name, the newer one where both have it
    public: tuple[bool, bool]

    @property
    def keys(self) -> list[tuple[str, int]]:
        return list(self.old.index)


def compare_panel(old: Bundle, new: Bundle) -> Json:
    """Rows, columns, every numeric and text variable, flags, and the sample.

    Counts are of cells (one city-year of one variable). ``largest`` holds at most five changes a variable, by the size of the
    relative change; ``relative`` of a logarithm is that of the quantity inside.
    """
    pair = _together(old, new)
    columns = sorted(set(pair.old.columns) & set(pair.new.columns) - _ASIDE)
    flags = [c for c in columns if c.endswith("_flag")]
    numbers = [c for c in columns if c not in flags and _is_number(pair.old[c]) and _is_number(pair.new[c])]
    texts = [c for c in columns if c not in flags and c not in numbers]
    return {
        "rows": _rows(pair),
        "columns_added": sorted(set(pair.new.columns) - set(pair.old.columns)),
        "columns_removed": sorted(set(pair.old.columns) - set(pair.new.columns)),
        "variables": [*(_numbers(pair, c) for c in numbers), *(_texts(pair, c) for c in texts)],
        "flags": [_flags(pair, c) for c in flags],
        "sample": _sample(pair, new),
    }


def compare_cells(old: Bundle, new: Bundle) -> Json:
    """Units and formulas of the panel's variables, from the cells: per variable what differs, formulas with their counts."""
    before, after = (_stated(b) for b in (old, new))
    both = sorted(before.keys() & after.keys())
    units = [{"variable": v, "old": o, "new": n} for v in both if (o := _units(before[v])) != (n := _units(after[v]))]
    formulas = []
    for v in both:
        counts = [_formulas(said[v]) for said in (before, after)]
        for text in sorted(counts[0].keys() | counts[1].keys()):
            if counts[0][text] != counts[1][text]:
                formulas.append({"variable": v, "formula": text, "old": counts[0][text], "new": counts[1][text]})
    return {"units": units, "formulas": formulas}


# --- both panels on one index ------------------------------------------------------------------------------------------------


def _together(old: Bundle, new: Bundle) -> _Pair:
    a, b = _read(old), _read(new)
    index = a.index.union(b.index).sort_values()
    names = {}
    for frame in (a, b):
        if "city_name" in frame:
            names |= dict(zip(frame.index.get_level_values(0), frame["city_name"].astype(str), strict=True))
    return _Pair(a.reindex(index), b.reindex(index), index.isin(a.index), index.isin(b.index), names, (old.public, new.public))


def _read(bundle: Bundle) -> pd.DataFrame:
    frame = bundle.table("panel.parquet", KEYS).to_pandas()
    try:
        frame = frame.astype({"city_id": str, "year": int}).set_index(list(KEYS))
    except (ValueError, TypeError) as err:
        raise CannotCompare(f"panel.parquet of release {bundle.id} has keys that cannot be read ({err})") from None
    if not frame.index.is_unique:
        raise CannotCompare(f"panel.parquet of release {bundle.id} has a city-year twice")
    return frame


def _is_number(column: pd.Series) -> bool:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    return is_numeric_dtype(column) and not is_bool_dtype(column)


def _rows(pair: _Pair) -> Json:
    added, removed = pair.here_new & ~pair.here_old, pair.here_old & ~pair.here_new
    return {
        "old": int(pair.here_old.sum()),
        "new": int(pair.here_new.sum()),
        "added": _named(pair, added),
        "removed": _named(pair, removed),
    }


def _named(pair: _Pair, mask: np.ndarray) -> list[str]:
    return [f"{city}:{year}" for (city, year), hit in zip(pair.keys, mask, strict=True) if hit]


# --- values ------------------------------------------------------------------------------------------------------------------


def _numbers(pair: _Pair, name: str) -> Json:
    a, b = (frame[name].to_numpy(dtype=float, na_value=np.nan) for frame in (pair.old, pair.new))
    no_a, no_b = np.isnan(a), np.isnan(b)
    closed = _closed(pair, name, no_a, no_b)
    with np.errstate(invalid="ignore", over="ignore"):
        away = np.abs(b - a)
        differs = ~no_a & ~no_b & (a != b)
        rounding = differs & (away <= ROUNDING * np.maximum(np.abs(a), np.abs(b)))
    changed = differs & ~rounding
    return {
        "variable": name,
        "kind": "policy" if name.startswith(("did", "first_year_")) else "number",
        "added": int((no_a & ~no_b & ~closed).sum()),
        "removed": int((~no_a & no_b & ~closed).sum()),
        "changed": int(changed.sum()),
        "rounding": int(rounding.sum()),
        "withheld": int(closed.sum()),
        "same": int((a == b).sum()),
        "largest": _largest(pair, name, a, b, changed),
    }


def _closed(pair: _Pair, name: str, no_a: np.ndarray, no_b: np.ndarray) -> np.ndarray:
    """Cells that one side has and the other, a public bundle, leaves empty: withheld there, or without a value."""
    if name.startswith("first_year_") and not is_of_a_list(
        name
    ):  # ours: never withheld, and empty where a city is in no policy
        return np.zeros(len(no_a), dtype=bool)
    closed_a = pair.public[0] & pair.here_old & no_a & ~no_b
    closed_b = pair.public[1] & pair.here_new & no_b & ~no_a
    return closed_a | closed_b


def _largest(pair: _Pair, name: str, a: np.ndarray, b: np.ndarray, changed: np.ndarray) -> list[Json]:
    from citycarbon.study.dictionary import VARIABLES

    is_log = name in VARIABLES and VARIABLES[name].transform in _LOGS
    at = np.flatnonzero(changed)
    old, new = a[at], b[at]
    if is_log:
        size, relative = np.abs(new - old), np.expm1(new - old)
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.where(old * new > 0, np.abs(np.log(np.abs(new)) - np.log(np.abs(old))), np.inf)
            relative = np.where(old != 0, (new - old) / np.abs(old), np.nan)
    order = np.lexsort((at, -np.abs(new - old), -size))[:LARGEST]  # rows are sorted by city and year: ties have one order
    whole = bool(np.all(np.mod(np.concatenate([old[order], new[order]]), 1) == 0))
    return [
        {
            **_where(pair, at[i]),
            "old": _plain(old[i], whole),
            "new": _plain(new[i], whole),
            "relative": None if name.startswith("first_year_") else _plain(relative[i]),
        }
        for i in order
    ]


def _where(pair: _Pair, i: int) -> Json:
    city, year = pair.keys[i]
    return {"city_id": city, "city_name": pair.names.get(city, ""), "year": int(year)}


def _plain(value: float, whole: bool = False) -> float | int | None:
    if not math.isfinite(value):
        return None
    return int(value) if whole else float(value)


def _texts(pair: _Pair, name: str) -> Json:
    a, b = (_text(frame[name]) for frame in (pair.old, pair.new))
    both = pair.here_old & pair.here_new
    added, removed = both & (a == "") & (b != ""), both & (a != "") & (b == "")
    changed = both & (a != "") & (b != "") & (a != b)
    at = changed.nonzero()[0][:LARGEST]
    return {
        "variable": name,
        "kind": "text",
        "added": int((added | (pair.here_new & ~pair.here_old & (b != ""))).sum()),
        "removed": int((removed | (pair.here_old & ~pair.here_new & (a != ""))).sum()),
        "changed": int(changed.sum()),
        "rounding": 0,
        "withheld": 0,
        "same": int((both & (a == b) & (a != "")).sum()),
        "largest": [{**_where(pair, i), "old": a[i], "new": b[i], "relative": None} for i in at],
    }


def _text(column: pd.Series) -> np.ndarray:
    return column.astype("object").where(column.notna(), "").to_numpy(dtype=str)


def _flags(pair: _Pair, name: str) -> Json:
    """How many cells changed their flag, and how many have each kind of flag on either side."""
    a, b = (_text(frame[name]) for frame in (pair.old, pair.new))
    kinds = [_kinds(Counter(side.tolist())) for side in (a, b)]
    differing = [
        {"kind": k, "old": kinds[0][k], "new": kinds[1][k]}
        for k in sorted(kinds[0].keys() | kinds[1].keys())
        if kinds[0][k] != kinds[1][k]
    ]
    return {"variable": name.removesuffix("_flag"), "changed": int((a != b).sum()), "kinds": differing}


def _kinds(texts: Counter[str]) -> Counter[str]:
    """Cells with each kind of flag; a cell may name several, separated by ``;``."""
    kinds: Counter[str] = Counter()
    for text, n in texts.items():
        kinds.update({k: n for part in text.split(";") if (k := part.strip())})
    return kinds


# --- the sample --------------------------------------------------------------------------------------------------------------


def _sample(pair: _Pair, new: Bundle) -> Json:
    """City-years that entered and left the estimation sample, by the reason that the side without them states."""
    for frame in (pair.old, pair.new):
        if "in_sample" not in frame:
            return {"not_compared": "one panel does not say which rows are in the sample (in_sample)"}
    a, b = (frame["in_sample"].isin([True]).to_numpy() for frame in (pair.old, pair.new))  # a null is no
    none = np.full(len(a), "")
    reasons = [_text(f["drop_reason"]) if "drop_reason" in f else none for f in (pair.old, pair.new)]
    treated = _treated(pair, new)
    return {
        "old": int(a.sum()),
        "new": int(b.sum()),
        "gained": _group(pair, b & ~a, reasons[0], pair.here_old, "not in the older panel", treated),
        "lost": _group(pair, a & ~b, reasons[1], pair.here_new, "not in the newer panel", treated),
        "reasons": _reason_counts(reasons, (pair.here_old & ~a, pair.here_new & ~b)),
    }


def _treated(pair: _Pair, new: Bundle) -> np.ndarray | None:
    """Rows that either panel has as treated by the policy of the newer study; None where that cannot be told."""
    try:
        name = f"did_{new.yaml('study.yaml')['treatment']['policy']}"
    except (CannotCompare, KeyError, TypeError):
        return None
    columns = [frame[name] for frame in (pair.old, pair.new) if name in frame]
    return None if not columns else sum((c == 1).to_numpy(dtype=int) for c in columns) > 0


def _group(
    pair: _Pair, mask: np.ndarray, reasons: np.ndarray, here: np.ndarray, absent: str, treated: np.ndarray | None
) -> list[Json]:
    said = np.where(here, np.where(reasons == "", "no reason stated", reasons), absent)
    groups = []
    for reason in sorted(set(said[mask].tolist())):
        rows = mask & (said == reason)
        n_treated = None if treated is None else int((rows & treated).sum())
        groups.append({"reason": reason, "rows": int(rows.sum()), "treated": n_treated, "keys": _named(pair, rows)})
    return sorted(groups, key=lambda g: (-g["rows"], g["reason"]))


def _reason_counts(reasons: list[np.ndarray], out: tuple[np.ndarray, np.ndarray]) -> list[Json]:
    counts = [Counter(r or "no reason stated" for r in said[rows].tolist()) for said, rows in zip(reasons, out, strict=True)]
    names = sorted(counts[0].keys() | counts[1].keys())
    return [{"reason": str(n), "old": counts[0][n], "new": counts[1][n]} for n in names if counts[0][n] != counts[1][n]]


# --- units and formulas ------------------------------------------------------------------------------------------------------


def _stated(bundle: Bundle) -> dict[str, list[tuple[str, str, int]]]:
    """Variable -> (unit, formula, number of cells that state both)."""
    columns = ("variable", "unit", "formula")
    table = bundle.table("panel_cells.parquet", columns, only=True)
    found: dict[str, list[tuple[str, str, int]]] = {}
    for row in table.group_by(list(columns)).aggregate([([], "count_all")]).to_pylist():
        found.setdefault(row["variable"], []).append((str(row["unit"] or ""), str(row["formula"] or ""), row["count_all"]))
    return found


def _units(stated: list[tuple[str, str, int]]) -> str:
    return " or ".join(sorted({unit for unit, _, _ in stated}))


def _formulas(stated: list[tuple[str, str, int]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for _, formula, n in stated:
        counts[formula] += n
    return counts
