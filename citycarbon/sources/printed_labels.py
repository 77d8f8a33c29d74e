"""What a printed Chinese label says: indicator, unit, scope, year, footnote mark. No file and no sheet is known here.

A label is taken apart, never translated: which indicator it means is the seeds' business.
"""

from __future__ import annotations

import re
from typing import NamedTuple

CJK = re.compile(r"[\u3400-\u9fff]")
_PLACE = re.compile(r"[\u3400-\u9fff（）()·]+")
_MARKS = re.compile(r"[①-⑳⓪❶-❿⑴-⒇¹²³⁴-⁹⁰*＊]+")
_ENGLISH_TAIL = re.compile(r"(?<=[\u3400-\u9fff）)%％‰])\s+[A-Za-z(（][A-Za-z0-9 ,.;:'/&%()（）\-]*$")
_BRACKET = re.compile(r"[（(\[【]([^（）()\[\]【】]*)[）)\]】]")
_COUNTED = (
    "元|美元|人|户|人次|吨|标准吨|吨标准煤|公斤|千克|克|公顷|亩|平方公里|平方米|平方千米|公里|千米|米|立方米|千瓦时|千瓦|"
    "个|家|所|辆|张|部|台|件|册|册件|床|次|度|岁|项|年|天|倍"
)
_UNIT = re.compile(rf"[十百千万亿]*(?:{_COUNTED})(?:[/／每](?:[十百千万亿]*(?:{_COUNTED})))?|%|％|‰|上年=100|以上年为100")
_SCOPES = {"全市": "全市", "市辖区": "市辖区", "全市口径": "全市", "市辖区口径": "市辖区", "市区": "市辖区"}
_YEAR = re.compile(r"(?<!\d)((?:19|20)\d{2})\s*年")
_UNIT_LINE = re.compile(r"(?:计量)?单位\s*[:：]\s*(.+)")


class Printed(NamedTuple):
    """One label taken apart; '' or None where it does not say."""

    label: str
    unit: str
    scope: str
    year: int | None
    mark: str


def squeeze(text: str) -> str:
    """``text`` without white space: printers space out names (石 家 庄 市) and break headers over lines."""
    return re.sub(r"\s+", "", text)


def chinese_part(text: str) -> str:
    """The Chinese lines of a bilingual cell, without an English tail; '' where it holds no Chinese character."""
    lines = [line.strip() for line in text.splitlines() if CJK.search(line)]
    return squeeze("".join(_ENGLISH_TAIL.sub("", line) for line in lines))


def split_mark(text: str) -> tuple[str, str]:
    """``text`` without footnote marks (①, ¹, *), and the marks. Must precede any folding of ① to the digit 1."""
    if _MARKS.search(text) is None:
        return text, ""
    return _MARKS.sub("", text), "".join(_MARKS.findall(text))


def is_place_name(text: str) -> bool:
    """True where a name holds Chinese characters and brackets only (mojibake and remarks fail)."""
    return bool(CJK.search(text)) and _PLACE.fullmatch(text) is not None


def is_unit(text: str) -> bool:
    return _UNIT.fullmatch(text) is not None


def unit_line(text: str) -> str | None:
    """What stands behind 单位： in ``text`` (an English tail left out), or None where there is no such line."""
    match = _UNIT_LINE.search(text.strip())
    if match is None:
        return None
    printed = re.split(r"\s{2,}|\n|\t", match.group(1).strip())[0]
    printed = re.sub(r"[(（][A-Za-z0-9 ,%.]+[)）]$", "", printed)
    return squeeze(_ENGLISH_TAIL.sub("", printed))


def scope_of(text: str) -> str:
    """全市 or 市辖区 where ``text`` names one of them (a title, a sheet's name), else ''."""
    has_city, has_districts = "全市" in text, "市辖区" in text
    if has_city == has_districts:
        return ""
    return "全市" if has_city else "市辖区"


def year_of(text: str) -> int | None:
    """The one year that ``text`` states as N年; None where it states none or several."""
    years = set(_YEAR.findall(text))
    return int(years.pop()) if len(years) == 1 else None


def take_apart(text: str) -> Printed:
    """Indicator, unit, scope, year of one header cell: ``指标（单位）``, ``指标_全市_单位``, ``指标 %``, ``全市``, ``万元``."""
    text, mark = split_mark(chinese_part(text) or (squeeze(text) if is_unit(squeeze(text)) else ""))
    unit, scope, year = "", "", None
    kept: list[str] = []
    for part in _parts(text):
        bare = part.strip("（）()[]【】_")
        if bare in _SCOPES:
            scope = _SCOPES[bare]
        elif is_unit(bare.removeprefix("单位：").removeprefix("单位:")):
            unit = bare.removeprefix("单位：").removeprefix("单位:")
        elif re.fullmatch(r"(?:19|20)\d{2}年?", bare):
            year = int(bare[:4])
        else:
            kept.append(part)
    label = re.sub(r"_+", "_", "".join(kept)).strip("_")
    if not unit and (tail := re.search(r"(?<=[\u3400-\u9fff）)])(%|％|‰)$", label)):
        label, unit = label[: tail.start()], tail.group(1)
    return Printed(label, unit, scope, year, mark)


def _parts(text: str) -> list[str]:
    """``text`` cut at underscores and around brackets, brackets kept with what they hold."""
    pieces: list[str] = []
    for section in text.split("_"):
        at = 0
        for match in _BRACKET.finditer(section):
            pieces += [section[at : match.start()], match.group(0)]
            at = match.end()
        pieces += [section[at:], "_"]
    return [p for p in pieces[:-1] if p]
