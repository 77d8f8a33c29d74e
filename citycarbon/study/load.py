"""From ``study.yaml`` to :class:`Study`: what fits the models is then judged as a whole; every complaint names its line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from citycarbon.errors import UsageError
from citycarbon.paths import STUDIES
from citycarbon.study.conditions import condition_problems
from citycarbon.study.dictionary import CALENDAR, VARIABLES, first_adoption, policies_with_a_list, suggestion
from citycarbon.study.extension_problems import extension_problems
from citycarbon.study.problems import Problem, Where, repeated
from citycarbon.study.spec import POLICY_DUMMY, POLICY_YEAR, Column, DescriptiveTable, RegressionTable, Study
from citycarbon.study.yaml_lines import Document, read_yaml


def list_studies(root: Path = STUDIES) -> list[str]:
    """Names of the folders below ``studies/`` that hold a ``study.yaml``, sorted."""
    return sorted(p.parent.name for p in root.glob("*/study.yaml"))


def load_study(name_or_path: str | Path, root: Path = STUDIES) -> Study:
    """The study of this name, or in this file or folder.

    Raises UsageError (exit 2) naming the yaml path and line of every fault: what was found and what is allowed.
    """
    path = _find(name_or_path, root)
    document = read_yaml(path)
    try:
        study = Study.model_validate(document.data)
    except ValidationError as error:
        raise _refusal(document, [_problem(e, document) for e in error.errors()]) from error
    at_home = path.parent.parent == root.resolve()
    problems = list(_problems(study, path.parent.name if at_home else None))
    problems += _published_problems(study, path.parent) if at_home else []  # a release holds the study without its companions
    if problems:
        raise _refusal(document, problems)
    study._path = path
    return study


def load_all(root: Path = STUDIES) -> tuple[list[Study], dict[str, UsageError]]:
    """Every study below ``root`` that loads, and for each that does not its fault, by name."""
    good: list[Study] = []
    bad: dict[str, UsageError] = {}
    for name in list_studies(root):
        try:
            good.append(load_study(name, root))
        except UsageError as fault:
            bad[name] = fault
    return good, bad


def _find(name_or_path: str | Path, root: Path) -> Path:
    given = Path(name_or_path)
    for path in (root / given / "study.yaml", given / "study.yaml", given):
        if path.is_file():
            return path.resolve()
    names = list_studies(root)
    raise UsageError(
        f"no study '{name_or_path}'{suggestion(str(name_or_path), names)}. Known studies: {', '.join(names) or 'none'}; "
        "a new one is a folder in studies/ with a study.yaml"
    )


def _refusal(document: Document, problems: list[Problem]) -> UsageError:
    # A list that several columns refer to (yaml's &name and *name) is one place in the file: told once.
    first = {(document.line(where), text): ".".join(map(str, where)) for where, text in reversed(problems)}
    found = sorted((line, where, text) for (line, text), where in first.items())
    return UsageError("\n".join(f"{document.path}, line {line}: {where}: {text}" for line, where, text in found))


def _problem(error: Any, document: Document) -> Problem:
    """One pydantic complaint in words: without the tag that a discriminated union puts into its location."""
    where = tuple(step for i, step in enumerate(error["loc"]) if not (i == 2 and error["loc"][0] == "tables"))
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return where, "unknown key; see docs/architecture.md and studies/ai_pilot/study.yaml for the keys there are"
    if kind == "missing":
        return where, "this key is required and missing"
    if kind == "union_tag_invalid":
        return (*where, "kind"), f"found '{context['tag']}', allowed are {context['expected_tags']}"
    if kind == "string_type":
        return where, f"expected text, found {error['input']!r}; put it in quotes"
    if kind == "value_error":
        return where, str(context["error"])
    return where, f"found {error['input']!r}: {error['msg']}"


def _problems(study: Study, folder: str | None) -> Iterator[Problem]:
    if folder is not None and study.study != folder:
        yield ("study",), f"found '{study.study}', must be the name of its folder, '{folder}'"
    yield from _window_problems(study)
    yield from _policy_problems(study)
    yield from _list_problems(study)
    yield from _outcome_problems(study)
    yield from _table_problems(study)
    yield from extension_problems(study)


def _window_problems(study: Study) -> Iterator[Problem]:
    low, high = CALENDAR
    for key in ("first", "last"):
        year = getattr(study.window, key)
        if not low <= year <= high:
            yield ("window", key), f"found {year}, allowed are {low} to {high} (the years whose city codes are known)"
    if study.window.first >= study.window.last:
        yield ("window", "last"), f"the window must end after it begins, found {study.window.first} to {study.window.last}"
    if not low <= study.gdp_base_year <= high:
        yield ("gdp_base_year",), f"found {study.gdp_base_year}, allowed are {low} to {high}"
    year = study.figures.map_year
    if year is not None and not study.window.first <= year <= study.window.last:
        yield ("figures", "map_year"), f"found {year}, allowed are the years of the window"
    splice = study.outcome.splice
    if splice and not study.window.first < splice.year <= study.window.last:
        yield ("outcome", "splice", "year"), f"found {splice.year}, allowed are years inside the window after its first"
    event = study.event_study
    if event and not event.first <= event.base <= event.last:
        yield ("event_study", "base"), f"found {event.base}, must lie between first ({event.first}) and last ({event.last})"


def _policy_problems(study: Study) -> Iterator[Problem]:
    named: list[tuple[Where, str]] = [(("treatment", "policy"), study.treatment.policy)]
    for i, split in enumerate(study.splits):
        for needs in {"median": ("variable",), "threshold": ("variable", "cut"), "adopted": ("policies",)}[split.criterion]:
            if getattr(split, needs) in (None, []):
                yield ("splits", i), f"criterion '{split.criterion}' needs the key '{needs}'"
        named += [(("splits", i, "policies", j), p) for j, p in enumerate(split.policies)]
    for name, table in study.regression_tables().items():
        for i, column in enumerate(table.columns):
            where: Where = ("tables", name, "columns", i)
            named += [((*where, "controls", j), _policy_of(c)) for j, c in enumerate(column.controls) if _policy_of(c)]
            named += [
                ((*where, "filter", j), _policy_of(c.variable)) for j, c in enumerate(column.filter) if _policy_of(c.variable)
            ]
    known = policies_with_a_list()
    if study.treatment.policy in known:
        first = first_adoption(study.treatment.policy, study.treatment.year_rule)
        if first is not None and first > study.window.last:
            yield (
                ("window", "last"),
                (f"found {study.window.last}: no city is treated by then; '{study.treatment.policy}' begins in {first}"),
            )
    for where, policy in named:
        if policy not in known:
            yield (
                where,
                f"no list of adopting cities for policy '{policy}'{suggestion(policy, known)} Allowed: {', '.join(known)}",
            )


def _published_problems(study: Study, folder: Path) -> Iterator[Problem]:
    for key in ("coefficients", "descriptives", "design", "claims") if study.published else ():
        name = getattr(study.published, key)
        if not (folder / name).is_file():
            yield ("published", key), f"found no file '{name}' beside study.yaml; put it there or leave out the key 'published'"


def _list_problems(study: Study) -> Iterator[Problem]:
    """Ids and editions of the published lists are distinct, and what a column is dated by is one of them."""
    lists = study.treatment.lists
    for key in ("id", "edition"):
        yield from repeated(("treatment", "lists"), [getattr(found, key) for found in lists], f"list {key}", key=key)
    known = [found.id for found in lists]
    for name, table in study.regression_tables().items():
        for i, column in enumerate(table.columns):
            where: Where = ("tables", name, "columns", i, "dated_by")
            if column.dated_by is not None and column.dated_by not in known:
                allowed = ", ".join(known) or "none; declare it in treatment.lists"
                yield where, f"no list '{column.dated_by}' in this study{suggestion(column.dated_by, known)} Allowed: {allowed}"


def _policy_of(name: str) -> str:
    """The policy of a panel column like did_low_carbon or first_year_low_carbon; '' for any other column."""
    return next((name.removeprefix(mark) for mark in (POLICY_DUMMY, POLICY_YEAR) if name.startswith(mark)), "")


def _outcome_problems(study: Study) -> Iterator[Problem]:
    outcome, declared = study.outcome, VARIABLES[study.outcome.variable]
    for key in ("unit", "transform"):
        if getattr(outcome, key) != getattr(declared, key):
            yield (
                ("outcome", key),
                f"found '{getattr(outcome, key)}', {declared.name} is declared as '{getattr(declared, key)}'",
            )
    if (outcome.series == "spliced") != (outcome.splice is not None):
        yield ("outcome", "series"), "series 'spliced' and the key 'splice' (first, second, year) go together"
    if outcome.variable not in study.sample_variables:
        yield (
            ("sample_variables",),
            f"the outcome '{outcome.variable}' must be among the variables that are complete in the sample",
        )
    for i, control in enumerate(study.controls):
        if control not in study.sample_variables:
            yield ("controls", i), f"'{control}' must be among sample_variables, so that every column uses the same rows"


def _table_problems(study: Study) -> Iterator[Problem]:
    for name, table in study.tables.items():
        if isinstance(table, RegressionTable):
            yield from repeated(("tables", name, "columns"), [c.id for c in table.columns], "column id", key="id")
            for i, column in enumerate(table.columns):
                yield from _column_problems(("tables", name, "columns", i), column)
                yield from _reference_problems(("tables", name, "columns", i), column, study)
        if isinstance(table, DescriptiveTable):
            target = study.tables.get(table.sample_of.table)
            ids = [c.id for c in target.columns] if isinstance(target, RegressionTable) else []
            if table.sample_of.column not in ids:
                yield ("tables", name, "sample_of"), "must name a regression table of this study and one of its column ids"
    for key in ("controls", "sample_variables", "unit_kinds"):
        yield from repeated((key,), list(getattr(study, key)), "entry")
    for key in ("splits", "matchings"):
        yield from repeated((key,), [entry.id for entry in getattr(study, key)], "id", key="id")
    for i, matching in enumerate(study.matchings):
        if matching.timing in ("base_year", "pre_mean") and matching.year is None:
            yield ("matchings", i), f"timing '{matching.timing}' needs the key 'year'"


def _column_problems(where: Where, column: Column) -> Iterator[Problem]:
    yield from repeated((*where, "controls"), column.controls, "control")
    for i, control in enumerate(column.controls):
        if control in ("did", column.outcome):
            yield (*where, "controls", i), f"'{control}' is the treatment or the outcome of this column, not a control"
    yield from _doubly_robust_problems(where, column)
    yield from condition_problems((*where, "filter"), column.filter)


def _doubly_robust_problems(where: Where, column: Column) -> Iterator[Problem]:
    """What the doubly robust estimator does not do must not stand in its column as if it did."""
    if column.estimator != "dr_did":
        return
    if column.treatment != "did":
        yield (*where, "treatment"), f"estimator 'dr_did' estimates 'did', found '{column.treatment}'"
    if len(column.controls) > 1:
        yield (*where, "controls"), f"estimator 'dr_did' takes at most one covariate, found {len(column.controls)}"
    for key in ("matching", "exposures"):
        if getattr(column, key):
            yield (*where, key), f"'{key}' and estimator 'dr_did' do not go together"


def _reference_problems(where: Where, column: Column, study: Study) -> Iterator[Problem]:
    for key, given, entries in (
        ("half", column.half.split if column.half else None, study.splits),
        ("matching", column.matching, study.matchings),
    ):
        known = [entry.id for entry in entries]
        if given is not None and given not in known:
            yield (*where, key), f"no '{given}' in this study{suggestion(given, known)} Allowed: {', '.join(known) or 'none'}"
    scored = next((m.covariates for m in study.matchings if m.id == column.matching), [])
    if column.outcome in scored:
        yield (*where, "matching"), f"the score of '{column.matching}' has the outcome '{column.outcome}' among its covariates"
    if column.treatment == "did_literal" and study.treatment.literal_after is None:
        yield (*where, "treatment"), "did_literal needs the key treatment.literal_after"
