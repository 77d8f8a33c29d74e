"""One change at a time: the rule that is about it changes its verdict, and no other rule fails for it."""

import pytest
from papers import Paper
from simulated_paper import Settings, simulate

from citycarbon.forensics.support import binary_sd

WHOLE = {"table": "2", "column": "2"}


def ones(paper: Paper, k: int) -> Paper:
    """With a mean and sd of did that k ones have."""
    n = int(paper.descriptives.set_index("variable").loc["did", "n"])
    return paper.redescribed("did", mean=f"{k / n:.3f}", sd=f"{binary_sd(k, n)[0]:.3f}")


def cell(paper: Paper, column: str, **where: str) -> str:
    rows = paper.published
    for name, value in where.items():
        rows = rows[rows[name] == value]
    return rows[column].iloc[0]


def plus(paper: Paper, column: str, by: float, **where: str) -> Paper:
    return paper.altered(column, f"{float(cell(paper, column, **where)) + by:.3f}", **where)


SPLIT = {"table": "5", "high": "1", "low": "2", "of": WHOLE, "criterion": "wealth", "kind": "continuous", "method": "median"}
CHANGES = {
    "L68": lambda p: ones(p, 120),
    "L69": lambda p: p.redescribed("did", sd="0.200"),
    "L70": lambda p: plus(p, "estimate", 0.5, table="3", column_no="2", term="_cons"),
    "L71": lambda p: p.redescribed("er", n=str(int(p.descriptives["n"].iloc[0]) - 15)),
    "L72": lambda p: p.redescribed("share", max="1.700"),
    "L73": lambda p: p.altered("N", str(int(cell(p, "N", table="6", column_no="2")) + 50), table="6", column_no="2"),
    "L74": lambda p: p.altered("adj_r2", "0.300", table="4", column_no="2"),
    "L75": lambda p: p.altered("fe_label_2", "Province", table="2", column_no="1"),
    "L76": lambda p: p.redesigned(standard_errors={"stated": "robust"}),
    "L77": lambda p: p.altered("std_error", "0.020", table="2", column_no="1", term="did"),
    "L78": lambda p: p.altered("stars", "", table="3", column_no="3", term="x1"),
    "L80": lambda p: p.redesigned(splits=[{**SPLIT, "stronger": {"group": "high", "where": "section 5"}}]),
    "L81": lambda p: p.redesigned(
        claims=[{"id": "c", "where": "here", "quote": "q", "rule": {"kind": "contains", "columns": [WHOLE], "terms": ["x9"]}}]
    ),
    "L82": lambda p: p.redesigned(sources=[{"id": "s", "variable": "y", "first_year": 2000, "last_year": 2015}]),
}  # fmt: skip


@pytest.fixture(scope="module")
def true_paper():
    paper = simulate(11, Settings(decimals=3))
    assert not paper.failing()
    return paper


@pytest.mark.parametrize("rule", CHANGES)
def test_one_change_to_a_true_paper_fails_exactly_its_rule(true_paper, rule):
    assert CHANGES[rule](true_paper).failing() == {rule}


def test_a_placebo_that_spreads_wider_than_the_error_is_a_warning(true_paper):
    for sd, verdict in (("0.300", "warn"), ("0.060", "pass")):
        assert true_paper.redesigned(placebo={"of": WHOLE, "sd": sd}).verdicts()["L79"] == verdict


# --- the paper itself, corrected in one place -------------------------------------------------------------------------------


def relabel(paper: Paper) -> Paper:
    for table in "235678":
        paper = paper.altered("fe_label_2", "City", table=table)
    return paper


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda p: p.redescribed("did", mean="0.006", sd="0.075"), {"L68": "warn"}),
        (lambda p: p.redescribed("internet", max="20.100"), {"L72": "warn"}),
        (lambda p: p.altered("adj_r2", "0.670", table="4", column_no="4"), {"L74": "pass"}),
        (lambda p: p.altered("adj_r2", "0.620", table="4", column_no="4"), {"L74": "fail"}),
        (relabel, {"L75": "pass"}),
        (lambda p: p.altered("stars", "**", table="2", column_no="2", term="did"), {"L78": "fail"}),
        (lambda p: p.altered("stars", "*", table="7", column_no="1", term="EDU"), {"L78": "fail"}),
        (
            lambda p: p.redesigned(placebo={"of": WHOLE, "draws": 500, "peak_density": "4.0", "axis_low": "-0.3"}),
            {"L79": "pass"},
        ),
    ],
    ids=["did mean", "internet", "R2 up", "R2 down", "labels", "a star less", "a star more", "placebo"],
)
def test_one_correction_of_the_paper_changes_its_rule_alone(paper, judged, change, expected):
    from papers import overall

    before, after = overall(judged), change(paper).verdicts()
    assert {rule: v for rule, v in after.items() if v != before[rule]} == expected


def findings(frame, rule, finding):
    rows = frame[(frame["rule"] == rule) & (frame["finding"] == finding)]
    return dict(zip(rows["scope"], rows["verdict"], strict=True))


def test_a_shifted_n_shows_where_it_is(paper):
    frame = paper.altered("N", "1177", table="5", column_no="1").judged()
    assert findings(frame, "L73", "split") == {"T5": "fail", "T6": "pass", "T7": "warn", "T8": "fail"}
    assert findings(frame, "L70", "pooled_mean")["T5"] == "not_applicable"
    frame = paper.altered("N", "3002", table="3", column_no="3").judged()
    assert "er" not in findings(frame, "L71", "rows")


def test_more_rows_than_values_is_impossible_only_where_values_are_counted_one_by_one(paper, true_paper):
    frame = paper.altered("N", "3020", table="2", column_no="1").judged()
    assert findings(frame, "L71", "rows") == {"er": "fail", "CO2": "fail", "did": "fail"}
    most = int(true_paper.descriptives["n"].iloc[0]) + 9  # complete cases: a column without controls may have more rows
    for column, verdict in (("1", "warn"), ("2", "fail")):
        frame = true_paper.altered("N", str(most), table="2", column_no=column).judged()
        assert set(findings(frame, "L71", "rows").values()) == {verdict}


def test_a_stronger_effect_earns_the_word(paper):
    frame = paper.altered("estimate", "-0.946", table="6", column_no="2", term="did").judged()
    assert findings(frame, "L80", "difference") == {"T5": "pass", "T6": "pass", "T7": "fail", "T8": "pass"}


def test_without_one_ratio_of_errors_the_bound_on_them_is_no_proof(paper):
    changed = paper.altered("std_error", "0.600", table="3", column_no="2", term="EDU")
    found = changed.verdicts()
    assert found["L76"] == "warn" and found["L77"] == "warn"


def test_what_green_shows_is_needed_to_read_the_constants(paper):
    frame = paper.altered("estimate", "-47.366", table="3", column_no="2", term="_cons").judged()
    assert findings(frame, "L70", "implied_mean") == {"CO2": "warn", "Green": "warn", "er": "fail"}


def test_another_source_that_covers_the_years_is_allowed_for(paper):
    sources = [s.model_dump() for s in paper.design.sources]
    sources[0] |= {"first_year": 2000, "last_year": 2021}
    assert paper.redesigned(sources=sources).verdicts()["L82"] == "warn"
