"""Verify names what differs: the file, the coefficient, the cell, the printed line or the id."""

import json
import shutil

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from citycarbon.econometrics.contract import read_estimates, write_csv, write_estimates
from citycarbon.econometrics.inference_rows import inference_frame
from citycarbon.errors import UsageError, VerifyMismatch
from citycarbon.release import inspect_release, verify
from citycarbon.release import manifest as manifests


def _reseal(release):
    """Make the manifest agree with the files, as someone would who wants a change to go unseen."""
    body = manifests.read_manifest(release)
    manifests.seal(release, body, body["row_counts"])


def _alter_estimate(release, term, column, change):
    estimates = read_estimates(release / "estimates.csv")
    at = (estimates["column"] == "2") & (estimates["term"] == term)
    estimates.loc[at, column] = change(estimates.loc[at, column])
    write_estimates(estimates, release / "estimates.csv", release / "estimates.parquet")


def _alter_twin(release):
    table = pq.read_table(release / "estimates.parquet").to_pandas()
    table.loc[0, "estimate"] += 1
    pq.write_table(pa.Table.from_pandas(table, preserve_index=False), release / "estimates.parquet")


def _alter_panel(release, variable):
    panel = pd.read_parquet(release / "panel.parquet")
    panel.loc[(panel["city_id"] == "370100") & (panel["year"] == 2015), variable] += 1
    pq.write_table(pa.Table.from_pandas(panel, preserve_index=False), release / "panel.parquet")


def _found(release):
    return {m.where: m for m in inspect_release(release).mismatches}


def test_an_untouched_release_is_verified_and_every_slope_estimated_again(release):
    report = verify(release)
    assert report.ok
    assert not report.not_reestimated
    assert len(report.reestimated) == 3 * len(read_estimates(release / "estimates.csv"))
    assert report.largest_difference < 1e-10
    assert report.printed == 12
    assert "verified" in report.to_text()


def test_a_changed_file_is_named_with_both_hashes(release):
    changed = {"panel.parquet", "checks.json", "report/index.html", "lineage/prov.json", "tables/table2.md", "study.yaml"}
    for name in changed:
        with (release / name).open("ab") as handle:
            handle.write(b" \x00")
    with pytest.raises(VerifyMismatch, match=r"panel\.parquet") as caught:
        verify(release)
    files = {m.where: m for m in caught.value.report.mismatches if m.kind == "file"}
    assert set(files) == changed
    assert all(
        m.found.startswith("sha256") and m.expected.startswith("sha256") and m.found != m.expected for m in files.values()
    )
    assert caught.value.exit_code == 4


def test_what_a_damaged_file_makes_impossible_is_said(release):
    (release / "panel.parquet").write_bytes(b"broken")
    report = inspect_release(release)
    assert [why for name, why in report.not_reestimated if name == "recompute coefficients" and "panel.parquet" in why]
    assert not report.reestimated


def test_a_missing_and_an_extra_file_are_named(release):
    (release / "quarantine.csv").unlink()
    (release / "extra.csv").write_text("a\n", encoding="utf-8")
    found = _found(release)
    assert found["quarantine.csv"].found == "no file"
    assert "does not list" in found["extra.csv"].found


def test_every_alteration_is_named_even_if_the_manifest_was_made_to_agree(release):
    refitted = [("did", "estimate"), ("gov", "std_error"), ("_cons", "estimate")]
    followed = [("lnpgdp", c) for c in ("t_stat", "p_value", "conf_low", "conf_high")]
    for term, column in refitted:
        _alter_estimate(release, term, column, lambda x: x * 1.0001)
    for term, column in followed:
        _alter_estimate(release, term, column, lambda x: x + 0.01)
    _alter_estimate(release, "did", "stars", lambda x: "***")
    _alter_twin(release)
    _alter_panel(release, "er")
    table = release / "tables" / "table2.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("14", "15", 1), encoding="utf-8")
    _reseal(release)

    found = _found(release)
    for term, column in refitted:
        assert "re-estimated" in found[f"table2:2:{term} {column}"].expected
    for term, column in followed:
        assert "follows from the row" in found[f"table2:2:{term} {column}"].expected
    assert found["table2:2:did stars"].found == "'***'"
    assert "table2:1:did estimate in estimates.parquet" in found
    assert "in panel.parquet" in found["panel:370100:2015:er"].found
    assert "line" in found["tables/table2.csv"].found
    untouched = [
        w for w in found if w.startswith(("table2:1p", "table2:2p", "table2:2:internet")) or w.endswith((".json", "gov"))
    ]
    assert untouched == []


def test_a_p_value_that_two_files_state_differently_is_named(release):
    rows = [
        {"table": "table2", "column": "2", "term": "did", "method": method, "p_value": 0.25}
        for method in ("cv3", "wcr:rademacher", "ri:t", "ri:beta")
    ]
    write_csv(inference_frame(rows), release / "inference.csv")
    _alter_estimate(release, "did", "p_wcr", lambda _: 0.25)
    _alter_estimate(release, "did", "p_ri_beta", lambda _: 0.5)
    _reseal(release)
    found = _found(release)
    assert found["table2:2:did p_ri_t"].expected == "0.25, method ri:t of inference.csv"
    assert found["table2:2:did p_ri_beta"].found == "0.5"
    assert "table2:2:did p_wcr" not in found and not [w for w in found if w.startswith("table2:1:did p_")]


def test_an_altered_input_hash_does_not_give_the_id(release):
    file = release / "manifest.json"
    body = json.loads(file.read_text(encoding="utf-8"))
    body["inputs"][0]["sha256"] = "0" * 64
    file.write_text(json.dumps(body), encoding="utf-8")
    assert "manifest.json: id" in _found(release)


def test_a_folder_that_is_no_release_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match=r"manifest\.json"):
        verify(tmp_path)


def test_a_manifest_that_is_not_json_is_a_mismatch(release):
    (release / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(VerifyMismatch, match="not JSON"):
        verify(release)


def test_a_copy_under_another_name_is_the_same_release(released, tmp_path):
    copy = shutil.copytree((released.home.releases / "latest").resolve(), tmp_path / "replication package (1)")
    assert inspect_release(copy).mismatches == []
