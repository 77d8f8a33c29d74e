"""Derive the seed policy_adoptions.csv from the sourced policy list. Run by hand; not part of a run.

Input columns: policy, batch, year, date, row_type (announced | expanded: a province or city group spelled out by roster),
raw_name, unit_level, city_zh, adcode, source, source_status (sourced | derived | third_party | memory), note. Added:
``city_id`` (prefecture-level unit of 2021 that the row concerns; empty for a province and for units run by a province),
``is_subcity`` (the pilot is a part of that unit), ``year_announcement`` (the year of the list, as ``year``) and
``year_first_full``: the year of the date if announced in January, else the year after.

    python scripts/derive_policy_adoptions.py policies.csv
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

SEEDS = Path(__file__).resolve().parents[1] / "dbt_project" / "seeds"
SUBCITY = {"district", "county", "zone", "zone_or_county"}


def first_full_year(year: str, date: str) -> int:
    """First calendar year that the policy covers nearly whole: an announcement in January counts for its own year."""
    if date[5:7] == "01":
        return int(date[:4])
    return int(date[:4] or year) + 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("policies", type=Path)
    table = pd.read_csv(parser.parse_args().policies, dtype=str, keep_default_na=False)
    codes = pd.read_csv(SEEDS / "city_codes.csv", dtype=str, keep_default_na=False)
    known = set(codes["city_id"]) - {""}
    by_name = dict(zip(codes["name"], codes["city_id"], strict=True))
    no_city = table["unit_level"].isin({"province", "county_prov_admin"})
    ids = [a if a in known else by_name.get(n, "") for a, n in zip(table["adcode"], table["city_zh"], strict=True)]
    table["city_id"] = pd.Series(ids).mask(no_city & ~table["adcode"].isin(known), "")
    table["is_subcity"] = table["unit_level"].isin(SUBCITY).map({True: "true", False: "false"})
    table["year_announcement"] = table["year"]
    table["year_first_full"] = [first_full_year(y, d) for y, d in zip(table["year"], table["date"], strict=True)]
    table.to_csv(SEEDS / "policy_adoptions.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
