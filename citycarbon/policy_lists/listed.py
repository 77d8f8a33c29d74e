"""The rows of the published lists of a study as a run has read and staged them: what is printed, and which city it means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from citycarbon.errors import UsageError
from citycarbon.paths import Home
from citycarbon.study.spec import POLICY_YEAR, Study, listed_policy

if TYPE_CHECKING:
    import pandas as pd

SOURCE = "policy_list"
COLUMNS = ("list", "edition", "place_label", "list_year", "city_id", "file", "cell", "reason")


def listed_rows(home: Home, study: Study) -> pd.DataFrame:
    """One row per printed row of every list of ``study``, in the order of the lists and of their rows: ``COLUMNS``.

    ``city_id``: the prefecture-level unit that the staging placed the row at, '' where it is none; ``reason``: why it is none;
    ``cell``: where in the file, ``A3`` or ``line 3``. A list that is not supplied has no rows. Raises UsageError without a run.
    """
    import pandas as pd

    cells, raw = home.marts(study.study) / "city_panel_cells.parquet", home.raw / f"{SOURCE}.parquet"
    for path in (cells, raw):
        if not path.is_file():
            raise UsageError(f"study {study.study}: {path} is missing; run the study first")
    editions = {found.edition: found.id for found in study.treatment.lists}
    columns = ["edition", "raw_id", "place_label", "value", "file_name", "sheet", "cell", "line"]
    rows = pd.read_parquet(raw, columns=columns, filters=[("edition", "in", list(editions))]) if editions else None
    if rows is None or rows.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    staged = _staged(home, study)
    rows["list"] = rows["edition"].map(editions)
    rows["list_year"] = rows["value"].astype("Int64")
    rows["city_id"] = rows["raw_id"].map(staged["city_id"]).fillna("")
    rows["reason"] = rows["raw_id"].map(staged["reason"]).fillna("").where(rows["city_id"] == "", "")
    rows["file"] = rows["file_name"]
    rows["cell"] = [
        c if isinstance(c, str) and c else f"line {int(n)}" for c, n in zip(rows["cell"], rows["line"], strict=True)
    ]
    order = {name: i for i, name in enumerate(editions)}
    rows = rows.assign(at=rows["edition"].map(order), n=range(len(rows))).sort_values(["at", "n"], kind="stable")
    return rows[list(COLUMNS)].reset_index(drop=True)


def _staged(home: Home, study: Study) -> pd.DataFrame:
    """raw_id -> city_id of the rows that date a city in the panel, reason of those that the staging refused."""
    import pandas as pd

    names = [POLICY_YEAR + listed_policy(study.treatment.policy, found.id) for found in study.treatment.lists]
    cells = pd.read_parquet(
        home.marts(study.study) / "city_panel_cells.parquet",
        columns=["city_id", "variable", "inputs"],
        filters=[("variable", "in", names), ("year", "==", study.window.last)],
    )
    placed = {i: city for city, inputs in zip(cells["city_id"], cells["inputs"], strict=True) for i in _ids(inputs)}
    refused = home.marts(study.study) / "stage_quarantine.parquet"
    why = pd.read_parquet(refused, columns=["source", "raw_id", "reason"]) if refused.is_file() else None
    reasons = {} if why is None else why[why["source"] == SOURCE].set_index("raw_id")["reason"].to_dict()
    ids = sorted({*placed, *reasons})
    return pd.DataFrame({"city_id": [placed.get(i) for i in ids], "reason": [reasons.get(i) for i in ids]}, index=ids)


def _ids(inputs: object) -> list[str]:
    return [] if inputs is None else [i for given in inputs for i in given["raw_ids"]]
