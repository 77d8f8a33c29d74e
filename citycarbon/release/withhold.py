"""What a public bundle leaves out: the values of sources that may not be passed on. Hashes and places stay.

A raw row of such a source loses text and value; a quarantined cell its text; a cell of the panel its value and its inputs'
values as soon as one raw row behind it is withheld, however many formulas lie between; the panel's value goes with its cell.
A numeric panel column that has no cells is left out whole, as nobody can show where it came from. Keys, policies, flags,
``in_sample`` and reasons stay: they are ours. Aggregates (estimates, tables, checks) stay: they hold no source's rows.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from citycarbon.study.spec import is_of_a_list

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Editions = set[tuple[str, str]]
OURS = ("city_id", "city_name", "province", "province_id", "unit_kind", "year", "in_sample", "drop_step", "drop_reason")
OUR_PREFIXES = ("first_year_", "did_")
POLICY_LIST_FILES = ("policy_lists.csv", "policy_list_effects.csv", "policy_lists.md")


def withhold_raw(rows: pa.Table, editions: Editions) -> pa.Table:
    """Raw rows with a column ``withheld``; where true, ``text`` is '' and ``value`` null."""
    import pyarrow as pa

    marks = [key in editions for key in zip(rows["source"].to_pylist(), rows["edition"].to_pylist(), strict=True)]
    return _blank(rows, {"text": "", "value": None}, marks).append_column("withheld", pa.array(marks, pa.bool_()))


def withhold_cells(cells: pa.Table, raw: pa.Table) -> tuple[pa.Table, set[tuple[str, int, str]]]:
    """Cells without the values that rest on withheld raw rows, and the (city_id, year, variable) keys of those."""
    import pyarrow as pa
    import pyarrow.compute as pc

    closed = set(raw["raw_id"].filter(pc.equal(raw["withheld"], True)).to_pylist())
    rows = cells.to_pylist()
    keys = _closure(rows, closed)
    # Which cities a list leaves out is as much its content as which it names.
    lists = {variable for _, _, variable in keys if is_of_a_list(variable)}
    keys |= {_key(row) for row in rows if row["variable"] in lists}
    for row in rows:
        if _key(row) in keys:
            row["value"] = None
            row["inputs"] = [{**i, "value": None} for i in row["inputs"] or []]
        if row["variable"] in lists:
            row |= {"formula": "by a list that may not be passed on", "flag": None, "inputs": []}
    return pa.Table.from_pylist(rows, schema=cells.schema), keys


def withhold_panel(panel: pa.Table, keys: set[tuple[str, int, str]], with_cells: set[str]) -> pa.Table:
    """The panel without the values whose cells are withheld, and without numbers that have no cells."""
    import pyarrow as pa

    rows = list(zip(panel["city_id"].to_pylist(), panel["year"].to_pylist(), strict=True))
    for field in panel.schema:
        name = field.name
        if name in with_cells:
            panel = _blank(panel, {name: None}, [(c, y, name) in keys for c, y in rows])
        elif not _is_ours(name) and (pa.types.is_floating(field.type) or pa.types.is_integer(field.type)):
            panel = _blank(panel, {name: None}, [True] * len(rows))
    return panel


def withhold_text(frame: pd.DataFrame, editions: Editions, columns: tuple[str, ...]) -> pd.DataFrame:
    """A table with ``source`` and ``edition``: the named columns empty where the edition may not be passed on."""
    if not {"source", "edition"} <= set(frame.columns):
        return frame
    closed_sources = {s for s, _ in editions}
    # A row that does not say its edition is judged by its source alone: when in doubt nothing is passed on.
    marks = [
        (s, e) in editions or (not isinstance(e, str) or not e) and s in closed_sources
        for s, e in zip(frame["source"], frame["edition"], strict=True)
    ]
    frame = frame.copy()
    for column in set(columns) & set(frame.columns):
        frame[column] = frame[column].astype("object")
        frame.loc[marks, column] = None
    return frame


def withhold_lists(folder: Path, editions: Editions) -> None:
    """The comparison of policy lists without the rows of lists that may not be passed on: what they do to an estimate stays."""
    closed = {edition for source, edition in editions if source == "policy_list"}
    compared, effects, words = (folder / name for name in POLICY_LIST_FILES)
    if not closed or not compared.is_file():
        return
    import pandas as pd

    from citycarbon.econometrics.contract import write_csv

    rows = pd.read_csv(compared, dtype=str, keep_default_na=False)
    kept = rows[~rows["edition"].isin(closed)]
    write_csv(kept, compared)
    done = pd.read_csv(effects, dtype=str, keep_default_na=False)
    closed_lists = set(rows.loc[rows["edition"].isin(closed), "list"])
    write_csv(done[~(done["list"].isin(closed_lists) & done["switch"].eq("city"))], effects)
    words.unlink(missing_ok=True)


def _closure(rows: list[dict[str, Any]], closed: set[str]) -> set[tuple[str, int, str]]:
    """Keys of the cells that rest on withheld raw rows, directly or through another cell of the same city-year."""
    keys = {_key(r) for r in rows if any(i in closed for given in r["inputs"] or [] for i in given["raw_ids"] or [])}
    while True:
        more = {
            _key(r)
            for r in rows
            if _key(r) not in keys and any((r["city_id"], r["year"], i["variable"]) in keys for i in r["inputs"] or [])
        }
        if not more:
            return keys
        keys |= more


def _key(row: dict[str, Any]) -> tuple[str, int, str]:
    return row["city_id"], row["year"], row["variable"]


def _is_ours(name: str) -> bool:
    return name in OURS or name.startswith(OUR_PREFIXES) and not is_of_a_list(name) or name.endswith("_flag")


def _blank(table: pa.Table, blanks: dict[str, Any], marks: list[bool]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    mask = pa.array(marks, pa.bool_())
    for name, blank in blanks.items():
        at = table.schema.get_field_index(name)
        field = table.schema.field(name)
        filled = pc.if_else(mask, pa.scalar(blank, field.type), table[name].combine_chunks())
        table = table.set_column(at, field.with_nullable(True), filled)  # a mart says of a full column that it has no gaps
    return table
