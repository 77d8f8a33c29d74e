"""The design of our own tables, derived from the study and the panel: nothing of it is typed, so the rules can find a fault."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from citycarbon.econometrics.sample import FIRST_VARIABLE_STEP
from citycarbon.forensics.design import (
    Cohort,
    ColumnEffects,
    Design,
    EventStudy,
    FixedEffects,
    Panel,
    Placebo,
    Ref,
    Source,
    Split,
    StandardErrors,
    Subsample,
    Treatment,
    Variable,
)

if TYPE_CHECKING:
    import pandas as pd

    from citycarbon.econometrics.sample import Sample
    from citycarbon.study.spec import Column, Study

Samples = dict[tuple[str, str], "Sample"]
# Unit in the variable dictionary -> class of quantity that bounds its values.
QUANTITIES = {"0/1": "binary", "ratio": "ratio", "households": "head_count", "persons": "head_count", "applications": "count"}


def own_design(folder: Path, panel: pd.DataFrame, study: Study, estimates: pd.DataFrame, samples: Samples) -> Design:
    """What the study says of its tables. ``samples``: estimation rows by (table, column)."""
    inside = panel["in_sample"].fillna(False).astype(bool)
    if any(column.rows == "own" for _, column in _columns(study)):
        inside |= (panel["drop_step"] >= FIRST_VARIABLE_STEP) & panel[study.outcome.variable].notna()
    return Design(
        subject=f"release of study {study.study}",
        descriptive_table="the release",
        panel=Panel(
            units=int(panel.loc[inside, "city_id"].nunique()) or None,
            unit="city",
            first_year=study.window.first,
            last_year=study.window.last,
        ),
        treatment=Treatment(term="did", where="the policy list", cohorts=_cohorts(panel, study)),
        event_study=_event_study(study),
        fixed_effects=FixedEffects(
            stated=list(study.fixed_effects), unit="city", where="the study's specification", columns=_effects(study)
        ),
        standard_errors=StandardErrors(
            stated="cluster", clusters=max(int(estimates["n_clusters"].max()), 2), where="the study's specification"
        ),
        constant="grand_mean",
        variables=_variables(study),
        splits=_splits(study, samples),
        subsamples=_subsamples(panel, study, samples),
        sources=_sources(panel, study),
        placebo=_placebo(folder, study),
    )


def _cohorts(panel: pd.DataFrame, study: Study) -> list[Cohort]:
    """First treated years by the policy's dates, not by the dummy that the rule is to judge."""
    first = panel.groupby("city_id")[f"first_year_{study.treatment.policy}"].first().dropna()
    return [Cohort(year=int(year), units=int(n)) for year, n in first.value_counts().sort_index().items()]


def _event_study(study: Study) -> EventStudy | None:
    e = study.event_study
    if e is None:
        return None
    return EventStudy(first=e.first, last=e.last, ends="binned" if e.bin_ends else "exact", base=e.base, where="Figure 2")


def _columns(study: Study) -> list[tuple[str, Column]]:
    return [(name, column) for name, table in study.regression_tables().items() for column in table.columns]


def _effects(study: Study) -> list[ColumnEffects]:
    main = set(study.fixed_effects)
    return [
        ColumnEffects(table=name, column=c.id, effects=list(c.fixed_effects))
        for name, c in _columns(study)
        if set(c.fixed_effects) != main and c.estimator == "twfe"
    ]


def _variables(study: Study) -> dict[str, Variable]:
    names = [n for t in study.tables.values() if t.kind == "descriptives" for n in t.variables]
    out = {}
    for name in dict.fromkeys(names):
        declared = study.variable(name)
        quantity = "share" if declared.unit.startswith("share") else QUANTITIES.get(declared.unit, "other")
        out[name] = Variable(transform=declared.transform, unit=declared.unit, quantity=quantity)
    return out


def _whole(study: Study, column: Column) -> Ref | None:
    """The column of the same specification on all rows: no half, no filter, no matching."""
    same = column.model_copy(update={"half": None, "filter": [], "matching": None, "lag_rule": "calendar", "treatment": "did"})
    for name, other in _columns(study):
        if other.model_copy(update={"id": column.id, "label": column.label}) == same:
            return Ref(table=name, column=other.id)
    return None


def _splits(study: Study, samples: Samples) -> list[Split]:
    from citycarbon.econometrics.splits import pairs

    out = []
    for pair in pairs(study):
        high, low = samples.get((pair.table, pair.high.id)), samples.get((pair.table, pair.low.id))
        of = _whole(study, pair.high)
        whole = samples.get((of.table, of.column)) if of else None
        if high is None or low is None or whole is None or of is None:
            continue
        adopted = pair.split.criterion == "adopted"
        median = "median_of_rows" if pair.split.level == "row" else "median_of_units"
        out.append(
            Split(
                table=pair.table,
                high=pair.high.id,
                low=pair.low.id,
                of=of,
                criterion=pair.split.label,
                kind="membership" if adopted else "continuous",
                method={"adopted": "membership", "threshold": "threshold"}.get(pair.split.criterion, median),
                where="the study's specification",
                missing=high.outside,
                singletons=high.singletons + low.singletons - whole.singletons,
            )
        )
    return out


def _subsamples(panel: pd.DataFrame, study: Study, samples: Samples) -> list[Subsample]:
    """Columns on part of another's rows: filters, lags and matchings, each with the whole units that it leaves out."""
    out = []
    for name, column in _columns(study):
        kind = "matching" if column.matching else "lag" if column.treatment == "did_lag1" else "exclusion"
        if column.half or column.estimator != "twfe" or (kind == "exclusion" and not column.filter):
            continue
        of = _whole(study, column)
        part, whole = samples.get((name, column.id)), samples.get((of.table, of.column)) if of else None
        if of is None or part is None or whole is None:
            continue
        kept = set(part.rows["city_id"])
        gone = whole.rows.loc[~whole.rows["city_id"].isin(kept), "city_id"]
        rows_gone = len(whole.rows) - len(part.rows)
        whole_units = kind == "exclusion" and rows_gone == len(gone)  # nothing else is left out
        out.append(
            Subsample(
                table=name,
                column=column.id,
                of=of,
                kind=kind,
                units=gone.nunique() if whole_units and len(gone) else None,
                treated=_cohorts(panel[panel["city_id"].isin(set(gone))], study) if whole_units else [],
                where="the study's specification",
            )
        )
    return out


def _sources(panel: pd.DataFrame, study: Study) -> list[Source]:
    """Years in which the outcome's series has values at all."""
    years = panel.loc[panel[study.outcome.variable].notna(), "year"]
    if not len(years):
        return []
    first, last = int(years.min()), int(years.max())
    where = "the study's specification"
    return [Source(id=study.outcome.series, variable=study.outcome.variable, first_year=first, last_year=last, where=where)]


def _placebo(folder: Path, study: Study) -> Placebo | None:
    """The first scheme of the first regression table's fullest column in ``placebo.csv``."""
    import pandas as pd

    from citycarbon.econometrics.contract import number

    path = folder / "placebo.csv"
    if not path.is_file():
        return None
    rows = pd.read_csv(path, dtype={"table": str, "column": str})
    name, table = next(iter(study.regression_tables().items()))
    main = max(table.columns, key=lambda c: len(c.controls) if c.treatment == "did" else -1)
    rows = rows[(rows["table"] == name) & (rows["column"] == main.id) & rows["sd"].notna()]
    if not len(rows):
        return None
    row: dict[str, Any] = rows.iloc[0].to_dict()
    return Placebo(
        of=Ref(table=name, column=main.id),
        draws=int(row["draws"]),
        sd=number(float(row["sd"])),
        p_value_printed=True,
        where=f"the placebo ({row['scheme']})",
    )
