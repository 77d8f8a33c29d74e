"""The dbt project as assets: seeds, reference, staging, intermediate models and marts, built by one ``dbt build``.

Every model is an asset under its own name, every dbt test a check. SQL lives in ``dbt_project``; what is added here is the
study's vars, where dbt keeps its scratch, and what was built: rows, schema, column lineage, content versions.
"""

import importlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject, dbt_assets

from assets.built_models import BuiltModel, read_built_models
from assets.check_files import keep
from assets.dbt_project import dbt_project
from assets.reporting import OWNERS, POOL, content_version
from citycarbon.dbt_runner import DATABASE, DbtRun, prepare_scratch, run_dbt, vars_argument
from citycarbon.paths import Home
from citycarbon.study import Study

LAYERS = ("reference", "staging", "intermediate", "marts")
UNIQUE_ID = "dagster_dbt/unique_id"  # in the metadata of every spec: which dbt node it is


class WarehouseTranslator(DagsterDbtTranslator):
    """Groups by layer of the project; keys stay dbt's own: a model by its name, a raw table as raw/<source>."""

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        props = self.get_resource_props(manifest, unique_id)
        return spec.replace_attributes(group_name=layer_of(props), owners=OWNERS)


def layer_of(props: Mapping[str, Any]) -> str:
    """The group of a dbt node: ``seeds``, a folder of models/, or ``sources`` for what Python wrote."""
    if props["resource_type"] == "seed":
        return "seeds"
    if props["resource_type"] == "source":
        return "sources"
    return next((layer for layer in LAYERS if layer in props["fqn"]), "marts")


def build_arguments(study: Study, home: Home, models: Sequence[str] = ()) -> list[str]:
    """The dbt command of a study: one build with the study's vars, of everything or of ``models`` and their tests."""
    selection = ["--select", *sorted(models)] if models else []
    return ["build", *selection, *vars_argument(study.dbt_vars(home))]


@dbt_assets(
    manifest=dbt_project.manifest_path,
    project=dbt_project,
    dagster_dbt_translator=WarehouseTranslator(),
    name="warehouse",
    pool=POOL,
)
def warehouse(
    context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], study: dg.ResourceParam[Study]
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    target = prepare_scratch(home, study.study)
    database = target / DATABASE
    import_meanwhile("great_expectations.expectations", "linearmodels.panel", "scipy.stats", "matplotlib.figure", "diff_diff")
    run = run_dbt(build_arguments(study, home, selected_models(context)), target, database)
    keep(run.tests(), home, study.study, "dbt")
    yield from materializations(context, run, read_built_models(target, database), home.marts(study.study))
    yield from evaluations(context, run)
    if not run.succeeded:
        raise run.failure()


def import_meanwhile(*modules: str) -> None:
    """Load in a thread what later steps take seconds to import: dbt works in another process and this one only waits."""
    threading.Thread(target=lambda: [importlib.import_module(name) for name in modules], daemon=True).start()


def selected_models(context: dg.AssetExecutionContext) -> list[str]:
    """Names of the models to build where only some are asked for; empty where all are."""
    selected = {*context.selected_asset_keys, *(check.asset_key for check in context.selected_asset_check_keys)}
    return [] if selected >= context.assets_def.keys else [key.path[-1] for key in selected]


def materializations(
    context: dg.AssetExecutionContext, run: DbtRun, built: Mapping[str, BuiltModel], marts: Path
) -> Iterator[dg.MaterializeResult]:
    """Rows, schema, lineage and content version of what was built; a mart's version is that of its parquet file."""
    specs = {spec.metadata[UNIQUE_ID]: spec for spec in context.assets_def.specs}
    for unique_id, result in run.results.items():  # in dbt's order: parents first, as Dagster wants them
        spec = specs.get(unique_id)
        if spec is None or spec.key not in context.selected_asset_keys or result["status"] != "success":
            continue
        name = spec.key.path[-1]
        told = built[name].metadata()
        version = dg.DataVersion(built[name].version)
        path = marts / f"{name}.parquet"
        if path.is_file():
            version = content_version(path)
            told |= {"path": dg.MetadataValue.path(str(path)), "sha256": version.value}
        yield dg.MaterializeResult(asset_key=spec.key, metadata=told, data_version=version)


def evaluations(context: dg.AssetExecutionContext, run: DbtRun) -> Iterator[dg.AssetCheckResult]:
    """dbt's verdict on each test that it ran."""
    for spec in context.assets_def.check_specs:
        unique_id = spec.metadata[UNIQUE_ID]
        status = run.status(unique_id)
        if spec.key not in context.selected_asset_check_keys or status not in ("pass", "fail", "warn"):
            continue
        severity = dg.AssetCheckSeverity.ERROR if spec.blocking else dg.AssetCheckSeverity.WARN
        failures = run.results[unique_id].get("failures") or 0
        yield dg.AssetCheckResult(
            asset_key=spec.asset_key,
            check_name=spec.name,
            passed=status == "pass",
            severity=severity,
            metadata={"failing rows": failures},
        )
