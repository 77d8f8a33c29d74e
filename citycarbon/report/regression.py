"""A regression table from ``estimates.csv``: its heads, coefficients, tests of the treatment, and counts. No number is typed.

Notes under the table are made in ``notes``; what other result files say of it, in ``under``.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from citycarbon.econometrics.contract import parse_effects
from citycarbon.report.few_clusters import few_cluster_notes, few_cluster_rows
from citycarbon.report.layout import Cell, Head, Row, Table, count, decimals_for, fixed, table_name
from citycarbon.report.notes import table_notes
from citycarbon.report.results import NO_RESULTS, Results
from citycarbon.report.sentences import p_text
from citycarbon.report.under import draws_note, notes_under
from citycarbon.study.other_policies import policy_label
from citycarbon.study.spec import POLICY_DUMMY, RegressionTable, Study

if TYPE_CHECKING:
    import pandas as pd

RI_PENDING = "RI pending"
NOT_ESTIMABLE = "not estimable"
NOT_COMPUTED = "not computed"
OPEN = "open"  # an interval without an end on this side
CONSTANT = "_cons"


def regression_table(
    estimates: pd.DataFrame, study: Study, table: str, synthetic: bool, results: Results = NO_RESULTS
) -> Table:
    """One regression table from its rows of the estimates frame (the contract's columns) and what ``results`` adds under it.

    Columns with the same fixed effects stand together. Raises KeyError where the estimates hold none of the table.
    """
    columns = table_columns(estimates, table)
    if not columns:
        raise KeyError(f"the estimates hold no rows of {table}")
    spec = study.regression_tables()[table]
    ids = [str(c.iloc[0]["column"]) for c in columns]
    return Table(
        title=f"{table_name(table)}. {spec.title}",
        stub=("",),
        header=_header(columns, spec, study),
        body=(
            *_coefficients(columns, spec, study),
            *_tests(columns, spec),
            *few_cluster_rows(ids, _digits(columns), table, results),
            *_footer(columns),
        ),
        notes=(
            *notes_under(study, table, results),
            *table_notes(columns, spec),
            *few_cluster_notes(ids, table, results),
            *draws_note(table, results),
        ),
        synthetic=synthetic,
    )


def table_columns(estimates: pd.DataFrame, table: str) -> list[pd.DataFrame]:
    """The columns of a table, each a frame by term; in the study's order, columns of the same effects together."""
    mine = estimates[estimates["table"] == table]
    found = [group.set_index("term") for _, group in mine.groupby("column", sort=False)]
    order = list(dict.fromkeys(_effects(c) for c in found))
    return sorted(found, key=lambda c: order.index(_effects(c)))


def _effects(column: pd.DataFrame) -> str:
    return " + ".join(parse_effects(column.iloc[0]["fixed_effects"]))


def _header(columns: list[pd.DataFrame], spec: RegressionTable, study: Study) -> tuple[tuple[Head, ...], ...]:
    groups: list[list[Any]] = []
    for column in columns:
        effects = _effects(column)
        text = f"{effects.capitalize()} effects" if effects else "No fixed effects"
        if groups and groups[-1][0] == text:
            groups[-1][1] += 1
        else:
            groups.append([text, 1])
    ids = [str(c.iloc[0]["column"]) for c in columns]
    return (
        tuple(Head(text, span) for text, span in groups),
        tuple(Head(f"({i})") for i in ids),
        tuple(Head(study.variable(c.iloc[0]["outcome"]).label) for c in columns),
        tuple(Head(spec.column(i).label) for i in ids),
    )


def _coefficients(columns: list[pd.DataFrame], spec: RegressionTable, study: Study) -> list[Row]:
    """A row a term with its standard error below: treatments first, the constant last."""
    treatments = dict.fromkeys(spec.column(str(c.iloc[0]["column"])).treatment for c in columns)
    terms = [t for t in treatments if any(t in c.index for c in columns)]
    terms += [t for t in dict.fromkeys(t for c in columns for t in c.index) if t not in treatments and t != CONSTANT]
    if any(CONSTANT in c.index for c in columns):
        terms.append(CONSTANT)
    digits = _digits(columns)
    rows = []
    for term in terms:
        label = term_label(study, term)
        pairs = [_pair(c, term, d) for c, d in zip(columns, digits, strict=True)]
        rows.append(Row((label,), tuple(p[0] for p in pairs)))
        rows.append(Row(("",), tuple(p[1] for p in pairs), name=f"{label}, standard error"))
    return rows


def term_label(study: Study, term: str) -> str:
    """A term as it is printed: the variable's label, or in words what is made of it."""
    if term == CONSTANT:
        return term
    if exposure := re.fullmatch(r"(\w+)_x_post(\d+)", term):
        name, year = exposure.groups()
        return f"{study.variable(name).label} before {year} x post"
    made = {
        "did_lag1": "did, a year earlier",
        "did_ever": "ever treated",
        "did_literal": f"adopted after {study.treatment.literal_after}",
    }
    if term in made:
        return made[term]
    if term.startswith(POLICY_DUMMY):
        return f"policy: {policy_label(study, term.removeprefix(POLICY_DUMMY))}"
    return study.variable(term).label


def _digits(columns: list[pd.DataFrame]) -> list[int]:
    """Decimals of each column: enough for two digits of every slope's standard error, alike for columns of one outcome."""
    least: dict[str, float] = {}
    for column in columns:
        error = float(column.loc[column.index != CONSTANT, "std_error"].min())
        outcome = column.iloc[0]["outcome"]
        least[outcome] = min(least.get(outcome, math.inf), error if error > 0 else math.inf)
    return [decimals_for(least[c.iloc[0]["outcome"]]) for c in columns]


def _pair(column: pd.DataFrame, term: str, digits: int) -> tuple[Cell, Cell]:
    """Estimate with its mark, and the standard error in brackets; a term that is not estimable says so."""
    if term not in column.index:
        return Cell(), Cell()
    row = column.loc[term]
    value = fixed(row["estimate"], digits)
    if not value:
        return Cell(NOT_ESTIMABLE), Cell()
    mark = RI_PENDING if row["star_rule"] == "pending" else row["stars"]
    error = fixed(row["std_error"], digits)
    return Cell(value, mark), Cell(f"({error}", ")") if error else Cell()


_TESTS = (
    ("p, clustered t", "p_value"),
    ("p, RI on t", "p_ri_t"),
    ("p, RI on coefficient", "p_ri_beta"),
    ("p, wild bootstrap", "p_wcr"),
    ("95 % RI interval, from", "conf_low_ri"),
    ("95 % RI interval, to", "conf_high_ri"),
)
_ALWAYS = ("p_value", "p_ri_t", "p_ri_beta")  # said to be not computed where they are not; the others are left out


def _tests(columns: list[pd.DataFrame], spec: RegressionTable) -> list[Row]:
    """The treatment's p-values and its interval by randomisation inference; an interval that no column has is left out."""
    treated = [c.loc[t] if (t := spec.column(str(c.iloc[0]["column"])).treatment) in c.index else None for c in columns]
    rows = []
    for label, field in _TESTS:
        cells = tuple(_test(r, field, d) for r, d in zip(treated, _digits(columns), strict=True))
        shown = {c.number for c in cells} - {""}
        if shown and not (field not in _ALWAYS and shown == {NOT_COMPUTED}):
            rows.append(Row((label,), cells, rule=not rows))
    return rows


def _test(row: pd.Series | None, field: str, digits: int) -> Cell:
    """One cell; empty where the column has no estimate, or no test of this kind for a reason that its note gives."""
    if row is None or not math.isfinite(row["estimate"]):
        return Cell()
    value = row[field]
    if math.isinf(value):
        return Cell(OPEN)
    if math.isnan(value):
        return Cell(NOT_COMPUTED if row["star_rule"] == "pending" else "")
    return Cell(fixed(value, digits) if field.startswith("conf") else p_text(value))


def _footer(columns: list[pd.DataFrame]) -> list[Row]:
    first = [c.iloc[0] for c in columns]
    levels = [parse_effects(f["fixed_effects"]) for f in first]
    rows = []
    for name in dict.fromkeys(n for found in levels for n in found):
        cells = tuple(Cell(f"{count(found[name])} levels" if name in found else "no") for found in levels)
        rows.append(Row((f"{name.capitalize()} effects",), cells, rule=not rows))
    for i, (label, field) in enumerate(_COUNTS):
        rows.append(Row((label,), tuple(Cell(_whole(f[field])) for f in first), rule=i == 0))
    fits = [(label, [_share(f[field]) for f in first]) for label, field in _FITS]
    fits = [(label, shares) for label, shares in fits if any(shares)]
    return rows + [Row((label,), tuple(map(Cell, shares)), rule=i == 0) for i, (label, shares) in enumerate(fits)]


def _whole(value: Any) -> str:
    import pandas as pd

    return "" if pd.isna(value) else count(value)


def _share(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else ""


_COUNTS = (
    ("N (city-years)", "n_obs"),
    ("Cities", "n_units"),
    ("Clusters", "n_clusters"),
    ("Treated cities", "n_treated_units"),
    ("Treated city-years", "n_treated_cells"),
    ("Singletons dropped", "singletons_dropped"),
    ("Degrees of freedom of t", "df"),
)
_FITS = (("R2", "r2"), ("adj. R2", "r2_adj"), ("within R2", "r2_within"), ("adj. within R2", "r2_adj_within"))
