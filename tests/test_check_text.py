"""Check results read well: refusals first, cities by name, what to do."""

from citycarbon.check_text import summarise
from citycarbon.checks import CheckResult


def results() -> list[CheckResult]:
    keys = [("370100", y) for y in range(2003, 2018)]
    return [
        CheckResult(
            "sources_agree", "warning", False, "1 of 9 outside", "within 10%", [("310000", 2004)], title="Tables agree"
        ),
        CheckResult(
            "co2_jump_blocking", "blocking", False, "15 of 99 outside", "less than x8", keys, remedy="Declare a correction"
        ),
        CheckResult("keys_unique", "blocking", True, "0 of 99 outside", "unique", []),
    ]


def test_a_summary_lists_refusals_first_with_names_and_what_to_do():
    text = summarise(results())
    assert text.startswith("3 checks (3 by great_expectations): 1 passed, 1 refused, 1 warned")
    assert text.index("co2_jump_blocking") < text.index("sources_agree")
    assert "济南市 370100 2003" in text and "+5 more" in text and "to do     Declare a correction." in text
    assert "keys_unique" not in text
