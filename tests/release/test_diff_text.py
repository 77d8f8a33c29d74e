"""The words of a difference follow from its numbers, lay a move to an ingredient only where it alone differs, and are short."""

from __future__ import annotations

import copy
import json
import re

import pytest
import yaml
from altered import alter_estimate, alter_panel, estimate, read_rows, set_cells, state, write_rows, write_table

from citycarbon.display import markdown_table, width
from citycarbon.release import manifest as manifests
from citycarbon.release.diff import compare, summary_sentences, to_markdown
from orchestration.cli import main


@pytest.fixture
def moved(release, new):
    """The newer release with a moved headline and changed cells of gov behind it."""
    row = estimate(release, "2", "did")
    b, error = float(row["estimate"]), float(row["std_error"])
    alter_estimate(new, "2", "did", estimate=repr(b + 2 * error))
    alter_panel(new, set_cells({("370100", 2015, "gov"): 9.0, ("370100", 2016, "gov"): 9.0}))
    return new


def change(release, **parts):
    body = copy.deepcopy(manifests.read_manifest(release))
    for name, update in parts.items():
        update(body[name])
    state(release, **body)


def new_bytes(inputs):
    inputs[0]["sha256"] = "a" * 64


def said(release, new):
    return " ".join(summary_sentences(compare(release, new)))


def test_nothing_changed_is_said_in_a_line(release, new):
    text = to_markdown(compare(release, new))
    assert "Nothing that is compared differs." in text
    assert len(text.splitlines()) <= 3 and "|" not in text


def test_the_headline_is_told_in_units_and_old_standard_errors(release, moved):
    text = said(release, moved)
    assert "The headline (Table 2 column 2, did on lnco2) moved from" in text
    assert re.search(r"by \+\d\.\d+ ln\(Mt\), 2\.00 standard errors of the older release", text)
    assert "N 111 as before" in text


def test_a_move_is_laid_to_the_only_ingredient_that_differs(release, moved):
    change(moved, inputs=new_bytes)
    text = said(release, moved)
    assert "What went in differs in inputs (1 file changed: chen_county/2022)." in text
    assert "The same: study, code, packages, Python and seeds." in text
    assert "As only inputs differ, the move comes from there." in text
    assert "variables behind the headline: gov 2." in text


def test_a_move_is_laid_to_none_of_several_that_differ(release, moved):
    change(moved, inputs=new_bytes, code=lambda code: code.update(version="d" * 64))
    text = said(release, moved)
    assert "Inputs and code differ at once, so the move cannot be laid to one of them." in text
    assert "comes from there" not in text


def test_a_move_without_a_cause_sends_the_reader_to_verify(release, moved):
    state(moved, platform="another machine")
    text = said(release, moved)
    assert "although nothing that went in differs: verify both" in text and "another machine" in text


def test_a_changed_ingredient_without_a_move_says_so(release, new):
    change(new, code=lambda code: code.update(version="d" * 64))
    text = said(release, new)
    assert "differs in the code." in text and "has not moved" in text
    assert "comes from" not in text and "none moved" in text


def test_what_is_no_longer_estimable_is_said_with_its_reason(release, new):
    alter_estimate(new, "2", "did", estimate="", std_error="", note="no treated city left")
    text = said(release, new)
    assert "newer: not estimable (no treated city left)" in text and "1 no longer estimable" in text
    assert "another coefficient now: table2:2:did before, table2:1:did after" in text
    table = to_markdown(compare(release, new))
    assert re.search(r"\| table2:2:did .* not estimable .*newer: no treated city left", table)


def test_stars_are_named_and_never_judged(release, new):
    alter_estimate(new, "2", "did", stars="***", note="x")
    text = to_markdown(compare(release, new))
    assert "has not moved" in text and "these differ: stars, note" in text
    assert "1 differs in other fields alone" in text and "comes from" not in text
    assert re.search(r"\| table2:2:did .*stars changed", text) and "signific" not in text


def test_columns_that_came_are_listed_with_their_effect_and_a_study_that_grew_is_counted(release, new):
    rows = read_rows(new / "estimates.csv")
    write_rows(new / "estimates.csv", [*rows, *({**r, "table": "table9"} for r in rows if r["column"] == "2")])
    spec = yaml.safe_load((new / "study.yaml").read_text(encoding="utf-8"))
    spec["tables"]["table9"] = spec["tables"]["table2"]
    spec["window"]["last"] = 2020
    write_table(new, "study.yaml", yaml.safe_dump(spec, allow_unicode=True))
    text = to_markdown(compare(release, new))
    assert "1 column added (table9:2)" in text
    assert re.search(r"\| table9:2:did +\| added ", text) and "table9:2:gov" not in text
    assert re.search(r"\| tables.table9, on one side alone +\| –  *\| \d+ settings", text)
    assert re.search(r"\| window.last +\| 2021 +\| 2020 ", text)
    assert re.search(r"the study \(tables \d+, window 1: settings that differ\)", text)


def test_every_table_of_the_text_has_its_columns_in_every_line(release, moved):
    change(moved, inputs=new_bytes, code=lambda code: code.update(version="d" * 64))
    text = to_markdown(compare(release, moved))
    tables = [t.splitlines() for t in re.findall(r"(?:^\|.*\n)+", text, re.M)]
    assert len(tables) >= 4
    for table in tables:
        assert len({width(line) for line in table}) == 1
        assert len({line.replace("\\|", "").count("|") for line in table}) == 1
        assert set(table[1]) <= set("|-: ")
    assert "nan" not in text.lower() and "None" not in text


def test_a_cell_cannot_break_its_table():
    lines = markdown_table(["a", "b"], [["x|y\nz", "<b>"]])
    assert lines[2] == "| x\\|y z | &lt;b> |"
    assert len({len(line) for line in lines}) == 1


def test_synthetic_stands_on_the_text_where_either_side_is(release, new):
    assert "SYNTHETIC" not in to_markdown(compare(release, new))
    state(new, synthetic=True)
    assert "SYNTHETIC" in to_markdown(compare(release, new)) and "SYNTHETIC" in to_markdown(compare(new, release))


# --- the command -------------------------------------------------------------------------------------------------------------


def test_the_command_prints_text_or_json_and_ends_with_0_whatever_differs(released, release, moved, capsys):
    home = ["--home", str(released.home.root)]
    body = compare(release, moved)
    assert main([*home, "diff", str(release), str(moved)]) == 0
    assert capsys.readouterr().out == to_markdown(body)
    assert main([*home, "diff", str(release), str(moved), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == body
    assert main([*home, "diff"]) == 0
    assert "none before it" in capsys.readouterr().out


def test_the_command_ends_with_2_for_an_unknown_release_and_names_what_there_is(released, release, capsys):
    assert main(["--home", str(released.home.root), "diff", "nosuch"]) == 2
    assert release.name in capsys.readouterr().err


def test_an_empty_home_says_how_to_make_a_release(tmp_path, capsys):
    assert main(["--home", str(tmp_path), "diff"]) == 2
    assert "citycarbon run" in capsys.readouterr().err
