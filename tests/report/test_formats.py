"""Four formats of one table agree and are well formed; the same table gives the same bytes."""

import csv
import io
from html.parser import HTMLParser

import pytest

from citycarbon.report.attrition import attrition_table
from citycarbon.report.descriptives import table1
from citycarbon.report.formats import Cell, Head, Row, Table, decimals_for, fixed, tex_escape, to_csv, to_html, to_md, to_tex
from citycarbon.report.tables import table2, write_table, write_tables

FORMATS = {"csv": to_csv, "md": to_md, "tex": to_tex, "html": to_html}


class Balanced(HTMLParser):
    """Fails on tags that do not nest; collects the cells of each row with their spans."""

    def __init__(self):
        super().__init__()
        self.open, self.widths, self.text = [], [], ""

    def handle_starttag(self, tag, attrs):
        if tag in ("meta", "br", "wbr"):
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
