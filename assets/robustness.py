"""What a referee asks beside the tables: matching, other policies, mechanisms, other variances, codings, published lists.

Each asset writes csv files of results; what is printed of them is ``assets.tables``.
"""

from typing import TYPE_CHECKING

import dagster as dg

from assets.reporting import content_version
from assets.study_assets import StudyRun, result_tables, study_asset

if TYPE_CHECKING:
    import pandas as pd

CODE = ("citycarbon/econometrics", "citycarbon/study")


@result_tables(
    deps=["city_panel"],
    code=(*CODE, "citycarbon/figures"),
    description=(
        "PSM-DID: the way from all rows to the matched ones of every recipe (psm_flow.csv), balance before and after "
        "(psm_balance.csv), and the overlap of the scores as a figure."
    ),
)
def matching(run: StudyRun) -> "dict[str, pd.DataFrame]":
    from citycarbon.econometrics.matching_flow import matching_reports
    from citycarbon.figures import draw_overlap

    frames = matching_reports(run.panel, run.study)
    scores = frames["psm_overlap"]
    headline = scores[~scores["table"].str.contains("_")]  # of the headline table, not of its variants
    if len(headline):
        draw_overlap(headline, run.folder / "figures", "overlap", run.synthetic)
    return frames


@result_tables(
    deps=["city_panel"],
    code=CODE,
    description=(
        "Rival policies: what dropping each one's adopters leaves (policies_loss.csv), who has which policy since when "
        "(policies_overlap.csv), and whether the two can be told apart (policies_separation.csv)."
    ),
)
def other_policies(run: StudyRun) -> "dict[str, pd.DataFrame]":
    from citycarbon.econometrics.policies import policies_loss
    from citycarbon.econometrics.policy_overlap import policies_overlap, policies_separation

    return {
        "policies_loss": policies_loss(run.panel, run.study),
        "policies_overlap": policies_overlap(run.panel, run.study),
        "policies_separation": policies_separation(run.panel, run.study),
    }


@result_tables(
    deps=["city_panel", "estimates"],
    code=CODE,
    description=(
        "Mediated shares with intervals, exploratory (mechanisms.csv), and the controls that the policy itself moves "
        "(controls_moved.csv)."
    ),
)
def mechanisms(run: StudyRun) -> "dict[str, pd.DataFrame]":
    from citycarbon.econometrics import mechanisms as channels

    return {
        "mechanisms": channels.mechanisms(run.panel, run.study, run.estimates),
        "controls_moved": channels.controls_moved(run.panel, run.study),
    }


@result_tables(
    deps=["city_panel", "estimates"],
    code=CODE,
    description=(
        "The treatment's standard error and p-value under every variance, jackknife, wild bootstrap and randomisation "
        "inference, with leverage and the estimate without each treated city; a row each."
    ),
)
def inference(run: StudyRun) -> "dict[str, pd.DataFrame]":
    from citycarbon.econometrics.contract import read_results
    from citycarbon.econometrics.inference_table import inference_table
    from citycarbon.econometrics.placebo_summary import PLACEBO_TYPES

    placebo = read_results(run.folder / "placebo.csv", PLACEBO_TYPES)
    return {"inference": inference_table(run.panel, run.study, run.estimates, placebo, workers=2)}


@result_tables(
    deps=["city_panel"],
    code=CODE,
    description=(
        "Other readings of the treatment against ours, row by row in counts (treatment_codings.csv), and the emission series "
        "against each other where they overlap (series_overlap.csv)."
    ),
)
def audit_variants(run: StudyRun) -> "dict[str, pd.DataFrame]":
    from citycarbon.econometrics.treatment_codings import treatment_codings
    from citycarbon.report.series_overlap import series_overlap

    published = run.study.published
    printed = run.study.companion(published.descriptives) if published else None
    return {
        "treatment_codings": treatment_codings(run.panel, run.study, printed),
        "series_overlap": series_overlap(run.panel),
    }


@study_asset(
    deps=["city_panel", "stg_policy_list"],
    kinds={"python", "csv"},
    code=(*CODE, "citycarbon/policy_lists"),
    description=(
        "Published lists of the policy against the sourced one: which rows differ and how (policy_lists.csv), and what each "
        "kind of difference does to the estimate (policy_list_effects.csv). Nothing for a study that declares no list."
    ),
)
def policy_lists(run: StudyRun) -> dg.MaterializeResult:
    from citycarbon.policy_lists import write_policy_lists
    from citycarbon.policy_lists.compare import LIST_COLUMNS

    paths = write_policy_lists(run.home, run.study, synthetic=run.synthetic)
    words = [path.read_text(encoding="utf-8") for path in paths if path.suffix == ".md"]
    rows = sum(len(path.read_text(encoding="utf-8").splitlines()) - 1 for path in paths if path.suffix == ".csv")
    return dg.MaterializeResult(
        metadata={
            "in words": dg.MetadataValue.md("\n".join(words) or f"The study {run.study.study} declares no published list."),
            "dagster/row_count": rows,
            "dagster/column_schema": dg.TableSchema([dg.TableColumn(name, type="text") for name in LIST_COLUMNS]),
        },
        data_version=content_version(*paths),
    )
