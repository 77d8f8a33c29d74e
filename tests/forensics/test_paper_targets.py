"""The rules on the paper's own tables: verdicts and numbers of the audit, each computed anew."""

import re
from dataclasses import replace

import pytest

from citycarbon.forensics.findings import COLUMNS

TARGETS = {
    "L68": "fail", "L69": "pass", "L70": "fail", "L71": "fail", "L72": "fail", "L73": "fail", "L74": "warn", "L75": "fail",
    "L76": "fail", "L77": "fail", "L78": "pass", "L79": "warn", "L80": "fail", "L81": "fail", "L82": "fail",
}  # fmt: skip


def rows(judged, rule, finding=None, scope=None):
    found = judged[(judged["rule"] == rule) & (judged["scope"] != "overall")]
    if finding:
        found = found[found["finding"] == finding]
    if scope:
        found = found[found["scope"] == scope]
    return found.to_dict("records")


def one(judged, rule, finding, scope=None):
    found = rows(judged, rule, finding, scope)
    assert len(found) == 1, found
    return found[0]


def verdicts(judged, rule, finding):
    return {r["scope"]: r["verdict"] for r in rows(judged, rule, finding)}


def test_every_rule_gives_the_verdict_of_the_audit(judged):
    found = judged[judged["scope"] == "overall"]
    assert dict(zip(found["rule"], found["verdict"], strict=True)) == TARGETS
    assert list(judged.columns) == list(COLUMNS)


def test_every_finding_has_numbers_and_a_sentence_to_paste(judged):
    for r in judged.to_dict("records"):
        assert r["observed"] and r["expected"], r
        assert r["explanation"].endswith(".") and len(r["explanation"]) > 30, r
        assert not re.search(r"\bnan\b|\binf\b|None|\{|\}", r["observed"].replace("{132, 133}", "") + r["explanation"]), r
        if r["verdict"] in ("fail", "warn"):
            assert re.search(r"\d", r["explanation"]), r


def test_68_treated_rows_exceed_what_the_rule_allows(judged):
    r = one(judged, "L68", "treated_rows")
    assert r["verdict"] == "fail" and "132 to 134" in r["observed"] and r["expected"] == "1 to 17 treated city-years"
    assert "7.8 times" in r["explanation"] and "Table 1" in r["explanation"]
    assert "14 rows each" in one(judged, "L68", "rows_per_unit", "T4c4")["explanation"]
    assert "at most 9" in one(judged, "L68", "treated_units")["explanation"]
    assert "at most 36" in one(judged, "L68", "event_window")["explanation"]
    assert "t+1: 4, t+2: 4" in one(judged, "L68", "event_support")["observed"]
    assert "152" in one(judged, "L68", "treatment_wordings")["observed"]


def test_69_counts_of_ones(judged):
    assert one(judged, "L69", "ones")["observed"] == "{132, 133} ones of 3017"
    codings = one(judged, "L69", "codings")
    assert "12 x 11" in codings["observed"] and "7 x 19" in codings["observed"] and "44 x 3" in codings["observed"]
    assert "the rule of section 3.1: 17" in codings["expected"] and "12 x 14 rows (the average): 168" in codings["expected"]


def test_70_implied_means(judged):
    found = verdicts(judged, "L70", "implied_mean")
    assert found == {"CO2": "fail", "er": "fail", "Green": "pass"}
    co2 = one(judged, "L70", "implied_mean", "CO2")
    assert "2.7675 [2.7661, 2.7688]" in co2["observed"] and "below the printed minimum" in co2["explanation"]
    assert "8.567 [8.557, 8.577]" in one(judged, "L70", "implied_mean", "er")["observed"]
    assert "3.712 [3.698, 3.727]" in one(judged, "L70", "implied_mean", "Green")["observed"]
    assert verdicts(judged, "L70", "pooled_level") == {"T5": "pass", "T6": "fail", "T7": "pass", "T8": "pass"}
    assert "[7.48, 8.44]" in one(judged, "L70", "pooled_level", "T6")["observed"]
    bounds = verdicts(judged, "L70", "subset_mean")
    assert bounds == {"T4c1": "not_applicable", "T4c2": "fail", "T4c3": "fail", "T4c4": "fail"}


def test_71_er_is_not_the_described_er(judged):
    assert {r["scope"] for r in rows(judged, "L71") if r["verdict"] == "fail"} == {"er"}
    assert "15 more" in one(judged, "L71", "rows", "er")["explanation"]
    assert "494 times expected" in one(judged, "L71", "scale", "er")["observed"]
    assert one(judged, "L71", "scale", "Green")["verdict"] == "pass"


def test_72_internet_is_no_log_and_industry_has_zeros(judged):
    assert {r["scope"] for r in rows(judged, "L72") if r["verdict"] == "fail"} == {"internet"}
    assert "4.7e+22" in one(judged, "L72", "range", "internet")["explanation"]
    assert one(judged, "L72", "zeros", "industry")["verdict"] == "warn"
    assert (
        "-47.5 %" in one(judged, "L72", "unstated", "CO2")["explanation"]
        or "-79.9 %" in one(judged, "L72", "unstated", "CO2")["explanation"]
    )


def test_73_split_arithmetic(judged):
    assert verdicts(judged, "L73", "split") == {"T5": "warn", "T6": "pass", "T7": "warn", "T8": "fail"}
    losses = [r["observed"].rpartition("; ")[2] for r in rows(judged, "L73", "split")]
    assert losses == ["4 lost", "0 lost", "2 lost", "1 lost"]
    assert "220 first rows and 27 restarts" in one(judged, "L73", "lag_rows")["explanation"]


def test_74_r2_stands_at_the_edge_of_the_possible(judged):
    r = one(judged, "L74", "r2_floor", "T4c4")
    assert r["verdict"] == "warn" and "0.638" in r["observed"] and "0.633" in r["expected"]
    assert "394 of the 438" in r["explanation"]
    assert one(judged, "L74", "r2_floor", "T4c3")["verdict"] == "pass"


def test_75_labels(judged):
    assert verdicts(judged, "L75", "labels") == {"T2, T3, T5, T6, T7, T8": "fail", "T4": "pass"}
    assert "0.006" in one(judged, "L75", "slopes_alike")["explanation"]


def test_76_one_ratio_of_errors(judged):
    r = one(judged, "L76", "ratio", "T3c2/T3c1")
    assert r["verdict"] == "fail" and "[1.4145, 1.4170]" in r["observed"] and "1.4158" in r["observed"]
    r = one(judged, "L76", "ratio", "T3c3/T3c1")
    assert r["verdict"] == "warn" and "[0.7523, 0.7544]" in r["observed"] and "[0.7578, 0.7622]" in r["observed"]
    assert "0.022 in Table 6 column 2" in one(judged, "L76", "one_error_collapses", "T6")["explanation"]


def test_77_errors_are_too_small_for_the_rule(judged):
    assert verdicts(judged, "L77", "minimum_se_rule") == {"T2c1": "fail", "T2c2": "fail", "T3c2": "fail"}
    r = one(judged, "L77", "minimum_se_rule", "T2c1")
    assert "83.30 [82.24, 84.37]" in r["observed"] and "0.20200" in r["expected"] and "16.90" in r["expected"]
    r = one(judged, "L77", "minimum_se_counted", "T2c1")
    assert "0.111" in r["expected"] and "at least 19 cities" in r["explanation"]
    changes = {r["scope"]: (r["observed"], r["expected"]) for r in rows(judged, "L77", "se_change")}
    assert "+5.3 % [3.9, 6.6]" in changes["T4c2"][0] and changes["T4c2"][1].startswith("+46 %")
    assert "+1.3 % [0.0, 2.6]" in changes["T4c4"][0] and changes["T4c4"][1].startswith("+19 %")


def test_78_stars(judged):
    assert one(judged, "L78", "stars")["observed"] == "128 of 130 match, 2 by rounding, 0 impossible"
    assert [r["scope"] for r in rows(judged, "L78", "star")] == ["T4c3 internet", "T5c1 gov"]
    clusters = {r["scope"]: r["observed"] for r in rows(judged, "L78", "clustering")}
    assert clusters["pilot city"] == "7 impossible, 3 by rounding with t(11)"
    assert clusters["city"].startswith("0 impossible")


def test_79_placebo_spread(judged):
    r = one(judged, "L79", "spread")
    assert r["verdict"] == "warn" and "= 2.62 [2.54, 2.71]" in r["observed"] and "3.2 sd out" in r["explanation"]
    assert "5.01" in one(judged, "L79", "axis")["observed"]


def test_80_subgroups(judged):
    assert verdicts(judged, "L80", "difference") == {"T5": "pass", "T6": "fail", "T7": "fail", "T8": "pass"}
    z = {r["scope"]: float(re.search(r"z = (-?[\d.]+)", r["observed"])[1]) for r in rows(judged, "L80", "difference")}
    assert z == pytest.approx({"T5": 2.45, "T6": 0.62, "T7": 0.44, "T8": 2.75}, abs=0.005)
    assert verdicts(judged, "L80", "pooled_in_hull") == {"T5": "pass", "T6": "warn", "T7": "warn", "T8": "pass"}
    assert "gov from -0.033" in one(judged, "L80", "signs_turned")["explanation"]


def test_81_four_sentences_are_contradicted(judged):
    found = verdicts(judged, "L81", "claim")
    failed = [k for k, v in found.items() if v == "fail"]
    assert failed == ["controls_enhance", "positive_impact", "low_digital_counterproductive", "controls_in_every_column"]
    assert set(found.values()) == {"fail", "pass"}
    assert "-59.8 %" in one(judged, "L81", "claim", "controls_enhance")["observed"]


def test_82_no_source_covers_the_treated_years(judged):
    found = verdicts(judged, "L82", "window")
    assert found == {"CEADS city inventories": "not_applicable", "county-level CO2 summed to cities": "fail"}
    assert "0 of 17 treated rows" in one(judged, "L82", "window", "county-level CO2 summed to cities")["observed"]


def test_without_a_design_rules_that_need_it_say_so(paper):
    found = paper.only("descriptives").verdicts()
    needs = {r for r, v in found.items() if v == "not_applicable"}
    assert needs == {"L68", "L72", "L73", "L74", "L75", "L76", "L77", "L79", "L80", "L81", "L82"}
    assert {r for r, v in paper.only().verdicts().items() if v != "not_applicable"} == {"L78"}


def test_the_order_of_rows_in_the_file_changes_no_verdict(paper):
    shuffled = paper.published.sample(frac=1, random_state=3)
    assert replace(paper, published=shuffled).verdicts() == TARGETS
