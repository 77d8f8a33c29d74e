from citycarbon.checks import CheckResult
from orchestration.console import gate_summary, headline, step_title, table, width
from orchestration.failures import refusal

FIELDS = (
    "table,column,term,outcome,outcome_unit,estimate,std_error,conf_low,conf_high,n_obs,n_clusters,n_treated_units,"
    "fixed_effects,stars,star_rule,note"
)


def check(id, passed=True, severity="blocking", failing=(), **more):
    return CheckResult(id, severity, passed, observed="3 rows", expected="none", failing=list(failing), **more)


def test_chinese_characters_take_two_columns():
    lines = table(["city", "n"], [["济南市", 1], ["Xi'an", 22]]).splitlines()
    assert width("济南市") == 6
    assert [width(line) for line in lines] == [len("济南市") * 2 + 2 + 1, 9, 10]


def test_headline_shows_only_the_policy_rows_and_says_what_is_pending(tmp_path):
    path = tmp_path / "estimates.csv"
    path.write_text(
        f"{FIELDS}\n"
        "table2,1,did,lnco2,ln(Mt),-0.3012,0.0521,-0.41,-0.2,5605,295,17,city + year,,pending,\n"
        "table2,1,gov,lnco2,ln(Mt),0.1,0.1,0,1,5605,295,17,city + year,*,t,\n"
        "table2,2,did,lnco2,ln(Mt),,,,,5605,295,0,city + year,,pending,no treated unit in the sample\n",
        encoding="utf-8",
    )
    text = headline(path)
    assert "-0.301" in text and "(0.052)" in text and "[-0.410, -0.200]" in text and "RI pending" in text
    assert "gov" not in text
    assert len(text.splitlines()) == 4


def test_gate_summary_names_what_failed_with_its_city_years():
    keys = [("370100", 2003 + i) for i in range(12)]
    text = gate_summary([check("keys_unique"), check("co2_jump_listed", False, "warning", keys)])
    assert text.startswith("2 checks (2 by great_expectations): 1 passed, 0 refused, 1 warned")
    assert "warning  co2_jump_listed" in text and "found     3 rows" in text and "at        济南市 370100 2003, " in text
    assert "+2 more" in text


def test_refusal_names_each_blocking_check_and_keeps_their_ids():
    error = refusal([check("keys_unique", False, failing=[("370100", 2015)]), check("calendar_complete", False)])
    assert error.exit_code == 3
    assert error.checks == ["keys_unique", "calendar_complete"]
    assert "济南市 370100 2015" in str(error) and "last release stays" in str(error)


def test_step_titles_read_as_people_say_them():
    assert step_title("raw__chen_county") == "read chen_county"
    assert step_title("sample_attrition_table") == "sample attrition table"
