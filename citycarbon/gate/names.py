"""Names as printed against the calendar of names: a table that keeps an old name was filled from a fixed list of places."""

from __future__ import annotations

import duckdb
import pandas as pd

from citycarbon.gate.boundaries import COUNTY_SOURCE
from citycarbon.gate.inputs import GateInputs, MissingTable
from citycarbon.gate.judged import Judged, judged

# Renamings take effect on a day; sources date them by approval, by year-end or by the yearbook that first prints the new name.
TOLERANCE = 1
PRINTED = """
SELECT DISTINCT source, edition, replace(place_label, ' ', '') AS name, data_year AS year
FROM read_parquet($raw) WHERE data_year IS NOT NULL AND source <> $counties
ORDER BY ALL
"""


def judge_names(inputs: GateInputs) -> Judged:
    """One row per source, edition, official full name and data year, with ``off``: 1 where the name was abolished before.

    Judged are names that the code list has in some year, in the years the list covers, with one year of tolerance. Names of
    counties are no names of cities; today's name in an earlier year is how every vendor prints a long table, and no finding.
    """
    codes = inputs.seed("city_codes", ["year", "name", "city_id"])
    codes = codes.assign(year=codes["year"].astype(int))[["year", "name", "city_id"]].drop_duplicates()
    files = sorted(str(p) for p in inputs.raw.glob("*.parquet"))
    if not files:
        raise MissingTable("there is no raw table")
    with duckdb.connect() as db:
        printed = db.execute(PRINTED, {"raw": files, "counties": COUNTY_SOURCE}).df()
    span = codes.groupby(["name", "city_id"], as_index=False)["year"].agg(first="min", last="max")
    rows = printed.merge(span, on="name")
    rows = rows[rows["year"].between(codes["year"].min(), codes["year"].max())]
    rows = rows.assign(off=(rows["year"] > rows["last"] + TOLERANCE).astype(int))
    return judged(rows, _describe)


def _describe(row: pd.Series) -> str:
    return (
        f"'{row['name']}' in {row.source}/{row.edition}, a name of {int(row['first'])} to {int(row['last'])} in the code list"
    )
