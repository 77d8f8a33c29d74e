"""Inputs, records, study, code, packages and seeds: what was planted is found, old beside new, and nothing else."""

from __future__ import annotations

import copy

import yaml
from altered import state, write_table

from citycarbon.release import manifest as manifests
from citycarbon.release.diff_bundle import open_bundle
from citycarbon.release.diff_made_of import compare_code, compare_inputs, compare_packages, compare_seeds, compare_study


def restate(release, change):
    body = copy.deepcopy(manifests.read_manifest(release))
    change(body)
    state(release, **body)


def test_files_added_removed_and_changed(release, new):
    def change(body):
        body["inputs"][0] |= {"sha256": "a" * 64, "bytes": 7}
        body["inputs"][1]["edition"] = "2024"

    restate(new, change)
    inputs = compare_inputs(open_bundle(release), open_bundle(new))
    before = manifests.read_manifest(release)["inputs"]
    (changed,) = inputs["changed"]
    assert (changed["source"], changed["edition"], changed["file"]) == ("chen_county", "2022", "county.xlsx")
    assert changed["sha256"] == {"old": before[0]["sha256"], "new": "a" * 64}
    assert changed["bytes"] == {"old": before[0]["bytes"], "new": 7}
    assert [(f["source"], f["edition"], f["file"]) for f in inputs["added"]] == [("compiled_city", "2024", "controls.csv")]
    assert inputs["removed"][0]["edition"] == "2023" and inputs["removed"][0]["sha256"] == before[1]["sha256"]
    assert inputs["same"] == 0


def test_a_record_is_compared_field_by_field(release, new):
    restate(new, lambda body: body["records"][0].update(licence="CC BY 4.0", citation="Somebody (2024)", sha256="b" * 64))
    (changed,) = compare_inputs(open_bundle(release), open_bundle(new))["records"]["changed"]
    assert (changed["source"], changed["edition"], sorted(changed["fields"])) == (
        "chen_county",
        "2022",
        ["citation", "licence"],
    )
    assert changed["fields"]["licence"]["new"] == "CC BY 4.0"


def test_the_study_is_compared_by_path_with_columns_by_their_id(release, new):
    spec = yaml.safe_load((release / "study.yaml").read_text(encoding="utf-8"))
    columns = spec["tables"]["table2"]["columns"]
    columns[1]["controls"] = [c for c in columns[1]["controls"] if c != "gov"]
    columns.insert(0, {**columns[0], "id": "0"})
    spec["window"]["last"] = 2020
    write_table(new, "study.yaml", yaml.safe_dump(spec, allow_unicode=True))
    differences = {
        d["path"]: (d["old"], d["new"]) for d in compare_study(open_bundle(release), open_bundle(new))["differences"]
    }
    assert differences.pop("window.last") == (2021, 2020)
    old, short = differences.pop("tables.table2.columns.2.controls")
    assert set(old) - set(short) == {"gov"}
    assert differences and all(path.startswith("tables.table2.columns.0.") for path in differences)


def test_a_comment_in_the_study_is_told_as_bytes_alone(release, new):
    def change(body):
        body["identity"]["study_files"]["studies/ai_pilot/study.yaml"] = "c" * 64

    restate(new, change)
    study = compare_study(open_bundle(release), open_bundle(new))
    assert study["differences"] == [] and study["files"][0]["new"] == "c" * 64


def test_code_and_packages(release, new):
    def change(body):
        body["code"]["version"] = "d" * 64
        body["python"], body["lock_sha256"] = "3.99.0", "e" * 64
        body["packages"]["pandas"] = "99"
        body["packages"]["newcomer"] = "1.0"
        del body["packages"]["scipy"]

    restate(new, change)
    bundles = open_bundle(release), open_bundle(new)
    code = compare_code(*bundles)
    assert {"code_version", "python", "lock_sha256"} == code.keys()
    assert code["python"]["new"] == "3.99.0"
    packages = {p["package"]: (p["old"] is None, p["new"]) for p in compare_packages(*bundles)}
    assert packages == {"newcomer": (True, "1.0"), "pandas": (False, "99"), "scipy": (False, None)}


CORRECTIONS, ADOPTIONS = "seeds/corrections.csv", "seeds/policy_adoptions.csv"


def test_rows_of_the_seeds_are_compared_by_what_names_them(release, new):
    for bundle in (release, new):
        write_table(bundle, CORRECTIONS, "correction_id,factor,status\na,0.1,active\nb,10,active\n")
        write_table(bundle, ADOPTIONS, "policy,batch,row_type,raw_name,city_zh,year\nP,1,announced,x,甲市,2019\n")
    write_table(new, CORRECTIONS, "correction_id,factor,status\na,0.1,withdrawn\nc,0.01,active\n")
    write_table(new, ADOPTIONS, (new / ADOPTIONS).read_text(encoding="utf-8") + "P,2,announced,y,乙市,2021\n")
    rows = compare_seeds(open_bundle(release), open_bundle(new))["rows"]
    corrections = rows["corrections.csv"]
    assert [r["correction_id"] for r in corrections["added"]] == ["c"]
    assert [r["correction_id"] for r in corrections["removed"]] == ["b"]
    assert corrections["changed"] == [{"correction_id": "a", "fields": {"status": {"old": "active", "new": "withdrawn"}}}]
    assert [r["city_zh"] for r in rows["policy_adoptions.csv"]["added"]] == ["乙市"]


def test_rows_of_a_seed_that_nothing_tells_apart_are_added_and_removed_whole(release, new):
    for bundle, factor in ((release, "1"), (new, "2")):
        write_table(bundle, CORRECTIONS, f"correction_id,factor\na,0.1\na,{factor}\n")
    rows = compare_seeds(open_bundle(release), open_bundle(new))["rows"]["corrections.csv"]
    assert rows == {
        "added": [{"correction_id": "a", "factor": "2"}],
        "removed": [{"correction_id": "a", "factor": "1"}],
        "changed": [],
    }
