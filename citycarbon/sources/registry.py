"""The source registry: what each source is and who reads it. Knows ``registry.yaml``, no landing folder, no file format."""

from __future__ import annotations

import difflib
import importlib
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from citycarbon import yaml_text
from citycarbon.errors import UsageError

REGISTRY_FILE = Path(__file__).with_name("registry.yaml")

BoundaryBasis = Literal["fixed", "as_of_year", "county_2010", "province", "own_value", "none"]
Access = Literal["public", "registration", "licensed"]
Level = Literal["county", "city", "province"]


class Coverage(BaseModel):
    """First and last data year of the published editions (None: open or set by the edition), and what to know about gaps."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first_year: int | None = None
    last_year: int | None = None
    note: str

    def covers(self, year: int) -> bool:
        """False where the published editions cannot hold ``year``."""
        return (self.first_year is None or year >= self.first_year) and (self.last_year is None or year <= self.last_year)


class SourceEntry(BaseModel):
    """One registered source. ``files`` and ``companions`` are shell patterns, matched without regard to case."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    title: str
    reader: str = Field(description="module in citycarbon.sources")
    files: tuple[str, ...] = Field(description="patterns of the files that are read")
    companions: tuple[str, ...] = Field(default=(), description="patterns of files that describe the read ones")
    holds: Literal["numbers", "table"] = Field(
        default="numbers", description="numbers: a raw row each; table: rows that are added up where they lie, never copied"
    )
    one_batch: bool = Field(default=False, description="many small files: an edition is read and cached as one")
    level: Level
    boundary_basis: BoundaryBasis
    access: Access
    coverage: Coverage
    ledger: tuple[str, ...] = ()
    unused_in_baseline: tuple[str, ...] = Field(default=(), description="indicators loaded but used by no baseline table")
    producer: str
    citation: str
    licence: str
    redistributable: Literal["yes", "no"]
    url: str | None = None

    @property
    def is_slot(self) -> bool:
        """True where the user must bring the file under a licence of their own."""
        return self.access == "licensed"

    def is_companion(self, name: str) -> bool:
        return _matches(name, self.companions)

    def is_data(self, name: str) -> bool:
        return _matches(name, self.files) and not self.is_companion(name)

    def reader_module(self) -> ModuleType:
        return importlib.import_module(f"citycarbon.sources.{self.reader}")


class NamedOnly(BaseModel):
    """A source or policy that the literature names and that is off here: no reader, no dated list, nothing in its place."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    kind: Literal["source", "policy"]
    title: str
    how_to_supply: str
    ledger: tuple[str, ...] = ()
    enabled: Literal[False] = False


class Registry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: dict[str, SourceEntry]
    named_only: tuple[NamedOnly, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _name_entries(cls, data: dict) -> dict:
        return {**data, "sources": {key: {"id": key, **entry} for key, entry in data["sources"].items()}}

    @property
    def numbers(self) -> dict[str, SourceEntry]:
        """The sources whose files become raw rows, in order."""
        return {name: entry for name, entry in self.sources.items() if entry.holds == "numbers"}

    def get(self, source: str) -> SourceEntry:
        """The entry of ``source``; raises UsageError naming the registered ids."""
        if source in self.sources:
            return self.sources[source]
        near = difflib.get_close_matches(source, self.sources, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise UsageError(f"'{source}' is not a registered source.{hint} Registered: {', '.join(self.sources)}.")


@cache
def load_registry(path: Path = REGISTRY_FILE) -> Registry:
    """The registry of ``path``, in the order of the file."""
    return Registry.model_validate(yaml_text.load(path.read_text(encoding="utf-8")))


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    base = name.rsplit("/", 1)[-1].lower()
    return any(fnmatchcase(base, pattern.lower()) for pattern in patterns)
