"""The other policies of a study: what ``other_policies.yaml`` beside its ``study.yaml`` says about them. Data, no estimation.

Which city adopted what and when stands in the policy list; here are labels, national laws, and policies without a list.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from citycarbon.errors import UsageError
from citycarbon.study.spec import Identifier, Study
from citycarbon.study.yaml_lines import read_yaml

FILE = "other_policies.yaml"


class OtherPolicy(BaseModel):
    """One policy beside the studied one.

    ``kind``: ``cities`` adopt it by a list, ``national`` laws hold everywhere from ``year`` on, ``named`` ones have no list of
    adopters and are off. ``list``: whether the list of adopting cities is known to be complete.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    policy: Identifier
    label: str
    kind: Literal["cities", "national", "named"] = "cities"
    list: Literal["complete", "incomplete", "none"] = "complete"
    year: int | None = None
    source: str = ""
    note: str = ""


class _Registry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    policies: list[OtherPolicy] = Field(min_length=1)


def other_policies(study: Study) -> list[OtherPolicy]:
    """The registered policies of ``study`` in the order of the file; none where the study has no such file."""
    path = study.path.parent / FILE if study.path else None
    return load_other_policies(path) if path and path.is_file() else []


def policy_label(study: Study, policy: str) -> str:
    """What a reader calls ``policy``: its label in ``other_policies.yaml``, else its id in words."""
    return next((p.label for p in other_policies(study) if p.policy == policy), policy.replace("_", " "))


def load_other_policies(path: Path) -> list[OtherPolicy]:
    """Read ``other_policies.yaml``. Raises UsageError (exit 2) naming path and line of every fault."""
    document = read_yaml(path)
    try:
        policies = _Registry.model_validate(document.data).policies
    except ValidationError as error:
        lines = [
            f"{path}, line {document.line(e['loc'])}: {'.'.join(map(str, e['loc']))}: {_told(e['type'], e['msg'], e['input'])}"
            for e in error.errors()
        ]
        raise UsageError("\n".join(lines)) from error
    for i, policy in enumerate(policies):
        where = f"{path}, line {document.line(('policies', i))}: policies.{i}"
        if [p.policy for p in policies[:i]].count(policy.policy):
            raise UsageError(f"{where}: the policy '{policy.policy}' stands twice")
        if policy.kind == "national" and policy.year is None:
            raise UsageError(f"{where}: kind 'national' needs the key 'year' (from which the law holds everywhere)")
    return policies


def _told(kind: str, message: str, found: object) -> str:
    if kind == "missing":
        return "this key is required and missing"
    return "unknown key" if kind == "extra_forbidden" else f"found {found!r}: {message}"
