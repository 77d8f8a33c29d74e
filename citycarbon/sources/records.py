"""The record that stands beside every source file (``source.yaml``). Its fields follow what a data editor asks for."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from citycarbon import yaml_text
from citycarbon.errors import UnusableInput


class SourceRecord(BaseModel):
    """Producer, edition, licence and citation of one drop in the landing folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(description="registry id, e.g. chen_county")
    edition: str = Field(description="folder name, e.g. 2022")
    edition_year: int | None = Field(default=None, description="year that orders editions: the later one wins")
    producer: str
    title: str
    licence: str
    redistributable: Literal["yes", "no"]
    citation: str
    access_date: date | None = None
    url: str | None = None
    unit_notes: str = ""
    synthetic: bool = False
    files: dict[str, str] = Field(default_factory=dict, description="file name -> what it is, where a drop holds several")

    @classmethod
    def load(cls, path: Path) -> SourceRecord:
        """Read ``source.yaml``; raises UnusableInput naming the field."""
        try:
            data = yaml_text.load(path.read_text(encoding="utf-8"))
            return cls.model_validate(data)
        except ValidationError as err:
            first = err.errors()[0]
            raise UnusableInput(
                path,
                found=f"{'.'.join(map(str, first['loc'])) or 'record'}: {first['msg']}",
                expected="a complete source record",
                remedy="Write the record with 'citycarbon add' or complete the field by hand.",
            ) from None
        except (yaml.YAMLError, UnicodeDecodeError) as err:
            raise UnusableInput(
                path, found=f"text that is not YAML ({err})", expected="a source record", remedy="Restore the file."
            ) from None

    def dump(self, path: Path) -> None:
        text = yaml.safe_dump(self.model_dump(mode="json"), allow_unicode=True, sort_keys=False)
        path.write_text(text, encoding="utf-8")
