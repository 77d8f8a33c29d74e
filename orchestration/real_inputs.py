"""Which received file of the real-data folder is which source and edition, and the errors known to stand in them.

Names and places only: no value of a real file is written here. ``orchestration.real`` runs over them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RealFile:
    """``pattern`` is a glob below the real-data folder; ``edition_year`` orders editions of one source."""

    source: str
    edition: str
    edition_year: int
    pattern: str
    title: str
    producer: str = "compiler unknown"
    licence: str = "none stated: private checks only"


FILES: tuple[RealFile, ...] = (
    RealFile(
        "chen_county", "2020", 2020, "chen2020_county/co2.xlsx", "County-level CO2 emissions 1997-2017", "Chen et al. 2020"
    ),
    RealFile("ceads_city", "2022", 2022, "ceads/*290_Chinese_Cities*.xlsx", "CO2 inventories of 290 cities 1997-2019", "CEADs"),
    RealFile("ceads_province", "2017", 2017, "ceads/*30_Provinces_2017.xlsx", "CO2 inventories of 30 provinces 2017", "CEADs"),
    RealFile("edgar_city", "edgar-v8", 2023, "city_tables/地级市碳排放强度.xlsx", "CO2 by city after EDGAR v8.0, 2000-2023"),
    RealFile("compiled_city", "gdp-2000base", 2020, "city_tables/296个地级市GDP*.xlsx", "GDP of 296 cities, base year 2000"),
    RealFile("compiled_city", "industry-2023", 2023, "city_tables/2000-2023地级市产业结构*.xlsx", "Value added by sector"),
    RealFile("compiled_city", "finance-2023", 2023, "city_tables/金融发展水平*.xlsx", "Loans and deposits by city"),
    RealFile("compiled_city", "population-2024", 2024, "city_tables/298个地级市人口密度*.xlsx", "Area and population by city"),
    RealFile(
        "compiled_city", "fdi-2023", 2023, "city_tables/1996-2023年地级市外商直接投资FDI.xlsx", "Foreign investment by city"
    ),
    RealFile("compiled_city", "road-area", 2023, "city_tables/各省*人均道路面积.xlsx", "Road area per head"),
    RealFile(
        "compiled_city", "province-finance-2023", 2023, "city_tables/*31个省份存贷款*.xlsx", "Loans and deposits by province"
    ),
    RealFile("policy_list", "gbk-csv", 2017, "policy_lists/*GBK.csv", "Low-carbon pilots, a GBK list"),
    RealFile("policy_list", "list-xlsx", 2017, "policy_lists/lowcarbon_list.xlsx", "Low-carbon pilots, a workbook list"),
    RealFile("policy_list", "list-of-92", 2017, "city_tables/试点城市名单.xlsx", "Low-carbon pilots, 92 rows"),
)


@dataclass(frozen=True)
class KnownError:
    """An error of a real file: where it is, and the check (or quarantine reason) that must name it."""

    id: str
    what: str
    caught_by: str  # id of a check, quarantine:<reason_code>, policy_lists:<kind of difference>, or no_row_without_key
    places: tuple[str, ...] = ()  # city ids; empty where the error is no place's
    years: tuple[int, ...] = ()
    label: str = ""  # place as printed, for a cell in the quarantine

    @property
    def keys(self) -> set[tuple[str, int]]:
        return {(place, year) for place in self.places for year in self.years}


ERRORS: tuple[KnownError, ...] = (
    KnownError(
        "hainan-prefecture",
        "海南藏族自治州 (Qinghai) carries the GDP of Hainan Province",
        "same_name_province",
        ("632500",),
        tuple(range(2003, 2016)),
    ),
    KnownError("ordos", "鄂尔多斯 carries the GDP of all Inner Mongolia", "city_at_most_province", ("150600",), (2022,)),
    KnownError("loans-yuncheng", "loans of 运城 ten times too large", "magnitude_neighbours", ("140800",), (2014,)),
    KnownError("loans-lvliang", "loans of 吕梁 ten times too large", "magnitude_neighbours", ("141100",), (2011, 2012)),
    KnownError("loans-huaian", "loans of 淮安 ten times too large", "magnitude_neighbours", ("320800",), (2010,)),
    KnownError("deposits-siping", "deposits of 四平 ten times too large", "magnitude_neighbours", ("220300",), (2019,)),
    KnownError(
        "gdp-qitaihe", "GDP of 七台河 and 黑河 three times apart between files", "sources_agree", ("230900", "231100"), (2011,)
    ),
    KnownError(
        "loans-scope", "loans of 杭州 and 宁波 jump with a change of scope", "level_jump_listed", ("330100", "330200"), (2011,)
    ),
    KnownError("sansha", "三沙: a few islands stand as a city beside the others", "far_from_median_listed", ("460300",)),
    KnownError(
        "area-slips",
        "area of 铜川, 漯河 a fifth and a quarter too small in one year",
        "area_jump_without_event",
        ("610200", "411100"),
    ),
    KnownError(
        "area-levels",
        "area of 运城, 淮南, 陇南, 固原, 海东, 南通, 海南州 changes level without an event",
        "area_jump_without_event",
        ("140800", "340400", "621200", "640400", "630200", "320600", "632500"),
    ),
    KnownError("loans-sansha", "loans of 三沙 move by factors of ten", "magnitude_neighbours", ("460300",), (2016, 2017)),
    KnownError(
        "secondary-danzhou", "儋州 counts the Yangpu zone in from 2021 on", "magnitude_neighbours", ("460400",), (2021,)
    ),
    KnownError("advertising", "an advertising line stands in the city column below the table", "quarantine:footer"),
    KnownError("empty-rows", "empty rows whose missing keys count as duplicates", "no_row_without_key"),
    KnownError("yili", "伊犁地区, abolished in 2001, has one year", "quarantine:unknown_place", label="伊犁地区"),
    KnownError(
        "turpan",
        "吐鲁番地区, a city since 2015, keeps its old name",
        "names_of_the_year",
        ("650400",),
        (2017, 2018, 2019, 2020),
    ),
    KnownError("list-yicheng", "宜城市, a county, stands beside 宣城市", "policy_lists:name_error", label="宜城市"),
    KnownError(
        "list-extra",
        "长治, 徐州, 铜陵, 泉州, 郑州, 焦作, 儋州 were never pilots",
        "policy_lists:extra",
        ("140400", "320300", "340700", "350500", "410100", "410800", "460400"),
    ),
    KnownError("list-missing", "拉萨 and 吴忠 are missing", "policy_lists:missing", ("540100", "640300")),
    KnownError("list-guilin", "桂林, of batch 2, stands in batch 3", "policy_lists:other_year", ("450300",)),
    KnownError("list-xiangfan", "襄阳 under its name of before 2010", "policy_lists:old_name", ("420600",)),
    KnownError("list-changji", "the whole 昌吉州 for the pilot in 昌吉市", "policy_lists:whole_for_part", ("652300",)),
    KnownError(
        "list-later-batch",
        "cities of pilot provinces dated by the later batch that names them",
        "policy_lists:later_batch",
        ("420100", "440100", "442000", "460200", "530100", "530400", "610600"),
    ),
)
