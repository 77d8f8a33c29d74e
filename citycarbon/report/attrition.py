"""The attrition table: from cities x years to the estimation sample, one row per step that drops rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from citycarbon.econometrics.contract import parse_effects
from citycarbon.report.formats import Cell, Head, Row, Table, count, table_name
from citycarbon.study.spec import Study

if TYPE_CHECKING:
    import pandas as pd


def attrition_steps(attrition: pd.DataFrame) -> pd.DataFrame:
    """One row per step in order: step, reason (what its recorded reasons share), dropped, left (city-years), cities (left).

    ``attrition``: the mart ``sample_attrition`` (city_id, year, in_sample, step, drop_reason), one row per city-year. Raises
    ValueError where a dropped row has no reason: a row leaves only with a recorded one.
    """
    import pandas as pd

    attrition = attrition.reset_index(drop=True)
    inside = attrition["in_sample"].astype(bool)
    gone = attrition[~inside]
    if gone["drop_reason"].isna().any() or (gone["drop_reason"].astype(str).str.strip() == "").any():
        raise ValueError("sample_attrition has dropped city-years without a drop_reason")
    rows, left = [], attrition
    for step, group in gone.groupby("step", sort=True):
        left = left.drop(index=group.index)
        reason = _together(sorted({_head(text) for text in group["drop_reason"]}))
        rows.append((int(step), reason, len(group), len(left), left["city_id"].nunique()))
    return pd.DataFrame(rows, columns=["step", "reason", "dropped", "left", "cities"])


def _head(reason: str) -> str:
    """A recorded reason without its detail: ``control missing: gov: fai_yuan (...)`` -> ``control missing: gov: fai_yuan``."""
    head = reason.split(" (")[0].replace("missing: missing: ", "missing: ")
    if head == "not_prefecture_city":
        return "not of the study's unit kinds"
    return head if ":" in head else head.replace("_", " ")


def _together(heads: list[str]) -> str:
    """One text for a step: reasons that differ only in the missing input name it once, ``control gov missing (a, b)``."""
    parts = [head.split(": ") for head in heads]
    if any(len(p) < 2 or p[:-1] != parts[0][:-1] for p in parts):
        return " / ".join(heads)
    what = " ".join([parts[0][0].removesuffix(" missing"), *parts[0][1:-1]])
    return f"{what} missing ({', '.join(p[-1] for p in parts)})"


def attrition_table(attrition: pd.DataFrame, study: Study, synthetic: bool, estimates: pd.DataFrame | None = None) -> Table:
    """The attrition table; with ``estimates`` it goes on to the singletons dropped and the N of every headline column."""
    cities, years = attrition["city_id"].nunique(), attrition["year"].nunique()
    start = f"All city-years ({cities:,} cities x {years} years)"
    body = [_row(start, None, len(attrition), cities)]
    body += [_row(s.reason, s.dropped, s.left, s.cities) for s in attrition_steps(attrition).itertuples()]
    inside = attrition[attrition["in_sample"].astype(bool)]
    body.append(_row("In the sample", None, len(inside), inside["city_id"].nunique(), rule=True))
    headline = [name for name, spec in study.regression_tables().items() if not spec.variants]
    if estimates is not None:
        body += _estimation_rows(estimates[estimates["table"].isin(headline)], len(inside))
    has_variants = estimates is not None and len(headline) < len(study.regression_tables())
    title = next(
        (t.title for t in study.tables.values() if t.kind == "attrition"), "From all city-years to the estimation sample"
    )
    return Table(
        title=f"Sample attrition. {title}",
        stub=("Step",),
        header=((Head("Dropped"), Head("City-years left"), Head("Cities left")),),
        body=tuple(body),
        notes=(
            f"A city-year is in the sample when {', '.join(study.sample_variables)} are all present, for units of kind "
            f"{', '.join(study.unit_kinds)} in {study.window.first}-{study.window.last}.",
            "Each city-year is counted once, at the first step that drops it; its full reason stands in sample_attrition.csv.",
            *(["The N of a column of other readings stands under its own table."] if has_variants else []),
        ),
        synthetic=synthetic,
    )


def _row(text: str, dropped: int | None, left: int, cities: int, rule: bool = False) -> Row:
    return Row((text,), (Cell("" if dropped is None else count(dropped)), Cell(count(left)), Cell(count(cities))), rule=rule)


def _estimation_rows(estimates: pd.DataFrame, in_sample: int) -> list[Row]:
    """One row per set of columns that lose the same rows for the same reason."""
    alike: dict[tuple, list[str]] = {}
    for (table, column), group in estimates.groupby(["table", "column"], sort=False):
        first = group.iloc[0]
        key = (table, first["fixed_effects"], first["n_obs"], first["n_units"], first["singletons_dropped"])
        alike.setdefault(key, []).append(f"({column})")
    rows = []
    for (table, effects, n, cities, singletons), columns in alike.items():
        other = in_sample - int(n) - int(singletons)
        text = f"{table_name(table)} {', '.join(columns)}: singletons of {' + '.join(parse_effects(effects))}"
        if other:
            text += f" ({count(singletons)}), filter, half, match or missing values of its own ({count(other)})"
        rows.append(_row(text, int(singletons) + other, int(n), int(cities)))
    return rows
