"""The dbt project as assets: seeds, staging, intermediate models and marts, built by one ``dbt build``.

Every model is an asset under its own name, every dbt test a check. SQL lives in ``dbt_project``; what is added here is the
study's vars, where dbt keeps its scratch, and versions and row counts read from the written files.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets

from assets.built_models import BuiltModel, descriptions_of, read_built_models
from assets.check_files import keep
from assets.dbt_project import dbt_project
from assets.dbt_results import read_test_results
from assets.reporting import OWNERS, POOL, content_version
from citycarbon.paths import Home
from citycarbon.study import Study

DATABASE = "scratch.duckdb"
LAYERS = ("reference", "staging", "intermediate", "marts")


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


def build_arguments(study: Study, home: Home) -> list[str]:
    """The dbt command of a study: one build of everything selected, with the study's vars."""
    return ["build", "--vars", json.dumps(study.dbt_vars(home), ensure_ascii=False)]


def dbt_target(home: Home, study: str) -> Path:
    """dbt's target folder: one a study, so that unchanged vars let dbt reuse its parse."""
    return home.dbt_state / study


def prepare_scratch(home: Home, study: str) -> Path:
    """Make the folders dbt writes to and name its database file, which profiles.yml takes from the environment."""
    target = dbt_target(home, study)
    target.mkdir(parents=True, exist_ok=True)
    home.marts(study).mkdir(parents=True, exist_ok=True)
    os.environ["CITYCARBON_DBT_DB"] = str(target / DATABASE)
    return target


@dbt_assets(
    manifest=dbt_project.manifest_path,
    project=dbt_project,
    dagster_dbt_translator=WarehouseTranslator(),
    name="warehouse",
    pool=POOL,
)
def warehouse(
    context: dg.AssetExecutionContext, dbt: DbtCliResource, home: dg.ResourceParam[Home], study: dg.ResourceParam[Study]
) -> Iterator[Any]:
    target = prepare_scratch(home, study.study)
    invocation = dbt.cli(build_arguments(study, home), context=context, target_path=target, raise_on_error=False)
    # dbt holds its database until it ends: what it built can be read and told only then.
    events = list(invocation.stream())
    keep(read_test_results(target), home, study.study, "dbt")
    built = read_built_models(target, target / DATABASE)
    for event in events:
        yield describe(event, context, built, target, home.marts(study.study)) if isinstance(event, dg.Output) else event
    if not invocation.is_successful():
        raise invocation.get_error() or RuntimeError("dbt failed without a word")


def describe(
    output: dg.Output, context: dg.AssetExecutionContext, built: Mapping[str, BuiltModel], target: Path, marts: Path
) -> dg.Output | dg.MaterializeResult:
    """An output of dbt with rows, schema, lineage and content version; a mart's version is that of its parquet file."""
    key = context.asset_key_for_output(output.output_name)
    name = key.path[-1]
    if name not in built:
        return output
    told = built[name].metadata(descriptions_of(target, name))
    path = marts / f"{name}.parquet"
    version = dg.DataVersion(built[name].version)
    if path.is_file():
        version = content_version(path)
        told |= {"path": dg.MetadataValue.path(str(path)), "sha256": version.value}
    return dg.MaterializeResult(asset_key=key, metadata={**output.metadata, **told}, data_version=version)
