"""Where to put a fault: finding cells of the synthetic files by what they mean. Plants nothing itself."""

from __future__ import annotations

from citycarbon.sample.design import POLICY
from citycarbon.sample.files import Book, Grid, Mangled
from citycarbon.sample.landing import Drop
from citycarbon.sample.places import FIRST_YEAR, City
from citycarbon.sample.world import World

Drops = dict[str, Drop]


def controls(world: World, count: int, *, skip: int = 20) -> list[City]:
    """Cities that were never pilots and have complete rows in every year from 2008 to 2021, in order of code."""
    complete = world.complete[:, 2008 - FIRST_YEAR :].all(axis=1)
    pilots, moved = world.places.first_year[POLICY], world.places.comparable_from
    usable = [
        c
        for i, c in enumerate(world.places.panel)
        if complete[i] and c.adcode not in pilots and c.adcode not in moved and c.kind != "municipality"
    ]
    return usable[skip : skip + count]


def only_file(drop: Drop, ending: str = "") -> str:
    """The name of the drop's file that ends so; the first where there are several."""
    return next(name for name in sorted(drop.files) if name.endswith(ending))


def book(drop: Drop, ending: str = ".xlsx") -> Book:
    """The drop's workbook."""
    content = drop.files[only_file(drop, ending)]
    assert isinstance(content, Book)
    return content


def mangle(drop: Drop, change, ending: str = "") -> None:
    """Change the bytes of a file after it was made."""
    name = only_file(drop, ending)
    drop.files[name] = Mangled(drop.files[name], change)


# --- yearbook ---------------------------------------------------------------------------------------------------------------


def yearbook(drops: Drops, data_year: int) -> Drop:
    return drops[f"city_yearbook/{data_year + 1}"]


def sheet(drop: Drop, table: str) -> Grid:
    """A yearbook table by its number, such as ``2-2``."""
    return book(drop, "").sheet(table)


def column(grid: Grid, label: str) -> int:
    """The column whose Chinese header starts with ``label``."""
    header = next(row for row in grid.rows if row and row[0] == "城市")
    return next(c for c, text in enumerate(header) if isinstance(text, str) and text.startswith(label))


def row_of(grid: Grid, name: str) -> int:
    """The row of a place, whatever spaces and marks its printed name carries."""
    return next(
        r for r, row in enumerate(grid.rows) if row and isinstance(row[0], str) and row[0].replace(" ", "").rstrip("①") == name
    )


def place_rows(grid: Grid, at: int) -> list[int]:
    """Rows with a number in column ``at``."""
    return [r for r, row in enumerate(grid.rows) if len(row) > at and isinstance(row[at], int | float)]


# --- county workbook --------------------------------------------------------------------------------------------------------


def county_grid(drops: Drops) -> Grid:
    return book(drops["chen_county/2021"]).sheets[0]


def scale_city(drops: Drops, world: World, city: City, years: list[int], factor: float) -> None:
    """Multiply all counties of a city in the county workbook."""
    grid = county_grid(drops)
    for r, county in enumerate(world.places.counties, start=1):
        if county.city_id == city.adcode:
            for year in years:
                grid.rows[r][7 + year - FIRST_YEAR] *= factor


def ratio_before(world: World, city: City, year: int) -> float:
    """CO2 of ``year`` over the year before, as the clean files have it."""
    series = world.co2[city.adcode]
    t = year - FIRST_YEAR
    return float(series[t] / series[t - 1])
