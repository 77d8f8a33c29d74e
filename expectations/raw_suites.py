"""The suite of the raw layer: what every source must hold before staging reads it. One suite, the same for each source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from citycarbon.checks import CheckResult, Severity
from citycarbon.paths import Home
from expectations.engine import Batch, Verdict, validate
from expectations.rule import Expect, between

FIRST_YEAR, LAST_YEAR = 1949, 2100
COLUMNS = ["raw_id", "edition", "text", "value", "unit", "place_label", "data_year", "sheet", "cell", "line"]
# Sources whose files state no unit for what they count or rank.
UNITLESS = {"market_index", "policy_list", "gov_reports", "green_patents", "patents"}
TEXT_ONLY = {"policy_list"}  # the observation is an entry in a list, not a number


@dataclass(frozen=True)
class RawRule:
    """One rule of the raw suite. ``applies`` says for which sources it makes sense."""

    name: str
    severity: Severity
    reason: str
    expected: str
    expectation: Expect
    applies: Callable[[str], bool] = lambda source: True


RAW_RULES = (
    RawRule(
        "raw_id_unique",
        "blocking",
        "A raw id is the address of one cell; two rows of one address cannot be traced.",
        "each raw id once",
        Expect("ExpectColumnValuesToBeUnique", {"column": "raw_id"}),
    ),
    RawRule(
        "values_finite",
        "blocking",
        "A cell that holds no number belongs in the quarantine, not in the raw layer.",
        "every value is there and finite",
        between("not_finite", 0, 0),
        lambda source: source not in TEXT_ONLY,
    ),
    RawRule(
        "years_plausible",
        "blocking",
        "A year outside is a shifted column or a year read from another cell.",
        f"data year from {FIRST_YEAR} to {LAST_YEAR}",
        between("data_year", FIRST_YEAR, LAST_YEAR),
    ),
    RawRule(
        "unit_present",
        "warning",
        "Without a printed unit the catalogue's default for the label is assumed.",
        "every row states a unit",
        Expect("ExpectColumnValuesToNotBeInSet", {"column": "unit", "value_set": [""]}),
        lambda source: source not in UNITLESS,
    ),
)


NOT_EMPTY = "not_empty"
WHY_NOT_EMPTY = "A file of which every cell was set aside would otherwise look like a source nobody supplied."


def raw_checks(source: str) -> list[tuple[str, Severity, str]]:
    """Id, severity and reason of every check that ``check_raw`` makes of ``source``, in its order."""
    rules = [(rule.name, rule.severity, rule.reason) for rule in RAW_RULES if rule.applies(source)]
    return [(f"raw_{source}_{name}", severity, why) for name, severity, why in [(NOT_EMPTY, "blocking", WHY_NOT_EMPTY), *rules]]


def check_raw(source: str, home: Home) -> list[CheckResult]:
    """Judge ``raw/<source>.parquet``: the rules above and that a supplied source gave rows at all.

    ``failing`` holds (place as printed, data year). A source that was never supplied passes with that said.
    """
    table = _read(source, home)
    rules = [rule for rule in RAW_RULES if rule.applies(source)]
    batch = Batch(f"raw.{source}", table, {rule.name: rule.expectation for rule in rules})
    verdicts = validate([batch])
    return [_not_empty(source, home, table), *(_result(source, rule, table, verdicts[batch.name, rule.name]) for rule in rules)]


def _read(source: str, home: Home) -> pd.DataFrame:
    path = home.raw / f"{source}.parquet"
    if not path.is_file():
        return pd.DataFrame(columns=[*COLUMNS, "not_finite"])
    table = pq.read_table(path, columns=COLUMNS).to_pandas()
    return table.assign(not_finite=(~np.isfinite(table["value"].to_numpy(dtype=float))).astype(int))


def _not_empty(source: str, home: Home, table: pd.DataFrame) -> CheckResult:
    """A supplied source (its files gave rows or quarantined cells) has rows."""
    quarantine = home.raw / "quarantine" / f"{source}.parquet"
    aside = pq.read_metadata(quarantine).num_rows if quarantine.is_file() else 0
    supplied = bool(len(table) or aside)
    return CheckResult(
        id=f"raw_{source}_{NOT_EMPTY}",
        severity="blocking",
        passed=bool(len(table)) or not supplied,
        observed=f"{len(table):,} rows, {aside:,} cells set aside" if supplied else "not supplied",
        expected="rows where the source was supplied",
        title=f"{source}: a supplied source has rows",
        reason=WHY_NOT_EMPTY,
    )


def _result(source: str, rule: RawRule, table: pd.DataFrame, verdict: Verdict) -> CheckResult:
    rows = table.iloc[verdict.rows]
    keys = {(str(p), None if pd.isna(y) else int(y)) for p, y in zip(rows["place_label"], rows["data_year"], strict=True)}
    return CheckResult(
        id=f"raw_{source}_{rule.name}",
        severity=rule.severity,
        passed=verdict.passed,
        observed=f"not judged: {verdict.error}"
        if verdict.error
        else f"{len(rows):,} of {len(table):,} rows outside{_cells(rows)}",
        expected=rule.expected,
        failing=sorted(keys, key=lambda k: (k[0], k[1] or 0)),
        title=f"{source}: {rule.name.replace('_', ' ')}",
        reason=rule.reason,
    )


def _cells(rows: pd.DataFrame) -> str:
    """Where the first of them stand."""
    if rows.empty:
        return ""
    first = rows.head(3)
    where = [c if isinstance(c, str) else f"line {n}" for c, n in zip(first["cell"], first["line"], strict=True)]
    return f", e.g. {rows['edition'].iloc[0]}: {', '.join(where)}"
