"""Whatever stands in the tables, every rule answers in words: no crash, no nan, a sentence for every row."""

import re

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tries import up_to

ODD = ["0", "0.000", "-0.000", "1", "", "1e-5", "123456", "1e10", "-3.2"]
CHANGES = st.lists(
    st.tuples(st.integers(0, 129), st.sampled_from(["estimate", "std_error", "adj_r2", "N"]), st.sampled_from(ODD)), max_size=8
)
DESCRIBED = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from(["sd", "mean", "min", "max", "n"]), st.sampled_from(ODD)), max_size=6
)
DROPPED = st.sets(st.sampled_from(["panel", "treatment", "fixed_effects", "standard_errors", "event_study"]))


def whole(text):
    return text if text.isdigit() and text != "0" else "2"


def change_published(df, changes):
    df = df.copy()
    for i, column, text in changes:
        if column in ("N", "adj_r2"):  # printed once a column
            row = df.iloc[i]
            at = (df["table"] == row["table"]) & (df["column_no"] == row["column_no"])
            df.loc[at, column] = whole(text) if column == "N" else text
        else:
            df.loc[i, column] = text.lstrip("-") if column == "std_error" else text
    df.loc[df["estimate"] == "", "std_error"] = ""
    df.loc[df["std_error"] == "", "stars"] = ""
    return df


def change_descriptives(df, changes):
    df = df.copy()
    for i, column, text in changes:
        df.loc[i, column] = whole(text) if column == "n" else text.lstrip("-") if column == "sd" else text
    return df


@settings(max_examples=up_to(8), suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(changes=[], described=[(0, "min", "")], dropped=set())  # an outcome whose range is not printed
@given(changes=CHANGES, described=DESCRIBED, dropped=DROPPED)
def test_every_rule_answers(paper, changes, described, dropped):
    from dataclasses import replace

    odd = replace(
        paper,
        published=change_published(paper.published, changes),
        descriptives=change_descriptives(paper.descriptives, described),
    )
    judged = odd.redesigned(**dict.fromkeys(dropped)).judged()
    assert set(judged["rule"]) == {f"L{n}" for n in range(68, 83)}
    for r in judged.to_dict("records"):
        assert r["verdict"] in ("pass", "warn", "fail", "not_applicable")
        assert r["observed"] and r["expected"] and r["explanation"].endswith("."), r
        assert not re.search(r"\b(nan|inf|None)\b", r["observed"] + r["expected"] + r["explanation"]), r
