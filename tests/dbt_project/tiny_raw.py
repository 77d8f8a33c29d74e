"""Raw tables of a few places with invented numbers: each case of staging, boundaries, chains and corrections once."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from citycarbon.sources.rawrows import RAW_SCHEMA, RowCollector
from citycarbon.sources.registry import load_registry

JINAN, LAIWU, HEFEI, CHENGDU, WUXI, SHANGHAI = "济南市", "莱芜市", "合肥市", "成都市", "无锡市", "上海市"
PROVINCE = {JINAN: "山东省", LAIWU: "山东省", HEFEI: "安徽省", CHENGDU: "四川省", WUXI: "江苏省", SHANGHAI: "上海市"}
YEARS = range(2003, 2022)


class Drop:
    """Collects the rows of one edition; every row gets a line number of its own."""

    def __init__(self, source: str, edition: str, edition_year: int) -> None:
        digest = hashlib.sha256(f"{source}/{edition}".encode()).hexdigest()
        self._rows = RowCollector(
            source=source, edition=edition, edition_year=edition_year, file_name=f"{source}.csv", file_sha256=digest
        )
        self.source = source

    def add(self, label: str, place: str, year: int, value: float, **more: object) -> None:
        self._rows.add(
            text=repr(value),
            value=value,
            indicator_label=label,
            place_label=place,
            data_year=year,
            line=len(self._rows) + 1,
            **more,
        )

    def table(self) -> pa.Table:
        return self._rows.result().rows


def counties() -> Drop:
    """Two cities of whole counties; 庐江 moved to 合肥 in 2011, 莱城 to 济南 in 2019; a footnote mark keeps 新吴 from 滨湖."""
    drop = Drop("chen_county", "2020", 2020)
    listed = {
        "340102": ("瑶海区", HEFEI, 1.0), "341421": ("庐江县", "巢湖市", 2.0), "370102": ("历下区", JINAN, 4.0),
        "371202": ("莱城区", LAIWU, 8.0), "320211": ("滨湖区", WUXI, 16.0), "320211（2）": ("新吴区", WUXI, 32.0),
        "659001": ("石河子市", "石河子市", 64.0), "310115": ("浦东新区", SHANGHAI, 3.0), "510104": ("锦江区", CHENGDU, 5.0),
    }  # fmt: skip
    for code, (county, city, level) in listed.items():
        for year in YEARS:
            if (code, year) != ("371202", 2012):  # one county value missing
                drop.add("CO2", county, year, level, unit="Million tons", place_code=code, place_parent=city)
    return drop


def ceads() -> list[Drop]:
    """Two editions; the second revises 济南 and leaves 上海 2004 out; 莱芜 ends with 2017, 巢湖 with 2010."""
    first, second = Drop("ceads_city", "2020", 2020), Drop("ceads_city", "2022", 2022)
    first.add("emission", "山东济南", 2016, 90.0, unit="million tones")
    first.add("emission", "上海", 2004, 150.0, unit="million tones")
    for year in range(2009, 2020):
        second.add("emission", "山东济南", year, 100.0 + year - 2009, unit="million tones")
        second.add("emission", "安徽合肥", year, 30.0, unit="million tones")
        if year <= 2017:
            second.add("emission", "山东莱芜", year, 20.0, unit="million tones")
        if year <= 2010:
            second.add("emission", "安徽巢湖", year, 9.0, unit="million tones")
    second.add("emission", "湖北仙桃", 2010, 5.0, unit="million tones")
    second.add("emission", "吉林吉林", 2010, 6.0, unit="million tones")
    return [first, second]


def edgar() -> Drop:
    drop = Drop("edgar_city", "2023", 2023)
    for place, code in {JINAN: "370100", HEFEI: "340100", "海南藏族自治州": "632500"}.items():
        for year in YEARS:
            drop.add("碳排放量", place, year, 2_500_000.0, unit="吨", place_code=code)
    return drop


def yearbooks() -> list[Drop]:
    """Each edition holds the year before it. GDP grows 10 % nominally and 5 % in real terms; 成都 takes 简阳 in 2016."""
    drops = []
    for year in YEARS:
        drop, t = Drop("city_yearbook", str(year + 1), year + 1), year - 2003
        for place in (JINAN, LAIWU, HEFEI, CHENGDU, WUXI, SHANGHAI):
            if place == LAIWU and year > 2018:
                continue
            size = 1.2 if place == CHENGDU and year >= 2016 else 1.0
            more = {"scope": "全市", "place_parent": PROVINCE[place]}
            drop.add("地区生产总值", place, year, 1e7 * size * 1.1**t, unit="万元", **more)
            drop.add("年末总人口", place, year, 500.0 * size, unit="万人", **more)
            drop.add("地方一般公共预算支出", place, year, 1e6 * size, unit="万元", **more)
            drop.add("教育支出", place, year, 2e5 * size, unit="万元", **more)
            users, unit = (400_000.0, "户") if year < 2011 else (40.0, "万户")
            label = "国际互联网用户数" if year < 2011 else "互联网宽带接入用户数"
            drop.add(label, place, year, users, unit=unit, **more)
            if year > 2003:
                drop.add("地区生产总值指数", place, year, 105.0, unit="上年=100", **more)
            if year <= 2017:
                drop.add("固定资产投资总额", place, year, 3e6 * size, unit="万元", **more)
            elif place != WUXI or year != 2019:  # 无锡 lacks one growth rate: its chain ends
                drop.add("固定资产投资增长率", place, year, 10.0, unit="%", **more)
        if year == 2010:
            drop.add("地区生产总值", JINAN, year, 1.0, unit="万元", scope="市辖区", place_parent="山东省")
        drops.append(drop)
    late = Drop("city_yearbook", "2006r", 2007)  # a corrected edition: 上海 2005 is revised
    late.add("地区生产总值", SHANGHAI, 2005, 9e7, unit="万元", scope="全市", place_parent="上海市")
    return [*drops, late]


def compiled() -> Drop:
    """A decimal slip that the correction mends, a declared slip that the source has mended itself, and what no seed knows."""
    drop = Drop("compiled_city", "finance-2023", 2023)
    for year, value in {2013: 50.0, 2014: 520.0, 2015: 54.0}.items():
        drop.add("年末金融机构各项贷款余额", "运城市", year, value, unit="亿元", place_code="140800")
    for year, value in {2018: 50.0, 2019: 52.0, 2020: 54.0}.items():
        drop.add("年末金融机构存款余额", "四平市", year, value, unit="亿元", place_code="220300")
    drop.add("神秘指标", "运城市", 2013, 1.0)
    drop.add("年末金融机构各项贷款余额", "吉林", 2013, 1.0, unit="亿元")
    drop.add("年末金融机构各项贷款余额", "运城市", 2013, 1.0, unit="亿元", place_code="140700")
    drop.add("年末金融机构各项贷款余额", "巢湖市", 2013, 1.0, unit="亿元", place_code="341400")
    drop.add("年末金融机构各项贷款余额", "某地区", 2013, 1.0, unit="亿元", place_code="452100")
    drop.add("年末金融机构各项贷款余额", "某市", 2013, 1.0, unit="亿元", place_code="999900")
    drop.add("年末金融机构各项贷款余额", "昆山", 2013, 1.0, unit="亿元", place_code="320583")
    drop.add("年末金融机构各项贷款余额", "运城市", 2016, 1.0, unit="平方公里", place_code="140800")
    drop.add("年末金融机构各项贷款余额", "运城市", 2016, 1.0, unit="斛", place_code="140800")
    drop.add("插值_常住人口", "运城市", 2013, 500.0, unit="万人", place_code="140800", is_interpolated=True)
    return drop


def others() -> list[Drop]:
    reports, index, green = (
        Drop("gov_reports", "2022", 2022),
        Drop("market_index", "2023", 2023),
        Drop("green_patents", "2023", 2023),
    )
    for label, value in {"env_words": 6.0, "total_words": 2000.0, "env_chars": 12.0, "total_chars": 4000.0}.items():
        reports.add(label, JINAN, 2010, value, unit=label.split("_")[1] if "words" in label else "characters")
    index.add("市场化指数", "山东", 2010, 7.5)
    for label, value in {"当年申请的绿色发明数量": 3.0, "当年申请的绿色实用新型数量": 4.0}.items():
        green.add(label, WUXI, 2010, value, unit="件")
    listed = Drop("policy_list", "tiny-list", 2017)  # an old name, a county, a city twice
    for place, year in {JINAN: 2013, "襄樊市": 2010, "昆山市": 2010}.items():
        listed.add("pilot_year", place, year, float(year))
    listed.add("pilot_year", JINAN, 2011, 2011.0)
    return [reports, index, green, listed]


def write_tiny_raw(folder: Path, shuffle: int | None = None) -> None:
    """Write ``<source>.parquet`` for every registered source, empty where nothing is invented; ``shuffle`` reorders rows."""
    drops = [counties(), *ceads(), edgar(), *yearbooks(), compiled(), *others()]
    folder.mkdir(parents=True, exist_ok=True)
    for source in load_registry().sources:
        parts = [d.table() for d in drops if d.source == source]
        table = pa.concat_tables(parts) if parts else RAW_SCHEMA.empty_table()
        if shuffle is not None and len(table):
            order = list(range(len(table)))
            random.Random(shuffle).shuffle(order)
            table = table.take(order)
        pq.write_table(table, folder / f"{source}.parquet")
