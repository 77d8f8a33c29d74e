"""What a referee asks beside the tables: matching, other policies, mechanisms, other variances, codings of the treatment.

Each asset writes csv files of results; what is printed of them is ``assets.tables``.
"""

from pathlib import Path

import dagster as dg

from assets.reporting import OWNERS, POOL, code_version, content_version, is_synthetic, panel_and_folder, written_tables
from citycarbon.paths import Home
from citycarbon.study import Study

CODE = code_version("citycarbon/econometrics", "citycarbon/study")
USED = {"city_panel": ["city_id", "year", "in_sample"]}


@dg.asset(
    deps=["city_panel"],
    kinds={"python", "csv"},
    owners=OWNERS,
    pool=POOL,
    code_version=code_version("citycarbon/econometrics", "citycarbon/figures", "citycarbon/study"),
    description=(
        "PSM-DID: the way from all rows to the matched ones of every recipe (psm_flow.csv), balance before and after "
        "(psm_balance.csv), and the overlap of the scores as a figure."
    ),
)
def matching(
    home: dg.ResourceParam[Home], landing: dg.ResourceParam[Path], study: dg.ResourceParam[Study]
) -> dg.MaterializeResult:
    from citycarbon.econometrics.matching_flow import matching_reports
    from citycarbon.figures import draw_overlap

    panel, folder = panel_and_folder(home, study)
    frames = matching_reports(panel, study)
    scores = frames["psm_overlap"]
    headline = scores[~scores["table"].str.contains("_")]  # of the headline table, not of its variants
    if len(headline):
        draw_overlap(headline, folder / "figures", "overlap", is_synthetic(landing))
    return written_tables(frames, folder, is_synthetic(landing), USED)


@dg.asset(
    deps=["city_panel"],
    kinds={"python", "csv"},
    owners=OWNERS,
    pool=POOL,
    code_version=CODE,
    description=(
        "Rival policies: what dropping each one's adopters leaves (policies_loss.csv), who has which policy since when "
        "(policies_overlap.csv), and whether the two can be told apart (policies_separation.csv)."
    ),
)
def other_policies(
    home: dg.ResourceParam[Home], landing: dg.ResourceParam[Path], study: dg.ResourceParam[Study]
) -> dg.MaterializeResult:
    from citycarbon.econometrics.policies import policies_loss
    from citycarbon.econometrics.policy_overlap import policies_overlap, policies_separation

    panel, folder = panel_and_folder(home, study)
    frames = {
        "policies_loss": policies_loss(panel, study),
        "policies_overlap": policies_overlap(panel, study),
        "policies_separation": policies_separation(panel, study),
    }
    return written_tables(frames, folder, is_synthetic(landing), USED)


@dg.asset(
    deps=["city_panel", "estimates"],
    kinds={"python", "csv"},
    owners=OWNERS,
    pool=POOL,
    code_version=CODE,
    description=(
        "Mediated shares with intervals, exploratory (mechanisms.csv), and the controls that the policy itself moves "
        "(controls_moved.csv)."
    ),
)
def mechanisms(
    home: dg.ResourceParam[Home], landing: dg.ResourceParam[Path], study: dg.ResourceParam[Study]
) -> dg.MaterializeResult:
    from citycarbon.econometrics import mechanisms as channels
    from citycarbon.econometrics import read_estimates

    panel, folder = panel_and_folder(home, study)
    estimates = read_estimates(folder / "estimates.csv")
    frames = {
        "mechanisms": channels.mechanisms(panel, study, estimates),
        "controls_moved": channels.controls_moved(panel, study),
    }
    return written_tables(frames, folder, is_synthetic(landing), USED)


@dg.asset(
    deps=["city_panel", "estimates"],
    kinds={"python", "csv"},
    owners=OWNERS,
    pool=POOL,
    code_version=CODE,
    description="The treatment's standard error and p-value under every variance, beside randomisation inference; a row each.",
)
def inference(
    home: dg.ResourceParam[Home], landing: dg.ResourceParam[Path], study: dg.ResourceParam[Study]
) -> dg.MaterializeResult:
    from citycarbon.econometrics import read_estimates
    from citycarbon.econometrics.other_variances import inference_table

    panel, folder = panel_and_folder(home, study)
    frame = inference_table(panel, study, read_estimates(folder / "estimates.csv"))
    return written_tables({"inference": frame}, folder, is_synthetic(landing), USED)


@dg.asset(
    deps=["city_panel"],
    kinds={"python", "csv"},
    owners=OWNERS,
    pool=POOL,
    code_version=CODE,
    description=(
        "Other readings of the treatment against ours, row by row in counts (treatment_codings.csv), and the emission series "
        "against each other where they overlap (series_overlap.csv)."
    ),
)
def audit_variants(
    home: dg.ResourceParam[Home], landing: dg.ResourceParam[Path], study: dg.ResourceParam[Study]
) -> dg.MaterializeResult:
    from citycarbon.econometrics.treatment_codings import treatment_codings
    from citycarbon.report.series_overlap import series_overlap

    panel, folder = panel_and_folder(home, study)
    printed = study.companion(study.published.descriptives) if study.published else None
    frames = {"treatment_codings": treatment_codings(panel, study, printed), "series_overlap": series_overlap(panel)}
    return written_tables(frames, folder, is_synthetic(landing), USED)


@dg.asset(
    deps=["city_panel", "stg_policy_list"],
    kinds={"python", "csv"},
    owners=OWNERS,
    pool=POOL,
    code_version=code_version("citycarbon/policy_lists", "citycarbon/econometrics", "citycarbon/study"),
    description=(
        "Published lists of the policy against the sourced one: which rows differ and how (policy_lists.csv), and what each "
        "kind of difference does to the estimate (policy_list_effects.csv). Nothing for a study that declares no list."
    ),
)
def policy_lists(
    home: dg.ResourceParam[Home], landing: dg.ResourceParam[Path], study: dg.ResourceParam[Study]
) -> dg.MaterializeResult:
    from citycarbon.policy_lists import write_policy_lists
    from citycarbon.policy_lists.compare import LIST_COLUMNS

    paths = write_policy_lists(home, study, synthetic=is_synthetic(landing))
    words = [path.read_text(encoding="utf-8") for path in paths if path.suffix == ".md"]
    rows = sum(len(path.read_text(encoding="utf-8").splitlines()) - 1 for path in paths if path.suffix == ".csv")
    return dg.MaterializeResult(
        metadata={
            "in words": dg.MetadataValue.md("\n".join(words) or f"The study {study.study} declares no published list."),
            "dagster/row_count": rows,
            "dagster/column_schema": dg.TableSchema([dg.TableColumn(name, type="text") for name in LIST_COLUMNS]),
        },
        data_version=content_version(*paths),
    )
