"""Derive the seed city_aliases.csv: every spelling of a prefecture-level unit that sources print. Run by hand.

Made from city_codes.csv and county_codes.csv (names of all years, short names, province short name + short name as in the CEADS
city workbook) and from the list below (spellings met in files). A spelling that also names a province needs the province beside
it. Units that are no prefecture-level units carry an empty city_id, so that they are recognised and set aside with that reason.

    python scripts/derive_city_aliases.py
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

SEEDS = Path(__file__).resolve().parents[1] / "dbt_project" / "seeds"
COLUMNS = ["alias", "unit_id", "city_id", "province_id", "needs_province", "first_year", "last_year", "kind"]
# Spellings met in files: short forms of autonomous prefectures, the CEADS label of the counties that 伊犁州 runs itself,
# names given up before 2003.
SPELLINGS = {
    "伊犁州直属县": "654000", "伊犁州": "654000", "克孜勒苏": "653000", "克孜勒苏州": "653000", "克州": "653000",
    "巴州": "652800", "巴音郭楞州": "652800", "博州": "652700", "博尔塔拉州": "652700", "昌吉州": "652300",
    "恩施州": "422800", "湘西州": "433100", "大理州": "532900", "红河州": "532500", "文山州": "532600", "楚雄州": "532300",
    "德宏州": "533100", "怒江州": "533300", "迪庆州": "533400", "西双版纳州": "532800", "凉山州": "513400", "甘孜州": "513300",
    "阿坝州": "513200", "黔东南州": "522600", "黔南州": "522700", "黔西南州": "522300", "延边州": "222400", "临夏州": "622900",
    "甘南州": "623000", "海北州": "632200", "黄南州": "632300", "海南州": "632500", "果洛州": "632600", "玉树州": "632700",
    "海西州": "632800", "淮阴市": "320800", "巴彦淖尔盟": "150800", "乌兰察布盟": "150900", "思茅地区": "530800",
    "定西地区": "621100", "吕梁地区": "141100",
}  # fmt: skip


def main() -> None:
    codes = pd.read_csv(SEEDS / "city_codes.csv", dtype=str, keep_default_na=False)
    counties = pd.read_csv(SEEDS / "county_codes.csv", dtype=str, keep_default_na=False)
    provinces = pd.read_csv(SEEDS / "provinces.csv", dtype=str)
    years = codes.groupby(["unit_id", "name"])["year"].agg(["min", "max"])
    last = codes.groupby("unit_id").last()
    rows = []

    def add(alias: str, unit: str, kind: str, first: str = "", end: str = "") -> None:
        about = last.loc[unit]
        rows.append((alias, unit, about["city_id"], about["province_id"], "false", first, end, kind))

    for (unit, name), (first, end) in zip(years.index, years.to_numpy(), strict=True):
        add(name, unit, "name", first, end)
        if not unit.endswith("0000"):
            add(last.loc[unit, "province_short"] + name, unit, "province + name")
    for unit, short, province in codes[["unit_id", "short_name", "province_short"]].drop_duplicates().itertuples(index=False):
        add(short, unit, "short name")
        if not unit.endswith("0000"):
            add(province + short, unit, "province + short name")
    for alias, unit in SPELLINGS.items():
        add(alias, unit, "spelling")
        province = last.loc[unit, "province_short"]
        add(province + alias, unit, "spelling")
    county_run = counties[(counties["note"] == "run by the province") & (counties["city_id"] == "")]
    province_of = dict(zip(provinces["name"], provinces[["province_id", "short"]].to_numpy(), strict=True))
    for c in county_run.itertuples():
        province_id, short = province_of[c.province_name]
        bare = c.county_name.removesuffix("市").removesuffix("林区") if c.county_name[-1] in "市区" else c.county_name
        for alias in {c.county_name, bare, short + bare}:
            rows.append(
                (alias, c.county_code, "", province_id, "false", "", "", "run by the province, no prefecture-level unit")
            )
    table = pd.DataFrame(rows, columns=COLUMNS).drop_duplicates(["alias", "unit_id"])
    clash = table["alias"].isin(provinces["short"]) & ~table["unit_id"].str.endswith("0000")
    table.loc[clash, "needs_province"] = "true"
    several = table.groupby("alias")["unit_id"].nunique()
    if (several > 1).any():
        raise SystemExit(f"spellings with more than one unit: {several[several > 1].index.tolist()}")
    table.sort_values(["unit_id", "alias"]).to_csv(SEEDS / "city_aliases.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
