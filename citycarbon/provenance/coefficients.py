"""The trace of a coefficient: its spec and sample, the checks its panel passed, and the source files behind each regressor."""

from __future__ import annotations

from typing import Any

from citycarbon.provenance.model import RawCell, Trace, TraceInput, number
from citycarbon.provenance.policies import file_sha256_of, policy_list
from citycarbon.provenance.store import Store
from citycarbon.study.spec import POLICY_DUMMY, listed_policy

CONSTANT = "_cons"


def trace_coefficient(store: Store, target: str, row: dict[str, Any], column: list[dict[str, Any]]) -> Trace:
    """One row of ``estimates.csv``; ``column`` holds all rows of its column.

    Inputs: std_error, spec_id, sample size, checks passed and code version as plain values; then each variable of the
    regression with the source files behind its values in the estimation sample.
    """
    regressors = [r["term"] for r in column if r["term"] != CONSTANT]
    if not row["fixed_effects"]:  # its covariates have no coefficient and so no row
        regressors += [c for c in _spec_column(store, row).get("controls", []) if c not in regressors]
    by_list = _dated_by(store, row)
    behind = [by_list if by_list and name == "did" else name for name in regressors]
    variables, counts = variable_inputs(store, [row["outcome"], *behind])
    inputs = [TraceInput(name, value) for name, value in _facts(store, row).items()]
    inputs += variables
    notes = [f"estimated in release {store.manifest['id']}, study {store.study}"]
    notes += [f"note of the table: {row['note']}"] if row.get("note") else []
    notes += _stars_note(row) + counts
    return Trace(target, number(row["estimate"]), _unit(row), formula(row, regressors), inputs, notes)


def formula(row: dict[str, Any], regressors: list[str]) -> str:
    """The regression in one line, from the row itself."""
    sample = row["sample"] or "in_sample"
    left = f"OLS: {row['outcome']} on {', '.join(regressors)} | {row['fixed_effects']}"
    if not row["fixed_effects"]:  # no regression with effects: the doubly robust column
        left = (
            f"doubly robust difference-in-differences (Callaway and Sant'Anna): effect of {regressors[0]} on {row['outcome']}"
        )
        left += f" given {', '.join(regressors[1:])} before adoption" if regressors[1:] else ""
    return f"{left}; standard errors {row['vcov']}; sample {sample}"


def variable_inputs(store: Store, variables: list[str]) -> tuple[list[TraceInput], list[str]]:
    """Each variable with the source files behind it, and a sentence each with the number of cells used from them."""
    behind = store.files_behind([v for v in variables if v in store.variables])
    inputs, notes = [], []
    for variable in dict.fromkeys(variables):
        if variable == "did" and store.did_column:
            inputs.append(TraceInput(store.did_column, None, [_policy_file(store)]))
            continue
        rows = [b for b in behind if b["variable"] == variable]
        inputs.append(TraceInput(variable, None, [_file(store, b) for b in rows]))
        counts: dict[str, int] = {}
        for b in rows:
            counts[b["source"]] = counts.get(b["source"], 0) + b["n_cells"]
        notes += [
            f"{variable}: {n:,} cells of {source} behind its values in the complete-case rows" for source, n in counts.items()
        ]
    return inputs, notes


def _dated_by(store: Store, row: dict[str, Any]) -> str | None:
    """The panel's treatment dummy where the column dates the policy by a published list, else None."""
    spec = store.study_spec
    found = _spec_column(store, row).get("dated_by")
    return POLICY_DUMMY + listed_policy(spec["treatment"]["policy"], found) if found else None


def _spec_column(store: Store, row: dict[str, Any]) -> dict[str, Any]:
    """What the study says of the row's column; nothing where it has no such column."""
    columns = store.study_spec.get("tables", {}).get(row["table"], {}).get("columns", [])
    return next((c for c in columns if c["id"] == row["column"]), {})


def _facts(store: Store, row: dict[str, Any]) -> dict[str, float | str | None]:
    checks = store.checks
    passed = f"{sum(c['passed'] for c in checks)} of {len(checks)}"
    failed = [c["id"] for c in checks if not c["passed"]]
    return {
        "std_error": number(row["std_error"]),
        "spec_id": row["spec_id"],
        "fixed_effects": row["fixed_effects"],
        "sample": row["sample"] or "in_sample",
        "n_obs (panel rows)": number(row["n_obs"]),
        "n_units": number(row["n_units"]),
        "n_treated_units": number(row["n_treated_units"]),
        "n_treated_cells": number(row["n_treated_cells"]),
        "checks passed": passed + (f"; warnings: {', '.join(failed)}" if failed else ""),
        "code version": store.manifest["code"]["version"],
    }


def _unit(row: dict[str, Any]) -> str:
    transform, unit = row.get("transform") or "none", row.get("outcome_unit") or ""
    inner = unit if transform in ("none", "") else f"{transform.replace('(1+x)', '')}({unit})"
    return f"{inner} per unit of {row['term']}" if row["term"] != CONSTANT else inner


def _stars_note(row: dict[str, Any]) -> list[str]:
    if row.get("star_rule") == "pending":
        return ["no star: randomisation inference is pending (RI pending)"]
    return [f"stars '{row['stars']}' by rule {row['star_rule']}"] if row.get("stars") else []


def _file(store: Store, given: dict[str, Any]) -> RawCell:
    snapshot = store.snapshot(given["file_sha256"])
    return RawCell(
        source=given["source"],
        edition=given["edition"],
        data_year=None,
        path=str(snapshot) if snapshot else None,
        sha256=given["file_sha256"],
        sheet=None,
        cell=None,
        line=None,
        text=None,
        unit=None,
        scope=None,
    )


def _policy_file(store: Store) -> RawCell:
    path = policy_list(store)
    return RawCell("seed policy_adoptions", "", None, str(path), file_sha256_of(path), None, None, None, None, "year", None)
