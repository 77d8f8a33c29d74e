"""Planted changes of coefficients, checks and tables are found, each as what it is, and nothing else is."""

from __future__ import annotations

import json

import pytest
from altered import alter_estimate, estimate, read_rows, state, write_rows, write_table
from hypothesis import given, settings
from hypothesis import strategies as st

from citycarbon.release.diff import compare
from citycarbon.release.diff_bundle import Bundle, open_bundle
from citycarbon.release.diff_results import compare_checks, compare_coefficients, compare_quarantine, compare_tables


def coefficients(release, new):
    body = compare_coefficients(open_bundle(release), open_bundle(new))
    return body, {f"{r['table']}:{r['column']}:{r['term']}": r for r in body["rows"]}


def test_every_coefficient_is_listed_and_the_same_is_the_same(release, new):
    body, rows = coefficients(release, new)
    assert len(rows) == len(read_rows(release / "estimates.csv")) > 10
    assert {r["status"] for r in rows.values()} == {"same"}
    assert all(r["difference"] == 0 and not r["sign_changed"] and not r["also_changed"] for r in rows.values())
    assert body["headline"]["status"] == "same" and body["headline"]["term"] == "did"


def test_a_planted_move_is_given_in_units_and_old_standard_errors(release, new):
    old = estimate(release, "2", "did")
    b, error = float(old["estimate"]), float(old["std_error"])
    alter_estimate(new, "2", "did", estimate=repr(b + 1.5 * error), n_obs=str(int(old["n_obs"]) - 7), stars="**")
    body, rows = coefficients(release, new)
    row = rows["table2:2:did"]
    assert row["status"] == "changed" and row["estimate_moved"]
    assert row["difference"] == pytest.approx(1.5 * error) and row["in_old_se"] == pytest.approx(1.5)
    assert (row["n_change"], row["stars_changed"], row["sign_changed"]) == (-7, True, b * (b + 1.5 * error) < 0)
    assert {"n_obs", "stars"} <= set(row["also_changed"])
    assert body["headline"]["difference"] == row["difference"]
    assert [k for k, r in rows.items() if r["status"] != "same"] == ["table2:2:did"]


def test_a_changed_sign_is_said(release, new):
    b = float(estimate(release, "2", "gov")["estimate"])
    alter_estimate(new, "2", "gov", estimate=repr(-b))
    assert coefficients(release, new)[1]["table2:2:gov"]["sign_changed"]


def test_what_differs_by_less_than_rounding_is_no_change(release, new):
    row = estimate(release, "2", "did")
    size = max(abs(float(row[c])) for c in ("estimate", "std_error"))
    alter_estimate(new, "2", "did", estimate=f"{float(row['estimate']) + 5e-10 * size:.17g}")
    found = coefficients(release, new)[1]["table2:2:did"]
    assert found["status"] == "rounding" and found["difference"] != 0
    alter_estimate(new, "2", "did", estimate=f"{float(row['estimate']) + 5e-9 * size:.17g}")
    assert coefficients(release, new)[1]["table2:2:did"]["status"] == "changed"


def test_a_change_beside_the_estimate_is_a_change(release, new):
    alter_estimate(new, "1", "did", vcov="cluster:province", spec_id="0" * 16)
    row = coefficients(release, new)[1]["table2:1:did"]
    assert (row["status"], row["difference"], row["also_changed"]) == ("changed", 0, ["vcov", "spec_id"])
    assert not row["estimate_moved"]


def test_columns_that_come_and_go_are_named(release, new):
    rows = [r for r in read_rows(new / "estimates.csv") if r["column"] != "1p"]
    write_rows(new / "estimates.csv", rows + [{**rows[0], "table": "table9"}])
    state(new)
    body, found = coefficients(release, new)
    assert body["columns_added"] == ["table9:1"] and body["columns_removed"] == ["table2:1p"]
    assert found["table2:1p:did"]["status"] == "removed" and found["table2:1p:did"]["new"] is None
    added = next(r for k, r in found.items() if k.startswith("table9"))
    assert (added["status"], added["old"], added["difference"]) == ("added", None, None)


@pytest.mark.parametrize(("empty_new", "status"), [(True, "not_estimable_new"), (False, "not_estimable_old")])
def test_not_estimable_on_one_side_keeps_its_reason(release, new, empty_new, status):
    alter_estimate(new, "2", "did", estimate="", std_error="", note="no treated city left")
    sides = (release, new) if empty_new else (new, release)
    body, rows = coefficients(*sides)
    row = rows["table2:2:did"]
    assert (row["status"], row["difference"], row["in_old_se"]) == (status, None, None)
    assert row["new" if empty_new else "old"]["note"] == "no treated city left"
    headline = body["headline"]
    assert (headline["column"], headline["status"]) == ("2", status)
    names = [headline["older_headline"], headline["newer_headline"]]
    assert names == (["table2:2:did", "table2:1:did"] if empty_new else ["table2:1:did", "table2:2:did"])


def test_not_estimable_on_both_sides_is_no_change(release, new):
    for bundle in (release, new):
        for column in ("1", "2", "1p", "2p"):
            alter_estimate(bundle, column, "did", estimate="", std_error="", note="no treated city left")
    body, rows = coefficients(release, new)
    assert rows["table2:2:did"]["status"] == "not_estimable"
    assert "neither release" in body["headline"]["not_compared"]


def test_another_outcome_forms_no_difference(release, new):
    alter_estimate(new, "2", "did", outcome_unit="kt")
    row = coefficients(release, new)[1]["table2:2:did"]
    assert (row["status"], row["difference"]) == ("other_outcome", None)


def test_checks_are_told_by_what_happened_to_them(release, new):
    body = json.loads((new / "checks.json").read_text(encoding="utf-8"))
    by_id = {c["id"]: c for c in body["checks"]}
    by_id["keys_unique"].update(passed=False, observed="2 rows of one key", failing=[["370100", 2015], ["370200", None]])
    by_id["co2_jump_listed"].update(passed=True, observed="none", failing=[])
    fresh = {**by_id["keys_unique"], "id": "a_new_rule", "passed": True, "failing": []}
    (new / "checks.json").write_text(json.dumps({"checks": [*body["checks"], fresh]}), encoding="utf-8")
    state(new)
    found = compare_checks(open_bundle(release), open_bundle(new))
    assert {k: [c["id"] for c in found[k]] for k in ("newly_failing", "newly_passing", "added", "removed", "changed")} == {
        "newly_failing": ["keys_unique"],
        "newly_passing": ["co2_jump_listed"],
        "added": ["a_new_rule"],
        "removed": [],
        "changed": [],
    }
    assert found["newly_failing"][0]["newly_failing_keys"] == ["370100:2015", "370200:None"]
    assert found["newly_failing"][0]["new"]["observed"] == "2 rows of one key"
    assert [c["id"] for c in compare_checks(open_bundle(new), open_bundle(release))["removed"]] == ["a_new_rule"]


def test_a_check_with_another_finding_is_changed(release, new):
    text = (new / "checks.json").read_text(encoding="utf-8").replace("1 jump above", "3 jumps above")
    write_table(new, "checks.json", text)
    (changed,) = compare_checks(open_bundle(release), open_bundle(new))["changed"]
    assert (changed["id"], changed["new"]["observed"]) == ("co2_jump_listed", "3 jumps above 100 %")


TABLE = "table,column,scheme,p,note\nt,1,a,0.5,\nt,1,b,0.25,\nt,2,a,0.125,x\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TABLE.replace("0.25", "0.26"), {"rows_changed": 1, "changed_columns": {"p": 1}}),
        (TABLE.replace("0.25", "0.25000000000001"), {"rows_changed": 0, "rounding": 1, "changed_columns": {}}),
        (TABLE + "t,2,b,1,\n", {"rows_added": 1, "rows_changed": 0}),
        (TABLE.replace("t,1,a,0.5,\n", ""), {"rows_removed": 1, "rows_changed": 0}),
        (TABLE.replace(",note", ",remark"), {"columns_added": ["remark"], "columns_removed": ["note"], "rows_changed": 0}),
        (TABLE.replace("x\n", "y\n"), {"rows_changed": 1, "changed_columns": {"note": 1}}),
        (TABLE.replace("t,1,b,0.25", "t,1,b,"), {"rows_changed": 1, "changed_columns": {"p": 1}}),
    ],
)
def test_other_tables_of_results_are_compared_by_the_key_they_have(release, new, text, expected):
    write_table(release, "placebo.csv", TABLE)
    write_table(new, "placebo.csv", text)
    body = compare(release, new)
    (found,) = body["tables"]
    assert found["file"] == "placebo.csv" and found["key"] == ["table", "column", "scheme"]
    assert {k: found[k] for k in expected} == expected
    assert "placebo.csv" in body["files"]["changed"]


def test_a_table_without_a_key_is_compared_by_whole_rows(release, new):
    write_table(release, "odd.csv", "a,b\n1,2\n1,2\n3,4\n")
    write_table(new, "odd.csv", "a,b\n1,2\n3,4\n3,5\n")
    (found,) = compare_tables(open_bundle(release), open_bundle(new))
    assert (found["key"], found["rows_added"], found["rows_removed"], found["rows_changed"]) == ([], 1, 1, 0)


def test_a_table_that_is_none_is_said(release, new):
    write_table(release, "odd.csv", "a,b\n1,2\n")
    write_table(new, "odd.csv", "a,b\n1,2,3\n")
    (found,) = compare_tables(open_bundle(release), open_bundle(new))
    assert "odd.csv" in found["not_compared"]


rows = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 3), max_size=6)


@settings(deadline=None)
@given(rows, rows)
def test_added_removed_and_changed_rows_account_for_both_tables(old, new):
    bundles = [_Two({"t.csv": [[k, str(v)] for k, v in sorted(side.items())]}) for side in (old, new)]
    found = compare_tables(*bundles)
    if old == new:
        assert found == []
        return
    (t,) = found
    assert t["rows_added"] == len(new.keys() - old.keys()) and t["rows_removed"] == len(old.keys() - new.keys())
    assert t["rows_changed"] == sum(old[k] != new[k] for k in old.keys() & new.keys())


class _Two(Bundle):
    """A bundle of tables in memory."""

    def __init__(self, tables):
        object.__setattr__(self, "_tables", tables)

    def files(self):
        return {name: repr(lines) for name, lines in self._tables.items()}

    def csv(self, name):
        return ["key", "value"], self._tables[name]


def test_rows_of_every_table_are_counted_and_files_told_by_hash(release, new):
    write_table(new, "splits.csv", "id,n\na,1\nb,2\n")
    write_table(new, "figures/figure3.svg", "<svg/>")
    (new / "tables" / "table2.tex").unlink()
    state(new)
    body = compare(release, new)
    counts = {r["file"]: (r["old"], r["new"]) for r in body["row_counts"]}
    assert counts["splits.csv"] == (None, 2) and counts["panel.parquet"] == (112, 112)
    assert counts["tables/table2.csv"][0] == counts["tables/table2.csv"][1] > 0
    assert set(counts) == {
        f.relative_to(new).as_posix() for f in new.rglob("*") if f.suffix in (".csv", ".parquet") and "report" not in f.parts
    }
    assert body["files"]["added"] == ["figures/figure3.svg", "splits.csv"] and body["files"]["removed"] == ["tables/table2.tex"]


def test_the_quarantine_is_counted_by_reason(release, new):
    lines = (release / "quarantine.csv").read_text(encoding="utf-8").splitlines()
    write_table(new, "quarantine.csv", "\n".join([*lines, lines[1]]) + "\n")
    (found,) = compare_quarantine(open_bundle(release), open_bundle(new))
    assert (found["reason_code"], found["old"], found["new"]) == ("text_in_number_cell", 1, 2)
