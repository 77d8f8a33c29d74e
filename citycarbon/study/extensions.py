"""What a study asks for beyond its tables: the models behind ``extensions`` in ``study.yaml``, one a result.

Each names the regression column that it looks at again and what is varied. Nothing is computed here.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """Unknown keys are errors, as everywhere in a study."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Target(Part):
    """Points at one regression column of the study."""

    table: str
    column: str


Columns = Annotated[list[str], Field(min_length=1)]


class LargeTable(Part):
    """A regression on a table that is larger than memory: an edition of a source that holds tables, and its columns by role.

    ``unit`` and ``time``: columns whose combinations are the levels of the two fixed effects. Rows are dated like the study's
    own: 1 from the first treated year of their ``city`` (six-digit code) on, by the column ``year``. The error is clustered by
    ``cluster``. ``memory_gib`` bounds the cells of unit and time, which set what is needed, however many rows there are.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    label: str
    source: str = "large_table"
    edition: str
    outcome: str
    controls: list[str] = []
    unit: Columns
    time: Columns
    city: str = "city_id"
    year: str = "year"
    cluster: str = "city_id"
    weights: str | None = None
    memory_gib: float = Field(default=1.0, gt=0)


class Extensions(Part):
    """What is asked for; a part that is absent is not computed, and its file holds its header only."""

    large_tables: list[LargeTable] = []
