"""The trace of one value of the panel: its cell, the inputs of its formula and the raw rows behind them."""

from __future__ import annotations

from typing import Any

from citycarbon.errors import UsageError
from citycarbon.provenance.chains import chain_notes
from citycarbon.provenance.model import RawCell, Trace, TraceInput, number
from citycarbon.provenance.reread import reread
from citycarbon.provenance.store import Store


def trace_cell(store: Store, target: str, city_id: str, year: int, variable: str) -> Trace:
    """Follow one (city, year, variable) of the panel down to raw rows.

    A value that is missing is traced too: with what is there of its inputs and the reason why it is missing.
    """
    row, cells = store.panel_row(city_id, year), store.cells_of(city_id, year)
    notes = place_notes(store, row)
    cell = cells.get(variable)
    if cell is None:
        return Trace(target, None, None, None, [], [*notes, "no source gives this value; nothing was filled in"])
    inputs, raw = _inputs(store, cell, cells)
    notes += [f"flag: {cell['flag']}"] if cell["flag"] else []
    notes += chain_notes([(i["variable"], number(i["value"])) for i in cell["inputs"] or []])
    notes += _withheld_note(raw) + _correction_notes(store, raw) + _contradiction(store, row.get(variable), cell["value"])
    return Trace(target, number(cell["value"]), cell["unit"], cell["formula"], inputs, notes, _reread(store, raw), _names(raw))


def place_notes(store: Store, row: dict[str, Any]) -> list[str]:
    """City, year, study and whether the row is in the sample, one sentence each."""
    where = f"{row['city_name']} ({row['city_id']}), {row['year']}; study {store.study}"
    if store.release is None:
        return [where, "no release: traced in the marts of the last run, which no gate has passed"]
    if row.get("in_sample"):
        return [where, "in the estimation sample"]
    return [where, f"not in the estimation sample: {row.get('drop_reason') or 'no reason recorded'}"]


def raw_ids(given: dict[str, Any], cells: dict[str, dict], seen: frozenset[str] = frozenset()) -> list[str]:
    """Raw ids of one input: its own, else those of the cell of the same city-year that it names, and so on down."""
    if given["raw_ids"]:
        return list(given["raw_ids"])
    name = given["variable"]
    if name in seen or name not in cells:
        return []
    deeper = [raw_ids(i, cells, seen | {name}) for i in cells[name]["inputs"] or []]
    return list(dict.fromkeys(r for ids in deeper for r in ids))


def raw_cell(store: Store, row: dict[str, Any]) -> RawCell:
    """A raw row as the trace shows it."""
    snapshot = store.snapshot(row["file_sha256"])
    return RawCell(
        source=row["source"],
        edition=row["edition"],
        data_year=row["data_year"],
        path=str(snapshot) if snapshot else None,
        sha256=row["file_sha256"],
        sheet=row["sheet"],
        cell=row["cell"],
        line=row["line"],
        text=None if row.get("withheld") else row["text"],
        unit=row["unit"],
        scope=row["scope"],
    )


def _inputs(store: Store, cell: dict, cells: dict[str, dict]) -> tuple[list[TraceInput], dict[str, dict]]:
    ids_of = [(i["variable"], i["value"], raw_ids(i, cells)) for i in cell["inputs"] or []]
    wanted = sorted({r for _, _, ids in ids_of for r in ids})
    raw = store.raw_rows(wanted)
    missing = [r for r in wanted if r not in raw]
    if missing:
        raise UsageError(
            f"{len(missing)} of {len(wanted)} raw rows are named by the cell and are not there, the first is "
            f"{missing[0]}. Check the release with 'citycarbon verify'."
        )
    return [TraceInput(v, number(x), [raw_cell(store, raw[r]) for r in ids]) for v, x, ids in ids_of], raw


def _withheld_note(raw: dict[str, dict]) -> list[str]:
    sources = sorted({r["source"] for r in raw.values() if r.get("withheld")})
    return (
        [f"values of {', '.join(sources)} may not be passed on: hash and place are given, the text is not"] if sources else []
    )


def _contradiction(store: Store, printed: object, cell: object) -> list[str]:
    """The panel's value and its cell's must be one; said loudly where they are not."""
    a, b = number(printed), number(cell)
    return [] if a == b else [f"WARNING: the panel says {a} and its cell says {b}: check with 'citycarbon verify'"]


def _correction_notes(store: Store, raw: dict[str, dict]) -> list[str]:
    """One sentence for each declared correction that touched a raw row of this trace."""
    return [
        f"corrected by declaration {c['correction_id']}: {c.get('reason', '')}"
        for c in store.corrections
        if any(i and i in raw for i in str(c.get("raw_ids", "")).split(";"))
    ]


def _names(raw: dict[str, dict]) -> dict[str, str]:
    """sha256 -> the name under which the file was received."""
    return {r["file_sha256"]: r["file_name"] for r in raw.values()}


def _reread(store: Store, raw: dict[str, dict]) -> dict[str, bool | None]:
    readable = [r for r in raw.values() if not r.get("withheld")]
    found = reread(readable, store.home.snapshots)
    return {raw_cell(store, raw[i]).place: ok for i, ok in found.items()}
