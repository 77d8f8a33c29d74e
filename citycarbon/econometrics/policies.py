"""The studied policy beside the others: which there are, and what dropping the adopters of each costs.

Generic: any policy with ``first_year_<policy>`` in the panel; labels, national laws and policies without a list are data of the
study (``other_policies.yaml``). Estimates with those policies are ordinary columns of the study, not made here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from citycarbon.econometrics import fwl
from citycarbon.econometrics.event_study import headline_column
from citycarbon.econometrics.sample import EFFECT_COLUMNS, estimation_sample
from citycarbon.study.other_policies import OtherPolicy, other_policies
from citycarbon.study.spec import POLICY_DUMMY, POLICY_YEAR, Column, Condition, Study, is_of_a_list

if TYPE_CHECKING:
    import pandas as pd

LOSS_COLUMNS = (
    "study", "policy", "label", "kind", "list", "first_year", "last_year", "rows", "cities", "rows_dropped", "cities_dropped",
    "treated_cells_dropped", "treated_cities_dropped", "rows_left", "cities_left", "treated_cells_left", "treated_cities_left",
    "estimable", "status", "columns", "sentence",
)  # fmt: skip
_COUNTS = LOSS_COLUMNS[LOSS_COLUMNS.index("first_year") : LOSS_COLUMNS.index("estimable")]


def registry(panel: pd.DataFrame, study: Study) -> list[OtherPolicy]:
    """Policies beside the studied one: those the study registers, in its order, then those with dates in the panel only."""
    named = [p for p in other_policies(study) if p.policy != study.treatment.policy]
    known = {p.policy for p in named}
    dated = [c.removeprefix(POLICY_YEAR) for c in panel.columns if c.startswith(POLICY_YEAR) and not is_of_a_list(c)]
    rest = [p for p in dated if p not in known and p != study.treatment.policy]
    return [*named, *(OtherPolicy(policy=p, label=p.replace("_", " ")) for p in rest)]


def policies_loss(panel: pd.DataFrame, study: Study, column: Column | None = None) -> pd.DataFrame:
    """What is left of ``column`` (default: the study's headline) without the adopters of each other policy: LOSS_COLUMNS.

    Of a policy that cities adopt, the rows of all adopters go (whatever their year); of a national law, the rows from its year
    on. ``columns`` names the study's columns that drop or hold the policy. A policy without a list keeps its row, off.
    """
    import pandas as pd

    column = column or headline_column(study)
    full = _support(panel, study, column)
    rows = [_loss(panel, study, column, policy, full) for policy in registry(panel, study)]
    frame = pd.DataFrame(rows, columns=list(LOSS_COLUMNS))
    return frame.astype({**dict.fromkeys(_COUNTS, "Int64"), "estimable": "boolean"})


def _support(panel: pd.DataFrame, study: Study, column: Column) -> dict[str, Any]:
    rows = estimation_sample(panel, study, column).rows
    treated = rows[rows[column.treatment] == 1]
    return {
        "rows": len(rows),
        "cities": rows["city_id"].nunique(),
        "treated_cells": len(treated),
        "treated_cities": treated["city_id"].nunique(),
        "estimable": _estimable(rows, column),
    }


def _estimable(rows: pd.DataFrame, column: Column) -> bool:
    if rows["city_id"].nunique() < 2:
        return False
    verdict = fwl.identify(rows[column.terms].to_numpy(dtype=float), effects_of(rows, column))
    return 0 in verdict.keep and 0 not in verdict.collinear


def effects_of(rows: pd.DataFrame, column: Column) -> fwl.Effects:
    """Both fixed effects of ``column`` on its estimation rows."""
    return fwl.Effects(*(fwl.codes(rows[EFFECT_COLUMNS[name]]) for name in column.fixed_effects))


def _loss(panel: pd.DataFrame, study: Study, column: Column, policy: OtherPolicy, full: dict[str, Any]) -> dict[str, Any]:
    row = {
        "study": study.study, "policy": policy.policy, "label": policy.label, "kind": policy.kind, "list": policy.list,
        "rows": full["rows"], "cities": full["cities"], "columns": ", ".join(_uses(study, policy)),
    }  # fmt: skip
    rule = rule_without(panel, policy)
    if rule is None:
        status = "registered, no list: off" if policy.kind == "named" else "no list in the panel"
        return {
            **row,
            "status": status,
            "sentence": f"{_capital(policy.label)}: {status}; nothing is dropped and nothing held constant.",
        }
    if policy.kind == "cities":
        years = panel.groupby("city_id")[POLICY_YEAR + policy.policy].first().dropna()
        row |= {"first_year": years.min(), "last_year": years.max(), "status": f"{policy.list} list, {len(years)} adopters"}
    else:
        row |= {"first_year": policy.year, "last_year": policy.year, "status": f"national, from {policy.year} on"}
    left = _support(panel, study, column.model_copy(update={"filter": [*column.filter, rule]}))
    row |= {
        **{f"{name}_left": left[name] for name in ("rows", "cities", "treated_cells", "treated_cities")},
        **{f"{name}_dropped": full[name] - left[name] for name in ("rows", "cities", "treated_cells", "treated_cities")},
        "estimable": left["estimable"],
    }
    return {**row, "sentence": _loss_sentence(policy, row, full)}


def rule_without(panel: pd.DataFrame, policy: OtherPolicy) -> Condition | None:
    """The rows that stay without the policy; None where nobody knows which they are."""
    if policy.kind == "national" and policy.year is not None:
        return Condition(variable="year", op="lt", value=policy.year)
    name = POLICY_YEAR + policy.policy
    if policy.kind != "cities" or name not in panel or not panel[name].notna().any():
        return None
    return Condition(variable=name, op="is_missing")


def _uses(study: Study, policy: OtherPolicy) -> list[str]:
    """The study's columns that drop the policy's adopters, hold its dummy, or a national law's exposure."""
    names = (POLICY_YEAR + policy.policy, POLICY_DUMMY + policy.policy)
    out = []
    for table, spec in study.regression_tables().items():
        for column in spec.columns:
            rests = [*column.controls, *(c.variable for c in column.filter)]
            law = policy.kind == "national" and any(e.year == policy.year for e in column.exposures)
            if law or any(n in rests for n in names):
                out.append(f"{table}:{column.id}")
    return out


def _loss_sentence(policy: OtherPolicy, row: dict[str, Any], full: dict[str, Any]) -> str:
    if policy.kind == "national":
        who = f"{_capital(policy.label)} holds everywhere from {policy.year} on; without the rows from then on"
    else:
        who = f"Without the {row['cities_dropped']:,} cities of the sample on the list of {policy.label}"
    left = (
        f"{row['treated_cities_left']} of {full['treated_cities']} treated cities and {row['treated_cells_left']} of "
        f"{full['treated_cells']} treated city-years are left"
    )
    verdict = "the effect can be estimated"
    if not row["estimable"]:
        verdict = f"not estimable, {row['treated_cities_left']} treated"
    elif row["treated_cities_left"] == 1:
        verdict = "one treated city: estimable, no star"
    text = f"{who}, {row['rows_dropped']:,} of {row['rows']:,} rows go and {left}: {verdict}."
    if policy.kind == "national":
        text += " Year effects take its common part; what differs between cities needs a measure of exposure."
    return text + (" The list is incomplete." if policy.list == "incomplete" else "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
