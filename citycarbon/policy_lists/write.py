"""Writes what the comparison of lists comes to: ``policy_lists.csv``, ``policy_list_effects.csv``, ``policy_lists.md``."""

from __future__ import annotations

from pathlib import Path

from citycarbon.paths import Home
from citycarbon.study.spec import Study

FILES = ("policy_lists.csv", "policy_list_effects.csv", "policy_lists.md")  # a public bundle knows them too: release.withhold


def write_policy_lists(home: Home, study: Study, folder: Path | None = None, *, synthetic: bool = False) -> list[Path]:
    """Compare the published lists of ``study`` on its marts and write ``FILES`` into ``folder`` (default: its results).

    Returns their paths. A study that declares no list writes nothing. Raises UsageError where the study has not been run.
    """
    import pandas as pd

    from citycarbon.econometrics.contract import write_csv
    from citycarbon.policy_lists.compare import compare_lists
    from citycarbon.policy_lists.influence import list_effects
    from citycarbon.policy_lists.listed import listed_rows
    from citycarbon.policy_lists.words import as_markdown

    if not study.treatment.lists:
        return []
    panel = pd.read_parquet(home.marts(study.study) / "city_panel.parquet")
    differences = compare_lists(listed_rows(home, study), panel, study)
    effects = list_effects(panel, study, differences)
    folder = folder or home.results(study.study)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in FILES]
    write_csv(differences, paths[0])
    write_csv(effects, paths[1])
    paths[2].write_text(as_markdown(differences, effects, study, synthetic), encoding="utf-8", newline="\n")
    return paths
