"""Tables for LaTeX fit their page: panels, further rows, notes; checked on the widths reckoned and by compiling."""

import re
import shutil
import subprocess
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tries import up_to

from citycarbon.report.layout import Cell, Head, Row, Table
from citycarbon.report.tex import to_tex
from citycarbon.report.tex_fit import GAP, TEXT_HEIGHT, TEXT_WIDTH, by_height, column_widths, panels, stub_width, words


def made(columns, rows=4, notes=(), label="did", heads=None, cell="-0.1234"):
    heads = heads or [f"({i})" for i in range(columns)]
    half = columns // 2
    groups = (
        (Head("City + year effects", columns - half), Head("Province + year effects", half))
        if half
        else (Head("all", columns),)
    )
    body = []
    for i in range(rows):
        body.append(Row((f"{label} {i}",), tuple(Cell(cell, "***") for _ in range(columns)), rule=i % 7 == 0))
        body.append(Row(("",), tuple(Cell("(0.1234", ")") for _ in range(columns)), name=f"{label} {i}, standard error"))
    return Table("Table 9. A test of width", ("",), (groups, tuple(Head(h) for h in heads)), tuple(body), tuple(notes), True)


def test_a_narrow_table_is_one_float_with_its_notes():
    tex = to_tex(made(4, notes=("a note",)))
    assert tex.count("\\begin{table}") == 1 and "panel" not in tex and "a note" in tex


def test_a_wide_table_goes_on_in_panels_under_the_same_number():
    table = made(12, notes=("one note",))
    tex = to_tex(table)
    floats = tex.count("\\begin{table}")
    assert floats == len(panels(table)) >= 2
    assert tex.count("\\addtocounter{table}{-1}") == floats - 1
    assert re.findall(r"panel (\w)", tex) == list("ABCDEFG")[:floats]
    assert tex.count("one note") == 1
    for i in range(12):
        assert tex.count(f"{{({i})}}") == 1


def test_every_float_carries_the_printed_number():
    def number(tex):
        return re.findall(r"renewcommand{.thetable}{([^}]*)}", tex)

    table = made(12, notes=["a long note of many words " * 30] * 30)
    tex = to_tex(table)
    assert number(tex) == ["9"] * tex.count("\\begin{table}") and "Notes to Table~" in tex
    assert number(to_tex(replace(made(2), title="Table 5, variants. Other cuts"))) == ["5 variants"]
    assert number(to_tex(replace(made(2), title="Sample attrition"))) == []


def test_groups_of_effects_are_kept_together_where_they_fit():
    assert panels(made(6, cell="not estimable")) == [[0, 1, 2], [3, 4, 5]]
    assert panels(made(6, cell="1.2")) == [[0, 1, 2, 3, 4, 5]]


@given(
    columns=st.integers(1, 24),
    words_of_heads=st.lists(
        st.sampled_from(["low", "(3_drop_ai_innovation_zone_most)", "other policies as dated dummies"]),
        min_size=24,
        max_size=24,
    ),
    cell=st.sampled_from(["1", "-10.250", "not estimable", "280 levels"]),
)
@settings(max_examples=up_to(40))
def test_every_column_stands_in_exactly_one_panel_that_fits(columns, words_of_heads, cell):
    table = made(columns, heads=words_of_heads[:columns], cell=cell)
    cut = panels(table)
    assert [c for group in cut for c in group] == list(range(columns))
    widths, room = column_widths(table), TEXT_WIDTH - stub_width(table)
    for group in cut:
        assert len(group) == 1 or sum(widths[c] + GAP for c in group) <= room
        assert len(group) <= 9


def test_a_long_table_is_cut_between_coefficients_and_never_from_their_errors():
    table = made(4, rows=60)
    parts = by_height(table)
    assert len(parts) > 1
    assert [r for part in parts for r in part.body] == list(table.body)
    assert all(part.body[0].texts[0] for part in parts)


def test_rows_that_are_empty_in_a_panel_are_left_out_there_and_their_rule_moves_on():
    rows = [
        Row(("did",), (Cell("1"), Cell(""))),
        Row(("ever treated",), (Cell(""), Cell("2")), rule=True),
        Row(("N",), (Cell("3"), Cell("4"))),
    ]
    table = Table("t", ("",), ((Head("a"), Head("b")),), tuple(rows))
    left, right = table.columns_only([0]), table.columns_only([1])
    assert [r.texts[0] for r in left.body] == ["did", "N"] and left.body[1].rule
    assert [r.texts[0] for r in right.body] == ["ever treated", "N"] and right.body[0].rule and not right.body[1].rule


def test_words_may_part_after_an_underscore_and_between_chinese():
    assert words("(3_drop_ai) 济南市 x") == ["(3_", "drop_", "ai)", "济", "南", "市", "x"]


def test_chinese_needs_another_engine_and_the_file_says_so():
    table = Table("名", ("",), ((Head("广州"),),), (Row(("济南市",), (Cell("1"),)),))
    assert "xelatex" in to_tex(table).splitlines()[1] and "济南市" in to_tex(table)
    assert "xelatex" not in to_tex(made(2))


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_every_table_compiles_with_booktabs_alone_and_stays_inside_the_page(tmp_path, study, estimates, panel, attrition):
    """One run over tables of all shapes: nothing sticks out of the text width, no float is higher than a page."""
    from citycarbon.report.attrition import attrition_table
    from citycarbon.report.descriptives import table1
    from citycarbon.report.tables import table2

    long_note = "A note of many words. " * 25 + "Column (3_drop_ai_innovation_zone_most): 12 % of $ & # are left."
    tables = [
        table1(panel, study, True),
        table2(estimates, study, True),
        attrition_table(attrition, study, True, estimates),
        made(1),
        made(13, notes=(long_note,) * 3, heads=["(4_without_municipalities)"] * 13),
        made(9, rows=50, notes=(long_note,) * 12, label="industry before 2018 x post, a label without an end"),
        made(5, cell="not estimable"),
    ]
    inputs = []
    for i, table in enumerate(tables):
        (tmp_path / f"t{i}.tex").write_text(to_tex(table), encoding="utf-8")
        inputs.append(f"\\input{{t{i}}}\\clearpage")
    lines = [r"\documentclass{article}\usepackage{booktabs}\begin{document}", *inputs, r"\end{document}"]
    (tmp_path / "all.tex").write_text("\n".join(lines), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Float too large" not in done.stdout
    assert not re.findall(r"Overfull \\hbox \((?:[2-9]|\d\d+)[^)]*", done.stdout)
    assert TEXT_HEIGHT == 550.0 and (tmp_path / "all.pdf").stat().st_size > 10_000
