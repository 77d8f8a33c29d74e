"""What was printed, as the rules see it: columns with their cells, descriptive statistics, each number with its rounding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from citycarbon.forensics.intervals import Interval, decimals, printed
from citycarbon.forensics.wording import brief, column_code, table_code, table_name

if TYPE_CHECKING:
    import pandas as pd

CONSTANT = "_cons"


@dataclass(frozen=True)
class Cell:
    """One printed coefficient. ``estimate`` and ``std_error`` are None where nothing is printed."""

    term: str
    estimate: Interval | None
    std_error: Interval | None
    stars: str
    b: str  # estimate and standard error as printed
    se: str
    df: float | None = None
    p_value: Interval | None = None
    star_rule: str = ""

    @property
    def text(self) -> str:
        """``-0.644 (0.076)***``."""
        return f"{self.b} ({self.se}){self.stars}" if self.se else self.b

    @property
    def is_tested(self) -> bool:
        return self.estimate is not None and self.std_error is not None


@dataclass(frozen=True)
class Column:
    """One printed regression."""

    table: str
    number: str
    label: str
    outcome: str
    n: int
    adj_r2: Interval | None
    effects: tuple[str, ...]  # labels as printed
    cells: dict[str, Cell]

    @property
    def key(self) -> tuple[str, str]:
        return self.table, self.number

    @property
    def code(self) -> str:
        """``T2c1``."""
        return column_code(self.table, self.number)

    @property
    def name(self) -> str:
        """``Table 2 column 1``."""
        return f"{table_name(self.table)} column {self.number}"

    @property
    def slopes(self) -> dict[str, Cell]:
        """All cells but the constant."""
        return {term: cell for term, cell in self.cells.items() if term != CONSTANT}

    @property
    def constant(self) -> Cell | None:
        return self.cells.get(CONSTANT)

    @property
    def is_complete(self) -> bool:
        """Whether every term has an estimate: what rests on a sum over terms needs them all."""
        return all(cell.estimate is not None for cell in self.cells.values())


@dataclass(frozen=True)
class Described:
    """One row of the descriptive table; None where a statistic is not printed."""

    variable: str
    n: int
    mean: Interval | None
    sd: Interval | None
    min: Interval | None
    max: Interval | None
    texts: dict[str, str]
    sample: str = ""
    is_weighted: bool = False  # then mean and sd are not those of n rows: nothing can be counted from them

    @property
    def range(self) -> Interval | None:
        """Where values can lie: from the least value that min allows to the greatest that max allows."""
        if self.min is None or self.max is None:
            return None
        return Interval((self.min.at + self.max.at) / 2, self.min.lo, self.max.hi)


@dataclass(frozen=True)
class Paper:
    """All that was printed. ``source`` names the descriptive table in sentences."""

    columns: list[Column]
    descriptives: dict[tuple[str, str], Described]  # (sample, variable)
    source: str = "the descriptive table"

    def find(self, table: str, number: str) -> Column | None:
        """The column of this table and number, None where it was not typed in."""
        return next((c for c in self.columns if c.key == (table, number)), None)

    def halves(self, table: str, first: str, second: str) -> tuple[str, str]:
        """Code and name of two columns of a table; the table's own where it has no other columns."""
        if sum(c.table == table for c in self.columns) <= 2:
            return table_code(table), table_name(table)
        return f"{column_code(table, first)}/{second}", f"{table_name(table)} columns {first} and {second}"

    def described(self, variable: str, column: Column | None = None) -> Described | None:
        """Statistics of ``variable``: on the rows of ``column`` where they are given for it, else those of all rows."""
        own = self.descriptives.get((f"{column.table}:{column.number}", variable)) if column else None
        return own or self.descriptives.get(("", variable))

    def counted(self, variable: str) -> list[Described]:
        """Every row of descriptives about ``variable`` from which its ones can be counted, the general one first."""
        return [d for (_, name), d in self.descriptives.items() if name == variable and not d.is_weighted]

    def general(self) -> list[Described]:
        """The rows of descriptives that are not about one regression column."""
        return [d for (sample, _), d in self.descriptives.items() if not sample]

    def tables(self) -> Iterator[tuple[str, list[Column]]]:
        """Tables in the order of the file, each with its columns."""
        for table in dict.fromkeys(c.table for c in self.columns):
            yield table, [c for c in self.columns if c.table == table]


def paper_of(published: pd.DataFrame, descriptives: pd.DataFrame | None, source: str = "the descriptive table") -> Paper:
    """The printed tables as a :class:`Paper`; frames as :mod:`citycarbon.forensics.read` gives them (all cells text)."""
    grouped: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in published.to_dict("records"):
        grouped.setdefault((str(row["table"]), str(row["column_no"])), []).append(row)
    rows = [] if descriptives is None else descriptives.to_dict("records")
    described = {(d.sample, d.variable): d for d in map(_described, rows)}
    return Paper([_column(*key, its) for key, its in grouped.items()], described, source)


def _column(table: str, number: str, rows: list[dict[str, str]]) -> Column:
    first = rows[0]
    return Column(
        table=table,
        number=number,
        label=first["column_label"],
        outcome=first["outcome"],
        n=int(first["N"]),
        adj_r2=_number(first["adj_r2"]),
        effects=tuple(e for e in (first["fe_label_1"], first["fe_label_2"]) if e),
        cells={row["term"]: _cell(row) for row in rows},
    )


def _number(text: str | None) -> Interval | None:
    return printed(text) if text else None


def _cell(row: dict[str, str]) -> Cell:
    return Cell(
        term=row["term"],
        estimate=_number(row["estimate"]),
        std_error=_error(row["std_error"]),
        stars=row["stars"],
        b=brief(row["estimate"]),
        se=brief(row["std_error"]),
        df=float(row["df"]) if row.get("df") else None,
        p_value=_number(row.get("p_value")),
        star_rule=row.get("star_rule") or "",
    )


def _error(text: str) -> Interval | None:
    """A standard error is not negative, so neither is what rounding allows."""
    if not text:
        return None
    value = printed(text)
    return Interval(value.at, max(value.lo, 0.0), value.hi)


def _described(row: dict[str, str]) -> Described:
    """A whole number beside decimals (min 0, max 1) has lost its zeros in print: it is read at the decimals of its row."""
    texts = {name: row[name] for name in ("sd", "mean", "min", "max")}
    most = max((decimals(t) for t in texts.values() if t), default=0)

    def value(name: str) -> Interval | None:
        text = texts[name]
        return printed(text, most if decimals(text) <= 0 else None) if text else None

    sd = value("sd")
    if sd is not None:
        sd = Interval(sd.at, max(sd.lo, 0.0), sd.hi)
    return Described(
        variable=row["variable"],
        n=int(row["n"]),
        mean=value("mean"),
        sd=sd,
        min=value("min"),
        max=value("max"),
        texts={name: brief(text) for name, text in texts.items()},
        sample=row.get("sample") or "",
        is_weighted=row.get("weighted") == "yes",
    )
