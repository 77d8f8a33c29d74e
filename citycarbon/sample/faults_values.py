"""Faults inside good files: single cells (exit code 0), and values, rows and units that the gate must refuse (3)."""

from __future__ import annotations

from math import isfinite

from citycarbon.sample.design import POLICY
from citycarbon.sample.fault_tools import (
    Drops,
    book,
    column,
    controls,
    county_grid,
    place_rows,
    ratio_before,
    row_of,
    scale_city,
    sheet,
    yearbook,
)
from citycarbon.sample.files import Formula, Text
from citycarbon.sample.places import FIRST_YEAR
from citycarbon.sample.world import World

# --- a cell, a label, a note: quarantined or listed, and the job goes on ------------------------------------------------------


def text_in_number_cell(drops: Drops, world: World) -> None:
    grid = sheet(yearbook(drops, 2016), "2-7")
    grid.rows[row_of(grid, controls(world, 1)[0].name)][column(grid, "社会消费品")] = "约三百亿"


def missing_mark(drops: Drops, world: World) -> None:
    grid = sheet(yearbook(drops, 2016), "2-6")
    for city in controls(world, 5):
        grid.rows[row_of(grid, city.name)][column(grid, "年末金融机构人民币各项存款")] = "…"


def unknown_label(drops: Drops, world: World) -> None:
    grid = sheet(yearbook(drops, 2019), "2-5")
    _add_column(grid, "科学技术支出", "Expenditure for Science and Technology", 12345)


def unknown_place(drops: Drops, world: World) -> None:
    """A name that no list of cities has, between two cities."""
    grid = sheet(yearbook(drops, 2019), "2-7")
    at = row_of(grid, controls(world, 1)[0].name)
    grid.rows.insert(at + 1, ["  新区管理委员会", 1234567])


def advertising_line(drops: Drops, world: World) -> None:
    rows = book(drops["compiled_city/synthetic-2022"], "金融发展水平.xlsx").sheets[0].rows
    rows += [[], [None, None, "更多数据，关注店铺【合成数据】"]]


def extra_column(drops: Drops, world: World) -> None:
    text = drops["policy_list/low-carbon-b-2023"].files["lowcarbon_list.csv"]
    assert isinstance(text, Text)
    lines = text.content.splitlines()
    text.content = "\n".join([lines[0] + ",备注", *(line + ",网上整理" for line in lines[1:])]) + "\n"


def formula_without_value(drops: Drops, world: World) -> None:
    rows = book(drops["compiled_city/synthetic-2022"], "金融发展水平.xlsx").sheets[0].rows
    for row in rows[1:]:
        if isinstance(row[-1], Formula):
            row[-1] = Formula(row[-1].text, None)


def numbers_as_text(drops: Drops, world: World) -> None:
    """Numbers with the apostrophe of a spreadsheet: the values are right, their type is text."""
    grid = sheet(yearbook(drops, 2020), "2-2")
    at = column(grid, "人均地区生产总值")
    for r in place_rows(grid, at):
        grid.rows[r][at] = str(grid.rows[r][at])


def vector_differs_from_matrix(drops: Drops, world: World) -> None:
    vector = book(drops["ceads_city/2022"]).sheet("emission vector").rows
    for row in vector[100:400:100]:
        row[3] *= 1.01


def single_jump(drops: Drops, world: World) -> None:
    """A city's emissions 2.4 times the year before and so from then on, as in real series."""
    city = controls(world, 1)[0]
    scale_city(drops, world, city, list(range(2016, 2022)), 2.4 / ratio_before(world, city, 2016))


# --- refused by the gate ----------------------------------------------------------------------------------------------------


def city_twice(drops: Drops, world: World) -> None:
    grid = sheet(yearbook(drops, 2017), "2-2")
    at = row_of(grid, controls(world, 1)[0].name)
    grid.rows.insert(at + 1, list(grid.rows[at]))


def county_twice(drops: Drops, world: World) -> None:
    """A county's line pasted twice: its city is too large in every year, smoothly, so that no jump tells."""
    grid = county_grid(drops)
    home = controls(world, 1)[0].adcode
    at = 1 + next(i for i, county in enumerate(world.places.counties) if county.city_id == home)
    grid.rows.insert(1 + len(world.places.counties), list(grid.rows[at]))  # below the last county: no other line moves


def unit_of_gdp(drops: Drops, world: World) -> None:
    """A whole column in 亿元 below a header that says 万元."""
    grid = sheet(yearbook(drops, 2015), "2-2")
    at = column(grid, "地区生产总值（")
    for r in place_rows(grid, at):
        grid.rows[r][at : at + 2] = [None if v is None else round(v / 1e4, 2) for v in grid.rows[r][at : at + 2]]


def internet_in_households(drops: Drops, world: World) -> None:
    """The renamed indicator still printed in 户 while its header says 万户."""
    grid = sheet(yearbook(drops, 2014), "2-8")
    for r in place_rows(grid, 1):
        grid.rows[r][1] = round(grid.rows[r][1] * 1e4)


def loans_tenfold(drops: Drops, world: World) -> None:
    grid = sheet(yearbook(drops, 2014), "2-6")
    at = column(grid, "年末金融机构人民币各项贷款")
    grid.rows[row_of(grid, controls(world, 1)[0].name)][at] *= 10


def co2_tenfold(drops: Drops, world: World) -> None:
    """A decimal point in a calm year, so that the step is a power of ten to a few per cent."""
    city = min(controls(world, 60), key=lambda c: abs(ratio_before(world, c, 2013) - 1))
    scale_city(drops, world, city, [2013], 10.0)


def co2_jump(drops: Drops, world: World) -> None:
    """From one year on 8.5 times the year before: more than any real series has, and no power of ten."""
    city = controls(world, 1)[0]
    scale_city(drops, world, city, list(range(2015, 2022)), 8.5 / ratio_before(world, city, 2015))


def many_jumps(drops: Drops, world: World) -> None:
    """One city in twenty more than doubles in one year: a change of method, not of cities."""
    pilots = world.places.first_year[POLICY]
    covered = [c for i, c in enumerate(world.places.panel) if isfinite(world.lnco2[i, 0]) and c.adcode not in pilots]
    for city in covered[::18]:
        scale_city(drops, world, city, list(range(2012, 2022)), 2.5 / ratio_before(world, city, 2012))


def namesake_province(drops: Drops, world: World) -> None:
    """海南藏族自治州 (Qinghai) carries the GDP of Hainan Province to 2015."""
    province = {year: _province_value(drops, year, "海南省") for year in range(FIRST_YEAR, 2016)}
    text = drops["csmar/2022"].files["CRE_Gdpct.csv"]
    assert isinstance(text, Text)
    lines = text.content.splitlines()
    for n, line in enumerate(lines):
        fields = line.strip('"').split('","')
        if fields[2] == "632500" and int(fields[0]) in province:
            fields[6] = f"{province[int(fields[0])] / 1e4:.2f}"
            lines[n] = '"' + '","'.join(fields) + '"'
    text.content = "\n".join(lines) + "\n"


def whole_province(drops: Drops, world: World) -> None:
    """鄂尔多斯 carries the total of all Inner Mongolia."""
    grid = sheet(yearbook(drops, 2019), "2-2")
    at = column(grid, "地区生产总值（")
    grid.rows[row_of(grid, "鄂尔多斯市")][at] = round(_province_value(drops, 2019, "内蒙古自治区"))


def area_jump(drops: Drops, world: World) -> None:
    """A city's area grows by 60 % for good, and no boundary event is known."""
    city = controls(world, 1)[0]
    for year in range(2013, 2022):
        grid = sheet(yearbook(drops, year), "2-1")
        at = column(grid, "行政区域土地面积")
        row = grid.rows[row_of(grid, city.name)]
        row[at] = round(row[at] * 1.6)


def county_series_ends_2017(drops: Drops, world: World) -> None:
    """The county workbook as it is really published: no year in which a pilot was in force."""
    grid = county_grid(drops)
    last = 7 + 2017 - FIRST_YEAR + 1
    grid.rows[:] = [row[:last] for row in grid.rows]


def no_rows_of_2021_cohort(drops: Drops, world: World) -> None:
    """The yearbook of 2021 without the retail sales of the five cities approved in that year."""
    grid = sheet(yearbook(drops, 2021), "2-7")
    names = {c.name for c in world.places.panel if world.places.first_year[POLICY].get(c.adcode) == 2021}
    for name in names:
        grid.rows[row_of(grid, name)][1] = None


def share_above_one(drops: Drops, world: World) -> None:
    """Industrial value added above the city's GDP."""
    year = 2013
    gdp, industry = sheet(yearbook(drops, year), "2-2"), sheet(yearbook(drops, year), "2-3")
    city = next(
        c for c in controls(world, 40) if world.view["industry"][world.places.index[c.adcode], year - FIRST_YEAR] > 0.35
    )
    value = gdp.rows[row_of(gdp, city.name)][column(gdp, "地区生产总值（")]
    industry.rows[row_of(industry, city.name)][column(industry, "工业增加值")] = round(1.1 * value)


def blank_as_zero(drops: Drops, world: World) -> None:
    grid = sheet(yearbook(drops, 2012), "2-7")
    grid.rows[row_of(grid, controls(world, 1)[0].name)][1] = 0


def impossible_population(drops: Drops, world: World) -> None:
    """A decimal point lost: a city of hundreds of millions."""
    grid = sheet(yearbook(drops, 2010), "2-1")
    grid.rows[row_of(grid, controls(world, 1)[0].name)][column(grid, "年末总人口")] = 45678.9


def fewer_cities_in_new_edition(drops: Drops, world: World) -> None:
    """The newer export was filtered: provinces from 50 on are gone."""
    grid = book(drops["green_patents/2023"]).sheets[0]
    grid.rows[:] = [row for n, row in enumerate(grid.rows) if n < 3 or int(row[2][:2]) < 50]


def _province_value(drops: Drops, year: int, province: str) -> float:
    """GDP of a province (万元): its printed row, else the sum of its cities with the usual margin."""
    grid = sheet(yearbook(drops, year), "2-2")
    at = column(grid, "地区生产总值（")
    top = row_of(grid, province)
    if grid.rows[top][at] is not None:
        return float(grid.rows[top][at])
    total, r = 0.0, top + 1
    while grid.rows[r] and isinstance(grid.rows[r][0], str) and grid.rows[r][0].startswith("  "):
        total += grid.rows[r][at] or 0.0
        r += 1
    return 1.04 * total


def _add_column(grid, label: str, english: str, value: int) -> None:
    header = next(r for r, row in enumerate(grid.rows) if row and row[0] == "城市")
    width = max(len(row) for row in grid.rows[header:])
    for r, row in enumerate(grid.rows[header:], start=header):
        if r in (header, header + 1) or (row and len(row) > 1 and isinstance(row[1], int | float)):
            row += [None] * (width - len(row))
            row.append({header: label, header + 1: english}.get(r, value + r))
