"""Government work reports as text: how often a published list of environmental words occurs in each.

One file a city and year, ``<adcode>_<name>_<year>.txt`` (or in a folder a year), UTF-8 or GBK, with or without a title line. An
edition of many thousand small files is read and cached as one batch.

The word list is ``dbt_project/seeds/environment_words.csv``. List ``core`` are the fifteen words that the literature on
environmental attention in Chinese government work reports counts most often (after Chen and Chen 2018, Economic Research
Journal 53(2), from memory: to be compared with print); ``extended`` are terms that this project adds. All are searched together
from left to right, the longest match first, so that 生态环境 counts once and not also as 生态.

Four numbers a report, each with its own id, none of them a share:

``env_words``    matches of the list
``total_words``  words by rule, since segmenting Chinese needs a dictionary and every dictionary gives another count: each
                 match of the list, each run of Latin letters and digits (12.5 is one) and each function character (的 了
                 和 ...) is one word; every other run of n Chinese characters holds n/2 words, rounded up, two characters
                 being the usual length of a written Chinese word. An approximation, and the footnote says so.
``env_chars``    characters in matches of the list
``total_chars``  characters: Chinese ones, Latin letters, digits; no punctuation, no white space

``env_chars / total_chars`` depends on no segmentation. A title line and lines that start with '#' are not counted.
"""

from __future__ import annotations

import csv
import re
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from citycarbon.errors import UnusableInput
from citycarbon.paths import DBT_PROJECT
from citycarbon.sources.rawrows import ReadResult, RowCollector
from citycarbon.sources.records import SourceRecord
from citycarbon.sources.tables import UNREADABLE_LIMIT
from citycarbon.sources.textfile import decode
from citycarbon.sources.workbook import REMEDY_COPY

READER_VERSION = "1"
ENVIRONMENT_WORDS = DBT_PROJECT / "seeds" / "environment_words.csv"
READER_INPUTS = (ENVIRONMENT_WORDS,)

UNITS = {"env_words": "词", "total_words": "词", "env_chars": "字", "total_chars": "字"}
NOTES = {
    "total_words": "words by rule: two Chinese characters to a word outside the list, see citycarbon/sources/gov_reports.py"
}
MINIMUM_CHARS = 100  # below this a file holds a heading, not a report

_NAME = re.compile(r"(?P<code>\d{6})_(?P<place>[^_]+)_(?P<year>(?:19|20)\d{2})\.txt", re.IGNORECASE)
_TITLE = re.compile(r"[^。；;]{0,60}政府工作报告[^。；;]{0,30}")
_FUNCTION = "的了和与及在是为把被对将从到以并等之而或但也都要不更着地得"
_CHINESE = re.compile(r"[\u3400-\u9fff]+")
_COMMON = re.compile(r"[的市发展建设工作年经济全加强]")
_FULL_WIDTH = re.compile(r"[０-９Ａ-Ｚａ-ｚ．]")

# Kind of each character by its UTF-16 unit; 0 is not counted.
_FUNCTION_KIND, _CONTENT_KIND, _LATIN_KIND = 1, 2, 3
_KIND = np.zeros(0x10000, np.uint8)
_KIND[0x3400:0xA000] = _CONTENT_KIND
_KIND[[ord(ch) for ch in _FUNCTION]] = _FUNCTION_KIND
_KIND[[ord(ch) for ch in string.ascii_letters + string.digits]] = _LATIN_KIND


class ReportCounts(NamedTuple):
    """The four counts of one report."""

    env_words: int
    total_words: int
    env_chars: int
    total_chars: int


@dataclass(frozen=True)
class WordList:
    """A compiled word list: ``pattern`` matches the longest word at each place."""

    words: tuple[str, ...]
    pattern: re.Pattern[str]


def compile_words(words: Iterable[str]) -> WordList:
    """A WordList from words; longer ones come first in the pattern, so that the leftmost longest match wins."""
    ordered = sorted(set(words), key=lambda w: (-len(w), w))
    return WordList(tuple(ordered), re.compile("|".join(map(re.escape, ordered))))


@cache
def environment_words(path: Path = ENVIRONMENT_WORDS) -> WordList:
    """The published list."""
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return compile_words(row["word"] for row in csv.DictReader(handle))


def count_report(text: str, words: WordList | None = None) -> ReportCounts:
    """Counts of one report's text by the rules of this module; line breaks and spaces inside words do not matter."""
    words = words or environment_words()
    text = _FULL_WIDTH.sub(lambda m: chr(ord(m[0]) - 0xFEE0), text)
    body = "".join(_body(text).split())
    pieces = words.pattern.split(body)
    env_words, (other_words, other_chars) = len(pieces) - 1, _words_and_chars("\n".join(pieces))
    total_chars = int(np.count_nonzero(_KIND[_units(body)]))
    return ReportCounts(env_words, env_words + other_words, total_chars - other_chars, total_chars)


def _units(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-16-le"), np.uint16)


def _words_and_chars(text: str) -> tuple[int, int]:
    """Words by rule and characters of a text without words of the list."""
    units = _units(f"\n{text}\n")  # so that every run has a beginning and an end
    kind = _KIND[units]
    chars = int(np.count_nonzero(kind))
    digit = (units >= ord("0")) & (units <= ord("9"))
    point = np.flatnonzero((units[1:-1] == ord(".")) & digit[:-2] & digit[2:]) + 1
    kind[point] = _LATIN_KIND  # 12.5 is one word
    numbers, content = _run_lengths(kind == _LATIN_KIND), _run_lengths(kind == _CONTENT_KIND)
    function = int(np.count_nonzero(kind == _FUNCTION_KIND))
    return function + len(numbers) + int(((content + 1) // 2).sum()), chars


def _run_lengths(inside: np.ndarray) -> np.ndarray:
    """Lengths of the runs of True; the first and the last element are False."""
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    return edges[1::2] - edges[::2]


def _body(text: str) -> str:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    if lines and _TITLE.fullmatch(lines[0].strip()):
        lines = lines[1:]
    return "\n".join(lines)


class _Edition(RowCollector):
    """Collects the rows of many files: what RowCollector fills for one file changes with ``start``."""

    def __init__(self, record: SourceRecord) -> None:
        super().__init__(
            source=record.source, edition=record.edition, edition_year=record.edition_year, file_name="", file_sha256=""
        )
        self._file: dict[str, str] = {}
        self.files = 0

    def start(self, name: str, sha: str) -> None:
        self._file = {"file_name": name, "file_sha256": sha}
        self._same |= self._file
        self.files += 1

    def add(self, **fields: Any) -> None:
        super().add(**fields)
        self._rows[-1] |= self._file

    def refuse(self, reason_code: str, reason: str, **fields: Any) -> None:
        super().refuse(reason_code, reason, **fields)
        self._refused[-1] |= self._file

    def result(self) -> ReadResult:
        self._same = {key: value for key, value in self._same.items() if key not in ("file_name", "file_sha256")}
        return super().result()


def read(path: Path, record: SourceRecord, file_sha256: str) -> ReadResult:
    """The four counts of one report; ``read_batch`` reads an edition."""
    return read_batch(path.parent, [(path.name, path, file_sha256)], record)


def read_batch(folder: Path, files: Sequence[tuple[str, Path, str]], record: SourceRecord) -> ReadResult:
    """The four counts of every report of an edition; ``files`` are (name in the drop, path, sha256), ordered by name here.

    Raises UnusableInput for an empty or undecodable file and where over 1 % of the files (and more than one) are no reports:
    named otherwise, too short, or not Chinese text.
    """
    out = _Edition(record)
    for name, path, sha in sorted(files):
        out.start(name, sha)
        _read_file(out, path)
    return _finish(out, folder)


def _read_file(out: _Edition, path: Path) -> None:
    named = _NAME.fullmatch(path.name)
    if named is None:
        reason = f"The name '{path.name}' is not <six-digit code>_<city>_<year>.txt."
        out.refuse("unknown_file_name", reason, line=1, text=path.name, is_required=True)
        return
    place, year = named["place"], int(named["year"])
    text = _decode(path)
    counts = count_report(text)
    if why := _why_no_report(text, counts):
        out.refuse(*why, line=1, text=text[:60], place_label=place, data_year=year, is_required=True)
        return
    for indicator, count in counts._asdict().items():
        out.add(
            text=str(count),
            value=float(count),
            unit=UNITS[indicator],
            footnote=NOTES.get(indicator),
            indicator_label=indicator,
            place_label=place,
            place_code=named["code"],
            data_year=year,
            line=1,
        )


def _why_no_report(text: str, counts: ReportCounts) -> tuple[str, str] | None:
    if counts.total_chars < MINIMUM_CHARS:
        return "too_short", f"The text holds {counts.total_chars} characters; a report has at least {MINIMUM_CHARS}."
    chinese = sum(map(len, _CHINESE.findall(text)))
    # UTF-8 taken for GBK gives Chinese characters too, but rare ones.
    if chinese < counts.total_chars / 2 or not _COMMON.search(text):
        return "not_chinese_text", "The text is not Chinese prose; it may have been saved in a wrong encoding."
    return None


def _decode(path: Path) -> str:
    """The text of a file. UTF-8 that ends inside a character is a cut file: GB18030 would read it as other words."""
    raw = path.read_bytes()
    try:
        if raw.strip() and b"\x00" not in raw and not raw.startswith(b"%PDF"):
            return raw.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        if err.reason == "unexpected end of data" and err.start > 0:
            raise UnusableInput(
                path, found=f"a text cut inside a character (byte {err.start})", expected="a whole report", remedy=REMEDY_COPY
            ) from None
    return decode(path)[0]


def _finish(out: _Edition, folder: Path) -> ReadResult:
    """The edition's result; the 1 % rule counts reports, not numbers."""
    result = out.result()
    bad = result.quarantine.select(["file_name", "reason_code", "reason"]).to_pylist()
    if (len(bad) > 1 and len(bad) > UNREADABLE_LIMIT * out.files) or len(out) == 0:
        first = bad[0] if bad else {"file_name": "", "reason": "no file"}
        raise UnusableInput(
            folder / first["file_name"],
            found=f"{len(bad)} of {out.files} files that are no reports, the first: {first['reason']}",
            expected="reports named <six-digit code>_<city>_<year>.txt, at most 1 % of them unreadable",
            remedy="Repair the files at their producer or fetch them again; nothing of the edition was used.",
        )
    for code in sorted({b["reason_code"] for b in bad}):
        same = [b for b in bad if b["reason_code"] == code]
        result.warnings.append(f"{len(same)} quarantined as {code}, the first {same[0]['file_name']}: {same[0]['reason']}")
    return result
