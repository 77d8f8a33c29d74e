"""Who among the treated cities also adopted another policy, when, and whether the two can be told apart.

Rows of ``policies_overlap.csv`` and ``policies_separation.csv``. Estimates with those policies are the study's own columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from citycarbon.econometrics import fwl
from citycarbon.econometrics.event_study import headline_column
from citycarbon.econometrics.policies import effects_of, registry, rule_without
from citycarbon.econometrics.sample import estimation_sample
from citycarbon.study.other_policies import OtherPolicy
from citycarbon.study.spec import POLICY_YEAR, Column, Study

if TYPE_CHECKING:
    import pandas as pd

OVERLAP_COLUMNS = (
    "study", "city_id", "city_name", "first_year", "policy", "policy_first_year", "adopted", "gap_years", "treated_cells",
    "cells_with_both",
)  # fmt: skip
SEPARATION_COLUMNS = (
    "study", "policy", "label", "list", "treated_cities", "treated_adopting", "treated_without", "other_adopters",
    "treated_cells", "cells_with_both", "median_gap_years", "partial_correlation", "partial_r2", "vif", "vif_joint", "note",
    "verdict", "sentence",
)  # fmt: skip
NEAR_TOTAL = 0.8  # share of the treated cities that also adopt the other policy, from which the overlap is near total
CLOSE_YEARS = 3  # median distance of the two first years up to which the dates do not tell the policies apart
HIGH_VIF = 10.0
NOT_SEPARABLE, BY_DATES, PARTLY, NO_OVERLAP = "cannot be separated", "separated by dates only", "partly separated", "no overlap"


def policies_overlap(panel: pd.DataFrame, study: Study, column: Column | None = None) -> pd.DataFrame:
    """The matrix of treated cities x other policies with dates: OVERLAP_COLUMNS, one row per city and policy.

    Treated: with a treated row in the sample of ``column``. ``adopted``: by the last year of the sample; ``gap_years``: first
    year of the studied policy less that of the other; cells are city-years of the sample.
    """
    import pandas as pd

    column = column or headline_column(study)
    sample = _with_dates(panel, study, column)
    treated, last = sample[sample[column.treatment] == 1], sample["year"].max()
    own = POLICY_YEAR + study.treatment.policy
    rows = []
    for city, cells in treated.groupby("city_id"):
        first = cells[own].iloc[0]
        for policy in _dated(panel, study):
            other = cells[POLICY_YEAR + policy.policy].iloc[0]
            rows.append(
                {
                    "study": study.study, "city_id": city, "city_name": cells["city_name"].iloc[0], "first_year": first,
                    "policy": policy.policy, "policy_first_year": other, "adopted": bool(other <= last),
                    "gap_years": first - other, "treated_cells": len(cells),
                    "cells_with_both": int((cells["year"] >= other).sum()),
                }
            )  # fmt: skip
    frame = pd.DataFrame(rows, columns=list(OVERLAP_COLUMNS))
    counts = ("first_year", "policy_first_year", "gap_years", "treated_cells", "cells_with_both")
    return frame.astype({**dict.fromkeys(counts, "Int64"), "adopted": "boolean"})


def _dated(panel: pd.DataFrame, study: Study) -> list[OtherPolicy]:
    return [p for p in registry(panel, study) if p.kind == "cities" and rule_without(panel, p) is not None]


def _with_dates(panel: pd.DataFrame, study: Study, column: Column) -> pd.DataFrame:
    """The estimation rows with ``first_year_*`` of every policy and ``city_name`` (the id where the panel has no names)."""
    rows = estimation_sample(panel, study, column).rows
    dates = [c for c in panel.columns if c.startswith(POLICY_YEAR)]
    by_city = panel.groupby("city_id")[dates].first().astype("float64")
    names = panel.groupby("city_id")["city_name"].first() if "city_name" in panel else None
    joined = rows.join(by_city, on="city_id")
    if POLICY_YEAR + study.treatment.policy not in joined:
        joined[POLICY_YEAR + study.treatment.policy] = np.nan
    return joined.assign(city_name=rows["city_id"] if names is None else rows["city_id"].map(names))


def policies_separation(panel: pd.DataFrame, study: Study, column: Column | None = None) -> pd.DataFrame:
    """Can the studied policy be told apart from each other one? SEPARATION_COLUMNS, one row per policy with dates.

    ``partial_correlation``: of ``did`` and the other policy's dated dummy once effects and controls of ``column`` are taken out
    of both; ``vif`` = 1 / (1 - partial_r2) and ``vif_joint`` (all dated dummies together): by what they multiply the
    variance of ``did``. ``verdict``: see docs/methods.md, Other policies.
    """
    import pandas as pd

    column = column or headline_column(study)
    sample, policies = _with_dates(panel, study, column), _dated(panel, study)
    overlap = policies_overlap(panel, study, column)
    left = _left(sample, column, policies)
    joint = _vif(left[:, 0], left[:, 1:])
    rows = []
    for i, policy in enumerate(policies):
        own = overlap[overlap["policy"] == policy.policy]
        adopters = sample.loc[sample[POLICY_YEAR + policy.policy] <= sample["year"].max(), "city_id"].nunique()
        both = int(own["adopted"].sum())
        row = {
            "study": study.study, "policy": policy.policy, "label": policy.label, "list": policy.list,
            "treated_cities": len(own), "treated_adopting": both, "treated_without": len(own) - both,
            "other_adopters": adopters - both, "treated_cells": int(own["treated_cells"].sum()),
            "cells_with_both": int(own["cells_with_both"].sum()),
            "median_gap_years": float(own.loc[own["adopted"].astype(bool), "gap_years"].astype(float).median()),
            **_partial(left[:, 0], left[:, 1 + i]), "vif_joint": joint,
        }  # fmt: skip
        row["verdict"] = _verdict(row)
        rows.append({**row, "sentence": _separation_sentence(policy, row)})
    frame = pd.DataFrame(rows, columns=list(SEPARATION_COLUMNS))
    counts = SEPARATION_COLUMNS[SEPARATION_COLUMNS.index("treated_cities") : SEPARATION_COLUMNS.index("median_gap_years")]
    return frame.astype(dict.fromkeys(counts, "Int64"))


def _left(sample: pd.DataFrame, column: Column, policies: list[OtherPolicy]) -> np.ndarray:
    """did and the dated dummies (n, 1 + policies) once effects and controls are taken out; zero where nothing is left."""
    year = sample["year"].to_numpy(dtype=float)
    dummies = [(year >= sample[POLICY_YEAR + p.policy].to_numpy(dtype=float)).astype(float) for p in policies]
    raw = np.column_stack([sample[column.treatment].to_numpy(dtype=float), *dummies])
    if not len(raw):
        return raw
    effects = effects_of(sample, column)
    left = effects.residualise(raw)
    controls = effects.residualise(sample[column.terms[1:]].to_numpy(dtype=float))
    if controls.shape[1]:
        left = left - controls @ np.linalg.lstsq(controls, left, rcond=1e-10)[0]
    size = np.linalg.norm(raw - raw.mean(axis=0), axis=0)
    return np.where(np.linalg.norm(left, axis=0) > fwl.ABSORBED * size, left, 0.0)


def _partial(did: np.ndarray, other: np.ndarray) -> dict[str, Any]:
    sizes = np.linalg.norm(did) * np.linalg.norm(other)
    if not sizes:
        which = "the treatment" if not np.linalg.norm(did) else "its dummy"
        return {"note": f"{which} is absorbed by effects and controls"}
    correlation = float(did @ other / sizes)
    return {"partial_correlation": correlation, "partial_r2": correlation**2, "vif": _vif(did, other[:, None]), "note": ""}


def _vif(did: np.ndarray, others: np.ndarray) -> float:
    """1 / (1 - R2) of did on the others, all net of effects and controls; infinite where they determine it."""
    total = float(did @ did)
    if not total:
        return float("nan")
    others = others[:, np.linalg.norm(others, axis=0) > 0]
    resid = did - others @ np.linalg.lstsq(others, did, rcond=1e-10)[0] if others.shape[1] else did
    share = float(resid @ resid) / total
    return 1 / share if share > fwl.ABSORBED**2 else float("inf")


def _verdict(row: dict[str, Any]) -> str:
    if not row["treated_adopting"]:
        return NO_OVERLAP
    if row.get("vif", 1.0) >= HIGH_VIF:
        return NOT_SEPARABLE
    if row["treated_adopting"] < NEAR_TOTAL * row["treated_cities"]:
        return PARTLY
    return NOT_SEPARABLE if abs(row["median_gap_years"]) <= CLOSE_YEARS else BY_DATES


def _separation_sentence(policy: OtherPolicy, row: dict[str, Any]) -> str:
    who = f"{row['treated_adopting']} of {row['treated_cities']} treated cities are also on the list of {policy.label}"
    vif = row.get("vif", float("nan"))
    held = row["note"] or "its dummy determines did"
    if np.isfinite(vif):
        held = f"holding its dated dummy constant multiplies the variance of did by {vif:.2f}"
    tail = " The list is incomplete." if policy.list == "incomplete" else ""
    if row["verdict"] == NO_OVERLAP:
        return f"{who}: no overlap." + tail
    gap = row["median_gap_years"]
    dates = f"{abs(gap):g} year{'s' * (abs(gap) != 1)} {'before' if gap > 0 else 'after'}" if gap else "in the same year"
    if row["verdict"] == NOT_SEPARABLE:
        return (
            f"{who}, in the median {dates}: the two cannot be separated in these cities. {row['treated_without']} treated "
            f"without it, {row['other_adopters']} adopters that are not treated; {held}, and "
            "then rests on the other policy working alike in both." + tail
        )
    if row["verdict"] == BY_DATES:
        return (
            f"{who}, in the median {dates}: dropping its adopters leaves {row['treated_without']} treated; only the dates "
            f"separate the two ({held}). What the policies do together cannot be separated." + tail
        )
    return f"{who}, in the median {dates}; {row['treated_without']} treated without it; {held}." + tail
