"""One dbt build of the tiny raw tables a session; tests read its marts and its scratch database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from tiny_raw import write_tiny_raw

from citycarbon.paths import DBT_PROJECT

BASE_VARS = {
    "study": "tiny",
    "emission_series": "ceads_city",
    "sample_variables": ["lnco2", "gov"],
    "window_start": 2003,
    "window_end": 2021,
}


@dataclass
class Warehouse:
    """A home-like folder with raw tables, marts and dbt's scratch."""

    root: Path
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def marts(self) -> Path:
        return self.root / "marts"

    @property
    def database(self) -> Path:
        return self.root / "scratch.duckdb"

    @property
    def target(self) -> Path:
        return self.root / "target"

    def dbt(self, *arguments: str, **variables: Any) -> str:
        """Run dbt on this folder; the output, or a failure with it."""
        self.marts.mkdir(parents=True, exist_ok=True)
        given = {**BASE_VARS, "raw_dir": str(self.root / "raw"), "marts_dir": str(self.marts), **variables}
        command = [str(Path(sys.executable).with_name("dbt")), *arguments, "--vars", json.dumps(given)]
        command += ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
        command += ["--target-path", str(self.target), "--log-path", str(self.root / "logs")]
        environment = {**os.environ, "CITYCARBON_DBT_DB": str(self.database), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-4000:]
        return done.stdout

    def mart(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.marts / f"{name}.parquet")

    def query(self, sql: str) -> pd.DataFrame:
        with duckdb.connect(str(self.database), read_only=True) as connection:
            return connection.execute(sql).df()

    def cell(self, city_id: str, year: int, variable: str) -> pd.Series:
        cells = self.mart("city_panel_cells")
        found = cells[(cells["city_id"] == city_id) & (cells["year"] == year) & (cells["variable"] == variable)]
        assert len(found) == 1
        return found.iloc[0]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The tiny raw tables through a whole ``dbt build``, its tests included."""
    built = Warehouse(tmp_path_factory.mktemp("dbt-tiny"))
    write_tiny_raw(built.root / "raw")
    built.dbt("build")
    return built
