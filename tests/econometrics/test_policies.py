"""Other policies on invented dates: losses and overlap by hand, what can be told apart, and the registry of a study."""

import numpy as np
import pandas as pd
import pytest
from simulated_panels import CONTROLS, make_panel, make_study

from citycarbon.econometrics.contract import write_csv
from citycarbon.econometrics.policies import LOSS_COLUMNS, policies_loss, registry
from citycarbon.econometrics.policy_overlap import (
    BY_DATES,
    NO_OVERLAP,
    NOT_SEPARABLE,
    PARTLY,
    policies_overlap,
    policies_separation,
)
from citycarbon.econometrics.treatment_codings import list_years
from citycarbon.errors import UsageError
from citycarbon.study import load_study
from citycarbon.study.other_policies import load_other_policies, other_policies


def dated(panel, **first_years):
    """Policies by city number -> first year; the panel's own policy gets the dates that its dummy implies."""
    city = panel["city_id"].astype(int) // 100 - 1100
    first = panel[panel["did_ai_pilot"] == 1].groupby("city_id")["year"].min()
    panel = panel.assign(first_year_ai_pilot=panel["city_id"].map(first).astype(float))
    return panel.assign(**{f"first_year_{p}": city.map(years).astype(float) for p, years in first_years.items()})


@pytest.fixture(scope="module")
def panel():
    """2003 to 2011, treated: cities 0 to 3 (2008 or 2010), 12 city-years. ``twin`` has the same cities and dates."""
    base = make_panel(cities=24, years=9, missing=0.0)
    own = {0: 2008, 1: 2010, 2: 2008, 3: 2010}
    return dated(
        base, twin=own, soon={0: 2007, 1: 2009, 2: 2007, 3: 2009, 8: 2007}, early={0: 2004, 1: 2004, 2: 2004, 3: 2004, 9: 2004},
        some={0: 2005, 10: 2005, 11: 2006}, none_treated={12: 2005}, late={0: 2030, 13: 2005}, empty={},
    )  # fmt: skip


@pytest.fixture(scope="module")
def shipped():
    return load_study("ai_pilot")


@pytest.fixture(scope="module")
def study(base_study):
    one = make_study(base_study, CONTROLS).model_copy(update={"controls": CONTROLS})
    one._path = None  # no registry beside it
    return one


def test_losses_are_those_counted_by_hand(panel, study):
    frame = policies_loss(panel, study).set_index("policy")
    assert list(frame.reset_index().columns)[:2] == ["policy", "study"] and len(frame.columns) == len(LOSS_COLUMNS) - 1
    some = frame.loc["some"]
    assert (some["rows"], some["cities"]) == (216, 24)
    dropped = ["cities_dropped", "rows_dropped", "treated_cities_left", "treated_cells_left"]
    assert some[dropped].tolist() == [3, 27, 3, 8] and some["estimable"]
    assert "3 of 4 treated cities and 8 of 12 treated city-years are left" in some["sentence"]
    assert (some["first_year"], some["last_year"]) == (2005, 2006)
    early = frame.loc["early"]
    assert not early["estimable"] and "not estimable, 0 treated" in early["sentence"]
    assert (
        frame.loc["empty", "status"] == "no list in the panel"
        and frame.loc["empty", ["rows_dropped", "estimable"]].isna().all()
    )


def test_one_treated_city_left_earns_no_star(panel, study):
    three = panel.assign(first_year_some=panel["first_year_soon"].where(panel["city_id"] != "110000"))
    row = policies_loss(three, study).set_index("policy").loc["some"]
    assert row["treated_cities_left"] == 1 and "one treated city: estimable, no star" in row["sentence"]


def test_the_matrix_has_every_treated_city_and_policy(panel, study):
    frame = policies_overlap(panel, study)
    assert len(frame) == 4 * 6 and "empty" not in set(frame["policy"])  # a policy nobody adopted has no dates
    soon = frame[frame["policy"] == "soon"]
    assert soon["adopted"].all() and (soon["gap_years"] == 1).all() and (soon["cells_with_both"] == soon["treated_cells"]).all()
    late = frame[(frame["policy"] == "late") & (frame["city_id"] == "110000")].iloc[0]
    assert not late["adopted"] and late["policy_first_year"] == 2030 and late["cells_with_both"] == 0


def test_verdicts_follow_overlap_and_dates(panel, study):
    frame = policies_separation(panel, study).set_index("policy")
    assert frame["verdict"].to_dict() == {
        "twin": NOT_SEPARABLE, "soon": NOT_SEPARABLE, "early": BY_DATES, "some": PARTLY, "none_treated": NO_OVERLAP,
        "late": NO_OVERLAP,
    }  # fmt: skip
    assert np.isinf(frame.loc["twin", "vif"]) and np.isinf(frame["vif_joint"]).all()
    assert frame.loc["twin", "partial_r2"] == pytest.approx(1, abs=1e-12)
    assert (
        "cannot be separated" in frame.loc["soon", "sentence"]
        and "1 adopters that are not treated" in frame.loc["soon", "sentence"]
    )
    assert "dropping its adopters leaves 0 treated" in frame.loc["early", "sentence"]
    assert not frame["sentence"].str.contains("nan|inf ").any()


def test_the_inflation_is_that_of_the_variance_of_did(panel, study):
    """vif = 1 / (1 - R2) of did on the rival net of effects and controls: by regressions on explicit dummies."""
    frame = policies_separation(panel, study).set_index("policy")
    dummies = np.column_stack(
        [
            pd.get_dummies(panel["city_id"]).to_numpy(float),
            pd.get_dummies(panel["year"]).to_numpy(float)[:, 1:],
            panel[CONTROLS],
        ]
    )
    did = panel["did_ai_pilot"].to_numpy(float)

    def rest(y, x):
        return y - x @ np.linalg.lstsq(x, y, rcond=None)[0]

    for policy in ("soon", "some", "early"):
        rival = (panel["year"] >= panel[f"first_year_{policy}"]).to_numpy(float)
        ratio = (rest(did, dummies) ** 2).sum() / (rest(did, np.column_stack([dummies, rival])) ** 2).sum()
        assert frame.loc[policy, "vif"] == pytest.approx(ratio, rel=1e-9)


def test_the_counts_of_the_ledger_come_from_the_policy_lists(base_study):
    """Nine treated cities by 2021: all low-carbon pilots, five trading pilots, eight science-ministry zones."""
    policies = ("ai_pilot", "low_carbon", "ets", "ai_innovation_zone_most")
    first = {p: list_years(p, "year_announcement", "treat") for p in policies}
    cities = sorted(set().union(*first.values()) | {"130900", "131000"})
    panel = pd.DataFrame([(c, y) for c in cities for y in range(2003, 2022)], columns=["city_id", "year"])
    panel["province_id"], panel["in_sample"] = panel["city_id"].str[:2] + "0000", True
    for p in policies:
        panel[f"first_year_{p}"] = panel["city_id"].map(first[p]).astype(float)
    panel["did_ai_pilot"] = (panel["year"] >= panel["first_year_ai_pilot"]).astype(int)
    panel["lnco2"] = np.random.default_rng(1).normal(size=len(panel))
    study = base_study.model_copy(update={"controls": []})
    got = policies_separation(panel, study).set_index("policy")
    assert got["treated_cities"].tolist() == [9, 9, 9] and got["treated_cells"].tolist() == [17, 17, 17]
    assert got["treated_adopting"].to_dict() == {"low_carbon": 9, "ets": 5, "ai_innovation_zone_most": 8}
    assert got.loc["ai_innovation_zone_most", "verdict"] == NOT_SEPARABLE
    assert got.loc["low_carbon", "verdict"] == BY_DATES
    loss = policies_loss(panel, study).set_index("policy")
    assert loss.loc["low_carbon", "sentence"].endswith("not estimable, 0 treated.")


def test_policies_that_are_only_named_are_registered_and_off(panel, shipped):
    study = shipped.model_copy(update={"controls": CONTROLS})
    named = [p for p in other_policies(study) if p.kind == "named"]
    assert len(named) == 4
    frame = policies_loss(panel, study).set_index("policy")
    for p in named:
        assert frame.loc[p.policy, "status"] == "registered, no list: off" and pd.isna(frame.loc[p.policy, "rows_dropped"])
    assert frame.loc["low_carbon", "status"] == "no list in the panel"


def test_a_national_law_takes_every_later_row_and_names_the_columns_that_hold_it(panel, shipped):
    study = shipped.model_copy(update={"controls": CONTROLS})
    frame = policies_loss(panel.assign(year=panel["year"] + 8), study).set_index("policy")
    law = frame.loc["environmental_tax_law"]
    assert law["rows_dropped"] == 24 * 2 and law["treated_cells_left"] == 4 and "needs a measure of exposure" in law["sentence"]
    assert law["columns"] == "table4_variants:3_tax_law"


def test_the_registry_of_the_shipped_study_matches_its_lists(shipped):
    registered = {p.policy: p for p in other_policies(shipped)}
    used = set(shipped.policies_named()) - {shipped.treatment.policy}
    assert used <= set(registered)
    assert [p for p in registered.values() if p.list == "incomplete"] == [registered["smart_city"]]


def test_a_study_without_a_registry_takes_the_policies_of_the_panel(panel, study):
    assert [p.policy for p in registry(panel, study)] == ["twin", "soon", "early", "some", "none_treated", "late", "empty"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "policies:\n  - {policy: a, label: A}\n  - {policy: a, label: B}\n",
            "line 3: policies.1: the policy 'a' stands twice",
        ),
        ("policies:\n  - {policy: a, label: A, kind: national}\n", "line 2: policies.0: kind 'national' needs the key 'year'"),
        ("policies:\n  - {policy: a}\n", "line 2: policies.0.label: this key is required and missing"),
        ("policies:\n  - {policy: a, label: A, colour: red}\n", "line 2: policies.0.colour: unknown key"),
        ("policies:\n  - {policy: a, label: A, kind: city}\n", "found 'city'"),
        ("policies: []\n", "line 1: policies"),
    ],
)
def test_a_faulty_registry_is_refused_with_its_line(tmp_path, text, says):
    path = tmp_path / "other_policies.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_other_policies(path)
    assert says in str(caught.value) and str(path) in str(caught.value)


@pytest.mark.parametrize("keep", [0, 1])
def test_degenerate_panels_give_frames(panel, study, keep, tmp_path):
    few = panel[panel["city_id"].isin(sorted(set(panel["city_id"]))[:keep])]
    for name, frame in (
        ("a", policies_loss(few, study)),
        ("b", policies_overlap(few, study)),
        ("c", policies_separation(few, study)),
    ):
        write_csv(frame, tmp_path / name)
        assert "nan" not in (tmp_path / name).read_text()
