"""Tables say what the data say: labels, counts and notes come from the estimates; four formats agree and are well formed."""

import csv
import io
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from baseline import baseline_study

from citycarbon.econometrics import estimate_columns
from citycarbon.report.attrition import attrition_steps, attrition_table
from citycarbon.report.descriptives import describe, table1
from citycarbon.report.formats import Cell, Head, Row, Table, decimals_for, fixed, tex_escape, to_csv, to_html, to_md, to_tex
from citycarbon.report.tables import regression_table, table2, write_table, write_tables

FORMATS = {"csv": to_csv, "md": to_md, "tex": to_tex, "html": to_html}


@pytest.fixture(scope="module")
def study():
    return baseline_study()


@pytest.fixture(scope="module")
def panel(study):
    """A small invented panel: 20 cities x 6 years, two cohorts; one city has a single row in the sample."""
    rng = np.random.default_rng(7)
    city, year = (a.ravel() for a in np.meshgrid(np.arange(20), np.arange(2016, 2022), indexing="ij"))
    n = len(city)
    frame = pd.DataFrame(
        {"city_id": [f"{110000 + 100 * c}" for c in city], "province_id": [f"{11 + c // 5}0000" for c in city]}
    )
    frame["year"] = year
    frame["did_ai_pilot"] = ((city < 2) & (year >= 2019) | (city == 2) & (year >= 2021)).astype(int)
    for name, center, spread in [
        ("lnpgdp", 10, 0.4),
        ("internet", 13, 1),
        ("gov", 5, 2),
        ("market", 0.4, 0.1),
        ("edu", 0.2, 0.04),
    ]:
        frame[name] = rng.normal(center, spread, n)
    frame["industry"] = rng.uniform(0.2, 0.6, n)
    frame["lngreen"], frame["er"] = rng.gamma(2, 2, n), rng.uniform(0, 0.006, n)
    frame["lnco2"] = rng.normal(3, 1, 20)[city] + rng.normal(0, 0.1, n) - 0.3 * frame["did_ai_pilot"]
    frame["in_sample"] = (city != 19) | (year == 2016)
    frame.loc[5, "er"] = np.nan
    return frame


@pytest.fixture(scope="module")
def estimates(panel, study):
    return estimate_columns(panel, study)


@pytest.fixture
def attrition(panel):
    frame = panel[["city_id", "year", "in_sample"]].copy()
    frame["step"] = np.where(frame["in_sample"], 0, 3)
    frame["drop_reason"] = np.where(frame["in_sample"], None, "outcome missing: co2_mt (no_observation)")
    return frame


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


def test_columns_that_differ_in_sample_have_a_note_each(estimates, study):
    other = estimates.copy()
    other.loc[other["column"] == "2", "sample"] = "without municipalities"
    notes = table2(other, study, synthetic=False).notes
    assert "Sample, columns (2): without municipalities." in notes
    assert any(n.startswith("Sample, columns (1), (1p), (2p): in_sample") for n in notes)


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


# --- formats ------------------------------------------------------------------------------------------------------------------


class Balanced(HTMLParser):
    """Fails on tags that do not nest; collects the cells of each row with their spans."""

    def __init__(self):
        super().__init__()
        self.open, self.widths, self.text = [], [], ""

    def handle_starttag(self, tag, attrs):
        if tag in ("meta", "br"):
            return
        self.open.append(tag)
        if tag == "tr":
            self.widths.append(0)
        if tag in ("td", "th"):
            self.widths[-1] += int(dict(attrs).get("colspan", 1))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def all_tables(panel, estimates, attrition, study):
    return [
        table1(panel, study, True),
        table2(estimates, study, True),
        attrition_table(attrition, study, True, estimates),
    ]


def test_synthetic_stands_in_every_format_and_only_where_it_is_true(all_tables, panel, study):
    for table in all_tables:
        for render in FORMATS.values():
            assert "synthetic" in render(table).lower()
    supplied = table1(panel, study, False)
    for render in (to_csv, to_md, to_tex):
        assert "synthetic" not in render(supplied).lower()
    assert 'class="synthetic"' not in to_html(supplied)


def test_csv_is_rectangular_and_parses_as_numbers(all_tables):
    for table in all_tables:
        rows = list(csv.reader(io.StringIO(to_csv(table))))
        assert {len(r) for r in rows} == {len(table.stub) + table.width + 1}
        assert {r[-1] for r in rows[1:]} == {"synthetic"}
    rows = list(csv.reader(io.StringIO(to_csv(all_tables[0]))))
    assert all(float(cell) is not None for row in rows[1:] for cell in row[3:-1])


def test_html_nests_and_every_row_has_the_same_width(all_tables):
    for table in all_tables:
        page = to_html(table)
        parser = Balanced()
        parser.feed(page)
        assert parser.open == [] and len(set(parser.widths)) == 1
        assert table.title in parser.text
        assert "http" not in page and "<script" not in page


def test_markdown_rows_have_the_same_number_of_cells(all_tables):
    for table in all_tables:
        rows = [line for line in to_md(table).splitlines() if line.startswith("|")]
        assert len({line.replace("\\|", "").count("|") for line in rows}) == 1
        assert len(rows) == len(table.body) + 2


def test_latex_braces_balance_and_rows_have_the_declared_columns(all_tables):
    for table in all_tables:
        tex = to_tex(table)
        plain = tex.replace("\\{", "").replace("\\}", "")
        assert plain.count("{") == plain.count("}")
        assert tex.count("\\begin{") == tex.count("\\end{") >= 2
        for block in tex.split("\\begin{tabular}")[1:]:
            declared = block.split("\n")[0].count("l") + block.split("\n")[0].count("r")
            rows = [line for line in block.splitlines() if line.endswith("\\\\") and "multicolumn" not in line]
            assert rows and {line.replace("\\&", "").count("&") for line in rows} == {declared - 1}


def test_latex_special_characters_are_escaped():
    assert tex_escape("50% of A&B_c #1 {x} ~ ^ \\ $") == (
        r"50\% of A\&B\_c \#1 \{x\} \textasciitilde{} \textasciicircum{} \textbackslash{} \$"
    )
    assert (
        tex_escape("-0.644") == "$-$0.644"
        and tex_escape("(-0.1, -2)") == "($-$0.1, $-$2)"
        and tex_escape("2003-2021") == "2003-2021"
    )


def test_markup_in_a_label_stays_text():
    table = Table("<b>t</b>", ("a|b",), ((Head("x<y"),),), (Row(("<i>*r*",), (Cell("1"),)),), ("n&m",))
    assert "<b>" not in to_html(table) and "<i>" not in to_html(table) and "n&amp;m" in to_html(table)
    assert "\\<i\\>\\*r\\*" in to_md(table) and "a\\|b" in to_md(table)


def test_a_row_that_does_not_fit_the_header_is_refused():
    with pytest.raises(ValueError, match="does not fit"):
        Table("t", ("a",), ((Head("x"),),), (Row(("r",), (Cell("1"), Cell("2"))),))
    with pytest.raises(ValueError, match="different numbers"):
        Table("t", ("a",), ((Head("g", 3),), (Head("x"), Head("y"))), ())


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (-0.13398, 3, "-0.134"),
        (-0.0001, 3, "-1.0e-04"),
        (0.0, 3, "0.000"),
        (-0.0, 3, "0.000"),
        (1234.5, 1, "1,234.5"),
        (float("nan"), 3, ""),
        (None, 3, ""),
        (0.02746, 4, "0.0275"),
    ],
)  # fmt: skip
def test_numbers_as_printed(value, decimals, text):
    assert fixed(value, decimals) == text


@pytest.mark.parametrize(
    ("spread", "digits", "expected"), [(0.02746, 2, 3), (0.0041, 2, 4), (1e-9, 2, 6), (0.001, 3, 5), (0, 2, 3)]
)
def test_decimals_follow_the_spread(spread, digits, expected):
    assert decimals_for(spread, digits=digits) == expected


def test_files_are_written_in_four_formats_with_the_same_bytes_each_time(panel, estimates, attrition, study, tmp_path):
    first = write_tables(study, panel, estimates, attrition, tmp_path / "a", True)
    again = write_tables(study, panel.sample(frac=1, random_state=2), estimates, attrition, tmp_path / "b", True)
    assert [p.name for p in first] == [f"{t}.{k}" for t in ("table1", "table2", "attrition") for k in FORMATS]
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in again]
    assert all(b"\r" not in p.read_bytes() for p in first)


def test_write_table_returns_what_it_wrote(tmp_path):
    paths = write_table(Table("t", ("a",), ((Head("x"),),), (Row(("r",), (Cell("1"),)),)), tmp_path / "deep" / "er", "one")
    assert [p.name for p in paths] == ["one.csv", "one.md", "one.tex", "one.html"] and all(p.stat().st_size for p in paths)


def test_a_step_names_every_input_that_was_missing():
    reasons = [
        "control missing: gov: budget_expenditure_yuan (no_observation)",
        "control missing: gov: fai_yuan (part_missing)",
    ]
    frame = pd.DataFrame({"city_id": ["1", "2"], "year": 2003, "in_sample": False, "step": 4, "drop_reason": reasons})
    assert attrition_steps(frame)["reason"].tolist() == ["control gov missing (budget_expenditure_yuan, fai_yuan)"]
