"""``datapackage.json``: every table of a release with its schema, units, size and hash, as Frictionless Data describes it.

Units and formulas come from the panel's cells, column descriptions from the mart's own documentation in dbt_project.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from citycarbon.paths import DBT_PROJECT
from citycarbon.release.identity import file_sha256
from citycarbon.release.manifest import may_differ, write_json

SCHEMA = "https://datapackage.org/profiles/2.0/datapackage.json"
NOT_TABLES = {"datapackage.json", "manifest.json"}
MEDIA = {".csv": "text/csv", ".parquet": "application/vnd.apache.parquet"}
MART_OF = {
    "panel.parquet": "city_panel",
    "panel_cells.parquet": "city_panel_cells",
    "sample_attrition.csv": "sample_attrition",
    "corrections.csv": "corrections_applied",
    "quarantine.csv": "stage_quarantine",
}
KEYS = {
    "panel.parquet": ["city_id", "year"],
    "panel_cells.parquet": ["city_id", "year", "variable"],
    "sample_attrition.csv": ["city_id", "year"],
    "estimates.csv": ["study", "table", "column", "term"],
    "estimates.parquet": ["study", "table", "column", "term"],
}


def write_datapackage(folder: Path, manifest: dict[str, Any]) -> Path:
    """Describe every csv and parquet file below ``folder``."""
    tables = [f for f in sorted(folder.rglob("*")) if f.suffix in MEDIA and f.is_file()]
    units, notes = _units(folder), _descriptions()
    body = {
        "$schema": SCHEMA,
        "name": f"citycarbon-{manifest['study'].replace('_', '-')}",
        "id": manifest["id"],
        "title": title(manifest),
        "description": "Panel, estimates and records of one release; how to trace and verify a number: report/index.html.",
        "version": manifest["code"]["project_version"],
        "licenses": [{"name": "other", "title": "Each source's own terms, see sources; the project's code is under MIT"}],
        "sources": [_source(d) for d in manifest["records"]],
        "resources": [_resource(f, folder, units, notes) for f in tables],
    }
    return write_json(folder / "datapackage.json", body)


def title(manifest: dict[str, Any]) -> str:
    """The release's title; SYNTHETIC stands in it where the sources are."""
    return f"{'SYNTHETIC DATA: ' if manifest['synthetic'] else ''}citycarbon release, study {manifest['study']}"


def _source(drop: dict[str, Any]) -> dict[str, Any]:
    said = {"title": f"{drop['title']}, edition {drop['edition']}", "path": drop["url"], "version": drop["edition"]}
    said |= {k: drop[k] for k in ("licence", "redistributable", "citation", "synthetic")}
    return {k: v for k, v in said.items() if v is not None}


def _resource(file: Path, folder: Path, units: dict[str, str], notes: dict[str, dict[str, str]]) -> dict[str, Any]:
    path = file.relative_to(folder).as_posix()
    schema: dict[str, Any] = {"fields": [_field(n, t, path, units, notes) for n, t in _columns(file)]}
    if path in KEYS:
        schema["primaryKey"] = KEYS[path]
    # A table in lineage/ may differ between two runs of one id; then its size and hash stand in the manifest alone.
    exact = {} if may_differ(path) else {"bytes": file.stat().st_size, "hash": f"sha256:{file_sha256(file)}"}
    return {
        "name": re.sub(r"[^a-z0-9._-]+", "-", path.lower().replace("/", "-")),
        "path": path,
        "type": "table",
        "format": file.suffix[1:],
        "mediatype": MEDIA[file.suffix],
        "encoding": "utf-8",
        **exact,
        "schema": schema,
    }


def _columns(file: Path) -> list[tuple[str, str]]:
    """(name, Frictionless type) of each column; a csv's types are inferred from its values."""
    import pyarrow.parquet as pq
    from pyarrow import csv

    schema = pq.read_schema(file) if file.suffix == ".parquet" else csv.read_csv(file, convert_options=_typed(file)).schema
    return [(f.name, _type(f.type)) for f in schema]


def _typed(file: Path) -> Any:
    """Codes are text, whatever their digits suggest."""
    import pyarrow as pa
    from pyarrow import csv

    text = ("city_id", "column", "place", "place_id", "place_code", "province_id")
    return csv.ConvertOptions(column_types={c: pa.string() for c in text}, strings_can_be_null=True)


def _type(kind: Any) -> str:
    import pyarrow as pa

    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_list(kind):
        return "array"
    return "object" if pa.types.is_struct(kind) else "date" if pa.types.is_date(kind) else "string"


def _field(name: str, kind: str, path: str, units: dict[str, str], notes: dict[str, dict[str, str]]) -> dict[str, Any]:
    said = {"name": name, "type": kind}
    if path == "panel.parquet" and units.get(name):
        said["unit"] = units[name]
    description = notes.get(MART_OF.get(path, ""), {}).get(name)
    return said | ({"description": description} if description else {})


def _units(folder: Path) -> dict[str, str]:
    """Unit of each panel variable, as its cells state it."""
    import pyarrow.parquet as pq

    cells = pq.read_table(folder / "panel_cells.parquet", columns=["variable", "unit"]).to_pandas().drop_duplicates()
    return {v: " or ".join(sorted(set(u.dropna()))) for v, u in cells.groupby("variable")["unit"]}


def _descriptions() -> dict[str, dict[str, str]]:
    """Model -> column -> description, from the documentation of dbt_project's models."""
    from citycarbon import yaml_text

    found: dict[str, dict[str, str]] = {}
    for file in sorted((DBT_PROJECT / "models").rglob("*.yml")):
        for model in (yaml_text.load(file.read_text(encoding="utf-8")) or {}).get("models") or []:
            columns = model.get("columns") or []
            found[model["name"]] = {c["name"]: " ".join(c["description"].split()) for c in columns if c.get("description")}
    return found
