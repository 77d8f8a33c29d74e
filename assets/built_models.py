"""What dbt has built, read from its scratch database, its compiled SQL and its manifest once dbt has let go of them.

Gives each model its rows, column schema, content version and column lineage. Dagster's own reader of dbt parses a model anew
for each of its columns, which takes minutes here; this one parses it once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from citycarbon.sources.rawrows import RAW_SCHEMA

Lineage = dict[str, list[tuple[dg.AssetKey, str]]]


@dataclass(frozen=True)
class BuiltModel:
    """One seed or model: number of rows, column -> type, a version of its content, and what each column is computed from."""

    rows: int
    columns: Mapping[str, str]
    version: str
    lineage: Lineage = field(default_factory=dict)
    descriptions: Mapping[str, str] = field(default_factory=dict)  # of columns, as the project's yml has them

    def metadata(self) -> dict[str, Any]:
        """As Dagster shows it; a column with no upstream column (a constant) has an empty list."""
        told: dict[str, Any] = {
            "dagster/row_count": self.rows,
            "dagster/column_schema": dg.TableSchema(
                columns=[dg.TableColumn(n, type=t, description=self.descriptions.get(n)) for n, t in self.columns.items()]
            ),
        }
        if self.lineage:
            deps = {c: [dg.TableColumnDep(asset_key=k, column_name=n) for k, n in found] for c, found in self.lineage.items()}
            told["dagster/column_lineage"] = dg.TableColumnLineage(deps)
        return told


def read_built_models(target: Path, database: Path) -> dict[str, BuiltModel]:
    """Name -> what was built, for every seed and model that stands in the database; empty where dbt built nothing."""
    if not database.is_file():
        return {}
    import duckdb

    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    nodes = {n["name"]: n for n in manifest["nodes"].values() if n["resource_type"] in ("seed", "model")}
    with duckdb.connect(str(database), read_only=True) as connection:
        schemas = _schemas(connection)
        measured = {name: _measure(connection, name) for name in nodes if name in schemas}
    built = {}
    for name, (rows, version) in measured.items():
        lineage = _lineage(nodes[name], manifest, target, schemas) if nodes[name]["resource_type"] == "model" else {}
        said = {column: c["description"] for column, c in nodes[name]["columns"].items() if c.get("description")}
        built[name] = BuiltModel(rows, schemas[name], version, lineage, said)
    return built


def _schemas(connection: Any) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    query = "select table_name, column_name, data_type from information_schema.columns order by table_name, ordinal_position"
    for table, column, kind in connection.execute(query).fetchall():
        found.setdefault(table, {})[column] = kind
    return found


def _measure(connection: Any, name: str) -> tuple[int, str]:
    """Row count, and a hash of the rows that does not depend on their order (two sums, so that doubled rows show)."""
    rows, mixed, summed = connection.execute(
        f'select count(*), bit_xor(hash(t)), sum(hash(t)::hugeint % 1000000007) from "{name}" as t'
    ).fetchone()
    return rows, hashlib.sha256(f"{rows}|{mixed}|{summed}".encode()).hexdigest()


def _lineage(
    node: Mapping[str, Any], manifest: Mapping[str, Any], target: Path, schemas: Mapping[str, Mapping[str, str]]
) -> Lineage:
    """Column -> (asset, column) of the direct parents; a raw table is known by its declared schema."""
    sql = (target / "compiled" / node["package_name"] / node["original_file_path"]).read_text(encoding="utf-8")
    keys: dict[str, dg.AssetKey] = {}
    known: dict[str, dict[str, str]] = {}
    for parent in node["depends_on"]["nodes"]:
        if parent in manifest["sources"]:
            source = manifest["sources"][parent]
            stand_in = f"raw__{source['name']}"
            # A source is a function call on a file, which no parser can look into: give it the name of a table.
            sql = sql.replace(source["relation_name"], stand_in)
            keys[stand_in] = dg.AssetKey([source["source_name"], source["name"]])
            known[stand_in] = {f.name: str(f.type) for f in RAW_SCHEMA}
        elif (name := manifest["nodes"][parent]["name"]) in schemas:
            keys[name] = dg.AssetKey([name])
            known[name] = dict(schemas[name])
    return {
        c: [(keys[t], n) for t, n in found if t in keys]
        for c, found in column_sources(sql, known, list(schemas[node["name"]])).items()
    }


def column_sources(sql: str, known: Mapping[str, Mapping[str, str]], columns: list[str]) -> dict[str, list[tuple[str, str]]]:
    """Column of a DuckDB query -> (table, column) pairs of the ``known`` tables (name -> column -> type) behind it."""
    from sqlglot import exp, parse_one
    from sqlglot.lineage import lineage
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    tree = parse_one(sql, dialect="duckdb")
    for table in tree.find_all(exp.Table):
        table.set("db", None)
        table.set("catalog", None)
    tree = qualify(tree, schema=known, dialect="duckdb", validate_qualify_columns=False, identify=False)
    scope = build_scope(tree)
    found: dict[str, list[tuple[str, str]]] = {}
    for column in columns:
        leaves = (n for n in lineage(column, tree, None, dialect="duckdb", scope=scope, trim_selects=False, copy=False).walk())
        pairs = {
            (table.name, exp.to_column(leaf.name).name)
            for leaf in leaves
            if not leaf.downstream and (table := leaf.expression.find(exp.Table)) is not None
        }
        found[column] = sorted(pairs)
    return found
