"""What a paper says of its design and claims: the pydantic models behind ``<stem>.design.yaml``. Unknown keys are errors.

Every key is optional: a rule that needs one that is absent says ``not_applicable``. The file is data about one paper;
docs/forensics.md explains every key, studies/ai_pilot/published.design.yaml is a full example.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _as_text(value: Any) -> Any:
    """Table and column ids are text; yaml reads 2 as a number."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Text = Annotated[str, BeforeValidator(_as_text)]


class Strict(BaseModel):
    """No key that is not declared, no change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Ref(Strict):
    """One column of one table, named as in the csv."""

    table: Text
    column: Text


class Panel(Strict):
    """Units and years that the paper says it covers; ``unit`` names one of them in sentences."""

    units: int | None = Field(default=None, gt=0)
    unit: str = "unit"
    first_year: int
    last_year: int

    @property
    def years(self) -> int:
        return self.last_year - self.first_year + 1


class Cohort(Strict):
    """Units first treated in the same year."""

    year: int
    units: int = Field(gt=0)
    names: list[str] = []


class OtherRule(Strict):
    """A second wording of the treatment rule: units that start ``after`` a year (all where None), in every year or from it."""

    where: str
    quote: str = ""
    after: int | None = None
    years: Literal["all", "from_first_year"] = "all"


class Treatment(Strict):
    """Who is treated when. The dummy ``term`` is 1 from a cohort's year on (``where`` the paper says so)."""

    term: str = "did"
    where: str = "the text"
    cohorts: list[Cohort] = Field(min_length=1)
    units_stated: int | None = None
    other_rules: list[OtherRule] = []


class EventStudy(Strict):
    """The plotted window; ``ends``: whether the outer points hold everything beyond them."""

    first: int
    last: int
    ends: Literal["exact", "binned", "not_stated"] = "not_stated"
    base: int | Literal["not_stated"] = "not_stated"
    where: str = "the event study"


class ColumnEffects(Ref):
    """Fixed effects that the text states for one column, where they differ from the others'."""

    effects: list[str]


class FixedEffects(Strict):
    """Effects that model and notes state, by name; ``unit`` is the one that stands for the panel's unit."""

    stated: list[str] = Field(min_length=1)
    unit: str = "city"
    where: str = "the text"
    columns: list[ColumnEffects] = []


class StandardErrors(Strict):
    """What the notes call the standard errors; ``clusters``: their number where they are clustered."""

    stated: Literal["robust", "classical", "cluster", "not_stated"]
    clusters: int | None = Field(default=None, gt=1)
    where: str = "the notes"


class Grouping(Strict):
    """Groups that someone might have clustered by, and how many there are."""

    name: str
    count: int = Field(gt=1)


class Definition(Strict):
    """One place where a variable is defined."""

    where: str
    text: str


class Plausible(Strict):
    """Range of the variable before its transform, and why."""

    low: float
    high: float
    why: str


class Variable(Strict):
    """A variable as the paper declares it. ``quantity``: the class that bounds its values; ``zero``: whether it can be zero."""

    transform: Literal["none", "ln", "ln(1+x)", "not_stated"] = "none"
    unit: str = ""
    quantity: Literal["head_count", "count", "share", "ratio", "binary", "other"] = "other"
    zero: Literal["possible", "impossible"] = "possible"
    plausible: Plausible | None = None
    definitions: list[Definition] = []


class Stronger(Strict):
    """The half in which the text says that the effect is stronger, and its words."""

    group: Literal["high", "low"]
    where: str
    quote: str = ""


class Split(Strict):
    """Two columns of one table that split the rows of a third. ``where`` the text says how."""

    table: Text
    high: Text
    low: Text
    of: Ref
    criterion: str
    kind: Literal["continuous", "membership"]
    method: Literal["median", "median_of_rows", "median_of_units", "threshold", "membership", "not_stated"]
    where: str = "the text"
    missing: int = Field(default=0, ge=0)  # rows without a value of the criterion, where the paper counts them
    singletons: int = 0  # rows the halves lose as singletons more than the whole does, where the paper counts them
    stronger: Stronger | None = None


class Subsample(Strict):
    """A column on fewer rows than another: rows excluded, rows lost to a lag, or rows kept by matching."""

    table: Text
    column: Text
    of: Ref
    kind: Literal["exclusion", "lag", "matching"]
    label: str = ""
    units: int | None = Field(default=None, gt=0)  # whole units that are left out
    treated: list[Cohort] = []  # those of them that are treated
    nationwide_from: int | None = None  # first year of a policy that holds everywhere and is said to be excluded
    where: str = "the text"


class Source(Strict):
    """Where a variable's data come from and which years they cover."""

    id: str
    variable: str
    first_year: int | None = None
    last_year: int | None = None
    where: str = "the text"
    reference: str = ""


class Placebo(Strict):
    """Facts read off a placebo figure or its caption. Numbers keep the digits that could be read."""

    of: Ref
    draws: int | None = Field(default=None, gt=0)
    peak_density: Text | None = None
    sd: Text | None = None
    axis_low: Text | None = None
    axis_high: Text | None = None
    p_value_printed: bool = False
    where: str = "the placebo figure"


class SignRule(Strict):
    """Every coefficient of ``term`` on ``outcome`` has this sign."""

    kind: Literal["sign"]
    term: str
    outcome: str
    sign: Literal["positive", "negative"]


class SignificantRule(Strict):
    """A coefficient differs from zero at ``level``, with this sign where one is given."""

    kind: Literal["significant"]
    table: Text
    column: Text
    term: str
    level: float = Field(gt=0, lt=1)
    sign: Literal["positive", "negative"] | None = None


class ChangeRule(Strict):
    """From one column to another the magnitude of a coefficient grows or shrinks."""

    kind: Literal["magnitude"]
    term: str
    before: Ref
    after: Ref
    change: Literal["larger", "smaller"]


class ContainsRule(Strict):
    """The columns hold these terms."""

    kind: Literal["contains"]
    columns: list[Ref] = Field(min_length=1)
    terms: list[str] = Field(min_length=1)


class Claim(Strict):
    """A sentence of the paper and the rule that its tables must meet to support it."""

    id: str
    where: str
    quote: str
    rule: Annotated[SignRule | SignificantRule | ChangeRule | ContainsRule, Field(discriminator="kind")]


class Design(Strict):
    """Everything above; a paper's own words, typed once."""

    subject: str | None = None
    descriptive_table: str = "the descriptive table"
    panel: Panel | None = None
    treatment: Treatment | None = None
    event_study: EventStudy | None = None
    fixed_effects: FixedEffects | None = None
    standard_errors: StandardErrors | None = None
    constant: Literal["grand_mean", "base_category", "not_stated"] = "not_stated"
    groupings: list[Grouping] = []
    variables: dict[str, Variable] = {}
    splits: list[Split] = []
    subsamples: list[Subsample] = []
    sources: list[Source] = []
    placebo: Placebo | None = None
    claims: list[Claim] = []
