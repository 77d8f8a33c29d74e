"""The inference table: every method's rows of every headline column, numbers as elsewhere, reasons where there are none."""

import csv
from itertools import groupby

import numpy as np
import pandas as pd
import pytest
from simulated_panels import CONTROLS, make_panel, make_study

from citycarbon.econometrics import estimate_columns
from citycarbon.econometrics.contract import write_csv
from citycarbon.econometrics.few_clusters import few_cluster_rows
from citycarbon.econometrics.inference_rows import INFERENCE_COLUMNS
from citycarbon.econometrics.inference_table import inference_table, placebo_rows, ri_rows
from citycarbon.econometrics.placebo import add_randomisation
from citycarbon.study.spec import Placebo, RegressionTable

BEFORE_CITIES = [
    "classical",
    "hc1",
    "cluster:city",
    "cluster:province",
    "cv3",
    "wcr:rademacher",
    "wcr:webb",
    "effective_clusters",
]
AFTER_CITIES = ["ri:t", "ri:beta", "placebo:size", "placebo:mde80", "ri:t:province", "ri:t:random_years"]


def study_of(base, **column):
    placebo = Placebo(seed=11, draws=199, draws_variants=99, draws_shown=20)
    return make_study(base, CONTROLS, **column).model_copy(update={"placebo": placebo, "controls": CONTROLS})


def panel_of(**kwargs):
    panel = make_panel(**kwargs)
    first = panel[panel["did_ai_pilot"] == 1].groupby("city_id")["year"].min()
    names = {city: f"city {i}" for i, city in enumerate(panel["city_id"].unique())}
    return panel.assign(first_year_ai_pilot=panel["city_id"].map(first).astype(float), city_name=panel["city_id"].map(names))


def table_of(panel, study):
    done = add_randomisation(estimate_columns(panel, study), panel, study)
    return done, inference_table(panel, study, done.estimates, done.placebo)


@pytest.fixture(scope="module")
def one(base_study):
    panel, study = panel_of(), study_of(base_study)
    return panel, study, *table_of(panel, study)


def test_every_method_has_its_row_and_every_treated_city_two(one):
    panel, _, _, table = one
    treated = sorted(panel.loc[panel["in_sample"] & (panel["did_ai_pilot"] == 1), "city_id"].unique())
    cities = [f"leverage:{c}" for c in treated] + [f"without:{c}" for c in treated]
    assert list(table["method"]) == [*BEFORE_CITIES, *cities, *AFTER_CITIES]
    assert list(table.columns) == list(INFERENCE_COLUMNS) and len(treated) == 4
    assert table.set_index("method").loc[cities, "note"].tolist() == ["city 0", "city 1", "city 2", "city 3"] * 2


def test_the_numbers_are_those_of_the_estimates_and_of_the_placebo(one):
    _, _, done, table = one
    row, placebo, by = done.estimates.iloc[0], done.placebo.iloc[0], table.set_index("method")
    assert by.loc["wcr:rademacher", "p_value"] == row["p_wcr"] and by.loc["ri:t", "p_value"] == row["p_ri_t"]
    assert by.loc["placebo:size", "statistic"] == placebo["size_t_5pct"]
    assert by.loc["placebo:mde80", ["statistic", "draws", "undefined"]].tolist() == [placebo["mde80"], 199, 0]
    for method in ("cluster:city", "wcr:rademacher", "wcr:webb", "ri:t"):
        np.testing.assert_allclose(by.loc[method, "std_error"], row["std_error"], rtol=1e-8)
        np.testing.assert_allclose(by.loc[method, "statistic"], row["t_stat"], rtol=1e-8)
    same = [m for m in by.index if not m.startswith("without:")]
    np.testing.assert_allclose(by.loc[same, "estimate"].astype(float), row["estimate"], rtol=1e-9)
    assert (by.loc[["wcr:rademacher", "wcr:webb"], "draws"] == 9999).all()


def test_leaving_a_city_out_is_the_column_without_it(one, base_study):
    panel, study, _, table = one
    without = table[table["method"].str.startswith("without:")]
    for method, value in zip(without["method"], without["estimate"], strict=True):
        rest = panel[panel["city_id"] != method.removeprefix("without:")]
        np.testing.assert_allclose(value, estimate_columns(rest, study)["estimate"].iloc[0], rtol=1e-9)


def test_leverage_and_the_effective_number_say_the_same(one):
    _, _, _, table = one
    by = table.set_index("method")
    shares = by.loc[by.index.str.startswith("leverage:"), "statistic"].astype(float)
    assert by.loc["effective_clusters", "note"] == f"of 24; 4 treated hold {100 * shares.sum():.1f} % of the partial leverage"
    assert 1 / (shares**2).sum() >= by.loc["effective_clusters", "statistic"] > 1


def test_the_order_of_rows_changes_no_byte(one, tmp_path):
    panel, study, done, table = one
    again = inference_table(panel.sample(frac=1, random_state=3), study, done.estimates, done.placebo)
    for frame, name in ((table, "a.csv"), (again, "b.csv")):
        write_csv(frame, tmp_path / name)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    cells = {cell for row in csv.reader((tmp_path / "a.csv").open()) for cell in row}
    assert not {"nan", "NaN", "None", "<NA>"} & cells


EDGES = {
    "one treated": lambda: panel_of(treated=1),
    "none treated": lambda: panel_of().assign(did_ai_pilot=0),
    "all treated": lambda: panel_of(treated=24),
    "one city": lambda: panel_of(cities=1, treated=1),
    "no rows": lambda: panel_of().iloc[:0],
    "few rows": lambda: panel_of(cities=3, years=4, treated=1, missing=0.5),
    "collinear": lambda: panel_of().assign(market=lambda p: 2 * p["edu"]),
    "an infinite outcome": lambda: panel_of().assign(lnco2=lambda p: p["lnco2"].where(p.index != 5, np.inf)),
    "a control that is did": lambda: panel_of().assign(edu=lambda p: p["did_ai_pilot"] * 1.0),
    "no noise": lambda: panel_of().assign(lnco2=lambda p: p["year"] * 0.1),
}


@pytest.mark.parametrize(("edge", "first"), [*((e, "city") for e in EDGES), *((e, "province") for e in list(EDGES)[:2])])
def test_a_result_or_a_reason_in_every_row(base_study, edge, first):
    panel, study = EDGES[edge](), study_of(base_study, effects=(first, "year"))
    _, table = table_of(panel, study)
    by = table.set_index("method")
    assert not set(BEFORE_CITIES + AFTER_CITIES) - set(by.index)
    for method in ("cv3", "wcr:rademacher", "wcr:webb"):
        assert np.isfinite(by.loc[method, "p_value"]) or by.loc[method, "note"]
    told = by[by[["estimate", "statistic", "p_value"]].astype(float).isna().all(axis=1)]
    assert (told["note"] != "").all()


def test_one_treated_city_has_no_jackknife_and_the_bootstrap_says_what_it_is_worth(base_study):
    _, table = table_of(panel_of(treated=1), study_of(base_study))
    by = table.set_index("method")
    assert by.loc["cv3", "note"] == "not computed: without city 0 nothing is left to estimate the treatment from"
    assert by.loc["wcr:webb", "note"].endswith("1 treated cluster: with so few it tends to reject too rarely")
    assert by.loc["without:110000", "note"] == "city 0; not estimable without it" and np.isnan(
        by.loc["without:110000", "estimate"]
    )
    assert by.loc["cv3", "note"] and np.isnan(by.loc["cv3", "p_value"]) and np.isfinite(by.loc["cv3", "estimate"])


def test_columns_stay_together_and_other_estimators_are_named(base_study):
    study = study_of(base_study)
    first = study.tables["table2"].columns[0]
    two = [
        first,
        first.model_copy(update={"id": "2", "controls": []}),
        first.model_copy(update={"id": "3", "estimator": "dr_did"}),
    ]
    more = RegressionTable(kind="regression", title="v", columns=[first], variants=True)
    study = study.model_copy(
        update={"tables": {"table2": RegressionTable(kind="regression", title="t", columns=two), "v": more}}
    )
    panel = panel_of()
    estimates = estimate_columns(
        panel, study.model_copy(update={"tables": {"table2": study.tables["table2"].model_copy(update={"columns": two[:2]})}})
    )
    other = estimates[estimates["column"] == "2"].assign(column="3")
    table = inference_table(panel, study, pd.concat([estimates, other]), pd.DataFrame(columns=["table", "column", "scheme"]))
    assert [key for key, _ in groupby(zip(table["table"], table["column"], strict=True))] == [("table2", c) for c in "123"]
    third = table[(table["column"] == "3") & table["method"].isin(["cv3", "wcr:rademacher"])]
    assert third["note"].str.contains("dr_did").all() and len(third) == 2
    assert (table.loc[table["method"] == "placebo:size", "note"] == "not redrawn").all()


def test_a_study_without_redraws_has_no_bootstrap_and_says_so(base_study):
    panel, study = panel_of(), study_of(base_study).model_copy(update={"placebo": None})
    got = few_cluster_rows(panel, study, estimate_columns(panel, study)).set_index("method")
    assert got.loc[["wcr:rademacher", "wcr:webb"], "note"].tolist() == ["the study asks for no redraws"] * 2
    assert np.isfinite(got.loc["cv3", "p_value"])


@pytest.mark.slow
def test_threads_change_nothing(one):
    panel, study, done, _ = one
    tables = {"table2": study.tables["table2"], "table3": study.tables["table2"]}
    two = study.model_copy(update={"tables": tables})
    estimates = pd.concat([done.estimates, done.estimates.assign(table="table3")])
    got = [few_cluster_rows(panel, two, estimates, workers=n) for n in (1, 3)]
    pd.testing.assert_frame_equal(*got)
    assert got[0]["table"].nunique() == 2


def test_placebo_rows_take_the_default_scheme(one):
    _, study, done, _ = one
    assert len(done.placebo) > 1
    got = placebo_rows(done.placebo, done.estimates, study)
    assert got["method"].tolist() == ["placebo:size", "placebo:mde80"]
    assert (
        got["statistic"].tolist()
        == done.placebo.loc[done.placebo["scheme"] == "cohorts", ["size_t_5pct", "mde80"]].iloc[0].tolist()
    )


def test_rows_of_randomisation_inference_are_taken_over(base_study):
    panel, study = make_panel(), make_study(base_study, CONTROLS)
    estimates = estimate_columns(panel, study)
    empty = ri_rows(estimates, study)
    assert empty["method"].tolist() == ["ri:t", "ri:beta"] and empty["p_value"].isna().all()
    assert (empty["note"] == "no randomisation inference").all()
    estimates.loc[0, ["p_ri_t", "p_ri_beta", "conf_low_ri", "conf_high_ri"]] = [0.02, 0.03, -0.5, -0.1]
    got = ri_rows(estimates, study).set_index("method")
    assert got["p_value"].tolist() == [0.02, 0.03] and (got["note"] == "").all()
    assert got.loc["ri:t", ["conf_low", "conf_high"]].tolist() == [-0.5, -0.1] and np.isnan(got.loc["ri:beta", "conf_low"])
    assert got.loc["ri:t", "statistic"] == estimates.loc[0, "t_stat"]
    pd.testing.assert_frame_equal(ri_rows(estimates.sample(frac=1, random_state=2), study).set_index("method"), got)
