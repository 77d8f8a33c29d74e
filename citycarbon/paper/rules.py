"""How each kind of claim is decided from a run's findings. Every sentence here is made of numbers; no rule compares stars.

A claim is *supported* only where the test that belongs to it says so on this panel. A large p-value supports nothing: the claim
is *undecided* where the data cannot tell, and *contradicted* where the opposite passes the same test.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from citycarbon.paper.claims import (
    Claim,
    Claims,
    Difference,
    Effect,
    EventTime,
    Findings,
    MagnitudeGrows,
    Mediation,
    Placebo,
    PreTrend,
)

if TYPE_CHECKING:
    import pandas as pd

SUPPORTED, NOT_SUPPORTED, CONTRADICTED = "supported", "not supported", "contradicted"
UNDECIDED, NOT_ESTIMABLE, NOT_SUPPLIED = "undecided", "not estimable", "not supplied"
Verdict = dict[str, str]  # target, verdict, observed, why, also


def judge(claim: Claim, claims: Claims, found: Findings) -> Verdict:
    """Target, verdict, observed numbers, reason and further readings of one claim."""
    if isinstance(claim, Effect):
        return _effect(claim, claim.level or claims.level, found)
    if isinstance(claim, Mediation):
        return _mediation(claim, claims.level, found)
    if isinstance(claim, EventTime):
        return _event_time(claim, claims.level, found)
    if isinstance(claim, PreTrend):
        return _pre_trend(claims.level, found)
    if isinstance(claim, MagnitudeGrows):
        return _magnitude(claim, found)
    if isinstance(claim, Placebo):
        return _placebo(claim, claims.level, found)
    return _difference(claim, claims.difference_level, found)


def _verdict(target: str, verdict: str, observed: str, why: str, also: str = "") -> Verdict:
    return {"target": target, "verdict": verdict, "observed": observed, "why": why, "also": also}


def _row(found: Findings, name: str) -> pd.Series | None:
    """The treatment's row of table:column; None where the run has no such column."""
    table, _, column = name.partition(":")
    e = found.estimates
    rows = e[(e["table"] == table) & (e["column"] == column) & e["term"].str.startswith("did")]
    rows = rows[~rows["term"].str.startswith("did_") | rows["term"].isin(["did_lag1", "did_ever", "did_literal"])]
    return rows.iloc[0] if len(rows) else None


def _said(row: pd.Series) -> str:
    p = f", p = {row['p_ri_t']:.3g} by randomisation inference" if _finite(row["p_ri_t"]) else ""
    return f"{row['term']} = {row['estimate']:.4g} (s.e. {row['std_error']:.4g}){p}"


def _effect(claim: Effect, level: float, found: Findings) -> Verdict:
    row = _row(found, claim.column)
    also = "; ".join(_also(found, name, claim.sign, level) for name in claim.also)
    if row is None:
        return _verdict(claim.column, NOT_SUPPLIED, "", "this study does not estimate the column", also)
    if not _finite(row["estimate"]):
        return _verdict(claim.column, NOT_ESTIMABLE, "", row["note"], also)
    verdict, why = _by_sign(row["estimate"], row["p_ri_t"], claim.sign, level)
    treated = f" {int(row['n_treated_units'])} treated cities, {int(row['n_treated_cells'])} city-years."
    return _verdict(claim.column, verdict, _said(row), why + treated, also)


def _by_sign(estimate: float, p: float, sign: str, level: float) -> tuple[str, str]:
    """Verdict and sentence for a coefficient against a claimed sign."""
    agrees = (estimate < 0) == (sign == "negative") and estimate != 0
    if not _finite(p):
        return UNDECIDED, f"The coefficient is {_direction(estimate)}, but it has no randomisation p-value."
    if p >= level:
        return UNDECIDED, (
            f"The coefficient is {_direction(estimate)}; a random assignment gives a t statistic as large with p = {p:.3g}, "
            f"not below {level:g}."
        )
    if agrees:
        return SUPPORTED, f"The coefficient is {_direction(estimate)} as claimed, with p = {p:.3g}, below {level:g}."
    return CONTRADICTED, f"The coefficient is {_direction(estimate)}, the claim says {sign}, with p = {p:.3g}, below {level:g}."


def _also(found: Findings, name: str, sign: str, level: float) -> str:
    row = _row(found, name)
    if row is None:
        return f"{name}: {NOT_SUPPLIED}"
    if not _finite(row["estimate"]):
        return f"{name}: {NOT_ESTIMABLE}"
    return f"{name}: {row['estimate']:.4g}, {_by_sign(row['estimate'], row['p_ri_t'], sign, level)[0]}"


def _mediation(claim: Mediation, level: float, found: Findings) -> Verdict:
    row = _row(found, claim.column)
    if row is None:
        return _verdict(claim.column, NOT_SUPPLIED, "", "this study does not estimate the column")
    if not _finite(row["estimate"]):
        return _verdict(claim.column, NOT_ESTIMABLE, "", row["note"])
    verdict, why = _by_sign(row["estimate"], row["p_ri_t"], claim.sign, level)
    if verdict == CONTRADICTED:
        return _verdict(claim.column, CONTRADICTED, _said(row), f"The mediator moves the other way. {why}")
    if verdict == UNDECIDED:
        return _verdict(claim.column, UNDECIDED, _said(row), f"Whether the mediator responds is open. {why}")
    share = _share(found, claim.column)
    if share is None:
        return _verdict(
            claim.column, NOT_SUPPORTED, _said(row), f"The mediator responds, but no mediated share could be computed. {why}"
        )
    low, high = share["conf_low"], share["conf_high"]
    observed = f"{_said(row)}; mediated share {share['share']:.3g} [{low:.3g}, {high:.3g}]"
    caveat = "It is exploratory: without sequential ignorability a share is no proof of a channel."
    if low > 0:
        return _verdict(
            claim.column, SUPPORTED, observed, f"The mediator responds and the interval of its share lies above zero. {caveat}"
        )
    return _verdict(
        claim.column,
        NOT_SUPPORTED,
        observed,
        f"The mediator responds, but the interval of its share contains zero: 'through' is not shown. {caveat}",
    )


def _share(found: Findings, column: str) -> dict[str, float] | None:
    if found.mechanisms.empty:
        return None
    table, _, name = column.partition(":")
    m = found.mechanisms
    rows = m[(m["table"] == table) & (m["column"].astype(str) == name)]
    if not len(rows):
        return None
    row = rows.iloc[0]
    values = {k: float(row[c]) for k, c in (("share", "share"), ("conf_low", "share_low"), ("conf_high", "share_high"))}
    return values if all(map(_finite, values.values())) else None


def _event_time(claim: EventTime, level: float, found: Findings) -> Verdict:
    target = "event study, " + ", ".join(map(_time, claim.event_times))
    rows = [r for r in _headline_rows(found) if r["event_time"] in claim.event_times]
    if not rows:
        return _verdict(target, NOT_SUPPLIED, "", "this run has no event study")
    known = [r for r in rows if _finite(r["estimate"])]
    observed = "; ".join(
        f"{_time(r['event_time'])}: {r['estimate']:.4g} (s.e. {r['std_error']:.4g}), p = {r['p_ri_t']:.3g} by randomisation "
        f"inference, {int(r['n_treated_units'])} cities"
        for r in known
    )
    if len(known) < len(rows):
        return _verdict(target, NOT_ESTIMABLE, observed, "not every event time has a treated city-year in the sample")
    verdicts = {_by_sign(r["estimate"], r["p_ri_t"], claim.sign, level)[0] for r in known}
    fewest = f" As few as {min(int(r['n_treated_units']) for r in known)} treated cities stand behind a coefficient."
    if verdicts == {SUPPORTED}:
        why = f"Every coefficient is {claim.sign} with a randomisation p-value below {level:g}."
        return _verdict(target, SUPPORTED, observed, why + fewest)
    if verdicts == {CONTRADICTED}:
        return _verdict(target, CONTRADICTED, observed, "Every coefficient has the other sign, by the same test." + fewest)
    why = f"Not every coefficient is {claim.sign} with a randomisation p-value below {level:g}."
    return _verdict(target, UNDECIDED, observed, why + fewest)


def _time(event_time: int) -> str:
    return f"t{int(event_time):+d}" if event_time else "t"


def _headline_rows(found: Findings) -> list[dict[str, Any]]:
    """The event study's headline variant, one row an event time."""
    e = found.event_study
    return [] if e.empty else e[e["is_headline"].astype(bool)].to_dict("records")


def _pre_trend(level: float, found: Findings) -> Verdict:
    target = "event study, joint test of the leads"
    rows = _headline_rows(found)
    if not rows:
        return _verdict(target, NOT_SUPPLIED, "", "this run has no event study")
    row = rows[0]
    p = row["pretrend_p_ri"] if _finite(row["pretrend_p_ri"]) else row["pretrend_p"]
    if not _finite(p):
        return _verdict(target, NOT_ESTIMABLE, "", str(row["pretrend_note"]) or "the leads are not estimable")
    observed = f"F = {row['pretrend_F']:.3g}, p = {row['pretrend_p']:.3g}; by randomisation p = {row['pretrend_p_ri']:.3g}"
    if p < level:
        return _verdict(target, CONTRADICTED, observed, f"The leads differ jointly from zero (p = {p:.3g}, below {level:g}).")
    return _verdict(
        target,
        UNDECIDED,
        observed,
        f"The leads are not told from zero (p = {p:.3g}); with so few treated cities that is weak evidence, not proof, of "
        "parallel trends.",
    )


def _magnitude(claim: MagnitudeGrows, found: Findings) -> Verdict:
    target = f"{claim.first} to {claim.second}"
    first, second = _row(found, claim.first), _row(found, claim.second)
    if first is None or second is None:
        return _verdict(target, NOT_SUPPLIED, "", "this study does not estimate both columns")
    if not (_finite(first["estimate"]) and _finite(second["estimate"])):
        return _verdict(target, NOT_ESTIMABLE, "", "one of the two coefficients is not estimable")
    before, after = abs(first["estimate"]), abs(second["estimate"])
    observed = f"{first['estimate']:.4g} to {second['estimate']:.4g}"
    share = f", {100 * (after / before - 1):+.1f} %" if before else ""
    distance = abs(after - before) / second["std_error"]
    why = f"The size goes from {before:.4g} to {after:.4g}{share}: {distance:.2g} standard errors of the second coefficient."
    if distance < 1:
        return _verdict(target, UNDECIDED, observed, why + " A change of less than one standard error is called neither.")
    return _verdict(target, SUPPORTED if after > before else CONTRADICTED, observed, why)


def _placebo(claim: Placebo, level: float, found: Findings) -> Verdict:
    p = found.placebo
    table, _, column = claim.column.partition(":")
    rows = p[(p["table"] == table) & (p["column"].astype(str) == column)] if not p.empty else p
    if not len(rows):
        return _verdict(claim.column, NOT_SUPPLIED, "", "this run has no placebo draws of the column")
    row = rows.iloc[0]
    if not _finite(row["p_ri_beta"]):
        return _verdict(claim.column, NOT_ESTIMABLE, "", str(row["note"]))
    observed = f"p = {row['p_ri_beta']:.3g} over {int(row['draws'])} draws, sd {row['sd']:.3g}"
    drawn = int(row["draws"]) - int(row["undefined"])
    beyond = round(row["p_ri_beta"] * (drawn + 1)) - 1
    why = (
        f"A distribution centred at zero is no test; {beyond:,} of {drawn:,} random assignments give a coefficient as large as "
        f"the estimate, p = (1 + {beyond:,}) / ({drawn:,} + 1)."
    )
    return _verdict(claim.column, SUPPORTED if row["p_ri_beta"] < level else UNDECIDED, observed, why)


def _difference(claim: Difference, level: float, found: Findings) -> Verdict:
    s = found.splits
    rows = s[s["split"] == claim.split] if not s.empty else s
    if not len(rows):
        return _verdict(claim.split, NOT_SUPPLIED, "", "this study has no such split, or its criterion was not supplied")
    row = rows.iloc[0]
    if not (_finite(row["difference"]) and _finite(row["p_ri"])):
        return _verdict(claim.split, NOT_ESTIMABLE, "", str(row.get("sentence") or "one half has no treated city"))
    observed = f"high - low = {row['difference']:.4g} (s.e. {row['se']:.4g}), p = {row['p_ri']:.3g} by randomisation inference"
    adjusted = _adjusted(row, found)
    if _finite(adjusted):
        observed += f", {adjusted:.3g} adjusted for the splits tested together (Romano-Wolf)"
    fewest = int(min(row["treated_units_low"], row["treated_units_high"]))
    observed += f"; {fewest} treated {'city' if fewest == 1 else 'cities'} in the half that has fewer"
    if fewest < 2:
        return _verdict(claim.split, UNDECIDED, observed, "One half has a single treated city: no difference is earned by it.")
    stronger = row["difference"] < 0
    if row["p_ri"] >= level:
        return _verdict(claim.split, UNDECIDED, observed, f"The halves cannot be told apart: p is not below {level:g}.")
    caveat = f" Adjusted for the splits tested together p is not below {level:g}." if adjusted >= level else ""
    if stronger:
        why = f"The effect is lower in the high half, with p below {level:g}.{caveat}"
        return _verdict(claim.split, SUPPORTED, observed, why)
    why = f"The effect is stronger in the low half, with p below {level:g}.{caveat}"
    return _verdict(claim.split, CONTRADICTED, observed, why)


def _adjusted(row: Any, found: Findings) -> float:
    """p of a split's difference adjusted for the first family that tests it with others; NaN where none does."""
    rows = found.inference
    if rows.empty:
        return math.nan
    mine = rows[
        (rows["table"] == row["table"])
        & (rows["column"] == f"{row['column_low']}/{row['column_high']}")
        & rows["method"].str.startswith("romano_wolf:")
        & ~rows["note"].str.contains(": 1 hypothesis tested together", regex=False)
    ]
    return float(mine["p_value"].iloc[0]) if len(mine) else math.nan


def _direction(value: float) -> str:
    return "negative" if value < 0 else "positive" if value > 0 else "zero"


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
