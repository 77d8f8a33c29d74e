"""The emission sources in the formats of their producers: county workbook, CEADS city and province workbooks, EDGAR table."""

from __future__ import annotations

import numpy as np

from citycarbon.sample.design import CHAOHU, LAIWU
from citycarbon.sample.dgp import Array, ar1, stream
from citycarbon.sample.files import Book, Grid
from citycarbon.sample.landing import Drop
from citycarbon.sample.places import FIRST_YEAR, TIBET, YEARS, City
from citycarbon.sample.world import World

COUNTY_NOTE = "Note: County name is based on the division of China's counties in 2010"
COUNTY_HEADER = ["DISTCODE地区代码", "County Name", "County Name", "City Name", "City Name", "Province Name", "Province Name"]
CEADS_LAST = 2019
NOTE_ROWS = [
    ["Introduction/简介", "SYNTHETIC numbers in the layout of the producer's workbook.\n合成数据，仅供测试。"],
    ["Content/内容", "China city emission data\n中国城市排放数据"],
    ["Type/类型", "CO2\n二氧化碳排放"],
    ["Timeseries/时间序列", "2003-2019"],
    ["Unit/单位", "million tones\n百万吨"],
    [],
    [],
    ["Reference/数据引用", "1. none: these numbers are synthetic and were published nowhere"],
    [None, "2. none"],
    [None, "3. none"],
    [None, "4. none"],
    ["Data download/数据下载", "made by the command 'citycarbon sample'"],
]
FUELS = [
    *("Raw Coal", "Cleaned Coal", "Other Washed Coal", "Briquettes", "Coke", "Coke Oven Gas", "Other Gas"),
    *("Other Coking Products", "Crude Oil", "Gasoline", "Kerosene", "Diesel Oil", "Fuel Oil", "LPG", "Refinery Gas"),
    *("Other Petroleum Products", "Natural Gas", "Scope 2 Heat", "Scope 2 Electricity", "Other Energy", "Process"),
]
TOTAL_COLUMN = "Scope 1 Total"
SECTORS = [  # the producer pads most labels with spaces
    "Farming, Forestry, Animal Husbandry, Fishery and Water Conservancy      ",
    "Coal Mining and Dressing                                 ",
    "Petroleum and Natural Gas Extraction                     ",
    "Ferrous Metals Mining and Dressing                       ",
    "Nonferrous Metals Mining and Dressing                    ",
    "Nonmetal Minerals Mining and Dressing                    ",
    "Other Minerals Mining and Dressing                       ",
    "Logging and Transport of Wood and Bamboo                 ",
    "Food Processing                                          ",
    "Food Production                                          ",
    "Beverage Production",
    "Tobacco Processing                                       ",
    "Textile Industry                                         ",
    "Garments and Other Fiber Products                        ",
    "Leather, Furs, Down and Related Products                 ",
    "Timber Processing, Bamboo, Cane, Palm Fiber & Straw Products",
    "Furniture Manufacturing                                  ",
    "Papermaking and Paper Products                           ",
    "Printing and Record Medium Reproduction                  ",
    "Cultural, Educational and Sports Articles                ",
    "Petroleum Processing and Coking                          ",
    "Raw Chemical Materials and Chemical Products             ",
    "Medical and Pharmaceutical Products                      ",
    "Chemical Fiber                                           ",
    "Rubber Products                                          ",
    "Plastic Products                                         ",
    "Nonmetal Mineral Products                                ",
    "Smelting and Pressing of Ferrous Metals                  ",
    "Smelting and Pressing of Nonferrous Metals               ",
    "Metal Products                                           ",
    "Ordinary Machinery                                       ",
    "Equipment for Special Purposes                           ",
    "Transportation Equipment                                 ",
    "Electric Equipment and Machinery                         ",
    "Electronic and Telecommunications Equipment              ",
    "Instruments, Meters, Cultural and Office Machinery         ",
    "Other Manufacturing Industry                             ",
    "Scrap and waste",
    "Production and Supply of Electric Power, Steam and Hot Water   ",
    "Production and Supply of Gas                             ",
    "Production and Supply of Tap Water                       ",
    "Construction                                             ",
    "Transportation, Storage, Post and Telecommunication Services    ",
    "Wholesale, Retail Trade and Catering Services            ",
    "Others                                                   ",
    "Urban",
    "Rural",
]
PROVINCE_YEAR = 2017


def chen_county(world: World) -> Drop:
    """The county workbook: unit in the sheet's name, duplicate headers, footnoted codes as text, a note below."""
    rows: list[list] = [COUNTY_HEADER + [f"C{y}" for y in YEARS]]
    english = {p["name"]: p["english"] for p in world.places.provinces}
    for county, values in zip(world.places.counties, world.county.tolist(), strict=True):
        code: int | str = int(county.code) if county.code.isdigit() else county.code
        digits = county.code[:6]
        where = [county.name, f"County {digits}", county.city_label, f"City {digits[:4]}", county.province]
        rows.append([code, *where, f"{english[county.province]} Province", *values])
    rows += [[], [COUNTY_NOTE]]
    return Drop(
        "chen_county",
        "2021",
        2021,
        "county CO2 emissions, 2003-2021, in the layout of Chen et al. (2020)",
        {"co2.xlsx": Book([Grid("Unit (Million tons)", rows)])},
        unit_notes="Mt CO2. The real workbook ends in 2017; this synthetic one runs to 2021, so that pilots of 2019 and 2021 "
        "have treated years in it.",
    )


def as_reported(world: World) -> tuple[list[City], Array]:
    """CO2 under the borders of each year, by label of 2010 (cities x years): 莱芜 to 2017, 巢湖 to 2010, NaN after."""
    places = world.places
    cities = [*places.panel, *(next(c for c in places.by_year[2010] if c.adcode == a) for a in (LAIWU, CHAOHU))]
    total = np.array([world.co2[c.adcode] if c.adcode in world.co2 else np.zeros(len(YEARS)) for c in cities])
    row = {c.adcode: r for r, c in enumerate(cities)}
    for label, code, last in (("莱芜市", LAIWU, 2017), ("巢湖市", CHAOHU, 2010)):
        end = last - FIRST_YEAR + 1
        for county, values in zip(places.counties, world.county, strict=True):
            if county.city_label == label:
                total[row[code], :end] += values[:end]
                total[row[county.city_id or ""], :end] -= values[:end]
        total[row[code], end:] = np.nan
    return cities, total


def ceads_label(city: City) -> str:
    """Province and city in short, without 市; a municipality stands alone."""
    return city.short if city.kind == "municipality" else city.province_short + city.short


def ceads_city(world: World) -> list[Drop]:
    """Two releases: fewer cities to 2017, then more to 2019 with about a sixth of the overlapping values revised."""
    cities, total = as_reported(world)
    rng = stream(world.seed, "ceads")
    noise = ar1(rng, len(cities), 0.6, 0.12) + np.log(1.1) + 0.15 * rng.standard_normal((len(cities), 1))
    value = total * np.exp(noise)
    years = np.array(YEARS)
    start = rng.choice([2003, 2003, 2005, 2006, 2010], size=len(cities))
    value[(years[None, :] < start[:, None]) | (years[None, :] > CEADS_LAST)] = np.nan
    gap = rng.random(value.shape) < np.where(years >= 2017, 0.30, 0.03)[None, :]
    ever = np.array([c.adcode in world.places.first_year["ai_pilot"] for c in cities])
    gap[ever] = False
    value[gap] = np.nan
    value[[c.province_id == TIBET or c.adcode == "460300" for c in cities]] = np.nan
    revised = value * np.where(rng.random(value.shape) < 0.16, np.exp(0.05 * rng.standard_normal(value.shape)), 1.0)
    older = value.copy()
    older[:, years > 2017] = np.nan
    older[rng.random(len(cities)) < 0.35] = np.nan
    return [_ceads(cities, older, 2020), _ceads(cities, revised, 2022)]


def _ceads(cities: list[City], value: Array, edition: int) -> Drop:
    order = sorted((ceads_label(c), r) for r, c in enumerate(cities) if np.isfinite(value[r]).any())
    years = [y for t, y in enumerate(YEARS) if np.isfinite(value[:, t]).any()]
    vector: list[list] = [["ID", "city", "year", "emission"]]
    matrix: list[list] = [["city", *map(str, years)]]
    for label, r in order:
        cells = [None if np.isnan(x) else float(x) for x in value[r, : len(years)]]
        vector += [[f"{label}{y}", label, y, x] for y, x in zip(years, cells, strict=True) if x is not None]
        matrix.append([label, *cells])
    note = Grid("NOTE", [list(r) for r in NOTE_ROWS], merges=[(7, 0, 10, 0)])
    book = Book([note, Grid("emission vector", vector), Grid("emission matrix", matrix)])
    name = f"The_Emission_Inventories_for_{len(order)}_Chinese_Cities_from_{years[0]}_to_{years[-1]}.xlsx"
    title = f"CO2 of {len(order)} cities, {years[0]}-{years[-1]}, in the layout of the CEADS city workbook"
    return Drop("ceads_city", str(edition), edition, title, {name: book}, unit_notes="Mt CO2")


def province_totals(world: World) -> dict[str, Array]:
    """Mt by province and year: all counties of the province and a margin for what counties do not cover (process emissions)."""
    ids = {p["name"]: p["province_id"] for p in world.places.provinces}
    totals = {p["province_id"]: np.zeros(len(YEARS)) for p in world.places.provinces if p["province_id"] != TIBET}
    for county, values in zip(world.places.counties, world.county, strict=True):
        totals[ids[county.province]] += values
    rng = stream(world.seed, "provinces")
    return {k: v * 1.25 * np.exp(0.05 * rng.random()) for k, v in totals.items()}


def ceads_province(world: World) -> Drop:
    """Sector x fuel workbook of one year: a sheet a province; the last column adds scope 1 and process emissions."""
    rng, totals = stream(world.seed, "sectors"), province_totals(world)
    note = [list(r) for r in NOTE_ROWS]
    note[1][1], note[3][1], note[4][1] = "China provincial CO2 emission inventory", PROVINCE_YEAR, "Mt\n百万吨"
    sheets = [Grid("NOTE", note, merges=[(7, 0, 10, 0)])]
    sector_weight = np.exp(1.2 * stream(world.seed, "sector weights").standard_normal(len(SECTORS)))
    sector_weight[38] = sector_weight.sum()  # power and heat
    for p in world.places.provinces:
        if p["province_id"] in totals:
            total = float(totals[p["province_id"]][PROVINCE_YEAR - FIRST_YEAR])
            sheets.append(Grid(f"{p['english']}{PROVINCE_YEAR}", _inventory(rng, total, sector_weight)))
    name = f"Emission_Inventories_for_{len(sheets) - 1}_Provinces_{PROVINCE_YEAR}.xlsx"
    title = f"CO2 by sector and fuel of {len(sheets) - 1} provinces, {PROVINCE_YEAR}, in the layout of the CEADS workbook"
    return Drop("ceads_province", str(PROVINCE_YEAR), PROVINCE_YEAR, title, {name: Book(sheets)}, unit_notes="Mt CO2")


def _inventory(rng: np.random.Generator, total: float, sector_weight: Array) -> list[list]:
    weight = sector_weight[:, None] * np.exp(rng.standard_normal((len(SECTORS), len(FUELS))))
    weight[:, 17:20] = 0.0  # scope 2 and other energy are empty in the producer's files
    weight[rng.random(weight.shape) < 0.5] = 0.0
    weight[38, 0] = max(weight[38, 0], sector_weight[38])
    cells = weight / weight.sum() * total
    rows: list[list] = [[None, *FUELS, TOTAL_COLUMN], [None, *["Mt CO2"] * (len(FUELS) + 1)], []]
    column = cells.sum(axis=0)
    rows.append(["Total Consumption", *column.tolist(), float(column.sum())])
    rows += [[name, *line.tolist(), float(line.sum())] for name, line in zip(SECTORS, cells, strict=True)]
    return rows


def edgar_city(world: World) -> Drop:
    """Long table in whole tonnes with fixed borders, a remark in a column of its own and a merged sheet of explanations."""
    rng, places = stream(world.seed, "edgar"), world.places
    cities = [c for c in places.panel if c.adcode not in ("460300", "460400")]
    total = np.array([world.co2[c.adcode] for c in cities])
    noise = 0.35 * rng.standard_normal((len(cities), 1)) + ar1(rng, len(cities), 0.9, 0.15)
    tonnes = np.rint(total * np.exp(noise) * 1e6)
    rows: list[list] = [["年份", "城市代码", "所属省份", "城市", "地区", "胡焕庸线", "碳排放量_吨"]]
    for city, values in zip(cities, tonnes.tolist(), strict=True):
        west = int(city.province_id[:2]) >= 50
        region = "西部" if west else "东部"
        side = "西北侧" if int(city.province_id[:2]) >= 62 else "东南侧"
        rows += [
            [y, int(city.adcode), city.province, city.name, region, side, int(x)] for y, x in zip(YEARS, values, strict=True)
        ]
    rows[3] = [*rows[3], None, None, "碳排放强度=碳排放总量/GDP"]
    explain = Grid(
        "数据说明", [["合成数据（SYNTHETIC），版式仿EDGAR城市汇总表，单位：吨"], *[[] for _ in range(5)]], merges=[(0, 0, 5, 5)]
    )
    files = {"地级市碳排放.xlsx": Book([Grid("Sheet1", rows), explain])}
    title = "city CO2 in tonnes, 2003-2021, in the layout of a table aggregated from EDGAR"
    return Drop("edgar_city", "2023", 2023, title, files, unit_notes="tonnes CO2")
