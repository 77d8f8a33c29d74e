"""On sample sources, whose truth is known: do the estimates recover what was planted? A warning, never a stop."""

import json
from pathlib import Path
from typing import Any

import dagster as dg

from assets.check_files import keep
from assets.reporting import POOL, markdown_table
from citycarbon.checks import CheckResult
from citycarbon.paths import Home
from citycarbon.study import Study

NAME = "planted_effect_recovered"
PLANTED_IN = "chen_county"  # the sample's primary emission series: its estimands are stated for studies on it
LIMIT = 4.0  # standard errors; a right estimator misses by so much once in 16,000 draws
EXPECTED = f"every treatment coefficient within {LIMIT:.0f} standard errors of its estimand in truth.json"


# blocking orders it before the release, which takes its result in; of severity WARN it stops nothing.
@dg.asset_check(asset="estimates", name=NAME, blocking=True, pool=POOL, description=f"{__doc__} Expected: {EXPECTED}.")
def planted_effect_recovered(
    home: dg.ResourceParam[Home], landing: dg.ResourceParam[Path], study: dg.ResourceParam[Study]
) -> dg.AssetCheckResult:
    from citycarbon.econometrics import read_estimates

    truth = landing / "truth.json"
    rows: list[dict[str, Any]] = []
    if truth.is_file():
        frame = read_estimates(home.results(study.study) / "estimates.csv")
        rows = compare(frame.to_dict("records"), json.loads(truth.read_text(encoding="utf-8")), study)
    result = judge(rows)
    keep([result], home, study.study, "estimates")
    shown = [(r["column"], f"{r['estimate']:.3f}", f"{r['estimand']:.3f}", f"{r['distance']:.1f}") for r in rows]
    return dg.AssetCheckResult(
        passed=result.passed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "observed": result.observed,
            "columns": markdown_table(["column", "estimate", "estimand", "standard errors apart"], shown),
        },
    )


def compare(estimates: list[dict[str, Any]], truth: dict[str, Any], study: Study) -> list[dict[str, Any]]:
    """Treatment coefficients that have an estimand: column, estimate, estimand, distance in standard errors.

    Empty where the truth speaks of another policy or the study uses a series in which nothing was planted.
    """
    if truth["policy"] != study.treatment.policy or study.outcome.series != PLANTED_IN:
        return []
    found = []
    for row in estimates:
        column = f"{row['table']}:{row['column']}"
        estimand = truth["estimands"].get(column)
        if row["term"] == "did" and estimand is not None and row["std_error"] > 0:
            distance = abs(row["estimate"] - estimand) / row["std_error"]
            found.append({"column": column, "estimate": row["estimate"], "estimand": estimand, "distance": distance})
    return found


def judge(rows: list[dict[str, Any]]) -> CheckResult:
    """The check's result; without rows there is nothing to recover, which is no failure."""
    far = [r["column"] for r in rows if r["distance"] > LIMIT]
    most = max((r["distance"] for r in rows), default=0.0)
    observed = f"{len(rows)} coefficients, at most {most:.1f} standard errors away" if rows else "nothing was planted"
    return CheckResult(
        id=NAME,
        severity="warning",
        passed=not far,
        observed=f"{observed}{': ' + ', '.join(far) if far else ''}",
        expected=EXPECTED,
        title="The planted effect is recovered",
        reason="on sources whose truth is known, an estimator that misses it is wrong",
        engine="asset_check",
        columns=["did"],
    )
