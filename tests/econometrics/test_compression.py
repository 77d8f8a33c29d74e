"""The regression from cells is that of all rows: coefficients and clustered errors, and what it says when it has none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from econometrics.large_tables import CONTROLS, MODEL, from_rows, table
from hypothesis import given, settings
from hypothesis import strategies as st

from citycarbon.econometrics.compression import Dated, fit, fit_parquet
from citycarbon.errors import UnusableInput, UsageError

TERMS = ["did", *CONTROLS]
EXACT = 1e-10


def fitted(rows, model=MODEL, **options):
    import ibis

    return fit(ibis.memtable(rows), model, **options)


def agree(found, rows, terms=TERMS, **options):
    """Each estimate and standard error of ``found`` against explicit dummies, to 1e-10 of the error."""
    oracle = from_rows(rows, terms, **options)
    values = {e.term: e for e in found.estimates}
    for j, term in enumerate(terms, start=1):
        error = np.sqrt(oracle.cov[j, j])
        assert values[term].value == pytest.approx(oracle.params[j], abs=EXACT * max(error, abs(oracle.params[j])))
        assert values[term].std_error == pytest.approx(error, rel=EXACT)


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(120, 900),
    weights=st.sampled_from([None, "w"]),
    cluster=st.sampled_from(["county", "city"]),
)
def test_cells_give_the_regression_of_all_rows(seed, rows, weights, cluster):
    data = table(seed, rows=rows)
    counts = data.groupby("county").size().min(), data.groupby("month").size().min()
    found = fitted(data, replace(MODEL, weights=weights, cluster=cluster))
    assert found.n_obs + found.singletons == rows
    if min(counts) > 1:
        assert found.singletons == 0
        agree(found, data, weights=weights, cluster=cluster)


def test_a_row_a_cell_is_the_panel_itself():
    data = table(3, balanced=True)
    found = fitted(data)
    assert (found.n_cells, found.n_obs) == (len(data), len(data))
    agree(found, data)


def test_it_equals_pyfixest():
    import pyfixest

    data = table(8)
    other = pyfixest.feols("y ~ did + x1 + x2 | county + month", data, vcov={"CRV1": "city"}, fixef_tol=1e-12)
    found = fitted(data, replace(MODEL, cluster="city"))
    for estimate in found.estimates:
        assert estimate.value == pytest.approx(other.coef()[estimate.term], rel=EXACT)
        assert estimate.std_error == pytest.approx(other.se()[estimate.term], rel=EXACT)
    assert found.r2 == pytest.approx(other._r2, rel=EXACT)
    assert found.r2_within == pytest.approx(other._r2_within, rel=EXACT)


def test_more_times_than_units():
    """The effect with more levels is removed by means, whichever it is."""
    data = table(5, counties=6, months=40)
    agree(fitted(data), data)


def test_a_unit_may_be_a_combination_of_columns():
    data = table(6).assign(sector=lambda d: np.arange(len(d)) % 3)
    both = data.assign(county=data["county"] * 10 + data["sector"], area=data["county"])
    found = fitted(data, replace(MODEL, unit=("county", "sector")))
    agree(found, both, cluster="area")
    assert found.n_units == both["county"].nunique()


def test_clusters_that_cut_through_units_count_the_units_effects():
    data = table(7).assign(region=lambda d: np.arange(len(d)) % 5)
    found = fitted(data, replace(MODEL, cluster="region"))
    oracle = from_rows(data, TERMS, cluster="region")
    n, wrong, k = len(data), oracle.k_counted, oracle.k_counted + data["county"].nunique() - 1
    assert found.k_counted == k
    error = np.sqrt(oracle.cov[1, 1] * (n - wrong) / (n - k))
    assert found.estimates[0].std_error == pytest.approx(error, rel=EXACT)


def test_clusters_that_cut_through_units_of_panels_that_fall_apart():
    data = table(7)
    data = pd.concat([data, data.assign(county=data["county"] + 100, month=data["month"] + 100)], ignore_index=True)
    found = fitted(data.assign(region=np.arange(len(data)) % 5), replace(MODEL, cluster="region"))
    assert found.k_counted == 3 + data["county"].nunique() + data["month"].nunique() - 2


def test_panels_that_fall_apart_lose_a_time_each():
    """Two groups of counties that share no month: one base month in each."""
    left = table(1)
    right = left.assign(county=left["county"] + 100, month=left["month"] + 100, y=left["y"] * 2 + left["x1"] * left["x2"])
    data = pd.concat([left, right], ignore_index=True)
    agree(fitted(data), data)


def test_singletons_are_dropped_again_and_again_and_counted():
    """County 50 has one row, in a month (77) that then holds one row of county 0, which goes in the second round."""
    data = table(2)
    odd = data.iloc[:2].assign(county=[50, 0], month=77)
    found = fitted(pd.concat([data, odd], ignore_index=True))
    assert (found.singletons, found.n_obs) == (2, len(data))
    agree(found, data)


def test_row_order_changes_no_digit_and_files_only_cut_the_rows(tmp_path):
    data = table(4)
    once = fitted(data)
    data.to_parquet(tmp_path / "whole.parquet")
    data.iloc[:300].to_parquet(tmp_path / "a.parquet")
    data.iloc[300:].to_parquet(tmp_path / "b.parquet")
    whole, again = (fit_parquet([tmp_path / "whole.parquet"], MODEL, scratch=tmp_path) for _ in range(2))
    parts = fit_parquet([tmp_path / "b.parquet", tmp_path / "a.parquet"], MODEL, scratch=tmp_path)
    shuffled = fitted(data.sample(frac=1, random_state=1))
    assert [e.value for e in whole.estimates] == [e.value for e in again.estimates]
    for other in (whole, parts, shuffled):
        for a, b in zip(once.estimates, other.estimates, strict=True):
            assert (a.value, a.std_error) == pytest.approx((b.value, b.std_error), rel=1e-12)


# --- dating -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [int, str, float])
def test_a_treatment_dated_by_city(kind):
    data = table(9).assign(code=lambda d: (370000 + d["city"]).astype(kind), year=lambda d: 2010 + d["month"])
    dated = Dated("code", "year", {"370000": 2014, "370003": 2017, "999999": 2012})
    found = fitted(data, replace(MODEL, treatment=dated, cluster="code"))
    first = data["city"].map({0: 2014, 3: 2017}).fillna(9999)
    agree(found, data.assign(did=(data["year"] >= first).astype(float)), cluster="city")
    assert (found.unmatched, found.n_treated_clusters, found.n_treated_units) == (("999999",), 2, 4)
    assert found.estimates[0].term == "did"


# --- nothing to estimate, and values that are none --------------------------------------------------------------------------


def notes(found):
    return {e.term: e.note for e in found.estimates}


def test_rows_without_a_usable_value_are_left_out_and_counted():
    data = table(10)
    broken = data.assign(
        y=data["y"].mask(data.index == 5, np.inf),
        x1=data["x1"].mask(data.index.isin([5, 6, 7])),
        month=data["month"].astype("Int64").mask(data.index == 8),
        w=data["w"].mask(data.index == 9, 0.0).mask(data.index == 10, -1.0),
    )
    found = fitted(broken, replace(MODEL, weights="w"))
    assert found.left_out == {
        "month missing": 1,
        "y infinite or beyond 1e+150": 1,
        "x1 missing": 3,
        "w not positive": 2,
    }
    assert (found.n_rows, found.n_left_out, found.n_obs) == (len(data), 6, len(data) - 6)
    agree(found, data.drop(index=range(5, 11)), weights="w")


def test_no_usable_row():
    found = fitted(table(1).assign(y=np.nan))
    assert found.n_obs == 0
    assert set(notes(found).values()) == {"not estimable: no row has a usable value in every column"}


def test_every_row_a_singleton():
    data = table(1).iloc[:5].assign(county=range(5), month=range(5))
    found = fitted(data)
    assert (found.singletons, found.n_obs) == (5, 0)
    assert set(notes(found).values()) == {"not estimable: every row is alone in its unit or time"}


def test_one_cluster():
    found = fitted(table(1).assign(all=1), replace(MODEL, cluster="all"))
    assert set(notes(found).values()) == {"not estimable: 1 clusters: nothing can be estimated"}


def test_a_cluster_of_one_row_counts_as_a_cluster():
    data = table(12).assign(group=lambda d: d["county"].where(d.index != 17, -1))
    found = fitted(data, replace(MODEL, cluster="group"))
    assert found.n_clusters == data["group"].nunique()
    assert np.isfinite(found.estimates[0].std_error)


def test_no_one_is_treated():
    found = fitted(table(1).assign(did=0))
    assert notes(found)["did"] == "not estimable: absorbed by the fixed effects"
    assert found.n_treated_units == 0
    agree(found, table(1), terms=list(CONTROLS))


def test_every_one_is_treated_at_once_and_in_turn():
    data = table(1)
    at_once = fitted(data.assign(did=(data["month"] >= 4).astype(int)))
    assert notes(at_once)["did"] == "not estimable: absorbed by the fixed effects"
    in_turn = data.assign(did=(data["month"] >= 2 + data["county"] % 4).astype(int))
    found = fitted(in_turn)
    assert found.n_treated_units == found.n_units
    agree(found, in_turn)


def test_one_unit_is_treated():
    data = table(1).assign(did=lambda d: ((d["county"] == 2) & (d["month"] >= 5)).astype(int))
    found = fitted(data)
    assert (found.n_treated_units, found.n_treated_clusters) == (1, 1)
    agree(found, data)


def test_collinear_controls_are_named_and_the_treatment_keeps_its_coefficient():
    data = table(13).assign(x3=lambda d: 2 * d["x1"] - d["x2"] + 1)
    found = fitted(data, replace(MODEL, controls=("x1", "x2", "x3")))
    assert notes(found)["x1"] == "not estimable: collinear with x2, x3 given the fixed effects"
    assert notes(found)["did"] == ""
    did, oracle = found.estimates[0], from_rows(data, TERMS)
    assert (did.value, did.std_error) == pytest.approx((oracle.params[1], np.sqrt(oracle.cov[1, 1])), rel=EXACT)


@pytest.mark.parametrize("left", [1e-1, 1e-2, 1e-3, 1e-4])
def test_collinear_controls_of_which_the_effects_leave_little_are_told_all_the_same(left):
    """What is left of a control is a difference of larger sums: its rounding must not make three controls of two."""
    data = table(17)
    level = (data["county"] ** 2 - 3.0 * data["month"]) / 60  # of about the size of what is added
    data = data.assign(x1=level + left * data["x1"], x2=left * data["x2"] - 2 * level).assign(x3=lambda d: d["x1"] + d["x2"])
    found = fitted(data, replace(MODEL, controls=("x1", "x2", "x3")))
    assert all(notes(found)[name].startswith("not estimable: collinear") for name in ("x1", "x2", "x3"))
    did, oracle = found.estimates[0], from_rows(data, TERMS)
    assert (did.value, did.std_error) == pytest.approx((oracle.params[1], np.sqrt(oracle.cov[1, 1])), rel=1e-7)


@pytest.mark.parametrize("scale", [1.0, 1e6, 1e-6])
def test_a_control_that_the_effects_absorb(scale):
    constant = table(14).assign(x2=7.3 * scale)
    moving = table(14).assign(x2=lambda d: scale * (d["county"] ** 2 + 100 * d["month"]))
    for data in (constant, moving):
        found = fitted(data)
        assert notes(found) == {"did": "", "x1": "", "x2": "not estimable: absorbed by the fixed effects"}
        agree(found, data, terms=["did", "x1"])


def test_values_far_from_zero_keep_their_digits():
    """A mean a million times the spread: the cross-products are taken about the mean."""
    data = table(15)
    far = data.assign(y=data["y"] + 1e6, x1=data["x1"] + 1e6)
    near, found = fitted(data), fitted(far)
    for a, b in zip(near.estimates, found.estimates, strict=True):
        assert (a.value, a.std_error) == pytest.approx((b.value, b.std_error), rel=1e-8)


def test_too_few_observations():
    data = table(1).iloc[:6].assign(county=[0, 0, 1, 1, 2, 2], month=[0, 1, 0, 1, 0, 1])
    assert "observations for" in notes(fitted(data))["did"]


# --- refusals ---------------------------------------------------------------------------------------------------------------


def test_a_table_with_more_cells_than_memory_is_refused_with_what_it_needs():
    with pytest.raises(
        UsageError, match=r"has 126 cells of county, month, did; about .* GiB of memory would be needed for them"
    ):
        fitted(table(1), memory_gib=1e-5)


def test_a_missing_column_and_a_text_are_named(tmp_path):
    data = table(1)
    with pytest.raises(UsageError, match="expected also x9"):
        fitted(data, replace(MODEL, controls=("x9",)))
    with pytest.raises(UsageError, match="column x1: found values of type string; expected numbers"):
        fitted(data.assign(x1="much"))
    data.to_parquet(tmp_path / "a.parquet")
    data.drop(columns="x2").to_parquet(tmp_path / "b.parquet")
    with pytest.raises(UnusableInput, match=r"b.parquet: found the columns .* expected also x2"):
        fit_parquet(tmp_path.glob("*.parquet"), MODEL)


def test_a_file_that_is_no_parquet_is_refused(tmp_path):
    (tmp_path / "a.parquet").write_text("county,month\n")
    with pytest.raises(UnusableInput, match=r"a.parquet: found what cannot be read as parquet"):
        fit_parquet([tmp_path / "a.parquet"], MODEL)
    table(1).to_parquet(tmp_path / "b.parquet")
    whole = (tmp_path / "b.parquet").read_bytes()
    (tmp_path / "b.parquet").write_bytes(whole[:100] + bytes(400) + whole[500:])
    with pytest.raises(UnusableInput, match=r"found what cannot be read as parquet"):
        fit_parquet([tmp_path / "b.parquet"], MODEL)
    with pytest.raises(UsageError, match="no parquet file"):
        fit_parquet([], MODEL)


# --- Spark ------------------------------------------------------------------------------------------------------------------


@pytest.mark.spark
@pytest.mark.slow
def test_spark_gives_the_same_from_the_same_expression(tmp_path):
    import shutil

    pyspark = pytest.importorskip("pyspark", reason="Spark is optional: make spark")
    if shutil.which("java") is None:
        pytest.skip("Spark needs a Java runtime")
    import ibis

    data = table(16)
    broken = data.assign(x1=data["x1"].mask(data.index == 3), y=data["y"].mask(data.index == 4, np.inf))
    model = replace(MODEL, weights="w", cluster="city")
    broken.to_parquet(tmp_path / "rows.parquet")
    settings = {"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "2", "spark.driver.bindAddress": "127.0.0.1",
                "spark.driver.host": "127.0.0.1", "spark.sql.warehouse.dir": str(tmp_path / "warehouse")}  # fmt: skip
    builder = pyspark.sql.SparkSession.builder.master("local[1]")
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    try:
        on_spark = fit(ibis.pyspark.connect(session).read_parquet(str(tmp_path / "rows.parquet")), model)
    finally:
        session.stop()
    here = fit_parquet([tmp_path / "rows.parquet"], model)
    assert on_spark.left_out == here.left_out == {"y infinite or beyond 1e+150": 1, "x1 missing": 1}
    assert on_spark.n_cells == here.n_cells
    for a, b in zip(here.estimates, on_spark.estimates, strict=True):
        assert (a.value, a.std_error) == pytest.approx((b.value, b.std_error), rel=1e-12)
    agree(on_spark, data.drop(index=[3, 4]), weights="w", cluster="city")
