"""On sample sources, whose truth is known: do the estimates recover what was planted? A warning, never a stop."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.check_files import keep
from assets.reporting import POOL, markdown_table
from citycarbon.checks import CheckResult
from citycarbon.paths import Home
from citycarbon.study import Study

if TYPE_CHECKING:
    import pandas as pd

NAME = "planted_effect_recovered"
LIMIT = 4.0  # standard errors; a right estimator misses by so much once in 16,000 draws
FEWEST = 5  # treated cities; with fewer a clustered standard error is a fraction of what it should be, and no yardstick
EXPECTED = f"every coefficient that rests on {FEWEST} treated cities or more within {LIMIT:.0f} standard errors of its estimand"


# blocking orders it before the release, which takes its result in; of severity WARN it stops nothing.
@dg.asset_check(asset="estimates", name=NAME, blocking=True, pool=POOL, description=f"{__doc__} Expected: {EXPECTED}.")
def planted_effect_recovered(
    home: dg.ResourceParam[Home], landing: dg.ResourceParam[Path], study: dg.ResourceParam[Study]
) -> dg.AssetCheckResult:
    frame = recover(home, landing, study)
    result = judge(frame)
    keep([result], home, study.study, "estimates")
    return dg.AssetCheckResult(
        passed=result.passed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"observed": result.observed, "columns": markdown_table(HEADER, shown(frame))},
    )


def recover(home: Home, landing: Path, study: Study) -> "pd.DataFrame | None":
    """Write ``recovery.csv`` beside the estimates and return its rows; nothing, and no old file, where there is no truth."""
    import pandas as pd

    from citycarbon.econometrics import read_estimates
    from citycarbon.econometrics.contract import write_csv
    from citycarbon.econometrics.recovery import projection, recovery_frame

    truth_file, folder = landing / "truth.json", home.results(study.study)
    written = folder / "recovery.csv"
    written.unlink(missing_ok=True)
    if not truth_file.is_file():
        return None
    truth: dict[str, Any] = json.loads(truth_file.read_text(encoding="utf-8"))
    panel = pd.read_parquet(home.marts(study.study) / "city_panel.parquet")
    frame = recovery_frame(read_estimates(folder / "estimates.csv"), truth, study, projection(panel, truth, study))
    write_csv(frame, written)
    return frame


HEADER = ["column", "estimate", "estimand", "standard errors apart", "in the clustered interval", "in the interval by RI"]


def shown(frame: "pd.DataFrame | None") -> list[tuple[str, ...]]:
    """The columns that can be judged, as the UI shows them."""
    if frame is None:
        return []
    said = {True: "yes", False: "no"}
    return [
        (
            f"{r.table}:{r.column}",
            f"{r.estimate:.3f}",
            f"{r.estimand:.3f}",
            f"{r.distance_se:.1f}",
            said.get(r.inside_clustered, "-"),
            said.get(r.inside_ri, "-"),
        )
        for r in frame[frame["distance_se"].notna()].itertuples()
    ]


def judge(frame: "pd.DataFrame | None") -> CheckResult:
    """The check's result; without columns to judge there is nothing to recover, which is no failure."""
    rows = (
        [] if frame is None else frame[frame["distance_se"].notna() & (frame["n_treated_units"] >= FEWEST)].to_dict("records")
    )
    far = [f"{r['table']}:{r['column']}" for r in rows if abs(r["distance_se"]) > LIMIT]
    most = max((abs(r["distance_se"]) for r in rows), default=0.0)
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
