"""The csv files that Tables 3 to 8 need beside ``estimates.csv``: name of the file -> its frame.

Nothing is computed or written here: each file has its own module, and ``contract.write_csv`` writes the frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from citycarbon.study.spec import Study

if TYPE_CHECKING:
    import pandas as pd


def heterogeneity_reports(
    panel: pd.DataFrame, study: Study, estimates: pd.DataFrame, draws: int | None = None
) -> dict[str, pd.DataFrame]:
    """``splits.csv``. ``estimates``: of the same panel and study; ``draws``: redraws of a difference (default: the study's)."""
    from citycarbon.econometrics.splits import split_report

    return {"splits.csv": split_report(panel, study, estimates, draws)}


def robustness_reports(
    panel: pd.DataFrame, study: Study, estimates: pd.DataFrame, draws: int | None = None
) -> dict[str, pd.DataFrame]:
    """Other policies, mechanisms, controls that move, other variances (with the rows of randomisation inference where
    ``estimates`` has them) and codings of the treatment. A study without the tables gives frames without rows."""
    import pandas as pd

    from citycarbon.econometrics.mechanisms import controls_moved, mechanisms
    from citycarbon.econometrics.other_variances import other_variances, ri_rows
    from citycarbon.econometrics.policies import policies_loss
    from citycarbon.econometrics.policy_overlap import policies_overlap, policies_separation
    from citycarbon.econometrics.splits import DRAWS
    from citycarbon.econometrics.treatment_codings import treatment_codings

    draws = draws or (study.placebo.draws_variants if study.placebo else DRAWS)
    printed = study.path.parent / study.published.descriptives if study.path and study.published else None
    return {
        "policies_loss.csv": policies_loss(panel, study),
        "policies_overlap.csv": policies_overlap(panel, study),
        "policies_separation.csv": policies_separation(panel, study),
        "mechanisms.csv": mechanisms(panel, study, estimates),
        "controls_moved.csv": controls_moved(panel, study, draws),
        "inference.csv": pd.concat([other_variances(panel, study), ri_rows(estimates, study)], ignore_index=True),
        "treatment_codings.csv": treatment_codings(panel, study, printed),
    }
