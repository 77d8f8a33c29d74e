"""Sentences about results, each generated from the numbers of ``estimates.csv``: no result is described by hand anywhere.

They say what the numbers say and no more: no star is compared with a star, no interval is called an effect, and a direction is
the sign of the number. What each table comes to is said in ``table_sentences``.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, get_args

from citycarbon.report.layout import decimals_for, fixed, table_name
from citycarbon.study.spec import TreatmentTerm

if TYPE_CHECKING:
    import pandas as pd

NO_CONTROLS = "no controls"
ESTIMAND = (
    "The planted effect is an average over treated city-years: effects differ from city to city and grow with time. A column's "
    "estimand is what its regression would find of them without noise, on its own rows. Columns share rows and noise, so they "
    "are not independent trials."
)
TREATMENTS: tuple[str, ...] = get_args(TreatmentTerm)  # other terms that begin with did_ are dummies of other policies


def headline_row(estimates: pd.DataFrame) -> dict[str, Any] | None:
    """The treatment row of the main column: of the first table, city effects first, then the most controls."""
    did = estimates[estimates["term"] == "did"]
    did = did[did["table"] == did["table"].iloc[0]] if len(did) else did
    candidates = [r for r in did.to_dict("records") if math.isfinite(r["estimate"])]
    terms = estimates.groupby(["table", "column"])["term"].count()
    candidates.sort(key=lambda r: ("city" in r["fixed_effects"], terms[r["table"], r["column"]]), reverse=True)
    return candidates[0] if candidates else None


def headline(row: dict[str, Any] | None, estimates: pd.DataFrame, policy: str, label: str) -> str:
    """The main result in one sentence; ``label`` names the outcome for a reader."""
    if row is None:
        return f"No column of this release has an estimable effect of the policy {policy}."
    held = [effects(row["fixed_effects"]), controls(estimates, row)]
    predicted = " and ".join(h for h in held if h != NO_CONTROLS)
    interval = f"95 % interval {signed(row['conf_low'])} to {signed(row['conf_high'])} with t({whole(row['df'])})"
    return (
        f"From its first treated year on, a city of the policy {policy} has {size(row)} {label} than {predicted} predict: "
        f"did = {signed(row['estimate'])} (standard error {plain(row['std_error'])}, {interval}); "
        f"{where(row)}, {whole(row['n_units'])} cities, {whole(row['n_obs'])} city-years."
    )


def uncertainty(row: dict[str, Any]) -> str:
    """What the interval covers, and why it is not the last word with few treated cities."""
    covers = row["conf_low"] <= 0 <= row["conf_high"]
    text = f"The interval {'covers' if covers else 'does not cover'} zero and rests on {support(row)}"
    if row["star_rule"] == "pending":
        return f"{text}; no star is given before randomisation inference is done (RI pending)."
    if not math.isfinite(row.get("p_ri_t", math.nan)):
        return f"{text}; it earns no star: {row['note'] or 'no reason is recorded'}."
    inverted = f", with the interval {signed(row['conf_low_ri'])} to {signed(row['conf_high_ri'])}" if _inverted(row) else ""
    return (
        f"{text}. Where the treatment is reassigned to cities at random, a t statistic at least as large comes up with "
        f"{p_is(row['p_ri_t'])} (randomisation inference{inverted})."
    )


def _inverted(row: dict[str, Any]) -> bool:
    return math.isfinite(row.get("conf_low_ri", math.nan)) and math.isfinite(row.get("conf_high_ri", math.nan))


def support(row: dict[str, Any]) -> str:
    """``9 treated cities (17 treated city-years)``."""
    cities, cells = int(row["n_treated_units"]), int(row["n_treated_cells"])
    return (
        f"{whole(cities)} treated {'city' if cities == 1 else 'cities'} ({whole(cells)} treated city-year{'s' * (cells != 1)})"
    )


def comparisons(estimates: pd.DataFrame, main: dict[str, Any]) -> list[str]:
    """How the treatment's estimate changes in the other columns of the same table, one sentence a column."""
    did = estimates[(estimates["term"] == "did") & (estimates["table"] == main["table"])]
    out = []
    for row in did.to_dict("records"):
        if row["column"] == main["column"]:
            continue
        if not math.isfinite(row["estimate"]):
            out.append(f"Column {row['column']}: not estimable ({row['note']}).")
            continue
        change = row["estimate"] - main["estimate"]
        how = f"{effects(row['fixed_effects'])}, {controls(estimates, row)}"
        out.append(
            f"Column {row['column']} ({how}): did = {signed(row['estimate'])} "
            f"({plain(row['std_error'])}), {plain(abs(change))} {'above' if change > 0 else 'below'} column {main['column']}."
        )
    return out


def weak_points(row: dict[str, Any] | None, flags: dict[str, dict[str, int]], in_sample: int, all_rows: int) -> list[str]:
    """What weakens the result, from its numbers: support, attrition, values that are not plain observations."""
    points = []
    if row is not None:
        share = row["n_treated_cells"] / row["n_obs"]
        points.append(
            f"{support(row)}, {100 * share:.2f} % of the sample, carry the estimate; "
            "clustered t tests reject too often in such a design."
        )
    if row is not None and row["star_rule"] == "pending":
        points.append("Randomisation inference is pending: the p-values of did are conventional ones and earn no star.")
    points.append(
        "Pilot cities were selected, not drawn: a difference from comparison cities need not be an effect of the policy."
    )
    if in_sample < all_rows:
        out, share = all_rows - in_sample, 100 - 100 * in_sample / all_rows
        points.append(
            f"{whole(out)} of {whole(all_rows)} city-years are not in the sample ({share:.1f} %); the table below says why."
        )
    for variable, kinds in flags.items():
        n, named = kinds["any"], ", ".join(f"{k} {whole(c)}" for k, c in kinds.items() if k != "any")
        points.append(
            f"{variable}: {whole(n)} values of the sample ({100 * n / in_sample:.1f} %) are not plain observations: {named}."
        )
    return points


def count_flags(flags: pd.Series) -> dict[str, int]:
    """Values with a flag (``any``) and with each kind of flag; a flag may name several kinds, separated by ``;``."""
    marked = flags.dropna().astype(str)
    kinds = marked[marked != ""].str.split(";").explode().str.strip()
    kinds = kinds[kinds != ""]
    if kinds.empty:
        return {}
    return {"any": int(kinds.index.nunique()), **{str(k): int(n) for k, n in kinds.value_counts().sort_index().items()}}


def synthetic(truth: dict[str, Any]) -> str:
    """What the sources of a sample are; ``truth``: the content of truth.json."""
    text = "The sources were written by this project's generator; nothing in them was observed"
    if isinstance(truth.get("effect"), int | float):
        where = f"in the treated city-years of the policy {truth['policy']}"
        text += f", and an effect of {signed(truth['effect'])} on average was planted {where}"
    return f"{text}. Agreement or disagreement with any paper means nothing here."


def planted(truth: dict[str, Any], estimates: pd.DataFrame) -> list[str]:
    """For a sample: what the lines mean, then each column's estimand beside its estimate, in standard errors; [] for none."""
    out = []
    did = estimates[estimates["term"] == "did"]
    for row in did.to_dict("records"):
        target = truth.get("estimands", {}).get(f"{row['table']}:{row['column']}")
        if target is None or not math.isfinite(row["estimate"]):
            continue
        away = (row["estimate"] - target) / row["std_error"]
        out.append(
            f"{where(row)}: planted {scaled(target, row['std_error'])}, found {scaled(row['estimate'], row['std_error'])} "
            f"({scaled(row['std_error'], row['std_error'])}), "
            f"{abs(away):.1f} standard errors {'above' if away > 0 else 'below'}."
        )
    return [ESTIMAND, *out] if out else []


def where(row: dict[str, Any]) -> str:
    return f"{table_name(row['table'])} column {row['column']}"


def effects(text: str) -> str:
    """``city (220 levels) + year (19 levels)`` -> ``city and year effects``."""
    return f"{' and '.join(re.sub(r' [(].*?[)]', '', text).split(' + '))} effects"


def controls(estimates: pd.DataFrame, row: dict[str, Any]) -> str:
    rows = estimates[(estimates["table"] == row["table"]) & (estimates["column"] == row["column"])]
    n = sum(t not in (*TREATMENTS, "_cons") for t in rows["term"])
    return f"{n} control{'s' * (n != 1)}" if n else NO_CONTROLS


def size(row: dict[str, Any]) -> str:
    """The estimate in words, its direction from its sign: in per cent where the outcome is a plain log."""
    b = row["estimate"]
    way = "lower" if b < 0 else "higher" if b > 0 else "higher or lower"
    if row["transform"] == "ln":
        return f"{100 * abs(math.expm1(b)):.1f} % {way}"
    what = "" if row["transform"] == "none" else f" {row['transform']} of"
    return f"{scaled(abs(b), row['std_error'])} {way}{what}"


def scaled(value: float, error: float) -> str:
    """``value`` with the decimals that two digits of its standard error need (at least three), and a true minus sign."""
    return fixed(value, decimals_for(error)).replace("-", "\N{MINUS SIGN}")


def p_text(value: float) -> str:
    """A p-value: three decimals, four below 0.001, and a bound below 0.0001."""
    if value < 0.0001:
        return "<0.0001"
    return f"{value:.4f}" if value < 0.001 else f"{value:.3f}"


def p_is(value: float) -> str:
    """``p = 0.012`` or ``p < 0.0001``."""
    text = p_text(value)
    return f"p < {text[1:]}" if text[0] == "<" else f"p = {text}"


def signed(value: float) -> str:
    """Three decimals with a true minus sign; more where the number would vanish."""
    return plain(value).replace("-", "\N{MINUS SIGN}")


def plain(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return ""
    return f"{value:.3f}" if value == 0 or abs(value) >= 0.0005 else f"{value:.2e}"


def whole(value: Any) -> str:
    """12345 -> 12,345."""
    return f"{int(value):,}"
