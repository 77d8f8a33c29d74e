"""The City Statistical Yearbook: one workbook an edition, tables as printed. Edition N+1 holds data of year N.

Older editions are .xls with spaced names and pages that repeat their header; newer ones are .xlsx. Indicators are renamed and
change their unit where the real ones did.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from citycarbon.sample.design import LAST_HOUSEHOLDS_YEAR, LAST_INVESTMENT_LEVEL
from citycarbon.sample.dgp import Array, stream
from citycarbon.sample.files import Book, Grid
from citycarbon.sample.landing import Drop
from citycarbon.sample.places import FIRST_YEAR, YEARS, City
from citycarbon.sample.published import ADDITIVE, printed_unit
from citycarbon.sample.world import World

LAST_XLS_EDITION = 2012
LAST_IN_BUDGET_YEAR = 2014  # 预算内支出 to this data year, 一般公共预算支出 after it
PAGE = 70  # rows of a printed page in the older editions
TWO_BLOCKS_EDITION = 2006  # the consumption table of this edition has two blocks of cities side by side


@dataclass(frozen=True)
class Item:
    """One indicator of a table: labels in both languages, unit as printed, and whether a 市辖区 column stands beside 全市."""

    indicator: str
    label: str
    english: str
    unit: str
    districts: bool = False


@dataclass(frozen=True)
class Table:
    number: str
    title: str
    english: str
    items: tuple[Item, ...]


def tables(year: int) -> list[Table]:
    """The tables of the edition with data of ``year``, under the names in use then."""
    investment = (
        Item("fai_yuan", "固定资产投资总额", "Total Investment in Fixed Assets", "万元")
        if year <= LAST_INVESTMENT_LEVEL
        else Item("fai_growth_pct", "固定资产投资增长率", "Growth of Investment in Fixed Assets", "%")
    )
    internet = (
        Item("internet_users", "国际互联网用户数", "Number of Subscribers of Internet Services", "户")
        if year <= LAST_HOUSEHOLDS_YEAR
        else Item("internet_users", "互联网宽带接入用户数", "Subscribers of Broadband Internet Access", "万户")
    )
    budget = "地方财政一般预算内支出" if year <= LAST_IN_BUDGET_YEAR else "地方一般公共预算支出"
    return [
        Table(
            "2-1",
            "人口和行政区域土地面积",
            "Population and Land Area",
            (
                Item("population_persons", "年末总人口", "Total Population at Year-end", "万人"),
                Item("area_km2", "行政区域土地面积", "Total Land Area of Administrative Region", "平方公里"),
            ),
        ),
        Table(
            "2-2",
            "地区生产总值",
            "Gross Regional Product",
            (
                Item("gdp_yuan", "地区生产总值", "Gross Regional Product", "万元", districts=True),
                Item("gdp_pc_yuan", "人均地区生产总值", "Per Capita Gross Regional Product", "元"),
                Item("gdp_index", "地区生产总值指数", "Index of Gross Regional Product", "上年=100"),
            ),
        ),
        Table(
            "2-3",
            "工业和第二产业增加值",
            "Value-added of Industry",
            (
                Item("industrial_va_yuan", "工业增加值", "Value-added of Industry", "万元"),
                Item("secondary_va_yuan", "第二产业增加值", "Value-added of Secondary Industry", "万元"),
            ),
        ),
        Table("2-4", "固定资产投资", "Investment in Fixed Assets", (investment,)),
        Table(
            "2-5",
            "地方财政支出",
            "Expenditure of Local Government",
            (
                Item("budget_expenditure_yuan", budget, "General Budgetary Expenditure of Local Government", "万元"),
                Item("education_expenditure_yuan", "教育支出", "Expenditure for Education", "万元"),
            ),
        ),
        Table(
            "2-6",
            "年末金融机构存贷款余额",
            "Deposits and Loans of Financial Institutions",
            (
                Item("deposits_yuan", "年末金融机构人民币各项存款余额", "Deposits", "万元"),
                Item("loans_yuan", "年末金融机构人民币各项贷款余额", "Loans", "万元"),
            ),
        ),
        Table(
            "2-7",
            "社会消费品零售总额",
            "Total Retail Sales of Consumer Goods",
            (Item("retail_sales_yuan", "社会消费品零售总额", "Total Retail Sales of Consumer Goods", "万元"),),
        ),
        Table("2-8", "互联网用户", "Internet Users", (internet,)),
    ]


def city_yearbook(world: World) -> list[Drop]:
    """All editions 2004 to 2022."""
    districts = 0.25 + 0.35 * stream(world.seed, "districts").random(len(world.published.reporters))
    return [_edition(world, year, districts) for year in YEARS]


def _edition(world: World, year: int, districts: Array) -> Drop:
    edition = year + 1
    old = edition <= LAST_XLS_EDITION
    sheets = [_sheet(world, table, year, districts, old) for table in tables(year)]
    name = f"中国城市统计年鉴{edition}_地级以上城市统计资料.{'xls' if old else 'xlsx'}"
    return Drop(
        "city_yearbook",
        str(edition),
        edition,
        f"city tables with data of {year}, in the layout of the China City Statistical Yearbook {edition}",
        {name: Book(sheets, "xls" if old else "xlsx")},
        unit_notes="units as printed in each table; 全市 is the whole administrative area, 市辖区 its districts",
    )


# --- one table --------------------------------------------------------------------------------------------------------------


def _sheet(world: World, table: Table, year: int, districts: Array, old: bool) -> Grid:
    columns = [(item, scope) for item in table.items for scope in (("全市", "市辖区") if item.districts else ("全市",))]
    lines = _lines(world, columns, year, districts, old)
    rows: list[list] = []
    merges: list[tuple[int, int, int, int]] = []
    if table.number == "2-7" and year + 1 == TWO_BLOCKS_EDITION:
        _two_blocks(rows, merges, table, columns, lines)
    else:
        pages = [lines[i : i + PAGE] for i in range(0, len(lines), PAGE)] if old else [lines]
        for number, page in enumerate(pages):
            title = f"{table.number} {table.title}（全市）" if number == 0 else f"{table.number} 续表{number}"
            _head(rows, merges, title, table, columns)
            rows += page
    rows.append([])
    if any(isinstance(line[0], str) and "①" in line[0] for line in lines):
        rows.append(["① 2018年12月26日并入济南市，本年仍单独列示。"])
    rows += [["注：合成数据（SYNTHETIC），非统计部门公布的数字。"], ["资料来源：citycarbon sample。"]]
    return Grid(table.number, rows, merges)


def _head(rows: list[list], merges: list, title: str, table: Table, columns: list[tuple[Item, str]], at: int = 0) -> None:
    """Title in two languages, unit line at the right, header cells merged over 全市/市辖区 pairs."""
    units = {item.unit for item, _ in columns}
    one_unit = len(units) == 1
    width = len(columns)
    rows += [[title], [table.english]]
    rows.append([None] * width + [f"单位：{units.pop()}"] if one_unit else [])
    top = len(rows)
    header: list = ["城市"]
    english: list = ["City"]
    scopes: list = [None]
    for item, scope in columns:
        first = scope == "全市"
        label = item.label if one_unit else f"{item.label}（{item.unit}）"
        header.append(label if first else None)
        english.append(item.english if first else None)
        scopes.append(scope if item.districts else None)
    rows += [header, english]
    for c, (item, scope) in enumerate(columns, start=1):
        if item.districts and scope == "全市":
            merges += [(top, c, top, c + 1), (top + 1, c, top + 1, c + 1)]
    if any(scopes):
        rows.append(scopes)


def _two_blocks(rows: list[list], merges: list, table: Table, columns: list[tuple[Item, str]], lines: list[list]) -> None:
    """As scanned pages are laid out: the second half of the cities stands to the right of the first."""
    single: list[list] = []
    _head(single, [], f"{table.number} {table.title}（全市）", table, columns)
    rows += single[:2]
    rows.append([None] * 3 + [single[2][-1]])
    rows += [[*line, *line] for line in single[3:]]
    half = (len(lines) + 1) // 2
    for i in range(half):
        right = lines[half + i] if half + i < len(lines) else []
        rows.append([*lines[i], *right])


def _lines(world: World, columns: list[tuple[Item, str]], year: int, districts: Array, old: bool) -> list[list]:
    """Province rows (sums where a sum makes sense) with their cities; municipalities stand alone."""
    listed = world.places.listed(year)
    out: list[list] = []
    values = [_column(world, item, scope, year, districts) for item, scope in columns]
    province = None
    for city in listed:
        row = world.published.row[city.adcode]
        if city.kind != "municipality" and city.province_id != province:
            out.append([_spaced(city.province) if old else city.province, *_sums(world, listed, city, columns, values)])
        province = city.province_id
        out.append([_printed_name(city, year, old), *(v[row] for v in values)])
    return out


def _column(world: World, item: Item, scope: str, year: int, districts: Array) -> list[float | int | None]:
    x = world.published.values[item.indicator][:, year - FIRST_YEAR]
    factor, decimals = printed_unit(item.indicator, year)
    printed = np.round(x * (districts if scope == "市辖区" else 1.0) / factor, decimals)
    return [None if np.isnan(v) else (int(v) if decimals == 0 else float(v)) for v in printed]


def _sums(world: World, listed: list[City], city: City, columns: list[tuple[Item, str]], values: list[list]) -> list:
    """A province's row: the sum of its cities with 4 % for its other units; blank for what does not add or is incomplete."""
    rows = [world.published.row[c.adcode] for c in listed if c.province_id == city.province_id]
    out: list = []
    for (item, scope), column in zip(columns, values, strict=True):
        cells = [column[r] for r in rows]
        if item.indicator not in ADDITIVE or item.indicator == "area_km2" or scope != "全市" or None in cells:
            out.append(None)
        else:
            total = 1.04 * sum(cells)
            out.append(round(total) if isinstance(cells[0], int) else round(total, 2))
    return out


def _printed_name(city: City, year: int, old: bool) -> str:
    name = city.name + ("①" if city.adcode == "371200" and year == 2018 else "")
    return "  " + (_spaced(name) if old and len(name) <= 4 else name)


def _spaced(name: str) -> str:
    return " ".join(name)
