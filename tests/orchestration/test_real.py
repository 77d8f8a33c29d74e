"""``make real`` as a whole: the real files through readers, gate and the study that they can carry."""

from __future__ import annotations

import pytest

from citycarbon.paths import Home
from orchestration.real import as_text, run_real

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("real-run")]  # one worker: the run is made once


@pytest.fixture(scope="module")
def found(realdata, tmp_path_factory):
    return run_real(realdata, Home(tmp_path_factory.mktemp("real-home")))


def test_the_readers_lose_nothing(found):
    counts = {name: (n["values"], n["places"]) for name, n in found["readers"].items()}
    assert counts["chen_county/2020"] == (57_435, 2_735)  # the three footnoted codes apart from those they would collide with
    assert counts["ceads_city/2022"][0] == 3_929
    assert counts["edgar_city/edgar-v8"] == (295 * 24, 295)
    assert counts["policy_list/gbk-csv"][0] == 147


def test_the_study_gives_the_known_estimate(found):
    did = {row["column"]: row for row in found["study"]["did"]}["1"]
    assert did["estimate"] == pytest.approx(-0.13398, abs=5e-6)
    assert did["std_error"] == pytest.approx(0.02746, abs=5e-6)
    assert (did["n_obs"], did["n_clusters"], did["n_treated_cells"]) == (5_605, 295, 17)


def test_every_known_error_is_caught_by_its_check(found):
    assert {e["id"]: e["caught"] for e in found["errors"]} == {e["id"]: True for e in found["errors"]}


def test_errors_are_corrected_only_by_declaration(found):
    gone = {e["id"] for e in found["errors"] if "named_by" in e and not e["named_after_corrections"]}
    assert gone == {
        *("hainan-prefecture", "ordos", "gdp-qitaihe", "deposits-siping"),
        *("loans-yuncheng", "loans-lvliang", "loans-huaian"),
    }
    assert {"gdp-ordos-2022", "loans-yuncheng-2014", "deposits-siping-2019"} <= set(found["corrections_applied"])


def test_sixteen_jumps_of_edgar_are_listed_and_stop_nothing(found):
    jumps = next(c for c in found["checks"] if c["id"] == "co2_jump_listed")
    assert jumps == {"id": "co2_jump_listed", "severity": "warning", "passed": False, "failing": 16}


def test_the_findings_read_as_text(found):
    text = as_text(found)
    assert "did = -0.13398 (0.02746), N = 5,605" in text and "MISSED" not in text
