"""``make bench``: its names are those of the goals, each line is one figure, missing peers stop nothing. Never a time."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest

from benchmarks import __main__ as bench
from benchmarks import cells_bench, curve_bench, placebo_bench, run_bench, wild_bench
from benchmarks.goals import GOALS
from benchmarks.measure import Figure, Group, Settings, Unavailable, attempt, interleaved, small, versioned
from benchmarks.simulated import FULL, SMALL, UNIT, YEAR, first_years, panel
from benchmarks.table import BEGIN, END, markdown, measured, plain, with_table

GROUPS = [g for m in (placebo_bench, wild_bench, curve_bench, cells_bench, run_bench) for g in m.GROUPS]
FAST = ["engine_error_beta", "engine_error_t", "wcr_error_t", "placebo_99999_mib", "placebo_beta_99999_seconds"]


def test_every_goal_is_measured_by_one_group():
    names = [name for group in GROUPS for name in group.names]
    assert sorted(names) == sorted(GOALS)


def test_goals_are_bounds_of_their_side():
    assert GOALS["placebo_500_vs_pyfixest"].met(300) and not GOALS["placebo_500_vs_pyfixest"].met(299.9)
    assert GOALS["placebo_99999_seconds"].met(1.0) and not GOALS["placebo_99999_seconds"].met(1.01)
    assert GOALS["placebo_500_vs_panelols"].bound(700) == "≥ 700" and GOALS["engine_error_t"].bound(None) == "-"
    assert all(g.aim is None or (g.aim > g.must) == g.at_least for g in GOALS.values())


def test_a_run_writes_one_object_a_line_in_the_order_of_the_goals(tmp_path, capsys):
    file = tmp_path / "bench.json"
    assert bench.main(["--small", "--only", ",".join(FAST), "--json", str(file)]) == 0
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [r["name"] for r in rows] == [name for name in GOALS if name in FAST]
    for row in rows:
        assert list(row) == [f.name for f in fields(Figure)] == ["name", "value", "unit", "peer", "ratio", "n", "note"]
        assert row["unit"] == GOALS[row["name"]].unit
        assert row["value"] > 0 and row["n"] >= 1 and row["note"]
    out = capsys.readouterr()
    assert all(name in out.out for name in FAST) and "placebo" in out.err


def test_a_missing_package_costs_its_figure_only(monkeypatch, tmp_path):
    def missing(settings):
        raise Unavailable("there is no such package")

    def half(settings):
        return [Figure("engine_error_beta", 0.5, "log points")]

    groups = (Group(("wcr_error_t",), missing), Group(("engine_error_beta", "engine_error_t"), half))
    monkeypatch.setattr(placebo_bench, "GROUPS", groups)
    monkeypatch.setattr(wild_bench, "GROUPS", ())
    found, broken = bench.measure_all(small(wanted=frozenset({"wcr_error_t", "engine_error_beta", "engine_error_t"})))
    assert broken == []
    assert [(f.name, f.value, f.note) for f in found] == [
        ("engine_error_beta", 0.5, ""),
        ("engine_error_t", None, "not measured"),
        ("wcr_error_t", None, "there is no such package"),
    ]
    with pytest.raises(Unavailable, match="no-such-package is not installed"):
        versioned("no-such-package")


def test_a_bug_is_exit_code_1_and_the_rest_goes_on(monkeypatch, capsys):
    def broken(settings):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(placebo_bench, "GROUPS", (Group(("placebo_99999_mib",), broken),))
    assert bench.main(["--small", "--only", "placebo_99999_mib,wcr_error_t"]) == 1
    out = capsys.readouterr().out
    assert "broken: ZeroDivisionError" in out and "wcr_error_t" in out


def test_a_process_that_fails_is_told_with_its_last_words():
    with pytest.raises(Unavailable, match="ended with 2: .*none"):
        run_bench.timed(*run_bench.COMMAND, "run", "--study", "none")


@pytest.mark.parametrize("wrong", [["--only", "no_such"], ["--repeat", "0"], ["--markdown", "no/such.md"]])
def test_a_wrong_call_is_exit_code_2(wrong, capsys):
    with pytest.raises(SystemExit) as ended:
        bench.main(wrong)
    assert ended.value.code == 2


def test_the_environment_is_one_thread_and_nothing_tuned():
    found = bench.clean_environment({"OPENBLAS_CORETYPE": "x", "OPENBLAS_L2_SIZE": "1", "PATH": "p", "OMP_NUM_THREADS": "8"})
    assert found == {"PATH": "p", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    assert bench.clean_environment(found) == found  # started again once, not for ever


def test_the_simulated_panel_is_the_one_of_the_table():
    rows = panel(FULL)
    assert len(rows) == 3017 and rows[UNIT].nunique() == 220 and (rows[YEAR].min(), rows[YEAR].max()) == (2003, 2021)
    assert sorted(first_years(rows).values()) == [2019] * 4 + [2021] * 5
    assert rows["did"].sum() == 4 * 3 + 5  # no treated row is missing
    assert rows.groupby(UNIT).size().min() >= 2 and rows.groupby(YEAR).size().min() >= 2 and not rows.isna().any(axis=None)
    assert rows.equals(panel(FULL)) and not rows["y"].equals(panel(FULL, seed=2)["y"])


def test_the_loops_of_the_peers_estimate_what_the_engine_does():
    case = placebo_bench.Case.of(SMALL)
    ours = placebo_bench.all_in(case.rows, case.controls, 6)
    treatments = case.treatments(6)
    np.testing.assert_allclose(placebo_bench.feols_loop(case)(treatments), ours, rtol=1e-6)
    n, k, counted = len(case.rows), 1 + len(case.controls), 1 + len(case.controls) + 10  # year effects and the constant
    groups, levels = case.rows[UNIT].nunique(), case.rows[UNIT].nunique() + 9
    wider = np.sqrt((n - counted) / (n - k - levels) * (groups - 1) / groups * n / (n - 1))
    np.testing.assert_allclose(placebo_bench.panelols_loop(case)(treatments) * wider, ours, rtol=1e-9)


def test_repetitions_are_interleaved_and_the_median_is_taken(monkeypatch):
    from benchmarks import measure

    clock, order = iter([0, 1, 1, 11, 20, 25, 30, 31, 40, 42, 50, 53]), []
    monkeypatch.setattr(measure.time, "perf_counter", lambda: next(clock))
    found = interleaved({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3)
    assert order == ["a", "b"] * 3 and found == {"a": 2, "b": 3}


def test_a_recorded_figure_is_told_with_its_machine(tmp_path):
    path = tmp_path / "recorded.json"
    missing = attempt("cells_30m_vs_pyfixest", "times", lambda: cells_bench.recorded(path))
    assert missing.value is None and "not recorded yet" in missing.note
    figure = Figure("cells_30m_vs_pyfixest", 12.5, "times", "pyfixest 1", 12.5, 1, "fit 9 s")
    cells_bench.record(figure, path)
    kept = cells_bench.recorded(path)
    assert replace(kept, note="") == replace(figure, note="") and kept.note.startswith("recorded on ")
    assert kept.note.endswith(": fit 9 s") and "Python" in kept.note


def test_the_figure_that_is_recorded_here_keeps_its_bound():
    kept = cells_bench.recorded()
    assert GOALS[kept.name].met(kept.value) and kept.peer.startswith("pyfixest ")


def test_tables_have_a_row_a_figure_and_a_dash_for_none():
    figures = [
        Figure("placebo_500_vs_pyfixest", 463.7, "times", "pyfixest 0.60", 463.7, 3, "all | of them"),
        Figure("placebo_99999_seconds", 1.234, "s", n=5),
        Figure("curve_1000_seconds", None, "s", note="not here"),
    ]
    assert [measured(f) for f in figures] == ["464×", "1.23 s", "-"]
    text = plain(figures)
    assert "464×" in text and "  ok" in text and "  missed" in text and "not here" in text
    table = markdown(figures)
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert len(rows) == 3 and "all \\| of them" in rows[0] and "median of 3" in rows[0] and "| - |" in rows[2]
    assert with_table(f"a\n{BEGIN}\nold\n{END}\nb\n", table) == f"a\n{BEGIN}\n{table}\n{END}\nb\n"
    with pytest.raises(ValueError, match="no place"):
        with_table("nothing", table)


def test_the_curve_has_a_sample_a_series():
    mart = curve_bench.curve_panel(SMALL)
    assert int(mart["in_sample"].sum()) == SMALL.rows and len(mart) == SMALL.cities * 10
    gaps = mart[[c for c in mart if c.startswith("co2_mt")]].isna()
    assert gaps.any().all() and len(gaps.T.drop_duplicates()) == gaps.shape[1]


@pytest.mark.slow
def test_every_figure_beside_the_runs_can_be_taken():
    runs = {name for group in run_bench.GROUPS for name in group.names}
    found, broken = bench.measure_all(small(wanted=frozenset(set(GOALS) - runs)))
    assert broken == [] and [f.name for f in found] == [name for name in GOALS if name not in runs]
    assert {f.name for f in found if f.value is None} <= {"wcr_9999_vs_pyfixest", "cells_30m_seconds", "cells_30m_gib"}


def test_the_defaults_are_those_of_the_published_table():
    s = Settings()
    assert (s.repeat, s.repeat_long, s.few_draws, s.many_draws, s.wild_draws) == (5, 3, 500, 99_999, 9_999)
    assert s.refits >= 200 and s.shape == FULL and s.wants("anything")
