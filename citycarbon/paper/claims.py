"""The sentences of a paper, each with the rule that decides it and its verdict on this panel: claims.yaml to claims.csv.

The rules themselves are in ``rules``; what a paper claims is data of its study.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from citycarbon.econometrics.contract import read_estimates, read_results
from citycarbon.errors import UsageError
from citycarbon.study.yaml_lines import Document, read_yaml

if TYPE_CHECKING:
    import pandas as pd

    from citycarbon.study import Study

COLUMNS = ("claim", "at", "sentence", "rule", "target", "verdict", "observed", "why", "also")
CITED = "cited"


class Strict(BaseModel):
    """No key that is not declared."""

    model_config = ConfigDict(extra="forbid", frozen=True)


ColumnName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+:[A-Za-z0-9_]+$")]  # table:column
Sign = Literal["negative", "positive"]


class _Claim(Strict):
    id: str
    at: str
    sentence: str


class Effect(_Claim):
    """The treatment's coefficient in ``column`` has this sign, by randomisation inference at ``level``."""

    rule: Literal["effect"]
    column: ColumnName
    sign: Sign
    level: float | None = None
    also: list[ColumnName] = []

    def told(self, claims: Claims) -> str:
        return f"the treatment in {self.column} is {self.sign}, with a randomisation p below {self.level or claims.level:g}"


class Mediation(_Claim):
    """The mediator (outcome of ``column``) responds with this sign, and a mediated share can be told from zero."""

    rule: Literal["mediation"]
    column: ColumnName
    sign: Sign

    def told(self, claims: Claims) -> str:
        responds = f"the outcome of {self.column} is {self.sign}, with a randomisation p below {claims.level:g}"
        return f"{responds}, and the interval of its mediated share lies above zero"


class EventTime(_Claim):
    """The event study's coefficients at these event times have this sign, each by randomisation inference."""

    rule: Literal["event_time"]
    event_times: list[int] = Field(min_length=1)
    sign: Sign

    def told(self, claims: Claims) -> str:
        return f"the coefficients at {self.event_times} are {self.sign}, each with a randomisation p below {claims.level:g}"


class PreTrend(_Claim):
    """The leads are jointly zero."""

    rule: Literal["pre_trend"]

    def told(self, claims: Claims) -> str:
        return f"the leads are jointly zero; refused where the randomisation p is below {claims.level:g}, never proved"


class MagnitudeGrows(_Claim):
    """The treatment's coefficient is larger in size in the second column than in the first."""

    rule: Literal["magnitude_grows"]
    first: ColumnName = Field(alias="from")
    second: ColumnName = Field(alias="to")

    def told(self, claims: Claims) -> str:
        return f"the treatment is larger in size in {self.second} than in {self.first}, by at least a standard error"


class Placebo(_Claim):
    """Few random assignments give a coefficient as large as the estimate."""

    rule: Literal["placebo"]
    column: ColumnName

    def told(self, claims: Claims) -> str:
        return f"fewer than {claims.level:g} of random assignments give {self.column} a coefficient as large"


class Difference(_Claim):
    """The effect is stronger in the high half of a split."""

    rule: Literal["difference"]
    split: str

    def told(self, claims: Claims) -> str:
        level = f"{claims.difference_level:g}"
        return f"the effect is more negative in the high half of {self.split}, with a randomisation p below {level}"


Claim = Annotated[
    Effect | Mediation | EventTime | PreTrend | MagnitudeGrows | Placebo | Difference, Field(discriminator="rule")
]


class Cited(Strict):
    """A number from elsewhere, with the source the paper names."""

    id: str
    at: str
    sentence: str
    source: str


class Claims(Strict):
    """All claims of a paper, and the levels at which they count as supported."""

    level: float = Field(gt=0, lt=1)
    difference_level: float = Field(gt=0, lt=1)
    claims: list[Claim]
    cited: list[Cited] = []


@dataclass(frozen=True)
class Findings:
    """What a run has found, as frames (empty where it has none): estimates.csv and the csv files named like the fields."""

    estimates: pd.DataFrame
    splits: pd.DataFrame = field(default_factory=lambda: _empty())
    mechanisms: pd.DataFrame = field(default_factory=lambda: _empty())
    event_study: pd.DataFrame = field(default_factory=lambda: _empty())
    placebo: pd.DataFrame = field(default_factory=lambda: _empty())
    inference: pd.DataFrame = field(default_factory=lambda: _empty())


def _empty() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame()


def load_claims(path: Path) -> Claims:
    """The claims in a yaml file. Raises UsageError naming path and line of every fault."""
    document = read_yaml(path)
    try:
        claims = Claims.model_validate(document.data)
    except ValidationError as error:
        lines = [_told(document, e) for e in error.errors()]
        raise UsageError("\n".join(dict.fromkeys(lines))) from error
    ids = [c.id for c in [*claims.claims, *claims.cited]]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise UsageError(f"{path}: the claim id '{twice[0]}' stands twice; ids must differ")
    return claims


def _told(document: Document, error: Any) -> str:
    kinds = {"effect", "mediation", "event_time", "pre_trend", "magnitude_grows", "placebo", "difference"}
    where = tuple(step for step in error["loc"] if step not in kinds)
    at = f"{document.path}, line {document.line(where)}: {'.'.join(map(str, where))}"
    if error["type"] == "extra_forbidden":
        return f"{at}: unknown key"
    if error["type"] == "missing":
        return f"{at}: this key is required and missing"
    if error["type"] == "union_tag_invalid":
        return f"{at}: rule '{error['ctx']['tag']}' is unknown; allowed are {error['ctx']['expected_tags']}"
    return f"{at}: found {error['input']!r}: {error['msg']}"


def judge_claims(claims: Claims, found: Findings) -> pd.DataFrame:
    """One row a claim, in the order of the file, cited numbers last; columns ``COLUMNS``.

    verdict: supported, not supported, contradicted, undecided, not estimable, not supplied, cited. Raises nothing on the data's
    account: what a run has not estimated is ``not supplied``.
    """
    import pandas as pd

    from citycarbon.paper.rules import judge

    rows: Iterator[dict[str, str]] = (
        {
            "claim": claim.id,
            "at": claim.at,
            "sentence": claim.sentence,
            "rule": claim.told(claims),
            **judge(claim, claims, found),
        }
        for claim in claims.claims
    )
    cited = (
        {
            "claim": c.id,
            "at": c.at,
            "sentence": c.sentence,
            "rule": "none: shown with its source, never recomputed",
            "target": c.source,
            "verdict": CITED,
            "observed": "",
            "why": "",
            "also": "",
        }
        for c in claims.cited
    )
    return pd.DataFrame([*rows, *cited], columns=list(COLUMNS))


def judge_study(study: Study, results: Path) -> pd.DataFrame:
    """The claims of the study's paper on the csv files of ``results``; no rows for a study without a paper."""
    import pandas as pd

    path = study.companion(study.published.claims) if study.published else None
    if path is None:
        return pd.DataFrame(columns=list(COLUMNS))
    found = {name: read(results / f"{name}.csv") for name, read in _readers().items() if (results / f"{name}.csv").is_file()}
    return judge_claims(load_claims(path), Findings(read_estimates(results / "estimates.csv"), **found))


def _readers() -> dict[str, Callable[[Path], pd.DataFrame]]:
    from citycarbon.econometrics.event_study import EVENT_COLUMNS
    from citycarbon.econometrics.inference_rows import INFERENCE_COLUMNS
    from citycarbon.econometrics.mechanisms import MECHANISM_COLUMNS
    from citycarbon.econometrics.placebo_summary import PLACEBO_TYPES
    from citycarbon.econometrics.splits import SPLIT_COLUMNS

    types = {
        "splits": SPLIT_COLUMNS, "mechanisms": MECHANISM_COLUMNS, "event_study": EVENT_COLUMNS, "placebo": PLACEBO_TYPES,
        "inference": INFERENCE_COLUMNS,
    }  # fmt: skip
    return {name: partial(read_results, types=kinds) for name, kinds in types.items()}
