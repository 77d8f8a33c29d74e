"""Tables that third parties put together: marketization index, policy lists with their known errors, a compiled city table."""

from __future__ import annotations

import numpy as np

from citycarbon.sample.dgp import stream
from citycarbon.sample.files import Book, Formula, Grid, Text
from citycarbon.sample.landing import Drop
from citycarbon.sample.places import FIRST_YEAR, YEARS
from citycarbon.sample.vendor import other_gdp, registered
from citycarbon.sample.world import World

COMPILED_YEARS = YEARS[-12:]
ADVERTISEMENT = "更多数据，关注店铺【合成数据】"


def market_index(world: World) -> Drop:
    """Province x year, wide, with a title above the header."""
    provinces, value = world.places.provinces, world.market_index
    rows: list[list] = [[f"表1 各省份市场化总指数评分（{YEARS[0]}-{YEARS[-1]}年）"], ["省份", *(f"{y}年" for y in YEARS)]]
    rows += [[p["short"], *line] for p, line in zip(provinces, value.tolist(), strict=True)]
    rows += [[], ["注：合成数据（SYNTHETIC）。"]]
    title = "marketization index by province, in the layout of the NERI report"
    files = {"市场化指数.xlsx": Book([Grid("市场化总指数", rows)])}
    return Drop("market_index", "2023", 2023, title, files, unit_notes="index, no unit")


def policy_lists(world: World) -> list[Drop]:
    """Two lists of low-carbon pilots with the errors such lists have: false extras, omissions, a year too late, an old name."""
    names = {c.adcode: c.name for c in (*world.places.panel, *world.places.others)}
    adopted = world.places.first_year.get("low_carbon", {})
    known = sorted((year, code) for code, year in adopted.items() if code in names)
    batch = {2010: "第一批", 2012: "第二批", 2017: "第三批"}
    late = [(names[c], 2013 if y == 2012 else y, batch.get(y, "第一批")) for y, c in known[2:]]  # two left out
    late += [("徐州市", 2017, "第三批"), ("泉州市", 2017, "第三批"), ("焦作市", 2017, "第三批")]  # three that never were pilots
    gbk = "City,Start_Year,Source,\n" + "".join(f"{n},{y},{b},\n" for n, y, b in late)
    exact = [(names[c], y, batch.get(y, "第一批")) for y, c in known if names[c] != "襄阳市"] + [("襄樊市", 2010, "第一批")]
    utf8 = "城市名,政策实施年,批次\n" + "".join(f"{n},{y},{b}\n" for n, y, b in exact)
    return [
        Drop(
            "policy_list",
            "low-carbon-a-2022",
            2022,
            "low-carbon pilots as a third party lists them (GBK)",
            {"Low_Carbon_Pilot_Cities.csv": Text(gbk, "gbk", "\r\n")},
        ),
        Drop(
            "policy_list",
            "low-carbon-b-2023",
            2023,
            "low-carbon pilots as another third party lists them",
            {"lowcarbon_list.csv": Text(utf8, "utf-8-sig")},
        ),
    ]


def compiled_city(world: World) -> Drop:
    """Long table of GDP, loans and deposits with a formula column, an advertising line below, and one with filled gaps."""
    pub, rng = world.published, stream(world.seed, "compiled")
    rows: list[list] = [
        [
            *("年份", "省份", "城市", "省份代码", "城市代码", "所属地域", "地区生产总值(万元)"),
            *("年末金融机构各项贷款余额(万元)", "年末金融机构存款余额(万元)", "金融发展水平"),
        ]
    ]
    roads: list[list] = [["年份", "省份", "城市", "城市代码", "人均道路面积（平方米）", "人均道路面积（平方米）  线性插值"]]
    for year in COMPILED_YEARS:
        t = year - FIRST_YEAR
        for r, city in registered(world, year):
            cells = [pub.values[k][r, t] for k in ("gdp_yuan", "loans_yuan", "deposits_yuan")]
            if not all(map(np.isfinite, cells)):
                continue
            gdp, loans, deposits = (round(x / 1e4) for x in cells)
            n = len(rows) + 1
            region = "西部" if int(city.province_id[:2]) >= 50 else "东部"
            rows.append(
                [
                    *(year, city.province, city.name, city.province_id, int(city.adcode), region, gdp, loans, deposits),
                    Formula(f"=(H{n}+I{n})/G{n}", (loans + deposits) / gdp),
                ]
            )
            if year >= 2018:
                road = round(float(8 + 12 * rng.random()), 2)
                lost = rng.random() < 0.05
                roads.append([year, city.province, city.short, int(city.adcode), None if lost else road, road])
        for city in world.places.others:
            gdp = round(other_gdp(world, city.adcode, year) / 1e4)
            rows.append([year, city.province, city.name, city.province_id, int(city.adcode), "西部", gdp])
    roads += [[], [None, None, ADVERTISEMENT]]
    files = {
        "金融发展水平.xlsx": Book([Grid("Sheet1", rows)]),
        "人均道路面积.xlsx": Book([Grid("地级市", roads), Grid("数据来源", [[], [], [], [None, "合成数据（SYNTHETIC）"]])]),
    }
    title = (
        f"GDP, loans, deposits and roads by city, {COMPILED_YEARS[0]}-{COMPILED_YEARS[-1]}, in the layout of compiled tables"
    )
    return Drop("compiled_city", "synthetic-2022", 2022, title, files, unit_notes="units stand in the headers")
