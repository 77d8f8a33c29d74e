"""Tables say what the data say: labels, counts and notes come from the estimates."""

import numpy as np
import pandas as pd
import pytest

from citycarbon.econometrics import estimate_columns
from citycarbon.report.attrition import attrition_steps, attrition_table
from citycarbon.report.descriptives import describe, table1
from citycarbon.report.results import Results
from citycarbon.report.tables import regression_table, table2


def row_of(table, label):
    return [c.number + c.mark for c in next(r for r in table.body if r.texts[0] == label).cells]


# --- Table 2 ------------------------------------------------------------------------------------------------------------------


def test_both_readings_of_the_fixed_effects_stand_side_by_side(estimates, study):
    table = table2(estimates, study, synthetic=False)
    assert [(h.text, h.span) for h in table.header[0]] == [("City + year effects", 2), ("Province + year effects", 2)]
    assert [h.text for h in table.header[1]] == ["(1)", "(2)", "(1p)", "(2p)"]


def test_every_printed_number_is_in_the_estimates(estimates, study):
    table = table2(estimates, study, synthetic=False)
    for i, column in enumerate(["1", "2", "1p", "2p"]):
        mine = estimates[estimates["column"] == column].set_index("term")
        assert float(row_of(table, "did")[i].removesuffix("RI pending")) == pytest.approx(mine.loc["did", "estimate"], abs=5e-4)
        assert row_of(table, "N (city-years)")[i] == str(mine.iloc[0]["n_obs"])
        assert row_of(table, "Treated city-years")[i] == str(mine.iloc[0]["n_treated_cells"])
    errors = [r for r in table.body if r.name == "EDU, standard error"]
    printed = errors[0].cells[1]
    error = estimates.query("column == '2' and term == 'edu'")["std_error"].item()
    assert (printed.number[0], printed.mark) == ("(", ")") and float(printed.number[1:]) == pytest.approx(error, abs=5e-4)


def test_effects_come_from_the_model_not_from_a_label(panel, study):
    fewer = estimate_columns(panel[panel["city_id"] < "111000"], study)
    table = table2(fewer, study, synthetic=False)
    assert row_of(table, "City effects") == ["10 levels", "10 levels", "no", "no"]
    assert row_of(table, "Province effects") == ["no", "no", "2 levels", "2 levels"]
    assert row_of(table, "Year effects") == ["6 levels"] * 4


def test_singletons_are_counted_under_the_table(estimates, study):
    assert row_of(table2(estimates, study, synthetic=False), "Singletons dropped") == ["1", "1", "0", "0"]


def test_the_treatment_is_marked_pending_and_controls_have_stars(estimates, study):
    table = table2(estimates, study, synthetic=False)
    assert all(mark.endswith("RI pending") for mark in row_of(table, "did"))
    marks = {c.mark for r in table.body if r.texts[0] in ("lnpgdp", "_cons") for c in r.cells}
    assert marks <= {"", "*", "**", "***"} and "***" in marks
    assert any(n.startswith("RI pending:") for n in table.notes)


def test_stars_replace_pending_once_the_rule_is_randomisation_inference(estimates, study):
    done = estimates.copy()
    done.loc[done["term"] == "did", ["star_rule", "stars"]] = ["ri_t", "**"]
    table = table2(done, study, synthetic=False)
    assert all(cell.endswith("**") for cell in row_of(table, "did"))
    assert not any("pending" in n for n in table.notes)


def test_notes_name_sample_variance_and_outcome(estimates, study):
    notes = "\n".join(table2(estimates, study, synthetic=False).notes)
    for words in (
        "lnco2, transform ln, unit Mt",
        "clustered by city, CRV1",
        "in_sample: units municipality",
        "grand-mean",
        "Within R2",
    ):
        assert words in notes


def test_degrees_of_freedom_follow_the_clusters_of_each_column(estimates, study):
    """19 cities are left in the city columns once the singleton is gone, 20 in the province columns."""
    table = table2(estimates, study, synthetic=False)
    assert row_of(table, "Clusters") == ["19", "19", "20", "20"]
    assert row_of(table, "Degrees of freedom of t") == ["18", "18", "19", "19"]


def test_a_rule_that_all_columns_share_is_told_once_and_what_one_adds_beside_it(estimates, study):
    other = estimates.copy()
    own = other["column"] == "2"
    other.loc[own, "sample"] = other.loc[own, "sample"].str.replace("; singletons", "; unit_kind ne municipality; singletons")
    notes = table2(other, study, synthetic=False).notes
    assert sum(n.startswith("Sample: in_sample") for n in notes) == 1
    assert "Of these, columns (2): unit_kind ne municipality." in notes


def test_columns_without_a_common_rule_have_a_note_each(estimates, study):
    other = estimates.copy()
    other.loc[other["column"] == "2", "sample"] = "without municipalities"
    notes = table2(other, study, synthetic=False).notes
    assert "Sample, columns (2): without municipalities." in notes
    assert any(n.startswith("Sample, columns (1), (1p), (2p): in_sample") for n in notes)


def done(estimates, **changes):
    """The estimates after randomisation inference, with these values in the treatment's rows."""
    frame = estimates.copy()
    values = {"star_rule": "ri_t", "stars": "**", "p_ri_t": 0.03, "p_ri_beta": 0.04, "conf_low_ri": -0.5, "conf_high_ri": -0.1}
    for name, value in (values | changes).items():
        frame.loc[frame["term"] == "did", name] = value
    return frame


def test_p_values_and_interval_by_randomisation_inference_stand_under_the_coefficients(estimates, study):
    table = table2(done(estimates), study, synthetic=False)
    assert row_of(table, "p, RI on t") == ["0.030"] * 4
    assert row_of(table, "p, RI on coefficient") == ["0.040"] * 4
    assert {float(c) for c in row_of(table, "95 % RI interval, from")} == {-0.5}
    assert {float(c) for c in row_of(table, "95 % RI interval, to")} == {-0.1}
    notes = " ".join(table.notes)
    assert "benchmark and not identification" in notes and "the treatment by p of randomisation inference (RI) on t" in notes


def test_tests_for_few_clusters_stand_under_the_coefficients(estimates, study, tmp_path):
    """From inference.csv, each in its column; a row without any number is left out."""
    lines = ["table,column,method,p_value,statistic"]
    found = {"cv3": (0.012, 3), "wcr:webb": (0.021, 3), "placebo:size": ("", 0.1126), "effective_clusters": ("", 7.81)}
    lines += [f"table2,2,{method},{p},{value}" for method, (p, value) in found.items()]
    (tmp_path / "inference.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    table = regression_table(done(estimates, p_wcr=0.019), study, "table2", False, Results(tmp_path))
    assert row_of(table, "p, wild bootstrap") == ["0.019"] * 4
    assert row_of(table, "p, CV3 jackknife") == ["", "0.012", "", ""]
    assert row_of(table, "p, wild bootstrap, Webb weights")[1] == "0.021"
    assert row_of(table, "Size of the clustered t test at 5 %")[1] == "11.3 %"
    assert row_of(table, "Effective clusters")[1] == "7.8"
    assert not any(r.texts[0] == "Effect found with 80 % power" for r in table.body)
    assert any(n.startswith("Wild bootstrap") for n in table.notes)
    meanings = next(n for n in table.notes if n.startswith("CV3: jackknife over cities."))
    assert "Size: share of reassignments" in meanings and "Effective clusters: one over" in meanings
    assert "Effect found" not in meanings  # no column has it


def test_an_empty_cell_of_a_test_for_few_clusters_has_its_reason(estimates, study, tmp_path):
    lines = ["table,column,method,p_value,note", "table2,1,cv3,0.02,", "table2,2,cv3,,without X nothing is left"]
    (tmp_path / "inference.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    table = regression_table(done(estimates), study, "table2", False, Results(tmp_path))
    assert row_of(table, "p, CV3 jackknife")[:2] == ["0.020", ""]
    assert "p, CV3 jackknife, none in (2): without X nothing is left." in table.notes


def test_where_tests_of_the_treatment_disagree_it_is_told_first(estimates, study):
    agreed = done(estimates, p_wcr=0.07)
    shaky = done(estimates, stars="***", p_ri_t=0.006, p_ri_beta=0.083, p_wcr=0.166, n_treated_units=2)
    assert table2(shaky.where(shaky["column"] == "2", agreed), study, synthetic=False).notes[0] == (
        "Tests disagree in column (2), 2 treated cities: p = 0.006 by RI on t, which gives the star, p = 0.083 by RI on the "
        "coefficient, p = 0.166 by the wild bootstrap."
    )
    for silent in (agreed, done(estimates, stars="", p_wcr=0.9), done(estimates, p_wcr=np.nan)):
        assert not any(n.startswith("Tests disagree") for n in table2(silent, study, synthetic=False).notes)
    alone = done(estimates, p_ri_beta=0.2, p_wcr=0.166, n_treated_units=1)
    first = table2(alone, study, synthetic=False).notes[0]
    assert "1 treated city:" in first and first.endswith("p = 0.200 by RI on the coefficient, p = 0.166 by the wild bootstrap.")


def test_p_adjusted_for_what_is_tested_together_stands_in_its_column_and_not_alone(estimates, study, tmp_path):
    lines = ["table,column,method,p_value,note"]
    lines += [f"table2,{c},romano_wolf:f,{p},f: 2 hypotheses tested together" for c, p in (("1", 0.05), ("2", 0.031))]
    lines += ["table2,2,romano_wolf:g,0.9,g: 3 hypotheses tested together", "table2,2,joint:f,0.02,"]
    lines += ["table2,1p,romano_wolf:h,0.07,h: 1 hypothesis tested together"]
    (tmp_path / "inference.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    table = regression_table(estimates, study, "table2", False, Results(tmp_path))
    assert row_of(table, "p, RI on t, Romano-Wolf") == ["0.050", "0.031", "", ""]


def test_not_computed_is_said_only_while_the_rule_is_pending(estimates, study):
    assert row_of(table2(estimates, study, False), "p, RI on t") == ["not computed"] * 4
    assert not any(r.texts[0].startswith("95 %") for r in table2(estimates, study, False).body)
    refused = done(estimates, star_rule="none", stars="", p_ri_t=np.nan, p_ri_beta=np.nan, note="no star: one treated city")
    table = table2(refused, study, synthetic=False)
    assert not any(r.texts[0] == "p, RI on t" for r in table.body)  # no column has one
    assert "not computed" not in " ".join(c.number for r in table.body for c in r.cells)
    assert any("no star: one treated city" in n for n in table.notes)
    assert any(n.startswith("No star is given to the treatment in columns (1), (2), (1p), (2p)") for n in table.notes)


def test_an_unbounded_interval_is_open_and_a_tiny_p_is_a_bound(estimates, study):
    table = table2(done(estimates, conf_low_ri=-np.inf, p_ri_t=1e-5), study, synthetic=False)
    assert row_of(table, "95 % RI interval, from") == ["open"] * 4
    assert row_of(table, "p, RI on t") == ["<0.0001"] * 4
    assert any(n.startswith("open: RI rejects no value") for n in table.notes)


def test_treatments_come_first_and_other_policies_are_controls(panel, study):
    """A table whose columns have different treatments, dummies of other policies and an exposure."""
    from citycarbon.study.spec import Column

    fe = ("city", "year")
    columns = [
        Column(id="1", label="a", outcome="lnco2", treatment="did", controls=["market"], fixed_effects=fe),
        Column(id="2", label="b", outcome="lnco2", treatment="did_lag1", controls=["did_low_carbon"], fixed_effects=fe),
        Column(
            id="3",
            label="c",
            outcome="lnco2",
            treatment="did",
            controls=[],
            fixed_effects=fe,
            exposures=[{"variable": "industry", "year": 2018}],
        ),
    ]
    tables = {"table4": study.tables["table2"].model_copy(update={"columns": columns})}
    other = study.model_copy(update={"tables": tables})
    first = np.where(panel["city_id"] < "110200", 2019.0, np.where(panel["city_id"] == "110200", 2021.0, np.nan))
    frame = panel.assign(first_year_ai_pilot=first)
    frame["did_low_carbon"] = ((frame["city_id"] > "111000") & (frame["year"] >= 2018)).astype(int)
    table = regression_table(estimate_columns(frame, other), other, "table4", synthetic=False)
    labels = [r.texts[0] for r in table.body if r.texts[0]]
    assert labels[:2] == ["did", "did, a year earlier"]
    assert labels[2:6] == ["market", "policy: low-carbon city pilots", "industry before 2018 x post", "_cons"]
    assert row_of(table, "did")[1] == "" and row_of(table, "did, a year earlier")[1] != ""


def test_columns_of_the_same_effects_stand_together_in_their_order(estimates, study):
    moved = pd.concat([estimates[estimates["column"] == c] for c in ("1p", "1", "2p", "2")])
    assert [h.text for h in table2(moved, study, synthetic=False).header[1]] == ["(1p)", "(2p)", "(1)", "(2)"]


def test_what_is_not_estimable_says_so_and_why(panel, study):
    absorbed = panel.assign(did_ai_pilot=0)
    table = table2(estimate_columns(absorbed, study), study, synthetic=False)
    assert row_of(table, "did") == ["not estimable"] * 4
    assert any("Columns (1), (2), (1p), (2p), did: not estimable: 0 treated cities in this sample." in n for n in table.notes)


def test_a_table_without_estimates_is_refused(estimates, study):
    with pytest.raises(KeyError, match="table2"):
        regression_table(estimates.head(0), study, "table2", synthetic=False)


# --- Table 1 ------------------------------------------------------------------------------------------------------------------


def test_descriptives_against_hand_values(panel, study):
    got = describe(panel, study).set_index(["variable", "scope"])
    inside = panel[panel["in_sample"] & (panel["city_id"] != panel["city_id"].iloc[-1])]  # without the singleton
    for name in ("lnco2", "market"):
        for scope, frame in (("all", panel), ("sample", inside)):
            row = got.loc[(name, scope)]
            assert row["n"] == len(frame)
            np.testing.assert_allclose(
                row[["mean", "sd", "min", "max"]].astype(float), frame[name].agg(["mean", "std", "min", "max"])
            )
    assert got.loc[("er", "all"), "n"] == len(panel) - 1  # N counts values, not rows
    assert got.loc[("did", "all"), "mean"] == pytest.approx(panel["did_ai_pilot"].mean())


def test_table1_shows_unit_transform_and_enough_digits(panel, study):
    table = table1(panel, study, synthetic=False)
    assert [r.texts[0] for r in table.body] == [study.variable(v).label for v in study.tables["table1"].variables]
    assert all(r.texts[1] and r.texts[2] for r in table.body)
    er = next(r for r in table.body if r.texts[0] == "er")
    assert float(er.cells[2].number) > 0 and len(er.cells[2].number.split(".")[1]) >= 5


def test_a_variable_that_is_absent_everywhere_is_printed_empty(panel, study):
    table = table1(panel.assign(er=np.nan), study, synthetic=False)
    er = next(r for r in table.body if r.texts[0] == "er")
    assert [c.number for c in er.cells] == ["", "0", "", "", ""] * 2


# --- attrition ----------------------------------------------------------------------------------------------------------------


def test_attrition_goes_from_all_rows_to_n(attrition, estimates, study, panel):
    table = attrition_table(attrition, study, synthetic=False, estimates=estimates)
    cells = {r.texts[0]: [c.number for c in r.cells] for r in table.body}
    assert cells["All city-years (20 cities x 6 years)"] == ["", "120", "20"]
    assert cells["outcome missing (co2_mt)"] == ["5", "115", "20"]
    assert cells["In the sample"] == ["", "115", "20"]
    assert cells["Table 2 (1), (2): singletons of city + year"] == ["1", "114", "19"]
    assert cells["Table 2 (1p), (2p): singletons of province + year"] == ["0", "115", "20"]


def test_steps_keep_their_order_and_add_up(attrition):
    attrition.loc[:1, ["in_sample", "step", "drop_reason"]] = [False, 1, "z_comes_first"]
    attrition.loc[2, ["in_sample", "step", "drop_reason"]] = [False, 3, "outcome missing: co2_mt (part_missing)"]
    steps = attrition_steps(attrition.sample(frac=1, random_state=1))
    assert steps["reason"].tolist() == ["z comes first", "outcome missing (co2_mt)"]
    assert steps["dropped"].sum() + attrition["in_sample"].sum() == len(attrition)
    assert steps["left"].iloc[-1] == attrition["in_sample"].sum()


@pytest.mark.parametrize("reason", [None, " "])
def test_a_row_that_left_without_a_reason_is_refused(attrition, reason):
    attrition["drop_reason"] = attrition["drop_reason"].astype(object)
    attrition.loc[~attrition["in_sample"], "drop_reason"] = reason
    with pytest.raises(ValueError, match="without a drop_reason"):
        attrition_steps(attrition)


def test_a_step_names_every_input_that_was_missing():
    reasons = [
        "control missing: gov: budget_expenditure_yuan (no_observation)",
        "control missing: gov: fai_yuan (part_missing)",
    ]
    frame = pd.DataFrame({"city_id": ["1", "2"], "year": 2003, "in_sample": False, "step": 4, "drop_reason": reasons})
    assert attrition_steps(frame)["reason"].tolist() == ["control gov missing (budget_expenditure_yuan, fai_yuan)"]
