"""What a study asks for beyond its tables: the models behind ``extensions`` in ``study.yaml``, one a result.

Each names the regression column that it looks at again and what is varied. Nothing is computed here.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """Unknown keys are errors, as everywhere in a study."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Target(Part):
    """Points at one regression column of the study."""

    table: str
    column: str


class Extensions(Part):
    """What is asked for; a part that is absent is not computed, and its file holds its header only."""
