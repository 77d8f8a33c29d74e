"""Reads the few rows that a trace needs out of a release, or out of a run's marts where no release holds them yet."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from citycarbon.errors import UsageError
from citycarbon.paths import Home

if TYPE_CHECKING:
    import duckdb

    from citycarbon.study import Study


@dataclass(frozen=True)
class Store:
    """The files behind a trace. ``release`` is None where they are the marts of a run that made no release."""

    home: Home
    panel: Path
    cells: Path
    raw: tuple[Path, ...]
    release: Path | None
    study: str

    @classmethod
    def open(cls, home: Home, release: str | Path | None = None) -> Store:
        """The store of a release (None: the latest). Without any release, the marts of the one study that has been run.

        Raises UsageError where there is nothing to trace in.
        """
        from citycarbon.release.pointers import find_release, list_releases

        if release is None and not list_releases(home):
            return cls._of_marts(home)
        folder = find_release(home, release)
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        raw = (folder / "lineage" / "raw_rows.parquet",)
        return cls(home, folder / "panel.parquet", folder / "panel_cells.parquet", raw, folder, manifest["study"])

    @classmethod
    def _of_marts(cls, home: Home) -> Store:
        found = sorted((home.root / "marts").glob("*/city_panel_cells.parquet"))
        if len(found) != 1:
            raise UsageError("this home holds no release and not exactly one study's marts. Run 'citycarbon run' first.")
        marts = found[0].parent
        raw = tuple(sorted(home.raw.glob("*.parquet")))
        return cls(home, marts / "city_panel.parquet", found[0], raw, None, marts.name)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        if self.release is None:
            return {}
        return json.loads((self.release / "manifest.json").read_text(encoding="utf-8"))

    @cached_property
    def study_spec(self) -> dict[str, Any]:
        """The resolved study; of the study's own file where the store is no release."""
        from citycarbon import yaml_text
        from citycarbon.paths import STUDIES

        path = (self.release or STUDIES / self.study) / "study.yaml"
        return yaml_text.load(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def load_study(self) -> Study:
        """The study as the release resolved it."""
        from citycarbon.study import load_study

        return load_study(self.release / "study.yaml" if self.release else self.study)

    def descriptive_variables(self, table: str) -> list[str]:
        """The variables that a descriptive table of the study describes; empty where it has no such table."""
        spec = self.study_spec.get("tables", {}).get(table, {})
        return spec["variables"] if spec.get("kind") == "descriptives" else []

    @property
    def did_column(self) -> str | None:
        """The panel's name of the study's own treatment dummy."""
        name = f"did_{self.study_spec.get('treatment', {}).get('policy')}"
        return name if name in self.columns else None

    @cached_property
    def checks(self) -> list[dict[str, Any]]:
        """The checks that the panel of the release went through."""
        path = self.release / "checks.json" if self.release else None
        return json.loads(path.read_text(encoding="utf-8"))["checks"] if path and path.is_file() else []

    @cached_property
    def corrections(self) -> list[dict[str, str]]:
        """The declared corrections that were applied."""
        import csv

        path = self.release / "corrections.csv" if self.release else None
        if path is None or not path.is_file():
            return []
        with path.open(encoding="utf-8", newline="") as handle:
            return list(csv.DictReader(handle))

    @cached_property
    def columns(self) -> list[str]:
        """The panel's columns."""
        import pyarrow.parquet as pq

        return pq.read_schema(self.panel).names

    @cached_property
    def variables(self) -> list[str]:
        """The variables that have cells."""
        return [
            r["variable"] for r in self._query("select distinct variable from read_parquet(?) order by 1", [str(self.cells)])
        ]

    @cached_property
    def cities(self) -> dict[str, str]:
        """city_id -> name."""
        rows = self._query("select distinct city_id, city_name from read_parquet(?) order by 1", [str(self.panel)])
        return {r["city_id"]: r["city_name"] for r in rows}

    @cached_property
    def years(self) -> list[int]:
        return [r["year"] for r in self._query("select distinct year from read_parquet(?) order by 1", [str(self.panel)])]

    def cells_of(self, city_id: str, year: int) -> dict[str, dict[str, Any]]:
        """variable -> cell (value, unit, formula, flag, inputs) of one city-year."""
        sql = "select variable, value, unit, formula, flag, inputs from read_parquet(?) where city_id = ? and year = ?"
        return {r["variable"]: r for r in self._query(sql, [str(self.cells), city_id, year])}

    def panel_row(self, city_id: str, year: int) -> dict[str, Any]:
        rows = self._query("select * from read_parquet(?) where city_id = ? and year = ?", [str(self.panel), city_id, year])
        return rows[0] if rows else {}

    def raw_rows(self, ids: list[str]) -> dict[str, dict[str, Any]]:
        """raw_id -> raw row. Where two editions hold the same file, the later edition's row stands."""
        if not ids or not self.raw:
            return {}
        sql = (
            "select * from read_parquet(?, union_by_name = true) where list_contains(?, raw_id) "
            "order by raw_id, edition_year nulls first, edition"
        )
        return {r["raw_id"]: r for r in self._query(sql, [[str(p) for p in self.raw], ids])}

    def estimates(self) -> list[dict[str, Any]]:
        """The rows of ``estimates.csv``; empty where the store is no release."""
        if self.release is None:
            return []
        from citycarbon.econometrics.contract import read_estimates

        return read_estimates(self.release / "estimates.csv").to_dict("records")

    def files_behind(self, variables: list[str]) -> list[dict[str, Any]]:
        """variable, source, edition, file_sha256, file_name and cell count of the estimation sample, one row a file."""
        sql = """
            with recursive flat as (
                select city_id, year, variable, i.variable as given, i.raw_ids
                from (select city_id, year, variable, unnest(inputs) as i from read_parquet($cells))
            ),
            -- an input that names no raw row is a variable of the same city-year: follow it, at most eight formulas deep
            step as (
                select *, 0 as depth from flat where list_contains($variables, variable)
                union all
                select s.city_id, s.year, s.variable, f.given, f.raw_ids, s.depth + 1
                from step s join flat f on f.city_id = s.city_id and f.year = s.year and f.variable = s.given
                where coalesce(len(s.raw_ids), 0) = 0 and s.depth < 8
            ),
            used as (
                select distinct s.variable, s.city_id, s.year, unnest(s.raw_ids) as raw_id
                from step s join read_parquet($panel) p on p.city_id = s.city_id and p.year = s.year
                where p.in_sample
            )
            select u.variable, r.source, r.edition, r.file_sha256, any_value(r.file_name) as file_name, count(*) as n_cells
            from used u join read_parquet($raw, union_by_name = true) r on r.raw_id = u.raw_id
            group by all order by all
        """
        given = {"cells": str(self.cells), "panel": str(self.panel), "raw": [str(p) for p in self.raw], "variables": variables}
        return self._query(sql, given)

    @classmethod
    def describe_variables(cls, release: Path, variables: list[str]) -> list[tuple[str, str, str, str]]:
        """variable, unit, most frequent formula, and its sources with their cell counts, in the order given."""
        store = cls.open(Home(release.parent.parent), release)
        sql = """
            select variable, any_value(unit order by unit) as unit, mode(formula order by formula) as formula
            from read_parquet(?) where list_contains(?, variable) group by variable
        """
        known = {r["variable"]: r for r in store._query(sql, [str(store.cells), variables])}
        counts: dict[str, dict[str, int]] = {}
        for row in store.files_behind(variables):
            per = counts.setdefault(row["variable"], {})
            per[row["source"]] = per.get(row["source"], 0) + row["n_cells"]
        return [
            (
                v,
                known[v]["unit"] or "",
                known[v]["formula"] or "",
                ", ".join(f"{s} {n:,}" for s, n in sorted(counts.get(v, {}).items())),
            )
            for v in variables
            if v in known
        ]

    def snapshot(self, sha256: str) -> Path | None:
        """The immutable copy of a source file, where this home holds it."""
        path = self.home.snapshots / sha256
        return path if path.is_file() else None

    @cached_property
    def _link(self) -> duckdb.DuckDBPyConnection:
        """One connection for all questions to this store: opening one costs more than most answers."""
        import duckdb

        return duckdb.connect()

    def _query(self, sql: str, given: Any) -> list[dict[str, Any]]:
        result = self._link.execute(sql, given)
        names = [d[0] for d in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
