"""The small jobs of the UI give the answers of the command line."""

from __future__ import annotations

import pytest

from citycarbon.paths import Home


def run(name, op, **config):
    from orchestration.desk import DESK_JOBS

    jobs = {job.name: job for job in DESK_JOBS}
    return jobs[name].execute_in_process(run_config={"ops": {op: {"config": config}}}, raise_on_error=False)


def test_an_edition_added_in_the_ui_is_listed_there(tmp_path, manifest, lock_in_step):
    file = tmp_path / "list.csv"
    file.write_text("city,year\n甲市,2019\n", encoding="utf-8")
    home = Home(tmp_path / "home")
    drop = {"source": "policy_list", "files": [str(file)], "edition": "2024"}
    added = run("add", "add_edition", home=str(home.root), **drop)
    assert added.success and (home.landing / "policy_list" / "2024" / "_SUCCESS").exists()
    again = run("add", "add_edition", home=str(home.root), **drop)
    assert again.success and "nothing was added" in again.output_for_node("add_edition")
    listed = run("sources", "list_sources", home=str(home.root))
    line = next(x for x in listed.output_for_node("list_sources").splitlines() if x.startswith("policy_list"))
    assert "2024" in line and "complete" in line
    assert run("doctor", "examine_home", home=str(home.root)).success
    (home.landing / "policy_list" / "2024" / "list.csv").write_text("changed")
    assert not run("doctor", "examine_home", home=str(home.root)).success


@pytest.mark.pipeline
def test_a_number_is_traced_and_a_release_verified(pipeline):
    home = str(pipeline.home.root)
    traced = run("trace", "trace_number", home=home, target="table2:2:did")
    assert traced.success and "table2:2:did" in traced.output_for_node("trace_number")
    assert not run("trace", "trace_number", home=home, target="table2:2:no_such_term").success
    compared = run("diff", "compare_releases", home=home)
    assert compared.success and "none before it" in compared.output_for_node("compare_releases")
    assert not run("diff", "compare_releases", home=home, old="no_such_release").success
    verified = run("verify", "verify_release", home=home)
    assert verified.success and "verified" in verified.output_for_node("verify_release")
