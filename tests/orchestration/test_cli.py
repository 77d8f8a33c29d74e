"""The command as a person meets it: its words and its exit codes. Another process where that matters, else this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.cli import main

CITYCARBON = str(Path(sys.executable).with_name("citycarbon"))


def citycarbon(*args, home, **environment):
    """Run the command; no traceback may ever reach its user."""
    done = subprocess.run(
        [CITYCARBON, *map(str, args), "--home", str(home)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture
def here(capsys):
    """The same command in this process: quarter of a second less each."""

    def run(*args, home):
        try:
            code = main([*map(str, args), "--home", str(home)])
        except SystemExit as end:  # argparse
            code = end.code
        said = capsys.readouterr()
        return subprocess.CompletedProcess(args, code, said.out, said.err)

    return run


@pytest.fixture
def source_file(tmp_path):
    file = tmp_path / "list.csv"
    file.write_text("city,year\n甲市,2019\n", encoding="utf-8")
    return file


def test_help_names_every_command_and_the_exit_codes():
    done = subprocess.run([CITYCARBON, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    for command in [
        "run",
        "check",
        "add",
        "refresh",
        "sources",
        "studies",
        "sample",
        "trace",
        "diff",
        "verify",
        "report",
        "doctor",
    ]:
        assert f"    {command} " in done.stdout or f"    {command}\n" in done.stdout
    assert "4 verify found a mismatch" in " ".join(done.stdout.split())


def test_a_light_command_starts_fast(tmp_path):
    """Judged by the processor's time, which another program's work does not lengthen much."""
    before = os.times()
    assert citycarbon("studies", home=tmp_path).returncode == 0
    after = os.times()
    assert after.children_user + after.children_system - before.children_user - before.children_system < 2


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["fly"], "invalid choice: 'fly'"),
        (["run", "--landing", "x", "--sample"], "not allowed with argument"),
        (["run", "--study", "no_such_study", "--sample"], "no_such_study"),
        (["check", "--landing", "{tmp}/nowhere"], "expected at least one complete drop"),
        (["add", "no_such_source", "{file}", "--edition", "2022"], "not a registered source"),
        (["add", "policy_list", "{tmp}/missing.csv", "--edition", "2022"], "There is no file"),
        (["sample"], "name the folder"),
        (["sample", "{tmp}"], "not empty"),
        (["trace", "table2"], "trace target"),
        (["verify", "no_such_release"], "no_such_release"),
        (["report"], "citycarbon run"),
    ],
)
def test_bad_usage_ends_with_2_and_one_message(args, said, tmp_path, source_file, here):
    args = [a.format(tmp=tmp_path, file=source_file) for a in args]
    done = here(*args, home=tmp_path / "home")
    assert done.returncode == 2, done.stderr
    assert said in done.stderr


def test_another_process_ends_with_the_same_code_and_words(tmp_path, here):
    args = ("add", "no_such_source", tmp_path / "list.csv", "--edition", "2022")
    done, same = citycarbon(*args, home=tmp_path / "home"), here(*args, home=tmp_path / "home")
    assert (done.returncode, done.stdout, done.stderr) == (same.returncode, same.stdout, same.stderr)
    assert done.returncode == 2 and done.stderr.count("\n") == 1


def test_a_drop_that_was_added_is_listed_and_the_same_bytes_again_add_nothing(tmp_path, source_file, here):
    add = ["add", "policy_list", source_file, "--edition", "2024", "--producer", "somebody"]
    done = here(*add, home=tmp_path / "home")
    assert done.returncode == 0 and "policy_list/2024 is complete" in done.stdout
    listed = here("sources", home=tmp_path / "home")
    line = next(line for line in listed.stdout.splitlines() if line.startswith("policy_list"))
    assert "2024" in line and "complete" in line
    again = here(*add, home=tmp_path / "home")
    assert again.returncode == 0 and "nothing was added" in again.stdout and not again.stderr
    source_file.write_text("city,year\n乙市,2019\n", encoding="utf-8")
    assert here(*add, home=tmp_path / "home").returncode == 2


def test_a_text_that_calls_itself_a_workbook_is_refused_at_once(tmp_path, here):
    (tmp_path / "list.xlsx").write_text("city,year\n甲市,2019\n", encoding="utf-8")
    done = here("add", "policy_list", tmp_path / "list.xlsx", "--edition", "2024", home=tmp_path / "home")
    assert done.returncode == 2
    assert "policy_list/2024/list.xlsx: found" in done.stderr and "expected a workbook" in done.stderr
    assert "policy_list/2024" not in done.stdout
    assert [p for p in (tmp_path / "home" / "landing").rglob("*") if p.is_file()] == []


def test_a_half_written_drop_is_listed_as_ignored(tmp_path, here):
    drop = tmp_path / "home" / "landing" / "patents" / "2023"
    drop.mkdir(parents=True)
    (drop / "part.xlsx").write_bytes(b"PK")
    listed = here("sources", home=tmp_path / "home")
    assert listed.returncode == 0 and "no_marker" in listed.stdout


def test_doctor_ends_with_2_on_a_finding_and_0_without(tmp_path, source_file, here, lock_in_step):
    home = tmp_path / "home"
    assert here("doctor", home=home).returncode == 0
    assert here("add", "policy_list", source_file, "--edition", "2024", home=home).returncode == 0
    (home / "landing" / "policy_list" / "2024" / "list.csv").write_text("changed")
    done = here("doctor", home=home)
    assert done.returncode == 2
    assert [line for line in done.stdout.splitlines() if line.startswith("FIND")][0].startswith(
        "FIND  landing: policy_list/2024"
    )


def test_traps_are_listed_tab_separated(tmp_path, here):
    done = here("sample", "--list-traps", home=tmp_path)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(rows) >= 30
    assert all(len(row) == 4 and row[1] in "0234" and row[2] and row[3] for row in rows)
    assert all(row[0].replace("_", "").isalnum() and row[0].islower() for row in rows)
    assert len({row[0] for row in rows}) == len(rows)


def test_home_may_stand_before_or_after_the_command(tmp_path, capsys):
    main(["--home", str(tmp_path / "h"), "doctor"])
    assert str(tmp_path / "h") in capsys.readouterr().out


def test_refresh_of_an_empty_landing_does_nothing_and_says_so(tmp_path, here):
    done = here("refresh", "--once", home=tmp_path)
    assert done.returncode == 0
    assert "no complete drop" in done.stdout
    assert not (tmp_path / "dagster").exists()


def test_another_writer_is_named(tmp_path, source_file, here):
    code = (
        "import sys,time;from orchestration.lock import home_lock;from citycarbon.paths import Home;from pathlib import Path\n"
    )
    code += f"with home_lock(Home(Path({str(tmp_path / 'home')!r})), 'citycarbon run'):\n print(1, flush=True); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    holder.stdout.readline()
    try:
        done = here("add", "policy_list", source_file, "--edition", "2024", home=tmp_path / "home")
    finally:
        holder.terminate()
        holder.wait()
    assert done.returncode == 2
    assert "'citycarbon run' (process" in done.stderr


@pytest.mark.pipeline
def test_run_prints_headline_gate_release_and_report(pipeline):
    with pipeline.alone():
        done = citycarbon("run", "--landing", pipeline.landing, home=pipeline.home.root)
    assert done.returncode == 0, done.stderr
    assert "Nothing has changed since release" in done.stdout
    assert "SYNTHETIC" in done.stdout
    assert (
        "table2: effect of the policy on lnco2 (Mt)" in done.stdout and "***" in done.stdout and "RI pending" not in done.stdout
    )
    assert " checks (" in done.stdout and "keys_unique" in done.stdout
    assert str(pipeline.release) in done.stdout
    assert Path(next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("Report"))).is_file()


@pytest.mark.pipeline
def test_sources_list_what_the_last_run_read_and_say_so(pipeline):
    listed = citycarbon("sources", home=pipeline.home.root)
    assert f"Landing folder {pipeline.landing} (the last run or check read it" in listed.stdout
    assert any(line.startswith("chen_county") and "complete" in line for line in listed.stdout.splitlines())


@pytest.mark.pipeline
def test_trace_gives_the_contract_as_json_and_2_for_an_unknown_target(pipeline):
    done = citycarbon("trace", "panel:370100:2015:gov", "--json", home=pipeline.home.root)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert list(found) == ["target", "value", "unit", "formula", "inputs"]
    assert all(Path(raw["path"]).is_file() for given in found["inputs"] for raw in given["raw"])
    assert citycarbon("trace", "table2:2:did", home=pipeline.home.root).returncode == 0
    unknown = citycarbon("trace", "panel:370100:2015:gob", home=pipeline.home.root)
    assert unknown.returncode == 2 and "gov" in unknown.stderr


@pytest.mark.pipeline
def test_verify_passes_on_a_release_and_ends_with_4_on_a_changed_copy(pipeline, tmp_path):
    import shutil

    assert citycarbon("verify", home=pipeline.home.root).returncode == 0
    copy = tmp_path / pipeline.release.name
    shutil.copytree(pipeline.release, copy)
    (copy / "sample_attrition.csv").write_text("changed")
    done = citycarbon("verify", copy, home=pipeline.home.root)
    assert done.returncode == 4
    assert "sample_attrition.csv" in done.stderr


@pytest.mark.pipeline
def test_report_names_the_page(pipeline):
    done = citycarbon("report", home=pipeline.home.root)
    assert done.returncode == 0
    assert Path(done.stdout.strip()).read_text(encoding="utf-8").lower().count("synthetic") > 0


@pytest.mark.pipeline
@pytest.mark.parametrize(
    ("trap", "code", "said"),
    [
        ("truncated_workbook", 2, "chen_county"),  # unusable input
        ("city_twice", 3, "duplicate_observations"),  # the gate refuses
        ("text_in_number_cell", 0, ""),  # quarantined
    ],
)
def test_check_ends_with_the_code_of_the_trap(trap, code, said, tmp_path):
    assert citycarbon("sample", tmp_path / "landing", "--trap", trap, home=tmp_path).returncode == 0
    done = citycarbon("check", "--landing", tmp_path / "landing", "--json", home=tmp_path / "home")
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert not (tmp_path / "home" / "releases").exists()
    if code == 2:
        assert "found" in done.stderr and "expected" in done.stderr
        return
    checks = {c["id"]: c for c in json.loads(done.stdout)["checks"]}
    assert {"id", "severity", "passed", "observed", "expected", "failing"} <= checks["keys_unique"].keys()
    if code == 3:
        assert not checks[said]["passed"] and checks[said]["failing"]
