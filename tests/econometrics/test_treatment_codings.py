"""Codings of the treatment counted by hand, and the comparison with a printed mean and sd."""

import numpy as np
import pandas as pd
import pytest

from citycarbon.econometrics.treatment_codings import CODING_COLUMNS, list_years, treatment_codings
from citycarbon.paths import STUDIES

LIST = """policy,city_id,is_subcity,year_announcement,year_first_full
ai_pilot,110000,false,2009,2010
ai_pilot,110100,true,2010,2010
ai_pilot,110200,false,2011,2012
other,110300,false,2004,2005
ai_pilot,,false,2004,2005
"""


@pytest.fixture
def setting(base_study, tmp_path):
    """Five cities, 2005 to 2012; three adopt (2009, 2010, 2011), the second in a part of the city only."""
    (tmp_path / "list.csv").write_text(LIST)
    first = {"110000": 2009.0, "110100": 2010.0, "110200": 2011.0}
    panel = pd.DataFrame([(f"{110000 + 100 * c}", y) for c in range(5) for y in range(2005, 2013)], columns=["city_id", "year"])
    panel["province_id"], panel["in_sample"] = "110000", True
    panel["first_year_ai_pilot"] = panel["city_id"].map(first)
    panel["did_ai_pilot"] = (panel["year"] >= panel["first_year_ai_pilot"]).astype(int)
    panel["lnco2"] = np.random.default_rng(1).normal(size=len(panel))
    treatment = base_study.treatment.model_copy(update={"literal_after": 2009})
    study = base_study.model_copy(update={"controls": [], "treatment": treatment})
    return panel, study, tmp_path / "list.csv"


def test_every_coding_is_counted_by_hand(setting):
    panel, study, listed = setting
    frame = treatment_codings(panel, study, None, listed).set_index("coding")
    assert list(frame.reset_index().columns.sort_values()) == sorted(CODING_COLUMNS)
    counts = frame[["ones", "cities", "in_both", "only_did", "only_coding"]].astype(int)
    assert counts.T.to_dict("list") == {
        "did": [9, 3, 9, 0, 0],
        "literal": [16, 2, 5, 4, 11],
        "ever": [24, 3, 9, 0, 15],
        "first_full_year": [7, 3, 7, 2, 0],  # 2010, 2010 (a January counts for its own year) and 2012
        "whole_cities": [6, 2, 6, 3, 0],
    }
    assert frame.loc["literal", "cities_only_did"] == "110000" and frame.loc["whole_cities", "cities_only_did"] == "110100"
    share = 9 / 40
    assert frame.loc["did", "mean"] == pytest.approx(share)
    assert frame.loc["did", "sd"] == pytest.approx(np.sqrt(share * (1 - share) * 40 / 39))
    assert frame["matches_printed"].isna().all() and (frame["printed_mean"] == "").all()


def test_the_printed_moments_are_compared_as_printed(setting, tmp_path):
    panel, study, listed = setting
    printed = tmp_path / "printed.csv"
    printed.write_text("variable,sd,n,mean,min,max\nCO2,1,40,2,0,1\ndid,0.423,40,0.225,0,1\n")
    frame = treatment_codings(panel, study, printed, listed).set_index("coding")
    assert frame["matches_printed"].to_dict() == {c: c == "did" for c in frame.index}
    printed.write_text("variable,sd,n,mean,min,max\ndid,0.43,40,0.225,0,1\n")
    assert not treatment_codings(panel, study, printed, listed)["matches_printed"].any()


def test_what_cannot_be_built_says_why(setting, base_study):
    panel, _, listed = setting
    study = base_study.model_copy(
        update={"controls": [], "treatment": base_study.treatment.model_copy(update={"literal_after": None, "policy": "metro"})}
    )
    panel = panel.rename(columns={"did_ai_pilot": "did_metro", "first_year_ai_pilot": "dates"})
    frame = treatment_codings(panel, study, None, listed).set_index("coding")
    assert frame.loc["did", "ones"] == 9 and frame["ones"].notna().sum() == 1
    assert "literal_after" in frame.loc["literal", "note"] and "no dates" in frame.loc["ever", "note"]
    assert "policy list" in frame.loc["whole_cities", "note"]
    assert len(treatment_codings(panel.iloc[:0], study, None, listed)) == len(frame)


def test_the_shipped_list_gives_the_cohorts_of_the_paper(base_study):
    first = list_years("ai_pilot", "year_announcement", "treat")
    assert sorted(first.values()) == [2019] * 4 + [2021] * 5 + [2022] * 3
    assert len(list_years("ai_pilot", "year_announcement", "never")) < len(first)
    assert (STUDIES / "ai_pilot" / "published_descriptives.csv").is_file()
