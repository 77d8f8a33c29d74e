"""Every file that cannot be used ends with one message: path, line, column, found, expected, what to do."""

import pytest

from citycarbon.errors import UsageError
from citycarbon.forensics import read_descriptives, read_published
from citycarbon.paths import STUDIES

HEADER = "table,column_no,column_label,outcome,term,estimate,std_error,stars,N,adj_r2,fe_label_1,fe_label_2"
GOOD = "2,1,all,y,did,-0.644,0.076,***,3017,0.677,Year,City"
OTHER = "2,1,all,y,x,0.100,0.076,,3017,0.677,Year,City"


def write(tmp_path, *lines, name="t.csv"):
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def row(**changes):
    cells = dict(zip(HEADER.split(","), GOOD.split(","), strict=True)) | changes
    return ",".join(f'"{v}"' if "," in v else v for v in cells.values())


@pytest.mark.parametrize(
    ("line", "column", "found"),
    [
        (row(estimate="-0,644"), "estimate", "'-0,644'"),
        (row(std_error="(0.076)"), "std_error", "'(0.076)'"),
        (row(estimate="-0.644***"), "estimate", "'-0.644***'"),
        (row(estimate="\u22120.644"), "estimate", "'\u22120.644'"),
        (row(estimate="n.a."), "estimate", "'n.a.'"),
        (row(adj_r2="0..6"), "adj_r2", "'0..6'"),
        (row(std_error="nan"), "std_error", "'nan'"),
        (row(std_error="inf"), "std_error", "'inf'"),
        (row(std_error=""), "std_error", "no standard error beside ***"),
        (row(std_error="-0.076"), "std_error", "'-0.076'"),
        (row(estimate="", stars=""), "estimate", "an empty cell beside a standard error"),
        (row(stars="****"), "stars", "'****'"),
        (row(stars="p<0.01"), "stars", "'p<0.01'"),
        (row(N="3017.5"), "N", "'3017.5'"),
        (row(N="3,017"), "N", "'3,017'"),
        (row(N="-5"), "N", "'-5'"),
        (row(N=""), "N", "an empty cell"),
        (row(term=""), "term", "an empty cell"),
        (row(table=""), "table", "an empty cell"),
    ],
)
def test_a_cell_that_cannot_be_used_is_named(tmp_path, line, column, found):
    path = write(tmp_path, HEADER, OTHER, line)
    with pytest.raises(UsageError) as error:
        read_published(path)
    assert str(error.value).startswith(f"{path}, line 3, column '{column}': found {found}; expected ")
    assert error.value.exit_code == 2


@pytest.mark.parametrize("column", HEADER.split(","))
def test_a_missing_column_is_named(tmp_path, column):
    keep = [i for i, name in enumerate(HEADER.split(",")) if name != column]
    lines = [",".join(line.split(",")[i] for i in keep) for line in (HEADER, GOOD)]
    with pytest.raises(UsageError, match=f"line 1: found the columns .*; expected also {column}[.]"):
        read_published(write(tmp_path, *lines))


def test_an_unquoted_decimal_comma_splits_a_cell(tmp_path):
    with pytest.raises(UsageError, match="line 2, column 'estimate': found '-0,644', a cell split by its comma; expected"):
        read_published(write(tmp_path, HEADER, GOOD.replace("-0.644", "-0,644")))
    with pytest.raises(UsageError, match="line 2: found 13 cells; expected 12 as in the header"):
        read_published(write(tmp_path, HEADER, f"{GOOD},"))
    with pytest.raises(UsageError, match="line 2: found 11 cells"):
        read_published(write(tmp_path, HEADER, GOOD.rpartition(",")[0]))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "line 1: found an empty file"),
        (f"{HEADER}\n".encode(), "line 2: found a header without rows"),
        (HEADER.replace(",", ";").encode(), "semicolons"),
        (f"{HEADER}\n{GOOD}\n".encode("utf-16"), "line 1: found a byte .0xff. that is not UTF-8"),
        (f"{HEADER}\n{GOOD.replace('all', 'für')}\n".encode("latin-1"), "line 2: found a byte .0xfc. that is not UTF-8"),
        (f"{HEADER},N\n{GOOD},1\n".encode(), "'N' twice"),
        (f'{HEADER}\n"{GOOD}\n'.encode(), "no csv"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, content, said):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=said):
        read_published(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(UsageError, match="found no such file"):
        read_published(tmp_path / "none.csv")
    with pytest.raises(UsageError, match="cannot be read"):
        read_published(tmp_path)


def test_the_same_term_twice_in_a_column_is_refused(tmp_path):
    with pytest.raises(UsageError, match="line 4, .*2, 1, did a second time .first on line 2."):
        read_published(write(tmp_path, HEADER, GOOD, OTHER, GOOD))


@pytest.mark.parametrize(
    ("column", "value"), [("N", "3016"), ("adj_r2", "0.678"), ("outcome", "z"), ("fe_label_2", "Province")]
)
def test_rows_of_a_column_agree(tmp_path, column, value):
    path = write(tmp_path, HEADER, OTHER, row(**{column: value}))
    with pytest.raises(UsageError, match=f"line 3, column '{column}'.*as on line 2"):
        read_published(path)


def test_digits_stay_as_printed_and_extra_columns_do_not_matter(tmp_path):
    path = write(
        tmp_path,
        f"\ufeff{HEADER},note",
        f"{row(adj_r2='0.6750', estimate='15.070')},seen",
        "",
        f"{row(term='x', adj_r2='0.6750')},",
    )
    df = read_published(path)
    assert df["estimate"].tolist() == ["15.070", "-0.644"] and df["adj_r2"].iloc[0] == "0.6750"
    assert list(df.columns) == HEADER.split(",")


def test_what_is_not_printed_may_be_empty(tmp_path):
    df = read_published(
        write(tmp_path, HEADER, row(estimate="", std_error="", stars="", adj_r2="", fe_label_1="", fe_label_2=""))
    )
    assert df.loc[0, "estimate"] == "" and df.loc[0, "adj_r2"] == ""


DESCRIPTIVES = "variable,sd,n,mean,min,max"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("y,-1.1,10,0,0,1", "column 'sd': found '-1.1'"),
        ("y,1.1,10.5,0,0,1", "column 'n': found '10.5'"),
        ("y,1.1,10,zero,0,1", "column 'mean': found 'zero'"),
        (",1.1,10,0,0,1", "column 'variable': found an empty cell"),
        ("x,1.1,10,0,0,1", "x a second time"),
    ],
)
def test_descriptives_are_judged_the_same_way(tmp_path, line, said):
    with pytest.raises(UsageError, match=f"line 3, .*{said}"):
        read_descriptives(write(tmp_path, DESCRIPTIVES, "x,1,10,0,0,1", line))


def test_the_shipped_tables_hold_what_the_paper_prints():
    folder = STUDIES / "ai_pilot"
    assert read_published(folder / "published.csv").groupby("table").size().to_dict() == {
        "2": 10, "3": 24, "4": 32, "5": 16, "6": 16, "7": 16, "8": 16,
    }  # fmt: skip
    assert len(read_descriptives(folder / "published_descriptives.csv")) == 10
