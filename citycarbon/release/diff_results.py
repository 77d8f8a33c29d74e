"""The results of two releases: every coefficient, the headline, checks, and the other tables and files that a run left.

A coefficient is known by table, column and term. Numbers that differ by less than rounding are told apart from changes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from citycarbon.release.diff_bundle import Bundle, CannotCompare, Row

if TYPE_CHECKING:
    import pandas as pd

Json = dict[str, Any]

ROUNDING = 1e-9  # of the larger of estimate and standard error, as in verify
_KEY = ("table", "column", "term")
_COUNTS = ("n_obs", "n_units", "n_clusters", "n_treated_units", "n_treated_cells")
_NUMBERS = ("estimate", "std_error", "p_value", "p_ri_t", "p_ri_beta")
_TEXTS = ("stars", "star_rule", "fixed_effects", "sample", "spec_id", "note")
# Named by key, or following from estimate and standard error: not told again where those differ.
_NOT_TOLD = {*_KEY, "study", "estimate", "std_error", "t_stat", "p_value", "conf_low", "conf_high"}
_OUTCOME = ("outcome", "outcome_unit", "transform")
# Compared elsewhere, or the same numbers in another form.
_SPECIAL = {"estimates.csv", "estimates.parquet", "quarantine.csv", "sample_attrition.csv"}
_BY_HASH_ALONE = ("tables/", "figures/", "seeds/", "lineage/")
MOST_KEYS = 7  # leading columns of a table that are tried as its key


# --- coefficients ------------------------------------------------------------------------------------------------------------


def compare_coefficients(old: Bundle, new: Bundle) -> Json:
    """Every coefficient of either release, the columns that were added and removed, and the headline.

    ``status``: same, rounding, changed, added, removed, other_outcome (its outcome, unit or transform is another, so no
    difference is formed), or not_estimable_old, not_estimable_new, not_estimable. ``difference`` is new minus old in the
    outcome's unit, ``in_old_se`` the same in standard errors of the older release.
    """
    before, after = (_estimates(b) for b in (old, new))
    keys = sorted(before.keys() | after.keys())
    columns = [sorted({k[:2] for k in side}) for side in (before, after)]
    return {
        "columns_added": [f"{t}:{c}" for t, c in columns[1] if (t, c) not in columns[0]],
        "columns_removed": [f"{t}:{c}" for t, c in columns[0] if (t, c) not in columns[1]],
        "headline": _headline(before, after),
        "rows": [_coefficient(k, before.get(k), after.get(k)) for k in keys],
    }


def _estimates(bundle: Bundle) -> dict[tuple[str, str, str], Row]:
    rows = bundle.rows("estimates.csv", (*_KEY, "estimate", "std_error"))
    found = {tuple(row[k] for k in _KEY): row for row in rows}
    if len(found) < len(rows):
        raise CannotCompare(f"estimates.csv of release {bundle.id} has a coefficient twice")
    return found


def _coefficient(key: tuple[str, str, str], before: Row | None, after: Row | None) -> Json:
    a, b = (None if row is None else _said(row) for row in (before, after))
    out = {**dict(zip(_KEY, key, strict=True)), "outcome": _outcome(after or before), "status": _status(a, b, before, after)}
    difference = b["estimate"] - a["estimate"] if out["status"] in ("same", "rounding", "changed") else None
    size = _size(before, after) if before and after else 1.0
    error = a["std_error"] if a else None
    return {
        **out,
        "old": a,
        "new": b,
        "difference": difference,
        "in_old_se": difference / error if difference is not None and error else None,
        "estimate_moved": out["status"] == "changed" and not _agree(before["estimate"], after["estimate"], size),
        "sign_changed": difference is not None and a["estimate"] * b["estimate"] < 0,
        "n_change": b["n_obs"] - a["n_obs"] if a and b and None not in (a["n_obs"], b["n_obs"]) else None,
        "stars_changed": bool(a and b and a["stars"] != b["stars"]),
        "also_changed": _differing(before, after, skip=_NOT_TOLD) if before and after else [],
    }


def _said(row: Row) -> Json:
    """The parts of a row that are compared: numbers as numbers, null where empty or absent from an older layout."""
    counts = {n: None if (x := _number(row.get(n))) is None else int(x) for n in _COUNTS}
    return {**{n: _number(row.get(n)) for n in _NUMBERS}, **counts, **{n: row.get(n, "") for n in _TEXTS}}


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _outcome(row: Row) -> Json:
    return {n: row.get(n, "") for n in _OUTCOME}


def _status(a: Json | None, b: Json | None, before: Row | None, after: Row | None) -> str:
    if a is None or b is None:
        return "added" if a is None else "removed"
    missing = [s["estimate"] is None for s in (a, b)]
    if any(missing):
        return "not_estimable" if all(missing) else "not_estimable_old" if missing[0] else "not_estimable_new"
    if _outcome(before) != _outcome(after):
        return "other_outcome"
    if all(before.get(n, "") == after.get(n, "") for n in (before.keys() | after.keys()) - {"study"}):
        return "same"
    return "changed" if _differing(before, after, skip={"study"}) else "rounding"


def _differing(before: Row, after: Row, skip: set[str]) -> list[str]:
    """Columns of a coefficient that differ by more than rounding, in the order of the file."""
    size = _size(before, after)
    names = [n for n in dict.fromkeys((*after, *before)) if n not in skip]
    scale = {"estimate": size, "std_error": size, "conf_low": size, "conf_high": size}
    return [n for n in names if not _agree(before.get(n, ""), after.get(n, ""), scale.get(n, 1.0))]


def _size(before: Row, after: Row) -> float:
    """What the difference of two estimates is judged by: the largest of both and their errors; 1 where all are zero."""
    stated = [_number(row.get(n)) for row in (before, after) for n in ("estimate", "std_error")]
    return max((abs(x) for x in stated if x is not None), default=0.0) or 1.0


def _agree(x: str, y: str, size: float) -> bool:
    """Whether two cells say the same up to rounding: an estimate is judged by its standard error too, a p-value by one."""
    a, b = _number(x), _number(y)
    return x == y or (a is not None and b is not None and abs(b - a) <= ROUNDING * max(abs(a), abs(b), size))


def _headline(before: dict[tuple[str, str, str], Row], after: dict[tuple[str, str, str], Row]) -> Json:
    """The main coefficient (as a release's page has it) of the newer release beside the same of the older one.

    Where that of the older one is no longer estimable, that is the news, and it is the one described.
    """
    older, newer = (_main(rows) for rows in (before, after))
    if older is None and newer is None:
        return {"not_compared": "neither release has an estimable effect of its policy"}
    is_lost = older is not None and _number(after.get(older, {}).get("estimate")) is None
    key = older if newer is None or is_lost else newer
    found = _coefficient(key, before.get(key), after.get(key))
    terms = [k[2] for k in (before if key == older else after) if k[:2] == key[:2]]
    return {
        **found,
        "variables": [found["outcome"]["outcome"], *(t for t in terms if not t.startswith(("did", "_")))],
        "older_headline": ":".join(older) if older else None,
        "newer_headline": ":".join(newer) if newer else None,
    }


def _main(rows: dict[tuple[str, str, str], Row]) -> tuple[str, str, str] | None:
    from citycarbon.report.sentences import headline_row

    row = headline_row(_frame(rows.values())) if rows else None
    return None if row is None else tuple(row[k] for k in _KEY)


def _frame(rows: Iterable[Row]) -> pd.DataFrame:
    import pandas as pd

    columns = [*_KEY, "estimate", "fixed_effects"]
    frame = pd.DataFrame([[row.get(c, "") for c in columns] for row in rows], columns=columns)
    return frame.assign(estimate=pd.to_numeric(frame["estimate"], errors="coerce"))


# --- checks ------------------------------------------------------------------------------------------------------------------


def compare_checks(old: Bundle, new: Bundle) -> Json:
    """Checks that newly fail and newly pass, those that only one release has, and those whose finding is another."""
    before, after = (_checks(b) for b in (old, new))
    both = sorted(before.keys() & after.keys())
    pairs = [(k, before[k], after[k]) for k in both]
    return {
        "newly_failing": [_check(k, a, b) for k, a, b in pairs if a["passed"] and not b["passed"]],
        "newly_passing": [_check(k, a, b) for k, a, b in pairs if not a["passed"] and b["passed"]],
        "changed": [_check(k, a, b) for k, a, b in pairs if a["passed"] == b["passed"] and a != b],
        "added": [_check(k, None, after[k]) for k in sorted(after.keys() - before.keys())],
        "removed": [_check(k, before[k], None) for k in sorted(before.keys() - after.keys())],
        "same": sum(a == b for _, a, b in pairs),
    }


def _checks(bundle: Bundle) -> dict[tuple[str, str], Json]:
    body = bundle.json("checks.json")
    listed = body.get("checks") if isinstance(body, dict) else None
    if not isinstance(listed, list) or not all(isinstance(c, dict) and isinstance(c.get("id"), str) for c in listed):
        raise CannotCompare(f"checks.json of release {bundle.id} lists no checks")
    return {(str(c.get("engine", "")), c["id"]): _finding(c) for c in listed}


def _finding(check: Json) -> Json:
    said = {k: str(check.get(k, "")) for k in ("severity", "observed", "expected")}
    listed = check.get("failing")
    keys = [key if isinstance(key, list) else [key] for key in (listed if isinstance(listed, list) else [])]
    return {"passed": bool(check.get("passed")), **said, "failing": [":".join(map(str, key)) for key in keys]}


def _check(key: tuple[str, str], a: Json | None, b: Json | None) -> Json:
    """One check on both sides; of the failing city-years their number and those that are new."""
    sides = {name: None if s is None else {**s, "failing": len(s["failing"])} for name, s in (("old", a), ("new", b))}
    known = set(a["failing"]) if a else set()
    fresh = [f for f in b["failing"] if f not in known] if b else []
    return {"engine": key[0], "id": key[1], **sides, "newly_failing_keys": fresh}


# --- other tables and files --------------------------------------------------------------------------------------------------


def compare_row_counts(old: Bundle, new: Bundle) -> list[Json]:
    """Rows of every csv and parquet file of either release; null where it has none, or where it cannot be read."""
    names = sorted({n for b in (old, new) for n in b.files() if n.endswith((".csv", ".parquet"))})
    return [{"file": n, "old": _count(old, n), "new": _count(new, n)} for n in names]


def _count(bundle: Bundle, name: str) -> int | None:
    stated = bundle.manifest["row_counts"].get(name)
    if isinstance(stated, int) and name in bundle.present and name not in bundle.faults:
        return stated
    try:
        return bundle.parquet_rows(name) if name.endswith(".parquet") else len(bundle.csv(name)[1])
    except CannotCompare:
        return None


def compare_quarantine(old: Bundle, new: Bundle) -> list[Json]:
    """Cells and lines in quarantine by step, source and reason, where their number differs."""
    needed = ("step", "source", "reason_code")
    counts = [Counter(tuple(row[k] for k in needed) for row in b.rows("quarantine.csv", needed)) for b in (old, new)]
    keys = sorted(counts[0].keys() | counts[1].keys())
    return [
        {**dict(zip(needed, k, strict=True)), "old": counts[0][k], "new": counts[1][k]}
        for k in keys
        if counts[0][k] != counts[1][k]
    ]


def compare_tables(old: Bundle, new: Bundle) -> list[Json]:
    """Every other csv table that both have and whose bytes differ: rows added, removed and changed, and in which columns.

    The key of a table is the fewest of its first columns that tell its rows apart in both releases; where there is none, whole
    rows are counted. Values stay in the tables.
    """
    shared = old.files().keys() & new.files().keys()
    names = sorted(n for n in shared if n.endswith(".csv") and n not in _SPECIAL and not n.startswith(_BY_HASH_ALONE))
    return [_table(old, new, n) for n in names if old.files()[n] != new.files()[n]]


def _table(old: Bundle, new: Bundle, name: str) -> Json:
    try:
        (head_a, a), (head_b, b) = old.csv(name), new.csv(name)
    except CannotCompare as why:
        return {"file": name, "not_compared": str(why)}
    shared = [c for c in head_a if c in head_b]
    columns = {
        "columns_added": [c for c in head_b if c not in head_a],
        "columns_removed": [c for c in head_a if c not in head_b],
    }
    at = [[head.index(c) for c in shared] for head in (head_a, head_b)]
    a, b = ([tuple(row[i] for i in places) for row in rows] for rows, places in zip((a, b), at, strict=True))
    width = next((n for n in range(1, min(MOST_KEYS, len(shared)) + 1) if _tells_apart(a, n) and _tells_apart(b, n)), None)
    counted = _by_row(a, b) if width is None else _by_key(a, b, width, shared)
    return {"file": name, **columns, "key": shared[:width] if width else [], **counted}


def _tells_apart(rows: list[tuple[str, ...]], width: int) -> bool:
    return len({row[:width] for row in rows}) == len(rows)


def _by_row(a: list[tuple[str, ...]], b: list[tuple[str, ...]]) -> Json:
    before, after = Counter(a), Counter(b)
    gone, come = before - after, after - before
    return {"rows_added": come.total(), "rows_removed": gone.total(), "rows_changed": 0, "rounding": 0, "changed_columns": {}}


def _by_key(a: list[tuple[str, ...]], b: list[tuple[str, ...]], width: int, names: list[str]) -> Json:
    before, after = ({row[:width]: row for row in rows} for rows in (a, b))
    both = before.keys() & after.keys()
    changed, rounding, columns = 0, 0, Counter()
    for key in both:
        cells = [i for i, (x, y) in enumerate(zip(before[key], after[key], strict=True)) if x != y]
        real = [i for i in cells if not _agree(before[key][i], after[key][i], 0.0)]
        changed += bool(real)
        rounding += bool(cells and not real)
        columns.update(names[i] for i in real)
    return {
        "rows_added": len(after.keys() - both),
        "rows_removed": len(before.keys() - both),
        "rows_changed": changed,
        "rounding": rounding,
        "changed_columns": dict(sorted(columns.items())),
    }


def compare_files(old: Bundle, new: Bundle) -> Json:
    """Tables, figures and every other file of results by hash: names added, removed and changed, and how many are the same."""
    a, b = old.files(), new.files()
    both = a.keys() & b.keys()
    changed = sorted(n for n in both if a[n] != b[n])
    return {
        "added": sorted(b.keys() - both),
        "removed": sorted(a.keys() - both),
        "changed": changed,
        "same": len(both) - len(changed),
    }
