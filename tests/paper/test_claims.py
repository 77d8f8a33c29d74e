"""Claims: what decides each kind, on findings made by hand; and the shipped file of claims."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from citycarbon.econometrics.contract import ESTIMATE_COLUMNS, frame
from citycarbon.errors import UsageError
from citycarbon.paper.claims import CITED, COLUMNS, Findings, judge_claims, load_claims
from citycarbon.paths import STUDIES

NAN = math.nan


def estimates(*rows: dict) -> pd.DataFrame:
    empty = {name: "" if kind is str else NAN if kind is float else pd.NA for name, kind in ESTIMATE_COLUMNS.items()}
    base = {"term": "did", "std_error": 0.1, "n_treated_units": 9, "n_treated_cells": 17}
    return frame([{**empty, **base, **row} for row in rows])


def verdict(tmp_path, claim: str, **found):
    """Verdict and row of one claim written as yaml, on these findings."""
    path = tmp_path / "claims.yaml"
    path.write_text(f"level: 0.05\ndifference_level: 0.10\nclaims:\n  - {{id: c, at: s, sentence: x, {claim}}}\n")
    found.setdefault("estimates", estimates())
    row = judge_claims(load_claims(path), Findings(**found)).iloc[0]
    return row["verdict"], row


@pytest.mark.parametrize(
    ("estimate", "p", "expected"),
    [
        (-0.3, 0.01, "supported"),
        (-0.3, 0.05, "undecided"),  # at the level is not below it
        (-0.3, 0.40, "undecided"),
        (0.3, 0.01, "contradicted"),
        (0.3, 0.40, "undecided"),
        (-0.3, NAN, "undecided"),  # a coefficient without a randomisation p-value earns nothing
        (NAN, NAN, "not estimable"),
    ],
)
def test_an_effect_is_decided_by_sign_and_randomisation_p(tmp_path, estimate, p, expected):
    found = estimates({"table": "t", "column": "2", "estimate": estimate, "p_ri_t": p, "note": "not estimable: why"})
    got, row = verdict(tmp_path, 'rule: effect, column: "t:2", sign: negative', estimates=found)
    assert got == expected
    assert "nan" not in row["observed"] + row["why"]


def test_an_effect_says_what_its_other_readings_give(tmp_path):
    found = estimates(
        {"table": "t", "column": "2", "estimate": -0.3, "p_ri_t": 0.01},
        {"table": "t", "column": "3", "estimate": 0.2, "p_ri_t": 0.5},
        {"table": "t", "column": "4", "estimate": NAN},
    )
    claim = 'rule: effect, column: "t:2", sign: negative, also: ["t:3", "t:4", "t:5"]'
    _, row = verdict(tmp_path, claim, estimates=found)
    assert row["also"] == "t:3: 0.2, undecided; t:4: not estimable; t:5: not supplied"


def test_a_level_of_its_own_is_used(tmp_path):
    found = estimates({"table": "t", "column": "2", "estimate": -0.3, "p_ri_t": 0.03})
    assert verdict(tmp_path, 'rule: effect, column: "t:2", sign: negative', estimates=found)[0] == "supported"
    assert verdict(tmp_path, 'rule: effect, column: "t:2", sign: negative, level: 0.01', estimates=found)[0] == "undecided"


@pytest.mark.parametrize(
    ("p", "low", "high", "expected"),
    [(0.01, 0.1, 0.4, "supported"), (0.01, -0.1, 0.4, "not supported"), (0.3, 0.1, 0.4, "undecided")],
)
def test_a_channel_needs_a_mediator_that_moves_and_a_share_above_zero(tmp_path, p, low, high, expected):
    found = estimates({"table": "t", "column": "2", "estimate": 0.3, "p_ri_t": p})
    share = pd.DataFrame([{"table": "t", "column": "2", "share": 0.2, "share_low": low, "share_high": high}])
    got, row = verdict(tmp_path, 'rule: mediation, column: "t:2", sign: positive', estimates=found, mechanisms=share)
    assert got == expected
    assert got == "undecided" or "sequential ignorability" in row["why"]


def event(*rows: tuple[int, float, float]) -> pd.DataFrame:
    names = ("event_time", "estimate", "p_ri_t")
    lead = {"is_headline": True, "std_error": 0.1, "n_treated_units": 4, "pretrend_F": 1.2, "pretrend_p": 0.3}
    lead |= {"pretrend_p_ri": 0.4, "pretrend_note": ""}
    return pd.DataFrame([{**lead, **dict(zip(names, row, strict=True))} for row in rows])


def test_event_times_need_every_coefficient_to_pass_the_test(tmp_path):
    claim = "rule: event_time, event_times: [1, 2], sign: negative"
    below = (1, -0.3, 0.01)
    assert verdict(tmp_path, claim, event_study=event(below, (2, -0.2, 0.02)))[0] == "supported"
    assert verdict(tmp_path, claim, event_study=event(below, (2, -0.2, 0.2)))[0] == "undecided"
    assert verdict(tmp_path, claim, event_study=event(below, (2, 0.2, 0.01)))[0] == "undecided"
    assert verdict(tmp_path, claim, event_study=event((1, 0.2, 0.01), (2, 0.2, 0.02)))[0] == "contradicted"
    assert verdict(tmp_path, claim, event_study=event(below, (2, NAN, NAN)))[0] == "not estimable"
    assert verdict(tmp_path, claim)[0] == "not supplied"


def test_parallel_trends_are_never_supported_only_not_refused(tmp_path):
    rows = event((0, -0.1, 0.2))
    assert verdict(tmp_path, "rule: pre_trend", event_study=rows)[0] == "undecided"
    assert verdict(tmp_path, "rule: pre_trend", event_study=rows.assign(pretrend_p_ri=0.01))[0] == "contradicted"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(-0.3, -0.6, "supported"), (-1.603, -0.644, "contradicted"), (-0.30, -0.31, "undecided"), (NAN, -0.3, "not estimable")],
)
def test_a_magnitude_grows_by_more_than_a_standard_error_or_it_is_undecided(tmp_path, first, second, expected):
    found = estimates({"table": "t", "column": "1", "estimate": first}, {"table": "t", "column": "2", "estimate": second})
    assert verdict(tmp_path, 'rule: magnitude_grows, from: "t:1", to: "t:2"', estimates=found)[0] == expected


def test_a_placebo_is_judged_by_its_p_and_not_by_its_shape(tmp_path):
    rows = pd.DataFrame([{"table": "t", "column": "2", "p_ri_beta": 0.2, "draws": 999, "undefined": 0, "sd": 0.1, "note": ""}])
    got, row = verdict(tmp_path, 'rule: placebo, column: "t:2"', placebo=rows)
    assert got == "undecided" and "199 of 999 random assignments" in row["why"]
    assert verdict(tmp_path, 'rule: placebo, column: "t:2"', placebo=rows.assign(p_ri_beta=0.002))[0] == "supported"


@pytest.mark.parametrize(
    ("difference", "p", "expected"),
    [
        (-0.2, 0.04, "supported"),
        (-0.2, 0.30, "undecided"),
        (0.2, 0.04, "contradicted"),
        (NAN, NAN, "not estimable"),
    ],
)
def test_a_stronger_half_is_earned_by_the_difference(tmp_path, difference, p, expected):
    halves = {"treated_units_low": 2, "treated_units_high": 7}
    row = {"split": "market", "difference": difference, "se": 0.1, "p_ri": p, "sentence": "0 treated", **halves}
    rows = pd.DataFrame([row])
    assert verdict(tmp_path, "rule: difference, split: market", splits=rows)[0] == expected
    alone = rows.assign(treated_units_low=1)
    assert verdict(tmp_path, "rule: difference, split: market", splits=alone)[0] in ("undecided", "not estimable")


def test_a_difference_tells_the_p_adjusted_for_the_splits_tested_together(tmp_path):
    row = {"split": "market", "table": "t6", "column_low": "1", "column_high": "2", "difference": -0.2, "se": 0.1, "p_ri": 0.06}
    splits = pd.DataFrame([row | {"sentence": "", "treated_units_low": 2, "treated_units_high": 7}])
    family = {"table": "t6", "column": "1/2", "method": "romano_wolf:f", "note": "f: 4 hypotheses tested together"}
    for p, caveat in ((0.33, True), (0.08, False)):
        tested = pd.DataFrame([family | {"p_value": p}])
        got, found = verdict(tmp_path, "rule: difference, split: market", splits=splits, inference=tested)
        assert got == "supported"
        assert f"{p:.3g} adjusted for the splits tested together (Romano-Wolf); 2 treated cities" in found["observed"]
        assert ("Adjusted for the splits tested together p is not below 0.1." in found["why"]) == caveat
    alone = pd.DataFrame([family | {"p_value": 0.33, "note": "f: 1 hypothesis tested together"}])
    _, found = verdict(tmp_path, "rule: difference, split: market", splits=splits, inference=alone)
    assert "adjusted" not in found["observed"]


def test_the_shipped_claims_are_the_papers(tmp_path):
    claims = load_claims(STUDIES / "ai_pilot" / "claims.yaml")
    found = judge_claims(claims, Findings(estimates()))
    assert list(found.columns) == list(COLUMNS)
    assert {"H1", "H2", "H3"} <= set(found["claim"])
    cited = found[found["verdict"] == CITED]
    assert len(cited) == 6 and cited["target"].str.len().gt(0).all()
    assert set(found["verdict"]) == {CITED, "not supplied"}  # nothing was estimated


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rule: efect", ["line 4", "'efect' is unknown", "'effect'"]),
        ('rule: effect, column: "t:2", sign: down', ["line 4", "sign", "'down'"]),
        ("rule: effect, column: t2, sign: negative", ["line 4", "column", "'t2'"]),
        ("rule: effect, sign: negative", ["line 4", "column", "required"]),
        ("rule: pre_trend, colour: red", ["line 4", "colour", "unknown key"]),
    ],
)
def test_a_fault_in_the_claims_names_path_and_line(tmp_path, line, words):
    with pytest.raises(UsageError) as caught:
        verdict(tmp_path, line)
    assert all(word in str(caught.value) for word in [str(tmp_path), *words]), caught.value


def test_two_claims_may_not_share_an_id(tmp_path):
    path = tmp_path / "claims.yaml"
    one = "  - {id: c, at: s, sentence: x, rule: pre_trend}\n"
    path.write_text("level: 0.05\ndifference_level: 0.10\nclaims:\n" + one + one)
    with pytest.raises(UsageError, match="'c' stands twice"):
        load_claims(path)
