"""``python -m benchmarks.extensions_job HOME STUDY``: materialise what a study asks for beyond its tables, on its panel."""

from __future__ import annotations

import sys
from pathlib import Path

from citycarbon.errors import UsageError
from citycarbon.paths import Home, resolve_home
from citycarbon.release.identity import EXTENSIONS


def materialise(home: Home, study: str) -> None:
    """Run the assets of the group in this process. Raises UsageError where the home holds no panel of the study."""
    from dagster import AssetKey

    from orchestration.definitions import build_defs
    from orchestration.names import study_job_name
    from orchestration.pipeline import open_instance

    panel = home.marts(study) / "city_panel.parquet"
    if not panel.is_file():
        raise UsageError(f"{panel}: no panel there; run the study in this home first.")
    job = build_defs().resolve_job_def(study_job_name(study))
    graph = job.asset_layer.asset_graph
    chosen: list[AssetKey] = [key for key in graph.materializable_asset_keys if graph.get(key).group_name == EXTENSIONS]
    landing = Path((home.root / ".last-landing").read_text(encoding="utf-8").strip())
    config = {
        "resources": {
            "home": {"config": {"root": str(home.root)}},
            "landing": {"config": {"path": str(landing)}},
            "study": {"config": {"name": study}},
        }
    }
    with open_instance(home) as instance:
        job.execute_in_process(run_config=config, instance=instance, asset_selection=chosen)


if __name__ == "__main__":
    try:
        materialise(resolve_home(sys.argv[1]), sys.argv[2])
    except UsageError as error:
        sys.exit(f"benchmarks.extensions_job: {error}")
