"""What a study uses: the columns, emission series and policies on which a failing rule stays blocking."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from citycarbon.study.spec import DescriptiveTable, RegressionTable, Study

# Panel columns that hold a series under its own name.
SERIES_COLUMNS = {"co2_mt_chen_county": "chen_county", "co2_mt_ceads_city": "ceads_city", "co2_mt_edgar": "edgar_city"}
EMISSION_COLUMNS = {"co2_mt", "lnco2"}


@dataclass(frozen=True)
class Scope:
    """The parts of a study that the gate needs, free of how a study file is written."""

    study: str
    first_year: int
    last_year: int
    policy: str
    year_rule: str
    subcity_rule: str
    emission_series: str  # chen_county, ceads_city, edgar_city or spliced
    splice: tuple[str, str, int] | None  # first series, second series, first year of the second
    variables: frozenset[str]  # panel columns
    policies: frozenset[str]

    @property
    def series(self) -> frozenset[str]:
        """Source ids of the emission series behind the panel columns that the study uses."""
        named = {SERIES_COLUMNS[v] for v in self.variables if v in SERIES_COLUMNS}
        if self.variables & EMISSION_COLUMNS:
            named |= set(self.splice[:2]) if self.splice else {self.emission_series}
        return frozenset(named)


def scope_of(study: Study) -> Scope:
    """The scope of a study: every variable in its sample rule, tables, controls, outcome, filters and splits."""
    splice = study.outcome.splice
    return Scope(
        study=study.study,
        first_year=study.window.first,
        last_year=study.window.last,
        policy=study.treatment.policy,
        year_rule=study.treatment.year_rule,
        subcity_rule=study.treatment.subcity_rule,
        emission_series=study.outcome.series,
        splice=(splice.first, splice.second, splice.year) if splice else None,
        variables=frozenset(_variables(study)) - {"did"},
        policies=frozenset(study.policies_named()),
    )


def _variables(study: Study) -> Iterable[str]:
    yield study.outcome.variable
    yield from study.controls
    yield from study.sample_variables
    yield from (s.variable for s in study.splits if s.variable)
    yield from (name for m in study.matchings for name in m.covariates)
    for table in study.tables.values():
        if isinstance(table, DescriptiveTable):
            yield from table.variables
        elif isinstance(table, RegressionTable):
            for column in table.columns:
                yield column.outcome
                yield from column.controls
                yield from (c.variable for c in column.filter)
                yield from (e.variable for e in column.exposures)
