"""Sentences about an event study, each generated from the rows of ``event_study.csv``; nothing is concluded by hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from citycarbon.figures.write import listed
from citycarbon.report.formats import count
from citycarbon.report.sentences import plain, signed
from citycarbon.study.dictionary import VARIABLES

if TYPE_CHECKING:
    import pandas as pd

MINUS = "\N{MINUS SIGN}"


def minus(label: str) -> str:
    """``t-4`` with a true minus sign."""
    return label.replace("-", MINUS)


def outcome_words(row: pd.Series | dict[str, Any]) -> str:
    """``ln CO2 (Mt)``: outcome, transform and unit as declared."""
    label = VARIABLES[row["outcome"]].label
    return f"{'' if row['transform'] == 'none' else row['transform'] + ' '}{label} ({row['outcome_unit']})"


def event_sentences(frame: pd.DataFrame) -> list[str]:
    """What the event study of ``frame`` says: its estimates, its support, its tests, and what the other variants change."""
    headline = frame[frame["is_headline"].astype(bool)]
    if headline.empty:
        return ["The study asks for no event study."]
    others = {name: rows for name, rows in frame.groupby("variant", sort=False) if name != headline["variant"].iloc[0]}
    return [
        *_estimates(headline),
        pretrend_sentence(headline),
        *power_sentence(headline),
        *_thin(headline),
        *(difference_sentence(headline, rows) for rows in others.values()),
        hull_sentence(headline),
    ]


def pretrend_sentence(rows: pd.DataFrame) -> str:
    """The joint test of the leads of one variant, with both p-values."""
    row = rows.iloc[0]
    if not _finite(row["pretrend_F"]):
        return f"Joint test of the leads: not estimable ({row['pretrend_note']})."
    text = (
        f"Joint test that the {row['pretrend_df1']} leads are zero: F({row['pretrend_df1']}, {row['pretrend_df2']}) = "
        f"{row['pretrend_F']:.2f}, p = {plain(row['pretrend_p'])} by the F distribution"
    )
    if _finite(row["pretrend_p_ri"]):
        text += f", p = {plain(row['pretrend_p_ri'])} by {count(row['ri_draws'])} reassignments of the cohorts"
        text += f" ({count(row['ri_undefined'])} undefined)" if row["ri_undefined"] else ""
    note = f"; {row['pretrend_note']}" if row["pretrend_note"] else ""
    return f"{text}{note}. A test that does not reject does not show that trends were parallel."


def power_sentence(rows: pd.DataFrame) -> list[str]:
    """The linear trends that the leads would have found half of the time and four times out of five (Roth 2022)."""
    row = rows.iloc[0]
    if not (_finite(row.get("slope_power_50")) and _finite(row.get("slope_power_80"))):
        return []
    return [
        f"A linear trend of {plain(row['slope_power_50'])} a year would make a single-year lead significant at 5 % with 50 % "
        f"power, one of {plain(row['slope_power_80'])} with 80 %: a trend of these years alone could go unseen up to there. "
        "One that runs through all leads would be found from smaller slopes on where the first lead holds earlier years "
        "together (rows pretrend_power of sensitivity.csv)."
    ]


def hull_sentence(rows: pd.DataFrame) -> str:
    """Whether the static effect lies between the smallest and the largest post coefficient less the pre mean (F08)."""
    row = rows.iloc[0]
    if not (_finite(row["hull_low"]) and _finite(row["static_estimate"])):
        return "Static effect against the post coefficients: not estimable."
    inside = "inside" if row["static_in_hull"] else "outside"
    return (
        f"The static did on the same rows, {signed(row['static_estimate'])}, lies {inside} the range of the post coefficients "
        f"less the mean of the pre coefficients ({signed(row['mean_pre'])}, weighted by treated city-years): "
        f"{signed(row['hull_low'])} to {signed(row['hull_high'])}."
    )


def difference_sentence(headline: pd.DataFrame, other: pd.DataFrame) -> str:
    """The largest difference of another variant from the headline, and the number of cities it rests on."""
    name, both = other["variant"].iloc[0], _common(headline, other)
    title = variant_words(name)
    if both.empty:
        return f"{title}: no event time is estimable in both."
    gap = (both["estimate_other"] - both["estimate"]).astype(float)
    at = gap.abs().idxmax()
    return (
        f"{title}: coefficients differ by at most {plain(abs(gap[at]))} "
        f"(at {minus(both['label'][at])}: {signed(both['estimate_other'][at])} against {signed(both['estimate'][at])})."
    )


def variant_words(variant: str) -> str:
    """A variant as a reader calls it."""
    if variant.startswith("without_"):
        return f"Without the cities first treated in {listed(variant.removeprefix('without_').split('_'))}"
    return {"binned": "Ends binned", "shortcut": "Shortcut (years beyond the ends in the base period)"}[variant]


def _common(headline: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Event times, the base apart, that both estimate; the label is the headline's."""
    known = other.loc[~other["is_base"].astype(bool), ["event_time", "estimate"]].dropna()
    return headline.merge(known, on="event_time", suffixes=("", "_other")).dropna(subset=["estimate"]).set_index("event_time")


def _estimates(rows: pd.DataFrame) -> list[str]:
    row = rows.iloc[0]
    base = minus(rows.loc[rows["is_base"].astype(bool), "label"].iloc[0])
    held = f"{row['fixed_effects']}{'; controls ' + row['controls'] if row['controls'] else '; no controls'}"
    parts = []
    for r in rows.to_dict("records"):
        if r["is_base"]:
            continue
        if not _finite(r["estimate"]):
            parts.append(f"{minus(r['label'])}: {r['note']}")
            continue
        interval = f" [{signed(r['conf_low'])}, {signed(r['conf_high'])}]" if _finite(r["conf_low"]) else " (no interval)"
        by_ri = f", p by RI {r['p_ri_t']:.3f}" if _finite(r["p_ri_t"]) else ""
        parts.append(f"{minus(r['label'])}: {signed(r['estimate'])}{interval}{by_ri}")
    return [
        f"Coefficients of event dummies on {outcome_words(row)} relative to {base}, with 95 % intervals from t({row['df']}) "
        f"and p-values by randomisation inference (RI): {'; '.join(parts)}.",
        f"{count(row['n_obs'])} city-years of {count(row['n_units'])} cities, {count(row['n_ever_treated'])} of them ever "
        f"treated; fixed effects {held}; errors clustered by city.",
    ]


def _thin(rows: pd.DataFrame) -> list[str]:
    """Event times after adoption that rest on fewer cities than the year of adoption."""
    post = rows[(rows["event_time"] >= 0) & (rows["n_treated_units"] > 0)]
    if post.empty:
        return ["No treated city-year of the sample lies after adoption."]
    most = post["n_treated_units"].max()
    fewer = post[post["n_treated_units"] < most]
    if fewer.empty:
        return [f"Each event time after adoption rests on {count(most)} treated cities."]
    named = [f"{minus(r.label)} on {r.n_treated_units} ({_cohorts(r.cohorts)})" for r in fewer.itertuples()]
    return [f"Of the event times after adoption the best supported rests on {count(most)} cities, {listed(named)}."]


def _cohorts(text: str) -> str:
    return "first treated in " + listed([part.partition(":")[0] for part in text.split("; ")])


def _finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except TypeError:  # a missing value of pandas
        return False
