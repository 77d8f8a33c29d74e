"""What a column header of a compiled table says: indicator, unit, scope, whether values were filled in, which role it plays.

Compilers write the same thing in many orders: ``教育支出_万元_全市``, ``固定资产投资总额_全市_万元``, ``常住人口（万人）``,
``GDP/亿元``.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from citycarbon.sources.cells import norm, printed

ROLES: dict[str, list[str]] = {
    "year": ["年份", "year", "年度", "年度标识", "年", "时间", "统计年度", "数据年份"],
    "province": ["省份", "省", "所属省份", "省份名称", "所在省份", "省区市", "地区(省)", "province", "prov", "province_name"],
    "city": ["城市", "地级市", "城市名称", "城市名", "地市", "市", "地级市名称", "city", "city_name", "cityname"],
    "code": [
        "城市代码",
        "市代码",
        "地级市代码",
        "行政区划代码",
        "行政代码",
        "区划代码",
        "city_code",
        "citycode",
        "city_id",
        "adcode",
    ],
    "province_code": ["省份代码", "省代码", "province_code", "prov_code"],
    "unit": ["单位", "计量单位", "unit"],
    "note": ["数据来源", "来源", "备注", "source", "note"],
    "row_id": ["id", "序号", "编号", "no", "no."],
}
CATEGORIES = frozenset(
    norm(n)
    for n in [
        "地区",
        "区域",
        "胡焕庸线",
        "城市类别",
        "城市等级",
        "所属地域",
        "所属区域",
        "东中西部",
        "是否省会",
        "region",
        "city_tier",
    ]
)
_INTERPOLATED = re.compile(r"插值|填补|拟合|interpol", re.IGNORECASE)
_SCOPES = ("全市", "市辖区")

_BASE = (
    "元人民币|元|美元|人|户|家|所|个|件|项|辆|册|张|艘|床|次|台|部|吨标准煤|吨标煤|吨|千克|公斤|克|升|"
    "平方米|平方公里|平方千米|立方米|公里|千米|米|公顷|亩|千瓦时|千瓦|度|%|‰|人次|册件"
)
_UNIT = re.compile(
    rf"(?:[十百千万亿]{{0,2}}(?:{_BASE})|km2|km²|m2|m²|mt|kt|t|tons?|tonnes?|usd|yuan|cny|rmb|persons?|households?|年?上年\s*=\s*100)"
    rf"(?:\s*[/每]\s*[十百千万亿]{{0,2}}(?:{_BASE}|km2|km²|m2|m²))?",
    re.IGNORECASE,
)
_BRACKET = re.compile(r"[（(]([^（）()]*)[)）]")


class Indicator(NamedTuple):
    """A header taken apart. ``label`` is as printed without unit and scope; marks such as ``插值_`` stay in it."""

    label: str
    unit: str
    scope: str
    is_interpolated: bool


def is_unit(text: str) -> bool:
    """True where ``text`` is a unit as compilers print them (``万元``, ``人/平方公里``, ``吨``)."""
    return bool(_UNIT.fullmatch(text.strip().replace("％", "%")))


def role_of(label: str) -> str | None:
    """The role of a header in a long table (a key of ROLES), ``category`` for a known grouping, None for an indicator."""
    plain = norm(label)
    if plain in CATEGORIES:
        return "category"
    return next((role for role, names in ROLES.items() if plain in [norm(n) for n in names]), None)


def parse_indicator(header: str) -> Indicator:
    """Take a header apart into indicator, unit and scope, whatever their order; what is neither stays in the label."""
    label, unit, scope = printed(header), "", ""
    for content in reversed(_BRACKET.findall(label)):
        if content.strip() in _SCOPES and not scope:
            scope = content.strip()
        elif is_unit(content) and not unit:
            unit = content.strip()
        else:
            continue
        label = re.sub(rf"[（(]{re.escape(content)}[)）]", " ", label)
    parts = []
    for part in label.split("_"):
        if part.strip() in _SCOPES and not scope:
            scope = part.strip()
        elif parts and is_unit(part) and not unit:
            unit = part.strip()
        else:
            parts.append(part)
    label = "_".join(parts)
    head, slash, tail = label.rpartition("/")
    if slash and not unit and is_unit(tail):
        label, unit = head, tail.strip()
    return Indicator(" ".join(label.split()).strip("_ "), unit, scope, bool(_INTERPOLATED.search(header)))
