"""What the comparison of lists comes to, in sentences and small tables generated from its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from citycarbon.econometrics.event_study import headline_column
from citycarbon.policy_lists.compare import AGREES, KINDS, SWITCHED
from citycarbon.study.spec import Study

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 10  # cities of largest influence that are named
SYNTHETIC = "**SYNTHETIC DATA**: made by this project's sample, not measured.\n\n"
ABOUT = (
    "The sourced list is the project's own, every row with its document. A published list is data to compare with it. All "
    "estimates are on the same rows of the same panel; only the dating of the treatment differs, so that a change is "
    "arithmetic of coding and no test belongs to it. Kinds and cities are switched one at a time from the sourced dating; "
    "their changes do not add up exactly, and the rest is told."
)


def as_markdown(differences: pd.DataFrame, effects: pd.DataFrame, study: Study, synthetic: bool = False) -> str:
    """The whole text: one section a list, in the order of the study."""
    policy = study.treatment.policy.replace("_", " ")
    parts = [f"# Published lists of the policy {policy}\n\n{SYNTHETIC if synthetic else ''}{ABOUT}\n"]
    column = headline_id(effects, study)
    for found in study.treatment.lists:
        mine = differences[differences["list"] == found.id]
        parts.append(f"## {found.label} (`{found.edition}`)\n")
        if mine.empty:
            parts.append("Not supplied.\n")
            continue
        own = effects[effects["list"] == found.id]
        parts.append("\n".join(sentences(mine, own, column)) + "\n")
        parts.append(_columns_table(own))
        parts.append(_kinds_table(mine, own[own["column"] == column]))
        parts.append(_cities_table(own[own["column"] == column]))
        parts.append(_names_table(mine))
    return "\n".join(p for p in parts if p)


def headline_id(effects: pd.DataFrame, study: Study) -> str:
    """The column of the comparison with the study's own controls and fixed effects; the first one where there is none."""
    wanted = headline_column(study)
    ids = list(dict.fromkeys(effects["column"])) if len(effects) else []
    for table in study.regression_tables().values():
        for column in table.columns:
            same = column.controls == wanted.controls and column.fixed_effects == wanted.fixed_effects
            if column.id in ids and same:
                return column.id
    return ids[0] if ids else ""


def sentences(mine: pd.DataFrame, own: pd.DataFrame, column: str) -> list[str]:
    """How the list differs, what its dating gives in the headline column, and which rows do it."""
    on_list, sourced = mine[mine["list_year"].notna()], mine[mine["sourced_year"].notna()]
    agree = int((mine["agrees"] & mine["sourced_year"].notna()).sum())
    placed = on_list[on_list["city_id"] != ""]
    said = [
        f"The list dates {_cities(len(placed))} of the panel, and {len(on_list) - len(placed)} of its rows name none; the "
        f"sourced list dates {len(sourced)} under the study's rules. {agree} agree in the year. {_counts(mine)}"
    ]
    rows = own[own["column"] == column]
    whole, base = _one(rows, "list"), _one(rows, "sourced")
    if whole is None or base is None:
        return said
    said.append(
        f"Column ({column}): {_b(whole)} by this list, {_b(base)} by the sourced one; the change is {whole['change']:+.4f}, "
        f"{abs(whole['change_in_se']):.2f} of the latter's standard error."
    )
    kinds = rows[rows["switch"] == "kind"]
    if len(kinds):
        most = kinds.loc[kinds["change"].abs().idxmax()]
        said.append(
            f"Of the kinds of difference, '{KINDS[most['kind']]}' ({_cities(int(most['cities']))}) moves it most when switched "
            f"alone: {most['change']:+.4f}."
        )
    cities = rows[rows["switch"] == "city"].head(3)
    if len(cities):
        named = ", ".join(f"{r.city_name} ({_years(r)}) {r.change:+.4f}" for r in cities.itertuples())
        said.append(f"The single rows that move it most: {named}.")
    return said


def _counts(mine: pd.DataFrame) -> str:
    counts = mine.loc[mine["kind"] != AGREES, "kind"].value_counts()
    told = [f"{counts[kind]} {words}" for kind, words in KINDS.items() if kind in counts]
    return f"Of the others: {', '.join(told)}." if told else "There is no other."


def _columns_table(own: pd.DataFrame) -> str:
    rows = own[own["switch"].isin(["sourced", "list"])]
    lines = [
        "| column | fixed effects | dated by | did | s.e. | treated cities | treated city-years |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in rows.itertuples():
        by = "the sourced list" if r.switch == "sourced" else "this list"
        lines.append(
            f"| {r.column} | {r.fixed_effects} | {by} | {_number(r.estimate)} | {_number(r.std_error)} | {r.n_treated_units} "
            f"| {r.n_treated_cells} |"
        )
    return "\n".join(lines) + "\n"


def _kinds_table(mine: pd.DataFrame, rows: pd.DataFrame) -> str:
    """Every kind with its number of rows; the change for those that can move an estimate."""
    kinds = rows[rows["switch"] == "kind"].set_index("kind")
    lines = ["| difference | rows | cities in the sample | change of did when switched alone |", "|---|---|---|---|"]
    for kind, words in KINDS.items():
        count = int((mine["kind"] == kind).sum())
        if not count:
            continue
        there = kind in kinds.index
        change = f"{kinds.loc[kind, 'change']:+.4f}" if there else "none: no city of the sample is dated otherwise"
        lines.append(f"| {words} | {count} | {int(kinds.loc[kind, 'cities']) if there else 0} | {change} |")
    rest = rows[rows["switch"] == "rest"]
    if len(rest):
        lines.append(f"| together and not one by one (the rest) | | | {rest['change'].iloc[0]:+.4f} |")
    return "\n".join(lines) + "\n"


def _cities_table(rows: pd.DataFrame) -> str:
    cities = rows[rows["switch"] == "city"].head(SHOWN)
    if cities.empty:
        return ""
    lines = ["| city | by this list | sourced | difference | change of did when switched alone |", "|---|---|---|---|---|"]
    for r in cities.itertuples():
        years = f"{_year(r.list_year)} | {_year(r.sourced_year)}"
        lines.append(f"| {r.city_name} {r.city_id} | {years} | {KINDS[r.kind]} | {r.change:+.4f} |")
    return "\n".join(lines) + "\n"


def _names_table(mine: pd.DataFrame) -> str:
    """Rows of the list that date no city, and cities under another name."""
    odd = mine[~mine["kind"].isin([AGREES, *SWITCHED])]
    if odd.empty:
        return ""
    lines = ["| printed | year | where | difference | |", "|---|---|---|---|---|"]
    for r in odd.itertuples():
        lines.append(f"| {r.place_label} | {_year(r.list_year)} | {r.file} {r.cell} | {KINDS[r.kind]} | {r.note} |")
    return "\n".join(lines) + "\n"


def _one(rows: pd.DataFrame, switch: str) -> dict[str, Any] | None:
    found = rows[rows["switch"] == switch].to_dict("records")
    return found[0] if found and found[0]["estimate"] == found[0]["estimate"] else None


def _b(row: dict[str, Any]) -> str:
    return f"did = {row['estimate']:.4f} ({row['std_error']:.4f}, {row['n_treated_units']} treated cities)"


def _cities(n: int) -> str:
    return f"{n} {'city' if n == 1 else 'cities'}"


def _years(row: Any) -> str:
    return f"{_year(row.list_year)} for {_year(row.sourced_year)}"


def _year(value: Any) -> str:
    """A year, ``never`` where a list does not date the city."""
    return "never" if str(value) in ("None", "nan", "<NA>") else str(int(value))


def _number(value: float) -> str:
    return "not estimable" if value != value else f"{value:.4f}"
