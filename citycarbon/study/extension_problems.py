"""Complaints about the section ``extensions`` of a study, judged against the rest of it; what fits its models comes here."""

from __future__ import annotations

from collections.abc import Iterator

from citycarbon.sources.registry import load_registry
from citycarbon.study.conditions import condition_problems
from citycarbon.study.dictionary import KEYS, VARIABLES, suggestion
from citycarbon.study.extensions import Target
from citycarbon.study.problems import Problem, Where, repeated
from citycarbon.study.spec import POLICY_DUMMY, POLICY_YEAR, Column, RegressionTable, Study

PLACES = ("province_id", "unit_kind")  # columns of the panel that sort cities without a number
SCHEMES = ("cohorts", "all_cities", "all_pilots", "random_years")  # laws of reassignment that every study has


def extension_problems(study: Study) -> Iterator[Problem]:
    """Every fault of the parts that the study asks for."""
    yield from _inference_problems(study)
    yield from _large_table_problems(study)
    yield from _curve_problems(study)
    yield from _sensitivity_problems(study)
    yield from _staggered_problems(study)


def _inference_problems(study: Study) -> Iterator[Problem]:
    """Strata and families: ids that differ, columns that exist, members of headline tables that are dated alike."""
    asked, at = study.inference, ("extensions", "inference")
    for key in ("strata", "families"):
        yield from repeated((*at, key), [entry.id for entry in getattr(asked, key) or []], "id", key="id")
    for i, strata in enumerate(asked.strata):
        where: Where = (*at, "strata", i)
        known = VARIABLES if strata.year is not None else PLACES
        if strata.id in SCHEMES:
            yield (*where, "id"), f"'{strata.id}' is the name of a scheme that there is already"
        if strata.variable not in known and strata.year is not None:
            yield (*where, "variable"), f"no variable '{strata.variable}'{suggestion(strata.variable, known)}"
        elif strata.variable not in known:
            allowed = f"Without the key 'year' allowed are {', '.join(PLACES)}; with it a variable, whose mean before is cut"
            yield (*where, "variable"), f"'{strata.variable}' does not sort cities. {allowed}"
        if strata.year is not None and not study.window.first < strata.year <= study.window.last:
            yield (*where, "year"), f"found {strata.year}, allowed are years inside the window after its first"
    for i, family in enumerate(asked.families or []):
        for key in ("columns", "splits"):
            yield from _member_problems((*at, "families", i, key), getattr(family, key), key == "splits", study)


def _member_problems(where: Where, targets: list[Target], halves: bool, study: Study) -> Iterator[Problem]:
    tables = {name: table for name, table in study.regression_tables().items() if not table.variants}
    found: list[tuple[int, Column]] = []
    for j, target in enumerate(targets):
        if target.table not in tables:
            known = ", ".join(tables)
            hint = suggestion(target.table, tables)
            yield (*where, j, "table"), f"no headline table '{target.table}'{hint} Allowed: {known}"
            continue
        ids = [column.id for column in tables[target.table].columns]
        if target.column not in ids:
            yield (*where, j, "column"), f"no column '{target.column}' in {target.table}. Allowed: {', '.join(ids)}"
            continue
        column = tables[target.table].column(target.column)
        if halves and not _other_half(tables[target.table], column):
            yield (*where, j, "column"), f"{target.table} has no column that is the other half of column '{column.id}'"
        found.append((j, column))
    yield from repeated(where, [_member(tables, t, halves) for t in targets if t.table in tables], "member")
    for j, column in found[1:]:
        for key in ("treatment", "lag_rule", "dated_by"):
            if getattr(column, key) != getattr(found[0][1], key):
                yield (*where, j), f"'{key}' differs from that of the first member: one draw cannot date both"


def _other_half(table: RegressionTable, column: Column) -> Column | None:
    """The column that differs from this one in its half only; None where this is no half, or the other one is not there."""
    if column.half is None:
        return None
    rest = _but_half(column)
    return next((c for c in table.columns if c.half and c.half.group != column.half.group and _but_half(c) == rest), None)


def _but_half(column: Column) -> tuple[str, str]:
    return column.half.split if column.half else "", column.model_dump_json(exclude={"id", "label", "half"})


def _member(tables: dict[str, RegressionTable], target: Target, halves: bool) -> str:
    """What a member is, told alike whichever half names a pair."""
    ids = [c.id for c in tables[target.table].columns if c.id == target.column]
    if halves and ids and (other := _other_half(tables[target.table], tables[target.table].column(target.column))):
        ids.append(other.id)
    return f"{target.table}:{'/'.join(sorted(ids or [target.column]))}"


def _large_table_problems(study: Study) -> Iterator[Problem]:
    """Large tables: distinct ids, a source that holds tables, and no column in two roles. The files' columns are seen later."""
    tables = study.extensions.large_tables if study.extensions else []
    sources = [name for name, entry in load_registry().sources.items() if entry.holds == "table"]
    at: Where = ("extensions", "large_tables")
    yield from repeated(at, [table.id for table in tables], "id", key="id")
    for i, table in enumerate(tables):
        if table.source not in sources:
            allowed = ", ".join(sources)
            yield (*at, i, "source"), f"no source '{table.source}' that holds tables. Allowed: {allowed}"
        numbers = [table.outcome, *table.controls, *([table.weights] if table.weights else [])]
        yield from repeated((*at, i), numbers, "column")
        for name in sorted({*table.unit, *table.time, table.city, table.cluster} & set(numbers)):
            yield (*at, i), f"the column '{name}' says where or when a row is; it cannot be a number of it too"


def _curve_problems(study: Study) -> Iterator[Problem]:
    """The specification curve: distinct choices, known variables, and an outcome that the choices are readings of."""
    curve = study.extensions.spec_curve if study.extensions else None
    if curve is None:
        return
    at: Where = ("extensions", "spec_curve")
    for key in ("controls", "series", "samples"):
        yield from repeated((*at, key), [c.id for c in getattr(curve, key)], "id", key="id")
    for key in ("effects", "year_rules", "subcity_rules", "scales", "rows", "winsorise"):
        yield from repeated((*at, key), [str(choice) for choice in getattr(curve, key)], "choice")
    for i, controls in enumerate(curve.controls):
        for j, name in enumerate(controls.variables):
            if name not in VARIABLES:
                yield (*at, "controls", i, "variables", j), f"unknown variable '{name}'{suggestion(name, VARIABLES)}"
        yield from repeated((*at, "controls", i, "variables"), controls.variables, "control")
        if study.outcome.variable in controls.variables:
            yield (*at, "controls", i, "variables"), f"'{study.outcome.variable}' is the outcome, not a control"
    for i, sample in enumerate(curve.samples):
        yield from condition_problems((*at, "samples", i, "filter"), sample.filter)
        for j, condition in enumerate(sample.filter):
            known = [*KEYS, *VARIABLES]
            name = condition.variable
            if name not in known and not name.startswith((POLICY_DUMMY, POLICY_YEAR)):
                yield (*at, "samples", i, "filter", j, "variable"), f"unknown column '{name}'{suggestion(name, known)}"
    if study.outcome.variable not in ("lnco2", "co2_mt"):
        yield at, f"the choices are readings of CO2; the study's outcome is '{study.outcome.variable}'"
    if study.treatment.subcity_rule == "exclude" and set(curve.subcity_rules) - {"exclude"}:
        yield (
            (*at, "subcity_rules"),
            "the study leaves cities with a part as a zone out of its panel; only 'exclude' can be read",
        )


def _sensitivity_problems(study: Study) -> Iterator[Problem]:
    """The column that is looked at again: it exists and is a plain two-way regression on ``did``; years of the window."""
    asked = study.extensions.sensitivity if study.extensions else None
    if asked is None:
        return
    at: Where = ("extensions", "sensitivity")
    for key in ("distances_km", "conley_km", "conley_kernels", "without_years"):
        yield from repeated((*at, key), [f"{v:g}" if isinstance(v, float) else str(v) for v in getattr(asked, key)], "entry")
    for i, year in enumerate(asked.without_years):
        if not study.window.first <= year <= study.window.last:
            yield (*at, "without_years", i), f"found {year}, allowed are the years of the window"
    yield from _target_problems((*at, "column"), asked.column, study)


def _staggered_problems(study: Study) -> Iterator[Problem]:
    """The staggered estimators: the column they start from, city and year effects, and a known covariate."""
    asked = study.extensions.staggered if study.extensions else None
    if asked is None:
        return
    at: Where = ("extensions", "staggered")
    wrong = list(_target_problems((*at, "column"), asked.column, study))
    yield from wrong
    if not wrong and study.column(asked.column.table, asked.column.column).fixed_effects != ("city", "year"):
        yield (*at, "column"), "these estimators have city and year effects; name a column that has them too"
    if asked.covariate is not None and asked.covariate not in VARIABLES:
        yield (*at, "covariate"), f"unknown variable '{asked.covariate}'{suggestion(asked.covariate, VARIABLES)}"


def _target_problems(where: Where, target: Target, study: Study) -> Iterator[Problem]:
    """A column that other estimates start from: it exists, its treatment is ``did``, and nothing but rows is chosen before."""
    tables = study.regression_tables()
    if target.table not in tables:
        known = ", ".join(tables)
        yield (*where, "table"), f"no regression table '{target.table}'{suggestion(target.table, tables)} Allowed: {known}"
        return
    ids = [column.id for column in tables[target.table].columns]
    if target.column not in ids:
        yield (*where, "column"), f"no column '{target.column}' in {target.table}. Allowed: {', '.join(ids)}"
        return
    column = tables[target.table].column(target.column)
    others = {"treatment": column.treatment != "did", "estimator": column.estimator != "twfe"}
    others |= {key: bool(getattr(column, key)) for key in ("matching", "winsorise")}
    if found := [key for key, differs in others.items() if differs]:
        yield (
            (*where, "column"),
            f"column '{column.id}' has its own {' and '.join(found)}: name a plain two-way column of 'did'",
        )
