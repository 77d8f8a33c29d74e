"""Where things lie: the project's own folders and the layout below CITYCARBON_HOME. No reading or writing here."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[1]
DBT_PROJECT = PROJECT_ROOT / "dbt_project"
STUDIES = PROJECT_ROOT / "studies"
LOCK_FILE = PROJECT_ROOT / "requirements.lock"


@dataclass(frozen=True)
class Home:
    """The layout below one CITYCARBON_HOME. Every path is absolute; folders are made by whoever writes."""

    root: Path

    @property
    def landing(self) -> Path:
        """What people drop: ``<source>/<edition>/``."""
        return self.root / "landing"

    @property
    def snapshots(self) -> Path:
        """Immutable copies of the files taken in, named by their sha256."""
        return self.root / "snapshots"

    @property
    def raw(self) -> Path:
        """``<source>.parquet``: one row per observed number; ``quarantine/<source>.parquet``: what could not be read."""
        return self.root / "raw"

    @property
    def dbt_state(self) -> Path:
        """dbt's scratch: its database file, target folder and logs."""
        return self.root / "dbt"

    def marts(self, study: str) -> Path:
        """The marts of one study: ``city_panel.parquet``, ``city_panel_cells.parquet``, ``sample_attrition.parquet`` ..."""
        return self.root / "marts" / study

    def results(self, study: str) -> Path:
        """Estimates and tables of the run in progress, before they become a release."""
        return self.root / "results" / study

    @property
    def releases(self) -> Path:
        return self.root / "releases"

    @property
    def dagster_home(self) -> Path:
        return self.root / "dagster"

    @property
    def lock(self) -> Path:
        """One writer at a time: held by every command that writes."""
        return self.root / ".lock"


def resolve_home(given: str | os.PathLike[str] | None = None) -> Home:
    """The home named by ``given``, else by CITYCARBON_HOME, else ``data`` in the project folder."""
    return Home(Path(given or os.environ.get("CITYCARBON_HOME") or PROJECT_ROOT / "data").resolve())
