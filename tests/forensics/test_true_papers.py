"""Papers whose tables are true: no rule may fail, whatever errors, constants and digits they print."""

import pytest
from simulated_paper import Settings, simulate

KINDS = [
    Settings(errors="classical"),
    Settings(errors="robust", decimals=4),
    Settings(errors="cluster"),
    Settings(errors="classical", constant="base_category", decimals=2),
    Settings(errors="robust", constant="base_category"),
    Settings(units=30, missing=0.0, errors="cluster", decimals=5),
]


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_true_tables_fail_no_rule(kind):
    paper = simulate(100 + kind, KINDS[kind])
    judged = paper.judged()
    assert not judged[judged["verdict"] == "fail"].to_dict("records")
    for given in ((), ("descriptives",), ("design",)):
        assert not paper.only(*given).failing()


def test_most_rules_can_judge_a_true_paper():
    found = simulate(1).verdicts()
    assert {rule for rule, verdict in found.items() if verdict == "not_applicable"} == {"L79"}
    assert sum(verdict == "pass" for verdict in found.values()) >= 12


def test_a_true_grand_mean_constant_is_recognised_and_one_of_a_base_level_is_not_taken_for_it():
    rows = {c: simulate(7, Settings(constant=c)).judged() for c in ("grand_mean", "base_category")}
    found = {c: f[(f["rule"] == "L70") & (f["finding"] == "implied_mean")]["verdict"].tolist() for c, f in rows.items()}
    assert found == {"grand_mean": ["pass"] * 3, "base_category": ["warn"] * 3}
