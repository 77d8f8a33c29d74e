"""The printed paper beside this run: its numbers compared, its claims judged, its tables and ours examined by the same rules.

A study without a paper gets the same files without rows.
"""

from pathlib import Path

import dagster as dg

from assets.reporting import OWNERS, POOL, code_version, is_synthetic, panel_and_folder, written_tables
from citycarbon.paths import Home
from citycarbon.study import Study

CODE = code_version("citycarbon/paper", "citycarbon/study", "citycarbon/forensics")


@dg.asset(
    deps=["estimates", "city_panel"],
    kinds={"python", "csv"},
    owners=OWNERS,
    pool=POOL,
    code_version=CODE,
    description="Every printed coefficient and descriptive beside ours: difference, sign, rounding, the closest reading.",
)
def comparison(
    home: dg.ResourceParam[Home], landing: dg.ResourceParam[Path], study: dg.ResourceParam[Study]
) -> dg.MaterializeResult:
    from citycarbon.econometrics import read_estimates
    from citycarbon.paper.comparison import compare_study

    panel, folder = panel_and_folder(home, study)
    synthetic = is_synthetic(landing)
    frame = compare_study(panel, study, read_estimates(folder / "estimates.csv"), synthetic)
    used = {"estimates": ["table", "column", "term", "estimate", "std_error", "stars", "n_obs", "r2_adj"]}
    return written_tables({"comparison": frame}, folder, synthetic, used)


@dg.asset(
    deps=["estimates", "splits", "mechanisms", "event_study"],
    kinds={"python", "csv"},
    owners=OWNERS,
    pool=POOL,
    code_version=CODE,
    description="The paper's hypotheses and sentences, each with the rule that decides it and the verdict on this panel.",
)
def claims(
    home: dg.ResourceParam[Home], landing: dg.ResourceParam[Path], study: dg.ResourceParam[Study]
) -> dg.MaterializeResult:
    from citycarbon.paper.claims import judge_study

    folder = home.results(study.study)
    used = {"estimates": ["estimate", "std_error", "p_ri_t"], "splits": ["difference", "p_ri"], "mechanisms": ["share"]}
    return written_tables({"claims": judge_study(study, folder)}, folder, is_synthetic(landing), used)


@dg.asset(
    deps=["estimates", "city_panel"],
    kinds={"python", "csv"},
    owners=OWNERS,
    pool=POOL,
    code_version=CODE,
    description=(
        "Rules L68 to L82 on the paper's printed tables (forensics.csv) and, the same rules, on this run's (forensics_own.csv)."
    ),
)
def forensics(
    home: dg.ResourceParam[Home], landing: dg.ResourceParam[Path], study: dg.ResourceParam[Study]
) -> dg.MaterializeResult:
    from citycarbon.forensics import examine_own, examine_study

    panel, folder = panel_and_folder(home, study)
    frames = {"forensics": examine_study(study), "forensics_own": examine_own(panel, study, folder)}
    used = {"estimates": ["estimate", "std_error", "stars", "n_obs", "r2_adj"]}
    return written_tables(frames, folder, is_synthetic(landing), used)
