"""Computes the numbers of a release again from its own files: coefficients, what follows from them, cells, printed tables."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from citycarbon.release.verify_report import Mismatch, VerifyReport

if TYPE_CHECKING:
    import pandas as pd

# Two exact solvers differ by about 1e-13 of a standard error; what a reader could see printed differs by far more.
TOLERANCE = 1e-9


def recompute_coefficients(path: Path, body: dict[str, Any], report: VerifyReport) -> None:
    """Estimate every coefficient again (slopes by pyfixest, ``_cons`` by its identity) and recompute what follows from it."""
    missing = [n for n in ("estimates.csv", "panel.parquet", "study.yaml") if not (path / n).is_file()]
    if missing:
        report.not_reestimated.append(("every coefficient", f"{', '.join(missing)} is missing"))
        return
    import pandas as pd

    from citycarbon.econometrics.contract import read_estimates
    from citycarbon.econometrics.second_opinion import refit
    from citycarbon.study import load_study

    estimates = read_estimates(path / "estimates.csv")
    fitted = refit(pd.read_parquet(path / "panel.parquet"), load_study(path / "study.yaml"), estimates)
    errors = {_name(r): r.std_error for r in estimates.itertuples()}
    why_public = "its values are withheld in this public bundle" if body.get("public") else ""
    for row in fitted.itertuples():
        _compare(row, errors[_name(row)], why_public, report)
    report.mismatches += _derived(estimates)
    report.mismatches += _twin(path, estimates)
    report.mismatches += _said_twice(path, estimates)


def _compare(row: Any, std_error: float, why_public: str, report: VerifyReport) -> None:
    name = f"{_name(row)} {row.quantity}"
    if not row.refitted_ok:
        report.not_reestimated.append((name, why_public or row.note))
        return
    report.reestimated.append(name)
    size = max(abs(row.recorded), abs(row.refitted), std_error if math.isfinite(std_error) else 0.0)
    difference = abs(row.recorded - row.refitted) / size if size else 0.0
    report.largest_difference = max(report.largest_difference, difference)
    if difference > TOLERANCE:
        report.mismatches.append(Mismatch("coefficient", name, f"{row.recorded!r}", f"{row.refitted!r} (re-estimated)"))


def _derived(estimates: pd.DataFrame) -> Iterator[Mismatch]:
    """t = b / s.e., its p-value and 95 % interval with ``df`` degrees of freedom, and stars, follow from the row itself."""
    from scipy.stats import t as student

    from citycarbon.econometrics.columns import NO_RULE, PENDING, RI_RULE, stars

    for row in estimates.itertuples():
        if not (_finite(row.estimate) and _finite(row.std_error) and row.std_error > 0):
            continue
        t_stat, half = row.estimate / row.std_error, float(student.ppf(0.975, row.df)) * row.std_error
        p_value = float(2 * student.sf(abs(t_stat), row.df))
        expected = {"t_stat": t_stat, "p_value": p_value, "conf_low": row.estimate - half, "conf_high": row.estimate + half}
        for column, value in expected.items():
            found = getattr(row, column)
            if not _finite(found) or abs(found - value) > TOLERANCE * max(1.0, abs(value)):
                yield Mismatch("coefficient", f"{_name(row)} {column}", f"{found!r}", f"{value!r}, which follows from the row")
        if row.star_rule in ("t", RI_RULE, PENDING, NO_RULE):
            due = stars({"t": p_value, RI_RULE: row.p_ri_t}.get(row.star_rule, float("nan")))
            if row.stars != due:
                yield Mismatch("coefficient", f"{_name(row)} stars", f"'{row.stars}'", f"'{due}' by rule {row.star_rule}")


def _twin(path: Path, estimates: pd.DataFrame) -> Iterator[Mismatch]:
    """``estimates.parquet`` must say the same as ``estimates.csv``."""
    import pandas as pd

    from citycarbon.econometrics.contract import number

    twin = path / "estimates.parquet"
    if not twin.is_file():
        return
    other = pd.read_parquet(twin)
    if list(other.columns) != list(estimates.columns) or len(other) != len(estimates):
        yield Mismatch(
            "file", twin.name, f"{len(other)} rows of {len(other.columns)} columns", "the rows and columns of estimates.csv"
        )
        return
    for i, row in enumerate(estimates.itertuples()):
        for column in estimates.columns:
            here, there = number(estimates[column].iloc[i]), _cell(other[column].iloc[i], estimates[column].dtype)
            if here != there:
                yield Mismatch("coefficient", f"{_name(row)} {column} in {twin.name}", there, f"{here} as in estimates.csv")


# Method of inference.csv -> the column of estimates.csv that has its p-value.
_P_VALUES = {"wcr:rademacher": "p_wcr", "ri:t": "p_ri_t", "ri:beta": "p_ri_beta"}


def _said_twice(path: Path, estimates: pd.DataFrame) -> Iterator[Mismatch]:
    """p-values by redrawing are not drawn again; ``inference.csv``, where some were made anew, must have the same."""
    from citycarbon.econometrics.contract import read_results
    from citycarbon.econometrics.inference_rows import INFERENCE_COLUMNS

    if not (path / "inference.csv").is_file():
        return
    inference = read_results(path / "inference.csv", INFERENCE_COLUMNS)
    known = {(r.table, r.column, r.term): r for r in estimates.itertuples()}
    for row in inference[inference["method"].isin(list(_P_VALUES))].itertuples():
        column, beside = _P_VALUES[row.method], known.get((row.table, row.column, row.term))
        found = getattr(beside, column) if beside else math.nan
        if found != row.p_value and (_finite(found) or _finite(row.p_value)):
            expected = f"{row.p_value!r}, method {row.method} of inference.csv"
            yield Mismatch("coefficient", f"{_name(row)} {column}", f"{found!r}", expected)


def compare_cells(path: Path, body: dict[str, Any], report: VerifyReport) -> None:
    """Every value of the panel must be that of its cell, and every raw row that a cell names must be in the bundle."""
    files = [path / n for n in ("panel.parquet", "panel_cells.parquet", "lineage/raw_rows.parquet")]
    if not all(f.is_file() for f in files):
        return  # already reported as a missing file
    panel, cells, raw = map(str, files)
    import duckdb
    import pyarrow.parquet as pq

    with duckdb.connect() as link:
        names = [r[0] for r in link.execute("select distinct variable from read_parquet(?) order by 1", [cells]).fetchall()]
        for name in sorted(set(names) & set(pq.read_schema(panel).names)):
            for city, year, found, cell in link.execute(_VALUES.format(name=_quoted(name)), [panel, cells, name]).fetchall():
                where = f"panel:{city}:{year}:{name}"
                report.mismatches.append(Mismatch("cell", where, f"{found!r} in panel.parquet", f"{cell!r}, its cell's value"))
        for (raw_id,) in link.execute(_RAW_IDS, [cells, raw]).fetchall():
            report.mismatches.append(
                Mismatch("cell", f"raw row {raw_id}", "no such row in lineage/raw_rows.parquet", "the row")
            )


# At most three of a kind: the first ones tell what is wrong.
_VALUES = """
    select p.city_id, p.year, p.{name}, c.value
    from read_parquet(?) p
    left join read_parquet(?) c on c.city_id = p.city_id and c.year = p.year and c.variable = ?
    where p.{name}::double is distinct from c.value
    order by 1, 2 limit 3
"""
_RAW_IDS = """
    select distinct unnest(i.raw_ids) as raw_id from (select unnest(inputs) as i from read_parquet(?))
    except select raw_id from read_parquet(?)
    order by 1 limit 3
"""


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def print_again(path: Path, body: dict[str, Any], report: VerifyReport) -> None:
    """Print the study's tables again from the release's own numbers and compare every byte."""
    import tempfile

    import pandas as pd

    from citycarbon.econometrics.contract import read_estimates
    from citycarbon.release.identity import code_version
    from citycarbon.report.tables import write_tables
    from citycarbon.study import load_study

    needed = ("estimates.csv", "panel.parquet", "study.yaml", "sample_attrition.csv")
    if any(not (path / n).is_file() for n in needed):
        return  # already reported as a missing file
    if code_version() != body["code"]["version"]:
        report.not_reestimated.append(("tables/ printed again", "this is another version of the code"))
        return
    study, panel = load_study(path / "study.yaml"), pd.read_parquet(path / "panel.parquet")
    attrition = pd.read_csv(path / "sample_attrition.csv", dtype={"city_id": "str"})
    with tempfile.TemporaryDirectory() as folder:
        estimates = read_estimates(path / "estimates.csv")
        again = write_tables(study, panel, estimates, attrition, Path(folder), body["synthetic"], path)
        for file in again:
            name = f"tables/{file.name}"
            described = study.tables[file.stem].kind == "descriptives"
            if body.get("public") and described:
                report.not_reestimated.append((name, "its values are withheld in this public bundle"))
            elif (path / name).is_file() and (path / name).read_bytes() != file.read_bytes():
                report.mismatches.append(Mismatch("file", name, *_first_difference(path / name, file)))
            else:
                report.printed += 1


def _first_difference(found: Path, expected: Path) -> tuple[str, str]:
    a, b = (f.read_text(encoding="utf-8", errors="replace").splitlines() for f in (found, expected))
    n = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    texts = [f"line {n + 1} {lines[n] if n < len(lines) else '(end)'!r}" for lines in (a, b)]
    return texts[0], f"{texts[1]}, which follows from estimates and panel"


def _cell(value: Any, dtype: Any) -> str:
    """A value of the parquet form as the csv writes it: whole numbers whole."""
    import pandas as pd

    from citycarbon.econometrics.contract import number

    if pd.isna(value):
        return ""
    return str(int(value)) if str(dtype) == "Int64" else number(value)


def _name(row: Any) -> str:
    return f"{row.table}:{row.column}:{row.term}"


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
