"""What no source supplies is said in the column that asks for it; rows ``own`` reach beyond the study's sample."""

import numpy as np
import pandas as pd
import pytest

from citycarbon.econometrics import estimate_columns
from citycarbon.econometrics.supply import not_supplied
from citycarbon.study import load_study
from citycarbon.study.spec import Column, Half, Matching, PolicyListFound, RegressionTable, Split


@pytest.fixture
def study(base_study):
    lists = [PolicyListFound(id="found", edition="found-1", label="a list as found")]
    split = Split(id="technology", label="patents", criterion="median", variable="patents_granted", year=2006)
    treatment = base_study.treatment.model_copy(update={"lists": lists})
    return base_study.model_copy(
        update={"treatment": treatment, "splits": [split], "sample_variables": ["lnco2", "lnpgdp"], "controls": ["lnpgdp"]}
    )


@pytest.fixture
def panel():
    """24 cities, 8 years; 4 adopt in 2007. No green patents; lnpgdp is missing in 2003: the sample begins in 2004."""
    rng = np.random.default_rng(5)
    city, year = np.repeat(np.arange(24), 8), np.tile(np.arange(2003, 2011), 24)
    first = np.where(city < 4, 2007.0, np.nan)
    frame = pd.DataFrame(
        {
            "city_id": [f"{110100 + c}" for c in city],
            "province_id": [f"{c % 4 + 1}0000" for c in city],
            "year": year,
            "lnco2": rng.normal(size=192) + 0.1 * (year - 2003),
            "lnpgdp": np.where(year == 2003, np.nan, rng.normal(size=192)),
            "lngreen": np.nan,
            "lngreen_flag": "not supplied: green_inv_app; not supplied: green_um_app",
            "patents_granted": np.nan,
            "did_ai_pilot": (year >= first).astype(int),
            "first_year_ai_pilot": first,
            "did_ai_pilot__found": np.nan,
            "first_year_ai_pilot__found": np.nan,
        }
    )
    return frame.assign(in_sample=frame["lnpgdp"].notna(), drop_step=np.where(frame["lnpgdp"].isna(), 4, 0))


def column(**changes):
    base = {"id": "1", "label": "", "outcome": "lnco2", "treatment": "did", "controls": [], "fixed_effects": ("city", "year")}
    return Column(**(base | changes))


def estimated(panel, study, *columns):
    table = RegressionTable(kind="regression", title="t", columns=list(columns))
    frame = estimate_columns(panel, study.model_copy(update={"tables": {"t": table}}))
    return frame.set_index(["column", "term"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"outcome": "lngreen"}, "lngreen (green_inv_app, green_um_app)"),
        ({"controls": ["lngreen"]}, "lngreen (green_inv_app, green_um_app)"),
        ({"half": Half(split="technology", group="high")}, "patents_granted"),
        ({"dated_by": "found"}, "the list 'a list as found'"),
    ],
)
def test_a_column_that_nobody_supplies_keeps_its_rows_and_says_so(panel, study, changes, words):
    asked = column(**changes)
    assert not_supplied(panel, study, asked) == [words]
    rows = estimated(panel, study, column(id="0"), asked)
    assert np.isfinite(rows.loc[("0", "did"), "estimate"])
    absent = rows.loc["1"]
    assert list(absent.index) == [*asked.terms, "_cons"]
    assert absent["estimate"].isna().all() and (absent["n_obs"] == 0).all()
    assert set(absent["note"]) == {f"not estimable: not supplied: {words}"}


def test_a_list_that_is_supplied_dates_its_own_column_only(panel, study):
    listed = panel.assign(first_year_ai_pilot__found=np.where(panel["city_id"] < "110106", 2008.0, np.nan))
    listed["did_ai_pilot__found"] = (listed["year"] >= listed["first_year_ai_pilot__found"]).astype(int)
    rows = estimated(listed, study, column(id="own"), column(id="list", dated_by="found"))
    assert rows.loc[("own", "did"), "n_treated_units"] == 4 and rows.loc[("own", "did"), "n_treated_cells"] == 16
    assert rows.loc[("list", "did"), "n_treated_units"] == 6 and rows.loc[("list", "did"), "n_treated_cells"] == 18
    assert "a list as found" in rows.loc[("list", "did"), "sample"] and "list" not in rows.loc[("own", "did"), "sample"]
    swapped = listed.assign(
        did_ai_pilot=listed["did_ai_pilot__found"], first_year_ai_pilot=listed["first_year_ai_pilot__found"]
    )
    by_hand = estimated(swapped, study, column(id="own"))
    assert rows.loc[("list", "did"), "estimate"] == by_hand.loc[("own", "did"), "estimate"]


def test_rows_own_take_what_lacks_only_the_studys_other_variables(panel, study):
    rows = estimated(panel, study, column(id="study"), column(id="own", rows="own"))
    assert rows.loc[("study", "did"), "n_obs"] == 168 and rows.loc[("own", "did"), "n_obs"] == 192
    assert rows.loc[("own", "did"), "sample"].startswith("all rows: ") and "lnpgdp" not in rows.loc[("own", "did"), "sample"]
    excluded = panel.assign(drop_step=np.where(panel["city_id"] == "110120", 2, panel["drop_step"]))
    excluded["in_sample"] &= excluded["city_id"] != "110120"
    assert estimated(excluded, study, column(rows="own")).loc[("1", "did"), "n_obs"] == 184
    whole = panel.assign(lnpgdp=panel["lnpgdp"].fillna(0.0), in_sample=True, drop_step=0)
    same = estimated(whole, study, column(id="study"), column(id="own", rows="own"))
    assert same.loc[("study", "did"), "estimate"] == same.loc[("own", "did"), "estimate"]


def test_shipped_studies_name_what_the_real_files_lack():
    for name in ("ai_pilot_edgar", "low_carbon_edgar"):
        study = load_study(name)
        outcomes = {c.outcome for c in study.regression_tables()["table3"].columns}
        assert outcomes == {"lnco2", "lngreen", "er"}
        assert all(c.rows == "study" for c in study.regression_tables()["table2"].columns)


def test_a_split_and_a_mechanism_that_nobody_supplies_say_so(panel, study):
    from citycarbon.econometrics.mechanisms import mechanisms
    from citycarbon.econometrics.splits import split_report

    halves = [column(id=g, half=Half(split="technology", group=g)) for g in ("low", "high")]
    tables = {
        "table3": RegressionTable(kind="regression", title="t", columns=[column(id="2", outcome="lngreen")]),
        "table5": RegressionTable(kind="regression", title="t", columns=halves),
    }
    asked = study.model_copy(update={"tables": tables})
    estimates = estimate_columns(panel, asked)
    split = split_report(panel, asked, estimates, 9).iloc[0]
    assert split["cut_text"] == "no cut: patents_granted is not supplied" and "nan" not in split["sentence"]
    share = mechanisms(panel, asked, estimates).iloc[0]
    assert share["note"] == "not estimable: not supplied: lngreen (green_inv_app, green_um_app)"


@pytest.mark.parametrize("timing", ["pooled", "yearly", "base_year", "pre_mean"])
def test_a_matching_on_what_nobody_supplies_says_so(panel, study, timing):
    recipe = Matching(id="m", label="m", covariates=["lngreen"], timing=timing, year=2006)
    asked = study.model_copy(update={"matchings": [recipe]})
    stored = panel.astype({"city_id": "string[pyarrow]"})  # as a panel read from parquet has it
    for frame in (panel, stored):
        for outcome in ("lnco2", "lngreen"):
            rows = estimated(frame, asked, column(outcome=outcome, matching="m"))
            assert rows["estimate"].isna().all()
            assert set(rows["note"]) == {"not estimable: not supplied: lngreen (green_inv_app, green_um_app)"}
