"""The readings of the treatment rule side by side: which city-years each calls treated, against the rule that is estimated.

Rows of ``treatment_codings.csv``. Codings for the audit only; ``studies/<study>/study.yaml`` says which are also estimated.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics.event_study import headline_column
from citycarbon.econometrics.sample import Sample, estimation_sample, treatment_values
from citycarbon.study.dictionary import POLICY_LIST
from citycarbon.study.spec import Column, Study

if TYPE_CHECKING:
    import pandas as pd

CODING_COLUMNS: dict[str, type] = {
    "study": str, "coding": str, "meaning": str, "n_obs": int, "ones": int, "cities": int, "in_both": int, "only_did": int,
    "only_coding": int, "cities_only_did": str, "cities_only_coding": str, "mean": float, "sd": float, "printed_mean": str,
    "printed_sd": str, "matches_printed": bool, "note": str,
}  # fmt: skip
_PANDAS = {str: "object", float: "float64", int: "Int64", bool: "boolean"}
YEAR_COLUMN = {"announcement": "year_announcement", "first_full_year": "year_first_full"}  # of the policy list
_OTHER_RULES = (
    ("announcement", "from the year of announcement on", "year_announcement", False),
    ("first_full_year", "from the first full year on", "year_first_full", False),
)


def treatment_codings(
    panel: pd.DataFrame, study: Study, printed: Path | None = None, adoptions: Path = POLICY_LIST
) -> pd.DataFrame:
    """One row per coding of the treatment on the rows of the study's headline column: ``CODING_COLUMNS``.

    ``in_both``, ``only_did``, ``only_coding``: city-years that the study's rule and the coding call treated. ``printed``: a
    csv of published descriptives (variable, sd, n, mean ...); its row ``did`` is compared after rounding ours to its digits.
    ``adoptions``: the policy list, for the rules that the panel does not hold. sd with N - 1.
    """
    import pandas as pd

    sample = estimation_sample(panel, study, headline_column(study))
    did = sample.rows["did"].to_numpy() == 1
    mean, sd = _printed(printed)
    rows = []
    for coding, meaning, values, note in _codings(panel, study, sample, adoptions):
        row: dict[str, Any] = {"study": study.study, "coding": coding, "meaning": meaning, "n_obs": len(did), "note": note}
        row |= {"printed_mean": mean, "printed_sd": sd}
        rows.append(row | (_against(values, did, sample, mean, sd) if values is not None else {}))
    return pd.DataFrame(rows, columns=list(CODING_COLUMNS)).astype({n: _PANDAS[k] for n, k in CODING_COLUMNS.items()})


def _codings(
    panel: pd.DataFrame, study: Study, sample: Sample, adoptions: Path
) -> list[tuple[str, str, np.ndarray | None, str]]:
    """Name, meaning, 0/1 values on the sample's rows (None where it cannot be built) and why."""
    policy, rule = study.treatment.policy, study.treatment.year_rule
    out: list[tuple[str, str, np.ndarray | None, str]] = [
        ("did", f"the rule of this study: from the first treated year on ({rule})", sample.rows["did"].to_numpy(), "")
    ]
    after = study.treatment.literal_after
    no_dates = f"first_year_{policy}" not in panel
    for coding, meaning, missing in (
        (
            "literal",
            f"cities that adopt after {after}, in every year",
            "the study declares no literal_after" if after is None else "",
        ),
        ("ever", "cities that ever adopt, in every year", ""),
    ):
        reason = missing or ("the panel has no dates of the policy" if no_dates else "")
        values = None if reason else _on_sample(panel, study, sample, f"did_{coding}")
        out.append((coding, meaning, values, f"not built: {reason}" if reason else ""))
    for coding, meaning, year, whole in (
        *(other for other in _OTHER_RULES if other[0] != rule),
        ("whole_cities", "as the rule, without pilots that cover a part of a city", YEAR_COLUMN[rule], True),
    ):
        first = list_years(policy, year, study.treatment.subcity_rule, adoptions, whole_cities=whole)
        values = _from_years(sample, first) if first else None
        out.append((coding, meaning, values, "" if first else "not built: no dates in the policy list"))
    return out


def _on_sample(panel: pd.DataFrame, study: Study, sample: Sample, treatment: str) -> np.ndarray:
    keys = ["city_id", "year"]
    panel = panel.sort_values(keys, kind="stable", ignore_index=True)
    column: Column = headline_column(study).model_copy(update={"treatment": treatment})
    values = panel[keys].assign(value=treatment_values(panel, study, column, panel["year"].notna()))
    return sample.rows[keys].merge(values, on=keys, how="left", validate="one_to_one")["value"].to_numpy()


def list_years(
    policy: str, year: str, subcity_rule: str, path: Path = POLICY_LIST, *, whole_cities: bool = False
) -> dict[str, int]:
    """City -> first year of ``policy`` in the policy list by its column ``year``; pilots of a part of a city count only
    under the sub-city rule ``treat`` and without ``whole_cities``."""
    out: dict[str, int] = {}
    with path.open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            part = row["is_subcity"] == "true"
            if row["policy"] != policy or not row["city_id"] or (part and (whole_cities or subcity_rule != "treat")):
                continue
            first = int(row[year])
            out[row["city_id"]] = min(first, out.get(row["city_id"], first))
    return out


def _from_years(sample: Sample, first: dict[str, int]) -> np.ndarray:
    start = sample.rows["city_id"].map(first).astype("float64")
    return (sample.rows["year"] >= start).astype(float).to_numpy()


def _against(values: np.ndarray, did: np.ndarray, sample: Sample, mean: str, sd: str) -> dict[str, Any]:
    one = values == 1
    cities = sample.rows["city_id"].to_numpy()
    out = {
        "ones": int(one.sum()), "cities": len(np.unique(cities[one])), "in_both": int((one & did).sum()),
        "only_did": int((did & ~one).sum()), "only_coding": int((one & ~did).sum()),
        "cities_only_did": ", ".join(np.unique(cities[did & ~one])),
        "cities_only_coding": ", ".join(np.unique(cities[one & ~did])),
        "mean": float(one.mean()) if len(one) else np.nan, "sd": float(one.std(ddof=1)) if len(one) > 1 else np.nan,
    }  # fmt: skip
    if mean and sd:
        out["matches_printed"] = _rounds_to(out["mean"], mean) and _rounds_to(out["sd"], sd)
    return out


def _rounds_to(value: float, printed: str) -> bool:
    """Whether ``value`` lies in the rounding interval of ``printed`` (its last digit is a half unit uncertain)."""
    half = 0.5 * 10.0 ** -len(printed.partition(".")[2])
    return bool(abs(value - float(printed)) <= half * (1 + 1e-9))


def _printed(path: Path | None) -> tuple[str, str]:
    """Mean and sd of ``did`` as printed; empty where there is no such file or row."""
    if path is None or not path.is_file():
        return "", ""
    with path.open(encoding="utf-8", newline="") as handle:
        row = next((r for r in csv.DictReader(handle) if r.get("variable") == "did"), {})
    return row.get("mean", ""), row.get("sd", "")
