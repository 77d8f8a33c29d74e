"""What a study asks for beyond its tables: the models behind ``extensions`` in ``study.yaml``, one a result.

Each names the regression column that it looks at again and what is varied. Nothing is computed here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

SERIES_COLUMN = {"chen_county": "co2_mt_chen_county", "ceads_city": "co2_mt_ceads_city", "edgar_city": "co2_mt_edgar"}
Series = Literal["chen_county", "ceads_city", "edgar_city"]
ChoiceId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]


class Part(BaseModel):
    """Unknown keys are errors, as everywhere in a study."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Target(Part):
    """Points at one regression column of the study."""

    table: str
    column: str


Columns = Annotated[list[str], Field(min_length=1)]
Kilometres = Annotated[float, Field(gt=0, allow_inf_nan=False)]


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


class ControlSet(Part):
    """One set of controls among those that are tried."""

    id: ChoiceId
    label: str
    variables: list[str] = []


class RowCondition(Part):
    """A condition of a sample rule; keys and operators are those of a column's filter."""

    variable: str
    op: Literal["eq", "ne", "lt", "le", "gt", "ge", "in", "not_in", "is_missing", "is_present"]
    value: str | int | float | list[str | int | float] | None = None


class RowDrop(Part):
    """One sample rule among those that are tried; without a filter: all rows."""

    id: ChoiceId
    label: str
    filter: list[RowCondition] = []


class SeriesChoice(Part):
    """One emission series, or two joined: ``first`` before ``year``, ``second`` from then on. May be written as a name."""

    first: Series
    second: Series | None = None
    year: int | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return {"first": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _whole(self) -> SeriesChoice:
        if (self.second is None) != (self.year is None):
            raise ValueError("a splice needs both 'second' and 'year'")
        return self

    @property
    def id(self) -> str:
        return self.first if self.second is None else f"{self.first}_{self.second}_{self.year}"


class SpecCurve(Part):
    """The readings that are crossed in the specification curve: a list of choices for each; ``draws`` reassignments."""

    draws: int = Field(default=999, gt=0)
    effects: list[Literal["city", "province"]] = Field(min_length=1)
    controls: list[ControlSet] = Field(min_length=1)
    year_rules: list[Literal["announcement", "first_full_year"]] = Field(min_length=1)
    subcity_rules: list[Literal["treat", "exclude", "never"]] = Field(min_length=1)
    series: list[SeriesChoice] = Field(min_length=1)
    scales: list[Literal["ln", "ln_per_head", "asinh", "level", "per_head"]] = Field(min_length=1)
    rows: list[Literal["study", "own"]] = Field(min_length=1)
    samples: list[RowDrop] = Field(min_length=1)
    winsorise: list[Annotated[float, Field(ge=0, lt=0.5)]] = [0.0]


class Sensitivity(Part):
    """One regression column under other controls, samples, distances, errors, scales and dates (``sensitivity.csv``).

    ``draws``: redraws of the treatment a variant; ``draws_remade``: where the sample or a second regressor is made again in
    every draw. ``distances_km``: how far spill-overs may reach. ``conley_km``: cutoffs of Conley's errors, by each of
    ``conley_kernels``. ``without_years``: years that one variant leaves out.
    """

    column: Target
    draws: int = Field(default=9999, gt=0)
    draws_remade: int = Field(default=4999, gt=0)
    distances_km: list[Kilometres] = [50.0, 100.0, 200.0]
    conley_km: list[Kilometres] = [100.0, 300.0, 500.0]
    conley_kernels: list[Literal["bartlett", "uniform"]] = ["bartlett", "uniform"]
    without_years: list[int] = []


class Staggered(Part):
    """Estimators for staggered adoption on the rows of one column: reassignments of each, and the covariate of the doubly
    robust variant (none: without it)."""

    column: Target
    draws: int = Field(default=999, gt=0)
    covariate: str | None = None


class Trends(Part):
    """Breaks of the comparison trend around the event study of the headline: values of Mbar (relative magnitudes) and of M
    (smoothness, unit of the outcome a year), and the powers at which a linear violation is shown."""

    mbar: list[Annotated[float, Field(ge=0)]] = [0.0, 0.5, 1.0, 1.5, 2.0]
    smoothness: list[Annotated[float, Field(ge=0)]] = [0.0, 0.01, 0.02, 0.05]
    power: list[Annotated[float, Field(gt=0, lt=1)]] = [0.5, 0.8]


class Strata(Part):
    """Groups of cities within which the treatment is redrawn.

    Without ``year``: the levels of a column that says where or what a city is; cities that are alone in their level form one
    group. With it: ``classes`` of equal size by the city's mean of a variable before that year.
    """

    id: ChoiceId
    label: str
    variable: str
    year: int | None = None
    classes: int = Field(default=3, ge=2)


class Family(Part):
    """Hypotheses that are tested together: columns that differ in their outcome, or the differences of splits.

    A split is named by the column of either half.
    """

    id: ChoiceId
    label: str
    columns: list[Target] = []
    splits: list[Target] = []

    @model_validator(mode="after")
    def _of_one_kind(self) -> Family:
        if bool(self.columns) == bool(self.splits):
            raise ValueError("a family names either 'columns' or 'splits'")
        return self


class Inference(Part):
    """Who else could have been treated, and what is tested together. ``draws``: default ``placebo.draws_variants``.

    Without ``families`` they follow from the headline tables: columns that differ in the outcome alone, and all splits with the
    same fixed effects.
    """

    strata: list[Strata] = [Strata(id="province", label="provinces", variable="province_id")]
    families: list[Family] | None = None
    draws: int | None = Field(default=None, gt=0)


class Extensions(Part):
    """What is asked for; a part that is absent is not computed, and its file holds its header only.

    ``inference`` adds rows to a file that every run has: where it is absent its defaults hold.
    """

    inference: Inference = Inference()
    large_tables: list[LargeTable] = []
    spec_curve: SpecCurve | None = None
    sensitivity: Sensitivity | None = None
    trends: Trends | None = None
    staggered: Staggered | None = None
