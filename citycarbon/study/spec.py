"""What a study is: the pydantic models behind ``study.yaml``. Unknown keys are errors; defaults are few and visible here."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr

from citycarbon.errors import UsageError
from citycarbon.paths import STUDIES, Home
from citycarbon.study.dictionary import KEYS, VARIABLES, Variable, policies_with_a_list, suggestion
from citycarbon.study.extensions import Extensions, Inference

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


def _known_control(name: str) -> str:
    return name if name.startswith(POLICY_DUMMY) else _known_variable(name)


def _known_filter(name: str) -> str:
    return name if name.startswith((POLICY_DUMMY, POLICY_YEAR)) else _known_column(name)


POLICY_DUMMY, POLICY_YEAR = "did_", "first_year_"  # the panel's columns of a policy: did_low_carbon, first_year_low_carbon
LIST_MARK = "__"  # between a policy and one of its published lists: did_low_carbon__list_of_92
VariableName = Annotated[str, AfterValidator(_known_variable)]
ControlName = Annotated[str, AfterValidator(_known_control)]
FilterName = Annotated[str, AfterValidator(_known_filter)]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]
# did: the study's policy. did_lag1: a year later. did_ever: 1 in every year of a city that ever adopts. did_literal: the same
# for cities that adopt after ``literal_after`` only (a reading of the paper's section 3.2, for the audit).
TreatmentTerm = Literal["did", "did_lag1", "did_ever", "did_literal"]


def listed_policy(policy: str, list_id: str) -> str:
    """A policy dated by one of its published lists, as the panel's columns name it."""
    return f"{policy}{LIST_MARK}{list_id}"


def is_of_a_list(column: str) -> bool:
    """Whether a column of the panel dates a policy by a published list and not by the sourced one."""
    return column.startswith((POLICY_DUMMY, POLICY_YEAR)) and LIST_MARK in column


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


class PolicyListFound(Strict):
    """A list of the policy's cities as somebody published it: an edition of the source ``policy_list``, errors and all.

    Its years are taken as printed; the study's year and sub-city rules are those of the sourced list.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")]  # part of the names of panel columns
    edition: str = Field(min_length=1)
    label: str


class Treatment(Strict):
    """The policy and the rules that date and place it; ``lists``: other lists that columns may be dated by."""

    policy: Identifier
    year_rule: Literal["announcement", "first_full_year"]
    subcity_rule: Literal["treat", "exclude", "never"]
    literal_after: int | None = None  # the audit variant did_literal counts cities that adopt after this year
    lists: list[PolicyListFound] = []


class Window(Strict):
    first: int
    last: int


class Condition(Strict):
    """One condition of a sample filter on a panel column: unit_kind ne municipality.

    A missing value satisfies none but ``is_missing``; ``is_missing`` and ``is_present`` take no value.
    """

    variable: FilterName
    op: Literal["eq", "ne", "lt", "le", "gt", "ge", "in", "not_in", "is_missing", "is_present"]
    value: str | int | float | list[str | int | float] | None = None

    def __str__(self) -> str:
        return f"{self.variable} {self.op}" if self.value is None else f"{self.variable} {self.op} {self.value}"


class Half(Strict):
    """One half of a split of the cities that the study declares."""

    split: Identifier
    group: Literal["low", "high"]


class Exposure(Strict):
    """A law that holds everywhere from ``year`` on, by how much a city was exposed: its mean of ``variable`` before, x post."""

    variable: VariableName
    year: int

    @property
    def term(self) -> str:
        return f"{self.variable}_x_post{self.year}"


class Column(Strict):
    """One regression column. Nothing is inherited: what the column estimates stands in the column."""

    id: Identifier
    label: str
    outcome: VariableName
    treatment: TreatmentTerm
    controls: list[ControlName]
    fixed_effects: tuple[Literal["city", "province"], Literal["year"]]
    filter: list[Condition] = []
    # did_lag1 only. calendar: from the policy's dates, no row is lost. previous_year: did of the sample's row of the year
    # before, missing where there is none (Stata's L.). previous_row: of the city's row before, whatever its year (a shift).
    lag_rule: Literal["calendar", "previous_year", "previous_row"] = "calendar"
    half: Half | None = None
    matching: Identifier | None = None  # id of one of the study's matchings: the column keeps the matched sample
    exposures: list[Exposure] = []
    winsorise: float = Field(default=0.0, ge=0.0, lt=0.5)  # share of the column's rows held at each end
    estimator: Literal["twfe", "dr_did"] = "twfe"  # dr_did: doubly robust, Callaway-Sant'Anna, never treated as controls
    # study: the rows of in_sample, the same for all columns. own: every row of the study's units and years on which this
    # column's own variables are complete, whatever the study's other variables are.
    rows: Literal["study", "own"] = "study"
    dated_by: Identifier | None = None  # id of one of treatment.lists, by which the treatment is then dated

    @property
    def terms(self) -> list[str]:
        """Treatment, controls and exposures, in the order in which they are printed."""
        return [self.treatment, *self.controls, *(e.term for e in self.exposures)]


class RegressionTable(Strict):
    kind: Literal["regression"]
    title: str
    columns: list[Column] = Field(min_length=1)
    variants: bool = False  # a table of other readings: it stands behind the headline tables and draws fewer placebos

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
    """Random reassignment of the treatment: explicit seed; draws of a headline column, of a variant, and those shown."""

    seed: int
    draws: int = Field(gt=0)
    draws_variants: int = Field(default=9999, gt=0)
    draws_shown: int = Field(gt=0)


class Split(Strict):
    """A two-way split.

    ``median``: city mean of ``variable`` before ``year``, cut at the median over cities, ties low. ``threshold``: the same
    mean, high above ``cut``. ``adopted``: high where the city has one (``any``) or all of ``policies`` by ``year``. ``level``
    row: the row's own value, cut at the median over rows, so that a city can stand in both halves.
    """

    id: Identifier
    label: str
    criterion: Literal["median", "threshold", "adopted"]
    variable: VariableName | None = None
    cut: float | None = None
    policies: list[Identifier] = []
    combine: Literal["any", "all"] = "any"
    year: int
    level: Literal["city", "row"] = "city"


class Matching(Strict):
    """How cities are matched before a regression (psmatch2's vocabulary); the outcome is never in the score.

    ``timing``: what is matched: all rows together (``pooled``, treated = ever treated), the rows of each year (``yearly``), the
    rows of ``year`` (``base_year``), city means before ``year`` (``pre_mean``); the last two keep the matched cities' panels.
    """

    id: Identifier
    label: str
    covariates: list[VariableName] = Field(min_length=1)
    timing: Literal["pooled", "yearly", "base_year", "pre_mean"]
    year: int | None = None
    score: Literal["logit", "firth"] = "logit"
    method: Literal["nearest", "kernel"] = "nearest"
    neighbours: int = Field(default=1, ge=1)
    caliper: float | None = Field(default=None, gt=0)  # on the probability, absolute
    bandwidth: float = Field(default=0.06, gt=0)  # Epanechnikov kernel
    weighted: bool = False  # regress with the matching weights instead of the matched rows alike


class StarFloor(Strict):
    """After matching no star below these: residual degrees of freedom, and matched treated cities."""

    residual_df: int = 30
    treated_cities: int = 5


class Figures(Strict):
    """What the figures show: the year of the map (default: the last year with values), the column of the placebo figure."""

    map_year: int | None = None


class Published(Strict):
    """The printed numbers of the paper that the study re-estimates: files beside ``study.yaml``."""

    coefficients: str
    descriptives: str
    design: str
    claims: str
    terms: dict[str, str] = {}  # printed term -> ours, where it is not the label of a variable


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
    matchings: list[Matching] = []
    star_floor: StarFloor = StarFloor()
    figures: Figures = Figures()
    extensions: Extensions | None = None
    published: Published | None = None

    _path: Path | None = PrivateAttr(default=None)

    @property
    def path(self) -> Path | None:
        """The ``study.yaml`` that this study was loaded from, where it was loaded from a file."""
        return self._path

    def companion(self, name: str) -> Path:
        """A file beside ``study.yaml``. Raises UsageError where it is missing."""
        path = (self._path.parent if self._path else STUDIES / self.study) / name
        if not path.is_file():
            raise UsageError(f"study {self.study}: {name} is named in study.yaml and missing beside it ({path.parent})")
        return path

    @property
    def did_column(self) -> str:
        """The panel column that holds the treatment dummy of this study's policy."""
        return f"did_{self.treatment.policy}"

    def policy_of(self, column: Column) -> str:
        """The policy as the panel's columns name it (``first_year_``, ``did_``): of the column's list where it has one."""
        policy = self.treatment.policy
        return listed_policy(policy, column.dated_by) if column.dated_by else policy

    def policy_list(self, list_id: str) -> PolicyListFound:
        """The published list with this id. Raises KeyError where there is none."""
        return {found.id: found for found in self.treatment.lists}[list_id]

    def panel_column(self, name: str) -> str:
        """The panel's name of a variable as the study names it: ``did`` is the dummy of the study's policy."""
        return self.did_column if name == "did" else name

    def variable(self, name: str) -> Variable:
        """Label, unit and transform of a variable as declared in the dictionary."""
        return VARIABLES[name]

    def split(self, split_id: str) -> Split:
        """The split with this id. Raises KeyError where there is none."""
        return {s.id: s for s in self.splits}[split_id]

    def matching(self, matching_id: str) -> Matching:
        """The matching with this id. Raises KeyError where there is none."""
        return {m.id: m for m in self.matchings}[matching_id]

    @property
    def inference(self) -> Inference:
        """What the inference table asks for; its defaults where the study says nothing."""
        return self.extensions.inference if self.extensions else Inference()

    def policies_named(self) -> list[str]:
        """Every policy that a filter, a control or a split of this study rests on, its own first."""
        names = [self.treatment.policy, *(p for s in self.splits for p in s.policies)]
        for table in self.regression_tables().values():
            for column in table.columns:
                for name in [*column.controls, *(c.variable for c in column.filter)]:
                    for mark in (POLICY_DUMMY, POLICY_YEAR):
                        if name.startswith(mark):
                            names.append(name.removeprefix(mark))
        return list(dict.fromkeys(names))

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
            "policies": list(dict.fromkeys([*policies_with_a_list(), *self.policies_named()])),
            "policy_lists": [
                {"name": listed_policy(self.treatment.policy, found.id), "edition": found.edition}
                for found in self.treatment.lists
            ],
        }

    def resolved(self) -> dict[str, Any]:
        """The whole spec as plain JSON values, every default written out."""
        return self.model_dump(mode="json")

    def column_spec(self, table: str, column_id: str) -> dict[str, Any]:
        """Everything that decides what one column estimates, and nothing that only decides how it looks (labels, titles)."""
        column = self.column(table, column_id)
        shared = self.model_dump(
            mode="json",
            include={"outcome", "treatment", "window", "unit_kinds", "gdp_base_year", "sample_variables", "cluster"},
        )
        spec: dict[str, Any] = {"column": column.model_dump(mode="json", exclude={"id", "label"}), "study": shared}
        if column.half:
            spec["split"] = self.split(column.half.split).model_dump(mode="json", exclude={"id", "label"})
        if column.matching:
            spec["matching"] = self.matching(column.matching).model_dump(mode="json", exclude={"id", "label"})
        return spec

    def spec_id(self, table: str, column_id: str) -> str:
        """First 16 hex digits of the sha256 of the canonical JSON of :meth:`column_spec`."""
        canonical = json.dumps(self.column_spec(table, column_id), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:16]
