"""From trials to the table: Monte Carlo errors, bounds, files, what is kept between runs, and the table in the docs."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from benchmarks import recovery
from benchmarks.fingerprint import fingerprint
from benchmarks.recovery_summary import FULL, LABELS, frame, markdown, share_limit, summarise
from benchmarks.recovery_trials import ALL_CITIES, PANELS_PER_BLOCK, SCENARIOS, SPLITS, Trial


def trials(scenario="constant_effect", quantity="main", panels=4000, bias=0.0, rejected=0.05, by_t=0.11):
    """Errors that alternate around ``bias``; exact shares of rejections."""
    few = [i < round(rejected * panels) for i in range(panels)]
    more = [i < round(by_t * panels) for i in range(panels)]
    return [
        Trial(scenario, quantity, i, -0.3, bias + 0.05 * (-1) ** i, 0.05 if few[i] else 0.051, 0.01 if more[i] else 0.5)
        for i in range(panels)
    ]


def test_a_mean_and_its_error_over_blocks():
    rng = np.random.default_rng(3)
    found = [Trial("constant_effect", "main", i, -0.3, e, 0.5, 0.5) for i, e in enumerate(rng.normal(0.1, 1, 100))]
    figure = summarise(found[::-1])[0]
    means = np.array([t.error for t in found]).reshape(4, PANELS_PER_BLOCK).mean(axis=1)
    assert figure.mean_error == pytest.approx(means.mean())
    assert figure.mc_se == pytest.approx(means.std(ddof=1) / 2)
    assert figure.z == pytest.approx(figure.mean_error / figure.mc_se)
    assert (figure.panels, figure.coverage_ri, figure.reject_clustered) == (100, 1.0, 0.0)


@pytest.mark.parametrize(("rejected", "met"), [(0.0390, True), (0.0610, True), (0.0387, False), (0.0613, False)])
def test_coverage_of_a_full_run_is_bounded_as_stated(rejected, met):
    figure = summarise(trials(rejected=rejected))[0]
    assert figure.within is met and "93.9 to 96.1 %" in figure.bound
    size = summarise(trials("no_effect", rejected=rejected))[0]
    assert size.within is met and "3.9 to 6.1 %" in size.bound


def test_the_clustered_test_must_reject_more_often():
    assert summarise(trials("no_effect", by_t=0.049))[0].within is False


def test_bias_is_bounded_by_its_monte_carlo_error():
    """Blocks of 25 alternating errors of 0.05 have means of 0.002: a bias of 0.0006 is seen, one of 0.0001 is not."""
    assert summarise(trials(bias=0.0006))[0].within is False
    assert summarise(trials(bias=0.0001))[0].within is True
    assert summarise(trials(quantity="technology_difference", bias=0.0006, rejected=0.2))[0].within is False
    assert summarise(trials(quantity="technology_difference", rejected=0.2))[0].within is True


def test_fewer_panels_have_wider_bounds_and_other_scenarios_none():
    assert share_limit(FULL) == share_limit(10 * FULL) == pytest.approx(0.011)
    assert share_limit(1000) == pytest.approx(0.022)
    for scenario, quantity in (("real_pilots", "main"), ("no_effect", ALL_CITIES)):
        figure = summarise(trials(scenario, quantity, panels=100))[0]
        assert figure.within is None and figure.bound == ""


def test_a_trial_without_a_p_value_is_refused():
    with pytest.raises(ValueError, match="no_effect, main: a trial without"):
        summarise([*trials("no_effect", panels=50), Trial("no_effect", "main", 50, 0.0, 0.1, float("nan"), 0.5)])


def test_table_and_file_have_a_row_for_each_figure():
    figures = summarise(trials() + trials(quantity="er", rejected=0.2) + trials("no_effect"))
    text = markdown(figures)
    assert text.count("| yes |") == 2 and text.count("| NO |") == 1
    assert "covered by RI" in text and "rejected by RI" in text
    assert all(line.count("|") == 9 for line in text.splitlines() if line.startswith("|"))
    assert list(frame(figures)["quantity"]) == ["main", "er", "main"]


def test_the_fingerprint_sees_code_and_nothing_else(tmp_path):
    def of(text):
        (tmp_path / "a.py").write_text(text, encoding="utf-8")
        return fingerprint(["a.py"], tmp_path)

    base = of('"""What."""\ndef f(x):\n    """Why."""\n    return x + 1\n')
    assert of('"""Other."""\n\n\ndef f(x):  # remark\n    return (x + 1)\n') == base
    assert of('"""What."""\ndef f(x):\n    """Why."""\n    return x + 2\n') != base


def test_all_code_behind_the_figures_is_in_the_fingerprint():
    assert all((recovery.PROJECT_ROOT / name).is_file() for name in recovery.CODE)
    assert len(fingerprint(recovery.CODE)) == 16


@pytest.fixture
def counted(monkeypatch):
    """Trials without a simulation; which blocks were computed."""
    computed = []

    def fake(scenario, block, panels):
        computed.append(block)
        return [Trial(scenario.name, "main", i, 0.0, 0.1 * i, 0.5, 0.5) for i in panels]

    monkeypatch.setattr(recovery, "run_block", fake)
    return computed


def test_an_interrupted_run_goes_on_where_it_was(counted, tmp_path, capsys):
    scenario, panels = SCENARIOS["real_pilots"], 3 * PANELS_PER_BLOCK + 5
    whole = recovery.run_scenario(scenario, panels, tmp_path / "whole")
    assert counted == [0, 1, 2, 3] and [t.panel for t in whole] == list(range(panels))
    file = tmp_path / "cut" / "real_pilots.jsonl"
    file.parent.mkdir()
    lines = (tmp_path / "whole" / "real_pilots.jsonl").read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join([lines[2], lines[0], lines[1][:40]]), encoding="utf-8")
    counted.clear()
    assert recovery.run_scenario(scenario, panels, file.parent) == whole
    assert counted == [1, 3]
    counted.clear()
    assert recovery.run_scenario(scenario, panels, file.parent) == whole and counted == []
    assert recovery.run_scenario(scenario, panels + 1, file.parent)[-1].panel == panels and counted == [3]
    assert f"real_pilots: {panels} of {panels} panels" in capsys.readouterr().err


def test_the_command_writes_both_files_and_says_what_misses(counted, tmp_path, capsys):
    files = ["--csv", str(tmp_path / "r.csv"), "--json", str(tmp_path / "r.json"), "--work", str(tmp_path)]
    assert recovery.main(["--panels", "60", "--scenario", "heterogeneous", *files]) == 0
    assert "every bound is met" in capsys.readouterr().out
    rows = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    header, line = (tmp_path / "r.csv").read_text(encoding="utf-8").splitlines()
    assert header.split(",") == list(rows[0]) and float(line.split(",")[5]) == rows[0]["mean_error"]
    assert recovery.main(["--panels", "60", "--scenario", "no_effect", *files]) == 1
    assert "misses its bound: no_effect main" in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong", [["--panels", "0"], ["--panels", "x"], ["--scenario", "none"], ["--docs", "--panels", "400"], ["--workers", "-1"]]
)
def test_bad_options_end_with_2_and_a_sentence(wrong, capsys):
    with pytest.raises(SystemExit) as stop:
        recovery.main(wrong)
    assert stop.value.code == 2 and "error:" in capsys.readouterr().err


def test_the_table_goes_between_its_markers():
    text = f"before\n{recovery.BEGIN}\nold\n{recovery.END}\nafter\n"
    new = recovery.with_table(text, "| new |", "probe")
    assert new == f"before\n{recovery.BEGIN}\n| new |\n\nprobe\n{recovery.END}\nafter\n"
    with pytest.raises(ValueError, match="no markers"):
        recovery.with_table("nothing", "x", "y")


def test_the_first_trials_tell_whether_a_table_is_of_this_code():
    found = [Trial("no_effect", "main", i, 0.0, -0.0123456789012, 0.123, 1.5e-7) for i in range(3)]
    text = recovery.with_table(f"{recovery.BEGIN}{recovery.END}", "| table |", recovery.probe_text(found))
    assert recovery.check(text, found[:1]).startswith("the recovery table")
    nearly = Trial("no_effect", "main", 0, 0.0, -0.0123456789, 0.123, 1.5e-7)
    assert recovery.check(text, [nearly]).startswith("the recovery table")
    other = Trial("no_effect", "main", 0, 0.0, -0.0123466, 0.123, 1.5e-7)
    for now in ([other], [], [*found[:1], Trial("real_pilots", "main", 0, 0.0, 0.1, 0.5, 0.5)]):
        assert recovery.check(text, now).startswith("warning: ") and "make recovery" in recovery.check(text, now)
    assert recovery.check("no table", found[:1]).startswith("warning: ")


def test_methods_shows_a_full_run_in_which_every_bound_is_met():
    """That the numbers are of the code as it is: test_recovery_size.py."""
    text = recovery.METHODS.read_text(encoding="utf-8")
    table = text.partition(recovery.BEGIN)[2].partition(recovery.PROBE_BEGIN)[0]
    panels = [int(n.replace(",", "")) for n in re.findall(r"`: ([\d,]+) panels", table)]
    assert len(panels) == len(SCENARIOS) and min(panels) >= FULL
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("| ")]
    verdicts = [r[-1] for r in rows if r[-1] != "met"]
    bounded = 3 + 3 * len(SPLITS) + 1
    assert verdicts.count("yes") == bounded and "NO" not in verdicts and len(verdicts) == bounded + 5
    assert {r[0] for r in rows if r[-1] != "met"} == set(LABELS.values())
