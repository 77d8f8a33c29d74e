"""Vendor exports: CSMAR city GDP with its description file, CNRDS green patents and total patents with three header rows."""

from __future__ import annotations

import numpy as np

from citycarbon.sample.design import CHAOHU, LAIWU
from citycarbon.sample.dgp import Array, stream
from citycarbon.sample.files import Book, Grid, Text
from citycarbon.sample.landing import Drop
from citycarbon.sample.places import FIRST_YEAR, YEARS, City
from citycarbon.sample.world import World

GREEN = {
    "green_inv_app": ("GrnInvApp", "当年申请的绿色发明数量", "件"),
    "green_um_app": ("GrnUmApp", "当年申请的绿色实用新型数量", "件"),
    "green_inv_grant": ("GrnInvGrt", "当年获得的绿色发明数量", "件"),
    "green_um_grant": ("GrnUmGrt", "当年获得的绿色实用新型数量", "件"),
}
ALL_PATENTS = {"patents_granted": ("PatGrt", "当年获得的专利数量", "件")}
KEYS = [
    ("Year", "年份", "没有单位"),
    ("City", "城市", "没有单位"),
    ("CityCode", "城市代码", "没有单位"),
    ("Province", "省份", "没有单位"),
]
OLDER_FIRST, OLDER_LAST = 2016, 2020


def registered(world: World, year: int) -> list[tuple[int, City]]:
    """Reporter row and unit as a vendor lists it: today's name and back-cast code; 莱芜 and 巢湖 while they stood."""
    places, row = world.places, world.published.row
    out = [(row[c.adcode], c) for c in places.panel]
    out += [(row[c.adcode], c) for c in places.listed(year) if c.adcode in (LAIWU, CHAOHU)]
    return sorted(out, key=lambda pair: pair[1].adcode)


# --- CNRDS ------------------------------------------------------------------------------------------------------------------


def green_patents(world: World) -> list[Drop]:
    """Two editions: the older ends a year earlier, and its last two years were still filling up."""
    counts = world.published.green
    older = {k: x.copy() for k, x in counts.items()}
    for year, share in ((OLDER_LAST - 1, 0.97), (OLDER_LAST, 0.85)):
        t = year - FIRST_YEAR
        for k in GREEN:
            older[k][:, t] = np.round(share * older[k][:, t])
    span = list(range(OLDER_FIRST, OLDER_LAST + 1))
    return [
        _cnrds(world, "green_patents", 2021, "green patents by city", "绿色专利.xlsx", GREEN, older, span),
        _cnrds(world, "green_patents", 2023, "green patents by city", "绿色专利.xlsx", GREEN, counts, YEARS),
    ]


def patents(world: World) -> Drop:
    """All patents granted by city."""
    name = "专利授权总量.xlsx"
    return _cnrds(world, "patents", 2023, "patents granted by city", name, ALL_PATENTS, world.published.green, YEARS)


def _cnrds(
    world: World,
    source: str,
    edition: int,
    title: str,
    name: str,
    fields: dict[str, tuple[str, str, str]],
    counts: dict[str, Array],
    years: list[int],
) -> Drop:
    rows: list[list] = [[k[i] for k in (*KEYS, *fields.values())] for i in range(3)]
    for year in years:
        t = year - FIRST_YEAR
        columns = [counts[k][:, t] for k in fields]
        for r, city in registered(world, year):
            if np.isfinite(columns[0][r]):
                rows.append([year, city.name, city.adcode, city.province, *(int(c[r]) for c in columns)])
    title = f"{title}, {years[0]}-{years[-1]}, in the layout of a CNRDS export"
    return Drop(source, str(edition), edition, title, {name: Book([Grid("sheet1", rows)])}, unit_notes="number of patents")


# --- CSMAR ------------------------------------------------------------------------------------------------------------------

CSMAR_FIELDS = [
    ("Sgnyea", "统计年度", "YYYY"),
    ("Ctnm", "城市名称", "当年的地级行政区"),
    ("Ctnm_id", "城市代码", "国家统计局代码"),
    ("Cttyp", "城市类型", "地级市或直辖市"),
    ("Prvcnm_id", "省份代码", "国家统计局代码"),
    ("Prvcnm", "省份名称", "所属省份"),
    ("Gdpct01", "地区生产总值", "按当年价格计算 (unit: 亿元)"),
    ("GDP_PrimInd", "第一产业增加值", "按当年价格计算 (unit: 万元)"),
]


def csmar(world: World) -> Drop:
    """GDP in 亿元 beside primary value added in 万元, every field quoted, codes back-cast for some units and not for others."""
    lines = [_quoted([name for name, _, _ in CSMAR_FIELDS])]
    gdp, primary = (
        world.published.values["gdp_yuan"],
        0.03 + 0.12 * stream(world.seed, "csmar").random(len(world.published.row)),
    )
    for year in YEARS:
        t = year - FIRST_YEAR
        for r, city in registered(world, year):
            value = gdp[r, t]
            known = np.isfinite(value)
            # Trailing spaces stand in the vendor's names of some cities.
            name = city.name + (" " if city.adcode == "650200" else "")
            lines.append(
                _quoted(
                    [
                        str(year),
                        name,
                        city.adcode,
                        "直辖市" if city.kind == "municipality" else "地级市",
                        city.province_id,
                        city.province,
                        f"{value / 1e8:.2f}" if known else "",
                        f"{primary[r] * value / 1e4:.0f}" if known else "",
                    ]
                )
            )
        lines += _other_prefectures(world, year)
    description = "".join(f"{name} [{label}] - {note}\n" for name, label, note in CSMAR_FIELDS)
    files = {
        "CRE_Gdpct.csv": Text("\n".join(lines) + "\n", "utf-8-sig", "\r\n"),
        "CRE_Gdpct[DES][csv].txt": Text(description, "utf-8", "\r\n"),
    }
    return Drop(
        "csmar", "2022", 2022, "city GDP, in the layout of a CSMAR export", files, "units stand in the description file"
    )


def other_gdp(world: World, code: str, year: int) -> float:
    """GDP (yuan) of a prefecture outside the panel: small, growing 9 % a year."""
    start = 2e9 + 1e7 * (int(code[:4]) % 97)
    return start * 1.09 ** (year - FIRST_YEAR)


def _other_prefectures(world: World, year: int) -> list[str]:
    out = []
    for city in world.places.others:
        value = other_gdp(world, city.adcode, year)
        cells = [str(year), city.name, city.adcode, "自治州地区盟", city.province_id, city.province]
        out.append(_quoted([*cells, f"{value / 1e8:.2f}", f"{0.2 * value / 1e4:.0f}"]))
    return out


def _quoted(fields: list[str]) -> str:
    return ",".join(f'"{f}"' for f in fields)
