"""Published against computed: one row a printed coefficient and one a printed descriptive, beside ours. Nothing is judged here.

Which of our columns answers to a printed one follows from its name: printed table n, column m is ``table<n>:<m>``; every column
of ``table<n>`` or ``table<n>_...`` whose id is m or begins with m and no further digit is a reading of the same printed column.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from citycarbon.forensics.intervals import between, decimals, printed
from citycarbon.study.dictionary import VARIABLES

if TYPE_CHECKING:
    import pandas as pd

    from citycarbon.study import Study

COLUMNS = (
    "kind", "table", "column", "outcome", "term", "statistic",
    "published", "published_low", "published_high", "published_se", "published_stars", "published_n", "published_r2",
    "ours", "our_se", "our_stars", "our_n", "our_r2", "our_reading",
    "difference", "difference_in_published_se", "difference_in_our_se", "same_sign", "inside_rounding",
    "closest_reading", "closest_value", "closest_difference", "n_readings", "note",
)  # fmt: skip
SYNTHETIC = "synthetic data: no agreement is to be expected"
_STATISTICS = ("sd", "n", "mean", "min", "max")
_SCOPES = {"sample": "estimation sample", "all": "all city-years"}


def compare(
    published: pd.DataFrame,
    descriptives: pd.DataFrame | None,
    estimates: pd.DataFrame,
    described: pd.DataFrame | None,
    study: Study,
    synthetic: bool,
) -> pd.DataFrame:
    """One row a printed coefficient (kind ``coefficient``), then one a printed statistic (kind ``descriptive``).

    ``published``, ``descriptives``: the printed tables as text (columns of ``published.csv``, ``published_descriptives.csv``);
    ``estimates``: the contract's frame; ``described``: our Table 1 (``citycarbon.report.descriptives.describe``). Differences
    are ours minus published, in units and in the published and in our standard errors; ``inside_rounding``: our value lies
    within half a unit of the last printed digit. ``note`` says why a row has no value of ours, and that the data are synthetic.
    """
    import pandas as pd

    said = SYNTHETIC if synthetic else ""
    ours = by_column(estimates)
    rows = [_coefficient(row, ours, study, said) for row in published.to_dict("records")]
    if descriptives is not None and described is not None:
        for row in descriptives.to_dict("records"):
            rows += [_descriptive(row, s, described, said) for s in _STATISTICS if str(row.get(s, "")).strip()]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def compare_study(panel: pd.DataFrame, study: Study, estimates: pd.DataFrame, synthetic: bool) -> pd.DataFrame:
    """:func:`compare` for the study's own paper; no rows for a study without one. Raises UsageError for an unreadable file."""
    import pandas as pd

    from citycarbon.forensics.read import read_descriptives, read_published
    from citycarbon.report.descriptives import describe

    if study.published is None:
        return pd.DataFrame(columns=list(COLUMNS))
    printed_rows = read_published(study.companion(study.published.coefficients))
    printed_moments = read_descriptives(study.companion(study.published.descriptives))
    ours = describe(panel, study) if "table1" in study.tables else None
    return compare(printed_rows, printed_moments, estimates, ours, study, synthetic)


def by_column(estimates: pd.DataFrame) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """(table, column) -> its rows, both in the order of ``estimates``."""
    out: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in estimates.to_dict("records"):
        out.setdefault((row["table"], row["column"]), []).append(row)
    return out


def readings(ours: Iterable[tuple[str, str]], table: str, column: str) -> list[tuple[str, str]]:
    """Which of our (table, column) read printed table ``table`` (``2``), column ``column``: the column itself, then the others
    in the order of ``ours``."""
    names = re.compile(rf"table{re.escape(table)}(_.*)?$")
    ids = re.compile(rf"{re.escape(column)}(?!\d)")
    found = [(t, c) for t, c in ours if names.match(t) and ids.match(c)]
    return sorted(found, key=lambda name: name != (f"table{table}", column))  # the column itself first


def our_term(term: str, study: Study) -> str:
    """Our name of a printed term: by the study's own list, else by the label it has in the dictionary."""
    given = study.published.terms if study.published else {}
    labels = {v.label.lower(): v.name for v in VARIABLES.values()}
    return given.get(term) or labels.get(term.lower(), term)


def _coefficient(
    row: dict[str, Any], ours: Mapping[tuple[str, str], list[dict[str, Any]]], study: Study, said: str
) -> dict[str, Any]:
    table, column, term = str(row["table"]), str(row["column_no"]), our_term(str(row["term"]), study)
    interval = printed(str(row["estimate"]))
    error = _number(row.get("std_error"))
    out = {
        **dict.fromkeys(COLUMNS, ""),
        "kind": "coefficient", "table": table, "column": column, "outcome": row["outcome"], "term": row["term"],
        "statistic": "estimate", "published": interval.at, "published_low": interval.lo, "published_high": interval.hi,
        "published_se": error, "published_stars": row.get("stars") or "", "published_n": _number(row.get("N")),
        "published_r2": _number(row.get("adj_r2")),
    }  # fmt: skip
    found = [(f"{t}:{c}", r) for t, c in readings(ours, table, column) if (r := _row(ours[t, c], term)) is not None]
    usable = [(name, r) for name, r in found if math.isfinite(r["estimate"])]
    out["n_readings"] = len(usable)
    notes = [said]
    main = next((r for name, r in found if name == f"table{table}:{column}"), None)
    if main is None:
        notes.append("this study does not estimate it")
    elif not math.isfinite(main["estimate"]):
        notes.append(str(main["note"]))
    if main is not None:
        out |= _ours(main, f"table{table}:{column}", interval, error)
    if usable:
        name, best = min(usable, key=lambda found: abs(found[1]["estimate"] - interval.at))
        out |= {
            "closest_reading": name,
            "closest_value": best["estimate"],
            "closest_difference": best["estimate"] - interval.at,
        }
    return {**out, "note": "; ".join(n for n in notes if n)}


def _row(mine: list[dict[str, Any]], term: str) -> dict[str, Any] | None:
    # A printed did answers to whatever treatment dummy a reading has; the first row of a column is its treatment.
    return next((row for row in mine if term.startswith("did") or row["term"] == term), None)


def _ours(row: dict[str, Any], name: str, interval: Any, error: float) -> dict[str, Any]:
    value, own = float(row["estimate"]), float(row["std_error"])
    out = {
        "our_reading": name, "our_n": row["n_obs"], "our_r2": row["r2_adj"], "our_se": own, "our_stars": row["stars"]
    }  # fmt: skip
    if not math.isfinite(value):
        return out
    difference = value - interval.at
    return {
        **out,
        "ours": value,
        "difference": difference,
        "difference_in_published_se": difference / error if error > 0 else "",
        "difference_in_our_se": difference / own if own > 0 else "",
        "same_sign": (value > 0) == (interval.at > 0),
        "inside_rounding": interval.meets(value),
    }


def _descriptive(row: dict[str, Any], statistic: str, described: pd.DataFrame, said: str) -> dict[str, Any]:
    text = str(row[statistic]).strip()
    # A whole number in a row of decimals (a minimum of 0) is printed to the row's digits.
    others = [str(row.get(s, "")).strip() for s in _STATISTICS if s != "n"]
    interval = printed(text) if statistic == "n" else printed(text, max((decimals(t) for t in others if t), default=0))
    out = {
        **dict.fromkeys(COLUMNS, ""),
        "kind": "descriptive", "table": "1", "outcome": row["variable"], "term": row["variable"], "statistic": statistic,
        "published": interval.at, "published_n": _number(row.get("n")),
        # A count is exact; every other printed number stands for an interval.
        "published_low": interval.at if statistic == "n" else interval.lo,
        "published_high": interval.at if statistic == "n" else interval.hi,
    }  # fmt: skip
    mine = described[described["label"] == row["variable"]]
    values = {r["scope"]: float(r[statistic]) for _, r in mine.iterrows() if math.isfinite(r[statistic])}
    out["n_readings"] = len(values)
    if "sample" not in values:
        return {**out, "note": "; ".join(n for n in (said, "not supplied") if n)}
    scope = min(values, key=lambda s: abs(values[s] - interval.at))
    ours = values["sample"]
    return {
        **out,
        "ours": ours,
        "our_n": int(mine[mine["scope"] == "sample"]["n"].iloc[0]),
        "our_reading": _SCOPES["sample"],
        "difference": ours - interval.at,
        "same_sign": (ours > 0) == (interval.at > 0) or ours == interval.at,
        "inside_rounding": between(out["published_low"], out["published_high"]).meets(ours),
        "closest_reading": _SCOPES[scope],
        "closest_value": values[scope],
        "closest_difference": values[scope] - interval.at,
        "note": said,
    }


def _number(text: Any) -> float:
    try:
        return float(str(text))
    except ValueError:
        return float("nan")


def summary(comparison: pd.DataFrame, synthetic: bool) -> list[str]:
    """What the comparison comes to, in sentences of numbers; synthetic data are named as what they are first."""
    lines = [
        "The data are synthetic: no agreement with the printed numbers is to be expected, and none would mean anything. The "
        "generator aims at the printed means and deviations of some variables, which therefore agree."
    ]
    out = lines if synthetic else []
    coefficients = comparison[comparison["kind"] == "coefficient"]
    did = coefficients[coefficients["term"].str.startswith("did")]
    rest = coefficients.drop(did.index)
    for rows, what in ((did, "printed coefficients of the treatment"), (rest, "printed coefficients of other terms")):
        have = rows[rows["ours"].map(_is_number)]
        if len(rows):
            signs, inside = _count(have, "same_sign"), _count(have, "inside_rounding")
            out.append(f"Of {len(rows)} {what} {len(have)} have a value here; {signs} agree in sign, {inside} within rounding.")
    moments = comparison[comparison["kind"] == "descriptive"]
    if len(moments):
        have = moments[moments["ours"].map(_is_number)]
        inside = _count(have, "inside_rounding")
        out.append(f"Of {len(moments)} printed descriptives {len(have)} have a value here; {inside} agree within rounding.")
    far = [abs(float(v)) for v in did["difference_in_published_se"] if _is_number(v)]
    if far:
        out.append(
            f"The treatment's {len(far)} coefficients lie {min(far):.1f} to {max(far):.1f} printed standard errors from ours."
        )
    return out


def _count(rows: pd.DataFrame, column: str) -> int:
    return int(rows[column].isin([True]).sum())  # the column also holds ''


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
