"""Odd samples through everything a study meets: a result or a named reason in every row, never a crash, never a row dropped."""

import csv
import warnings

import numpy as np
import pandas as pd
import pytest
from family_panels import family_panel, family_study, outcomes_family, splits_family
from hypothesis import given, settings
from hypothesis import strategies as st
from tries import up_to

from citycarbon.econometrics.contract import write_csv
from citycarbon.econometrics.estimate import estimate_study
from citycarbon.econometrics.inference_table import inference_table
from citycarbon.econometrics.splits import check_splits, split_report

CITY, PROVINCE = ("city", "year"), ("province", "year")
PER_COLUMN = {
    "classical", "hc1", "cluster:city", "cluster:province", "cv3", "wcr:rademacher", "wcr:webb", "effective_clusters", "ri:t",
    "ri:beta", "placebo:size", "placebo:mde80", "ri:t:province", "ri:t:size", "ri:t:random_years",
}  # fmt: skip
NO_TEST = ("effective_clusters", "leverage:", "without:", "placebo:")  # rows that hold a number and no p-value


def treated(panel, number):
    """The first ``number`` cities are treated from 2008 on."""
    who = panel["city_id"].isin(panel["city_id"].unique()[:number])
    return panel.assign(
        did_ai_pilot=(who & (panel["year"] >= 2008)).astype(int), first_year_ai_pilot=np.where(who, 2008.0, np.nan)
    )


def every_city_at_two_dates(panel):
    first = np.where(panel["city_id"].astype(int) % 200 == 0, 2007.0, 2010.0)
    return panel.assign(did_ai_pilot=(panel["year"] >= first).astype(int), first_year_ai_pilot=first)


def last_city_in_one_year(panel):
    return panel[(panel["city_id"] != panel["city_id"].iloc[-1]) | (panel["year"] == 2006)]


def first_city_in_its_last_year(panel):
    last = panel.loc[panel["in_sample"] & panel["city_id"].eq(panel["city_id"].iloc[0]), "year"].max()
    return panel[(panel["city_id"] != panel["city_id"].iloc[0]) | (panel["year"] == last)]


def twice(panel):
    return pd.concat([panel, panel.iloc[[5, 60]]], ignore_index=True)


def outcome(panel, where, value):
    return panel.assign(lnco2=panel["lnco2"].mask(where, value))


ODD = {
    "one treated city": lambda p: treated(p, 1),
    "none treated": lambda p: treated(p, 0),
    "every city treated": lambda p: treated(p, 24),
    "every city treated at two dates": every_city_at_two_dates,
    "every city but one treated": lambda p: treated(p, 23),
    "a city of one row": last_city_in_one_year,
    "a treated city of one row": first_city_in_its_last_year,
    "collinear controls": lambda p: p.assign(market=2 * p["lnpgdp"] + 1),
    "a control that is the treatment": lambda p: p.assign(market=p["did_ai_pilot"] * 1.0),
    "an infinite outcome in places": lambda p: outcome(p, p.index % 50 == 3, np.inf),
    "no finite outcome where treated": lambda p: outcome(p, p["did_ai_pilot"] == 1, -np.inf),
    "a missing outcome in places": lambda p: outcome(p, p.index % 7 == 3, np.nan),
    "no outcome": lambda p: p.assign(lnco2=np.nan),
    "an outcome that is infinite throughout": lambda p: p.assign(lnco2=np.inf),
    "an outcome that does not vary": lambda p: p.assign(lnco2=3.0),
    "city-years twice": twice,
    "no rows": lambda p: p.iloc[:0],
    "one city": lambda p: p[p["city_id"] == p["city_id"].iloc[0]],
    "two cities": lambda p: p[p["city_id"].isin([p["city_id"].iloc[0], p["city_id"].iloc[-1]])],
    "one year": lambda p: p[p["year"] == 2010],
    "two years": lambda p: p[p["year"].isin([2007, 2010])],
}
# What the treatment's row of column 1 says where it has no estimate.
REASONS = {
    "none treated": "not estimable: 0 treated cities in this sample",
    "every city treated": "not estimable: absorbed by the fixed effects",
    "a control that is the treatment": "not estimable: collinear with market given the fixed effects",
    "no finite outcome where treated": "not estimable: 0 treated cities in this sample; 18 sample rows without a finite",
    "no outcome": "not estimable: not supplied: lnco2",
    "an outcome that is infinite throughout": "not estimable: 0 clusters: nothing can be estimated; 204 sample rows without",
    "city-years twice": "not estimable: 2 rows of the panel repeat a city and year (110000 in 2008)",
    "no rows": "not estimable: not supplied: lnco2, lnpgdp, market",
    "one city": "not estimable: 0 clusters: nothing can be estimated",
    "one year": "not estimable: ",
}


def small(base, effects=CITY, draws=19):
    """Two outcomes and the halves of one split, as families."""
    families = [outcomes_family("1", "2"), splits_family("table5")]
    study = family_study(base, families, draws=draws, fixed_effects=effects)
    tables = {"table3": study.tables["table3"], "table5": study.tables["table5"]}
    tables["table3"] = tables["table3"].model_copy(update={"columns": tables["table3"].columns[:2]})
    return study.model_copy(update={"tables": tables})


def all_of(panel, study, workers=1):
    """Estimates, placebo, inference table and splits of one study."""
    done = estimate_study(panel, study, workers=workers)
    table = inference_table(panel, study, done.estimates, done.placebo, workers=workers)
    return done.estimates, done.placebo, table, split_report(panel, study, done.estimates, 19, workers=workers)


def cells(frame, folder):
    write_csv(frame, folder / "it.csv")
    with (folder / "it.csv").open(encoding="utf-8", newline="") as handle:
        return {cell for row in csv.reader(handle) for cell in row}


FAST = (
    "one treated city", "none treated", "every city treated", "a city of one row", "collinear controls",
    "an infinite outcome in places", "city-years twice",
)  # fmt: skip
CASES = [(odd, effects) for effects in (CITY, PROVINCE) for odd in ODD]
SLOW = [pytest.param(*case, marks=pytest.mark.slow) for case in CASES if case[1] == PROVINCE or case[0] not in FAST]


@pytest.mark.parametrize(("odd", "effects"), [*((odd, CITY) for odd in FAST), *SLOW])
def test_a_result_or_a_reason_in_every_row(base_study, tmp_path, odd, effects):
    panel, study = ODD[odd](family_panel()), small(base_study, effects)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # a number that came out of 0 / 0 would go unnoticed
        estimates, placebo, table, splits = all_of(panel, study)
    # every term of every column keeps its row
    terms = sum(len(column.terms) + 1 for t in study.regression_tables().values() for column in t.columns)
    assert len(estimates) == terms and ((estimates["note"] != "") | estimates["estimate"].notna()).all()
    did = estimates[estimates["term"] == "did"]
    assert set(did["star_rule"]) <= {"ri_t", "none"} and (did.loc[did["star_rule"] == "none", "note"] != "").all()
    assert (did.loc[did["star_rule"] == "ri_t", "p_ri_t"].notna()).all()
    if effects == CITY or odd not in ("every city treated", "one year"):
        found = did["note"].iloc[0]
        assert found.startswith(REASONS[odd]) if odd in REASONS else np.isfinite(did["estimate"].iloc[0])
    # every method of every column and both families keep theirs
    for _, rows in table[~table["column"].str.contains("/")].groupby(["table", "column"]):
        assert set(rows["method"]) >= PER_COLUMN
    family = table[table["method"].str.startswith(("joint:", "romano_wolf:"))]
    assert len(family) == 2 * 2 + 2
    assert ((table["note"] != "") | table["p_value"].notna() | table["method"].str.startswith(NO_TEST)).all()
    numbers = table[["estimate", "statistic", "p_value"]].astype(float)
    assert ((table["note"] != "") | numbers.notna().any(axis=1)).all()
    # the split keeps its row, and the halves still add up
    assert len(splits) == 1 and ((splits["note"] != "") | splits["p_ri"].notna()).all()
    assert check_splits(splits, estimates).passed
    for frame in (estimates, placebo, table, splits):
        assert not {"nan", "NaN", "None", "<NA>", "-0", "-0.0"} & cells(frame, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("odd", ["one treated city", "every city but one treated", "a treated city of one row", "two years"])
def test_what_is_estimated_is_what_explicit_dummies_give(base_study, odd):
    from citycarbon.econometrics import fwl
    from citycarbon.econometrics.sample import estimation_sample

    panel, study = ODD[odd](family_panel()), small(base_study)
    estimates, _, table, _ = all_of(panel, study)
    column = study.column("table3", "1")
    rows = estimation_sample(panel, study, column).rows
    effects = fwl.Effects(fwl.codes(rows["city_id"]), fwl.codes(rows["year"]))
    want = fwl.dummy_fit(rows["lnco2"].to_numpy(), rows[column.terms].to_numpy(), effects, fwl.codes(rows["city_id"]), 1)
    got = table[(table["table"] == "table3") & (table["column"] == "1") & (table["method"] != "cv3")]
    same = got[~got["method"].str.startswith("without:") & got["estimate"].notna()]
    np.testing.assert_allclose(same["estimate"], want.params[1], rtol=1e-8)
    np.testing.assert_allclose(estimates["estimate"].iloc[0], want.params[1], rtol=1e-9)


@pytest.mark.slow
def test_one_treated_city_earns_no_star_and_its_smallest_p_is_told(base_study):
    panel = treated(family_panel(missing=0.0), 1)
    estimates, _, table, _ = all_of(panel, small(base_study))
    assert estimates["star_rule"].iloc[0] == "none" and "no star: one treated city" in estimates["note"].iloc[0]
    by = table[table["column"] == "1"].set_index("method")
    assert "only 3 different assignments exist" in by.loc["ri:t:province", "note"].iloc[0]
    assert "no p below about 0.33 is possible" in by.loc["ri:t:province", "note"].iloc[0]


@pytest.mark.slow
@settings(max_examples=up_to(4))
@given(seed=st.integers(0, 9999), missing=st.sampled_from([0.0, 0.3]))
def test_neither_the_order_of_rows_nor_the_order_of_cities_changes_a_byte(base_study, tmp_path_factory, seed, missing):
    panel, study = family_panel(seed, missing=missing), small(base_study)
    shuffled = panel.sample(frac=1, random_state=seed % 1000)
    for one, two in zip(all_of(panel, study), all_of(shuffled, study), strict=True):
        folder = tmp_path_factory.mktemp("bytes")
        for frame, name in ((one, "one.csv"), (two, "two.csv")):
            write_csv(frame, folder / name)
        assert (folder / "one.csv").read_bytes() == (folder / "two.csv").read_bytes()


@pytest.mark.slow
def test_a_second_process_changes_nothing(base_study):
    panel, study = family_panel(missing=0.2), small(base_study, draws=199)
    for one, two in zip(all_of(panel, study), all_of(panel, study, workers=2), strict=True):
        pd.testing.assert_frame_equal(one, two, check_exact=True)


@pytest.mark.parametrize("chunk", [1, 7, 512, 4096])
def test_the_size_of_chunks_changes_rounding_only(base_study, chunk):
    """Other widths of the products add the same numbers in another order; p-values count with a tolerance far above that."""
    from citycarbon.econometrics.draws import blocks
    from citycarbon.econometrics.placebo import experiment
    from citycarbon.econometrics.randomisation import p_value
    from citycarbon.econometrics.sample import estimation_sample

    panel, study = family_panel(missing=0.2), small(base_study)
    column = study.column("table3", "1")
    case = experiment(estimation_sample(panel, study, column), panel, study, column)
    (part,) = blocks(case.scheme, 3, 600)
    atoms = case.design.atoms(*part)
    want, got = case.design.statistics(atoms), case.design.statistics(atoms, chunk=chunk)
    np.testing.assert_allclose(got.t(), want.t(), rtol=1e-10)
    actual = float(case.actual().t()[0])
    assert p_value(got.t(), actual) == p_value(want.t(), actual)
