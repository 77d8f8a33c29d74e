"""Our own tables by the same rules: nothing fails on a correct run, and what is altered does."""

import pytest
from invented_run import invented_panel, invented_study
from papers import Paper

from citycarbon.econometrics import estimate_columns
from citycarbon.econometrics.contract import write_estimates
from citycarbon.errors import UsageError
from citycarbon.forensics import examine_own, examine_study, own_tables
from citycarbon.forensics.own import _row


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Panel, study, estimates and the folder of a run of invented data."""
    panel, study = invented_panel(), invented_study()
    estimates = estimate_columns(panel, study)
    folder = tmp_path_factory.mktemp("results")
    write_estimates(estimates, folder / "estimates.csv", folder / "estimates.parquet")
    return panel, study, estimates, folder


@pytest.fixture(scope="module")
def ours(run):
    panel, study, _, folder = run
    return Paper(*own_tables(folder, study, panel))


def failing(df):
    return df[(df["verdict"] == "fail") & (df["scope"] != "overall")]


def test_nothing_fails_on_a_correct_run_and_most_rules_can_judge(ours):
    found = ours.judged()
    assert failing(found).empty, failing(found).to_dict("records")
    verdicts = ours.verdicts()
    assert {rule for rule, v in verdicts.items() if v == "not_applicable"} == {"L76", "L79", "L81"}
    assert {verdicts[rule] for rule in ("L69", "L70", "L73", "L75", "L78")} == {"pass"}


def test_numbers_keep_all_digits_and_every_column_has_the_descriptives_of_its_rows(run, ours):
    estimates = run[2]
    assert ours.published["estimate"].astype(float).tolist() == estimates["estimate"].tolist()
    assert set(ours.descriptives["sample"]) == {""} | {f"{r.table}:{r.column}" for r in estimates.itertuples()}


def test_the_design_follows_from_study_and_panel(ours):
    design = ours.design
    assert {(c.year, c.units) for c in design.treatment.cohorts} == {(2008, 3), (2010, 3)}
    assert [(s.table, s.column, s.kind, s.units) for s in design.subsamples] == [
        ("table4", "1", "lag", None), ("table4", "2", "exclusion", 2),
    ]  # fmt: skip
    assert [(s.kind, s.method, s.of.column) for s in design.splits] == [
        ("continuous", "median_of_units", "2"), ("membership", "membership", "2"),
    ]  # fmt: skip
    assert [(c.table, c.column, c.effects) for c in design.fixed_effects.columns] == [("table2", "2p", ["province", "year"])]


WHERE = {"table": "table2", "column_no": "2"}
STAR = {**WHERE, "term": "lnpgdp"}
DID = {**WHERE, "term": "did"}


def test_a_star_altered_in_the_release_fails_its_cell(run, tmp_path):
    panel, study, estimates, _ = run
    where = (estimates["table"] == "table2") & (estimates["column"] == "2") & (estimates["term"] == "lnpgdp")
    changed = estimates.assign(stars=estimates["stars"].mask(where, estimates["stars"].map(lambda s: "" if s else "***")))
    write_estimates(changed, tmp_path / "estimates.csv", tmp_path / "estimates.parquet")
    found = failing(examine_own(panel, study, tmp_path))
    assert set(found["rule"]) == {"L78"} and set(found["scope"]) == {"all", "T2c2 lnpgdp"}


@pytest.mark.parametrize(
    ("stars", "rule", "p", "fails"),
    [
        ("***", "pending", "", True),
        ("", "pending", "", False),
        ("***", "ri_t", "0.2", True),
        ("***", "ri_t", "0.004", False),
        ("**", "ri_t", "0.004", True),
        ("", "none", "", False),
        ("*", "none", "", True),
    ],
)
def test_the_treatments_star_follows_its_own_rule(ours, stars, rule, p, fails):
    changed = ours.altered("stars", stars, **DID).altered("star_rule", rule, **DID).altered("p_value", p, **DID)
    assert set(failing(changed.judged())["scope"]) == ({"all", "T2c2 did"} if fails else set())


def test_a_row_that_may_have_no_star_is_judged_by_that(run):
    row = run[2].iloc[0].to_dict() | {"star_rule": "ri_t", "p_ri_t": 0.004}
    assert (_row(row)["star_rule"], float(_row(row)["p_value"])) == ("ri_t", 0.004)
    floored = _row(row | {"note": "no star: 3 matched treated cities, fewer than 5"})
    assert (floored["star_rule"], floored["p_value"], floored["df"]) == ("none", "", "")


@pytest.mark.parametrize(
    ("column", "where", "change", "rule"),
    [
        ("estimate", {**WHERE, "term": "_cons"}, lambda v: str(float(v) + 1e-3), "L70"),
        ("N", WHERE, lambda v: str(int(v) - 3), "L73"),
        ("N", WHERE, lambda v: str(int(v) + 1), "L71"),
        ("fe_label_2", WHERE, lambda v: "Province", "L75"),
        ("adj_r2", {"table": "table4", "column_no": "2"}, lambda v: "-0.9", "L74"),
    ],
)
def test_an_altered_number_or_label_fails_its_rule(ours, column, where, change, rule):
    rows = ours.published
    for key, value in where.items():
        rows = rows[rows[key] == value]
    assert rule in ours.altered(column, change(rows[column].iloc[0]), **where).failing()


def test_ones_are_not_counted_from_weighted_means(ours):
    weighted = ours.redescribed("did", mean="0.300", sd="0.400", weighted="yes")
    assert not {"L68", "L69"} & weighted.failing()
    assert {"L68", "L69"} <= ours.redescribed("did", mean="0.300", sd="0.400").failing()


def test_a_treatment_that_the_policy_list_does_not_know_fails(run):
    panel, study, _, folder = run
    wrong = panel.assign(first_year_ai_pilot=panel["first_year_ai_pilot"] + 1)
    assert "L68" in Paper(*own_tables(folder, study, wrong)).failing()


def test_a_release_without_estimates_or_panel_is_refused(run, tmp_path):
    _, study, estimates, _ = run
    with pytest.raises(UsageError, match="estimates.csv: found no such file"):
        own_tables(tmp_path, study)
    write_estimates(estimates, tmp_path / "estimates.csv", tmp_path / "estimates.parquet")
    with pytest.raises(UsageError, match="found no panel"):
        own_tables(tmp_path, study)


def test_a_study_without_a_paper_gets_no_rows(run):
    found = examine_study(run[1])
    assert found.empty and list(found.columns)[:3] == ["subject", "rule", "finding"]


@pytest.mark.pipeline
def test_the_sample_release_has_nothing_to_fail(pipeline):
    from citycarbon.study import load_study

    found = Paper(*own_tables(pipeline.release, load_study(pipeline.study))).judged()
    assert failing(found).empty, failing(found)[["rule", "scope", "explanation"]].to_dict("records")
    assert found.loc[(found["rule"] == "L69") & (found["finding"] == "ones"), "observed"].iloc[0].startswith("{17}")
