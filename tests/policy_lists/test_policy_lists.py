"""Published lists against the sourced one: kinds of difference, exact influence of each, and words made from the numbers."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest

from citycarbon.econometrics import estimate_columns
from citycarbon.policy_lists.compare import AGREES, KINDS, SWITCHED, compare_lists
from citycarbon.policy_lists.influence import list_effects
from citycarbon.policy_lists.listed import COLUMNS, listed_rows
from citycarbon.policy_lists.words import as_markdown
from citycarbon.study import load_study
from citycarbon.study.spec import Column, PolicyListFound, RegressionTable

NAMES = [f"{a}{b}市" for a in "甲乙丙丁戊己庚辛" for b in "东南西"]  # 24 invented cities
IDS = [f"{110100 + i}" for i in range(24)]
YEARS = np.arange(2003, 2015)
# city -> first year by the sourced list: its rows are written below
SOURCED = {0: 2006, 1: 2006, 2: 2006, 3: 2006, 4: 2009, 5: 2009, 6: 2009, 7: 2011}


def adoption(city, year, full, *, raw=None, row_type="announced", part=False, batch="1"):
    return {
        "policy": "made_up", "batch": batch, "row_type": row_type, "raw_name": raw or NAMES[city], "city_zh": NAMES[city],
        "city_id": IDS[city], "is_subcity": "true" if part else "false", "year_announcement": year, "year_first_full": full,
    }  # fmt: skip


@pytest.fixture
def adoptions(tmp_path):
    """Cities 2 and 3 belong to a pilot province; 1 is in a later batch too; a county of city 8 is a pilot."""
    rows = [adoption(c, y, y + 1) for c, y in SOURCED.items() if c not in (2, 3)]
    rows += [adoption(c, 2006, 2007, raw="某省", row_type="expanded") for c in (2, 3)]
    rows += [adoption(1, 2011, 2012, batch="3"), adoption(8, 2011, 2012, raw="某县", part=True)]
    rows.append({**adoption(0, 2009, 2010), "raw_name": "省直市", "city_id": ""})
    path = tmp_path / "policy_adoptions.csv"
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def study():
    base = load_study("low_carbon_edgar")
    lists = [
        PolicyListFound(id="found", edition="found-1", label="a list as found"),
        PolicyListFound(id="absent", edition="absent-1", label="a list that nobody has"),
    ]
    treatment = base.treatment.model_copy(update={"policy": "made_up", "lists": lists})

    def column(i, **more):
        given = {
            "id": i,
            "label": "",
            "outcome": "lnco2",
            "treatment": "did",
            "controls": ["lnpop"],
            "fixed_effects": ("city", "year"),
        }
        return Column(**(given | more))

    columns = [column("1", controls=[]), column("2"), column("2p", fixed_effects=("province", "year"))]
    columns += [column("2_found", dated_by="found"), column("2p_found", fixed_effects=("province", "year"), dated_by="found")]
    tables = {"table2": RegressionTable(kind="regression", title="t", columns=columns)}
    more = {"controls": ["lnpop"], "sample_variables": ["lnco2", "lnpop"], "tables": tables, "splits": [], "matchings": []}
    return base.model_copy(update={"treatment": treatment, **more})


LISTED = {0: 2006, 1: 2011, 3: 2006, 4: 2010, 5: 2013, 6: 2009, 8: 2011, 9: 2009}  # 2 and 7 missing, 9 extra


@pytest.fixture
def listed():
    rows = [
        {"place_label": "老名市" if c == 0 else NAMES[c], "list_year": y, "city_id": IDS[c], "reason": ""}
        for c, y in LISTED.items()
    ]
    wrong = NAMES[7].replace("南", "难") if "南" in NAMES[7] else NAMES[7][0] + "错" + NAMES[7][2]
    for label, year in (("某县", 2011), (wrong, 2011), ("广告市", 2011), ("省直市", 2010)):
        rows.append({"place_label": label, "list_year": year, "city_id": "", "reason": "The place is in no seed."})
    frame = pd.DataFrame(rows).assign(list="found", edition="found-1", file="list.csv", cell=[f"line {i}" for i in range(12)])
    return frame[list(COLUMNS)].astype({"list_year": "Int64"})


@pytest.fixture
def panel():
    rng = np.random.default_rng(11)
    city, year = np.repeat(np.arange(24), len(YEARS)), np.tile(YEARS, 24)
    frame = pd.DataFrame(
        {
            "city_id": [IDS[c] for c in city],
            "city_name": [NAMES[c] for c in city],
            "province_id": [f"{c % 5 + 1}0000" for c in city],
            "year": year,
            "lnpop": rng.normal(size=len(city)),
            "in_sample": city != 8,  # the sub-city rule leaves it out
            "drop_step": np.where(city == 8, 2, 0),
        }
    )
    for name, dates in (("made_up", SOURCED), ("made_up__found", LISTED)):
        first = frame["city_id"].map({IDS[c]: float(y) for c, y in dates.items()})
        frame[f"first_year_{name}"], frame[f"did_{name}"] = first, (year >= first).astype(int)
    frame["first_year_made_up__absent"] = frame["did_made_up__absent"] = np.nan
    frame["lnco2"] = 0.2 * frame["did_made_up"] + 0.3 * frame["lnpop"] + rng.normal(size=len(city)) * 0.5 + city * 0.1
    drop = rng.random(len(city)) < 0.1
    return frame[~drop].sample(frac=1, random_state=3).reset_index(drop=True)


@pytest.fixture
def differences(listed, panel, study, adoptions):
    return compare_lists(listed, panel, study, adoptions)


def test_every_kind_of_difference_is_found_by_name(differences):
    found = {r.city_name or r.place_label: (r.kind, r.note) for r in differences.itertuples()}
    kinds = {name: kind for name, (kind, _) in found.items()}
    assert kinds[NAMES[0]] == "old_name" and found[NAMES[0]][1] == "printed as 老名市"
    assert kinds[NAMES[1]] == "later_batch" and kinds[NAMES[4]] == "other_year_rule" and kinds[NAMES[5]] == "other_year"
    assert kinds[NAMES[2]] == "missing_of_province" and found[NAMES[2]][1] == "of the pilot province 某省"
    assert kinds[NAMES[7]] == "missing" and kinds[NAMES[9]] == "extra"
    assert found[NAMES[8]] == ("whole_for_part", "the pilot is 某县, a part of the city")
    assert kinds[NAMES[3]] == kinds[NAMES[6]] == AGREES
    assert found["某县"] == ("part_named", f"a part of {NAMES[8]} in the sourced list")
    assert found["省直市"] == ("part_named", "run by the province or the army")
    wrong = next(n for n, k in kinds.items() if k == "name_error")
    assert found[wrong][1] == f"one character from {NAMES[7]}, which the list lacks"
    assert found["广告市"] == ("no_city", "The place is in no seed.")
    assert set(KINDS) | {AGREES} == set(kinds.values())


def test_agreement_is_of_years_and_the_absent_list_has_no_rows(differences):
    assert differences["agrees"].sum() == 3 and set(differences["list"]) == {"found"}
    by_city = differences[differences["city_id"] == IDS[8]].iloc[0]
    assert not by_city["in_sample"] and not by_city["agrees"]
    order = [AGREES, *KINDS]
    at = [order.index(k) for k in differences["kind"]]
    assert at == sorted(at)


def test_row_order_does_not_matter(listed, panel, study, adoptions, differences):
    again = compare_lists(listed.sample(frac=1, random_state=1), panel.sample(frac=1, random_state=2), study, adoptions)
    pd.testing.assert_frame_equal(again, differences)


def test_the_influence_of_each_difference_is_that_of_a_refit(panel, study, differences):
    effects = list_effects(panel, study, differences)
    estimates = estimate_columns(panel, study).query("term == 'did'").set_index("column")
    for column in ("1", "2", "2p"):
        rows = effects[(effects["column"] == column) & (effects["list"] == "found")]
        base = rows[rows["switch"] == "sourced"].iloc[0]
        assert base["estimate"] == pytest.approx(estimates.loc[column, "estimate"], rel=1e-9)
        assert base["std_error"] == pytest.approx(estimates.loc[column, "std_error"], rel=1e-9)
    for column in ("2", "2p"):
        whole = effects.query("column == @column and list == 'found' and switch == 'list'").iloc[0]
        refit = estimates.loc[f"{column}_found"]
        assert whole["estimate"] == pytest.approx(refit["estimate"], rel=1e-9)
        assert whole["std_error"] == pytest.approx(refit["std_error"], rel=1e-9)
        assert whole["n_treated_cells"] == refit["n_treated_cells"] and whole["n_treated_units"] == refit["n_treated_units"]
    only = study.model_copy(
        update={"tables": {"t": RegressionTable(kind="regression", title="t", columns=[study.column("table2", "2")])}}
    )
    for city in (1, 2, 9):  # one city switched, refitted by the estimator of record
        year = LISTED.get(city, np.nan)
        first = panel["first_year_made_up"].where(panel["city_id"] != IDS[city], year)
        changed = panel.assign(first_year_made_up=first, did_made_up=(panel["year"] >= first).astype(int))
        refit = estimate_columns(changed, only).query("term == 'did'").iloc[0]
        row = effects.query("column == '2' and switch == 'city' and city_id == @IDS[@city]").iloc[0]
        assert row["estimate"] == pytest.approx(refit["estimate"], rel=1e-9)
        assert row["change"] == pytest.approx(refit["estimate"] - estimates.loc["2", "estimate"], abs=1e-10)


def test_kinds_cities_and_rest_are_accounted_for(panel, study, differences):
    effects = list_effects(panel, study, differences)
    mine = effects.query("column == '2' and list == 'found'")
    movable = differences[differences["kind"].isin(SWITCHED) & differences["in_sample"]]
    assert set(mine.loc[mine["switch"] == "city", "city_id"]) == set(movable["city_id"]) == {IDS[c] for c in (1, 2, 4, 5, 7, 9)}
    counts = mine[mine["switch"] == "kind"].set_index("kind")["cities"].to_dict()
    assert counts == movable["kind"].value_counts().to_dict()
    whole, rest = (mine.loc[mine["switch"] == s, "change"].item() for s in ("list", "rest"))
    assert rest == pytest.approx(whole - mine.loc[mine["switch"] == "kind", "change"].sum(), abs=1e-12)
    size = mine.loc[mine["switch"] == "city", "change"].abs().to_numpy()
    assert (np.diff(size) <= 0).all()
    absent = effects[effects["list"] == "absent"]
    assert set(absent["note"]) == {"not supplied: a list that nobody has"} and absent["estimate"].isna().all()
    assert set(absent["column"]) == {"1", "2", "2p"}  # columns dated by a list are no base of a comparison


def test_words_come_from_the_numbers(panel, study, differences):
    effects = list_effects(panel, study, differences)
    text = as_markdown(differences, effects, study)
    assert "## a list as found (`found-1`)" in text and text.count("Not supplied.") == 1
    assert "The list dates 8 cities of the panel, and 4 of its rows name none; the sourced list dates 8" in text
    assert "3 agree in the year" in text and "1 a name in error" in text and "1 under another name" in text
    first = effects.query("column == '2' and switch == 'city'").iloc[0]
    assert f"The single rows that move it most: {first['city_name']}" in text and f"{first['change']:+.4f}" in text
    assert "significan" not in text and "nan" not in text and "<NA>" not in text
    assert "SYNTHETIC" in as_markdown(differences, effects, study, synthetic=True)


def test_lists_equal_to_the_sourced_one_have_no_difference(panel, study, adoptions, listed):
    same = pd.DataFrame(
        [{"place_label": NAMES[c], "list_year": y, "city_id": IDS[c], "reason": ""} for c, y in SOURCED.items()]
    ).assign(list="found", edition="found-1", file="list.csv", cell="A1")
    found = compare_lists(same[list(COLUMNS)].astype({"list_year": "Int64"}), panel, study, adoptions)
    assert set(found["kind"]) == {AGREES} and found["agrees"].all()
    effects = list_effects(panel, study, found)
    mine = effects[effects["list"] == "found"]
    assert set(mine["switch"]) == {"sourced", "list", "rest"} and (mine["change"].fillna(0) == 0).all()
    assert "There is no other." in as_markdown(found, effects, study)


def test_a_study_that_has_not_run_is_told(study, tmp_path):
    from citycarbon.errors import UsageError
    from citycarbon.paths import Home

    with pytest.raises(UsageError, match="run the study first"):
        listed_rows(Home(tmp_path), study)
