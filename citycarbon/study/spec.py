"""What a study is: the pydantic models behind ``study.yaml``. Unknown keys are errors; defaults are few and visible here."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr

from citycarbon.paths import Home
from citycarbon.study.dictionary import KEYS, VARIABLES, Variable, suggestion

Series = Literal["chen_county", "ceads_city", "edgar_city"]
UnitKind = Literal["municipality", "prefecture_city", "other_prefecture"]
Effect = Literal["city", "province", "year"]


def _known_variable(name: str) -> str:
    if name not in VARIABLES:
        raise ValueError(f"unknown variable '{name}'{suggestion(name, VARIABLES)} Allowed: {', '.join(VARIABLES)}")
    return name


def _known_column(name: str) -> str:
    if name not in VARIABLES and name not in KEYS:
        raise ValueError(
            f"unknown column '{name}'{suggestion(name, [*VARIABLES, *KEYS])} Allowed: {', '.join([*KEYS, *VARIABLES])}"
        )
    return name


VariableName = Annotated[str, AfterValidator(_known_variable)]
FilterName = Annotated[str, AfterValidator(_known_column)]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]


class Strict(BaseModel):
    """No key that is not declared, no change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Splice(Strict):
    """Two emission series joined: ``first`` before ``year``, ``second`` from ``year`` on."""

    first: Series
    second: Series
    year: int


class Outcome(Strict):
    """The headline outcome, the emission series behind it, its unit and transform (as in the dictionary)."""

    variable: VariableName
    series: Literal["chen_county", "ceads_city", "edgar_city", "spliced"]
    unit: str
    transform: str
    splice: Splice | None = None


class Treatment(Strict):
    """The policy and the rules that date and place it."""

    policy: Identifier
    year_rule: Literal["announcement", "first_full_year"]
    subcity_rule: Literal["treat", "exclude", "never"]


class Window(Strict):
    first: int
    last: int


class Condition(Strict):
    """One condition of a sample filter on a panel column: unit_kind ne municipality. A missing value never satisfies it."""

    variable: FilterName
    op: Literal["eq", "ne", "lt", "le", "gt", "ge", "in", "not_in"]
    value: str | int | float | list[str | int | float]

    def __str__(self) -> str:
        return f"{self.variable} {self.op} {self.value}"


class Column(Strict):
    """One regression column. Nothing is inherited: what the column estimates stands in the column."""

    id: Identifier
    label: str
    outcome: VariableName
    treatment: Literal["did"]
    controls: list[VariableName]
    fixed_effects: tuple[Literal["city", "province"], Literal["year"]]
    filter: list[Condition] = []


class RegressionTable(Strict):
    kind: Literal["regression"]
    title: str
    columns: list[Column] = Field(min_length=1)

    def column(self, column_id: str) -> Column:
        """The column with this id. Raises KeyError where there is none."""
        return {c.id: c for c in self.columns}[column_id]


class SampleOf(Strict):
    """Points at the regression column whose rows a descriptive table describes."""

    table: str
    column: str


class DescriptiveTable(Strict):
    kind: Literal["descriptives"]
    title: str
    sample_of: SampleOf
    variables: list[VariableName] = Field(min_length=1)


class AttritionTable(Strict):
    kind: Literal["attrition"]
    title: str


Table = Annotated[RegressionTable | DescriptiveTable | AttritionTable, Field(discriminator="kind")]


class EventStudy(Strict):
    """Event time relative to the first treated year; ``bin_ends`` puts everything beyond the ends into the end dummies."""

    first: int
    last: int
    base: int
    bin_ends: bool


class Placebo(Strict):
    """Random reassignment of the treatment: explicit seed, the draws of the result, and those shown for comparability."""

    seed: int
    draws: int = Field(gt=0)
    draws_shown: int = Field(gt=0)


class Split(Strict):
    """A two-way split of the cities. ``median``: city mean before ``year``, ties low; ``adopted``: policy by ``year``."""

    id: Identifier
    label: str
    criterion: Literal["median", "adopted"]
    variable: VariableName | None = None
    policy: Identifier | None = None
    year: int


class Study(Strict):
    """The resolved spec of one study."""

    study: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    title: str
    description: str = ""
    outcome: Outcome
    treatment: Treatment
    window: Window
    unit_kinds: list[UnitKind] = Field(min_length=1)
    gdp_base_year: int
    controls: list[VariableName]
    sample_variables: list[VariableName] = Field(min_length=1)
    fixed_effects: tuple[Literal["city", "province"], Literal["year"]]
    cluster: Literal["city"]
    tables: dict[Identifier, Table] = Field(min_length=1)
    event_study: EventStudy | None = None
    placebo: Placebo | None = None
    splits: list[Split] = []

    _path: Path | None = PrivateAttr(default=None)

    @property
    def path(self) -> Path | None:
        """The ``study.yaml`` that this study was loaded from, where it was loaded from a file."""
        return self._path

    @property
    def did_column(self) -> str:
        """The panel column that holds the treatment dummy of this study's policy."""
        return f"did_{self.treatment.policy}"

    def panel_column(self, name: str) -> str:
        """The panel's name of a variable as the study names it: ``did`` is the dummy of the study's policy."""
        return self.did_column if name == "did" else name

    def variable(self, name: str) -> Variable:
        """Label, unit and transform of a variable as declared in the dictionary."""
        return VARIABLES[name]

    def regression_tables(self) -> dict[str, RegressionTable]:
        """The tables that are estimated, in the order of the file."""
        return {name: table for name, table in self.tables.items() if isinstance(table, RegressionTable)}

    def column(self, table: str, column_id: str) -> Column:
        """One regression column. Raises KeyError where the study has no such table or column."""
        return self.regression_tables()[table].column(column_id)

    def dbt_vars(self, home: Home) -> dict[str, Any]:
        """The vars of the dbt project for this study below ``home`` (names: docs/architecture.md); paths are absolute text."""
        splice = self.outcome.splice
        return {
            "study": self.study,
            "marts_dir": str(home.marts(self.study)),
            "raw_dir": str(home.raw),
            "window_start": self.window.first,
            "window_end": self.window.last,
            "emission_series": self.outcome.series,
            "splice_first": splice.first if splice else "",
            "splice_second": splice.second if splice else "",
            "splice_year": splice.year if splice else 0,
            "year_rule": self.treatment.year_rule,
            "subcity_rule": self.treatment.subcity_rule,
            "gdp_base_year": self.gdp_base_year,
            "sample_variables": list(self.sample_variables),
            "unit_kinds": list(self.unit_kinds),
            "treatment_policy": self.treatment.policy,
        }

    def resolved(self) -> dict[str, Any]:
        """The whole spec as plain JSON values, every default written out."""
        return self.model_dump(mode="json")

    def column_spec(self, table: str, column_id: str) -> dict[str, Any]:
        """Everything that decides what one column estimates, and nothing that only decides how it looks (labels, titles)."""
        column = self.column(table, column_id).model_dump(mode="json", exclude={"id", "label"})
        shared = self.model_dump(
            mode="json",
            include={"outcome", "treatment", "window", "unit_kinds", "gdp_base_year", "sample_variables", "cluster"},
        )
        return {"column": column, "study": shared}

    def spec_id(self, table: str, column_id: str) -> str:
        """First 16 hex digits of the sha256 of the canonical JSON of :meth:`column_spec`."""
        canonical = json.dumps(self.column_spec(table, column_id), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:16]
