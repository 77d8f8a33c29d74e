"""The command forensics: what it prints, its JSON and csv, and its one message for input that cannot be used."""

import csv
import json
import shutil

import pytest

from citycarbon.paths import STUDIES
from orchestration.cli import main

FOLDER = STUDIES / "ai_pilot"
PUBLISHED, DESCRIPTIVES = FOLDER / "published.csv", FOLDER / "published_descriptives.csv"
CONTRACT = ["subject", "rule", "finding", "scope", "verdict", "observed", "expected", "explanation"]


def run(capsys, *args):
    code = main(["forensics", *map(str, args)])
    done = capsys.readouterr()
    assert "Traceback" not in done.err
    return code, done.out, done.err


def test_it_prints_a_verdict_per_rule_and_the_sentences_behind_it(capsys):
    code, out, err = run(capsys, PUBLISHED, "--descriptives", DESCRIPTIVES)
    assert code == 0 and not err
    lines = out.splitlines()
    assert str(PUBLISHED) in lines[0] and lines[2].endswith("published.design.yaml")
    verdicts = {
        line.split()[0]: line.split()[1] for line in lines if line[:3] in {f"L{n}" for n in range(68, 83)} and line[3:4] == " "
    }
    assert verdicts["L68"] == "fail" and verdicts["L69"] == "pass" and len(verdicts) == 15
    assert "allows at most 17" in " ".join(out.split())
    assert max(map(len, lines)) <= 120


def test_json_holds_the_verdicts_and_every_row_of_the_csv(capsys, tmp_path):
    out_file = tmp_path / "found.csv"
    code, out, _ = run(capsys, PUBLISHED, "--descriptives", DESCRIPTIVES, "--json", "--out", out_file)
    found = json.loads(out)
    assert code == 0 and found["verdicts"]["L74"] == "warn" and found["design"].endswith("published.design.yaml")
    with out_file.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert rows == found["findings"] and list(rows[0]) == CONTRACT
    assert {r["rule"] for r in rows if r["scope"] == "overall"} == {f"L{n}" for n in range(68, 83)}
    first = out_file.read_bytes()
    run(capsys, PUBLISHED, "--descriptives", DESCRIPTIVES, "--out", out_file)
    assert out_file.read_bytes() == first


def test_without_a_design_beside_the_table_rules_say_what_they_need(capsys, tmp_path):
    path = tmp_path / "theirs.csv"
    shutil.copy(PUBLISHED, path)
    shutil.copy(DESCRIPTIVES, tmp_path / "theirs_descriptives.csv")
    code, out, _ = run(capsys, path)
    assert code == 0 and "theirs_descriptives.csv lies beside the table" in out and "L68   not applicable" in out
    code, out, _ = run(capsys, path, "--design", FOLDER / "published.design.yaml", "--json")
    assert json.loads(out)["verdicts"]["L75"] == "fail"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["theirs.csv", "theirs_descriptives.csv"]


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("published.csv", "-1.603", '"-1,603"', "line 2, column 'estimate': found '-1,603'"),
        ("published.csv", "0.091,***", ",***", "line 2, column 'std_error': found no standard error beside ***"),
        ("published.csv", "std_error,", "se,", "line 1: found the columns"),
        ("published_descriptives.csv", "1.102", "-1.102", "line 2, column 'sd'"),
        ("published.design.yaml", "placebo:", "placbo:", "found the unknown key 'placbo'"),
    ],
)
def test_what_cannot_be_used_ends_with_2_and_one_message(capsys, tmp_path, name, old, new, said):
    for file in (PUBLISHED, DESCRIPTIVES, FOLDER / "published.design.yaml"):
        shutil.copy(file, tmp_path)
    path = tmp_path / name
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    args = (tmp_path / "published.csv", "--descriptives", tmp_path / "published_descriptives.csv")
    code, out, err = run(capsys, *args)
    assert code == 2 and not out
    assert str(path) in err and said in err and err.count("\n") == 1


def test_a_missing_file_ends_with_2(capsys, tmp_path):
    assert run(capsys, tmp_path / "none.csv")[0] == 2
    assert run(capsys, PUBLISHED, "--design", tmp_path / "none.yaml")[0] == 2
