"""The treatment columns against the policy list, recomputed here from what the list prints, and against the estimation
sample."""

from __future__ import annotations

import pandas as pd

from citycarbon.gate.inputs import GateInputs
from citycarbon.gate.judged import Judged, judged
from citycarbon.study.spec import is_of_a_list

SUBCITY = {"district", "county", "zone", "zone_or_county"}
POLICY_COLUMNS = ["policy", "year", "date", "unit_level", "city_zh", "adcode"]
NEVER = 9999


def first_years(inputs: GateInputs) -> pd.DataFrame:
    """First treated year by policy and city under the study's rules: policy, city_id, first_year, whole (a city-wide adoption).

    Announcement: the year of the list. First full year: the year of the date where that is in January, else the year after.
    Sub-city rule ``treat`` counts a pilot in a part of a city for the whole city; the other rules do not.
    """
    rows = inputs.seed("policy_adoptions", POLICY_COLUMNS)
    rows = rows.assign(city_id=_cities(rows, inputs), whole=~rows["unit_level"].isin(SUBCITY))
    rows = rows[rows["city_id"].notna()]
    year = rows["year"].astype(int)
    if inputs.scope.year_rule == "first_full_year":
        dated = pd.to_numeric(rows["date"].str[:4]).fillna(year).astype(int)
        year = dated + rows["date"].str[5:7].ne("01").astype(int)
    rows = rows.assign(first_year=year)
    counted = rows if inputs.scope.subcity_rule == "treat" else rows[rows["whole"]]
    return counted.groupby(["policy", "city_id"], as_index=False).agg(first_year=("first_year", "min"), whole=("whole", "any"))


def _cities(rows: pd.DataFrame, inputs: GateInputs) -> pd.Series:
    """The unit of today behind a printed code, else behind a printed city name; missing for provinces and what no unit
    holds."""
    codes = inputs.seed("city_codes", ["year", "adcode", "name", "city_id"]).sort_values("year")
    by_code = dict(zip(codes["adcode"], codes["city_id"], strict=True))
    by_name = dict(zip(codes["name"], codes["city_id"], strict=True))
    code = rows["adcode"].fillna("")
    municipality = code.str[:2] + "0000"
    candidates = [code, code.str[:4] + "00", municipality.where(municipality.isin(set(inputs.units["city_id"])), "")]
    found = pd.Series(pd.NA, index=rows.index, dtype="object")
    for candidate in candidates:
        found = found.fillna(candidate.map(by_code))
    return found.fillna(rows["city_zh"].map(by_name).where(code.eq("")))


def policies_in(panel: pd.DataFrame) -> list[str]:
    """Policies dated by the sourced list. What a published list dates is data to compare with it, not to be judged by it."""
    return [c.removeprefix("did_") for c in panel.columns if c.startswith("did_") and not is_of_a_list(c)]


def long_treatment(inputs: GateInputs) -> pd.DataFrame:
    """The did columns of the panel as one row per policy, city and year: policy, city_id, year, did, used."""
    panel = inputs.mart("city_panel", ["city_id", "year", f"did_{inputs.scope.policy}"])
    parts = [
        panel[["city_id", "year"]].assign(policy=p, did=panel[f"did_{p}"].astype(float), used=p in inputs.scope.policies)
        for p in policies_in(panel)
    ]
    return pd.concat(parts, ignore_index=True)


def judge_absorbing(inputs: GateInputs) -> Judged:
    """One row per policy, city and year with ``step``: did minus did of the year before; -1 fails."""
    table = long_treatment(inputs).sort_values(["policy", "city_id", "year"], kind="stable")
    table["step"] = table.groupby(["policy", "city_id"], sort=False)["did"].diff()
    return judged(table, lambda r: f"did_{r.policy} falls")


def judge_equals_policy(inputs: GateInputs) -> Judged:
    """One row per policy, city and year with ``difference`` between did and what the policy list implies (9 where did is
    missing).

    Under the sub-city rule ``exclude`` cities with only a pilot in a part of them are outside every comparison: not judged.
    """
    table = long_treatment(inputs)
    implied = first_years(inputs)
    table = table.merge(implied, on=["policy", "city_id"], how="left")
    table["expected"] = (table["year"] >= table["first_year"].fillna(NEVER)).astype(float)
    if inputs.scope.subcity_rule == "exclude":
        table = table[~_only_in_part(table, inputs)]
    table["difference"] = (table["did"] - table["expected"]).fillna(9.0)
    return judged(table, lambda r: f"did_{r.policy} is {r.did:.0f}, the list implies {r.expected:.0f}")


def _only_in_part(table: pd.DataFrame, inputs: GateInputs) -> pd.Series:
    rows = inputs.seed("policy_adoptions", POLICY_COLUMNS)
    rows = rows.assign(city_id=_cities(rows, inputs), whole=~rows["unit_level"].isin(SUBCITY))
    whole = rows.groupby(["policy", "city_id"])["whole"].any()
    parts = set(whole.index[~whole.to_numpy(dtype=bool)])
    return pd.Series(
        [(p, c) in parts for p, c in zip(table["policy"], table["city_id"], strict=True)], index=table.index, dtype=bool
    )


def judge_support(inputs: GateInputs) -> Judged:
    """One row per treated city of each cohort that begins in the window, with ``cohort_share``: treated rows of its cohort in
    the sample over the most that the rule allows (cities x years from adoption to the end of the window). 0 or above 1 fails
    (L68).
    """
    did, policy = f"did_{inputs.scope.policy}", inputs.scope.policy
    panel = inputs.mart("city_panel", ["city_id", "year", "in_sample", did])
    first = first_years(inputs)
    first = first[(first["policy"] == policy) & first["city_id"].isin(set(panel["city_id"].dropna()))]
    first = first[first["first_year"].between(inputs.scope.first_year, inputs.scope.last_year)]
    rows = panel[panel["in_sample"].fillna(False).astype(bool) & (panel[did] == 1)]
    out = first.assign(treated=first["city_id"].map(rows["city_id"].value_counts()).fillna(0).astype(int))
    out["most"] = inputs.scope.last_year - out["first_year"] + 1
    by = out.groupby("first_year")
    out["cohort_rows"], out["cohort_most"] = by["treated"].transform("sum"), by["most"].transform("sum")
    out["cohort_share"] = out["cohort_rows"] / out["cohort_most"]
    return judged(
        out.rename(columns={"first_year": "year"}),
        lambda r: f"cohort {int(r.year)}: {int(r.cohort_rows)} treated rows in the sample, at most {int(r.cohort_most)}",
        note=f"{int(out['treated'].sum())} treated rows in the sample, at most {int(out['most'].sum())} by rule",
    )
